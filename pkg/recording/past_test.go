package recording_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// Each version of the format has recordings in testdata, which are never written anew: whatever is read, and whatever
// the rules become, these go on being read whole, and folded.
func TestRecordingsOfEveryVersion(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	versions, kinds := map[string]bool{}, map[string]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := recording.Read(bytes.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		versions[r.Version] = true
		if dir := filepath.Base(filepath.Dir(name)); r.Version != "seq.recording/"+dir {
			t.Errorf("%s is of version %s", name, r.Version)
		}
		var again bytes.Buffer
		w, err := recording.NewWriter(&again, r.Header)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range r.Observations {
			kinds[kind(o)] = true
			if err := w.Write(o); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.End(r.End.At, r.End.Reason); err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(again.Bytes(), []byte("\n"))
		for i, line := range bytes.Split(text, []byte("\n")) {
			if lost := slices.Collect(maps.Keys(fields(t, line))); i >= len(lines) {
				t.Errorf("%s:%d is not read", name, i+1)
			} else if kept := fields(t, lines[i]); !reflect.DeepEqual(fields(t, line), kept) {
				lost = slices.DeleteFunc(lost, func(f string) bool { return kept[f] })
				t.Errorf("%s:%d: of its fields these are not read: %q", name, i+1, lost)
			}
		}
		if steps := scenario.Fold(r.Subject, r.Observations).Steps(); len(steps) == 0 {
			t.Errorf("%s: no steps come of it", name)
		}
	}
	if !versions[recording.Version] {
		t.Errorf("no recording of %s is kept in testdata", recording.Version)
	}
	for f := range reflect.TypeFor[seq.Observation]().Fields() {
		if f.Name != "Received" && !kinds[f.Name] {
			t.Errorf("no recording that is kept has a %s", f.Name)
		}
	}
}

// kind is the name of what an observation is, or nothing for a tick.
func kind(o seq.Observation) string {
	v := reflect.ValueOf(o)
	for f := range v.Type().Fields() {
		if f.Type.Kind() == reflect.Pointer && !v.FieldByIndex(f.Index).IsNil() {
			return f.Name
		}
	}
	return ""
}

// fields are the paths of all fields in a JSON document; what is in lists has the path of the list.
func fields(t *testing.T, line []byte) map[string]bool {
	all := map[string]bool{}
	if len(bytes.TrimSpace(line)) == 0 {
		return all
	}
	var document any
	if err := json.Unmarshal(line, &document); err != nil {
		t.Fatal(err)
	}
	var walk func(path []string, x any)
	walk = func(path []string, x any) {
		switch x := x.(type) {
		case map[string]any:
			for name, value := range x {
				walk(append(slices.Clone(path), name), value)
			}
		case []any:
			for _, value := range x {
				walk(path, value)
			}
		}
		all[strings.Join(path, ".")] = true
	}
	walk(nil, document)
	return all
}
