//go:build browser

package browser

import (
	"bufio"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/serve"
)

// program is the plugin, built from what is here.
var program = sync.OnceValues(func() (string, error) {
	directory, err := os.MkdirTemp("", "kubectl-seq")
	if err != nil {
		return "", err
	}
	path := filepath.Join(directory, "kubectl-seq")
	out, err := exec.Command("go", "build", "-tags", "grpcnotrace", "-o", path, "../../cmd/kubectl-seq").CombinedOutput()
	if err != nil {
		err = &exec.Error{Name: string(out), Err: err}
	}
	return path, err
})

// liveRun is a recording that is played to browsers.
type liveRun struct {
	url   string
	lines chan string // of standard error, after the first
	end   func() error
}

// playLive plays standard input with these flags; the test ends it.
func playLive(t *testing.T, recording io.Reader, args ...string) *liveRun {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"replay", "-", "--serve"}, args...)...)
	cmd.Stdin = recording
	errOut, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	run := &liveRun{lines: make(chan string, 100)}
	run.end = sync.OnceValue(func() error {
		_ = cmd.Process.Signal(os.Interrupt) // or it has ended
		for range run.lines {
		}
		return cmd.Wait()
	})
	t.Cleanup(func() { _ = run.end() })
	scanner := bufio.NewScanner(errOut)
	for run.url == "" && scanner.Scan() {
		run.url = regexp.MustCompile(`http://\S+`).FindString(scanner.Text())
	}
	go func() {
		defer close(run.lines)
		for scanner.Scan() {
			run.lines <- scanner.Text()
		}
	}()
	if run.url == "" {
		t.Fatal("it says no URL")
	}
	return run
}

// fifty is the recording of a Deployment of 50 Pods.
func fifty(t *testing.T) io.Reader {
	t.Helper()
	file, err := os.Open("testdata/fifty.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// cable is a way to a server that can be cut.
type cable struct {
	net.Listener
	mu    sync.Mutex
	open  map[net.Conn]bool
	isCut bool
}

// newCable leads to an address, host:port.
func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := &cable{Listener: l, open: map[net.Conn]bool{}}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil || !c.take(in, out) {
				in.Close()
				continue
			}
			go c.pipe(in, out)
			go c.pipe(out, in)
		}
	}()
	return c
}

func (c *cable) take(in, out net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut {
		out.Close()
		return false
	}
	c.open[in], c.open[out] = true, true
	return true
}

func (c *cable) pipe(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range []net.Conn{from, to} {
		x.Close()
		delete(c.open, x)
	}
}

// cut ends all connections; there are no new ones until it is mended.
func (c *cable) cut(is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for x := range c.open {
		x.Close()
	}
	c.isCut = is
}

// reads opens the page of a run in a tab, as large as a projector.
func reads(t *testing.T, url string) *tab {
	t.Helper()
	p := newTab(t)
	p.do(t, chromedp.EmulateViewport(1280, 720), chromedp.Navigate(url))
	return p
}

// what a page says that is at its end: all that it draws, with what it knows of each step.
const wholePage = `[
	document.getElementById("outcome").textContent,
	...[...document.querySelectorAll(".step")].map((e) => e.getAttribute("aria-label")),
	...[...document.querySelectorAll("#pods button")].map((e) => e.textContent),
	JSON.stringify(report.steps.length)].join("\n")`

