package trace

// workloadPhases are those of a run that is about no Pod: what controllers do before there are Pods, what the Pods take,
// and what it takes until the subject says so.
var workloadPhases = []phase{
	{name: "admit", explain: "the API server authenticates, admits, defaults, validates and stores the object",
		begin: (*story).createKey, end: func(s *story) string { return s.createKey() + ":end" }},
	{name: "control", explain: "controllers learn of the object, and make what it asks for, level by level, until the first Pod is stored",
		begin: func(s *story) string { return s.etcdKey(s.createRevision()) }, end: func(s *story) string { return s.firstPod() }},
	{name: "pods", explain: "from the first stored Pod to the last that had to be ready, or to end",
		begin: func(s *story) string { return s.firstPod() }, end: func(s *story) string { return s.lastPod() }},
	{name: "report", explain: "controllers learn of that, and report it, level by level",
		begin: func(s *story) string { return s.lastPod() }, end: func(s *story) string { return s.etcdKey(s.availableRevision()) }},
	{name: "cascade", explain: "the garbage collector finds, level by level, what the deleted object owned, and deletes it",
		begin: func(s *story) string { return s.etcdKey(s.firstRevision((*write).endsLife)) }, end: func(s *story) string { return s.lastOfPods((*write).endsLife) }},
	{name: "end", explain: "the kubelets stop the containers, and have the Pods removed",
		begin: func(s *story) string { return s.lastOfPods((*write).endsLife) }, end: func(s *story) string {
			return s.lastOfPods(func(w *write) bool { return w.deleted })
		}},
	{name: "release", explain: "the garbage collector finds, level by level, that nothing is left of what the object owned, and lets it go",
		begin: func(s *story) string { return s.lastOfPods(func(w *write) bool { return w.deleted }) }, end: func(s *story) string { return s.released(foregroundFinalizer) }},
	{name: "orphan", explain: "the garbage collector takes away the reference to the object from what it owned, and lets it go",
		begin: func(s *story) string { return s.etcdKey(s.firstRevision((*write).endsLife)) }, end: func(s *story) string { return s.released(orphanFinalizer) }},
}

// lastOfPods is the key of the write by which the last of its Pods became so, if the object itself is gone.
func (s *story) lastOfPods(is func(*write) bool) (key string) {
	if !s.ends() {
		return ""
	}
	last := uint64(0)
	for _, p := range s.below() {
		rv := p.firstRevision(is)
		if rv == 0 {
			return ""
		}
		if rv > last {
			last, key = rv, p.etcdKey(rv)
		}
	}
	return key
}

// availableRevision is the one by which the object was first available since we made it.
func (s *story) availableRevision() uint64 {
	if s.createRevision() == 0 {
		return 0
	}
	return s.firstRevision(func(w *write) bool { return objectState(w).Available })
}

// deepest bounds how far above a Pod one of its owners is: garbage can make circles.
const deepest = 8

// firstPod is the key of the write that made the first Pod.
func (s *story) firstPod() string {
	least, key := uint64(0), ""
	for _, p := range s.below() {
		if rv := p.createRevision(); rv != 0 && (least == 0 || rv < least) {
			least, key = rv, p.etcdKey(rv)
		}
	}
	return key
}

// lastPod is the key of the last write by which a Pod became what the object waited for.
func (s *story) lastPod() string {
	end := s.availableRevision()
	if end == 0 {
		return ""
	}
	last, key := uint64(0), ""
	for _, p := range s.below() {
		rv := p.firstRevision(func(w *write) bool { return podReady(w) || w.pod.Status.Phase == "Succeeded" })
		if s.object.Kind == "Job" || s.object.Kind == "CronJob" {
			rv = p.firstRevision(func(w *write) bool { return w.pod.Status.Phase == "Succeeded" })
		}
		if rv > last && rv < end {
			last, key = rv, p.etcdKey(rv)
		}
	}
	return key
}
