//go:build e2e

// Package e2e runs the built plugin against a real cluster that records itself, and holds what it says against that.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	rbacclient "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

// plugin is the binary under test.
var plugin = os.Getenv("KUBECTL_SEQ")

func TestMain(m *testing.M) {
	if plugin == "" || os.Getenv("KUBECONFIG") == "" {
		fmt.Fprintln(os.Stderr,
			"set KUBECTL_SEQ to the built plugin and KUBECONFIG to a cluster with --evidence (make test does)")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

type step struct {
	Index                                                      int
	From, To, Kind, Label, Verb, Resource, Subresource         string
	ResourceVersion, Container, At, Call, Certainty, Rule, Key string
	About, Node                                                string
	Detail                                                     string
	Earliest, Latest, Shown, Best                              *time.Time
	Within                                                     *float64
	After                                                      []int
	Evidence                                                   []evidence
}

type evidence struct{ Source string }

// within is how near its likeliest instant is, or 0 where that is not known.
func (s step) within() time.Duration {
	if s.Within == nil {
		return 0
	}
	return time.Duration(*s.Within * 1e9)
}

func (s step) String() string {
	return fmt.Sprintf("#%d %s → %s %s [%s %s, %s…%s]", s.Index, s.From, s.To, s.Label, s.Certainty, s.Rule,
		clock(s.Earliest), clock(s.Latest))
}

func clock(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format("05.000000")
}

type outcome struct {
	Outcome, Reason, Message string
	ExitCode                 int
	Obstacle                 *obstacle
}

type obstacle struct {
	Name, Participant, Container, Reason, Message, Explain, Next string
	Seconds                                                      float64
	DeadEnd                                                      bool
	Evidence                                                     []struct{ Source, Detail string }
}

// runSeq runs the plugin and returns what it printed and how it ended.
func runSeq(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	args, file := besideJSON(t, args)
	cmd := inPlace(t, exec.CommandContext(ctx, plugin, args...))
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	stdout = out.String()
	if file != "" {
		stdout = holdPrinted(t, stdout, file, args)
	}
	return stdout, errOut.String(), cmd.ProcessState.ExitCode()
}

// document is one run as -o json prints it.
type document struct {
	uid, node       string   // of the subject, and where it is if it is a Pod
	pods            []string // uids
	started, looked time.Time
	steps           []step
	turns           map[int][]truth.Turn // of what repeats, by step
	outcome         outcome
	printed         *printed // the same for people, where that was printed, too
}

func parse(t testing.TB, out string) document {
	t.Helper()
	d := document{turns: map[int][]truth.Turn{}}
	for line := range strings.Lines(out) {
		var head struct {
			Type    string
			Subject struct{ UID string }
			Object  struct{ UID string }
			Node    string
			Started time.Time
			Looked  time.Time
		}
		if err := json.Unmarshal([]byte(line), &head); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		switch head.Type {
		case "run":
			d.uid, d.node, d.started, d.looked = head.Subject.UID, head.Node, head.Started, head.Looked
		case "pod":
			d.pods = append(d.pods, head.Object.UID)
		case "step":
			var s step
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				t.Fatal(err)
			}
			d.steps = append(d.steps, s)
		case "cycle":
			var c struct {
				What  string
				Turns []struct {
					Number int
					Steps  []int
				}
			}
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				t.Fatal(err)
			}
			for k, turn := range c.Turns {
				for _, i := range turn.Steps {
					d.turns[i] = append(d.turns[i], truth.Turn{What: c.What, Number: turn.Number, First: k == 0})
				}
			}
		case "outcome":
			if err := json.Unmarshal([]byte(line), &d.outcome); err != nil {
				t.Fatal(err)
			}
		}
	}
	if p, ok := readBack.Load(out); ok {
		p := p.(printed)
		d.printed = &p
	}
	return d
}

func config(t testing.TB) *rest.Config {
	t.Helper()
	c, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func httpClient(t testing.TB) *http.Client {
	t.Helper()
	c, err := rest.HTTPClientFor(config(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func client(t testing.TB) *corev1.CoreV1Client {
	t.Helper()
	c, err := corev1.NewForConfig(config(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// allow lets a user create and watch what it names, until the test ends.
func allow(t testing.TB, user string, resources ...string) {
	t.Helper()
	allowVerbs(t, user, []string{"create", "list", "watch", "delete"}, resources...)
}

func allowVerbs(t testing.TB, user string, verbs []string, resources ...string) {
	t.Helper()
	c, err := rbacclient.NewForConfig(config(t))
	if err != nil {
		t.Fatal(err)
	}
	meta := metav1.ObjectMeta{Name: "seq-test-" + user}
	role := &rbacv1.Role{ObjectMeta: meta,
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: resources, Verbs: verbs}}}
	binding := &rbacv1.RoleBinding{ObjectMeta: meta,
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}}
	if _, err := c.Roles(namespace(t)).Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RoleBindings(namespace(t)).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	as := config(t)
	as.Impersonate.UserName = user
	who, err := authorizationclient.NewForConfig(as)
	if err != nil {
		t.Fatal(err)
	}
	err = wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true,
		func(ctx context.Context) (bool, error) {
			review, err := who.SelfSubjectAccessReviews().Create(ctx,
				&authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
					ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace(t), Verb: verbs[len(verbs)-1],
						Resource: resources[0]}}}, metav1.CreateOptions{})
			return err == nil && review.Status.Allowed, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Roles(namespace(t)).Delete(context.Background(), meta.Name, metav1.DeleteOptions{})
		c.RoleBindings(namespace(t)).Delete(context.Background(), meta.Name, metav1.DeleteOptions{})
	})
}

func scenarioFile(name string) string {
	return filepath.Join("..", "..", "pkg", "trace", "testdata", "pods", name+".yaml")
}
