package seqreceiver

// The Pods in flight, and what each of them is told.

import (
	"context"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

const (
	// lookEvery is how often is looked at the Pods of which something new is known.
	lookEvery = 200 * time.Millisecond
	// lookAnyway is how many looks later one is looked at of which nothing is.
	lookAnyway = 10
	// mostEarly is how many Events may wait for the Pod that they are about: those of seconds, in a large cluster.
	mostEarly = 5000
	// slack is how much earlier than what was seen before a Pod may have been created that is new all the same: clocks
	// of API servers differ, and namespaces are watched one by one.
	slack = time.Minute
	// kept is for how long an API server certainly has revisions to watch from: etcd is compacted every five minutes.
	kept = 5 * time.Minute
)

// follower folds what sources see. It is used by one goroutine.
type follower struct {
	config  *Config
	sender  *sender
	metrics metrics
	now     func() time.Time
	ask     func(seq.Question)
	// writeNote notes how far it has come
	writeNote func(context.Context)

	starts  map[string]*start          // by uid
	early   []seq.Observation          // Events about no Pod in flight
	nodes   map[string]seq.Observation // by name
	general map[string]seq.Observation // what else is about no Pod
	of      map[*source]*progress      // of the sources of Pods
	open    map[string]bool            // Pods that were in flight when the note was written from which this goes on
	pending map[string]bool            // namespaces whose Events have not been listed yet
	looks   int
}

// progress is how far a source of Pods has told.
type progress struct {
	at     string    // revision up to which it has
	newest time.Time // creation of the newest Pod whose creation was seen
	lists  int       // that have been answered
}

func newFollower(c *Config, s *sender, m metrics, now func() time.Time) *follower {
	return &follower{config: c, sender: s, metrics: m, now: now, ask: func(seq.Question) {},
		writeNote: func(context.Context) {},
		starts:    map[string]*start{}, nodes: map[string]seq.Observation{}, general: map[string]seq.Observation{}, of: map[*source]*progress{},
		open: map[string]bool{}, pending: map[string]bool{}}
}

// follow takes what sources see until the context ends.
func (f *follower) follow(ctx context.Context, seen <-chan sight, answers <-chan seq.Observation) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	note := time.NewTicker(noteEvery)
	defer note.Stop()
	defer func() { f.metrics.inFlight.Add(context.Background(), -int64(len(f.starts))) }()
	for {
		select {
		case x := <-seen:
			f.take(x)
		case o := <-answers:
			f.takeGeneral(o)
		case <-tick.C:
			f.look()
		case <-note.C:
			f.writeNote(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// take hands what was seen to the Pod that it is about.
func (f *follower) take(x sight) {
	o := x.Observation
	f.metrics.waited(f.now().Sub(o.Received))
	switch {
	case o.Change != nil:
		f.takePod(x)
	case o.Event != nil:
		if s := f.starts[string(o.Event.Event.InvolvedObject.UID)]; s != nil {
			s.observe(o)
		} else if o.Event.Type != "DELETED" && !f.past(o.Event.Event) {
			f.early = append(f.early[max(0, len(f.early)+1-mostEarly):], o)
		}
	case x.whole:
		f.listed(x)
	}
	if p := f.of[x.source]; p != nil && x.at != "" {
		p.at = x.at
	}
}

// past reports whether an Event is of a time of which no start is followed any more.
func (f *follower) past(e *corev1.Event) bool {
	last := e.LastTimestamp.Time
	if e.EventTime.After(last) {
		last = e.EventTime.Time
	}
	return !last.IsZero() && last.Before(f.since())
}

// takePod has a Pod followed whose start is new, or not over.
func (f *follower) takePod(x sight) {
	pod, p := x.Change.Pod, f.of[x.source]
	s, typ := f.starts[string(pod.UID)], x.Change.Type
	if s == nil && (typ == "ADDED" || typ == "LISTED") && f.isNew(pod, x.noted) {
		s = f.add(x)
	}
	if s != nil {
		switch typ {
		case "ADDED":
			s.lists = p.lists
		case "LISTED":
			s.lists = p.lists + 1
		}
		s.observe(x.Observation)
		if n := pod.Spec.NodeName; n != "" && s.node == "" {
			s.node = n
			if o, known := f.nodes[n]; known {
				s.observe(o)
			}
		}
	}
	if typ == "ADDED" && pod.CreationTimestamp.After(p.newest) {
		p.newest = pod.CreationTimestamp.Time
	}
}

// isNew reports whether the start of a Pod is still to be told of. Of a list that a watch from a noted revision
// follows, only those are that were in flight then: the others will come.
func (f *follower) isNew(p *corev1.Pod, noted bool) bool {
	if noted {
		return f.open[string(p.UID)]
	}
	return p.Status.Phase == corev1.PodPending || p.Status.Phase == "" || f.open[string(p.UID)] ||
		!p.CreationTimestamp.Time.Before(f.since())
}

// since is from when on all Pods are told of.
func (f *follower) since() (at time.Time) {
	for _, p := range f.of {
		if at.IsZero() || p.newest.Before(at) {
			at = p.newest
		}
	}
	return at.Add(-slack)
}

// pends reports whether Events of a namespace have not been listed yet.
func (f *follower) pends(namespace string) bool { return f.pending[""] || f.pending[namespace] }

// add begins to follow a Pod.
func (f *follower) add(x sight) *start {
	s := newStart(x.Change.Pod, x.source, x.Received, f.pends(x.Change.Pod.Namespace))
	if x.Change.Type == "ADDED" {
		s.mark.after = f.of[x.source].at
	}
	f.metrics.inFlight.Add(context.Background(), 1)
	f.starts[s.object.UID] = s
	for _, name := range slices.Sorted(maps.Keys(f.general)) {
		s.observe(f.general[name])
	}
	left := f.early[:0]
	for _, e := range f.early {
		if string(e.Event.Event.InvolvedObject.UID) == s.object.UID {
			s.observe(e)
		} else {
			left = append(left, e)
		}
	}
	clear(f.early[len(left):])
	f.early = left
	return s
}

// listed ends a list: what it lacks is gone, and what happened before it may not be known.
func (f *follower) listed(x sight) {
	p := f.of[x.source]
	if p != nil {
		p.lists++
	}
	was := p == nil && f.pending[x.source.namespace]
	if was {
		delete(f.pending, x.source.namespace)
	}
	for _, s := range f.starts {
		if was && !f.pends(s.object.Namespace) {
			s.observe(seq.Observation{Received: x.Received, Attach: &seq.Attach{}})
		}
		if x.Gap != nil && (x.source.namespace == "" || x.source.namespace == s.object.Namespace) {
			s.observe(x.Observation)
		}
		if p != nil && s.mark.source == x.source && s.lists < p.lists {
			s.observe(seq.Observation{Received: x.Received, Change: &seq.Change{Type: "GONE", Pod: s.last}})
		}
	}
}

// takeGeneral takes what is about all Pods, or about those of a node: of the nodes of a large cluster, a start is told
// of its own only.
func (f *follower) takeGeneral(o seq.Observation) {
	node := ""
	switch {
	case o.Node != nil:
		node = o.Node.Name
		f.nodes[node] = o
	case o.Lease != nil:
		node = o.Lease.Node
	case o.Webhooks != nil:
		f.general["webhooks"] = o
	case o.Request != nil && o.Request.ServerVersion != "":
		f.general["version"] = o
	default:
		return // requests of our own, which are no part of the start of any Pod
	}
	for _, s := range f.starts {
		if node == "" || node == s.node {
			s.observe(o)
		}
	}
}

// look sends what has ended, and tells of what is held.
func (f *follower) look() {
	f.looks++
	now := f.now()
	old := 0
	for old < len(f.early) && now.Sub(f.early[old].Received) > slack {
		old++
	}
	f.early = slices.Delete(f.early, 0, old)
	for uid, s := range f.starts {
		if !s.changed && s.decided.IsZero() && f.looks%lookAnyway != 0 {
			continue
		}
		o, over := s.over(now, f.config.Settle)
		if over {
			f.send(s, o)
			delete(f.starts, uid)
			delete(f.open, uid)
			continue
		}
		if held, is := s.isStuck(f.config.StuckAfter); is {
			l := stuckLog(s.object, held, now)
			f.sender.add(item{logs: &l, uid: uid})
		}
		for _, q := range s.trace.Questions() {
			if q.Kind == "node" || q.Kind == "lease" || q.Kind == "webhooks" { // of others there is no end
				f.ask(q)
			}
		}
	}
}

// send has the trace of a start sent, if it is one of those that are.
func (f *follower) send(s *start, o render.Outcome) {
	f.metrics.ended(o.Name)
	r := s.report(o)
	reached := o.ExitCode == 0
	switch f.config.Send {
	case sendSlower:
		if reached && took(r) < f.config.SlowerThan {
			return
		}
	case sendStuck:
		if !s.stuck {
			return
		}
	case sendFailed:
		if reached {
			return
		}
	}
	for _, t := range render.Traces(r, seq.Normal) {
		if s.missed {
			markMissed(t)
		}
		addToOwner(t, s.last)
		f.sender.add(item{traces: &t, uid: s.object.UID, mark: s.mark})
	}
}
