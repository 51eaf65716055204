//go:build e2e && truth

package e2e

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

// scored are the runs of the table: the start of Pods, how far each is followed, and the other verbs.
var scored = []struct {
	name, pod, args string
	meanwhile       func(*testing.T, *records, string) // what somebody else does to the Pod
	verb            []string                           // where it is no create-pod of the Pod of that name
	before          func(*testing.T)                   // what is there first
}{
	{name: "plain"}, {name: "present"}, {name: "init"}, {name: "sidecar"}, {name: "probes"}, {name: "poststart"},
	{name: "no-such-tag", args: "--timeout=4s"}, {name: "crash", args: "--until=completed --timeout=20s"},
	{name: "completes", args: "--until=completed"}, {name: "fails", args: "--until=completed"},
	{name: "unschedulable", args: "--timeout=2s"}, {name: "missing-configmap", args: "--timeout=3s"},
	{name: "gated", args: "--until=ready", meanwhile: ungate},
	{name: "graceful", args: "--until=completed", meanwhile: deleteGently}, {name: "dotted", pod: "a.dotted.name"},
	{name: "create", verb: []string{"create", "-f", workloadFile("deployment"), "--pods=all", "--rm"}},
	{name: "delete-pod", pod: "graceful", verb: []string{"delete-pod", "graceful"},
		before: func(t *testing.T) { start(t, "graceful", running) }},
	{name: "delete", pod: "completes", verb: []string{"delete", "pod/completes"},
		before: func(t *testing.T) { start(t, "completes", finished) }},
	{name: "exec", pod: "trapped", verb: []string{"exec", "trapped"}, args: "--linger=1m -- kill 1",
		before: func(t *testing.T) { start(t, "trapped", ready) }},
	{name: "watch", pod: "graceful", verb: []string{"watch", "pod/graceful"},
		before: func(t *testing.T) { start(t, "graceful", running) }, meanwhile: deleteGently},
	{name: "watch-wait", pod: "present", verb: []string{"watch", "pod/present", "--wait", "--until=ready"},
		before: func(t *testing.T) { remove(t, "present") }, meanwhile: createWatched},
	{name: "show", pod: "probes", verb: []string{"show", "pod/probes"},
		before: func(t *testing.T) { start(t, "probes", ready) }},
}

// mayBeUnknown are the kinds of writes of which the object does not say who made them, with the reason.
var mayBeUnknown = map[string]string{
	"delete pods": "a deletion leaves no managedFields entry, and no Event says who asked for it",
	"patch pods":  "who takes a field away, as a scheduling gate, leaves no managedFields entry",
}

// These are shares, in percent, that the table may not exceed: what has been reached, and what noise adds. Of the pairs
// of which nothing proves the order, few are wrong by more than truth.Late; the aim is 0.1 %.
const (
	unorderedAtMost      = 9.0
	unorderedWrongAtMost = 1.5
	unknownAtMost        = 1.5
)

func finished(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded }

// createWatched makes the Pod once the plugin waits for it.
func createWatched(t *testing.T, r *records, name string) {
	_ = wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true,
		func(context.Context) (bool, error) { return waitsFor(t, r, name), nil })
	runKubectl(t, "", "create", "-f", scenarioFile(name))
}

func ungate(t *testing.T, _ *records, name string) {
	waitFor(t, name, func(p *corev1.Pod) bool { return len(p.Status.Conditions) > 0 })
	if _, err := client(t).Pods("default").Patch(t.Context(), name, "application/strategic-merge-patch+json",
		[]byte(`{"spec":{"schedulingGates":[{"$patch":"delete","name":"example.com/wait"}]}}`),
		metav1.PatchOptions{}); err != nil {
		t.Error(err)
	}
}

// deleteGently deletes a Pod once the plugin has looked at it: what is written while it begins is of the past or of the
// run.
func deleteGently(t *testing.T, r *records, name string) {
	_ = wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true,
		func(context.Context) (bool, error) {
			return slices.ContainsFunc(strings.Split(string(r.read(t, auditLog)), "\n"), func(line string) bool {
				return strings.Contains(line, `"userAgent":"kubectl-seq/`) && strings.Contains(line, `"verb":"list"`) &&
					strings.Contains(line, "fieldSelector=metadata.name%3D"+name)
			}), nil
		})
	waitFor(t, name, func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodRunning })
	if err := client(t).Pods("default").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// TestTruthTable prints how well each tool tells what happened.
