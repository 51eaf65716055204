package trace_test

import (
	"bytes"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

var update = flag.Bool("update", false, "rewrite the listings of the scenarios")

func asJSON(t testing.TB, tr *trace.Trace) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.JSON(&b, scenario.Report(tr)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestScenarios(t *testing.T) {
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		t.Run(s.Name, func(t *testing.T) {
			tr := scenario.Fold(s.Subject, s.Observations)
			var b bytes.Buffer
			if err := render.Formats["listing"].Write(&b, scenario.Report(tr),
				render.Style{Width: 120, Detail: seq.Full}); err != nil {
				t.Fatal(err)
			}
			listing := s.File("listing")
			if *update {
				listing.Data = b.Bytes()
				if err := os.WriteFile(s.Path, txtar.Format(s.Archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(string(listing.Data), b.String()); d != "" {
				t.Errorf("listing (-want +got; go test ./pkg/trace -update rewrites it):\n%s", d)
			}
		})
	}
}

// The steps depend on what was observed, not on the order in which it came, nor on how often.
func TestArrivalDoesNotMatter(t *testing.T) {
	for _, s := range scenario.All(t) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			want := asJSON(t, scenario.Fold(s.Subject, s.Observations))
			random := rand.New(rand.NewPCG(1, 2))
			for i := range 2 + 400/len(s.Observations) {
				shuffled := append(slices.Clone(s.Observations), s.Observations[:len(s.Observations)*(i%2)]...)
				random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
				part := trace.New(s.Subject) // any part of it in any order is a run too
				for _, o := range shuffled {
					part.Observe(o)
					if random.IntN(8) == 0 {
						part.Phases(time.Time{})
					}
				}
				if d := cmp.Diff(want, asJSON(t, part)); d != "" {
					t.Fatalf("shuffle %d (-want +got):\n%s", i, d)
				}
			}
		})
	}
}

// Looking at the steps in between changes nothing, and a run that was cut short tells nothing that the whole run
// denies.
func TestTruncated(t *testing.T) {
	for _, s := range scenario.All(t) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			whole := scenario.Fold(s.Subject, s.Observations)
			known := map[seq.Key]bool{}
			for _, step := range whole.Steps() {
				known[step.Key] = true
			}
			growing := trace.New(s.Subject)
			for i, o := range s.Observations {
				growing.Observe(o)
				if i%(1+len(s.Observations)/200) != 0 { // of a long one, not after each
					continue
				}
				growing.Phases(time.Time{})
				for _, step := range growing.Steps() {
					if !known[step.Key] {
						t.Errorf("after %d observations there is %q, which the whole run does not have", i+1, step.Key)
					}
				}
			}
			if d := cmp.Diff(asJSON(t, whole), asJSON(t, growing)); d != "" {
				t.Errorf("looking in between (-without +with):\n%s", d)
			}
		})
	}
}

func TestStepsAreSound(t *testing.T) {
	for _, s := range scenario.All(t) {
		t.Run(s.Name, func(t *testing.T) {
			at := map[seq.Key]int{}
			steps := scenario.Fold(s.Subject, s.Observations).Steps()
			if len(steps) == 0 {
				t.Error("no steps")
			}
			for i, step := range steps {
				switch {
				case len(step.Evidence) == 0:
					t.Errorf("%s has no evidence", step.Key)
				case step.Key == "" || step.From == "" || step.To == "" || step.Label == "" || step.Rule == nil:
					t.Errorf("%s is not whole: %+v", step.Key, step)
				case !step.Window.Latest.IsZero() && step.Window.Latest.Before(step.Window.Earliest):
					t.Errorf("%s: empty window %v", step.Key, step.Window)
				case step.Conflict:
					t.Errorf("%s: its sources contradict each other", step.Key)
				}
				at[step.Key] = i
			}
			for key, i := range at {
				if end, ok := at[key.End()]; ok && end < i {
					t.Errorf("%s ends before it begins", key)
				}
			}
		})
	}
}

