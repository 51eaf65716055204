package graph

import (
	"cmp"
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Commit is one write to a store that numbers its writes.
type Commit struct {
	Counter  string // those of one counter are comparable across resources; empty for none but the resource's own
	Resource string
	Revision uint64
}

// store links each message to the writes that the store took just before: the last of its resource, and the last of all
// others that share its counter.
type store struct {
	commits map[string][]*node // by resource; by their order
	waiting []*node            // those that came after what was stored before a revision; by that
}

func newStore() store { return store{commits: map[string][]*node{}} }

func byCommit(a, b *node) int {
	return cmp.Or(cmp.Compare(a.commit.Revision, b.commit.Revision), cmp.Compare(a.step.Key, b.step.Key))
}

func byStored(a, b *node) int {
	return cmp.Or(cmp.Compare(a.stored.Revision, b.stored.Revision), cmp.Compare(a.step.Key, b.step.Key))
}

// before are the keys of the last writes before a commit.
func (s *store) before(c Commit) (keys []seq.Key) {
	if c == (Commit{}) {
		return nil
	}
	var other *node
	for resource, all := range s.commits {
		if resource != c.Resource && (c.Counter == "" || all[0].commit.Counter != c.Counter) {
			continue
		}
		i, _ := slices.BinarySearchFunc(all, c.Revision,
			func(n *node, rv uint64) int { return cmp.Compare(n.commit.Revision, rv) })
		switch {
		case i == 0:
		case resource == c.Resource:
			keys = append(keys, all[i-1].step.Key)
		case other == nil || byCommit(all[i-1], other) > 0:
			other = all[i-1]
		}
	}
	if other != nil {
		keys = append(keys, other.step.Key)
	}
	return keys
}

// add takes a node with a commit; affected is called for those that may follow other writes from now on.
func (s *store) add(n *node, affected func(*node)) {
	all := s.commits[n.commit.Resource]
	i, _ := slices.BinarySearchFunc(all, n, byCommit)
	s.commits[n.commit.Resource] = slices.Insert(all, i, n)
	s.after(n, i+1, affected)
}

// remove takes a node out by the commit that it had.
func (s *store) remove(n *node, affected func(*node)) {
	all := s.commits[n.commit.Resource]
	i, ok := slices.BinarySearchFunc(all, n, byCommit)
	if !ok {
		return
	}
	if all = slices.Delete(all, i, i+1); len(all) == 0 {
		delete(s.commits, n.commit.Resource)
	} else {
		s.commits[n.commit.Resource] = all
	}
	s.after(n, i, affected)
}

// after visits what follows a commit, up to the next of its resource, which hides it from all later ones.
func (s *store) after(n *node, next int, affected func(*node)) {
	last := ^uint64(0)
	if all := s.commits[n.commit.Resource]; next < len(all) {
		last = all[next].commit.Revision
	}
	i, _ := slices.BinarySearchFunc(s.waiting, n.commit.Revision,
		func(n *node, rv uint64) int { return cmp.Compare(n.stored.Revision, rv+1) })
	for ; i < len(s.waiting) && s.waiting[i].stored.Revision <= last; i++ {
		affected(s.waiting[i])
	}
}

// wait has a node follow what was stored before a revision, and forget no longer.
func (s *store) wait(n *node) {
	i, _ := slices.BinarySearchFunc(s.waiting, n, byStored)
	s.waiting = slices.Insert(s.waiting, i, n)
}

func (s *store) forget(n *node) {
	if i, ok := slices.BinarySearchFunc(s.waiting, n, byStored); ok {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
}
