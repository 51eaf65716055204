//go:build browser

package browser

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/tools/txtar"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/serve"
)

// maps are those of all snapshots, by their names.
func maps(t *testing.T) map[string]apimap.Map {
	t.Helper()
	files, err := filepath.Glob("../../pkg/apimap/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no map")
	}
	all := map[string]apimap.Map{}
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := apimap.Read(bytes.NewReader(a.Files[0].Data))
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".txtar")] = apimap.Derive(s)
	}
	return all
}

// hostileMap has long and odd texts everywhere.
func hostileMap(m apimap.Map) apimap.Map {
	m.Components, m.APIs = slices.Clone(m.Components), slices.Clone(m.APIs)
	for i := range m.Components {
		m.Components[i].Name += ` "><script>alert(1)</script> ` + strings.Repeat("long", 40)
		m.Components[i].About += "日本語テキスト <br/> \"] end"
	}
	for i := range m.APIs {
		m.APIs[i].Name += " #quot; %%{init:{}}%% -->|x| " + strings.Repeat("w", 200)
		m.APIs[i].Path += "/<img src=x onerror=alert(1)>"
	}
	return m
}

func drawnMap(t *testing.T, format string, m apimap.Map) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.MapFormats[format](&b, m, render.Style{Width: 120, Detail: seq.Normal}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wrongMap is what is wrong with where things are: texts over one another, over a line, beyond their box or the sheet.
const wrongMap = `(() => {
	const all = (selector) => [...document.querySelectorAll("svg " + selector)], box = (e) => e.getBoundingClientRect(), found = [];
	const say = (what, e) => found.push(what + ": " + (e.textContent || e.getAttribute("d")).slice(0, 60));
	const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2;
	const sheet = box(document.querySelector("svg")), texts = all("text").map((t) => [t, box(t)]);
	texts.forEach(([t, b], k) => {
		if (b.left < sheet.left - 1 || b.right > sheet.right + 1 || b.bottom > sheet.bottom + 1) say("beyond the sheet", t);
		for (const [u, c] of texts.slice(0, k)) if (over(b, c)) say("over " + u.textContent, t);
		for (const other of all(".box > rect")) if (!other.parentNode.contains(t) && over(b, box(other))) say("over a box", t);
	});
	for (const g of all(".box")) {
		const r = box(g.querySelector("rect"));
		for (const t of g.querySelectorAll("text")) if (box(t).left < r.left || box(t).right > r.right || box(t).top < r.top - 2 || box(t).bottom > r.bottom + 2) say("out of its box", t);
	}
	const boxes = all(".box > rect").map(box);
	boxes.forEach((a, k) => { for (const b of boxes.slice(0, k)) if (over(a, b)) found.push("boxes overlap"); });
	const svg = document.querySelector("svg"), scale = sheet.width / svg.viewBox.baseVal.width;
	for (const path of all(".link .shaft")) {
		const n = path.getTotalLength(), m = path.getScreenCTM();
		for (let at = 0; at <= n; at += 2) {
			const q = path.getPointAtLength(at).matrixTransform(m);
			for (const [t, b] of texts) {
				if (q.x > b.left + 1 && q.x < b.right - 1 && q.y > b.top + 3 && q.y < b.bottom - 2.5 * scale) { say("a line through", t); at = n; break; }
			}
			for (const b of boxes) if (q.x > b.left + 2 && q.x < b.right - 2 && q.y > b.top + 2 && q.y < b.bottom - 2) { found.push("a line through a box"); at = n; break; }
		}
	}
	return [...new Set(found)].slice(0, 6);
})()`

// No text of a map lies over another, over a line or a box, none is cut, and no line goes through a box.
func TestMapGeometry(t *testing.T) {
	p := newTab(t)
	p.do(t, chromedp.EmulateViewport(1600, 900))
	for name, m := range maps(t) {
		for _, x := range []struct {
			what string
			m    apimap.Map
		}{{name, m}, {name + ", hostile", hostileMap(m)}} {
			path := filepath.Join(t.TempDir(), "map.html")
			page := "<!DOCTYPE html><meta charset=utf-8>" + drawnMap(t, "svg", x.m)
			if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
			p.do(t, chromedp.Navigate("file://"+path))
			for _, w := range value[[]string](t, p, wrongMap) {
				t.Errorf("%s: %s", x.what, w)
			}
		}
	}
}

// A click on an arrow opens its evidence and its command; the keys choose one after another; nothing is asked for.
func TestMapPage(t *testing.T) {
	for name, m := range maps(t) {
		path := filepath.Join(t.TempDir(), "map.html")
		if err := os.WriteFile(path, []byte(drawnMap(t, "html", m)), 0o644); err != nil {
			t.Fatal(err)
		}
		p := newTab(t)
		p.do(t, chromedp.EmulateViewport(1600, 900), chromedp.Navigate("file://"+path))
		n := value[int](t, p, `document.querySelectorAll(".link").length`)
		if open := value[int](t, p, `document.querySelectorAll("#evidence section:not([hidden])").length`); open != 0 || n < 3 {
			t.Errorf("%s: %d arrows, %d open before a click", name, n, open)
		}
		for _, w := range value[[]string](t, p, `[...document.querySelectorAll(".link")].flatMap((a) => {
			a.dispatchEvent(new MouseEvent("click", {bubbles: true}));
			const open = [...document.querySelectorAll("#evidence section:not([hidden])")], text = open.map((s) => s.innerText).join();
			return open.length === 1 && open[0].querySelector("code").textContent && /proof/.test(text) && text.includes(a.getAttribute("aria-label")) ? [] : [a.getAttribute("aria-label") + ": " + text.slice(0, 80)];
		})`) {
			t.Errorf("%s: %s", name, w)
		}
		p.press(t, "Escape")
		if open := value[int](t, p, `document.querySelectorAll("#evidence section:not([hidden])").length`); open != 0 {
			t.Errorf("%s: Escape closes nothing", name)
		}
		p.press(t, "ArrowRight")
		if open := value[int](t, p, `document.querySelectorAll("#evidence section:not([hidden])").length`); open != 1 {
			t.Errorf("%s: the right arrow opens %d", name, open)
		}
		apis := value[int](t, p, `document.querySelectorAll("#evidence section h3").length`)
		if apis != len(m.APIs) {
			t.Errorf("%s: %d of %d APIs are on the page", name, apis, len(m.APIs))
		}
		p.mu.Lock()
		if len(p.complaints) > 0 || len(p.requests) != 1 {
			t.Errorf("%s: complaints %v, requests %v", name, p.complaints, p.requests)
		}
		p.mu.Unlock()
	}
}

// Mermaid draws every map: each arrow, each component, and a hostile text as text.
func TestMermaidDrawsMaps(t *testing.T) {
	p := mermaid(t)
	for name, m := range maps(t) {
		for _, x := range []struct {
			what string
			m    apimap.Map
		}{{name, m}, {name + ", hostile", hostileMap(m)}} {
			text := drawnMap(t, "mermaid", x.m)
			got := value[struct{ Nodes, Edges, Scripts int }](t, p, "(async () => { const text = "+strconv.Quote(text)+`;
				await mermaid.parse(text);
				document.body.innerHTML = (await mermaid.render("m" + drawings++, text)).svg;
				const n = (s) => document.querySelectorAll(s).length;
				return {nodes: n("g.node"), edges: n("path.flowchart-link"), scripts: n("script, img")};
			})()`)
			nodes := strings.Count(text, "]:::")
			edges := strings.Count(text, "-->|\"") + strings.Count(text, "-.->|\"") + strings.Count(text, " --- ")
			if got.Nodes != nodes || got.Edges != edges || got.Scripts != 0 {
				t.Errorf("%s: %+v is drawn of %d components and %d arrows", x.what, got, nodes, edges)
			}
		}
	}
}

// The map beside a run that goes on lights up what has come, keeps what its reader has chosen, and is another one where
// the cluster has changed.
func TestMapFollowsRun(t *testing.T) {
	m := maps(t)["pod"]
	var mu sync.Mutex
	come := 0
	page, policy, err := render.LivePage(render.Style{Detail: seq.Normal}, true)
	if err != nil {
		t.Fatal(err)
	}
	server, err := serve.Listen("", serve.Page{HTML: page, Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	server.Beside(func(context.Context) (serve.Page, error) {
		mu.Lock()
		defer mu.Unlock()
		now := m
		now.Run = messages()[:come]
		html, policy, err := render.LiveMap(now, render.Style{Detail: seq.Normal})
		return serve.Page{HTML: html, Policy: policy}, err
	})
	publish := func(n int, ended bool) {
		mu.Lock()
		come = n
		mu.Unlock()
		server.Publish(serve.Update{Tail: [][]byte{[]byte("{}")}, Picture: []byte("null"), Ended: ended})
	}
	p := newTab(t)
	p.do(t, chromedp.Navigate(server.URL()+"map.html"))
	p.until(t, `document.querySelector("#live")?.textContent === "live"`)
	publish(1, false)
	p.until(t, `document.querySelectorAll("#run li").length === 1 && document.querySelectorAll("svg .lit").length === 1`)
	p.do(t, script(`document.querySelector(".link").dispatchEvent(new MouseEvent("click", { bubbles: true }))`))
	publish(2, false)
	p.until(t, `document.querySelectorAll("#run li").length === 2 && document.querySelector("#run li.current") === document.querySelector("#run li:last-child")`)
	if p.count(t, "#evidence > section:not([hidden])") != 1 {
		t.Error("what was chosen is so no more")
	}
	p.do(t, script(`document.querySelector("#run li").dispatchEvent(new MouseEvent("click", { bubbles: true }))`))
	publish(3, false)
	p.until(t, `document.querySelectorAll("#run li").length === 3`)
	if !value[bool](t, p, `document.querySelector("#run li.current") === document.querySelector("#run li")`) {
		t.Error("who looks at a message is taken to another")
	}
	mu.Lock()
	m.APIs = slices.Clone(m.APIs)
	m.APIs[0].Name = "something else"
	mu.Unlock()
	publish(3, false)
	p.becomes(t, `document.body?.textContent.includes("something else") && document.querySelector("#live")?.textContent === "live"`)
	publish(3, true)
	p.becomes(t, `document.querySelector("#live")?.textContent === "ended"`)
	p.complainsOf(t)
}

// becomes waits until something is true, also of the page that follows.
func (p *tab) becomes(t *testing.T, expression string) {
	t.Helper()
	for look := time.Tick(20 * time.Millisecond); ; <-look {
		if is, err := chromedp.Run(p, chromedp.Evaluate[bool](expression)); err == nil && is { // an error while it goes
			return
		}
		if t.Context().Err() != nil {
			t.Fatalf("%s does not become true", expression)
		}
	}
}

// messages are some of a run.
func messages() []apimap.Message {
	return []apimap.Message{{From: "apiserver", To: "etcd", Label: "Pod web", Certainty: seq.Observed},
		{From: "scheduler", To: "apiserver", Label: "POST pods/binding", Certainty: seq.Observed},
		{From: "apiserver", To: "etcd", Label: "Pod web", Certainty: seq.Observed}}
}
