//go:build browser

package browser

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// open draws the report as a page and opens it from disk. In the end the page must have complained about nothing and
// asked for nothing but itself.
func open(t *testing.T, r render.Report, y render.Style) *tab {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(drawn(t, "html", r, y)), 0o644); err != nil {
		t.Fatal(err)
	}
	p := newTab(t)
	p.do(t, chromedp.Navigate("file://"+path))
	p.until(t, `document.querySelector("#stage svg") !== null`)
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.complaints) > 0 || len(p.requests) != 1 {
			t.Errorf("complaints %q, requests %q", p.complaints, p.requests)
		}
	})
	return p
}

func plain(t *testing.T) render.Report {
	t.Helper()
	return named(t, "plain")
}

// count is how many elements a selector finds.
func (p *tab) count(t *testing.T, selector string) int {
	t.Helper()
	return value[int](t, p, `document.querySelectorAll(`+"`"+selector+"`"+`).length`)
}

func upTo(r render.Report, d seq.Detail) (n int) {
	for _, s := range r.Steps {
		if s.Detail <= d {
			n++
		}
	}
	return n
}

// calls are how many rows an axis of time has: one for a call with its answer.
func calls(r render.Report, d seq.Detail, folded []int) (n int) {
	asked := map[seq.Key]bool{}
	for i, s := range r.Steps {
		if slices.Contains(folded, i) || s.Detail > d || s.Kind == seq.ResponseKind && asked[s.Call] {
			continue
		}
		if n++; s.Kind == seq.RequestKind && s.Call != "" {
			asked[s.Call] = true
		}
	}
	return n
}

func TestPageOpensForEveryScenario(t *testing.T) {
	p, path := newTab(t), filepath.Join(t.TempDir(), "page.html")
	for i, s := range scenario.All(t) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		if err := os.WriteFile(path, []byte(drawn(t, "html", r, render.Style{Detail: seq.Normal})), 0o644); err != nil {
			t.Fatal(err)
		}
		p.do(t, chromedp.Navigate("file://"+path))
		folded, more := value[[]int](t, p, folds+`.flatMap((f) => f.steps)`), value[int](t, p, folds+`.length`)
		if n, want := p.count(t, ".step"), upTo(r, seq.Normal)-len(folded)+more; n != want {
			t.Errorf("%s: %d steps, want %d", s.Name, n, want)
		}
		p.do(t, script(`document.querySelector("#view [value=time]").click()`))
		if n, want := p.count(t, ".step"), calls(r, seq.Normal, folded)+more; n != want {
			t.Errorf("%s: time chart: %d calls, want %d", s.Name, n, want)
		}
		if o := r.Outcome.Obstacle; o != nil {
			p.do(t, script(`document.getElementById("why").open = true`))
			if text := value[string](t, p, `document.getElementById("obstacle").innerText`); !strings.Contains(text,
				string(o.By)) || !strings.Contains(text, o.Next()) {
				t.Errorf("%s: who holds the Pod: %q", s.Name, text)
			}
		}
		if n := value[int](t, p,
			`[...document.querySelectorAll("svg *")].filter((e) => [...e.attributes].some((a) => /NaN|Infinity|undefined/.test(a.value))).length`); n != 0 {
			t.Errorf("%s: %d shapes have no place", s.Name, n)
		}
		p.mu.Lock()
		if len(p.complaints) > 0 || len(p.requests) != i+1 {
			t.Errorf("%s: complaints %q, requests %q", s.Name, p.complaints, p.requests)
		}
		p.mu.Unlock()
	}
}

// folds are those of the normal detail.
const folds = `JSON.parse(document.getElementById("report").textContent).folds.filter((f) => f.detail === 2)`

