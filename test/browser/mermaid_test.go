//go:build browser

package browser

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// mermaid is a page with Mermaid in it.
func mermaid(t *testing.T) *tab {
	t.Helper()
	text, err := os.ReadFile("node_modules/mermaid/dist/mermaid.min.js")
	if err != nil {
		t.Fatalf("%v: npm ci --prefix test/browser", err)
	}
	p := newTab(t)
	p.do(t, chromedp.Navigate("about:blank"), script(string(text)), script(`mermaid.initialize({startOnLoad: false}); let drawings = 0;
		async function loopsOf(text) { // of each its condition and what is in it
			const {db} = await mermaid.mermaidAPI.getDiagramFromText(text), loops = [];
			let open = null;
			for (const m of db.getMessages()) {
				if (m.type === db.LINETYPE.LOOP_START) loops.push(open = [m.message]);
				else if (m.type === db.LINETYPE.LOOP_END) open = null;
				else if (open !== null && m.message !== undefined) open.push(m.message);
			}
			return loops.map((l) => l.map((m) => String(m).replace(/ﬂ°°(\d+)¶ß|#(\d+);/g, (_, a, b) => String.fromCodePoint(a ?? b))));
		}
		async function drawMermaid(text) {
			await mermaid.parse(text);
			document.body.innerHTML = (await mermaid.render("d" + drawings++, text)).svg;
			const texts = (selector) => [...document.querySelectorAll(selector)].map((e) => e.textContent);
			return {
				actors: [...document.querySelectorAll("text.actor-box")].sort((a, b) => a.getAttribute("x") - b.getAttribute("x")).map((e) => e.textContent), messages: texts(".messageText"), notes: texts(".noteText"),
				arrows: document.querySelectorAll(".messageLine0, .messageLine1").length, dashed: document.querySelectorAll(".messageLine1").length,
				activations: document.querySelectorAll("[class^=activation]").length, rects: document.querySelectorAll("rect.rect").length,
				scripts: document.querySelectorAll("script, img").length,
			};
		}`))
	return p
}

// picture is what Mermaid made of a text. Actors stand above and below.
type picture struct {
	Actors, Messages, Notes                     []string
	Arrows, Dashed, Activations, Rects, Scripts int
}

func (p *tab) draw(t *testing.T, text string) picture {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Log(text)
		}
	}()
	return value[picture](t, p, "drawMermaid("+strconv.Quote(text)+")")
}

func TestMermaidDrawsEveryScenario(t *testing.T) {
	p := mermaid(t)
	for _, s := range scenario.All(t) {
		for _, detail := range []seq.Detail{seq.Brief, seq.Normal, seq.Full} {
			t.Run(fmt.Sprint(s.Name, "-", detail), func(t *testing.T) {
				r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
				arrows, notes, dashed := 0, 0, 0
				lanes := map[seq.Participant]bool{}
				for _, step := range r.Steps {
					if step.Detail > detail {
						continue
					}
					lanes[step.From], lanes[step.To] = true, true
					switch step.Kind {
					case seq.NoteKind:
						notes++
					case seq.RequestKind:
						arrows++
					default:
						arrows++
						dashed++
					}
				}
				text := drawn(t, "mermaid", r, render.Style{Detail: detail})
				got := p.draw(t, text)
				if strings.Contains(text, "    loop ") { // fewer, see TestMermaidLoops
					arrows, dashed, notes = got.Arrows, got.Dashed, 0
				}
				if len(got.Actors) != 2*len(lanes) || len(got.Messages) != arrows || got.Arrows != arrows || got.Dashed != dashed ||
					len(got.Notes) < notes {
					t.Errorf("want %d lanes, %d arrows, %d of them dashed, %d notes at least; got %+v", len(lanes), arrows, dashed,
						notes, got)
				}
			})
		}
	}
}

