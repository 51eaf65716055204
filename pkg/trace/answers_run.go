package trace

// The run as a whole: its participants and sources, what was not seen, what was contradicted.

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Run returns what the observations say of the run as a whole. Its lists are shared: not to be changed.
func (t *Trace) Run() seq.Run {
	r := t.resolve()
	if r.runAt != r.version || r.runAt == 0 {
		r.runAt, r.run = r.version, r.summarize()
	}
	return r.run
}

func (r *result) summarize() seq.Run {
	s := r.scene.subject()
	run := seq.Run{Subject: s.object, Node: s.node, Origin: s.zero(), Clocks: s.clocks.List(),
		AttachedAt: s.attachedAt, Delay: r.delay}
	all := r.outlineOfAll()
	if !s.isPod() {
		for _, node := range slices.Sorted(maps.Keys(all.clocks)) {
			run.Clocks = append(run.Clocks, all.clocks[node])
		}
	}
	run.Sources, run.Unseen, run.Denied = r.sources(all), r.unseen(all), slices.Concat(all.contradictions, r.conflicts())
	for _, q := range s.requests {
		if q.ServerVersion != "" {
			run.Server = q.ServerVersion
		}
	}
	if q := s.act(); q != nil {
		run.Request = q.ID
	}
	if w := s.foundRevision(); w != nil {
		run.Origin = s.secondOf(seq.APIServer, w.object.GetCreationTimestamp()).Earliest
	}
	if len(s.revisions) > 0 && run.Origin.IsZero() && (s.attached() || s.isPod()) {
		run.Origin = s.revisions[0].received
	}
	kind := s.sort()
	if run.Runtime = s.runtime; !s.isPod() && !s.isContainer() {
		run.Runtime = all.runtime
	}
	run.Image, run.Expected = kind.image(s), kind.expected(s)
	return run
}

// narrowerClock is the one of two clocks of a node that is bound more narrowly, or has been set.
func narrowerClock(a, b seq.Clock) seq.Clock {
	if a.Of == "" || b.Jumped && !a.Jumped || a.Jumped == b.Jumped && b.Max-b.Min < a.Max-a.Min {
		return b
	}
	return a
}

// kubeletClock is that of the Pod's node, as far as the Pod tells of it.
func (s *story) kubeletClock() (c seq.Clock) {
	for _, x := range s.clocks.List() {
		if x.Of == seq.Kubelet && s.node != "" {
			x.Node = s.node
			c = narrowerClock(c, x)
		}
	}
	return c
}

// conflicts says of which messages the sources contradict each other, of many only how many.
func (r *result) conflicts() (words []string) {
	const most = 3
	n, first := r.graph.Conflicts(most)
	for _, x := range first {
		words = append(words,
			fmt.Sprintf("%s → %s %s: its sources put it at times that exclude each other", x.From, x.To, x.Label))
	}
	if n > most {
		words = append(words, fmt.Sprintf("and so do those of %d more", n-most))
	}
	return words
}

// podImage is that of the Pod's first container.
func podImage(s *story) string {
	if len(s.revisions) == 0 || len(s.revisions[0].pod.Spec.Containers) == 0 {
		return ""
	}
	return s.revisions[0].pod.Spec.Containers[0].Image
}

// podExpected are the participants of the start of any Pod like this.
func podExpected(s *story) []seq.Participant {
	if len(s.revisions) == 0 {
		return nil
	}
	p := s.revisions[0].pod
	all := []seq.Participant{seq.Kubectl, seq.APIServer, seq.Etcd, seq.Scheduler, seq.Kubelet, seq.Runtime, seq.Runc}
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		all = append(all, seq.Container(c.Name))
	}
	return all
}

// watched names a watch as evidence does, by what it watches.
var watched = map[string]string{"pods": "watch", "events": "events"}

