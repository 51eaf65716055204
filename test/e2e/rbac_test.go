//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	rbacclient "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"sigs.k8s.io/yaml"
)

// boundIn is where the roles are bound that are not for the namespace of what is looked at; "" is the whole cluster.
var boundIn = map[string]string{"kubectl-seq-cluster": "", "kubectl-seq-node-leases": "kube-node-lease",
	"kubectl-seq-evidence": "", "kubectl-seq-map": "", "kubectl-seq-sources": "",
	"kubectl-seq-sources-system": "kube-system"}

// ownNamespace is a new one, until the test ends.
func ownNamespace(t *testing.T) string {
	t.Helper()
	c := client(t)
	ns, err := c.Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "seq-test-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Namespaces().Delete(context.Background(), ns.Name, metav1.DeleteOptions{}) })
	err = wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true,
		func(ctx context.Context) (bool, error) {
			_, err := c.ServiceAccounts(ns.Name).Get(ctx, "default", metav1.GetOptions{}) // without it no Pod can be created
			return err == nil, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	return ns.Name
}

// rbacLevel is a file of docs/rbac, and what it is for. NAME is that of objects of the run's own; made is there before.
type rbacLevel struct {
	file   string
	beside []string // files that it adds to
	made   string
	runs   []string
}

const (
	// Of each kind one that starts no container.
	oneOfEach = `
{apiVersion: apps/v1, kind: Deployment, metadata: {name: NAME}, spec: {replicas: 0, selector: {matchLabels: {a: NAME}}, template: {metadata: {labels: {a: NAME}}, spec: {containers: [{name: app, image: "busybox:1"}]}}}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: NAME}, spec: {replicas: 0, serviceName: x, selector: {matchLabels: {b: NAME}}, template: {metadata: {labels: {b: NAME}}, spec: {containers: [{name: app, image: "busybox:1"}]}}}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: NAME}, spec: {selector: {matchLabels: {c: NAME}}, template: {metadata: {labels: {c: NAME}}, spec: {nodeSelector: {no: node}, containers: [{name: app, image: "busybox:1"}]}}}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: NAME}, spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: app, image: "busybox:1"}]}}}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: NAME}, spec: {suspend: true, schedule: "@yearly", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: app, image: "busybox:1"}]}}}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: NAME}, spec: {ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: NAME}, spec: {schedulingGates: [{name: example.com/held}], containers: [{name: app, image: "busybox:1"}]}}
---
` + oneClaim
	oneClaim      = `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: NAME}, spec: {storageClassName: none, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}`
	oneReplicaSet = `
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: NAME}, spec: {replicas: 0, selector: {matchLabels: {d: NAME}}, template: {metadata: {labels: {d: NAME}}, spec: {containers: [{name: app, image: "busybox:1"}]}}}}
`
	classedPod = `
{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: NAME}, handler: runc}
---
{apiVersion: v1, kind: Service, metadata: {name: NAME}, spec: {selector: {app: NAME}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: NAME, labels: {app: NAME}}, spec: {runtimeClassName: NAME, terminationGracePeriodSeconds: 0, containers: [{name: app, image: "busybox:1", command: [sleep, "1000"]}]}}
`
	runningPod = `{apiVersion: v1, kind: Pod, metadata: {name: NAME}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: app, image: "busybox:1", command: [sleep, "1000"]}]}}`
	// A node without a kubelet, a volume that nobody makes, one that nobody attaches, and what changes a Pod in OURS.
	outside = `
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: seq-nobody}, provisioner: example.com/nobody, volumeBindingMode: WaitForFirstConsumer}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: seq-unmade, namespace: OURS}, spec: {storageClassName: seq-nobody, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: seq-unattached}, spec: {storageClassName: "", capacity: {storage: 1Mi}, accessModes: [ReadWriteOnce], claimRef: {namespace: OURS, name: seq-unattached}, csi: {driver: example.com, volumeHandle: x}}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: seq-unattached, namespace: OURS}, spec: {storageClassName: "", volumeName: seq-unattached, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}
---
{apiVersion: v1, kind: Node, metadata: {name: seq-silent}}
---
{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: seq-silent, namespace: kube-node-lease}, spec: {holderIdentity: seq-silent, leaseDurationSeconds: 40, renewTime: "2026-01-01T00:00:00.000000Z"}}
---
{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingAdmissionPolicyBinding, metadata: {name: seq-labelled}, spec: {policyName: seq-labelled}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: seq-labelled}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: OURS}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  matchConditions: [{name: ours, expression: "object.metadata.name.startsWith('cluster-')"}]
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations: [{patchType: ApplyConfiguration, applyConfiguration: {expression: "Object{metadata: Object.metadata{labels: {'changed': 'yes'}}}"}}]
`
)

var (
	base       = []string{"watch-and-show.yaml", "cluster.yaml"} // the second for the volumes of claims
	rbacLevels = []rbacLevel{
		{"create-pod.yaml", nil, "", []string{"create-pod NAME --image=busybox:1 --until=running --rm"}},
		{"watch-and-show.yaml", base[1:], oneOfEach + oneReplicaSet,
			slices.Concat([]string{"show pods/NAME", "show deployments/NAME"},
				of("watch %s/NAME --until=created", "pods", "deployments", "replicasets", "statefulsets", "daemonsets", "jobs",
					"cronjobs", "services", "persistentvolumeclaims"))},
		{"workloads.yaml", base, "", []string{"create -f FILE --until=created --rm"}},
		{"delete.yaml", base, oneOfEach + oneReplicaSet,
			of("delete %s/NAME --grace-period=1", "pods", "deployments", "replicasets", "statefulsets", "daemonsets", "jobs",
				"cronjobs", "services", "persistentvolumeclaims")},
		{"exec.yaml", base, runningPod, []string{"exec NAME -- true"}},
		{"cluster.yaml", []string{"create-pod.yaml", "watch-and-show.yaml"}, oneClaim,
			[]string{"watch persistentvolumeclaims/NAME --until=created",
				"create-pod NAME --env=asks=mutatingwebhookconfigurations --image=busybox:1 --until=running --rm",
				"create-pod -f SILENT --timeout=12s --rm", "create-pod -f UNMADE --timeout=12s --rm",
				"create-pod -f UNATTACHED --timeout=12s --rm"}},
		{"evidence.yaml", []string{"create-pod.yaml"}, "",
			[]string{"create-pod NAME --image=busybox:1 --rm --audit-log=node:/var/log/kubernetes/audit.log " +
				"--spans=node:/var/log/kubernetes/spans.jsonl"}},
		{"map.yaml", nil, classedPod, []string{"map pod/NAME", "map"}},
		{"sources.yaml", []string{"watch-and-show.yaml", "evidence.yaml"}, "", []string{"sources --wait=3s"}},
	}
)

func of(run string, kinds ...string) (all []string) {
	for _, k := range kinds {
		all = append(all, fmt.Sprintf(run, k))
	}
	return all
}

// With the roles of docs/rbac nothing is refused; without any one right of them something is.
func TestRBAC(t *testing.T) {
	t.Parallel()
	ns := ownNamespace(t)
	for _, l := range rbacLevels {
		name := strings.TrimSuffix(l.file, ".yaml")
		t.Run(name, func(t *testing.T) {
			if l.file == "cluster.yaml" {
				objects := strings.ReplaceAll(outside, "OURS", ns)
				runKubectl(t, objects, "apply", "-f", "-")
				t.Cleanup(func() { runKubectl(t, objects, "delete", "-f", "-") })
			}
			var beside []rbacv1.ClusterRole
			for _, f := range append(slices.Clone(l.beside), l.file) {
				path := filepath.Join("..", "..", "docs", "rbac", f)
				runKubectl(t, "", "apply", "-f", path)
				t.Cleanup(func() { runKubectl(t, "", "delete", "-f", path, "--ignore-not-found") })
				if f != l.file {
					beside = append(beside, rolesIn(t, path)...)
				}
			}
			roles := rolesIn(t, filepath.Join("..", "..", "docs", "rbac", l.file))
			t.Run("all", func(t *testing.T) {
				t.Parallel()
				user := name + "-all"
				grant(t, ns, user, slices.Concat(beside, roles))
				for i, r := range l.runs {
					if why := l.refused(t, ns, user, fmt.Sprintf("%s-%d", user, i), r); why != "" {
						t.Errorf("%s: %s", r, why)
					}
				}
			})
			for _, x := range singles(roles) {
				without := strings.ReplaceAll(x.verb+"-"+x.resource, "/", "-")
				t.Run(without, func(t *testing.T) {
					t.Parallel()
					user := name + "-" + without
					grant(t, ns, user, slices.Concat(beside, x.rest))
					runs := slices.Clone(l.runs) // the likeliest first
					slices.SortStableFunc(runs,
						func(a, b string) int { return strings.Count(b, x.resource) - strings.Count(a, x.resource) })
					for i, r := range runs {
						if why := l.refused(t, ns, user, fmt.Sprintf("%s-%d", user, i), r); why != "" {
							t.Logf("%s: %s", r, why)
							return
						}
					}
					t.Errorf("nothing is missing without %s of %s: the role is not the least", x.verb, x.resource)
				})
			}
		})
	}
}

// Who has one of Kubernetes' own roles in a namespace needs none of ours there.
func TestRBACOfKubernetes(t *testing.T) {
	c, err := rbacclient.NewForConfig(config(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range rbacLevels {
		own := "edit"
		if l.file == "watch-and-show.yaml" {
			own = "view"
		}
		has, err := c.ClusterRoles().Get(t.Context(), own, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, role := range rolesIn(t, filepath.Join("..", "..", "docs", "rbac", l.file)) {
			if _, elsewhere := boundIn[role.Name]; elsewhere {
				continue
			}
			for _, x := range singles([]rbacv1.ClusterRole{role}) {
				if !slices.ContainsFunc(has.Rules, func(r rbacv1.PolicyRule) bool {
					return slices.Contains(r.Verbs, x.verb) && slices.Contains(r.Resources, x.resource) &&
						slices.Contains(r.APIGroups, x.group)
				}) {
					t.Errorf("%s has no %s of %s, which %s has", own, x.verb, x.resource, role.Name)
				}
			}
		}
	}
}

var (
	refusedNode = regexp.MustCompile(`(403 Forbidden: )?(nodes|leases\.coordination\.k8s\.io) \\?"[^ ]+ ` +
		`is forbidden: .*?(at the cluster scope|in the namespace \\?"kube-node-lease\\?")`)
	aboutNode = regexp.MustCompile(`^/api/v1/nodes/|/namespaces/kube-node-lease/`)
)

// refused runs the plugin as a user, and returns what was refused by what it says or by the cluster's audit log.
func (l rbacLevel) refused(t *testing.T, ns, user, name, run string) string {
	t.Helper()
	made := strings.ReplaceAll(l.made, "NAME", name)
	if made != "" {
		runKubectl(t, made, "apply", "-n", ns, "-f", "-")
		if strings.Contains(made, "sleep") {
			runKubectl(t, "", "wait", "-n", ns, "--for=condition=Ready", "pod/"+name, "--timeout=60s")
		}
		defer runKubectl(t, made, "delete", "-n", ns, "-f", "-", "--ignore-not-found", "--wait=false")
	}
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "objects.yaml")
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "NAME", name)), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	silent := "{apiVersion: v1, kind: Pod, metadata: {name: NAME}, spec: {nodeName: seq-silent, " +
		"terminationGracePeriodSeconds: 0, tolerations: [{operator: Exists}], containers: [{name: app, image: " +
		"\"busybox:1\"}]}}"
	using := func(claim string) string {
		return "{apiVersion: v1, kind: Pod, metadata: {name: NAME}, spec: {terminationGracePeriodSeconds: 0, volumes: " +
			"[{name: data, persistentVolumeClaim: {claimName: " + claim + "}}], containers: [{name: app, image: " +
			"\"busybox:1\", volumeMounts: [{name: data, mountPath: /data}]}]}}"
	}
	args := []string{"--as=" + user, "-n", ns, "--cache-dir=" + t.TempDir()}
	noRun := strings.HasPrefix(run, "sources") || strings.HasPrefix(run, "map")
	if !noRun {
		args = append(args, "-o", "json")
	}
	for _, word := range strings.Fields(run) {
		switch word {
		case "FILE":
			word = write(oneOfEach)
		case "SILENT":
			word = write(silent)
		case "UNMADE":
			word = write(using("seq-unmade"))
		case "UNATTACHED":
			word = write(using("seq-unattached"))
		}
		if word == "--" {
			args = append(args, word)
			continue
		}
		args = append(args, strings.ReplaceAll(word, "NAME", name))
	}
	r := record(t)
	out, errOut, code := runSeq(t, args...)
	// A Pod whose start is slow makes a run ask for its node and then its Lease, which only cluster.yaml allows.
	slow := l.file != "cluster.yaml"
	for line := range strings.Lines(out + errOut) {
		if slow {
			line = refusedNode.ReplaceAllString(line, "")
		}
		if strings.HasPrefix(line, "●") && strings.Contains(line, "you may not") { // what the signs of a map mean
			continue
		}
		for _, word := range []string{"cannot ", "forbidden", "may not", "403 Forbidden", "403: your permissions"} {
			if i := strings.Index(line, word); i >= 0 {
				return line[max(0, i-100):min(len(line), i+200)]
			}
		}
	}
	for line := range bytes.Lines(r.read(t, "audit.log")) {
		var e struct {
			Verb, RequestURI string
			ImpersonatedUser struct{ Username string }
			ResponseStatus   struct{ Code int }
		}
		if json.Unmarshal(line, &e) == nil && e.ImpersonatedUser.Username == user && e.ResponseStatus.Code == 403 &&
			!(slow && aboutNode.MatchString(e.RequestURI)) {
			return "403 for " + e.Verb + " " + e.RequestURI
		}
	}
	if held := strings.Contains(run, "--timeout=12s"); code != 0 && !(held && code == 2) {
		t.Fatalf("%v: exit %d: %s", args, code, errOut)
	}
	return ""
}

func rolesIn(t *testing.T, path string) (all []rbacv1.ClusterRole) {
	t.Helper()
	for text := range strings.SplitSeq(string(dataOf(t, path)), "\n---\n") {
		var r rbacv1.ClusterRole
		if err := yaml.UnmarshalStrict([]byte(text), &r); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, r)
	}
	return all
}