// What repeats is a loop with its condition, by Mermaid's own model of the text: around one of the times, whole.
func TestMermaidLoops(t *testing.T) {
	p := mermaid(t)
	for name, want := range map[string]struct{ condition, inside string }{
		"repeats-schedule": {"until a node fits (24 times more, 25 in all, ", "FailedScheduling: "},
		"repeats-crash":    {"until container app stays up (7 times more, 8 in all, ", "exits with 1"},
		"repeats-pull":     {"until the image of app can be pulled (5 times more, 6 in all, ", "PullImage busybox:no"},
		"repeats-probe":    {"until the readiness probe succeeds (24 times more, 25 in all, ", "Unhealthy: "},
		"repeats-refused":  {"until what it makes is admitted (14 times more, 17 in all, ", "FailedCreate: "},
		"repeats-sandbox":  {"until the sandbox is up (18 times more, 19 in all, ", "FailedCreatePodSandBox: "},
	} {
		text := drawn(t, "mermaid", named(t, name), render.Style{Detail: seq.Normal})
		p.draw(t, text)
		loops := value[[][]string](t, p, "loopsOf("+strconv.Quote(text)+")")
		if n := slices.IndexFunc(loops, func(l []string) bool { return strings.HasPrefix(l[0], want.condition) }); n < 0 ||
			!slices.ContainsFunc(loops[n][1:], func(m string) bool { return strings.HasPrefix(m, want.inside) }) {
			t.Errorf("%s: no loop %q with %q in %q", name, want.condition, want.inside, loops)
		}
	}
}

func TestMermaidDrawsComparisons(t *testing.T) {
	p := mermaid(t)
	for _, c := range comparisons(t) {
		for _, detail := range []seq.Detail{seq.Brief, seq.Normal, seq.Full} {
			arrows, lanes := 0, map[int]bool{}
			for _, s := range c.Steps {
				if s.Detail() > detail {
					continue
				}
				side, _ := s.One()
				m := s.Sides[side]
				lanes[c.Lane(side, m.From)], lanes[c.Lane(side, m.To)] = true, true
				if m.Kind != seq.NoteKind {
					arrows++
				}
			}
			got := p.draw(t, compared(t, "mermaid", c, render.Style{Detail: detail}))
			if len(got.Messages) < arrows || got.Arrows != arrows || len(got.Actors) != 2*len(lanes) {
				t.Errorf("%v: want %d arrows, %d lanes; got %+v", c.Names, arrows, len(lanes), got)
			}
		}
	}
	got := p.draw(t,
		compared(t, "mermaid", render.Compare(hostile(), plain(t), [2]string{hostileTexts[0], "end"}),
			render.Style{Detail: seq.Full}))
	if got.Scripts != 0 || value[bool](t, p, "window.owned !== undefined") {
		t.Error("a text became markup")
	}
}

// The well-known diagram of a course.
func TestMermaidBrief(t *testing.T) {
	r := plain(t)
	got := mermaid(t).draw(t, drawn(t, "mermaid", r, render.Style{Detail: seq.Brief}))
	if actors := strings.Join(slices.Compact(got.Actors),
		" "); actors != "kubectl apiserver etcd scheduler kubelet containerd runc app" {
		t.Errorf("participants: %s", actors)
	}
	if len(got.Messages) > 16 || got.Rects == 0 || got.Activations == 0 {
		t.Errorf("%+v", got)
	}
}

func TestMermaidTakesHostileTextsAsText(t *testing.T) {
	p := mermaid(t)
	got := p.draw(t, drawn(t, "mermaid", hostile(), render.Style{Detail: seq.Full}))
	if got.Scripts != 0 || value[bool](t, p, "window.owned !== undefined") {
		t.Error("a text became markup")
	}
	shown := strings.Join(append(got.Messages, got.Notes...), "\n")
	for _, text := range []string{`<script>window.owned=1</script>`, `</script><img src=x onerror="window.owned=2">`,
		"a;b", "a#b", "#35;", "#quot;", `"quoted"`, "->>", "-->>-x: y", "wrap:no", "nowrap: no", "%% comment", "$$x^2$$",
		"<br/>", "漢字 é 😀", "end end"} {
		if !strings.Contains(shown, text) {
			t.Errorf("%q is not shown as it is", text)
		}
	}
}
