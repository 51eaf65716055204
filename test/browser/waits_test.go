//go:build browser

package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// A page and a picture that are to draw nothing likely draw nothing likely: no ≈, bars that are of one colour only
// where that is proved, and no wait with a likely length. They are as complete as others.
func TestNothingLikelyIsDrawn(t *testing.T) {
	for _, name := range []string{"liveness", "late-configmap", "repeats-crash", "deployment", "show-job"} {
		style := render.Style{Detail: seq.Normal, Proved: true}
		p := sheet(t, drawn(t, "html", named(t, name), style))
		for _, view := range []string{"order", "time"} {
			p.do(t, script(`document.querySelector("#view [value=`+view+`]").click()`))
			for _, said := range value[[]string](t, p, `[...document.querySelectorAll("#app *")].filter((e) => e.checkVisibility()).flatMap((e) => [e.title ?? "", e.ariaLabel ?? "", e.childElementCount ? "" : e.textContent]).filter((s) => s.includes("≈"))`) {
				t.Errorf("%s, %s: %s", name, view, said)
			}
		}
		for _, w := range value[[]string](t, p, `wrongBar()`) {
			t.Errorf("%s: %s", name, w)
		}
		if svg := drawn(t, "svg", named(t, name), style); strings.Contains(svg, "≈") {
			t.Errorf("%s: the picture has a likely value", name)
		}
	}
	p := sheet(t, drawn(t, "html", named(t, "liveness"), render.Style{Detail: seq.Normal, Proved: true}))
	over := value[[]string](t, p, `report.bar.filter((z) => z.phases.length === 1).flatMap((z) => report.borders.filter(([a, b]) => a < z.to - 0.5 && b > z.from + 0.5).map((b) => JSON.stringify([z, b])))`)
	if len(over) > 0 {
		t.Errorf("stretches of one phase in which a border may lie: %q", over)
	}
	if n := value[int](t, p, `report.bar.filter((z) => z.phases.length > 1).length`); n == 0 {
		t.Error("all is proved, though Pods tell of exits to the second")
	}
}

// Of a Pod that did not get there, too, the overview says what took its time, until when it was there, and that it
// failed.
func TestPagePodsThatAreNotReady(t *testing.T) {
	for _, name := range []string{"job-retries", "causes/job-indexes", "causes/image-never.ordered"} {
		p := sheet(t, drawn(t, "html", named(t, name), render.Style{Detail: seq.Normal}))
		for _, w := range value[[]string](t, p, `[...document.querySelectorAll("#pods [data-pod]")].slice(1).flatMap((row) => {
		const bar = row.querySelector(".bar"), parts = [...bar.children], frame = bar.getBoundingClientRect(), found = [];
		const failed = row.textContent.includes("failed"), name = row.querySelector(".name").textContent;
		if (!parts.some((e) => e.title && !e.title.startsWith(name))) found.push(name + " has no phases");
		if (failed !== parts.some((e) => e.classList.contains("failed"))) found.push(name + " has a wrong mark of failure");
		for (const e of parts) {
			const r = e.getBoundingClientRect();
			if (r.left < frame.left - 5 || r.right > frame.right + 3) found.push(name + " leaves its bar: " + e.title);
		}
		return found;
	})`) {
			t.Errorf("%s: %s", name, w)
		}
		if n := value[int](t, p, `new Set([...document.querySelectorAll("#pods li")].map((e) => e.textContent)).size`); n == 0 {
			t.Errorf("%s: nothing says what the colours are", name)
		}
	}
	// A Pod that is gone has ended before the axis does.
	p := sheet(t, drawn(t, "html", named(t, "watch-rollout"), render.Style{Detail: seq.Normal}))
	if !value[bool](t, p, `(() => {
		const rows = [...document.querySelectorAll("#pods [data-pod]")].slice(1), gone = rows.filter((r) => r.textContent.includes("gone"));
		const left = (r) => r.querySelector(".bar").getBoundingClientRect().right - r.querySelector(".life").getBoundingClientRect().right;
		return gone.length > 0 && gone.every((r) => left(r) > 20) && rows.some((r) => !gone.includes(r) && left(r) < 2);
	})()`) {
		t.Error("Pods that are gone go on")
	}
}