// single is one right of some roles, and the roles without it.
type single struct {
	verb, group, resource string
	rest                  []rbacv1.ClusterRole
}

func singles(roles []rbacv1.ClusterRole) (all []single) {
	for i, role := range roles {
		for j, rule := range role.Rules {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					rest := slices.Clone(roles)
					rest[i].Rules = slices.Delete(slices.Clone(role.Rules), j, j+1)
					for _, r := range rule.Resources {
						verbs := slices.DeleteFunc(slices.Clone(rule.Verbs), func(v string) bool { return v == verb && r == resource })
						if len(verbs) > 0 {
							rest[i].Rules = append(rest[i].Rules,
								rbacv1.PolicyRule{APIGroups: rule.APIGroups, Resources: []string{r}, Verbs: verbs})
						}
					}
					all = append(all, single{verb, rule.APIGroups[0], resource, rest})
				}
			}
		}
	}
	return all
}

// grant gives a user the rights of roles, where they belong, until the test ends, and waits until the cluster knows.
func grant(t *testing.T, ns, user string, roles []rbacv1.ClusterRole) {
	t.Helper()
	c, err := rbacclient.NewForConfig(config(t))
	if err != nil {
		t.Fatal(err)
	}
	who, err := authorizationclient.NewForConfig(config(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range roles {
		in, elsewhere := boundIn[role.Name]
		if !elsewhere {
			in = ns
		}
		if len(role.Rules) == 0 {
			continue
		}
		meta := metav1.ObjectMeta{Name: "seq-test-" + user + "-" + role.Name}
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name}
		subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}
		_, err := c.ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: meta, Rules: role.Rules},
			metav1.CreateOptions{})
		if err == nil && in == "" {
			_, err = c.ClusterRoleBindings().Create(t.Context(),
				&rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
		} else if err == nil {
			_, err = c.RoleBindings(in).Create(t.Context(),
				&rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
		}
		t.Cleanup(func() {
			c.ClusterRoles().Delete(context.Background(), meta.Name, metav1.DeleteOptions{})
			c.ClusterRoleBindings().Delete(context.Background(), meta.Name, metav1.DeleteOptions{})
			if in != "" {
				c.RoleBindings(in).Delete(context.Background(), meta.Name, metav1.DeleteOptions{})
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		rule := role.Rules[0]
		resource, sub, _ := strings.Cut(rule.Resources[0], "/")
		err = wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true,
			func(ctx context.Context) (bool, error) {
				review, err := who.SubjectAccessReviews().Create(ctx,
					&authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user,
						ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: in, Verb: rule.Verbs[0],
							Group: rule.APIGroups[0], Resource: resource, Subresource: sub}}}, metav1.CreateOptions{})
				return err == nil && review.Status.Allowed, nil
			})
		if err != nil {
			t.Fatal(err)
		}
	}
}