// Three see a Deployment of 50 Pods start: one from the beginning, one whose connection is lost, and one that comes
// late. In the end all see what the page of -o html shows, and can save that page.
func TestPageLive(t *testing.T) {
	html := filepath.Join(t.TempDir(), "run.html")
	run := playLive(t, fifty(t), "--speed=0.4", "-o", "html="+html)
	host, path, _ := strings.Cut(strings.TrimPrefix(run.url, "http://"), "/")
	cable := newCable(t, host)
	lost := reads(t, "http://"+cable.Addr().String()+"/"+path)
	first := reads(t, run.url)
	const live, some = `document.querySelector("#live.on") !== null`, `document.querySelectorAll(".step").length > 10`
	for _, p := range []*tab{lost, first} {
		p.until(t, live)
		p.until(t, some)
	}
	if value[bool](t, first, `!document.getElementById("save").hidden`) {
		t.Error("what has not ended can be saved")
	}
	if value[int](t, first, `document.querySelectorAll(".step.open").length`) == 0 {
		t.Error("no step is open")
	}
	cable.cut(true)
	lost.until(t, `document.querySelector("#live.lost") !== null`)
	first.until(t, `document.querySelectorAll("#pods button").length === 51`)
	late := reads(t, run.url)
	late.until(t, some)
	cable.cut(false)
	lost.until(t, live)
	keepPicture(t, first, "live")
	late.do(t, script(`scrollTo(0, 0)`))
	late.until(t, `document.querySelectorAll("#pods .bar i:not(.life)").length > 50`)
	keepPicture(t, late, "bars")
	all := map[string]*tab{"first": first, "lost": lost, "late": late}
	for _, p := range all {
		p.until(t, `link.saved !== null`)
	}
	want, err := os.ReadFile(html)
	if err != nil {
		t.Fatal(err)
	}
	offline := sheet(t, string(want))
	shows := value[string](t, offline, wholePage)
	for name, p := range all {
		if got := value[string](t, p, wholePage); got != shows {
			t.Errorf("%s shows\n%s\nwant\n%s", name, got, shows)
		}
		if n := p.count(t, ".step.open"); n != 0 {
			t.Errorf("%s: %d steps are open in the end", name, n)
		}
		if got := value[string](t, p, `link.saved.text()`); got != string(want) {
			t.Errorf("%s saves %d bytes, want %d", name, len(got), len(want))
		}
	}
	keepPicture(t, first, "ended")
	first.complainsOf(t)
	late.complainsOf(t)
	if err := run.end(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// complainsOf fails where a page has complained of anything.
func (p *tab) complainsOf(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.complaints) > 0 {
		t.Errorf("complaints: %q", p.complaints)
	}
}

// keepPicture writes what is seen to the directory that PICTURES names, for who looks at it.
func keepPicture(t *testing.T, p *tab, name string) {
	t.Helper()
	directory := os.Getenv("PICTURES")
	if directory == "" {
		return
	}
	picture, err := chromedp.Run(p, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, name+".png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

// The button writes a file of the page of -o html, also once nothing is served any more.
func TestPageLiveIsSaved(t *testing.T) {
	html := filepath.Join(t.TempDir(), "run.html")
	file, err := os.Open("../../cmd/kubectl-seq/demo.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	run := playLive(t, file, "-o", "html="+html)
	p := reads(t, run.url)
	p.until(t, `link.saved !== null`)
	if err := run.end(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	directory := t.TempDir()
	if _, err := chromedp.Call(p, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: directory}); err != nil {
		t.Fatal(err)
	}
	p.do(t, script(`document.getElementById("save").click()`))
	want, err := os.ReadFile(html)
	if err != nil {
		t.Fatal(err)
	}
	saved := filepath.Join(directory, "Pod-default-web.html")
	for look := time.Tick(20 * time.Millisecond); ; <-look { // the browser writes it under another name first
		if got, err := os.ReadFile(saved); err == nil && len(got) > 0 {
			if string(got) != string(want) {
				t.Errorf("%d bytes are saved, want %d", len(got), len(want))
			}
			break
		}
		if t.Context().Err() != nil {
			t.Fatal("nothing is saved")
		}
	}
	p.complainsOf(t)
}

// Nothing but the page's own script runs in it, and no page of another origin reads it.
func TestPageLiveIsNobodyElses(t *testing.T) {
	file, err := os.Open("../../cmd/kubectl-seq/demo.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	run := playLive(t, file)
	p := reads(t, run.url)
	p.until(t, `link.saved !== null`)
	p.complainsOf(t)
	p.do(t, script(`document.body.append(
		Object.assign(document.createElement("script"), {textContent: "window.owned = 1"}))`))
	if value[bool](t, p, `window.owned === 1`) {
		t.Error("a foreign script has run")
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	go http.Serve(other, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<p>other")) }))
	foreign := reads(t, "http://"+other.Addr().String())
	for _, attempt := range []string{
		`fetch("` + run.url + `picture").then(() => "read", () => "refused")`,
		`new Promise((done) => {
			const e = new EventSource("` + run.url + `events");
			e.onopen = () => done("read");
			e.onerror = () => done("refused");
		})`,
		`new Promise((done) => {
			const f = Object.assign(document.createElement("iframe"), {src: "` + run.url + `"});
			f.onload = () => {
				try { done(f.contentDocument === null ? "refused" : "read"); } catch { done("refused"); }
			};
			document.body.append(f);
		})`,
	} {
		if got := value[string](t, foreign, attempt); got != "refused" {
			t.Errorf("%s: %s", attempt, got)
		}
	}
}

// What a reader has chosen stays when another picture has more before it: a step, what has been shown, hidden
// participants, what is open. So do the view and the place on the page.
func TestPageLiveKeepsWhatIsChosen(t *testing.T) {
	r := named(t, "repeats-crash")
	picture, err := render.Picture(r, render.Style{Detail: seq.Normal}, len(r.Steps), "")
	if err != nil {
		t.Fatal(err)
	}
	page, policy, err := render.LivePage(render.Style{Detail: seq.Normal}, false)
	if err != nil {
		t.Fatal(err)
	}
	server, err := serve.Listen("", serve.Page{HTML: page, Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p := reads(t, server.URL())
	p.until(t, `document.querySelector("#live.on") !== null`)
	if n := p.count(t, ".step"); n != 0 {
		t.Errorf("before anything comes there are %d steps", n)
	}
	keepPicture(t, p, "empty")
	server.Publish(serve.Update{Picture: picture})
	p.until(t, `document.querySelectorAll(".step").length > 20`)
	p.do(t, script(`document.querySelector("#view [value=order]").click()`),
		script(`unfold(visible().find((i) => report.steps[i].fold))`),
		script(`[...document.querySelectorAll("#lanes label")].find((l) => l.textContent === "etcd")
			.querySelector("input").click()`),
		script(`choose(visible()[20])`), script(`scrollTo(0, 333)`))
	const chosen = `[keyOf(state.current), [...state.open].map(keyOf), [...state.hidden].map((l) => report.lanes[l].name),
		state.view, scrollY, document.querySelectorAll(".step[aria-expanded=true]").length,
		document.querySelector(".step.current")?.getAttribute("aria-label"),
		document.querySelectorAll("#lanes input:not(:checked)").length,
		state.shown === Infinity || keyOf(visible()[state.shown - 1])].join(" | ")`
	// the same picture with one more participant, and one more step, before all others
	const more = `(() => {
		const next = structuredClone(pictures.at(-1)), shift = (i) => (i >= 0 ? i + 1 : i);
		next.lanes.unshift({name: "new" + pictures.length, kind: 0});
		for (const s of next.steps) {
			Object.assign(s, {from: s.from + 1, to: s.to + 1, answers: shift(s.answers), after: s.after.map(shift)});
		}
		next.steps.unshift({...next.steps[0], answers: -1, after: [], key: "new" + pictures.length, from: 0, to: 0});
		for (const f of next.folds) Object.assign(f, {lane: f.lane + 1, before: f.before + 1, steps: f.steps.map(shift)});
		pictures.push(next);
		renew(structuredClone(next));
	})()`
	p.do(t, script(`globalThis.pictures = []; fetch("picture").then((a) => a.json()).then((x) => pictures.push(x))`))
	p.until(t, `pictures.length === 1`)
	for _, c := range []string{`0`, `show(30)`, `byId("view").querySelector("[value=time]").click()`} {
		p.do(t, script(c))
		was := value[string](t, p, chosen)
		p.do(t, script(more))
		if is := value[string](t, p, chosen); is != was {
			t.Errorf("after %s there was\n%s\nand is\n%s", c, was, is)
		}
	}
	p.press(t, "p")
	p.do(t, script(`show(Infinity)`))
	keepPicture(t, p, "presenting")
	p.complainsOf(t)
}
