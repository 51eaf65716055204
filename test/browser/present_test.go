//go:build browser

package browser

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// press has the page hear a key, as a keyboard or a presenter's remote sends it.
func (p *tab) press(t *testing.T, key string) {
	t.Helper()
	p.do(t, script(fmt.Sprintf(`document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: %q, bubbles: true, cancelable: true}))`, key)))
}

const shownSteps = `document.querySelectorAll(".step:not(.later)").length`

// A remote has no more than PageDown and PageUp; a keyboard has arrows, Home and End.
func TestPageKeysShowStepAfterStep(t *testing.T) {
	r := plain(t)
	p := open(t, r, render.Style{Detail: seq.Normal})
	all := upTo(r, seq.Normal)
	p.press(t, "PageDown")
	if n := value[int](t, p, shownSteps); n != all {
		t.Errorf("before anything plays PageDown is for the page, but %d of %d steps show", n, all)
	}
	for i, c := range []struct {
		key  string
		want int
	}{{"ArrowRight", 1}, {"ArrowRight", 2}, {"PageDown", 3}, {"PageDown", 4}, {"ArrowLeft", 3}, {"PageUp", 2}, {"Home", 0},
		{"ArrowRight", 1}, {"End", all}} {
		if p.press(t, c.key); value[int](t, p, shownSteps) != c.want {
			t.Errorf("key %d, %s: %d steps show, want %d", i, c.key, value[int](t, p, shownSteps), c.want)
		}
	}
}

// For an audience: nothing but the diagram, the heads in sight, the step that plays at two fifths of the height, what
// it means right below it, and a clock that tells of a long wait.
func TestPagePresents(t *testing.T) {
	p := sheet(t, drawn(t, "html", named(t, "crash"), render.Style{Detail: seq.Normal}))
	p.press(t, "p")
	if value[bool](t, p, `["header", "#phases", "#controls", "footer"].some((s) => document.querySelector(s).checkVisibility())`) {
		t.Error("there is more than the diagram")
	}
	waited := ""
	for n := 1; n < 60; n++ {
		p.press(t, "PageDown")
		waited += value[string](t, p, `document.querySelector("#clock strong")?.textContent ?? ""`)
		if n%10 != 0 {
			continue
		}
		got := value[[]float64](t, p, `(() => {
			const row = document.querySelector(".step.current").getBoundingClientRect(), heads = document.getElementById("heads").getBoundingClientRect();
			return [row.top, document.getElementById("evidence").getBoundingClientRect().top - row.bottom, heads.top, heads.bottom];
		})()`)
		if got[0] < 0.3*720 || got[0] > 0.5*720 || got[1] < -1 || got[1] > 2 || got[2] != 0 || got[3] > got[0] {
			t.Errorf("step %d: row at %.0f, explanation %.0f below it, heads from %.0f to %.0f", n, got[0], got[1], got[2],
				got[3])
		}
		if gist := value[string](t, p, `(report.rules[report.steps[state.current].rule] ?? {gist: "to open it"}).gist`); !strings.Contains(
			value[string](t, p, `document.getElementById("evidence").textContent`), gist) {
			t.Errorf("step %d: not said: %s", n, gist)
		}
	}
	if !strings.Contains(waited, "waiting 10 s") {
		t.Errorf("the clock tells of no back-off: %q", waited)
	}
	const said = `document.querySelector("#evidence .outcome")?.textContent ?? ""`
	if p.press(t, "Home"); value[string](t, p, said) != "" {
		t.Error("the outcome is told before the end")
	}
	if p.press(t, "End"); !strings.Contains(value[string](t, p, said), "ends with exit code 1 each time") {
		t.Errorf("in the end it is not told what came of it: %q", value[string](t, p, said))
	}
	p.press(t, "Escape")
	if !value[bool](t, p, `document.querySelector("#controls").checkVisibility()`) {
		t.Error("Escape does not leave the presenter mode")
	}
}

