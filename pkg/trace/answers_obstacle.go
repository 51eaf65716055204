package trace

// Obstacles: what holds a subject, found by its symptoms and worded by their causes.

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// finding is what a look at the story found.
type finding struct {
	container       string
	reason, message string
	by              seq.Participant // where the cause does not say who
	since           time.Time
	countsFrom      time.Time // it counts only from then on; zero for at once
	evidence        []seq.Evidence
	mayMend         bool     // however long it lasts, Kubernetes may still mend it by itself
	replacements    []string // pairs of a word in braces and its value, beyond the usual
}

// symptom is one place to look for an obstacle, with the causes that may be found there, the most particular first.
type symptom struct {
	find   func(s *story, now time.Time) (finding, bool)
	causes []obstacleCause
}

// obstacleCause is one row of the table. In by, explain and next, {pod}, {namespace}, {node}, {container}, {image},
// {scheduler}, {1} to {4}, which are the groups of match, and the words of the finding are filled in.
type obstacleCause struct {
	name    string
	match   *regexp.Regexp // against "REASON: MESSAGE"; nil matches everything
	by      string         // who holds it; empty for who the finding names
	explain string
	next    string
	// a dead end once it has lasted for that long; 0 for what Kubernetes, or what it waits for, may mend at any time
	dead time.Duration
}

// atOnce is for what will be the same however often Kubernetes tries.
const atOnce = time.Nanosecond

// Obstacle returns what holds the subject now, or has ended it, where anything observed says so: of a workload, what
// keeps its controllers from making Pods, else what holds the first of its Pods.
func (t *Trace) Obstacle() (seq.Obstacle, bool) {
	r := t.resolve()
	c := r.scene
	if kind := c.subject().sort(); !kind.ofSeveral {
		return c.subject().obstacleBy(kind.symptoms, t.now)
	}
	for _, e := range r.entries {
		if e.isPod() {
			h := e.held.get(e, func(s *story) held { return s.mayBeHeld(t.now) })
			if h.nothing && (h.until.IsZero() || t.now.Before(h.until)) {
				continue
			}
		}
		if o, ok := e.obstacleBy(e.sort().symptoms, t.now); ok {
			return o, true
		}
	}
	return seq.Obstacle{}, false
}

// mayBeHeld finds whether anything holds a Pod, and from when on something may although nothing more is observed.
func (s *story) mayBeHeld(now time.Time) held {
	if s.state(len(s.revisions)).Available || s.deletionBegun() {
		return held{nothing: true}
	}
	h := held{nothing: true}
	for _, l := range s.sort().symptoms {
		f, ok := l.find(s, now)
		switch {
		case !ok:
		case f.countsFrom.After(now):
			h.until = instant.Sooner(h.until, f.countsFrom)
		default:
			return held{}
		}
	}
	return h
}

func (s *story) obstacleBy(table []symptom, now time.Time) (seq.Obstacle, bool) {
	for _, l := range table {
		f, ok := l.find(s, now)
		if !ok || f.countsFrom.After(now) {
			continue
		}
		for i := range l.causes {
			if o, ok := s.obstacle(&l.causes[i], f, now); ok {
				return o, true
			}
		}
	}
	return seq.Obstacle{}, false
}

func (s *story) obstacle(c *obstacleCause, f finding, now time.Time) (seq.Obstacle, bool) {
	words := append(f.replacements, "{pod}", s.object.Name, "{kind}", s.object.Kind, "{type}",
		strings.ToLower(s.object.Kind),
		"{namespace}", s.object.Namespace, "{node}", s.node, "{container}", f.container, "{image}",
		imageOf(s.spec(f.container)))
	if c.match != nil {
		text := f.reason + ": " + f.message
		if image := imageOf(s.spec(f.container)); image != "" { // a name can hold any word
			text = strings.ReplaceAll(text, image, "IMAGE")
		}
		groups := c.match.FindStringSubmatch(text[:min(len(text), 10_000)])
		if groups == nil {
			return seq.Obstacle{}, false
		}
		for i, g := range groups {
			words = append(words, fmt.Sprintf("{%d}", i), g)
		}
	}
	fill := strings.NewReplacer(words...).Replace
	o := seq.Obstacle{
		Name: c.name, Object: s.object, By: cmp.Or(seq.Participant(fill(c.by)), f.by), Container: f.container,
		Reason: f.reason, Message: f.message,
		Explain: fill(c.explain), Next: fill(c.next), Since: f.since, Evidence: f.evidence,
	}
	if o.By == seq.Runtime {
		o.By = s.runtime
	}
	if w := s.foundRevision(); w != nil && f.since.Equal(w.received) {
		if at := s.keptSince(w); !at.IsZero() {
			o.Since = at
		}
	}
	if !f.since.IsZero() {
		seen := max(0, now.Sub(f.since)) // who only looks sees it since then
		o.DeadEnd = c.dead > 0 && !f.mayMend && seen >= c.dead
		if o.Held = max(0, now.Sub(o.Since)); s.attached() && len(s.requests) == 0 { // a file may be of any age
			o.Held = 0
		}
	}
	return o, true
}

// findingOf completes a finding by two writes: the first that tells of it, and the newest.
func findingOf(f finding, first, last *write, detail string) finding {
	if first == nil { // hostile: two statuses of one name
		first = last
	}
	f.since = first.received
	for _, w := range []*write{first, last} {
		e := w.evidence()
		if e.Text = detail; e.At.IsZero() {
			e.At = f.since
		}
		if f.since.IsZero() {
			f.since = e.At
		}
		f.evidence = append(f.evidence, e)
	}
	if first == last {
		f.evidence = f.evidence[:1]
	}
	return f
}

// unbroken is the first of the newest revisions that all satisfy is, or nil where the newest does not.
func (s *story) unbroken(is func(*corev1.Pod) bool) (first *write) {
	for i := len(s.revisions) - 1; i >= 0 && is(s.revisions[i].pod); i-- {
		first = s.revisions[i]
	}
	return first
}
