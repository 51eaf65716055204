//go:build browser

package browser

import (
	"cmp"
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
		}
		async function readMermaid(text) {
			const model = (await mermaid.mermaidAPI.getDiagramFromText(text)).db, types = model.LINETYPE;
			const name = (id) => (model.getActors().get(id) || {description: ""}).description;
			return {
				lanes: model.getActors().size,
				lines: model.getMessages().map((m) => ({
					is: Object.keys(types).find((k) => types[k] === m.type), from: name(m.from), to: name(m.to),
					text: typeof m.message === "string" ? m.message : "",
				})),
			};
		}`))
	return p
}

// picture is what Mermaid made of a text. Actors stand above and below.
type picture struct {
	Actors, Messages, Notes                     []string
	Arrows, Dashed, Activations, Rects, Scripts int
}

// model is what Mermaid has read of a diagram.
type model struct {
	Lanes int
	Lines []line
}

// line is a statement of a diagram.
type line struct{ Is, From, To, Text string }

// arrows are the messages of a diagram.
func (m model) arrows() (n int) {
	for _, l := range m.Lines {
		if strings.HasPrefix(l.Is, "SOLID") || strings.HasPrefix(l.Is, "DOTTED") {
			n++
		}
	}
	return n
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

// diagrams are those of a text: it is one, or Markdown with several.
func diagrams(text string) (all []string) {
	for i, part := range strings.Split(text, "```mermaid\n") {
		if head, _, ok := strings.Cut(part, "```"); ok && i > 0 {
			all = append(all, head)
		}
	}
	if len(all) == 0 {
		return []string{text}
	}
	return all
}

// arrowOf is how Mermaid calls the arrow of a step.
func arrowOf(s *seq.Step) string {
	is := "DOTTED"
	if s.Kind == seq.RequestKind {
		is = "SOLID"
	}
	if s.Failed {
		is += "_CROSS"
	}
	return is
}

// laneOf is the end of the title of a participant's lane: of several Pods, the Pod's name stands before a container's.
func laneOf(p seq.Participant) string {
	if name, ok := strings.CutPrefix(string(p), string(seq.ControllerManager)+"/"); ok {
		return strings.TrimSuffix(name, "-controller") + " controller"
	}
	return strings.TrimPrefix(string(p), string(seq.Container("")))
}

// isLaneOf reports whether a title is that of a participant's lane: of several nodes it says which.
func isLaneOf(title string, p seq.Participant) bool {
	name, _, _ := strings.Cut(title, " on ")
	return strings.HasSuffix(name, laneOf(p))
}

// Each message of a scenario is in the picture, between its lanes, in its order, and in a phase during which it was.
func TestMermaidDrawsEveryScenario(t *testing.T) {
	p := mermaid(t)
	for _, s := range scenario.All(t) {
		for _, detail := range []seq.Detail{seq.Brief, seq.Normal, seq.Full} {
			t.Run(fmt.Sprint(s.Name, "-", detail), func(t *testing.T) {
				r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
				r.Outcome.Obstacle = nil // what proves it is in every picture
				r.Cycles = nil           // see TestMermaidLoops
				steps := r.Steps
				next := func(is func(*seq.Step) bool) *seq.Step {
					for len(steps) > 0 {
						x := steps[0]
						if steps = steps[1:]; is(x) {
							return x
						}
						if x.Detail <= detail && x.Kind != seq.NoteKind {
							t.Errorf("%s → %s %s is not drawn", x.From, x.To, x.Label)
						}
					}
					return nil
				}
				all := diagrams(drawn(t, "mermaid", r, render.Style{Detail: detail}))
				for i, text := range all {
					if len(text) > 50_000 {
						t.Errorf("%d characters", len(text))
					}
					got := value[model](t, p, "readMermaid("+strconv.Quote(text)+")")
					if got.arrows() > 40 || got.Lanes > 24 {
						t.Errorf("%d arrows, %d lanes", got.arrows(), got.Lanes)
					}
					if detail == seq.Brief {
						if x := p.draw(t, text); x.Arrows != got.arrows() || len(x.Actors) != 2*got.Lanes {
							t.Errorf("%d arrows and %d lanes are drawn as %+v", got.arrows(), got.Lanes, x)
						}
					}
					if i == 0 && len(all) > 1 { // the overview
						continue
					}
					block := ""
					for k, l := range got.Lines {
						switch l.Is {
						case "RECT_START":
							block, _, _ = strings.Cut(got.Lines[k+1].Text, "<br/>")
						case "RECT_END":
							block = ""
						case "SOLID", "DOTTED", "SOLID_CROSS", "DOTTED_CROSS":
							x := next(func(x *seq.Step) bool {
								return x.Detail <= detail && x.Kind != seq.NoteKind && arrowOf(x) == l.Is &&
									isLaneOf(l.From, x.From) && isLaneOf(l.To, x.To)
							})
							if x == nil {
								t.Fatalf("no step is %s → %s %s", l.From, l.To, l.Text)
							}
							if !during(r, block, x) && !duringCall(r, block, x) {
								t.Errorf("%s stands in %q", x.Label, block)
							}
						}
					}
				}
				next(func(*seq.Step) bool { return false })
			})
		}
	}
}

