package seqreceiver

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// played is the start of a Pod on a real cluster, as text, to be told again of other Pods at other times.
type played struct {
	name   string
	uid    string
	begun  time.Time
	things []thing
}

// thing is a revision of the Pod, or an Event.
type thing struct {
	after    time.Duration // the first
	resource string
	text     string
}

func readPlayed(t testing.TB, name string) (p played) {
	t.Helper()
	s := scenario.Named(t, name)
	p.name = s.Subject.Name
	add := func(at time.Time, o runtime.Object) {
		if p.begun.IsZero() {
			p.begun = at
		}
		p.things = append(p.things, thing{at.Sub(p.begun), resourceOf(o), string(textOf(o))})
	}
	for _, o := range s.Observations {
		switch {
		case o.Change != nil && o.Change.Pod != nil:
			p.uid = string(o.Change.Pod.UID)
			add(o.Received, o.Change.Pod)
		case o.Event != nil:
			add(o.Received, o.Event.Event)
		}
	}
	if len(p.things) < 8 {
		t.Fatalf("%s tells only %d things", name, len(p.things))
	}
	return p
}

var (
	instants  = regexp.MustCompile(`"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"`)
	revisions = regexp.MustCompile(`"resourceVersion":"\d+"`)
	// emitted is the end of an Event's name, the time at which it was emitted.
	emitted = regexp.MustCompile(`"[a-z-]+\.[0-9a-f]{16}"`)
	uids    = regexp.MustCompile(`"uid":"[0-9a-f-]{36}"`)
)

// tell has the API server tell one thing of another Pod, which began then.
func (p played) tell(a *api, i int, pod string, begun time.Time) {
	x, later := p.things[i], begun.Sub(p.begun)
	uid := "uid-" + pod
	if x.resource == events {
		uid = fmt.Sprintf("event-%d-%s", i, pod)
	}
	a.storeText("", x.resource, uid, func(revision string) []byte {
		text := revisions.ReplaceAllLiteralString(x.text, `"resourceVersion":"`+revision+`"`)
		text = instants.ReplaceAllStringFunc(text, func(s string) string {
			at, err := time.Parse(`"`+time.RFC3339Nano+`"`, s)
			if err != nil {
				panic(err)
			}
			format := time.RFC3339
			if strings.Contains(s, ".") {
				format = "2006-01-02T15:04:05.000000Z07:00"
			}
			return `"` + at.Add(later).UTC().Format(format) + `"`
		})
		text = emitted.ReplaceAllStringFunc(text, func(s string) string {
			nano, _ := strconv.ParseInt(s[len(s)-len("0123456789abcdef")-1:len(s)-1], 16, 64)
			return strconv.Quote(pod + "." + strconv.FormatInt(nano+int64(later), 16))
		})
		text = strings.ReplaceAll(strings.ReplaceAll(text, p.uid, "uid-"+pod), strconv.Quote(p.name), strconv.Quote(pod))
		if x.resource == events {
			text = uids.ReplaceAllLiteralString(text, `"uid":"`+uid+`"`)
		}
		return []byte(text)
	})
}

// tellAll tells all of a Pod's start.
func (p played) tellAll(a *api, pod string, begun time.Time) {
	for i := range p.things {
		p.tell(a, i, pod, begun)
	}
}

// forget has the API server delete a Pod, and let go of its Events.
func (p played) forget(a *api, pod string) {
	a.mu.Lock()
	text := a.there[pods+"uid-"+pod]
	for i, x := range p.things {
		if x.resource == events {
			delete(a.there, events+fmt.Sprintf("event-%d-%s", i, pod))
		}
	}
	a.mu.Unlock()
	a.storeText("DELETED", pods, "uid-"+pod, func(revision string) []byte {
		return revisions.ReplaceAllLiteral(text, []byte(`"resourceVersion":"`+revision+`"`))
	})
}

// podName is such that no name is part of another.
func podName(i int) string { return fmt.Sprintf("pod-%05d", i) }
