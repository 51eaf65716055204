package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// message is one that is to be paired.
type message struct {
	Message
	who       string // who says it to whom, about what
	head      string // what it says, up to a colon
	canonical string // all it says
	words     []string
	unique    bool // no other of this run has the same who and rule
}

// messages are the steps of a run, each answer with its request.
func (n *naming) messages(steps []*seq.Step) []message {
	calls := map[seq.Key]int{}
	writes := map[[2]string]int{} // by object and revision
	var all []message
	for i := range steps {
		s := steps[i]
		if k, ok := calls[s.Call]; ok && s.Call != "" && s.Kind == seq.ResponseKind && all[k].Answer == nil {
			all[k].Answer = s
			continue
		}
		if s.Kind == seq.RequestKind && s.Call != "" {
			calls[s.Call] = len(all)
		}
		m := message{Message: Message{Step: s}}
		// What is no request to an API names no object, but is about one of that number.
		what := ""
		if s.Verb != "" {
			what = fmt.Sprint(s.Verb, " ", s.Resource, "/", s.Subresource, " ", s.Object.Kind)
		}
		m.who = fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%d\x00%d",
			n.participant(s.From), n.participant(s.To), s.Kind, what, n.story(s), n.containers[s.Container])
		m.canonical, m.words = n.said(s.Label, s.Object)
		m.head = m.canonical
		if i := strings.Index(m.head, ":"); i >= 0 {
			m.head = m.head[:i]
			if s.Verb != "" { // which says what stands before the colon
				_, m.words = n.said(s.Label[strings.Index(s.Label, ":"):], s.Object)
			}
		} else if s.Verb != "" {
			m.words = nil
		} else if s.Kind == seq.RequestKind && len(m.words) > 0 { // the name of a call, or of a probe
			m.head = m.words[0]
		}
		if id := [2]string{s.About, s.ResourceVersion}; s.ResourceVersion != "" {
			if k, ok := writes[id]; !ok {
				writes[id] = len(all)
			} else { // the database is told what the request said
				m.words = append(slices.Clone(m.words), all[k].words...)
			}
		}
		all = append(all, m)
	}
	type sort struct {
		who  string
		rule *seq.Rule
	}
	count := map[sort]int{}
	for _, m := range all {
		count[sort{m.who, m.Rule}]++
	}
	for i := range all {
		all[i].unique = count[sort{all[i].who, all[i].Rule}] == 1
	}
	return all
}

// story is the number of the object of whose story a step is part.
func (n *naming) story(s *seq.Step) int {
	if i := n.about[s.About]; i != 0 {
		return i
	}
	return n.objects[s.Object.Kind][s.Object.Name] // it was refused, and has no uid
}

// whole is how alike the same words are. Half of it is needed to be the same message.
const whole = 100

// alike is how much of what two messages say is the same: 0 where they are not the same message.
func alike(a, b *message) int {
	if a.who != b.who {
		return 0
	}
	if a.Label == b.Label || a.canonical == b.canonical && slices.Equal(a.words, b.words) {
		return whole
	}
	if a.Kind == seq.RequestKind && a.head != b.head {
		return 0
	}
	common := 0
	for _, w := range a.words {
		if slices.Contains(b.words, w) {
			common++
		}
	}
	if all := len(a.words) + len(b.words) - common; all == 0 {
		return whole
	} else if n := whole * common / all; n >= whole/2 {
		return n
	}
	// One rule has found both, and either run has no other that it could be; a reason before a colon tells two apart.
	if reason := a.head != a.canonical ||
		b.head != b.canonical; a.unique && b.unique && a.Rule == b.Rule && (!reason || a.head == b.head) {
		return whole / 2
	}
	return 0
}

// align pairs the messages of both runs. Of several best pairings it finds the same one whichever run is called A.
func (c *Comparison) align() []Step {
	first, second := A, B
	a, b := c.roles[A].messages(c.Runs[A].Steps), c.roles[B].messages(c.Runs[B].Steps)
	numbers(a, b)
	if slices.CompareFunc(a, b, func(x, y message) int {
		return cmp.Or(cmp.Compare(x.canonical, y.canonical), slices.Compare(x.words, y.words),
			cmp.Compare(x.Detail, y.Detail), cmp.Compare(x.Label, y.Label))
	}) > 0 {
		first, second, a, b = B, A, b, a
	}
	partner := [2][]int{make([]int, len(a)), make([]int, len(b))}
	for s := range partner {
		for i := range partner[s] {
			partner[s][i] = -1
		}
	}
	best(a, b, func(i, j int) { partner[0][i], partner[1][j] = j, i })
	steps := together(merge(a, b, partner), [2]history{c.Runs[first].history(), c.Runs[second].history()})
	if first == B {
		for i := range steps {
			s := &steps[i].Sides
			s[A], s[B] = s[B], s[A]
		}
	}
	return arranged(steps)
}