// What repeats is one row, which opens on a click or by Enter, and closes again; in full detail all is there.
func TestPageOpensWhatRepeats(t *testing.T) {
	r := named(t, "repeats-crash")
	p := open(t, r, render.Style{Detail: seq.Normal})
	const fold = `.step[aria-expanded]`
	few := p.count(t, ".step")
	if n := p.count(t, fold); n != 1 || p.count(t, fold+`[aria-expanded=false][aria-label*="7 times more, 8 in all"]`) != 1 {
		t.Fatalf("%d rows of what repeats", n)
	}
	inside := value[int](t, p, folds+"[0].steps.length")
	press := map[string]string{
		"a click": `dispatchEvent(new MouseEvent("click", {bubbles: true}))`,
		"Enter":   `dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}))`,
	}
	for how, event := range press {
		p.do(t, script("document.querySelector(`"+fold+"`).focus(); document.querySelector(`"+fold+"`)."+event))
		if n := p.count(t, ".step"); n != few+inside || n != upTo(r, seq.Normal)+1 ||
			p.count(t, fold+"[aria-expanded=true]") != 1 {
			t.Errorf("opened by %s: %d steps, want %d", how, n, few+inside)
		}
		if !value[bool](t, p, "document.activeElement.matches(`"+fold+"`)") {
			t.Errorf("opened by %s, it has lost the focus", how)
		}
		p.do(t, script("document.querySelector(`"+fold+"`)."+event))
		if n := p.count(t, ".step"); n != few {
			t.Errorf("closed by %s: %d steps, want %d", how, n, few)
		}
	}
	p.do(t, script(`document.querySelector('#detail [value="3"]').click()`))
	if n := p.count(t, ".step"); n != upTo(r, seq.Full) || p.count(t, fold) != 0 {
		t.Errorf("in full %d steps, want %d", n, upTo(r, seq.Full))
	}
}

func TestPageControls(t *testing.T) {
	r := plain(t)
	p := open(t, r, render.Style{Detail: seq.Normal})
	click := func(selector string) { p.do(t, script("document.querySelector(`"+selector+"`).click()")) }

	for d, name := range []string{1: "brief", 2: "normal", 3: "full"} {
		if d == 0 {
			continue
		}
		click(`#detail [value="` + string(rune('0'+d)) + `"]`)
		if n, want := p.count(t, ".step"), upTo(r, seq.Detail(d)); n != want {
			t.Errorf("%s: %d steps, want %d", name, n, want)
		}
	}
	click(`#detail [value="2"]`)

	click("#lanes summary")
	before := p.count(t, ".heads")
	p.do(t, script(`[...document.querySelectorAll("#lanes label")].find((l) => l.textContent === "etcd").querySelector("input").click()`))
	if n := p.count(t, ".heads"); n != before-1 {
		t.Errorf("without etcd there are %d lanes of %d", n, before)
	}
	if value[bool](t, p,
		`[...document.querySelectorAll(".step")].some((e) => e.getAttribute("aria-label").includes("etcd"))`) {
		t.Error("a step of the hidden lane is there")
	}
	p.do(t, script(`[...document.querySelectorAll("#lanes label")].find((l) => l.textContent === "etcd").querySelector("input").click()`))

	// By mouse: the evidence of a step, its explanation, the way to the documentation.
	p.do(t, script(`[...document.querySelectorAll(".step")].find((e) => e.getAttribute("aria-label").includes("RunPodSandbox")).dispatchEvent(new MouseEvent("click", {bubbles: true}))`))
	panel := value[string](t, p, `document.getElementById("evidence").textContent`)
	for _, want := range []string{"RunPodSandbox", "kubelet → containerd", "inferred", "between",
		"The runtime makes the Pod's namespaces", "podAttachAndMountRetryInterval", "Evidence", "events:",
		"rule: run-sandbox"} {
		if !strings.Contains(panel, want) {
			t.Errorf("no %q in the panel: %s", want, panel)
		}
	}
	if href := value[string](t, p, `document.querySelector("#evidence a").href`); !strings.HasPrefix(href,
		"https://kubernetes.io/docs/") {
		t.Errorf("documentation: %q", href)
	}
	// By keyboard.
	p.do(t, chromedp.KeyEvent("\u0301")) // the arrow down
	if value[string](t, p, `document.activeElement.getAttribute("aria-label")`) == "" || p.count(t, ".step.current") != 1 {
		t.Error("the arrow key chose no step")
	}
	if next := value[string](t, p, `document.querySelector("#evidence h2").textContent`); next == "RunPodSandbox" {
		t.Error("the arrow key stayed where it was")
	}
	p.do(t, chromedp.KeyEvent("\u001b"))
	if p.count(t, ".step.current") != 0 || value[string](t, p, `document.getElementById("evidence").textContent`) != "" {
		t.Error("Escape closed nothing")
	}
	click("#phases .bar button[aria-label^=sandbox]")
	if p.count(t, ".step.current") != 1 {
		t.Error("a phase leads to no step")
	}
}

