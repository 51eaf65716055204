package render_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// hostile are texts that servers, users and files can contain.
var hostile = map[string]string{
	"escapes":   "\x1b[2J\x1b]0;owned\x07\x9b31m\r\b\x00",
	"bidi":      "\u202emoc.live\u202c\u2066x\u2069\u200f\u200b\ufeff",
	"width":     "e\u0301\u0302 日本語テキスト 👩‍👩‍👧‍👦 \u1100\u1161 ｆｕｌｌ",
	"bytes":     "\xff\xfe\xc3\x28\xed\xa0\x80",
	"html":      `"><script>alert(1)</script><img src=x onerror=alert(1)>&lt;`,
	"mermaid":   "\nend\nparticipant x;\n%%{init:{}}%% #quot; -->>",
	"very long": strings.Repeat("long ", 1<<17),
	"one word":  strings.Repeat("x", 1<<20),
}

// kept are the fields that make an observation one about the Pod.
var kept = map[string]bool{"namespace": true, "uid": true, "resourceVersion": true, "type": true, "verb": true,
	"kind": true, "id": true, "traceID": true, "parent": true,
	"resource": true, "apiVersion": true, "time": true, "manager": true, "operation": true, "service": true,
	"nodeName": true, "phase": true, "status": true, "generateName": true}

// poison appends a text to every string of a document that is no time, number or field the story hangs on.
func poison(v any, key, text string) any {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			x[k] = poison(e, k, text)
		}
	case []any:
		for i, e := range x {
			x[i] = poison(e, key, text)
		}
	case string:
		if long := len(text) > 1000; long && key != "message" && key != "userAgent" {
			return x
		}
		if !kept[key] && !looksLikeTime(x) && !(key == "name" && looksLikeName(x)) &&
			!(key == "reason" && !strings.Contains(x, " ")) {
			return x + text
		}
	}
	return v
}

func looksLikeTime(s string) bool { return len(s) >= 20 && s[4] == '-' && s[10] == 'T' }

// looksLikeName keeps the names of Pods and Events, which the API server holds to DNS.
func looksLikeName(s string) bool { return !strings.ContainsAny(s, " /_") }

func TestHostileObservations(t *testing.T) {
	for _, s := range scenario.NamedAll(t, "plain", "no-such-tag", "refused", "mutated-evidence", "crash", "evicted",
		"exec-kill", "exec-no-program") {
		for name, text := range hostile {
			t.Run(s.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				bad := scenario.Report(poisoned(t, s, text))
				check(t, bad)
				clean := scenario.Report(scenario.Fold(s.Subject, s.Observations))
				checkComparison(t, render.Compare(clean, bad, [2]string{text[:min(len(text), 100)], s.Name}))
				checkComparison(t, render.Compare(bad, clean, [2]string{s.Name, text[:min(len(text), 100)]}))
			})
		}
	}
}

// poisoned is the scenario with the text in all its strings.
func poisoned(t *testing.T, s scenario.Scenario, text string) *trace.Trace {
	t.Helper()
	tr := trace.New(s.Subject)
	for _, o := range s.Observations {
		data, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		if data, err = json.Marshal(poison(doc, "", text)); err != nil {
			t.Fatal(err)
		}
		var out seq.Observation
		if json.Unmarshal(data, &out) != nil {
			out = o // an enumeration that admits no other word
		}
		tr.Observe(out)
	}
	return tr
}

// check draws the report in every format and looks at what reaches a terminal or file.
func check(t *testing.T, r render.Report) {
	t.Helper()
	r.Context, r.Run.Image = r.Context+hostile["escapes"], r.Run.Image+hostile["bidi"]
	for name, f := range render.Formats {
		checkText(t, name, func(w io.Writer, y render.Style) error { return f.Write(w, r, y) })
	}
}

func checkComparison(t *testing.T, c render.Comparison) {
	t.Helper()
	for name, write := range render.CompareFormats {
		checkText(t, name, func(w io.Writer, y render.Style) error { return write(w, c, y) })
	}
}

func checkText(t *testing.T, name string, draw func(io.Writer, render.Style) error) {
	t.Helper()
	var b bytes.Buffer
	if err := draw(&b, render.Style{Width: 120, Detail: seq.Full, Explain: true}); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if name != "json" && b.Len() > 4<<20 {
		t.Errorf("%s has %d bytes", name, b.Len())
	}
	if !utf8.Valid(b.Bytes()) {
		t.Errorf("%s is no UTF-8", name)
	}
	text := b.String()
	if name == "json" || name == "otlp" { // its strings are for programs, and escaped
		return
	}
	if i := strings.IndexFunc(text,
		func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }); i >= 0 {
		t.Errorf("%s has %q", name, text[max(0, i-20):min(len(text), i+20)])
	}
	if name == "listing" || name == "lanes" {
		for line := range strings.Lines(text) {
			isCommand := strings.HasPrefix(strings.TrimSpace(line), "kubectl ") // which stays whole
			if w := runewidth.StringWidth(strings.TrimSuffix(line, "\n")); w > 120 && !isCommand {
				t.Errorf("%s: a line of %d cells: %.200q", name, w, line)
			}
		}
	}
	if name == "html" && strings.Contains(text, "<script>alert") {
		t.Error("the page has the script")
	}
}
