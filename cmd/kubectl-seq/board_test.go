package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	apitypes "k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// boardOf is a board without a cluster, which takes what a test gives it.
func boardOf(t *testing.T) *board {
	t.Helper()
	o := &followOptions{drawOptions: drawOptions{serve: new(""), settle: 3 * time.Second}, contextName: "lab"}
	o.scope.Namespace, o.style.Detail = "default", seq.Normal
	b := newBoard(o)
	b.begun = time.Time{}
	if err := b.listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.server.Close() })
	return b
}

// observedOfPods are the changes and Events of a scenario's Pods, in their order.
func observedOfPods(t *testing.T, name string) (all []seq.Observation) {
	t.Helper()
	s := scenario.Named(t, name)
	for _, o := range s.Observations {
		if o.Change != nil && o.Change.Pod != nil || o.Event != nil && o.Event.Event.InvolvedObject.Kind == "Pod" {
			all = append(all, o)
		}
	}
	return all
}

type boardDocument struct {
	Status string
	Pods   []struct {
		Name, State, Path, Held string
		Failed                  bool
		Bar                     []struct{ From, To float64 }
	}
}

// shown is what a browser has of a board.
func (b *board) shown(t *testing.T) (d boardDocument) {
	t.Helper()
	if err := b.publish(false); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(fetched(t, b.server.URL()+"picture")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Each Pod that starts has a row, with its bar, that leads to its page; that ends once nothing more of the start may
// come. What comes of a Pod before the Pod itself is not lost.
func TestBoard(t *testing.T) {
	b := boardOf(t)
	all := observedOfPods(t, "deployment")
	var last time.Time
	pods := map[apitypes.UID]bool{}
	for _, early := range []bool{true, false} { // first all Events
		for _, o := range all {
			if last = o.Received; (o.Event != nil) == early {
				b.take(o)
			}
			if o.Change != nil {
				pods[o.Change.Pod.UID] = true
			}
		}
	}
	if err := b.look(last); err != nil {
		t.Fatal(err)
	}
	for _, p := range b.rows {
		if p.run == nil {
			t.Errorf("%s has ended while more of it may come", p.uid)
		}
	}
	if err := b.look(last.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	d := b.shown(t)
	want := fmt.Sprintf("%d ready, 0 not ready, 0 failed or gone", len(pods))
	if len(pods) < 2 || len(d.Pods) != len(pods) || d.Status != want {
		t.Errorf("%d Pods of %d: %s", len(d.Pods), len(pods), d.Status)
	}
	for i, p := range d.Pods {
		if len(p.Bar) < 4 || p.Bar[0].From != 0 || !strings.HasSuffix(p.State, "s") || b.rows[i].run != nil {
			t.Errorf("%+v", p)
		}
		events := fetched(t, b.server.URL()+p.Path+"events")
		for _, want := range []string{`"label":"StartContainer `, "Event Created", "event: end\n", `"outcome":"Ready"`} {
			if !strings.Contains(events, want) {
				t.Errorf("%s: no %s in its events", p.Name, want)
			}
		}
		if strings.Contains(events, "own-read") {
			t.Errorf("%s: our own reads are drawn", p.Name)
		}
		if page := fetched(t, b.server.URL()+p.Path+"page.html"); !strings.Contains(page, p.Name) {
			t.Errorf("%s: its page is about something else", p.Name)
		}
	}
}

// A board has the last hundred, however many start, and what they need is bounded.
func TestBoardIsBounded(t *testing.T) {
	b := boardOf(t)
	all := observedOfPods(t, "plain")
	start := func(n int) {
		var last time.Time
		for _, o := range all {
			if o.Change != nil {
				c, p := *o.Change, o.Change.Pod.DeepCopy()
				p.UID, p.Name = apitypes.UID(fmt.Sprint("uid-", n)), fmt.Sprint("web-", n)
				c.Pod, o.Change = p, &c
			} else {
				c, e := *o.Event, o.Event.Event.DeepCopy()
				e.InvolvedObject.UID, e.InvolvedObject.Name = apitypes.UID(fmt.Sprint("uid-", n)), fmt.Sprint("web-", n)
				c.Event, o.Event = e, &c
			}
			b.take(o)
			last = o.Received
		}
		if err := b.look(last.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc >> 10)
	}
	empty := heap()
	for n := range mostRows {
		start(n)
	}
	full, path := heap(), b.rows[mostRows-1].path
	t.Logf("%d Pods take %d KB", mostRows, full-empty) // docs/serve.md has it
	for n := range 3 * mostRows {
		start(mostRows + n)
	}
	if more := heap(); more > full+full/4 {
		t.Errorf("%d Pods take %d KB, and four times as many %d KB", mostRows, full, more)
	}
	d := b.shown(t)
	if len(d.Pods) != mostRows || len(b.byUID) != mostRows || d.Pods[0].Name != fmt.Sprint("web-", 4*mostRows-1) ||
		!strings.HasPrefix(d.Status, "The last 100 of 400: ") {
		t.Errorf("%d rows, %d known, the first is %s: %s", len(d.Pods), len(b.byUID), d.Pods[0].Name, d.Status)
	}
	response, err := http.Get(b.server.URL() + path)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("the page of a Pod that is gone from the board: %s", response.Status)
	}
}

// Of a Pod that never gets there only the beginning is looked at.
func TestBoardLeavesWhatNeverStarts(t *testing.T) {
	b := boardOf(t)
	all := observedOfPods(t, "repeats-pull")
	for _, o := range all {
		b.take(o)
		if err := b.look(o.Received); err != nil {
			t.Fatal(err)
		}
	}
	row := b.rows[0]
	if row.run == nil || row.observed != len(all) {
		t.Fatalf("after %d observations of %d it has ended", row.observed, len(all))
	}
	last := all[len(all)-1]
	for n := row.observed; n <= mostObserved; n++ {
		b.take(last)
	}
	if err := b.look(last.Received); err != nil {
		t.Fatal(err)
	}
	if events := fetched(t, b.server.URL()+row.path+"events"); row.run != nil ||
		!strings.Contains(events, "a board follows it no further: kubectl seq watch pod/") {
		t.Errorf("after %d observations it goes on", row.observed)
	}
	if d := b.shown(t); d.Pods[0].Held == "" {
		t.Errorf("nothing says why it gets no further: %+v", d.Pods[0])
	}
}

func TestBoardBadInput(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"watch", "one TYPE/NAME expected (hint: write it as TYPE/NAME, such as deployment/web; --serve alone shows all " +
			"Pods that start)"},
		{"watch --serve --record=x.jsonl", "--record is about one object, and none is named (hint: " + howToName + ")"},
		{"watch --serve -o json", "--output is about one object, and none is named (hint: " + howToName + ")"},
		{"watch --serve", "no cluster is configured"},
	} {
		_, _, err := replayed(t.Context(), strings.Fields(c.args)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.args, err)
		}
	}
}