// Where nothing is drawn of a wait, a row says how long it is, in both views; while it plays, not before it is reached.
func TestPageDrawsWaits(t *testing.T) {
	p := sheet(t, drawn(t, "html", named(t, "create-error"), render.Style{Detail: seq.Brief}))
	for _, view := range []string{"order", "time"} {
		p.do(t, script(`document.querySelector("#view [value=`+view+`]").click()`))
		waits := value[[]string](t, p, `[...document.querySelectorAll(".wait")].map((e) => e.textContent)`)
		if len(waits) == 0 {
			t.Errorf("%s: waits %q", view, waits)
		}
		p.do(t, script(`show(1)`))
		if n := p.count(t, ".wait:not(.later)"); n != 0 {
			t.Errorf("%s: at the first step %d waits are seen", view, n)
		}
		p.do(t, script(`show(Infinity)`))
		if n := p.count(t, ".wait:not(.later)"); n != len(waits) {
			t.Errorf("%s: in the end %d waits are seen of %d", view, n, len(waits))
		}
	}
}

// The axis of a run that waits ever longer says how long, and leaves room for what happens.
func TestPageTimeOfWhatRepeats(t *testing.T) {
	p := sheet(t, drawn(t, "html", named(t, "repeats-two"), render.Style{Detail: seq.Normal}))
	p.do(t, script(`document.querySelector("#view [value=time]").click()`))
	if breaks := value[[]string](t, p, `[...document.querySelectorAll(".axis .phase")].map((e) => e.textContent)`); len(breaks) < 2 {
		t.Errorf("lengths of breaks: %q", breaks)
	}
	room := value[float64](t, p, `(() => {
		const boxes = [...document.querySelectorAll(".chart .head, .chart .instant, .chart .pale, .chart .sure")].slice(0, 20).map((e) => e.getBoundingClientRect());
		return (Math.max(...boxes.map((b) => b.right)) - Math.min(...boxes.map((b) => b.left))) / document.querySelector(".chart").getBoundingClientRect().width;
	})()`)
	if room < 0.05 {
		t.Errorf("what happens in the first second has %.0f of 100 of the axis", 100*room)
	}
	if n := value[int](t, p, `Math.min(...[...document.querySelectorAll(".step[aria-expanded]")].map((e) => e.querySelectorAll(".whisker").length))`); n < 3 {
		t.Errorf("what repeats has %d marks", n)
	}
}

// With nothing but keys: what repeats opens where it stands, its steps follow one after another, and it closes again.
func TestPagePresentsWhatRepeats(t *testing.T) {
	p := sheet(t, drawn(t, "html", named(t, "repeats-crash"), render.Style{Detail: seq.Normal}))
	p.press(t, "p")
	p.press(t, "End")
	folded := value[int](t, p, `state.shown`)
	p.press(t, "Enter")
	if !value[bool](t, p, `state.open.size === 1 && state.shown <= visible().length - 100 && visible()[state.shown - 1] === state.current`) {
		t.Fatalf("after Enter %d of %d are shown", value[int](t, p, `state.shown`), value[int](t, p, `visible().length`))
	}
	place := value[[]float64](t, p, `(() => { const r = document.querySelector(".step.current:not(.later)").getBoundingClientRect(); return [r.top, r.bottom]; })()`)
	if place[0] < 100 || place[1] > 600 {
		t.Errorf("what is open stands from %.0f to %.0f", place[0], place[1])
	}
	p.press(t, "PageDown")
	if !value[bool](t, p, `report.folds.find((f) => state.open.has(f.row)).steps[0] === state.current`) {
		t.Error("the step after it is not the first of what it stands for")
	}
	p.press(t, "PageUp")
	p.press(t, "Enter")
	if n := value[int](t, p, `state.shown`); n != folded {
		t.Errorf("closed again, %d are shown, want %d", n, folded)
	}
}

// Shift and an arrow go from phase to phase, and a change of what is drawn does not change how far it has been played.
func TestPageKeysShowPhases(t *testing.T) {
	p := open(t, plain(t), render.Style{Detail: seq.Normal})
	shift := func(key string) {
		p.do(t, script(`document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "`+key+`", shiftKey: true, bubbles: true, cancelable: true}))`))
	}
	p.press(t, "ArrowRight")
	p.press(t, "Home")
	var names []string
	phase := func() string {
		return value[string](t, p, `report.phases[report.steps[state.current].phase]?.name ?? ""`)
	}
	for range 4 {
		shift("ArrowRight")
		names = append(names, phase())
	}
	shift("ArrowLeft")
	if got := strings.Join(append(names, phase()), " "); got != "admit schedule sandbox pull sandbox" {
		t.Errorf("phases %s", got)
	}
	at := value[int](t, p, `state.current`)
	p.do(t, script(`document.querySelector("#detail [value='3']").click()`), script(`document.querySelector("#detail [value='2']").click()`))
	if now := value[int](t, p, `visible()[state.shown - 1]`); now != at {
		t.Errorf("after more and less detail step %d is the last that is shown, want %d", now, at)
	}
}

