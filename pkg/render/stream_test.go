package render_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// follower puts together what a stream sends.
type follower struct {
	stream      render.Stream
	final, tail []string
	took        int // final documents in all, also those that were taken back or replaced
}

func (f *follower) next(t *testing.T, r render.Report, settled int, ended bool) {
	t.Helper()
	m, err := f.stream.Next(r, settled, ended)
	if err != nil {
		t.Fatal(err)
	}
	if m.Anew {
		f.final = nil
	}
	f.tail = nil
	for _, i := range slices.Sorted(maps.Keys(m.Final)) {
		if i == len(f.final) {
			f.final = append(f.final, "")
		}
		f.final[i] = string(m.Final[i])
	}
	for _, d := range m.Tail {
		f.tail = append(f.tail, string(d))
	}
	f.took += len(m.Final)
}

// whole are all documents in the order of JSON.
func (f *follower) whole() string {
	n := slices.IndexFunc(f.tail, func(d string) bool {
		return !strings.HasPrefix(d, `{"type":"run"`) && !strings.HasPrefix(d, `{"type":"pod"`)
	})
	return strings.Join(slices.Concat(f.tail[:n], f.final, f.tail[n:]), "\n") + "\n"
}

// sorted are lines, which may come in another order.
func sorted(lines string) string {
	all := strings.Split(lines, "\n")
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// reportOf is that of a scenario at its end.
func reportOf(t *testing.T, name string) render.Report {
	t.Helper()
	s := scenario.Named(t, name)
	return scenario.Report(scenario.Fold(s.Subject, s.Observations))
}

// However far a run has come, who follows it has what JSON says of it then; a step that is final says so, each once.
func TestStreamIsJSON(t *testing.T) {
	for _, s := range scenario.NamedAll(t, "plain", "deployment", "repeats-crash", "delete", "exec-kill") {
		var f follower
		tr := trace.New(s.Subject)
		for i, o := range s.Observations {
			if tr.Observe(o); i%7 != 0 {
				continue
			}
			r := scenario.Report(tr)
			settled := tr.Settled(3 * time.Second)
			f.next(t, r, settled, false)
			if n := strings.Count(f.whole(), `"settled":true`); n != len(f.final) || n < settled {
				t.Fatalf("%s: %d of %d steps say that they are final, %d are", s.Name, n, len(r.Steps), settled)
			}
			var want bytes.Buffer
			if err := render.JSON(&want, r); err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(f.whole(), `"settled":false`, `"settled":true`); len(f.final) == settled &&
				sorted(got) != sorted(want.String()) {
				t.Fatalf("%s after %d observations: it says\n%s\nwant\n%s", s.Name, i, got, want.String())
			}
		}
		r := scenario.Report(tr)
		f.next(t, r, 0, true)
		var want bytes.Buffer
		if err := render.JSON(&want, r); err != nil {
			t.Fatal(err)
		}
		if got := f.whole(); got != want.String() {
			t.Errorf("%s: in the end it says\n%s\nwant\n%s", s.Name, got, want.String())
		}
		if len(f.final) != len(r.Steps) {
			t.Errorf("%s: %d of %d steps are final in the end", s.Name, len(f.final), len(r.Steps))
		}
	}
}

// What was final and is known better comes again, alone; what did not keep its place is taken back with all others.
func TestStreamCorrects(t *testing.T) {
	r := reportOf(t, "plain")
	var f follower
	f.next(t, r, 4, false)
	other := r
	other.Steps = slices.Clone(r.Steps)
	changed := *r.Steps[2]
	changed.Label = "another"
	other.Steps[2] = &changed
	if f.next(t, other, 4, false); len(f.final) != 4 || f.took != 5 || !strings.Contains(f.final[2], `"another"`) {
		t.Errorf("with another label: %d are final, %d have been: %s", len(f.final), f.took, f.final[2])
	}
	if f.next(t, other, 3, false); len(f.final) != 4 || f.took != 5 {
		t.Errorf("the same again: %d are final, %d have been", len(f.final), f.took)
	}
	other.Steps[1], other.Steps[2] = other.Steps[2], other.Steps[1]
	if f.next(t, other, 3, false); len(f.final) != 3 || f.took != 8 {
		t.Errorf("in another order: %d are final, %d have been", len(f.final), f.took)
	}
	if f.next(t, render.Report{}, 0, false); len(f.final) != 0 {
		t.Errorf("of nothing %d are final", len(f.final))
	}
}

// The picture says which steps are open, and is that of the page else.
func TestPicture(t *testing.T) {
	r := reportOf(t, "plain")
	r.Outcome = render.Outcome{}
	var p struct {
		Status string
		Steps  []struct {
			Key  seq.Key
			Open bool
		}
	}
	data, err := render.Picture(r, render.Style{Detail: seq.Normal}, 5, "not\x1b yet")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Steps) != len(r.Steps) || p.Status != render.Plain("not\x1b yet") {
		t.Errorf("%d steps of %d, %q", len(p.Steps), len(r.Steps), p.Status)
	}
	for i, s := range p.Steps {
		if s.Key != r.Steps[i].Key || s.Open != (i >= 5) {
			t.Errorf("step %d: %+v", i, s)
		}
	}
	if _, _, err := render.LivePage(render.Style{Detail: seq.Normal}, true); err != nil {
		t.Error(err)
	}
}