// best pairs messages in their order.
func best(a, b []message, pair func(i, j int)) {
	inOrder(0, len(a), 0, len(b), func(i, j int) int {
		if a[i].who != b[j].who { // this is asked very often
			return 0
		}
		return alike(&a[i], &b[j]) * int(1+seq.Full-min(a[i].Detail, b[j].Detail))
	}, pair)
}

// numbers makes who as short as it can be.
func numbers(all ...[]message) {
	of := map[string]string{}
	for _, side := range all {
		for i := range side {
			if of[side[i].who] == "" {
				of[side[i].who] = fmt.Sprint(len(of) + 1)
			}
			side[i].who = of[side[i].who]
		}
	}
}

// inOrder pairs what is alike in two sequences, each in its order, so that there is no pairing in which more is alike.
// It is the algorithm of Hirschberg, which needs no more room than the sequences do.
func inOrder(a0, a1, b0, b1 int, alike func(i, j int) int, pair func(i, j int)) {
	if a0 == a1 || b0 == b1 {
		return
	}
	if a1-a0 == 1 {
		best, at := 0, 0
		for j := b0; j < b1; j++ {
			if n := alike(a0, j); n > best {
				best, at = n, j
			}
		}
		if best > 0 {
			pair(a0, at)
		}
		return
	}
	mid := (a0 + a1) / 2
	n := b1 - b0
	head, tail := make([]int, n+1), make([]int, n+1) // how alike the first k, and the last n-k, are to either half
	for i := a0; i < mid; i++ {
		corner := 0
		for k := 1; k <= n; k++ {
			up := head[k]
			head[k] = max(up, head[k-1], corner+alike(i, b0+k-1))
			corner = up
		}
	}
	for i := a1 - 1; i >= mid; i-- {
		corner := 0
		for k := n - 1; k >= 0; k-- {
			up := tail[k]
			tail[k] = max(up, tail[k+1], corner+alike(i, b0+k))
			corner = up
		}
	}
	cut := 0
	for k := range head {
		if head[k]+tail[k] >= head[cut]+tail[cut] { // of several the first is taken
			cut = k
		}
	}
	inOrder(a0, mid, b0, b0+cut, alike, pair)
	inOrder(mid, a1, b0+cut, b1, alike, pair)
}

// merge makes one sequence of two.
func merge(a, b []message, partner [2][]int) []Step {
	var all []Step
	type rest struct {
		messages []message
		rows     []int
	}
	left := [2]map[string]*rest{{}, {}} // what one side has there, by who
	alone := func(s Side, m *message) {
		r := left[s][m.who]
		if r == nil {
			r = &rest{}
			left[s][m.who] = r
		}
		r.messages, r.rows = append(r.messages, *m), append(r.rows, len(all))
		row := Step{Elsewhere: -1}
		row.Sides[s] = &m.Message
		all = append(all, row)
	}
	j := 0
	for i := 0; i <= len(a); i++ {
		if i < len(a) && partner[A][i] < 0 {
			alone(A, &a[i])
			continue
		}
		end := len(b)
		if i < len(a) {
			end = partner[A][i]
		}
		for ; j < end; j++ {
			alone(B, &b[j])
		}
		if i < len(a) {
			all = append(all, Step{[2]*Message{&a[i].Message, &b[j].Message}, a[i].canonical == b[j].canonical, -1})
			j++
		}
	}
	for who, ra := range left[A] {
		if rb := left[B][who]; rb != nil {
			best(ra.messages, rb.messages, func(i, j int) {
				same := ra.messages[i].canonical == rb.messages[j].canonical
				all[ra.rows[i]].Same, all[rb.rows[j]].Same = same, same
				all[ra.rows[i]].Elsewhere, all[rb.rows[j]].Elsewhere = rb.rows[j], ra.rows[i]
			})
		}
	}
	return all
}

// arranged has, between two steps of both runs, first what A has there, then what B has.
func arranged(steps []Step) []Step {
	order := make([]int, 0, len(steps))
	for i := 0; i < len(steps); {
		end := i
		for ; end < len(steps); end++ {
			if _, one := steps[end].One(); !one {
				break
			}
		}
		for _, s := range Sides {
			for k := i; k < end; k++ {
				if steps[k].Sides[s] != nil {
					order = append(order, k)
				}
			}
		}
		if end < len(steps) {
			order = append(order, end)
		}
		i = end + 1
	}
	return picked(steps, order)
}

// picked are those steps, in that order.
func picked(steps []Step, order []int) []Step {
	place := make([]int, len(steps))
	for to, from := range order {
		place[from] = to
	}
	all := make([]Step, len(order))
	for to, from := range order {
		all[to] = steps[from]
		if e := all[to].Elsewhere; e >= 0 {
			all[to].Elsewhere = place[e]
		}
	}
	return all
}
