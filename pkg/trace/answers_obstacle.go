package trace

// Obstacles: what holds a subject, found by its symptoms and worded by their causes.

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// finding is what a look at the story found.
type finding struct {
	container       string
	reason, message string
	by              seq.Participant // where the cause does not say who
	about           string          // of the message, what causes are matched against; empty for all of it
	since           time.Time
	heldSince       time.Time // since when it holds by a whole second that the cluster has kept; zero for since
	countsFrom      time.Time // it counts only from then on; zero for at once
	evidence        []seq.Evidence
	mayMend         bool     // however long it lasts, Kubernetes may still mend it by itself
	replacements    []string // pairs of a word in braces and its value, beyond the usual
}

// symptom is one place to look for an obstacle, with the causes that may be found there, the most particular first.
type symptom struct {
	find   func(s *story, now time.Time) (finding, bool)
	causes []obstacleCause
	// it can be found where no revision of the object is known, too
	objectless bool
}

// obstacleCause is one row of the table. In by, explain and next, {pod}, {namespace}, {node}, {container}, {image},
// {scheduler}, {1} to {4}, which are the groups of match, and the words of the finding are filled in.
type obstacleCause struct {
	name    string
	match   *regexp.Regexp // against "REASON: MESSAGE"; nil matches everything
	by      string         // who holds it; empty for who the finding names
	explain string
	next    []string // each is words, a command after "$ ", or both; the best first
	// a dead end once it has lasted for that long; 0 for what Kubernetes, or what it waits for, may mend at any time
	dead time.Duration
	// it only follows from what holds an object below, if anything does: that is told instead
	follows bool
	// it says less than any other of another object would
	fallback bool
}

// atOnce is for what will be the same however often Kubernetes tries.
const atOnce = time.Nanosecond

// Obstacle returns what holds the subject now, or has ended it, where anything observed says so: of a workload, what
// keeps its controllers from making Pods, else what holds the first of its Pods, else what its own status says.
func (t *Trace) Obstacle() (seq.Obstacle, bool) {
	r := t.resolve()
	if h := &r.holding; h.version != r.version || h.version == 0 || !h.now.Equal(t.now) {
		*h = holding{version: r.version, now: t.now}
		h.obstacle, h.is = r.obstacle(t.now)
	}
	o := r.holding.obstacle
	o.NextSteps = slices.Clone(o.NextSteps)
	return o, r.holding.is
}

func (r *result) obstacle(now time.Time) (seq.Obstacle, bool) {
	subject := r.scene.subject()
	if kind := subject.sort(); !kind.ofSeveral && len(r.scene.rootStories()) < 2 {
		o, _, ok := subject.obstacleBy(kind.symptoms, now)
		return o, ok
	}
	var claim, fallback, follows *seq.Obstacle // what counts only where nothing says more
	for _, g := range r.groups() {
		if g.held.get(g.version, func() held { return r.groupHeld(g, now) }).isNothing(now) {
			continue
		}
		for _, e := range g.entries {
			if e.isPod() {
				if r.held(e, now).isNothing(now) || e.deletionBegun() && !e.endAwaited() ||
					e.isSuperseded() || e.isRetried() {
					continue
				}
			} else if e.goneBeforeOwner() || e.isFine() {
				continue
			}
			o, c, ok := e.obstacleBy(e.sort().symptoms, now)
			switch {
			case !ok:
			case c.follows:
				follows = cmp.Or(follows, &o)
			case c.fallback:
				fallback = cmp.Or(fallback, &o)
			case e.object.Kind == "PersistentVolumeClaim":
				claim = cmp.Or(claim, &o)
			default:
				if deeper := e.heldClaim(now); deeper != nil {
					return *deeper, true
				}
				return o, true
			}
		}
	}
	if o := cmp.Or(claim, fallback, follows); o != nil {
		return *o, true
	}
	return seq.Obstacle{}, false
}

// heldClaim is what holds a claim for which a Pod without a node waits, or nil.
func (s *story) heldClaim(now time.Time) *seq.Obstacle {
	if !s.isPod() || s.node != "" || len(s.revisions) == 0 {
		return nil
	}
	for _, name := range claimsOf(s.newest()) {
		for _, c := range s.stories {
			if c.object.Kind != "PersistentVolumeClaim" || c.object.Name != name || c.isFine() {
				continue
			}
			if o, cause, ok := c.obstacleBy(c.sort().symptoms, now); ok && !cause.follows && !cause.fallback {
				return &o
			}
		}
	}
	return nil
}

// isRetried reports whether a Pod has failed for which its Job makes another, or is to.
func (s *story) isRetried() bool {
	o := s.owner()
	return o != nil && o.object.Kind == "Job" && len(o.revisions) > 0 && !o.state(len(o.revisions)).Failed &&
		!o.deletionBegun() && s.newest().Status.Phase == corev1.PodFailed
}

// isFine reports whether an object that is no Pod is as it is to be: a Warning of it holds nothing.
func (s *story) isFine() bool {
	st := s.state(len(s.revisions))
	return st.Available && st.Refused == "" && !s.deletionBegun()
}

// endAwaited reports whether the end of a Pod is what its workload waits for: it is deleted itself, or makes another
// Pod of that name.
func (s *story) endAwaited() bool {
	for o := s.owner(); o != nil; o = o.owner() {
		if o.object.Kind == "StatefulSet" || len(o.revisions) > 0 && o.deletionBegun() && !o.orphans() {
			return !s.last().deleted && s.goneSince.IsZero()
		}
	}
	return false
}

