package trace

// The tree of spans, and their times on our clock.

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// spanTree is all spans with the ways between them.
type spanTree struct {
	byID     map[string]*seq.Span // span ids are random: they are unique beyond their trace
	children map[string][]*seq.Span
	roots    []*seq.Span            // those whose parent is not here, by start
	pods     map[string][]*seq.Span // the roots that are about a Pod, by its uid
}

func newSpanTree(all map[string]*seq.Span) spanTree {
	tree := spanTree{byID: map[string]*seq.Span{}, children: map[string][]*seq.Span{}, pods: map[string][]*seq.Span{}}
	sorted := slices.SortedFunc(maps.Values(all),
		func(a, b *seq.Span) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID)) })
	for _, s := range sorted {
		tree.byID[s.ID] = s
	}
	for _, s := range sorted {
		if tree.byID[s.Parent] != nil && s.Parent != s.ID {
			tree.children[s.Parent] = append(tree.children[s.Parent], s)
		} else {
			tree.roots = append(tree.roots, s)
		}
	}
	for _, r := range tree.roots {
		for uid := range tree.podsOf(r) {
			tree.pods[uid] = append(tree.pods[uid], r)
		}
	}
	return tree
}

// podsOf are the uids of the Pods that a trace is about: the kubelet's synchronization says it, and the runtime names
// sandboxes and containers [CONTAINER_]POD_NAMESPACE_UID_ATTEMPT.
func (t spanTree) podsOf(root *seq.Span) map[string]bool {
	if uid := root.Attributes["k8s.pod.uid"]; uid != "" {
		return map[string]bool{uid: true}
	}
	found := map[string]bool{}
	t.walk(root, func(x *seq.Span) {
		if parts := strings.Split(cmp.Or(x.Attributes["sandbox.name"], x.Attributes["container.name"]),
			"_"); len(parts) >= 4 {
			found[parts[len(parts)-2]] = true
		}
	})
	return found
}

// walk visits a span and all below it. Garbage can make circles, but none that a root leads to: each span has one
// parent.
func (t spanTree) walk(s *seq.Span, visit func(*seq.Span)) {
	visit(s)
	for _, c := range t.children[s.ID] {
		t.walk(c, visit)
	}
}

func (t spanTree) walkAll(visit func(*seq.Span)) {
	for _, r := range t.roots {
		t.walk(r, visit)
	}
}

// spanPrecision is how sharp the times of spans are taken to be.
const spanPrecision = 100 * time.Microsecond

// startOf and endOf are the ends of a span as windows of no width.
func (s *story) startOf(x *seq.Span) (seq.Window, time.Time) {
	at := s.toOurClock(clockOf(x), x.Start)
	return seq.Window{Earliest: at, Latest: at}, at
}

func (s *story) endOf(x *seq.Span) (seq.Window, time.Time) {
	at := s.toOurClock(clockOf(x), x.End)
	return seq.Window{Earliest: at, Latest: at}, at
}

// clockOf is whose clock a span's times are on: a runtime shares its kubelet's machine.
func clockOf(x *seq.Span) seq.Participant {
	switch x.Service {
	case "apiserver":
		return seq.APIServer
	case "etcd":
		return seq.Etcd
	}
	return seq.Kubelet
}
