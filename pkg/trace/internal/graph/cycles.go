package graph

// findCycles finds the circles of causes, where there are any.
func (g *Graph) findCycles() {
	if !g.hasCycles {
		return
	}
	g.hasCycles = false
	t := tarjan{number: map[*node]int{}, low: map[*node]int{}, on: map[*node]bool{}}
	for _, n := range g.nodes {
		if t.number[n] == 0 {
			t.search(n)
		}
	}
	for n := range t.number {
		is := t.cycles[n]
		if is == 0 && n.cycle == 0 {
			continue
		}
		g.hasCycles = g.hasCycles || is != 0
		n.cycle = is
		g.needs(n, toSetDepth|toBoundForward|toBoundBackward|toEstimate|toPublish)
		for _, s := range n.succs {
			g.needs(s, toSetDepth|toBoundForward|toEstimate)
		}
	}
}

// tarjan finds the strongly connected parts of the graph by Tarjan's algorithm, without recursion: a chain of causes
// can be long.
type tarjan struct {
	number, low map[*node]int
	on          map[*node]bool
	stack       []*node
	cycles      map[*node]int32 // by number from 1, for those in a part of more than one
	parts       int32
}

func (t *tarjan) search(root *node) {
	type frame struct {
		n    *node
		next int // of its effects
	}
	enter := func(n *node) frame {
		t.number[n] = len(t.number) + 1
		t.low[n] = t.number[n]
		t.stack, t.on[n] = append(t.stack, n), true
		return frame{n: n}
	}
	todo := []frame{enter(root)}
	for len(todo) > 0 {
		f := &todo[len(todo)-1]
		if f.next < len(f.n.succs) {
			s := f.n.succs[f.next]
			f.next++
			switch {
			case !s.exists() || !f.n.exists():
			case t.number[s] == 0:
				todo = append(todo, enter(s))
			case t.on[s]:
				t.low[f.n] = min(t.low[f.n], t.number[s])
			}
			continue
		}
		n := f.n
		todo = todo[:len(todo)-1]
		if len(todo) > 0 {
			above := todo[len(todo)-1].n
			t.low[above] = min(t.low[above], t.low[n])
		}
		if t.low[n] == t.number[n] {
			t.close(n)
		}
	}
}

// close takes the part that begins with n off the stack.
func (t *tarjan) close(n *node) {
	i := len(t.stack) - 1
	for t.stack[i] != n {
		i--
	}
	part := t.stack[i:]
	t.stack = t.stack[:i]
	t.parts++
	for _, o := range part {
		t.on[o] = false
		if len(part) > 1 {
			if t.cycles == nil {
				t.cycles = map[*node]int32{}
			}
			t.cycles[o] = t.parts
		}
	}
}