// outlineOfAll is what all stories together count for the run. It is put together anew only where that of a story is
// another.
func (r *result) outlineOfAll() *outlineOfAll {
	changed := false
	for _, g := range r.groups() {
		if g.outline.version == g.version {
			continue
		}
		if r.updateOutlines(g) || g.outline.version == 0 {
			changed, g.outline.value = true, outlineOfAll{}
			for _, e := range g.entries {
				g.outline.value.addStory(&e.outline.value)
			}
		}
		g.outline.version = g.version
	}
	if changed {
		r.all = outlineOfAll{}
		for _, g := range r.grouped {
			r.all.add(&g.outline.value)
		}
	}
	return &r.all
}

// updateOutlines reports whether that of a story of a group is another than before.
func (r *result) updateOutlines(g *group) (changed bool) {
	for _, e := range g.entries {
		if was := e.outline; was.version != e.version {
			is := e.outline.get(e.version, func() outline { return r.outlineOf(e.story) })
			changed = changed || !reflect.DeepEqual(was.value, *is)
		}
	}
	return changed
}

func (all *outlineOfAll) addStory(o *outline) {
	one := outlineOfAll{outline: outline{contradictions: o.contradictions, existedBefore: o.existedBefore,
		events: o.events, unjoined: o.unjoined, dropped: o.dropped}}
	if !o.pod {
		all.add(&one)
		return
	}
	all.addClock(o.clock)
	if one.known = o.known; o.reporter != "" {
		one.played, one.reporter = 1, o.reporter
	}
	if o.drawn { // else nothing becomes of it
		one.runtime, one.timed, one.scheduled = o.runtime, o.timed, o.scheduled
		one.sandbox = o.kubelet && o.sandbox
		one.eventsOfPods = o.events
		one.compared = o.events && (!o.existedBefore || o.changed)
	}
	all.add(&one)
}

func (all *outlineOfAll) add(o *outlineOfAll) {
	all.contradictions = append(all.contradictions, o.contradictions...)
	all.existedBefore, all.events = all.existedBefore || o.existedBefore, all.events || o.events
	all.unjoined, all.dropped = all.unjoined+o.unjoined, all.dropped+o.dropped
	for _, c := range o.clocks {
		all.addClock(c)
	}
	all.known = all.known || o.known
	all.played, all.reporter = all.played+o.played, cmp.Or(o.reporter, all.reporter)
	all.runtime = cmp.Or(all.runtime, o.runtime)
	all.timed, all.sandbox, all.scheduled = all.timed || o.timed, all.sandbox || o.sandbox, all.scheduled || o.scheduled
	all.eventsOfPods, all.compared = all.eventsOfPods || o.eventsOfPods, all.compared || o.compared
}

func (all *outlineOfAll) addClock(c seq.Clock) {
	if c.Node == "" {
		return
	}
	if all.clocks == nil {
		all.clocks = map[string]seq.Clock{}
	}
	all.clocks[c.Node] = narrowerClock(all.clocks[c.Node], c)
}

// outlineOf is what of a story counts for the run as a whole.
func (r *result) outlineOf(s *story) outline {
	kubelet := s.reporter() == seq.Kubelet
	o := outline{
		pod:           s.isPod(),
		known:         len(s.revisions) > 0,
		changed:       len(s.revisions) > 1,
		existedBefore: s.foundRevision() != nil,
		events:        len(s.events) > 0,
		timed:         s.sandboxTimed(),
		kubelet:       kubelet,
		scheduled:     s.node != "" && (s.ownExec() == nil || s.restarted()),
		unjoined:      s.unjoined(),
		dropped:       s.droppedStarts(),

		contradictions: s.contradictions,
	}
	o.drawn = o.existedBefore || slices.ContainsFunc(s.revisions, (*write).isOfRun)
	if o.pod {
		o.sandbox = r.beginsSandbox(s)
		o.clock = s.kubeletClock()
	}
	if o.pod && s.runtime != seq.Runtime {
		o.runtime = s.runtime
	}
	if o.pod && !kubelet {
		o.reporter = s.reporter()
	}
	return o
}