// Who scrolls a long diagram sees whose lifelines these are; the diagram begins at the top of the sheet.
func TestPageHeadsStay(t *testing.T) {
	p := sheet(t, drawn(t, "html", named(t, "liveness"), render.Style{Detail: seq.Normal}))
	if top := value[float64](t, p, `document.getElementById("heads").getBoundingClientRect().top`); top > 720/3 {
		t.Errorf("the diagram begins at %.0f of 720", top)
	}
	for _, view := range []string{"order", "time"} {
		p.do(t, script(`document.querySelector("#view [value=`+view+`]").click()`), script(`scrollTo(0, 2000)`))
		if top := value[float64](t, p, `document.getElementById("heads").getBoundingClientRect().top`); top != 0 {
			t.Errorf("%s: the heads are at %.0f", view, top)
		}
	}
}

// What says more of a step covers no lane.
func TestPageEvidenceCoversNothing(t *testing.T) {
	p := sheet(t, drawn(t, "html", plain(t), render.Style{Detail: seq.Normal}))
	p.do(t, script(`document.querySelectorAll(".step")[12].click()`))
	if value[bool](t, p, `(() => {
		const panel = document.getElementById("evidence").getBoundingClientRect();
		return [...document.querySelectorAll(".step, .heads")].some((e) => {
			const r = e.getBoundingClientRect();
			return r.top < panel.bottom - 1 && r.bottom > panel.top + 1;
		});
	})()`) {
		t.Error("the panel lies over a row")
	}
}

// A phone scrolls the diagram, and not the whole sheet.
func TestPageOnNarrowWindows(t *testing.T) {
	for _, name := range []string{"plain", "deployment", "show-twelve"} {
		p := sheet(t, drawn(t, "html", named(t, name), render.Style{Detail: seq.Normal}))
		for _, width := range []int64{360, 768, 1024} {
			p.do(t, chromedp.EmulateViewport(width, 800))
			p.until(t, fmt.Sprintf(`innerWidth === %d && document.documentElement.scrollWidth <= innerWidth`, width))
		}
		p.do(t, chromedp.EmulateViewport(360, 800))
		if high := value[float64](t, p, `document.querySelector("#pods .ends")?.getBoundingClientRect().height ?? 0`); high > 30 {
			t.Errorf("%s: the ends of the axis of Pods are %.0f high", name, high)
		}
		p.do(t, script(`document.getElementById("stage").scrollLeft = 150`))
		p.until(t, `document.getElementById("heads").scrollLeft === document.getElementById("stage").scrollLeft`)
	}
}

// On paper: landscape, the heads on each sheet, and a first sheet that is not blank.
func TestPagePrints(t *testing.T) {
	p := sheet(t, drawn(t, "html", named(t, "liveness"), render.Style{Detail: seq.Normal}))
	pdf, err := chromedp.Run(p, chromedp.PrintToPDF())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "page.pdf")
	if err := os.WriteFile(path, pdf, 0o644); err != nil {
		t.Fatal(err)
	}
	sheets := strings.Split(strings.TrimSuffix(poppler(t, "pdftotext", "-layout", path, "-"), "\f"), "\f")
	if len(sheets) < 3 {
		t.Fatalf("%d sheets", len(sheets))
	}
	for i, s := range sheets[:len(sheets)-1] { // the last may have no more than the legend
		if !strings.Contains(s, "containerd") || !strings.Contains(s, "scheduler") {
			t.Errorf("sheet %d has no heads: %.200s", i+1, s)
		}
	}
	if !strings.Contains(sheets[0], "POST pods") {
		t.Errorf("the diagram does not begin on the first sheet: %.300s", sheets[0])
	}
	var w, h float64
	_, size, _ := strings.Cut(poppler(t, "pdfinfo", path), "Page size:")
	if _, err := fmt.Sscanf(strings.TrimSpace(size), "%f x %f", &w, &h); err != nil || w <= h {
		t.Errorf("a sheet is %.0f by %.0f: %v", w, h, err)
	}
}

func poppler(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s (apt-get install poppler-utils): %v", name, err)
	}
	return string(out)
}

