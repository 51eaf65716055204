//go:build browser

// Package browser has what draws our pictures say about them: Chromium opens the pages, Mermaid the diagrams.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

var browser context.Context

func TestMain(m *testing.M) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		panic("these tests need chromium: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.WindowSize(1400, 1200), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	var closed context.CancelFunc
	browser, closed = chromedp.NewContext(allocator)
	if err := chromedp.Do(browser); err != nil {
		panic(err)
	}
	code := m.Run()
	closed()
	stop()
	os.Exit(code)
}

// tab is a page of the browser and everything it complained about or asked for.
type tab struct {
	context.Context
	mu                   sync.Mutex
	complaints, requests []string
}

func newTab(t *testing.T) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	p := &tab{Context: ctx}
	if err := chromedp.Listen(ctx, p.heard); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, cdplog.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *tab) heard(e any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := e.(type) {
	case *runtime.EventExceptionThrown:
		p.complaints = append(p.complaints, fmt.Sprintf("%+v", e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		p.complaints = append(p.complaints, fmt.Sprintf("console.%s", e.Type))
	case *cdplog.EventEntryAdded:
		p.complaints = append(p.complaints, e.Entry.Text)
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	}
}

func (p *tab) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(p, 5*time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

func script(text string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](text)
}

// value evaluates an expression.
func value[T any](t *testing.T, p *tab, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(p, 5*time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits for an expression to hold.
func (p *tab) until(t *testing.T, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(p, 5*time.Minute)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression)); err != nil {
		t.Fatalf("%s does not become true: %v", expression, err)
	}
}

func drawn(t *testing.T, format string, r render.Report, y render.Style) string {
	t.Helper()
	var b strings.Builder
	if err := render.Formats[format].Write(&b, r, y); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// hostile is a report in which every string that a server or a user chose tries to be something else.
func hostile() render.Report { return hostileOf(hostileTexts) }

func hostileOf(texts []string) render.Report {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := render.Report{Run: seq.Run{Origin: at}}
	add := func(text string) {
		i := len(r.Steps)
		r.Steps = append(r.Steps, &seq.Step{
			Key: seq.Key(text), From: seq.APIServer, To: seq.Container(text),
			Kind:  []seq.StepKind{seq.RequestKind, seq.DeliveryKind, seq.NoteKind}[i%3],
			Label: text, Detail: seq.Brief, Window: seq.Window{Earliest: at, Latest: at}, Best: at,
			Rule: &seq.Rule{Name: "exec"}, ClockOf: seq.Participant(text),
			Evidence: []seq.Evidence{{Source: text, Text: text, ResourceVersion: text}}, ResourceVersion: text,
		})
		if r.Steps[i].Kind == seq.NoteKind {
			r.Steps[i].From = r.Steps[i].To
		}
	}
	for _, text := range texts {
		add(text)
	}
	all := strings.Join(texts, " ")
	r.Run.Subject = seq.Object{Kind: "Pod", Namespace: all, Name: all}
	r.Run.Image, r.Context, r.Run.Server, r.Run.Unseen = all, all, all, []string{all}
	r.Outcome = render.Outcome{Name: "Stuck", Reason: all, Message: all}
	r.Phases = []seq.Phase{{Name: "admit", Explain: all, Took: time.Second,
		Parts: []seq.Part{{Begin: r.Steps[0].Key, End: r.Steps[2].Key,
			Likely: seq.Window{Earliest: at, Latest: at.Add(time.Second)}}}}}
	r.Waits = []seq.Wait{{Name: all, Explain: all, Remedy: all}}
	return r
}

var hostileTexts = []string{
	`<script>window.owned=1</script>`, `</script><img src=x onerror="window.owned=2">`, `<!--<script>`, `]]>`,
	`javascript:window.owned=3`,
	"end", "end\nend", "loop", "rect rgb(0,0,0)", "participant", "note", "actor", "a;b", "a#b", "#35;", "#quot;",
	`"quoted"`, `'single'`, "->>", "-->>-x: y", "a:b", "wrap:no", "nowrap: no",
	"%% comment", `%%{init: {"theme":"dark"}}%%`, "$$x^2$$", "`code`", "**bold**", "&lt;", "\\", "{}", "[]", "()", "<br/>",
	"", " ", "\u202eright to left", "\x00\x1b[31m", "漢字 é 😀", "accTitle: x", "title x", "autonumber", "links a: {}",
	"create participant x", "---",
}