// goneBeforeOwner reports whether an object that is no Pod has gone, and its owner has not, which tells the rest.
func (s *story) goneBeforeOwner() bool {
	o := s.owner()
	return o != nil && len(o.revisions) > 0 && !o.isGone() && len(s.revisions) > 0 && s.isGone() &&
		s.podThatEnds() == nil
}

// isSuperseded reports whether a Pod has ended, and its owner has made another since.
func (s *story) isSuperseded() bool {
	o := s.owner()
	return o != nil && s.podEnded() && slices.ContainsFunc(o.children(), func(p *story) bool {
		return p.isPod() && len(p.revisions) > 0 && !p.podEnded() && p.order.oldestRevision > s.order.oldestRevision
	})
}

// held is what may hold a Pod.
func (r *result) held(e *storyEntry, now time.Time) *held {
	return e.held.get(e.version, func() held { return e.mayBeHeld(now) })
}

// groupHeld is nothing where that is so of all of a group, and they are Pods.
func (r *result) groupHeld(g *group, now time.Time) held {
	all := held{nothing: true}
	for _, e := range g.entries {
		if !e.isPod() {
			return held{}
		}
		h := r.held(e, now)
		if !h.nothing {
			return held{}
		}
		all.until = instant.Sooner(all.until, h.until)
	}
	return all
}

// isNothing reports whether nothing holds it at an instant.
func (h *held) isNothing(now time.Time) bool {
	return h.nothing && (h.until.IsZero() || now.Before(h.until))
}

// mayBeHeld finds whether anything holds a Pod, and from when on something may although nothing more is observed.
func (s *story) mayBeHeld(now time.Time) held {
	if s.state(len(s.revisions)).Available && !s.deletionBegun() && !s.mayCrashYet() {
		return held{nothing: true}
	}
	h := held{nothing: true}
	for _, l := range s.sort().symptoms {
		f, ok := l.found(s, now)
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

// mayCrashYet reports whether a Pod that is ready may not have got there for all that: it is to end, or to be ready for
// longer.
func (s *story) mayCrashYet() bool {
	o := s.owner()
	return s.newest().Spec.RestartPolicy != corev1.RestartPolicyAlways || o != nil && o.minReady() > 0
}

func (l *symptom) found(s *story, now time.Time) (finding, bool) {
	if len(s.revisions) == 0 && !l.objectless {
		return finding{}, false
	}
	return l.find(s, now)
}

func (s *story) obstacleBy(table []symptom, now time.Time) (seq.Obstacle, *obstacleCause, bool) {
	for i := range table {
		l := &table[i]
		f, ok := l.found(s, now)
		if !ok || f.countsFrom.After(now) {
			continue
		}
		for i := range l.causes {
			if o, ok := s.obstacle(&l.causes[i], f, now); ok {
				return o, &l.causes[i], true
			}
		}
	}
	return seq.Obstacle{}, nil, false
}

func (s *story) obstacle(c *obstacleCause, f finding, now time.Time) (seq.Obstacle, bool) {
	words := f.replacements
	if s.object.Namespace == "" {
		words = append(words, " -n {namespace}", "")
	}
	words = append(words, "{pod}", s.object.Name, "{kind}", s.object.Kind, "{type}",
		strings.ToLower(s.object.Kind),
		"{namespace}", s.object.Namespace, "{node}", s.node, "{container}", f.container, "{image}",
		s.imageAbout(f.container, f.message))
	if f.container != "" && s.isPod() && isInit(s.newest(), f.container) {
		words = append(words, "{containers}", "initContainers", "{statuses}", "initContainerStatuses")
	}
	words = append(words, "{containers}", "containers", "{statuses}", "containerStatuses")
	if c.match != nil {
		text := f.reason + ": " + cmp.Or(f.about, f.message)
		if image := s.imageAbout(f.container, f.message); image != "" { // a name can hold any word
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
		Explain: fill(c.explain), NextSteps: nextSteps(c.next, words), Since: f.since, Evidence: f.evidence,
	}
	if s.waitsForIt() {
		o.Explain += "; the StatefulSet makes its other Pods only after this one is ready"
	}
	if o.By == seq.Runtime {
		o.By = s.runtime
	}
	if w := s.foundRevision(); w != nil && f.since.Equal(w.received) {
		if at := s.keptSince(w); !at.IsZero() {
			o.Since = at
		}
	}
	o.HeldSince = o.Since
	if instant.Earlier(f.heldSince.Add(2*time.Second), o.Since) && !f.heldSince.IsZero() { // else it says no more
		o.HeldSince, o.HeldWholeSeconds = f.heldSince, true
	}
	if !f.since.IsZero() {
		seen := max(0, now.Sub(f.since)) // who only looks sees it since then
		o.DeadEnd = c.dead > 0 && !f.mayMend && seen >= c.dead && !s.ownerIsBehind()
		o.Held = max(0, now.Sub(o.HeldSince))
		if s.attached() && len(s.requests) == 0 { // a file may be of any age
			o.Held = 0
		}
	}
	return o, true
}

// ownerIsBehind reports whether what made the object has a newer template that its controller has not seen yet.
func (s *story) ownerIsBehind() bool {
	for o := s.owner(); o != nil; o = o.owner() {
		u := o.unstructured()
		if u == nil {
			continue
		}
		if observed, ok := number(object.Field(u, "status"), "observedGeneration"); ok && observed < u.GetGeneration() {
			return true
		}
	}
	return false
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
