package otlp

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// held bounds how many spans are kept back until something says whether they are about the Pod: at 10,000 spans a
// second what came within the last seconds, in about 20 MB.
const held = 40_000

// Filter passes the spans of every trace that is about one of some objects, and of those that another trace links to. A
// span that says so may come after others of its trace, so the latest of the others are held. It is not safe for
// concurrent use.
type Filter struct {
	namespace string
	named     func(string) bool
	traces    map[string]bool        // that are about one of the objects
	waiting   map[string][]*seq.Span // by trace
	links     map[string]bool        // ids of spans that such traces link to
	tasks     map[string]bool        // ids of containers
	queue     []*seq.Span            // those that wait, oldest first, in a ring
	next      int
}

// NewFilter is for the objects of that namespace with one of these names.
func NewFilter(namespace string, named func(string) bool) *Filter {
	return &Filter{namespace: namespace, named: named, traces: map[string]bool{}, waiting: map[string][]*seq.Span{},
		links: map[string]bool{}, queue: make([]*seq.Span, held)}
}

// Containers passes the spans of a runtime about containers with these ids, too. A container that was there before the
// first span has its name in none.
func (f *Filter) Containers(ids ...string) *Filter {
	f.tasks = map[string]bool{}
	for _, id := range ids {
		f.tasks[id] = true
	}
	return f
}

// Add takes a batch and calls pass for each span that is known to be about the Pod by now, once.
func (f *Filter) Add(batch ptrace.Traces, pass func(*seq.Span)) {
	each(batch, func(s *seq.Span) {
		if !f.traces[s.TraceID] && !f.about(s) && !f.links[s.ID] {
			f.hold(s)
			return
		}
		f.pass(s, pass)
	})
}

// pass lets a span through, after what waits of its trace: what is below a span ends and comes before it, and who has
// the span may rely on having that too. What the span links to follows.
func (f *Filter) pass(s *seq.Span, pass func(*seq.Span)) {
	if !f.traces[s.TraceID] {
		f.traces[s.TraceID] = true
		waiting := f.waiting[s.TraceID]
		delete(f.waiting, s.TraceID)
		for _, w := range waiting {
			if w != s {
				f.pass(w, pass)
			}
		}
	}
	pass(s)
	for _, id := range s.Links {
		f.links[id] = true
		if w := f.waits(id); w != nil {
			f.pass(w, pass)
		}
	}
}

func (f *Filter) waits(id string) *seq.Span {
	for _, all := range f.waiting {
		for _, w := range all {
			if w.ID == id {
				return w
			}
		}
	}
	return nil
}

// hold keeps a span back, in the place of the oldest that waits.
func (f *Filter) hold(s *seq.Span) {
	if old := f.queue[f.next]; old != nil {
		if all := f.waiting[old.TraceID]; len(all) > 0 && all[0] == old {
			if all = all[1:]; len(all) == 0 {
				delete(f.waiting, old.TraceID)
			} else {
				f.waiting[old.TraceID] = all
			}
		}
	}
	f.queue[f.next] = s
	f.next = (f.next + 1) % len(f.queue)
	f.waiting[s.TraceID] = append(f.waiting[s.TraceID], s)
}

// about reports whether a span itself says that it is about one of the objects.
func (f *Filter) about(s *seq.Span) bool {
	a := s.Attributes
	// A key of the store is [/GROUP]/RESOURCE/NAMESPACE/NAME; an Event's name is its object's, a dot, the time.
	if key := strings.Split(a["key"], "/"); len(key) > 3 && key[len(key)-2] == f.namespace {
		name := key[len(key)-1]
		if f.named(name) || key[len(key)-3] == "events" && f.named(name[:max(0, strings.LastIndexByte(name, '.'))]) {
			return true
		}
	}
	if _, path, ok := strings.Cut(a["url.path"], "/namespaces/"+f.namespace+"/"); ok {
		if parts := strings.Split(path, "/"); len(parts) > 1 && f.named(parts[1]) {
			return true
		}
	}
	// The kubelet's own server has a container at /exec/NAMESPACE/POD/CONTAINER.
	if parts := strings.Split(a["url.path"], "/"); len(parts) > 4 && parts[1] == "exec" && parts[2] == f.namespace &&
		f.named(parts[3]) {
		return true
	}
	// Before Kubernetes 1.36 the kubelet's span has no path, and only the runtime's span below it tells the container.
	if strings.HasSuffix(s.Name, "RuntimeService/Exec") && f.tasks[a["container.id"]] {
		return true
	}
	if f.tasks[a["task.id"]] || f.tasks[a["process.task.id"]] {
		return true
	}
	// The runtime names a sandbox POD_NAMESPACE_UID_ATTEMPT, and a container likewise with its own name before.
	for i, name := range []string{a["sandbox.name"], a["container.name"]} {
		if parts := strings.Split(name, "_"); len(parts) > i+3 && f.named(parts[i]) && parts[i+1] == f.namespace {
			return true
		}
	}
	return a["k8s.namespace.name"] == f.namespace && f.named(a["k8s.pod.name"])
}
