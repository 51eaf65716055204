package otlp

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// held bounds how many spans are kept back until something says whether they are about the Pod: at 10,000 spans a second
// what came within the last seconds, in about 20 MB.
const held = 40_000

// Filter passes the spans of every trace that is about one Pod, and of those that another trace links to. A span that
// says so may come after others of its trace, so the latest of the others are held. It is not safe for concurrent use.
type Filter struct {
	namespace, pod string
	traces         map[string]bool          // that are about the Pod
	waiting        map[string][]*trace.Span // by trace
	links          map[string]bool          // ids of spans that such traces link to
	queue          []*trace.Span            // those that wait, oldest first, in a ring
	next           int
}

// NewFilter is for the Pod of that namespace and name.
func NewFilter(namespace, pod string) *Filter {
	return &Filter{namespace: namespace, pod: pod, traces: map[string]bool{}, waiting: map[string][]*trace.Span{}, links: map[string]bool{}, queue: make([]*trace.Span, held)}
}

// Add takes a batch and calls pass for each span that is known to be about the Pod by now, once.
func (f *Filter) Add(batch ptrace.Traces, pass func(*trace.Span)) {
	each(batch, func(s *trace.Span) {
		if !f.traces[s.TraceID] && !f.about(s) && !f.links[s.ID] {
			f.hold(s)
			return
		}
		f.pass(s, pass)
	})
}

// pass lets a span through, after what waits of its trace: what is below a span ends and comes before it, and who has the
// span may rely on having that too. What the span links to follows.
func (f *Filter) pass(s *trace.Span, pass func(*trace.Span)) {
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

func (f *Filter) waits(id string) *trace.Span {
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
func (f *Filter) hold(s *trace.Span) {
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

// about reports whether a span itself says that it is about the Pod.
func (f *Filter) about(s *trace.Span) bool {
	a := s.Attributes
	if key := a["key"]; key == "/pods/"+f.namespace+"/"+f.pod || strings.HasPrefix(key, "/events/"+f.namespace+"/"+f.pod+".") {
		return true
	}
	if path, ok := strings.CutPrefix(a["url.path"], "/api/v1/namespaces/"+f.namespace+"/pods/"+f.pod); ok && (path == "" || path[0] == '/') {
		return true
	}
	// The runtime names a sandbox POD_NAMESPACE_UID_ATTEMPT.
	return strings.HasPrefix(a["sandbox.name"], f.pod+"_"+f.namespace+"_") || strings.Contains(a["container.name"], "_"+f.pod+"_"+f.namespace+"_") || f.synced(s)
}

// synced reports whether it is the kubelet's work on a Pod of that name.
func (f *Filter) synced(s *trace.Span) bool {
	return s.Attributes["k8s.pod.name"] == f.pod && s.Attributes["k8s.namespace.name"] == f.namespace
}
