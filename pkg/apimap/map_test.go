package apimap_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

var update = flag.Bool("update", false, "write what is drawn of each snapshot anew")

// scenario is a snapshot, and what is drawn of it: listings of two widths and a graph.
type scenario struct {
	name     string
	comment  string
	snapshot *apimap.Snapshot
	archive  *txtar.Archive
}

func scenarios(t testing.TB) (all []scenario) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no scenario")
	}
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := apimap.Read(bytes.NewReader(part(a, "map.jsonl")))
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all = append(all, scenario{strings.TrimSuffix(filepath.Base(f), ".txtar"), string(a.Comment), s, a})
	}
	return all
}

func part(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func drawn(t testing.TB, format string, m apimap.Map, y render.Style) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.MapFormats[format](&b, m, y); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestScenarios(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(s.name, func(t *testing.T) {
			m := apimap.Derive(s.snapshot)
			want := []txtar.File{{Name: "map.jsonl", Data: part(s.archive, "map.jsonl")}}
			for _, x := range []struct {
				name, format string
				style        render.Style
			}{
				{"listing", "listing", render.Style{Width: 120, Detail: seq.Normal}},
				{"listing in 80 columns", "listing", render.Style{Width: 80, Detail: seq.Normal}},
				{"listing in full", "listing", render.Style{Width: 120, Detail: seq.Full}},
				{"mermaid", "mermaid", render.Style{Width: 120, Detail: seq.Normal}},
			} {
				text := drawn(t, x.format, m, x.style)
				want = append(want, txtar.File{Name: x.name, Data: []byte(text)})
				if x.format == "listing" && x.style.Detail < seq.Full {
					for line := range strings.Lines(text) {
						if n := len([]rune(strings.TrimRight(line, "\n"))); n >= x.style.Width {
							t.Errorf("%s: a line of %d characters: %s", x.name, n, line)
						}
					}
				}
			}
			if *update {
				s.archive.Files = want
				if err := os.WriteFile("testdata/"+s.name+".txtar", txtar.Format(s.archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, f := range want {
				if diff := cmp.Diff(string(part(s.archive, f.Name)), string(f.Data)); diff != "" {
					t.Errorf("%s is not as it was (-update writes it, -want +got):\n%s", f.Name, diff)
				}
			}
		})
	}
}

// Each API has all that is promised of it, between components that are there.
func TestEachAPIIsWhole(t *testing.T) {
	for _, s := range scenarios(t) {
		m := apimap.Derive(s.snapshot)
		ids := map[string]bool{}
		for _, c := range m.Components {
			if ids[c.ID] || c.Name == "" || c.Kind == "" {
				t.Errorf("%s: component %+v", s.name, c)
			}
			ids[c.ID] = true
		}
		apis := map[string]bool{}
		for _, a := range m.APIs {
			switch {
			case !ids[a.From] || !ids[a.To]:
				t.Errorf("%s: %s is between what is not drawn", s.name, a.ID)
			case apis[a.ID]:
				t.Errorf("%s: two are called %s", s.name, a.ID)
			case a.Section == "" || a.Name == "" || a.Protocol == "" || a.Authentication == "" || a.Proof.Ask == "" ||
				a.Proof.Value == "" || a.You.Permission == "" || a.Try.Command == "":
				t.Errorf("%s: something is missing of %+v", s.name, a)
			case a.Certainty == seq.Observed && a.Proof.Ask == "none":
				t.Errorf("%s: nothing has told of %s", s.name, a.ID)
			}
			apis[a.ID] = true
		}
		for _, h := range m.Hidden {
			if h.What == "" || h.Why == "" {
				t.Errorf("%s: %+v", s.name, h)
			}
		}
	}
}

// The same answers in another order, or written and read again, give the same map.
func TestDeriveIsPure(t *testing.T) {
	for _, s := range scenarios(t) {
		want := apimap.Derive(s.snapshot)
		other := *s.snapshot
		other.Answers = slices.Clone(other.Answers)
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(other.Answers), func(i, j int) {
			other.Answers[i], other.Answers[j] = other.Answers[j], other.Answers[i]
		})
		if diff := cmp.Diff(want, apimap.Derive(&other)); diff != "" {
			t.Errorf("%s: another order (-want +got):\n%s", s.name, diff)
		}
		file := written(t, s.snapshot)
		if diff := cmp.Diff(want, apimap.Derive(file), sameCommands); diff != "" {
			t.Errorf("%s: written and read (-want +got):\n%s", s.name, diff)
		}
		if diff := cmp.Diff(apimap.Derive(file), apimap.Derive(written(t, file))); diff != "" {
			t.Errorf("%s: written and read twice (-want +got):\n%s", s.name, diff)
		}
	}
}

// Without any one answer, or with none, there is a smaller map, and never more that is certain: where the labels of the
// namespace are missing, more webhooks may choose it.
func TestEachAnswerMayBeMissing(t *testing.T) {
	for _, s := range scenarios(t) {
		whole := apimap.Derive(s.snapshot)
		for _, status := range []int{403, 404, 500, 0} {
			for i := -1; i < len(s.snapshot.Answers); i++ {
				less := *s.snapshot
				less.Answers = slices.Clone(less.Answers)
				what := "all"
				for k := range less.Answers {
					if i < 0 || i == k {
						a := &less.Answers[k]
						a.Status, a.Error, a.Body = status, "refused", nil
						what = a.Ask
					}
				}
				m := apimap.Derive(&less)
				if len(observed(m)) > len(observed(whole)) || len(m.APIs) > len(whole.APIs) && !strings.HasSuffix(what,
					"/namespaces/maptry") {
					t.Errorf("%s: %d for %s has more APIs", s.name, status, what)
				}
				if i < 0 && (len(m.Hidden) == 0 || len(m.APIs) == 0) {
					t.Errorf("%s: %d for all: %d APIs, %d lines of what is missing", s.name, status, len(m.APIs), len(m.Hidden))
				}
				for _, format := range []string{"listing", "mermaid", "svg", "html", "json"} {
					if i < 0 && drawn(t, format, m, render.Style{Width: 80, Detail: seq.Full}) == "" {
						t.Errorf("%s: %d for all: no %s", s.name, status, format)
					}
				}
			}
		}
	}
}

func observed(m apimap.Map) (all []apimap.API) {
	for _, a := range m.APIs {
		if a.Certainty == seq.Observed {
			all = append(all, a)
		}
	}
	return all
}

// What the API server says is data: nothing of it gets past the escapes of any format.
func TestHostileAnswers(t *testing.T) {
	for name, bad := range map[string]string{
		"escapes": "\x1b[2J\x1b]0;owned\x07\u009b31m\r\b", "bidi": "\u202emoc.live\u202c\u2066",
		"html": `"><script>alert(1)</script><img src=x onerror=alert(1)>`, "mermaid": "\"]\nend\n%%{init:{}}%% click a |x| --> <br/>",
		"shell": "$(touch /tmp/x)`id`'\"; rm -rf / #", "template": "{{listing}}{{script}}", "long": strings.Repeat("x", 5000),
	} {
		for _, s := range scenarios(t) {
			poisoned := *s.snapshot
			poisoned.Context += bad
			poisoned.Answers = slices.Clone(poisoned.Answers)
			for i := range poisoned.Answers {
				a := &poisoned.Answers[i]
				var is any
				if json.Unmarshal(a.Body, &is) == nil {
					a.Body, _ = json.Marshal(poison(is, "", bad))
				}
				a.Error += bad
			}
			m := apimap.Derive(&poisoned)
			for format := range render.MapFormats {
				out := drawn(t, format, m, render.Style{Width: 100, Detail: seq.Full})
				for _, r := range "\x1b\x07\r\b\u009b\u202e\u2066" {
					if format != "json" && strings.ContainsRune(out, r) {
						t.Fatalf("%s, %s, %s: %q gets through", s.name, name, format, r)
					}
				}
				if (format == "html" || format == "svg") && strings.Contains(out, "<script>alert") {
					t.Fatalf("%s, %s, %s: markup gets through", s.name, name, format)
				}
				if format == "mermaid" && strings.Contains(out, "%%{") {
					t.Fatalf("%s, %s: a directive gets through", s.name, name)
				}
			}
			for _, a := range m.APIs {
				if name == "shell" && !safe(a.Try.Command) {
					t.Errorf("%s: %s is no safe command: %s", s.name, a.ID, a.Try.Command)
				}
			}
		}
	}
}

// safe reports whether what is dangerous in a command stands in single quotes.
func safe(command string) bool {
	quoted := false
	for i := 0; i < len(command); i++ {
		switch {
		case command[i] == '\'':
			quoted = !quoted
		case command[i] == '\\' && !quoted:
			i++
		case !quoted && strings.ContainsRune("`;#", rune(command[i])), !quoted && strings.HasPrefix(command[i:], "$("):
			return false
		}
	}
	return !quoted
}

// poison appends a text to all strings but those by which objects are known.
func poison(v any, key, bad string) any {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			x[k] = poison(e, k, bad)
		}
	case []any:
		for i, e := range x {
			x[i] = poison(e, key, bad)
		}
	case string:
		if !slices.Contains([]string{"uid", "kind", "namespace", "time", "nodeName", "renewTime", "startedAt", "creationTimestamp",
			"deletionTimestamp", "lastTransitionTime", "kubernetes.io/service-name", "type", "status", "subresource", "manager"}, key) {
			return x + bad
		}
	}
	return v
}