func TestPagePlays(t *testing.T) {
	r := plain(t)
	p := open(t, r, render.Style{Detail: seq.Brief})
	click := func(id string) { p.do(t, script(`document.getElementById("`+id+`").click()`)) }
	shown := func() int { return p.count(t, ".step:not(.later)") }
	all := upTo(r, seq.Brief)
	click("first")
	if n := shown(); n != 0 {
		t.Errorf("at the beginning %d steps show", n)
	}
	click("forward")
	click("forward")
	click("back")
	click("forward")
	if n := shown(); n != 2 {
		t.Errorf("%d steps show, want 2", n)
	}
	click("all")
	if n := shown(); n != all {
		t.Errorf("%d steps show of %d", n, all)
	}
	p.do(t, script(`document.getElementById("speed").value = "0.1"`))
	click("play")
	p.until(t, `document.querySelectorAll(".step:not(.later)").length >= 3`)
	click("play")
	if label := value[string](t, p, `document.getElementById("play").textContent`); label != "Play" {
		t.Errorf("paused, the button says %q", label)
	}
	paused := shown()
	p.do(t, script(`document.getElementById("speed").value = "1"`))
	click("play")
	p.until(t, `document.querySelectorAll(".later").length === 0`)
	if paused >= all {
		t.Errorf("it played to the end (%d of %d) before it could be paused", paused, all)
	}
}

func TestPageDarkAndPrint(t *testing.T) {
	p := open(t, plain(t), render.Style{Detail: seq.Normal})
	background := func() string { return value[string](t, p, `getComputedStyle(document.body).backgroundColor`) }
	light := background()
	p.do(t, script(`document.getElementById("theme").click()`))
	if dark := background(); dark == light {
		t.Errorf("dark is %s too", dark)
	}
	for _, theme := range []string{"dark", "light"} {
		p.do(t, script(`document.documentElement.dataset.theme = "`+theme+`"`))
		// WCAG AA: 4.5 to 1 for text.
		low := value[[]string](t, p, `(() => {
			const parse = (c) => c.match(/[\d.]+/g).map(Number);
			const luminance = (c) => parse(c).slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
			const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
			const back = getComputedStyle(document.body).backgroundColor;
			return [...document.querySelectorAll("svg text, p, h1, label, legend, li")].filter((e) => e.textContent.trim())
				.map((e) => [e, ratio(getComputedStyle(e)[e.closest("svg") ? "fill" : "color"], back)])
				.filter(([, r]) => r < 4.5).map(([e, r]) => e.textContent + " " + r.toFixed(1));
		})()`)
		if len(low) > 0 {
			t.Errorf("%s: too little contrast: %q", theme, low)
		}
	}
	pdf, err := chromedp.Run(p, chromedp.PrintToPDF())
	if err != nil || !strings.HasPrefix(string(pdf), "%PDF") {
		t.Errorf("print: %d bytes, %v", len(pdf), err)
	}
}

func TestPageTakesHostileTextsAsText(t *testing.T) {
	p := open(t, hostile(), render.Style{Detail: seq.Full})
	p.do(t, script(`document.querySelector("#lanes summary").click()`),
		script(`document.querySelector("#view [value=time]").click()`),
		script(`document.querySelector("#view [value=order]").click()`),
		script(`for (const s of [...document.querySelectorAll(".step")].map((e) => e.dataset.step)) document.querySelector("[data-step='" + s + "']").dispatchEvent(new MouseEvent("click", {bubbles: true}))`))
	if value[bool](t, p, "window.owned !== undefined") || p.count(t, "img, iframe, object, embed") != 0 ||
		p.count(t, "script") != 2 {
		t.Error("a text became markup")
	}
	labels := value[string](t, p, `[...document.querySelectorAll(".step")].map((e) => e.title).join("\n")`)
	for _, text := range hostileTexts[:10] {
		if !strings.Contains(labels, strings.ReplaceAll(text, "\n", " ")) {
			t.Errorf("%q is not shown as it is", text)
		}
	}
}
