//go:build browser

package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// played is an API server on which the Pods of a recording start, in its pace, once both watches are open.
func played(t *testing.T, r *recording.Recording) *httptest.Server {
	t.Helper()
	opened := make(chan string, 2)
	begin := make(chan struct{})
	go func() {
		<-opened
		<-opened
		close(begin)
	}()
	ended := make(chan struct{})
	handle := func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		pods := strings.HasSuffix(q.URL.Path, "/pods")
		kind := map[bool]string{true: "PodList", false: "EventList"}[pods]
		switch {
		case q.URL.Path == "/version":
			fmt.Fprint(w, `{"gitVersion":"v1.37.2"}`)
		case !pods && !strings.HasSuffix(q.URL.Path, "/events"):
			http.NotFound(w, q)
		case q.URL.Query().Get("watch") == "":
			fmt.Fprintf(w, `{"kind":%q,"apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}`, kind)
		default:
			w.(http.Flusher).Flush()
			opened <- q.URL.Path
			<-begin
			play(w, r, pods, q.Context().Done())
			select {
			case <-q.Context().Done():
			case <-ended:
			}
		}
	}
	s := httptest.NewServer(http.HandlerFunc(handle))
	t.Cleanup(func() {
		close(ended)
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// play writes the changes of Pods, or Events, as a watch does.
func play(w http.ResponseWriter, r *recording.Recording, pods bool, stop <-chan struct{}) {
	begun := time.Now()
	first := slices.IndexFunc(r.Observations, func(o seq.Observation) bool {
		return o.Change != nil && o.Change.Pod != nil
	})
	for _, o := range r.Observations {
		typ, object := "", any(nil)
		switch {
		case pods && o.Change != nil && o.Change.Pod != nil:
			p := o.Change.Pod.DeepCopy()
			p.Kind, p.APIVersion = "Pod", "v1"
			typ, object = o.Change.Type, p
		case !pods && o.Event != nil:
			e := o.Event.Event.DeepCopy()
			e.Kind, e.APIVersion = "Event", "v1"
			typ, object = o.Event.Type, e
		default:
			continue
		}
		select {
		case <-time.After(time.Until(begun.Add(o.Received.Sub(r.Observations[first].Received)))):
		case <-stop:
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"type": typ, "object": object}) // or who reads is gone
		w.(http.Flusher).Flush()
	}
}

// goes does what leads to another page, and waits until that is there, whose path below the token begins so.
func (p *tab) goes(t *testing.T, how, path string) {
	t.Helper()
	p.do(t, script(how))
	is := regexp.MustCompile(`^http://[^/]+/\w+/` + path + `[^/]*/?$`)
	for look := time.Tick(20 * time.Millisecond); ; <-look {
		at, err := chromedp.Run(p, chromedp.Evaluate[string](`document.readyState === "complete" ? location.href : ""`))
		if err == nil && is.MatchString(at) { // while it goes there is no page to ask
			return
		}
		if t.Context().Err() != nil {
			t.Fatalf("%s leads to %s: %v", how, at, err)
		}
	}
}

// A board shows the 50 Pods of a Deployment while they start, also to who comes late; a click opens a sequence.
// On a projector its rows are readable, and nothing is wider than the page.
func TestBoard(t *testing.T) {
	r, err := recording.Read(fifty(t))
	if err != nil {
		t.Fatal(err)
	}
	api := played(t, r)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Config","current-context":"x",
		"clusters":[{"name":"x","cluster":{"server":%q}}],
		"contexts":[{"name":"x","context":{"cluster":"x","namespace":"default"}}]}`, api.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "watch", "--serve", "--kubeconfig="+config)
	errOut, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(errOut)
	lines.Scan()
	url := regexp.MustCompile(`http://\S+`).FindString(lines.Text())
	if url == "" {
		t.Fatalf("it says no URL: %s", lines.Text())
	}
	first := reads(t, url)
	first.until(t, `document.querySelector("#live.on") !== null`)
	first.until(t, `document.querySelectorAll("#pods a").length > 5`)
	first.until(t, `document.querySelectorAll("#pods a .bar i").length > 5`)
	keepPicture(t, first, "board")
	late := reads(t, url)
	for _, p := range []*tab{first, late} {
		p.until(t, `document.querySelectorAll("#pods a").length === 50`)
		p.until(t, `document.getElementById("outcome").textContent.startsWith("50 ready, 0 not ready")`)
		p.until(t, `[...document.querySelectorAll("#pods a")].every((a) => a.querySelector(".bar i") !== null)`)
		// the clocks of the recording are behind by now, so that of some Pods not all phases can be told apart
		p.until(t, `document.querySelectorAll("#pods a .bar i").length > 150`)
	}
	keepPicture(t, late, "board-ended")
	if size := value[float64](t, late, `Math.min(...[...document.querySelectorAll("#pods a, #pods a *")]
		.filter((e) => e.textContent).map((e) => parseFloat(getComputedStyle(e).fontSize)))`); size < 13 {
		t.Errorf("the smallest text has %v px", size)
	}
	if wide := value[int](t, late, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
		t.Errorf("the page is %d px wider than the window", wide)
	}
	name := value[string](t, late, `document.querySelectorAll("#pods a")[7].querySelector(".name").textContent`)
	late.goes(t, `document.querySelectorAll("#pods a")[7].click()`, "pods/")
	late.until(t, `document.querySelectorAll(".step").length > 10`)
	late.until(t, `document.querySelector("#live.ended") !== null && link.saved !== null`)
	keepPicture(t, late, "board-pod")
	if title := value[string](t, late, `document.title`); !strings.HasSuffix(title, "/"+name) {
		t.Errorf("a click on %s leads to %s", name, title)
	}
	late.goes(t, `history.back()`, "")
	late.until(t, `document.querySelectorAll("#pods a").length === 50`)
	first.complainsOf(t)
	late.complainsOf(t)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	first.until(t, `document.querySelector("#live.ended") !== null`)
	for lines.Scan() {
		t.Errorf("it says %s", lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}
