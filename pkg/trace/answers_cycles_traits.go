package trace

// What is different in each turn of what repeats.

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// traitsOf is what a message says that may be different in each turn.
func (c *cycleReader) traitsOf(x *seq.Step) (all []seq.Trait) {
	say := func(name, value string) { all = append(all, seq.Trait{Step: x.Key, Name: name, Value: value}) }
	key := c.bare(x.Key)
	if e := c.events[key]; e != nil && key == e.noteKey() {
		say("message", plainMessage(e.event.Message))
		if c.capped[e] {
			say("at least", fmt.Sprintf("a client sends %d Events about an object, then few", eventBurst))
		}
	}
	for _, a := range c.workerEvents {
		if a.action == pullFailed && a.key == key {
			say("message", plainMessage(a.event.Message))
		}
	}
	for _, r := range c.lives {
		if r.exit != nil && exitKey(r.container, r.attempt) == key {
			say("exit code", strings.TrimPrefix(x.Label, "exits with "))
			if ran(r.exit) >= steadyAfter {
				say("stayed up", ran(r.exit).String())
			}
		}
	}
	if w := c.writeOf(x); w != nil && w.prevPod != nil && x.To == seq.APIServer {
		for s := range object.Statuses(w.pod) {
			was := object.StatusOf(w.prevPod, s.Name)
			if s.State.Waiting == nil || was != nil && sameState(s, was) {
				continue
			}
			if m := backOffLength.FindStringSubmatch(s.State.Waiting.Message); m != nil {
				say("back-off", m[1])
			}
		}
	}
	return all
}

// ownNames is what differs in messages that say the same: ids, and the names that a controller makes up.
var ownNames = regexp.MustCompile(`[0-9a-f]{32,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|^\(combined from similar events\): `)

var madeUpName = regexp.MustCompile(`pods "[^"]*-[a-z0-9]{5}"`)

// plainMessage is the message of an Event without what is another each time by itself.
func plainMessage(text string) string {
	return madeUpName.ReplaceAllString(ownNames.ReplaceAllString(text, ""), "pods")
}
