//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// runKubectl runs the cluster's own.
func runKubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := inPlace(t, exec.Command(kubectlPath(t), args...))
	if strings.HasPrefix(strings.TrimSpace(stdin), "{") && !slices.Contains(args, "--raw") {
		stdin = "---\n" + stdin // else kubectl may take it for JSON, which --raw sends as it is
	}
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %v: %v: %s", args, err, out)
	}
	return string(out)
}

// kubectlPath is KUBECTL, or the kubectl that was built with the cluster.
func kubectlPath(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("KUBECTL"); path != "" {
		return path
	}
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", processes(t, "kubelet")[0]))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(filepath.Dir(exe), "kubectl")
}

const (
	plainSpec = `{"containers": [{"name": "app", "image": "busybox:1"}]}`
	inQuota   = `{"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "counted", "namespace": ` +
		`"seq-refusals"}, "spec": {"hard": {"requests.memory": "1Gi"}}}`
	inRange = `{"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "range", "namespace": "seq-refusals"}, ` +
		`"spec": {"limits": [{"type": "Container", "max": {"memory": "1Mi"}}]}}`
	policy = `{"apiVersion": "v1", "kind": "List", "items": [
		{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
			"metadata": {"name": "no-denied"}, "spec": {
			"matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
				"resources": ["pods"]}]},
			"validations": [{"expression": "object.metadata.name != 'refusal-policy'", "message": "not that name"}]}},
		{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
			"metadata": {"name": "no-denied"}, "spec": {"policyName": "no-denied", "validationActions": ["Deny"]}}]}`
	brokenWebhook = `{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", ` +
		`"metadata": {"name": "broken"}, "webhooks": [{
		"name": "broken.example.com", "clientConfig": {"url": "https://127.0.0.1:1/"}, "sideEffects": "None",
			"admissionReviewVersions": ["v1"],
		"objectSelector": {"matchLabels": {"webhook": "broken"}},
		"rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]}]}`
)