func TestTruthTable(t *testing.T) {
	kubectl := os.Getenv("KUBECTL")
	if kubectl == "" {
		t.Fatal("set KUBECTL (make truth does)")
	}
	seqs := []string{"kubectl seq", "kubectl seq, with audit log and spans"}
	const asPrinted = ", as printed"
	tools := []string{seqs[0], seqs[0] + asPrinted, seqs[1], seqs[1] + asPrinted, "kubectl get -w",
		"kubectl events --watch"}
	total := map[string]*truth.Score{}
	for _, tool := range tools {
		total[tool] = &truth.Score{}
	}
	for _, c := range scored {
		if only := os.Getenv("ONLY"); only != "" && !slices.Contains(strings.Fields(only), c.name) {
			continue
		}
		if c.pod == "" {
			c.pod = c.name
		}
		if c.verb == nil {
			c.verb = []string{"create-pod", "-f", scenarioFile(c.name), "--rm"}
		}
		for _, tool := range seqs {
			flags := strings.Fields(c.args)
			beside := tool == seqs[0] && c.verb[0] == "create-pod"
			if tool == seqs[1] {
				if c.verb[0] == "show" {
					continue
				}
				flags = append(slices.Clone(withRecords), flags...)
			}
			if c.before != nil {
				c.before(t)
			}
			var others []*watching
			if beside {
				others = []*watching{
					watchWith(t, exec.Command(kubectl, "get", "pods", "--field-selector=metadata.name="+c.pod, "-w",
						"--output-watch-events", "-o", "json")),
					watchWith(t, exec.Command(kubectl, "events", "--for=pod/"+c.pod, "--watch", "-o", "json")),
				}
			}
			r := record(t)
			done := make(chan struct{})
			if c.meanwhile != nil {
				go func() { defer close(done); c.meanwhile(t, r, c.pod) }()
			} else {
				close(done)
			}
			out, errOut, _ := runSeq(t, slices.Concat(c.verb, []string{"-o", "json"}, flags)...)
			<-done
			d := parse(t, out)
			if d.uid == "" {
				t.Fatalf("%s: %s", c.name, errOut)
			}
			if d.printed == nil {
				t.Errorf("%s, %s: what was printed is not what JSON says", c.name, tool)
				continue
			}
			if c.verb[0] == "show" {
				continue // what it tells of the past is held in TestShow, and its rows to that by now
			}
			if !d.looked.IsZero() {
				d = live(t, out)
			}
			tr := r.of(t, c.name, wholeFor(d), d.uids()...)
			d.begun(tr)
			s, placed := tr.Compare(claims(d.steps), d.end(tr), time.Millisecond)
			provedOrder(t, d, placed)
			unordered(d, placed, &s)
			p, _ := tr.Compare(d.printed.claims(d.steps), d.end(tr), time.Millisecond)
			for name, s := range map[string]truth.Score{tool: s, tool + asPrinted: p} {
				total[name].Add(s)
				for what, faults := range map[string][]string{"missing": s.Missing, "wrong actor": s.WrongActors,
					"window": s.Uncovered, "invented": s.Inventions, "order": s.Inverted} {
					for _, f := range faults {
						t.Logf("%s, %s: %s: %s", c.name, name, what, f)
					}
				}
			}
			if c.verb[0] != "create" {
				runKubectl(t, "", "delete", "pod", c.pod, "--ignore-not-found", "--now")
				gone(t, c.pod)
			}
			for i, o := range others {
				said := o.stop(d.uid, i == 1)
				s, _ := tr.Compare(said, d.end(tr), time.Millisecond)
				total[tools[4+i]].Add(s)
			}
			t.Logf("%s, %s: %d writes, %d calls, %d pairs, %d inverted, error p50 %v p95 %v", c.name, tool, s.Writes, s.Calls,
				s.Pairs, s.Inversions, s.Percentile(50), s.Percentile(95))
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "| tool\t| API writes\t| CRI calls of a start\t| actors right / wrong / not told\t| pairs "+
		"inverted\t| windows that hold\t| time error p50 / p95\t| invented\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, tool := range tools {
		s := total[tool]
		fmt.Fprintf(w, "| %s\t| %s\t| %s\t| %d / %d / %d\t| %d of %d (%.2f %%)\t| %s\t| %s / %s\t| %d\t|\n", tool,
			share(s.WritesFound, s.Writes), share(s.CallsFound, s.Calls), s.ActorsRight, s.ActorsWrong, s.ActorsUnknown,
			s.Inversions, s.Pairs, 100*float64(s.Inversions)/float64(max(1, s.Pairs)), share(s.WindowsCovered, s.Windows),
			ms(s.Percentile(50)), ms(s.Percentile(95)), s.Invented)
	}
	w.Flush()
	for _, tool := range tools[:4] {
		s := total[tool]
		if s.WritesFound < s.Writes || s.CallsFound < s.Calls || s.ActorsWrong > 0 || s.WindowsCovered < s.Windows ||
			s.Invented > 0 {
			t.Errorf("%s fell short", tool)
		}
		for _, kind := range slices.Sorted(maps.Keys(s.Actors)) {
			n, why := s.Actors[kind], ""
			if n.Unknown > 0 {
				why = ": " + cmp.Or(mayBeUnknown[kind], "no reason is known")
			}
			fmt.Printf("%s: who did %s: %d right, %d unknown, %d wrong%s\n", tool, kind, n.Right, n.Unknown, n.Wrong, why)
			if n.Unknown > 0 && mayBeUnknown[kind] == "" {
				t.Errorf("%s does not say who did %s", tool, kind)
			}
		}
	}
	for _, tool := range tools[:2] { // with records hardly anything is only likely
		likelyTable(t, tool, total[tool])
	}
	for _, tool := range seqs {
		s := total[tool]
		unproved, unknown := percent(s.Unordered, s.AllPairs), percent(s.ActorsUnknown, s.WritesFound)
		fmt.Printf("%s: nothing proves the order of %d of %d pairs (%.1f %%), of which %d are wrong by more than %v; "+
			"actors unknown %.1f %%\n", tool, s.Unordered, s.AllPairs, unproved, s.UnorderedWrong, truth.Late, unknown)
		if unproved > unorderedAtMost || unknown > unknownAtMost ||
			percent(s.UnorderedWrong, s.Unordered) > unorderedWrongAtMost {
			t.Errorf("%s: the shares have grown", tool)
		}
	}
}

// likelyTable prints how near what is only likely came, by rule. Of a hundred, five may be farther off than they say,
// and ten on another machine than that of the table in the code.
func likelyTable(t *testing.T, tool string, s *truth.Score) {
	for _, rule := range slices.Sorted(maps.Keys(s.Likely)) {
		h := s.Likely[rule]
		fmt.Printf("%s: likely instants by %s: %d, of which as near as they say %.0f %%; error p50 %s, p95 %s\n", tool, rule,
			h.Claims, percent(h.Held, h.Claims), ms(truth.Percentile(h.Errors, 50)), ms(truth.Percentile(h.Errors, 95)))
	}
	all := s.All()
	fmt.Printf("%s: likely instants: %d, of which as near as they say %.1f %%\n", tool, all.Claims,
		percent(all.Held, all.Claims))
	if all.Claims >= 100 && percent(all.Held, all.Claims) < 90 {
		t.Errorf("%s: too many likely instants are farther off than they say", tool)
	}
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(max(1, of)) }

func share(n, of int) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f %% of %d", 100*float64(n)/float64(of), of)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }

// watching is kubectl, and what it has printed with the time it was there.
type watching struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	docs []said
	done chan struct{}
}