// From the last row of a hall: labels of one part in 45 of the height, on any projector.
func TestPageIsLegible(t *testing.T) {
	p := sheet(t, drawn(t, "html", plain(t), render.Style{Detail: seq.Normal}))
	for _, size := range [][2]int64{{1280, 720}, {1920, 1080}, {3840, 2160}} {
		p.do(t, chromedp.EmulateViewport(size[0], size[1]), script(`present(true)`), script(`draw()`))
		least := value[float64](t, p, `Math.min(...[...document.querySelectorAll(".label")].map((e) => parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a))`)
		if least*45 < float64(size[1]) {
			t.Errorf("%d × %d: %.1f pixels", size[0], size[1], least)
		}
	}
}

// media sets what a reader has asked for, by name and value.
func (p *tab) media(t *testing.T, pairs ...string) {
	t.Helper()
	var all []*emulation.MediaFeature
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, &emulation.MediaFeature{Name: pairs[i], Value: pairs[i+1]})
	}
	media := emulation.SetEmulatedMediaParams{Features: all}
	if _, err := chromedp.Call(p, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
}

// A picture is as dark as its reader, and legible: 4.5 to 1 for all that is written on its sheet (WCAG AA).
func TestPictureIsDark(t *testing.T) {
	for _, name := range []string{"crash", "no-such-tag", "deployment", "repeats-two"} {
		p := sheet(t, drawn(t, "svg", named(t, name), render.Style{Detail: seq.Full}))
		for _, theme := range []string{"light", "dark"} {
			p.media(t, "prefers-color-scheme", theme)
			for _, w := range value[[]string](t, p, `(() => {
				const parse = (c) => c.match(/[\d.]+/g).slice(0, 3).map(Number);
				const luminance = (c) => parse(c).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
				const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
				const sheet = getComputedStyle(document.querySelector(".sheet")).fill, found = [];
				if ((luminance(sheet) < 0.1) !== (`+"`"+theme+"`"+` === "dark")) found.push("the sheet is " + sheet);
				for (const e of document.querySelectorAll("text")) {
					const back = e.matches(".within") ? "" : sheet, part = !back && [...document.querySelectorAll(".part")].find((r) => {
						const a = r.getBoundingClientRect(), b = e.getBoundingClientRect();
						return a.left <= b.left && a.right >= b.right && a.top <= b.bottom && a.bottom >= b.top;
					});
					const r = ratio(getComputedStyle(e).fill, back || getComputedStyle(part).fill);
					if (r < 4.5) found.push(e.textContent + " " + r.toFixed(1));
				}
				return found.slice(0, 5);
			})()`) {
				t.Errorf("%s, %s: %s", name, theme, w)
			}
		}
	}
}

// A picture that plays begins with nothing but its frame, ends with all of it, and is still where nothing is to move.
func TestPicturePlays(t *testing.T) {
	const hidden = `[...document.querySelectorAll(".row, .turns")].filter((e) => getComputedStyle(e).opacity < 1).length`
	at := func(share string) string {
		return `(() => {
			for (const a of document.getAnimations()) {
				a.pause();
				a.currentTime = a.effect.getTiming().duration * ` + share + `;
			}
			return ` + hidden + `;
		})()`
	}
	for _, name := range []string{"plain", "repeats-crash", "crash"} {
		p := sheet(t, drawn(t, "svg", named(t, name), render.Style{Detail: seq.Brief, Animate: true}))
		all := p.count(t, ".row, .turns")
		begin, end := value[int](t, p, at("0")), value[int](t, p, at("0.999"))
		if begin < all-2 || end != 0 {
			t.Errorf("%s: of %d rows, %d are hidden in the beginning and %d in the end", name, all, begin, end)
		}
		rests := value[float64](t, p, `(() => {
			const ends = [...document.getAnimations()].map((a) => [a.effect.getTiming().duration, Math.max(...a.effect.getKeyframes().filter((k) => k.opacity === "0").map((k) => k.offset))]);
			return Math.min(...ends.map(([d, last]) => d * (1 - last)));
		})()`)
		if rests < 8000 {
			t.Errorf("%s: complete for %.0f ms", name, rests)
		}
		p.media(t, "prefers-reduced-motion", "reduce")
		if n := value[int](t, p, `document.getAnimations().length + `+hidden); n != 0 {
			t.Errorf("%s: %d move where nothing is to move", name, n)
		}
	}
}