// Nothing is kept of an answer but what a map is derived from.
func TestOnlyWhatIsReadIsKept(t *testing.T) {
	const secret = "hunter2"
	pod := fmt.Sprintf(`{"metadata":{"name":"web","namespace":"default","annotations":{"note":%q,"prometheus.io/port":"80"}},
		"spec":{"containers":[{"name":"app","image":"x","args":[%[1]q],"command":[%[1]q],"env":[{"name":"A","value":%[1]q}],
		"livenessProbe":{"httpGet":{"path":"/","port":80,"httpHeaders":[{"name":"Authorization","value":%[1]q}]}}}],
		"volumes":[{"name":"v","csi":{"volumeAttributes":{"key":%[1]q}}}]},
		"status":{"podIP":"10.0.0.1","containerStatuses":[{"name":"app","state":{"terminated":{"message":%[1]q}}}]}}`, secret)
	subject := seq.Object{Kind: "Pod", Namespace: "default", Name: "web"}
	n := 0
	for _, q := range apimap.First(seq.Object{}) { // of what there may be 10,000 nobody lists more than a few
		for _, many := range []string{"/pods", "/services", "/ingresses"} {
			if strings.HasPrefix(q.Path, "/api") && strings.Contains(q.Path, many+"?") && !strings.Contains(q.Path, "labelSelector=") &&
				(!q.Metadata || !strings.HasSuffix(q.Path, "?limit=1")) {
				t.Errorf("it lists all of %s", q.Path)
			}
		}
	}
	for _, q := range apimap.First(subject) {
		if strings.Contains(q.Path, "secret") {
			t.Errorf("it asks for %s", q.Path)
		}
		if strings.HasSuffix(q.Path, "/pods/web") {
			a := q.Answer(200, []byte(pod), nil)
			if n++; strings.Contains(string(a.Body), secret) || !strings.Contains(string(a.Body), `"prometheus.io/port":"80"`) {
				t.Errorf("kept: %s", a.Body)
			}
		}
		if q.Method != "GET" && !strings.HasSuffix(q.Path, "reviews") {
			t.Errorf("it does not only read: %s", q.Ask())
		}
		if strings.Contains(q.Path, "/proxy") {
			t.Errorf("nobody has asked for nodes/proxy: %s", q.Ask())
		}
	}
	if n != 1 {
		t.Errorf("the Pod is asked for %d times", n)
	}
}