type said struct {
	at   time.Time
	text json.RawMessage
}

func watchWith(t *testing.T, cmd *exec.Cmd) *watching {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := &watching{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		dec := json.NewDecoder(bufio.NewReader(out))
		for {
			var doc json.RawMessage
			if dec.Decode(&doc) != nil {
				return
			}
			w.mu.Lock()
			w.docs = append(w.docs, said{time.Now(), doc})
			w.mu.Unlock()
		}
	}()
	// It is ready once its watch is open; nothing tells, so it gets the time kubectl takes to start.
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	<-ctx.Done()
	return w
}

// stop ends kubectl and reads what it has said as claims: a change of the Pod is a write that has happened by then; an
// Event is a write, and says that a call began or ended at its timestamp.
func (w *watching) stop(uid string, events bool) []truth.Claim {
	w.cmd.Process.Signal(os.Interrupt)
	<-w.done
	w.cmd.Wait()
	var all []truth.Claim
	for _, d := range w.docs {
		if events {
			all = append(all, eventClaims(d, uid)...)
			continue
		}
		var e struct {
			Type   string
			Object corev1.Pod
		}
		if json.Unmarshal(d.text, &e) == nil && string(e.Object.UID) == uid {
			all = append(all, truth.Claim{Revised: e.Object.ResourceVersion, Resource: "pods", At: d.at})
		}
	}
	return all
}

func eventClaims(d said, uid string) []truth.Claim {
	var e struct {
		Object *corev1.Event
		corev1.Event
	}
	if json.Unmarshal(d.text, &e) != nil {
		return nil
	}
	if e.Object != nil {
		e.Event = *e.Object
	}
	if string(e.InvolvedObject.UID) != uid {
		return nil
	}
	at := e.EventTime.Time
	if at.IsZero() {
		at = e.LastTimestamp.Time
	}
	all := []truth.Claim{{Revised: e.ResourceVersion, Resource: "events"}}
	call := map[string]truth.Claim{"Pulling": {Call: "PullImage"}, "Pulled": {Call: "PullImage", End: true},
		"Created": {Call: "CreateContainer", End: true}, "Started": {Call: "StartContainer", End: true}}
	if c, ok := call[e.Reason]; ok {
		c.At = at
		all = append(all, c)
	}
	return all
}
