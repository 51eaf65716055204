//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

func TestTruth(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain", "init", "sidecar", "probes", "completes"} {
		t.Run(name, func(t *testing.T) {
			apart(t)
			held(t, name, []string{"--times=proved"}, likelyWithin)
		})
	}
}

func TestTruthWithRecords(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain", "init", "probes"} {
		t.Run(name, func(t *testing.T) {
			apart(t)
			d := held(t, name, withRecords, time.Millisecond)
			for _, s := range d.steps {
				if s.Certainty != "observed" && (cri(s) != "" || s.To == "etcd" || apiWrite(s) || s.To == "runc") {
					t.Errorf("%v is only inferred", s)
				}
				if s.To == "etcd" && !slices.Contains(s.Evidence, evidence{"spans"}) {
					t.Errorf("%v: etcd's own span is not read", s)
				}
			}
			if n := count(d.steps, func(s step) bool { return s.To == "cni" && s.Kind == "request" }); n != 1 {
				t.Errorf("%d network set-ups", n)
			}
			if n := count(d.steps,
				func(s step) bool { return s.From == "kubelet" && s.Verb == "get" && s.Rule == "request" }); n == 0 {
				t.Error("the kubelet reads the Pod before it patches; nothing shows that")
			}
		})
	}
}

// likelyWithin bounds by how much the order may be wrong that nothing proves: what truly runs side by side, such as the
// write of an Event and the next call of its emitter, cannot be told apart from outside. The kubelet looks at the
// volumes of a Pod once in 300 ms, so that long one of two Pods may be ahead of the other.
const likelyWithin = 300 * time.Millisecond

// usualSandbox is what a sandbox takes on a machine that does nothing else.
const usualSandbox = 300 * time.Millisecond

// onThisMachine scales a bound by what the slowest sandbox of a run says of the machine.
func onThisMachine(tr *truth.Truth, bound time.Duration) time.Duration {
	slowest := usualSandbox
	for _, c := range tr.Calls {
		if c.RPC == "RunPodSandbox" || c.RPC == "StopPodSandbox" {
			slowest = max(slowest, c.End.Sub(c.Start))
		}
	}
	return time.Duration(float64(bound) * slowest.Seconds() / usualSandbox.Seconds())
}