// The messages of a run light up between the components that they are between; deliveries, notes and controllers too.
func TestLight(t *testing.T) {
	for _, s := range scenarios(t) {
		if s.name != "pod" {
			continue
		}
		m := apimap.Derive(s.snapshot)
		missing := m.Light([]*seq.Step{
			{From: seq.Kubectl, To: seq.APIServer, Label: "POST pods", Certainty: seq.Observed},
			{From: seq.APIServer, To: seq.Scheduler, Kind: seq.DeliveryKind, Label: "watch", Certainty: seq.Inferred},
			{From: seq.Scheduler, To: seq.Scheduler, Kind: seq.NoteKind, Label: "picks node1"},
			{From: seq.Controller("job-controller"), To: seq.APIServer, Label: "POST pods"},
			{From: seq.Kubelet, To: seq.Runtime, Label: "RunPodSandbox"},
			{From: seq.Runc, To: seq.Container("app"), Label: "exec <b>"},
			{From: seq.Runc, To: seq.Container("nobody"), Label: "exec"},
		})
		if missing != 1 || len(m.Run) != 6 || m.Run[4].To != "containerd" || m.Run[3].From != "controller-manager" {
			t.Errorf("%d are missing of %+v", missing, m.Run)
		}
		page := drawn(t, "html", m, render.Style{Detail: seq.Normal})
		for _, want := range []string{`<li data-link="0" tabindex="0"><b>kubectl → apiserver</b> POST pods</li>`,
			`class="inferred" tabindex="0"><b>apiserver → scheduler</b> watch`, "<b>scheduler</b> picks node1", "exec &lt;b&gt;"} {
			if !strings.Contains(page, want) {
				t.Errorf("the page has no %s", want)
			}
		}
	}
}