// The axis of time is broken where nothing happens for long; the wheel and keys zoom it.
func TestPageTimeView(t *testing.T) {
	p := sheet(t, drawn(t, "html", named(t, "late-configmap"), render.Style{Detail: seq.Normal}))
	p.do(t, script(`document.querySelector("#view [value=time]").click()`))
	if n := p.count(t, "svg.axis .break"); n == 0 {
		t.Error("an axis of 14 s, of which nothing happens in 13, is not broken")
	}
	if title := value[string](t, p, `document.querySelector(".axis g title").textContent`); p.count(t, ".broken.waited") == 0 ||
		!strings.HasPrefix(title, "retry: ") {
		t.Errorf("the break does not say that a wait is left out: %q", title)
	}
	width := func() float64 {
		return value[float64](t, p, `Math.max(...[...document.querySelectorAll(".chart .pale, .chart .sure")].map((e) => e.getBoundingClientRect().width))`)
	}
	before := width()
	p.press(t, "+")
	if zoomed := width(); zoomed <= before {
		t.Errorf("+ does not zoom: %.0f, then %.0f", before, zoomed)
	}
	p.press(t, "0")
	box := value[[]float64](t, p, `(() => { const r = document.querySelector(".axis .hit").getBoundingClientRect(); return [r.left + r.width / 3, r.top + 10]; })()`)
	turn := input.DispatchMouseEventParams{Type: "mouseWheel", X: box[0], Y: box[1], DeltaX: 1, DeltaY: -300}
	if _, err := chromedp.Call(p, input.DispatchMouseEvent, turn); err != nil {
		t.Fatal(err)
	}
	p.until(t, `state.zoom[1] - state.zoom[0] < 1`)
}

// All Pods stand on one axis, one of them is drawn, and a click draws another.
func TestPagePods(t *testing.T) {
	r := named(t, "deployment")
	r.Pods = "first"
	p := sheet(t, drawn(t, "html", r, render.Style{Detail: seq.Normal}))
	if n := p.count(t, "#pods [data-pod]"); n != len(r.Members)+1 {
		t.Errorf("%d rows for %d Pods", n, len(r.Members))
	}
	about := func() []int {
		return value[[]int](t, p, `[...new Set([...document.querySelectorAll(".step")].map((e) => report.steps[e.dataset.step].pod))].filter((p) => p >= 0).sort()`)
	}
	for pod, want := range map[string]string{"0": "[0]", "1": "[1]", "-1": "[0 1]"} {
		p.do(t, script(`document.querySelector("#pods [data-pod='`+pod+`']").click()`))
		if got := fmt.Sprint(about()); got != want {
			t.Errorf("Pod %s: steps of %s", pod, got)
		}
	}
}

// What is drawn is chosen by keys too: a remote can be set to them, and a presenter shows no controls.
func TestPageKeysChooseWhatIsDrawn(t *testing.T) {
	p := sheet(t, drawn(t, "html", named(t, "deployment"), render.Style{Detail: seq.Normal}))
	rows := map[string]int{}
	for _, key := range []string{"1", "2", "3"} {
		p.press(t, key)
		rows[key] = value[int](t, p, shownSteps)
	}
	if rows["1"] >= rows["2"] || rows["2"] >= rows["3"] {
		t.Errorf("steps at each detail: %v", rows)
	}
	if p.press(t, "t"); value[string](t, p, `state.view`) != "time" {
		t.Error("T does not show the view of time")
	}
	if p.press(t, "T"); value[string](t, p, `state.view`) != "order" {
		t.Error("T does not show the order again")
	}
	pods := ""
	for _, key := range []string{"]", "]", "]", "[", "[", "["} {
		p.press(t, key)
		pods += value[string](t, p, `document.querySelector("#pods [aria-pressed=true]").dataset.pod + " "`)
	}
	if pods != "0 1 1 0 -1 -1 " {
		t.Errorf("Pods drawn: %s", pods)
	}
}