// What the API server and its admission plugins refuse is told as such: there is no Pod.
func TestRefusals(t *testing.T) {
	t.Parallel()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "seq-refusals",
		Labels: map[string]string{"pod-security.kubernetes.io/enforce": "baseline"}}}
	if _, err := client(t).Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client(t).Namespaces().Delete(context.Background(), ns.Name, metav1.DeleteOptions{}) })
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true,
		func(ctx context.Context) (bool, error) {
			_, err := client(t).ServiceAccounts(ns.Name).Get(ctx, "default", metav1.GetOptions{})
			return err == nil, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, objects, labels, spec, args, by, words string }{
		{"quota-unspecified", inQuota, "{}", plainSpec, "", "apiserver", "counted"},
		{"limit-range", inRange, "{}",
			`{"containers": [{"name": "app", "image": "busybox:1", "resources": {"limits": {"memory": "2Mi"}}}]}`, "",
			"apiserver", "maximum memory usage"},
		{"policy", policy, "{}", plainSpec, "", "apiserver", "no-denied"},
		{"pod-security", "", "{}", `{"hostNetwork": true, "containers": [{"name": "app", "image": "busybox:1"}]}`, "",
			"apiserver", "baseline"},
		{"webhook-failed", brokenWebhook, `{"webhook": "broken"}`, plainSpec, "", "webhook broken.example.com",
			"could not ask"},
		{"no-service-account", "", "{}",
			`{"serviceAccountName": "missing", "containers": [{"name": "app", "image": "busybox:1"}]}`, "", "apiserver",
			"no ServiceAccount"},
		{"no-priority-class", "", "{}",
			`{"priorityClassName": "missing", "containers": [{"name": "app", "image": "busybox:1"}]}`, "", "apiserver",
			"PriorityClass missing"},
		{"invalid", "", "{}", `{"containers": [{"name": "Not A Name", "image": "busybox:1"}]}`, "", "apiserver",
			"the Pod is not valid: look at spec.containers[0].name"},
		{"no-rights", "", "{}", plainSpec, "--as=nobody", "apiserver", "may not create pods"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.objects != "" {
				runKubectl(t, c.objects, "apply", "-f", "-")
				defer runKubectl(t, c.objects, "delete", "-f", "-")
			}
			path := filepath.Join(t.TempDir(), "pod.json")
			text := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "refusal-%s", "labels": %s}, `+
				`"spec": %s}`, c.name, c.labels, c.spec)
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			var o *obstacle
			// Quotas, policies and webhooks take a moment to be in force.
			for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
				out, errOut, code := runSeq(t,
					append([]string{"create-pod", "-f", path, "-n", ns.Name, "-o", "json", "--rm", "--until=scheduled"},
						strings.Fields(c.args)...)...)
				if code == 1 {
					if o = parse(t, out).outcome.Obstacle; o != nil && o.Name == "being-deleted" {
						continue // the one that was made before the policy was in force
					}
					if !strings.HasPrefix(errOut, "error: create Pod in ") || !strings.Contains(errOut, "(hint: ") {
						t.Errorf("stderr %q", errOut)
					}
					break
				}
			}
			if o == nil || o.Name != c.name || o.Participant != c.by || !strings.Contains(o.Explain, c.words) || o.Next == "" {
				t.Errorf("%+v", o)
			}
		})
	}
}

// Who may look but not delete sees the request and what the API server answered.
func TestRefusedDelete(t *testing.T) {
	t.Parallel()
	ns := ownNamespace(t)
	runKubectl(t, "", "create", "rolebinding", "-n", ns, "looks", "--clusterrole=view", "--user=refused-delete")
	runKubectl(t, `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kept"}, "spec": {"schedulingGates": `+
		`[{"name": "example.com/never"}], "containers": [{"name": "app", "image": "busybox:1"}]}}`,
		"apply", "-n", ns, "-f", "-")
	out, errOut, code := runSeq(t, "delete", "pod/kept", "-n", ns, "--as=refused-delete", "-o", "json")
	d := parse(t, out)
	if o := d.outcome.Obstacle; code != 1 || d.outcome.Outcome != "Refused" || o == nil || o.Name != "no-rights" ||
		o.Explain != "you may not delete pods here" {
		t.Errorf("exit %d, %+v: %s", code, d.outcome, errOut)
	}
	if s := told(t, d, "DELETE pods (kept)"); s.From != "kubectl" {
		t.Errorf("the request is %+v", s)
	}
	runKubectl(t, "", "get", "-n", ns, "pod/kept")
}

// An Event is what anybody with the right to write one says: it is drawn as text, whatever it holds.
func TestHostileEvent(t *testing.T) {
	apart(t)
	meanwhile(t, "relabeled", func(ctx context.Context) error {
		pod, err := client(t).Pods(namespace(t)).Get(ctx, "relabeled", metav1.GetOptions{})
		if err != nil {
			return err
		}
		_, err = client(t).Events(namespace(t)).Create(ctx, &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Name: "relabeled.evil"}, Type: corev1.EventTypeWarning, Reason: "Evil\x1b[2J",
			Message:        "\x1b]0;owned\x07 \u202egnp.exe <script>",
			InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
			Source:         corev1.EventSource{Component: "evil\x1b[31m"},
		}, metav1.CreateOptions{})
		return err
	})
	t.Cleanup(func() {
		client(t).Events(namespace(t)).Delete(context.Background(), "relabeled.evil", metav1.DeleteOptions{})
	})
	remove(t, "relabeled")
	out, errOut, code := runSeq(t, "create-pod", "-f", scenarioFile("relabeled"), "--until=completed", "--rm",
		"--detail=full", "--color=never")
	if code != 0 || strings.ContainsAny(out, "\x1b\x07\u202e") || !strings.Contains(out, `Evil\u001b`) {
		t.Errorf("exit %d, %s:\n%s", code, errOut, out)
	}
	gone(t, "relabeled")
}
