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

// commit is a Commit whose words are shared by all that have them.
type commit struct {
	*log
	revision uint64
}

// log is what of commits is the same for all of one resource.
type log struct{ counter, resource string }

func (c commit) public() Commit {
	if c.log == nil {
		return Commit{}
	}
	return Commit{c.counter, c.resource, c.revision}
}

func (c commit) equals(o Commit) bool {
	return c.revision == o.Revision && (c.log == nil && o == Commit{} ||
		c.log != nil && c.counter == o.Counter && c.resource == o.Resource)
}

// store links each message to the writes that the store took just before: the last of its resource, and the last of all
// others that share its counter.
type store struct {
	logs    map[log]*log
	commits map[string][]*node // by resource; by their order
	waiting []*node            // those that came after what was stored before a revision; by that
}

func newStore() store { return store{logs: map[log]*log{}, commits: map[string][]*node{}} }

func (s *store) intern(c Commit) commit {
	if c == (Commit{}) {
		return commit{}
	}
	l := s.logs[log{c.Counter, c.Resource}]
	if l == nil {
		l = &log{c.Counter, c.Resource}
		s.logs[*l] = l
	}
	return commit{l, c.Revision}
}

func byCommit(a, b *node) int {
	if by := cmp.Compare(a.commit.revision, b.commit.revision); by != 0 {
		return by
	}
	return cmp.Compare(a.key, b.key)
}

func byStored(a, b *node) int {
	if by := cmp.Compare(a.stored.revision, b.stored.revision); by != 0 {
		return by
	}
	return cmp.Compare(a.key, b.key)
}

// appendBefore appends the keys of the last writes before a commit.
func (s *store) appendBefore(keys []seq.Key, c commit) []seq.Key {
	if c.log == nil {
		return keys
	}
	var other *node
	for resource, all := range s.commits {
		if resource != c.resource && (c.counter == "" || all[0].commit.counter != c.counter) {
			continue
		}
		i, _ := slices.BinarySearchFunc(all, c.revision,
			func(n *node, rv uint64) int { return cmp.Compare(n.commit.revision, rv) })
		switch {
		case i == 0:
		case resource == c.resource:
			keys = append(keys, all[i-1].key)
		case other == nil || byCommit(all[i-1], other) > 0:
			other = all[i-1]
		}
	}
	if other != nil {
		keys = append(keys, other.key)
	}
	return keys
}

// add takes a node with a commit; affected is called for those that may follow other writes from now on.
func (s *store) add(n *node, affected func(*node)) {
	all := s.commits[n.commit.resource]
	i, _ := slices.BinarySearchFunc(all, n, byCommit)
	s.commits[n.commit.resource] = slices.Insert(all, i, n)
	s.visitFollowing(n, i+1, affected)
}

// remove takes a node out by the commit that it had.
func (s *store) remove(n *node, affected func(*node)) {
	all := s.commits[n.commit.resource]
	i, ok := slices.BinarySearchFunc(all, n, byCommit)
	if !ok {
		return
	}
	if all = slices.Delete(all, i, i+1); len(all) == 0 {
		delete(s.commits, n.commit.resource)
	} else {
		s.commits[n.commit.resource] = all
	}
	s.visitFollowing(n, i, affected)
}

// visitFollowing visits what follows a commit, up to the next of its resource, which hides it from all later ones.
func (s *store) visitFollowing(n *node, next int, affected func(*node)) {
	last := ^uint64(0)
	if all := s.commits[n.commit.resource]; next < len(all) {
		last = all[next].commit.revision
	}
	i, _ := slices.BinarySearchFunc(s.waiting, n.commit.revision,
		func(n *node, rv uint64) int { return cmp.Compare(n.stored.revision, rv+1) })
	for ; i < len(s.waiting) && s.waiting[i].stored.revision <= last; i++ {
		affected(s.waiting[i])
	}
}

// addWaiting has a node follow what was stored before a revision, and removeWaiting no longer.
func (s *store) addWaiting(n *node) {
	i, _ := slices.BinarySearchFunc(s.waiting, n, byStored)
	s.waiting = slices.Insert(s.waiting, i, n)
}

func (s *store) removeWaiting(n *node) {
	if i, ok := slices.BinarySearchFunc(s.waiting, n, byStored); ok {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
}
