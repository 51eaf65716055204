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
		lives := 0
		for _, r := range c.lives {
			if r.container == container {
				lives = max(lives, r.attempt+1)
			}
		}
		had := 0 // lives by then
		for i, x := range t.all {
			switch {
			case x.id.row == cycleRestart:
				had = x.number
				continue
			case i == len(t.all)-1 && x.id.row == nil && !c.failedSince(container, x.begun):
				x.id.row, x.number = cycleRestart, max(had, lives)+1
				continue
			case x.id.row == nil:
				x.id.row = cycleCreate
			}
			x.id.scope = "life " + strconv.Itoa(had)
		}
	}
}

// failedSince reports whether the kubelet has said of a container that something failed, since an Event.
func (c *cycleReader) failedSince(container string, begun *emitted) bool {
	for _, e := range c.story.events {
		if e.container == container && e.event.Reason == "Failed" && begun.before(e, c.story) {
			return true
		}
	}
	return false
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

// keysOfLives are what the keys begin with of what is about one life of a container, beside those of runc.
var keysOfLives = []string{"cri:CreateContainer:", "cri:StartContainer:", "cri:StopContainer:", "exit:", "probe:",
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
