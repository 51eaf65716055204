package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

var zero = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func after(ms float64) time.Time { return zero.Add(time.Duration(ms * float64(time.Millisecond))) }

// ruleNamed is a rule of the reconstruction.
func ruleNamed(name string) *seq.Rule {
	all := trace.Rules()
	return all[slices.IndexFunc(all, func(r *seq.Rule) bool { return r.Name == name })]
}

func sample() Report {
	window := func(from, to float64) seq.Window { return seq.Window{Earliest: after(from), Latest: after(to)} }
	call := seq.Step{Key: "call", Call: "call", From: seq.Kubectl, To: seq.APIServer, Kind: seq.RequestKind,
		Label: "POST pods (web)", Detail: seq.Brief,
		Best: zero, Window: window(0, 0), Sharp: true, Precision: 100 * time.Microsecond, Certainty: seq.Observed,
		Rule:     ruleNamed("own-create"),
		Evidence: []seq.Evidence{{Source: "http", Text: "our own request"}}}
	answer := call
	answer.Key, answer.From, answer.To = "call:end", seq.APIServer, seq.Kubectl
	answer.Kind, answer.Label, answer.Best = seq.ResponseKind, "201 Created", after(6.4)
	answer.Window, answer.After = window(6.4, 6.4), []seq.Key{"call"}
	delivery := seq.Step{Key: "deliver", From: seq.APIServer, To: seq.Kubelet, Kind: seq.DeliveryKind,
		Label: "watch: Pod web, yours", Detail: seq.Brief,
		Window: window(12.2, 64.1), Best: after(13), Certainty: seq.Inferred, Rule: ruleNamed("kubelet-delivery"),
		After: []seq.Key{"call"}}
	patch := seq.Step{Key: "write", From: seq.Kubelet, To: seq.APIServer, Kind: seq.RequestKind,
		Label: "PATCH pods/status: ContainerCreating (app), Initialized", Detail: seq.Normal,
		ResourceVersion: "419", Verb: "patch", Window: window(12.2, 64.1), Best: after(60), Certainty: seq.Observed,
		Rule: ruleNamed("status-patch")}
	exec := seq.Step{Key: "exec", From: seq.Runc, To: seq.Container("a-container-with-a-long-name"), Kind: seq.RequestKind,
		Label: "exec", Detail: seq.Normal,
		Window: window(15000, 15200), Best: after(15100), Certainty: seq.Inferred, Rule: ruleNamed("exec")}
	return Report{Context: "lab",
		Run: seq.Run{Server: "v1.37.2", Subject: seq.Object{Kind: "Pod", Namespace: "default", Name: "web"},
			Image: "busybox:1", Origin: zero},
		Steps: []*seq.Step{&call, &answer, &delivery, &patch, &exec}}
}