// Every row of the table is there because some real run shows it.
func TestEveryRuleHasAScenario(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range scenario.All(t) {
		for _, step := range scenario.Fold(s.Subject, s.Observations).Steps() {
			seen[step.Rule.Name] = true
			for _, e := range step.Evidence {
				seen[e.Rule] = true
			}
		}
		withGap := append(slices.Clone(s.Observations),
			seq.Observation{Gap: &seq.Gap{Resource: "pods", FromRevision: "1", ToRevision: "2", Reason: "too old"}})
		for _, step := range scenario.Fold(s.Subject, withGap).Steps() {
			seen[step.Rule.Name] = true
		}
	}
	for _, r := range trace.Rules() {
		if !seen[r.Name] {
			t.Errorf("no scenario shows rule %q: record one, see \"Add a scenario\" in CONTRIBUTING.md", r.Name)
		}
		if r.Gist == "" || utf8.RuneCountInString(r.Gist) > 67 || r.Explain == "" || r.Doc == "" || r.Proves == "" ||
			r.Trigger == "" {
			t.Errorf("rule %q is not explained, or its gist is longer than 67 characters", r.Name)
		}
	}
}

// Every recording is made by hack/scenarios, and every one that it makes is here.
func TestScriptMakesTheScenarios(t *testing.T) {
	script, err := os.ReadFile("../../hack/scenarios")
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	text := strings.ReplaceAll(string(script), "\\\n", " ")
	makes := `\b(?:record|meanwhile|ended|inside|workload|undone|engine|watched|keep) ([a-z][a-z-]*)\b`
	for _, m := range regexp.MustCompile(makes).
		FindAllStringSubmatch(text, -1) {
		made[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`for name in ([^;]*);`).FindAllStringSubmatch(text, -1) {
		for _, name := range strings.Fields(m[1]) {
			made[name] = true
		}
	}
	there := map[string]bool{}
	for _, s := range scenario.All(t) {
		if there[s.Name] = true; !made[s.Name] {
			t.Errorf("hack/scenarios does not make %s", s.Name)
		}
	}
	for name := range made {
		if !there[name] {
			t.Errorf("%s has not been recorded", name)
		}
	}
}

// neverMet are the causes that no recorded run shows, with the reason for which they are there.
var neverMet = map[string]string{
	"process follows exec:begins": "a look at processes, while a command of ours runs",
	"own-read follows etcd:pods":  "a GET that returned what was written meanwhile",
}

// A cause that no message ever has is a word that somebody has misspelt: of each shape, some run has it for that rule.
func TestCausesAreMessages(t *testing.T) {
	named, known := map[string]string{}, map[string]bool{}
	for _, s := range scenario.All(t) {
		tr := scenario.Fold(s.Subject, s.Observations)
		tr.EachCause(func(rule string, key seq.Key, is bool) {
			if key != "" {
				pair := rule + " follows " + shapeOf(string(key))
				named[pair], known[pair] = string(key), known[pair] || is
			}
		})
	}
	if len(named) < 50 {
		t.Errorf("only %d shapes of causes", len(named))
	}
	for _, shape := range slices.Sorted(maps.Keys(named)) {
		if known[shape] == (neverMet[shape] != "") {
			t.Errorf("%s: %v, like %s", shape, known[shape], named[shape])
		}
	}
}

// shapeOf is a key without what is different from run to run.
func shapeOf(key string) string {
	var words []string
	for _, w := range strings.Split(key[strings.LastIndexByte(key, '/')+1:], ":") {
		if shapeWord.MatchString(w) {
			words = append(words, w)
		}
	}
	return strings.Join(words, ":")
}

// shapeWord is a word of a key that stands for a kind of message: an RPC, a resource, a component, an end.
var shapeWord = regexp.MustCompile(`^([A-Z][A-Za-z]+|[a-z]+s|end|cri|etcd|write|call|event|request|watch|past|deliver|kubelet|scheduler|exec|exit|runc|sync|probe|docker|status|stored|pick|readiness|startup|create|start)$`)