// duringCall reports whether what a step answers was in a phase of that name: the answer stands beside it.
func duringCall(r render.Report, phase string, x *seq.Step) bool {
	i := slices.IndexFunc(r.Steps, func(o *seq.Step) bool { return o.Key == x.Call })
	return x.Kind == seq.ResponseKind && i >= 0 && during(r, phase, r.Steps[i])
}

// during reports whether a step was in a phase of that name, or in none, as far as can be told from its likeliest
// instant. What comes of a write stands in the phase that follows, also before the write is answered.
func during(r render.Report, phase string, x *seq.Step) bool {
	named := 0
	type namedPart struct {
		seq.Part
		phase string
	}
	var parts []namedPart
	for _, p := range r.Phases {
		for _, part := range p.Parts {
			parts = append(parts, namedPart{part, strings.TrimPrefix(p.Name, seq.Unknown)})
		}
	}
	slices.SortStableFunc(parts, func(a, b namedPart) int {
		return cmp.Or(a.Likely.Earliest.Compare(b.Likely.Earliest), a.Likely.Latest.Compare(b.Likely.Latest))
	})
	for k := range max(0, len(parts)-1) {
		p := parts[k]
		if p.End.IsEnd() && parts[k+1].phase == phase && !x.Best.Before(p.Likely.Earliest) && !x.Best.After(p.Likely.Latest) {
			return true
		}
	}
	for _, p := range r.Phases {
		for _, part := range p.Parts {
			in := !x.Best.Before(part.Likely.Earliest) && !x.Best.After(part.Likely.Latest)
			if in && p.Name == phase {
				return true
			}
			if in && p.Name != seq.Unknown && x.Best.After(part.Likely.Earliest) && x.Best.Before(part.Likely.Latest) {
				named++
			}
		}
	}
	return phase == "" && named == 0
}

