// Package scenario reads the recordings of a real cluster that the tests are about: testdata of pkg/trace.
package scenario

import (
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// Scenario is one recording and the listing it must give.
type Scenario struct {
	*recording.Recording
	Name, Path string
	Archive    *txtar.Archive
}

// All are all scenarios, by name. They are read once; what they hold is shared, and not to be changed.
func All(t testing.TB) []Scenario {
	t.Helper()
	all, err := read()
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(all)
}

// Causes are the scenarios that end with a cause each, by its name: make causes records them.
func Causes(t testing.TB) []Scenario {
	t.Helper()
	all, err := readCauses()
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(all)
}

var (
	read       = sync.OnceValues(func() ([]Scenario, error) { return readAll("testdata/*.txtar") })
	readCauses = sync.OnceValues(func() ([]Scenario, error) { return readAll("testdata/causes/*.txtar") })
)

func readAll(files string) ([]Scenario, error) {
	paths, err := filepath.Glob(pathOf(files))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no scenarios: %s: %v", files, err)
	}
	var all []Scenario
	for _, p := range paths {
		s, err := readFile(p)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// pathOf is the path of a file of pkg/trace, or of a pattern of such.
func pathOf(file string) string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "../../pkg/trace", file)
}

func readFile(path string) (Scenario, error) {
	a, err := txtar.ParseFile(path)
	if err != nil {
		return Scenario{}, err
	}
	s := Scenario{Name: strings.TrimSuffix(filepath.Base(path), ".txtar"), Path: path, Archive: a}
	if s.Recording, err = recording.Read(bytes.NewReader(s.File("recording.jsonl").Data)); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	if s.End != nil {
		s.Observations = append(s.Observations, seq.Observation{Received: s.End.At})
	}
	return s, nil
}

// Named is the scenario of that name; it is an error if there is none. The others are not read: a benchmark has no
// memory but its own.
func Named(t testing.TB, name string) Scenario {
	t.Helper()
	s, err := readFile(pathOf("testdata/" + name + ".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// NamedAll are the scenarios of these names.
func NamedAll(t testing.TB, names ...string) (all []Scenario) {
	t.Helper()
	for _, name := range names {
		all = append(all, Named(t, name))
	}
	return all
}

// File is that file of the scenario, made empty if it is not there.
func (s *Scenario) File(name string) *txtar.File {
	a := s.Archive
	for i := range a.Files {
		if a.Files[i].Name == name {
			return &a.Files[i]
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name})
	return &a.Files[len(a.Files)-1]
}

// Fold is what the observations tell.
func Fold(subject seq.Object, observations []seq.Observation) *trace.Trace {
	t := trace.New(subject)
	for _, o := range observations {
		t.Observe(o)
	}
	return t
}

// Report is what can be drawn of it.
func Report(t *trace.Trace) render.Report {
	end := End(t)
	return render.Report{Run: t.Run(), Steps: t.Steps(), Phases: t.Phases(end), Waits: t.Waits(end),
		Members: t.MembersInFull(), Cycles: t.Cycles(), Pods: "all", Outcome: outcome(t)}
}

// End is when the run had come to its end, or the zero time: it does not say how far it was to be followed.
func End(t *trace.Trace) time.Time {
	zero := t.Run().Origin
	if looked := t.Run().AttachedAt; !looked.IsZero() {
		zero = looked
	}
	switch a := t.Aftermath(); {
	case a.Recovered:
		return a.ReachedBy
	case a.CommandEnded && len(a.EndedContainers) == 0:
		return a.Exec.Ended
	}
	for _, is := range []func(seq.State) bool{
		func(st seq.State) bool { return st.Deleted },
		func(st seq.State) bool { return st.Ready || st.Available || st.Succeeded || st.Failed },
	} {
		if _, by, ok := t.Reached(0, is); ok && by.After(zero) {
			return by
		}
	}
	return time.Time{}
}

func outcome(t *trace.Trace) render.Outcome {
	out := render.Outcome{Name: words(t.State())}
	if o, ok := t.Obstacle(); ok {
		out.Obstacle, out.Reason, out.Message = &o, o.Reason, o.Message
	}
	return out
}

// words are what a state says of an object, as the listing of a scenario has it.
func words(st seq.State) string {
	var all []string
	for _, x := range []struct {
		is   bool
		word string
	}{
		{st.Created, "created"}, {st.Scheduled, "scheduled"}, {st.Running, "running"}, {st.Ready, "ready"},
		{st.Available, "available"},
		{st.Succeeded, "succeeded"}, {st.Failed, "failed"}, {st.Deleting, "deleting"}, {st.Deleted, "deleted"},
		{st.Refused != "", "refused"},
	} {
		if x.is {
			all = append(all, x.word)
		}
	}
	return cmp.Or(strings.Join(all, ", "), "nothing")
}
