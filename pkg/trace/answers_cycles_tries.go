package trace

// The tries of the kubelet to start a container: what each was about, and what came of it.

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// try is one time that the kubelet set out to start a container, from the image on.
type try struct {
	begun  *emitted
	id     cycleID
	number int // the turn; 0 of one that failed until it is counted
}

// containerTries are the tries of one container.
type containerTries struct {
	all     []*try
	failing place // the last that was come to, where it failed; else nothing
	said    bool  // whether the status has said that it failed
}

// readTries tells the tries of each container apart, by the Events of the kubelet's worker, and which messages are of
// which. One that has made the container is of that life of it, and so is the last, of which nothing is known yet.
func (c *cycleReader) readTries() {
	open := map[string]*try{} // by container
	for _, a := range c.workerEvents {
		t := c.tries[a.container]
		if t == nil {
			t = &containerTries{}
			c.tries[a.container] = t
		}
		last := open[a.container]
		if last == nil || a.action == pullBegan || a.action == imagePresent ||
			a.action == containerCreated && last.id.row == cycleRestart {
			last = &try{begun: a.emitted, id: cycleID{container: a.container}}
			t.all = append(t.all, last)
			open[a.container] = last
		}
		switch a.action {
		case pullFailed:
			last.id.row = cyclePull
		case containerCreated, containerStarted, startFailed:
			last.id.row, last.number = cycleRestart, a.attempt+1
		}
		c.tryOf[a.key.Begin()], c.tryOfEvent[a.emitted] = last, last
	}
	for container, t := range c.tries {
		had := 0 // lives by then
		for i, x := range t.all {
			if x.id.row == nil && c.failedUntil(x, t.all[i+1:]) {
				x.id.row = cycleCreate
			}
			if x.id.row == nil { // it goes on, or its Events were dropped
				x.id.row, x.number = cycleRestart, max(had, c.lifeSince(container, x.begun))+1
			}
			if x.id.row == cycleRestart {
				had = x.number
			} else {
				x.id.scope = "life " + strconv.Itoa(had)
			}
		}
	}
}

// failedUntil reports whether the kubelet has said that something failed in a try, before the next.
func (c *cycleReader) failedUntil(x *try, next []*try) bool {
	return slices.ContainsFunc(c.story.events, func(e *emitted) bool {
		return e.container == x.id.container && e.event.Reason == "Failed" && x.begun.before(e, c.story) &&
			(len(next) == 0 || e.before(next[0].begun, c.story))
	})
}

// lifeSince is the first life of a container, from 0, that the status tells of since an Event, or 0.
func (c *cycleReader) lifeSince(container string, e *emitted) (life int) {
	for _, r := range slices.Backward(c.lives) {
		rv, err := strconv.ParseUint(r.evidence.ResourceVersion, 10, 64)
		if r.container == container && err == nil && rv > e.rv {
			life = r.attempt
		}
	}
	return life
}

// placeOf is the turn that a try is.
func (c *cycleReader) placeOf(x *try) place {
	if x.number == 0 {
		x.number = c.next(x.id)
	}
	return place{x.id, x.number}
}

// tryAt is what an Event about a container is about that is none of the worker's: the last try that had begun, or the
// life that the container had, or had had, by then.
func (c *cycleReader) tryAt(e *emitted) place {
	var last *try
	if t := c.tries[e.container]; t != nil {
		for _, x := range t.all {
			if x.begun.before(e, c.story) {
				last = x
			}
		}
	}
	life, lived := c.attemptAt(e)
	switch {
	case last != nil && (last.id.row != cycleRestart || !lived || last.number > life+1):
		return c.placeOf(last)
	case lived:
		return c.lifePlace(e.container, life)
	}
	return place{}
}

// lifePlace is the turn that a life of a container is, from 0.
func (c *cycleReader) lifePlace(container string, life int) place {
	return place{cycleID{row: cycleRestart, container: container}, life + 1}
}

// replaced reports whether each life of a container that has ended did so because the spec asks for another one: that
// is no repetition.
func (c *cycleReader) replaced(container string) bool {
	asked := map[int]bool{} // by life
	for _, e := range c.story.events {
		if e.container == container && e.event.Reason == "Killing" && c.askedToStop(e) != nil {
			if n, ok := c.attemptAt(e); ok {
				asked[n] = true
			}
		}
	}
	return len(asked) > 0 && !slices.ContainsFunc(c.lives, func(x life) bool {
		return x.container == container && x.exit != nil && !asked[x.attempt]
	})
}

// keysOfLives are what the keys begin with of what is about one life of a container, beside those of runc.
var keysOfLives = []string{"cri:CreateContainer:", "cri:StartContainer:", "cri:StopContainer:", "exit:", "probe:",
	"post-start:", "stop-signal:",
	"pre-stop:"}

// lifeOf is which life of a container a message is about, from 0, by its key.
func lifeOf(key seq.Key, container string) (life int, ok bool) {
	what := string(key)
	if rest, ok := strings.CutPrefix(what, "runc:"); ok {
		_, what, _ = strings.Cut(rest, ":")
	}
	of, number, found := cutLast(what)
	if !found || container == "" || !strings.HasSuffix(of, ":"+container) ||
		!slices.ContainsFunc(keysOfLives, func(begin string) bool { return strings.HasPrefix(what, begin) }) {
		return 0, false
	}
	life, err := strconv.Atoi(number)
	return life, err == nil
}

// cutLast cuts a key before its last word.
func cutLast(key string) (before, last string, found bool) {
	i := strings.LastIndexByte(key, ':')
	if i < 0 {
		return key, "", false
	}
	return key[:i], key[i+1:], true
}