func listing(t *testing.T, y Style, r Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := NewLive("listing", y, &b, nil).Finish(r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestListingAt80(t *testing.T) {
	r := sample()
	r.Outcome = Outcome{Name: "Ready", Total: 15200 * time.Millisecond}
	part := func(from, to float64) []seq.Part {
		return []seq.Part{{Begin: "call", End: "call:end", Likely: seq.Window{Earliest: after(from), Latest: after(to)}}}
	}
	r.Phases = []seq.Phase{
		{Name: "admit", Min: 6400 * time.Microsecond, Max: 6400 * time.Microsecond, Took: 6400 * time.Microsecond,
			Explain: "it is stored", Parts: part(0, 6.4)},
		{Name: "start", Min: 0, Max: 200 * time.Millisecond, Took: 64 * time.Millisecond, Explain: "it is started",
			Parts: append(part(10, 40), part(60, 94)...)},
		{Name: "ready", Min: 20 * time.Millisecond, Max: 30 * time.Millisecond, Took: 25 * time.Millisecond,
			Parts: part(75, 100)},
	}
	r.Waits = []seq.Wait{{Name: "aConstant", Phase: "start", Length: 50 * time.Millisecond, Explain: "it waits",
		Remedy: "do not"}}
	want := strings.TrimPrefix(`
Pod default/web  image busybox:1, on lab (v1.37.2)
● observed  ○ inferred   +ms since the POST; ≈: likely, ±10 or as it says
+0          kubectl    → apiserver  POST pods (web)     201 Created in 6.4 ms ●
+12…65      apiserver  ⇢ kubelet    watch: Pod web, yours                     ○
+12…65      kubelet    → apiserver  PATCH pods/status: ContainerCreating      ●
                                    (app), Initialized           revision 419
+15.0…15.2s runc       → a-contain… exec                                      ○

Ready in 15.2 s
  admit     6.4 ms         ███
  start     ≤ 200 ms            ███████████████           █████████████████
  ready     20–30 ms                                              █████████████
   together 95 ms: a bound is of one phase alone, so the bounds do not add up
The start phase is the largest: it is started.
A fixed wait of 50 ms in start: it waits (aConstant). What removes it: do not.
Each revision is a write to etcd. The arrow of 1 is not drawn: --detail=full
draws all.
`, "\n")
	if got := listing(t, Style{Width: 80, Detail: seq.Normal}, r); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	r := sample()
	r.Steps[3].Label = strings.Repeat("a long word ", 20) + strings.Repeat("x", 300) + " 漢字漢字"
	for _, width := range []int{60, 80, 100, 140, 200} {
		for _, y := range []Style{{Detail: seq.Normal}, {Detail: seq.Full, Explain: true}, {Detail: seq.Brief, ASCII: true}} {
			y.Width = width
			for line := range strings.Lines(listing(t, y, r)) {
				if w := runewidth.StringWidth(strings.TrimSuffix(line, "\n")); w > width {
					t.Errorf("%d wide at %d: %q", w, width, line)
				}
			}
		}
	}
}

func TestASCII(t *testing.T) {
	r := sample()
	r.Steps[2].Label = "plain"
	for i, b := range []byte(listing(t, Style{Width: 80, ASCII: true, Detail: seq.Normal}, r)) {
		if b > 126 {
			t.Fatalf("byte %d is %x", i, b)
		}
	}
}

func TestDetailSelects(t *testing.T) {
	brief := listing(t, Style{Width: 120, Detail: seq.Brief}, sample())
	if strings.Contains(brief, "PATCH") || !strings.Contains(brief, "POST") {
		t.Errorf("brief:\n%s", brief)
	}
	full := listing(t, Style{Width: 120, Detail: seq.Full, Explain: true}, sample())
	if !strings.Contains(full, "http: our own request") ||
		!strings.Contains(full, "\n            Each kubelet watches the Pods that carry its node's name.\n") {
		t.Errorf("full:\n%s", full)
	}
}

func hostileSample() Report {
	r := sample()
	hostile := "a\x1b[2Jb\u202ec\x07d\u0085e\xfff\u200bg\nh"
	r.Run.Subject.Name, r.Run.Image, r.Context, r.Run.Server = hostile, hostile, hostile, hostile
	r.Outcome = Outcome{Name: "Stuck", Reason: hostile, Message: hostile}
	r.Run.Unseen = []string{hostile}
	r.Run.Clocks = []seq.Clock{{Of: seq.Participant(hostile), Offset: time.Second}}
	r.Waits = []seq.Wait{{Name: hostile, Explain: hostile, Remedy: hostile}}
	for i := range r.Steps {
		r.Steps[i].Label, r.Steps[i].From = hostile, seq.Participant(hostile)
		r.Steps[i].To, r.Steps[i].ResourceVersion = seq.Participant(hostile), hostile
		r.Steps[i].Evidence = []seq.Evidence{{Source: hostile, Text: hostile, ResourceVersion: hostile}}
	}
	return r
}

func TestNothingFromAServerReachesTheTerminalRaw(t *testing.T) {
	out := listing(t, Style{Width: 200, Detail: seq.Full, Explain: true}, hostileSample())
	if strings.ContainsAny(out, "\x1b\u202e\x07\u0085\u200b") || strings.Contains(out, "\xff") {
		t.Errorf("%q", out)
	}
}

func TestAppendsSettledLinesOnly(t *testing.T) {
	var b bytes.Buffer
	l := NewLive("listing", Style{Width: 80, Detail: seq.Normal}, &b, nil)
	r := sample()
	whole := r.Steps
	r.Steps = whole[:1] // the request, not answered yet
	update := func(settled int) string {
		t.Helper()
		b.Reset()
		if err := l.Update(r, settled, "status"); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if got := update(0); strings.Contains(got, "POST pods") {
		t.Errorf("unsettled: %q", got)
	}
	if got := update(1); !strings.Contains(got, "POST pods (web)") || strings.Contains(got, "201") {
		t.Errorf("request alone: %q", got)
	}
	r.Steps = whole
	if got := update(3); strings.Contains(got, "POST pods") || !strings.Contains(got, "201 Created") ||
		!strings.Contains(got, "yours") || strings.Contains(got, "PATCH") {
		t.Errorf("answer later: %q", got)
	}
	b.Reset()
	if err := l.Finish(r); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Contains(got, "yours") || !strings.Contains(got, "PATCH") ||
		strings.Contains(got, "\x1b") {
		t.Errorf("end: %q", got)
	}
}

func TestTerminalRedrawsTheTail(t *testing.T) {
	var b bytes.Buffer
	l := NewLive("listing", Style{Detail: seq.Normal, Color: true}, &b, func() (int, int) { return 80, 5 })
	r := sample()
	if err := l.Update(r, 2, "waiting"); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, "POST") || !strings.Contains(got, "waiting") ||
		strings.Count(got, "\n") != 2+1+4 {
		t.Errorf("first: %q", got)
	}
	b.Reset()
	if err := l.Update(r, 2, "waiting"); err != nil || b.Len() != 0 {
		t.Errorf("nothing new, but %q (%v)", b.String(), err)
	}
	if err := l.Update(r, 2, "still waiting"); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.HasPrefix(got, "\x1b[1A\r") || !strings.HasSuffix(got, "\x1b[K\n\x1b[J") ||
		strings.Contains(got, "exec") || !strings.Contains(got, "still waiting") {
		t.Errorf("redraw: %q", got)
	}
	b.Reset()
	if err := l.Update(r, 3, "still waiting"); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.HasPrefix(got, "\x1b[4A\r") || !strings.HasSuffix(got, "\x1b[K\n\x1b[J") ||
		!strings.Contains(got, "yours") {
		t.Errorf("one line more is settled: %q", got)
	}
	b.Reset()
	if err := l.Finish(r); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.HasPrefix(got, "\x1b[4A") || strings.Contains(got, "waiting") ||
		!strings.Contains(got, "exec") {
		t.Errorf("end: %q", got)
	}
}

func TestJSONContract(t *testing.T) {
	r := sample()
	r.Outcome = Outcome{Name: "Stuck", Reason: "Unschedulable", ExitCode: 2}
	var b bytes.Buffer
	if err := JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	var docs []map[string]any
	for line := range strings.Lines(b.String()) {
		var d map[string]any
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		docs = append(docs, d)
	}
	if len(docs) != 7 || docs[0]["type"] != "run" || docs[0]["apiVersion"] != "seq/v1alpha1" ||
		docs[6]["type"] != "outcome" {
		t.Fatalf("%v", docs)
	}
	for _, field := range []string{"index", "from", "to", "kind", "label", "object", "container", "at", "call", "earliest",
		"latest", "shown", "clock", "certainty", "rule", "evidence", "after"} {
		for _, d := range docs[1:6] {
			if _, ok := d[field]; !ok {
				t.Errorf("step %v has no %q", d["label"], field)
			}
		}
	}
	if docs[3]["shown"] != nil || docs[1]["shown"] != "2026-01-02T03:04:05Z" || fmt.Sprint(docs[2]["after"]) != "[0]" ||
		docs[6]["exitCode"] != 2.0 {
		t.Errorf("%v", docs)
	}
}

func TestTimesHaveNoMoreDigitsThanAreKnown(t *testing.T) {
	sharp := func(ms float64, precision time.Duration) *seq.Step {
		return &seq.Step{Best: after(ms), Sharp: true, Precision: precision}
	}
	for want, s := range map[string]*seq.Step{
		"+0":         sharp(0, 100*time.Microsecond),
		"+6.4":       sharp(6.4, 100*time.Microsecond),
		"+548":       sharp(548.3, time.Millisecond),
		"+12.346s":   sharp(12345.6, time.Millisecond),
		"-13":        sharp(-13, 100*time.Microsecond),
		"+12…65":     {Window: seq.Window{Earliest: after(12.2), Latest: after(64.1)}},
		"+12…":       {Window: seq.Window{Earliest: after(12.2)}},
		"+…65":       {Window: seq.Window{Latest: after(64.1)}},
		"+9.9…12.4s": {Window: seq.Window{Earliest: after(9999), Latest: after(12345)}},
		"+12.5s…":    {Window: seq.Window{Earliest: after(12567)}},
		"-577…342":   {Window: seq.Window{Earliest: after(-576.4), Latest: after(341.2)}},
		"+99…131s":   {Window: seq.Window{Earliest: after(99999), Latest: after(130100)}},
		"":           {},
	} {
		if got := (Style{}).at(s, zero); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// at is the time of a step that stands alone.
func (y Style) at(s *seq.Step, zero time.Time) string {
	return y.times([]*seq.Step{s}, zero, nothingAbove, nil)[0].text
}

func TestTimesOfDay(t *testing.T) {
	day := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(text string) time.Time {
		at, err := time.Parse("2006-01-02 15:04:05.999999999", "2026-11-"+text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for want, s := range map[string]*seq.Step{
		"08:47:05.123":           {Sharp: true, Best: at("24 08:47:05.1234"), Precision: time.Millisecond},
		"11-23 08:47:05":         {Window: seq.Window{Earliest: at("23 08:47:05"), Latest: at("23 08:47:06")}},
		"08:47:05":               {Window: seq.Window{Earliest: at("24 08:47:05"), Latest: at("24 08:47:06")}},
		"08:47:05.100…350":       {Window: seq.Window{Earliest: at("24 08:47:05.1"), Latest: at("24 08:47:05.35")}},
		"08:47:05.000…07.500":    {Window: seq.Window{Earliest: at("24 08:47:05"), Latest: at("24 08:47:07.5")}},
		"08:47:05…09":            {Window: seq.Window{Earliest: at("24 08:47:05"), Latest: at("24 08:47:09")}},
		"08:47:05…09:50:02":      {Window: seq.Window{Earliest: at("24 08:47:05.1"), Latest: at("24 09:50:01.2")}},
		"08:47:05…50:01":         {Window: seq.Window{Earliest: at("24 08:47:05"), Latest: at("24 08:50:01")}},
		"08:47:05…09:50:01":      {Window: seq.Window{Earliest: at("24 08:47:05"), Latest: at("24 09:50:01")}},
		"…09:50:01":              {Window: seq.Window{Latest: at("24 09:50:01")}},
		"08:47:05.900…06.100":    {Window: seq.Window{Earliest: at("24 08:47:05.9"), Latest: at("24 08:47:06.1")}},
		"11-21 09:00:00…05":      {Window: seq.Window{Earliest: at("21 09:00:00"), Latest: at("21 09:00:05")}},
		"11-21 09:00:00…":        {Window: seq.Window{Earliest: at("21 09:00:00"), Latest: at("22 09:00:05")}},
		"08:46:59.940…47:00.004": {Window: seq.Window{Earliest: at("24 08:46:59.94"), Latest: at("24 08:47:00.004")}},
		"08:47:05.500…":          {Window: seq.Window{Earliest: at("24 08:47:05.5")}},
		"":                       {},
	} {
		if got := (Style{clock: true}).at(s, day); got != want || utf8.RuneCountInString(got) > timesWidth {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestDurationsOfMinutesAndHours(t *testing.T) {
	for want, d := range map[string][2]time.Duration{"391 ms–31m12s": {391 * time.Millisecond,
		31*time.Minute + 12*time.Second}, "≤ 1h44m50s": {0, time.Hour + 44*time.Minute + 50*time.Second},
		"29m": {29 * time.Minute, 29 * time.Minute}} {
		if got := took(d[0], d[1], 0); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestDurationsBetweenBounds(t *testing.T) {
	for want, d := range map[string][2]time.Duration{
		"6.4 ms":        {6400 * time.Microsecond, 6400 * time.Microsecond},
		"≤ 26 ms":       {0, 26 * time.Millisecond},
		"20–30 ms":      {20 * time.Millisecond, 30 * time.Millisecond},
		"548 ms–1.65 s": {548 * time.Millisecond, 1650 * time.Millisecond},
		"1.20–1.65 s":   {1200 * time.Millisecond, 1650 * time.Millisecond},
		"12.0 s":        {12 * time.Second, 12 * time.Second},
	} {
		if got := took(d[0], d[1], time.Millisecond); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("a\x1b[31mb")
	f.Fuzz(func(t *testing.T, s string) {
		p := Plain(s)
		if strings.ContainsAny(p, "\x1b\n\r\u202e\u2028") {
			t.Errorf("%q", p)
		}
		for _, line := range wrap(p, 20) {
			if w := runewidth.StringWidth(line); w > 20 {
				t.Errorf("%d wide: %q", w, line)
			}
		}
	})
}

// largeReport is a sequence of a hundred steps.
func largeReport() Report {
	r := sample()
	for len(r.Steps) < 100 {
		s := *r.Steps[3]
		s.Key = seq.Key(fmt.Sprint("write", len(r.Steps)))
		r.Steps = append(r.Steps, &s)
	}
	return r
}

func BenchmarkFormats(b *testing.B) {
	r := largeReport()
	for name, f := range Formats {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := f.Write(io.Discard, r, Style{Width: 120, Detail: seq.Full}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The page has a colour for each kind of participant.
func TestPageColours(t *testing.T) {
	for kind := range len(laneOrder) + 1 {
		if class := fmt.Sprintf(".k%d {", kind); !strings.Contains(pageCSS, class) {
			t.Errorf("page.css has no %s", class)
		}
	}
}

// A likely time has the digits that its error allows, and none is printed as before the one above it or after the next
// that is known.
func TestLikelyTimes(t *testing.T) {
	known := func(ms float64) *seq.Step {
		return &seq.Step{Best: after(ms), Sharp: true, Precision: 100 * time.Microsecond}
	}
	likely := func(ms, within float64) *seq.Step {
		return &seq.Step{Best: after(ms), Within: time.Duration(within * float64(time.Millisecond)),
			Window: seq.Window{Earliest: zero, Latest: after(20_000)}}
	}
	for name, c := range map[string]struct {
		rows []*seq.Step
		want string
	}{
		"by their error": {[]*seq.Step{likely(3.26, 0.9), likely(26.6, 4), likely(526, 30), likely(1261, 400)},
			"≈3.3 ≈27 ≈530±40 ≈1300±500"},
		"of seconds":                     {[]*seq.Step{likely(12_345.6, 4), likely(12_345.6, 40)}, "≈12.345s ≈12.35s"},
		"between known ones":             {[]*seq.Step{known(6.4), likely(6.8, 20), known(7.1)}, "+6.4 ≈7±30 +7.1"},
		"after one that is less":         {[]*seq.Step{likely(476, 30), likely(477, 4), known(480)}, "≈470±40 ≈477 +480"},
		"of the beginning":               {[]*seq.Step{known(0), likely(0.3, 3)}, "+0 ≈0"},
		"of the beginning, hardly known": {[]*seq.Step{known(0), likely(31, 240), likely(4, 40)}, "+0 ≈0±300 ≈0±50"},
	} {
		var text []string
		for _, x := range (Style{}).times(c.rows, zero, nothingAbove, nil) {
			text = append(text, x.text)
		}
		if got := strings.Join(text, " "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if proved := (Style{Proved: true}).at(likely(526, 30), zero); proved != "+0.0…20.0s" {
		t.Errorf("proved: %s", proved)
	}
	day := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	step := &seq.Step{Best: day.Add(3*time.Second + 456*time.Millisecond), Within: 70 * time.Millisecond}
	if text := (Style{clock: true}).at(step, day); text != "≈12:00:03.46" {
		t.Errorf("of the day: %s", text)
	}
}

func TestLikelyDurations(t *testing.T) {
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	for want, d := range map[string]lasted{
		"≈ 423 ms (≤ 476 ms)":     {0, ms(476), ms(423), ms(4)},
		"≈ 420 ms (≤ 476 ms)":     {0, ms(476), ms(423), ms(40)},
		"≈ 3.2 ms (≤ 17 ms)":      {0, ms(17), ms(3.21), ms(0.6)},
		"≈ 1200 ms (800–3100 ms)": {ms(800), ms(3100), ms(1240), ms(300)},
		"≈ 1.2 s (0.800–31.0 s)":  {ms(800), ms(31000), ms(1240), ms(300)},
		"≈ 9 ms (≤ 9.9 ms)":       {0, ms(9.9), ms(9.6), ms(4)},       // not above what is proved
		"420–430 ms":              {ms(420), ms(430), ms(423), ms(6)}, // what is proved is as sharp
		"≤ 30 ms":                 {0, ms(30), ms(20), 0},
	} {
		if got := (Style{}).took(d); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
