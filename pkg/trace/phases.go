package trace

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Phase is one part of a Pod's start: the time it took, summed over the containers where it is about them.
type Phase struct {
	Name     string
	Earliest time.Time     // when it began at the earliest
	Latest   time.Time     // when it ended at the latest
	Min, Max time.Duration // bounds of what it took
	Best     time.Duration // the likeliest
	Explain  string
	Parts    []Part // in order
}

// Part is one stretch of a phase, between two messages.
type Part struct {
	Begin, End string // keys of the steps
	Window            // from when it began at the earliest to when it ended at the latest
	Likely     Window // from when it is likeliest to have begun to when it is likeliest to have ended
}

// phase is one row of the table of phases: which messages begin and end it.
type phase struct {
	name, explain string
	begin, end    func(*story) string // one pair of keys, or
	calls         func(string) bool   // every such call with its end
}

var phases = []phase{
	{name: "admit", explain: "the API server authenticates, admits, defaults, validates and stores the Pod",
		begin: (*story).createKey, end: func(s *story) string { return s.createKey() + ":end" }},
	{name: "schedule", explain: "from the stored Pod to the stored bind",
		begin: (*story).storedKey, end: (*story).boundKey},
	{name: "volumes", explain: "the kubelet learns of the Pod and waits for its volumes", begin: func(s *story) string {
		if s.sandboxTimed() {
			return s.boundKey()
		}
		return ""
	}, end: func(*story) string { return sandboxKey }},
	{name: "sandbox", begin: func(s *story) string {
		if s.sandboxTimed() {
			return sandboxKey
		}
		return s.boundKey()
	}, end: func(*story) string { return sandboxKey + ":end" }},
	{name: "pull", explain: "the runtime fetches and unpacks the images", calls: everyCall("PullImage")},
	{name: "retry", begin: func(s *story) string { begin, _, _ := s.retried(); return begin }, end: func(s *story) string { _, end, _ := s.retried(); return end }},
	{name: "create", explain: "the runtime prepares the containers' file systems", calls: firstCalls("CreateContainer")},
	{name: "start", explain: "the runtime has runc make and start the containers", calls: firstCalls("StartContainer")},
	{name: "stop", explain: "the kubelet learns of the deletion, and the containers end",
		begin: func(s *story) string { return s.etcdKey(s.deletion()) }, end: (*story).lastExit},
	{name: "remove", explain: "the kubelet reports the end, tears down sandbox and volumes, and has the object removed",
		begin: (*story).lastExit, end: func(s *story) string {
			if s.deletion() == 0 {
				return ""
			}
			return s.etcdKey(s.firstRevision(func(w *write) bool { return w.deleted }))
		}},
	{name: "ready", explain: "from the last container's start to the stored Ready: probes, and the kubelet's report",
		begin: (*story).lastStart, end: (*story).readyKey},
}

// sandboxTimed reports whether spans tell when RunPodSandbox began.
func (s *story) sandboxTimed() bool {
	return slices.ContainsFunc(s.cri, func(c criCall) bool { return c.key() == sandboxKey })
}

func (s *story) sandboxExplained() string {
	if s.sandboxTimed() {
		return "the runtime makes the sandbox, and the CNI plugins its network"
	}
	return "volumes, then the sandbox with its network; nothing a client sees divides it further"
}

// retried is what failed before the first container could be made, and the call that then made it, where something did.
func (s *story) retried() (begin, end, why string) {
	made := map[string]bool{}
	calls := map[*emitted]bool{}
	for _, a := range s.worker() {
		made[a.call] = made[a.call] || a.does == created
		calls[a.emitted] = true
	}
	for _, e := range s.events {
		if call := criKey("CreateContainer", e.container, 0); e.emitter == Kubelet && e.event.Reason == "Failed" && e.container != "" && made[call] && !calls[e] {
			return s.note(e).Key, call, strings.TrimPrefix(e.event.Message, "Error: ")
		}
	}
	return "", "", ""
}

// everyCall selects the calls of one RPC.
func everyCall(rpc string) func(string) bool {
	prefix := "cri:" + rpc + ":"
	return func(key string) bool {
		return strings.HasPrefix(key, prefix) && !strings.HasSuffix(key, ":end")
	}
}

// firstCalls are those of each container's first life: restarts are no part of the start.
func firstCalls(rpc string) func(string) bool {
	every := everyCall(rpc)
	return func(key string) bool { return every(key) && strings.HasSuffix(key, ":0") }
}

// Phases returns the parts of the start that have ended, in order.
func (t *Trace) Phases() []Phase {
	r := t.resolve()
	return r.phases(r.scene.subject())
}