// sources are our own requests, and every watch that was opened.
func (r *result) sources(all *outlineOfAll) []string {
	c := r.scene
	names := []string{}
	for _, q := range c.requests {
		names = append(names, "http")
		if q.Verb == "watch" && q.Status == 200 && q.Docker == nil {
			names = append(names, watched[q.Resource])
		}
	}
	if slices.ContainsFunc(c.calls.all, func(x *apiCall) bool { return x.audit != nil }) {
		names = append(names, "audit")
	}
	s := c.subject()
	if len(s.engine.events) > 0 {
		names = append(names, "docker")
	}
	if len(s.engine.runtimeEvents) > 0 {
		names = append(names, "containerd")
	}
	if len(c.calls.spans.byID) > 0 {
		names = append(names, "spans")
	}
	if all.existedBefore {
		names = append(names, "object")
	}
	if all.events { // a file has Events without a watch
		names = append(names, "events")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// unseen says what this run had no source for.
func (r *result) unseen(all *outlineOfAll) []string {
	s := r.scene.subject()
	words := s.sort().unseen(s)
	if all.known {
		if len(s.calls.spans.byID) == 0 {
			words = append(words, "times inside the apiserver, etcd and runc: no traces")
		}
		if !all.timed && all.sandbox && s.ownExec() == nil {
			words = append(words, "the start of RunPodSandbox: no API write marks it")
		}
		if all.played > 0 {
			words = append(words,
				fmt.Sprintf("what happens on the nodes where %s reports, and no kubelet (Pods: %d)", all.reporter,
					all.played))
		}
		if all.unjoined > 0 {
			words = append(words, fmt.Sprintf("which revision %d of the recorded writes made: nothing tells them apart",
				all.unjoined))
		}
		if all.dropped > 0 {
			words = append(words, fmt.Sprintf("Events of %d starts of containers: a kubelet drops most of what goes beyond %d "+
				"about one Pod, and its status has no more than the second", all.dropped, eventBurst))
		}
		if !all.eventsOfPods && all.scheduled {
			words = append(words, "Events: none came, so container calls are known from the status only")
		} else if all.compared && !s.comparable["events"] {
			words = append(words, "the order of Events against Pod writes: their revisions are not known to be comparable")
		}
	}
	if all.existedBefore {
		words = append(words,
			"writes that left nothing in the objects, which keep their last state, and Events older than an hour")
	}
	words = append(words, s.refusedReads()...)
	words = append(words, s.unlisted()...)
	for _, l := range s.losses {
		words = append(words, fmt.Sprintf("%s: %s (%d times)", l.Source, l.What, l.Count))
	}
	for _, g := range s.gaps {
		if g.ToRevision == "" && g.Every == 0 {
			words = append(words, fmt.Sprintf("%s after revision %s: %s", g.Resource, g.FromRevision, g.Reason))
		}
	}
	return words
}

// refusedReads are what we asked and were refused, once each, unless it was allowed later.
func (s *story) refusedReads() []string {
	words := []string{}
	for i, q := range s.requests {
		if q.Acts() || q.Poll || q.Docker != nil || q.Status < 400 || q.Status == 410 ||
			q.Verb == "get" && q.Status == 404 { // that it is not there is an answer
			continue
		}
		word := fmt.Sprintf("%s %s: %s", q.Verb, q.Resource, q.Message)
		later := slices.ContainsFunc(s.requests[i+1:], func(o *seq.Request) bool {
			return o.Verb == q.Verb && o.Resource == q.Resource && o.Status > 0 && o.Status < 300
		})
		if !later && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

// Unobservable reports that the object was made, or was to be watched, and that nothing more will be seen of it: we may
// neither watch nor ask for it.
func (t *Trace) Unobservable() bool {
	s := t.resolve().scene.subject()
	return (len(s.revisions) > 0 || s.attached()) &&
		slices.ContainsFunc(s.gaps, func(g gap) bool {
			return g.Resource == s.resource && g.ToRevision == "" &&
				g.Every == 0
		})
}