// What repeats is a loop with its condition, by Mermaid's own model of the text: around one of the times, whole.
func TestMermaidLoops(t *testing.T) {
	p := mermaid(t)
	for name, want := range map[string]struct{ condition, inside string }{
		"repeats-schedule": {"until a node fits (24 times more, at least 25 in all, ", "FailedScheduling: "},
		"repeats-crash":    {"until container app stays up (7 times more, 8 in all, ", "exits with 1"},
		"repeats-pull":     {"until the image of app can be pulled (5 times more, at least 6 in all, ", "PullImage busybox"},
		"repeats-probe":    {"until the readiness probe succeeds (24 times more, at least 25 in all, ", "Unhealthy: "},
		"repeats-refused":  {"until what it makes is admitted (14 times more, 17 in all, ", "FailedCreate: "},
		"repeats-sandbox":  {"until the sandbox is up (18 times more, 19 in all, ", "FailedCreatePodSandBox: "},
	} {
		text := drawn(t, "mermaid", named(t, name), render.Style{Detail: seq.Normal})
		var loops [][]string
		for _, d := range diagrams(text) {
			p.draw(t, d)
			loops = append(loops, value[[][]string](t, p, "loopsOf("+strconv.Quote(d)+")")...)
		}
		if n := slices.IndexFunc(loops, func(l []string) bool { return strings.HasPrefix(l[0], want.condition) }); n < 0 ||
			!slices.ContainsFunc(loops[n][1:], func(m string) bool {
				return strings.Contains(strings.ReplaceAll(m, "<br/>", " "), want.inside)
			}) {
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
			all := diagrams(compared(t, "mermaid", c, render.Style{Detail: detail}))
			got, drawn := p.draw(t, all[0]), 0
			if len(got.Actors) != 2*len(lanes) {
				t.Errorf("%v: want %d lanes; got %+v", c.Names, len(lanes), got)
			}
			if len(all) > 1 { // behind an overview
				all = all[1:]
			}
			for _, d := range all {
				got := p.draw(t, d)
				if drawn += got.Arrows; len(got.Messages) < got.Arrows || got.Arrows > 40 {
					t.Errorf("%v: %+v", c.Names, got)
				}
			}
			if drawn != arrows {
				t.Errorf("%v: want %d arrows, %d are drawn", c.Names, arrows, drawn)
			}
		}
	}
	scripts := 0
	hostiles := render.Compare(hostile(), plain(t), [2]string{hostileTexts[0], "end"})
	for _, d := range diagrams(compared(t, "mermaid", hostiles, render.Style{Detail: seq.Full})) {
		scripts += p.draw(t, d).Scripts
	}
	if scripts != 0 || value[bool](t, p, "window.owned !== undefined") {
		t.Error("a text became markup")
	}
}

// The well-known diagram of a course.
func TestMermaidBrief(t *testing.T) {
	r := plain(t)
	got := mermaid(t).draw(t, drawn(t, "mermaid", r, render.Style{Detail: seq.Brief}))
	actors := strings.TrimSpace(strings.Join(slices.Compact(got.Actors), " "))
	if actors != "kubectl apiserver etcd scheduler kubelet containerd runc app" {
		t.Errorf("participants: %s", actors)
	}
	if got.Arrows > 20 || got.Rects == 0 || got.Activations == 0 {
		t.Errorf("%+v", got)
	}
}

func TestMermaidTakesHostileTextsAsText(t *testing.T) {
	p := mermaid(t)
	shown := ""
	for texts := range slices.Chunk(hostileTexts, 10) { // a diagram has no room for as many lanes
		got := p.draw(t, diagrams(drawn(t, "mermaid", hostileOf(texts), render.Style{Detail: seq.Full}))[0])
		if got.Scripts != 0 || value[bool](t, p, "window.owned !== undefined") {
			t.Error("a text became markup")
		}
		shown += strings.Join(append(got.Messages, got.Notes...), " ") + " "
	}
	for _, text := range []string{`<script>window.owned=1</script>`, `</script><img src=x onerror="window.owned=2">`,
		"a;b", "a#b", "#35;", "#quot;", `"quoted"`, "->>", "-->>-x: y", "wrap:no", "nowrap: no", "%% comment", "$$x^2$$",
		"<br/>", "漢字 é 😀", "end end"} {
		if !strings.Contains(shown, text) {
			t.Errorf("%q is not shown as it is", text)
		}
	}
	for _, text := range diagrams(drawn(t, "mermaid", hostile(), render.Style{Detail: seq.Full})) {
		if got := p.draw(t, text); got.Scripts != 0 || value[bool](t, p, "window.owned !== undefined") {
			t.Error("a text became markup")
		}
	}
}