func (r *result) phases(s *story) (all []Phase) {
	table := phases
	switch {
	case s.isContainer():
		table = enginePhases
	case !s.isPod():
		table = workloadPhases
	case s.ownExec() != nil:
		table = execPhases
	}
	for _, p := range table {
		out := Phase{Name: p.name, Explain: p.explain}
		if p.name == "sandbox" {
			out.Explain = s.sandboxExplained()
		} else if p.name == "retry" {
			_, _, why := s.retried()
			out.Explain = "the kubelet waits before it tries again what has failed: " + why
		}
		found := false
		if p.calls == nil {
			found = out.add(r.step(s.key(p.begin(s))), r.step(s.key(p.end(s))))
		} else {
			for _, x := range r.about(s.object.UID) {
				own, ok := strings.CutPrefix(x.Key, s.prefix)
				if ok && p.calls(own) && out.add(x, r.step(x.Key+":end")) {
					found = true
				}
			}
		}
		if w := s.found(); w != nil && !out.Latest.Before(w.received) { // nothing but our look bounds it
			continue
		}
		if found {
			all = append(all, out)
		}
	}
	return all
}

// about are the steps of one object's story, in order.
func (r *result) about(uid string) []*Step {
	if r.byStory == nil {
		r.byStory = map[string][]*Step{}
		for i := range r.steps {
			x := &r.steps[i]
			r.byStory[x.About] = append(r.byStory[x.About], x)
		}
	}
	return r.byStory[uid]
}

// step is the step with that key, or nil.
func (r *result) step(key string) *Step {
	if r.byKey == nil {
		r.byKey = make(map[string]*Step, len(r.steps))
		for i := range r.steps {
			r.byKey[r.steps[i].Key] = &r.steps[i]
		}
	}
	return r.byKey[key]
}

func (p *Phase) add(begin, end *Step) bool {
	if begin == nil || end == nil {
		return false
	}
	b, e := begin.Known(), end.Known()
	if b.Earliest.IsZero() || e.Latest.IsZero() {
		return false
	}
	if p.Earliest.IsZero() {
		p.Earliest = b.Earliest
	}
	p.Latest = later(p.Latest, e.Latest)
	if !b.Latest.IsZero() && !e.Earliest.IsZero() {
		p.Min += max(0, e.Earliest.Sub(b.Latest))
	}
	p.Max += e.Latest.Sub(b.Earliest)
	p.Parts = append(p.Parts, Part{begin.Key, end.Key, Window{b.Earliest, e.Latest}, Window{begin.Best, later(begin.Best, end.Best)}})
	p.Best += max(0, end.Best.Sub(begin.Best))
	return true
}

// Known is what to say of the instant: Best and its precision where it is sharp, else the window.
func (s *Step) Known() Window {
	if s.Shown {
		return Window{s.Best.Add(-s.Precision / 2), s.Best.Add(s.Precision / 2)}
	}
	return s.Window
}

func (s *story) createKey() string {
	if s.found() != nil {
		return s.pastCreate()
	}
	for _, w := range s.revisions {
		if w.first {
			return s.writeKey(w)
		}
	}
	return ""
}

// deletion is the revision by which the Pod was to end.
func (s *story) deletion() uint64 {
	return s.firstRevision(func(w *write) bool { return w.endsLife() && !w.deleted })
}

// lastExit is the last end of a container that the deletion caused.
func (s *story) lastExit() (key string) {
	var at time.Time
	for _, r := range s.ran() {
		if r.exit != nil && s.deletion() != 0 && !r.exitEvidence.At.Before(at) {
			key, at = exitKey(r.container, r.attempt), r.exitEvidence.At
		}
	}
	return key
}

func (s *story) createRevision() uint64 {
	return s.firstRevision(func(w *write) bool { return w.first })
}

// storedKey, boundKey and readyKey are those of the etcd writes that made the object, gave the Pod its node, and had it ready
// first.
func (s *story) storedKey() string {
	if s.found() != nil {
		return stored(s.pastCreate())
	}
	return s.etcdKey(s.createRevision())
}

func (s *story) boundKey() string {
	if s.foundBound() != nil {
		return stored(s.pastBound())
	}
	return s.etcdKey(s.bindRevision())
}

func (s *story) readyKey() string {
	if w := s.found(); w != nil {
		for _, m := range s.marks() {
			if m.is(corev1.PodReady) {
				return stored(m.key)
			}
		}
	}
	return s.etcdKey(s.readyRevision())
}

func (s *story) bindRevision() uint64 { return s.firstRevision((*write).isBind) }

func (s *story) readyRevision() uint64 {
	return s.firstRevision(func(w *write) bool { return condition(w.pod, corev1.PodReady) == corev1.ConditionTrue })
}

func (s *story) firstRevision(is func(*write) bool) uint64 {
	for _, w := range s.revisions {
		if is(w) {
			return w.rv
		}
	}
	return 0
}

// lastStart is the end of the last container start that the first Ready waited for.
func (s *story) lastStart() string {
	if len(s.revisions) == 0 {
		return ""
	}
	ready, key := s.readyRevision(), ""
	for _, w := range s.revisions {
		if w.rv > ready {
			break
		}
		for _, c := range w.pod.Status.ContainerStatuses {
			if c.State.Running != nil {
				key = criKey("StartContainer", c.Name, int(c.RestartCount)) + ":end"
			}
		}
	}
	for _, a := range s.worker() { // in the order of the deeds, which the status does not have
		for _, c := range s.revisions[0].pod.Spec.Containers {
			if a.does == started && a.container == c.Name && a.attempt == 0 {
				key = a.key
			}
		}
	}
	return key
}