// held runs a Pod and holds what is said of it against what the cluster recorded.
func held(t *testing.T, name string, flags []string, apart time.Duration) document {
	t.Helper()
	r := record(t)
	out, errOut, code := runSeq(t,
		append([]string{"create-pod", "-f", scenarioFile(name), "-o", "json", "--rm",
			"--record=" + filepath.Join(t.ArtifactDir(), "run.jsonl")}, flags...)...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	d := parse(t, out)
	tr := r.of(t, name, wholeFor(d), d.uid)
	s := judged(t, d, tr, apart)
	if etcd := count(d.steps, func(s step) bool { return s.To == "etcd" }); etcd < s.WritesFound {
		t.Errorf("%d etcd steps for %d writes", etcd, s.WritesFound)
	}
	t.Logf("%d writes, %d calls, %d pairs, time error p50 %v, p95 %v", s.Writes, s.Calls, s.Pairs, s.Percentile(50),
		s.Percentile(95))
	return d
}

// judged holds all that a run says against the truth.
func judged(t *testing.T, d document, tr *truth.Truth, apart time.Duration) truth.Score {
	t.Helper()
	apart = onThisMachine(tr, apart)
	s, placed := tr.Compare(claims(d.steps), d.end(tr), apart)
	for what, faults := range map[string][]string{"missing": s.Missing, "wrong actor": s.WrongActors,
		"window": s.Uncovered, "invented": s.Inventions, "order": s.Inverted} {
		for _, f := range faults {
			t.Errorf("%s: %s", what, f)
		}
	}
	t.Logf("of %d writes %d are told; actors: %d unknown, %d wrong; %d missing, %d invented", s.Writes, s.WritesFound,
		s.ActorsUnknown, len(s.WrongActors), len(s.Missing), len(s.Inventions))
	provedOrder(t, d, placed)
	if d.printed != nil && len(d.pods) < 2 { // else only one of the Pods is drawn
		p, _ := tr.Compare(d.printed.claims(d.steps), d.end(tr), apart)
		for what, faults := range map[string][]string{"missing": p.Missing, "wrong actor": p.WrongActors,
			"window": p.Uncovered, "invented": p.Inventions, "order": p.Inverted} {
			for _, f := range faults {
				t.Errorf("as printed, %s: %s", what, f)
			}
		}
	}
	return s
}

// end is when the newest revision that a run tells of was written: what came later is not its to tell.
func (d document) end(tr *truth.Truth) time.Time {
	newest := uint64(0)
	for _, s := range d.steps {
		rv, _ := strconv.ParseUint(s.ResourceVersion, 10, 64)
		newest = max(newest, rv)
	}
	for _, w := range slices.Concat(tr.Writes, tr.Events) {
		if w.Revision == strconv.FormatUint(newest, 10) {
			return w.End
		}
	}
	if last := d.steps[len(d.steps)-1]; last.Latest != nil {
		return *last.Latest
	}
	return time.Time{}
}

// begun leaves out what had happened before the request that the run is about, or before it looked: the past of what
// was there is not its to tell.
func (d document) begun(tr *truth.Truth) {
	before := d.looked
	if i := slices.IndexFunc(d.steps,
		func(s step) bool { return s.Rule == "own-delete" || s.Rule == "own-exec" }); i >= 0 {
		before = *d.steps[i].Best
	}
	was := func(w truth.Write) bool { return w.End.Before(before) }
	tr.Writes, tr.Events = slices.DeleteFunc(tr.Writes, was), slices.DeleteFunc(tr.Events, was)
	tr.Calls = slices.DeleteFunc(tr.Calls, func(c truth.Call) bool { return c.Start.Before(before) })
}

// wholeFor tells when the records are whole: they go on after the run, and hold its last write and every call it tells
// of.
func wholeFor(d document) func(*truth.Truth) bool {
	podWrites := count(d.steps, func(s step) bool { return apiWrite(s) && s.Resource != "events" && s.Rule != "request" })
	calls := count(d.steps, func(s step) bool { return s.Kind == "request" && cri(s) != "" })
	return func(tr *truth.Truth) bool {
		now := truth.Truth{Writes: slices.Clone(tr.Writes), Events: slices.Clone(tr.Events), Calls: slices.Clone(tr.Calls)}
		d.begun(&now)
		return len(now.Writes) >= podWrites && len(now.StartCalls()) >= calls
	}
}

func count(steps []step, is func(step) bool) int {
	n := 0
	for _, s := range steps {
		if is(s) {
			n++
		}
	}
	return n
}

// provedOrder allows nothing: an order that a run claims to have proved is right to the last microsecond.
func provedOrder(t *testing.T, d document, placed []truth.Placed) {
	t.Helper()
	before := proved(d.steps)
	for _, a := range placed {
		for _, b := range placed {
			if (before[a.Index][b.Index] || disjoint(a, b)) && b.To.Before(a.From) {
				t.Errorf("said to be proved, but wrong by %v: %s, %s", a.From.Sub(b.To), a.Text, b.Text)
			}
		}
	}
}

// disjoint reports whether the windows of two claims show that one came before the other.
func disjoint(a, b truth.Placed) bool {
	return !a.Latest.IsZero() && !b.Earliest.IsZero() && a.Latest.Before(b.Earliest)
}

// unordered counts the pairs whose order nothing proves, and those of them that are the wrong way round by more than a
// person would forgive.
func unordered(d document, placed []truth.Placed, s *truth.Score) {
	before := proved(d.steps)
	for i, a := range placed {
		for _, b := range placed[i+1:] {
			s.AllPairs++
			if before[a.Index][b.Index] || before[b.Index][a.Index] || disjoint(a, b) || disjoint(b, a) {
				continue
			}
			s.Unordered++
			first, second := a, b
			if b.To.Before(a.From) {
				first, second = b, a
			}
			if second.From.Sub(first.To) > truth.Late && first.Index > second.Index {
				s.UnorderedWrong++
				s.Inverted = append(s.Inverted,
					fmt.Sprintf("unproved: %s truly comes %v before %s", first.Text, second.From.Sub(first.To), second.Text))
			}
		}
	}
}
