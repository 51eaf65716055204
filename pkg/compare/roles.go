package compare

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// naming is what one run calls what both have.
type naming struct {
	runtime    seq.Participant
	containers map[string]int            // by name; the numbers are the same in both runs
	objects    map[string]map[string]int // by kind and name
	nodes      map[string]int
	about      map[string]int // by uid
	words      map[string]string
}

// name finds out what the two runs call what both have.
func name(a, b Run) (of [2]naming) {
	runs := [2]*Run{&a, &b}
	var containers, nodes [2][]string
	var objects [2]map[string][]string
	for s, r := range runs {
		of[s] = naming{runtime: r.Runtime, objects: map[string]map[string]int{}, about: map[string]int{},
			words: map[string]string{}}
		containers[s], nodes[s], objects[s] = r.containers(), r.nodes(), r.objects()
	}
	of[A].containers, of[B].containers = number(containers[A], containers[B])
	of[A].nodes, of[B].nodes = number(nodes[A], nodes[B])
	for s := range runs {
		for kind := range objects[s] {
			of[A].objects[kind], of[B].objects[kind] = number(objects[A][kind], objects[B][kind])
		}
	}
	for s, r := range runs {
		n := &of[s]
		for _, kind := range slices.Sorted(maps.Keys(n.objects)) { // two kinds can share a name
			n.call(kind, n.objects[kind])
		}
		n.call("node", n.nodes)
		n.call("container", n.containers)
		for i := range r.Steps {
			if o := r.Steps[i].Object; o.UID != "" {
				n.about[o.UID] = n.objects[o.Kind][o.Name]
			}
		}
	}
	return of
}

// number gives what has one name in both runs one number, and of the rest the first in one that of the first in the
// other.
func number(a, b []string) (ofA, ofB map[string]int) {
	ofA, ofB = map[string]int{}, map[string]int{}
	for _, name := range slices.Sorted(slices.Values(a)) { // whichever run is called A
		if slices.Contains(b, name) {
			ofA[name], ofB[name] = len(ofA)+1, len(ofA)+1
		}
	}
	common := len(ofA)
	for _, side := range []struct {
		names []string
		of    map[string]int
	}{{a, ofA}, {b, ofB}} {
		next := common
		for _, name := range side.names {
			if side.of[name] == 0 {
				next++
				side.of[name] = next
			}
		}
	}
	return ofA, ofB
}

func (n *naming) call(what string, all map[string]int) {
	for name, i := range all {
		n.words[name] = called(what, i)
	}
}

// called is what stands for a name.
func called(what string, number int) string {
	return fmt.Sprintf("‹%s %d›", strings.ToLower(what), number)
}

var container = string(seq.Container(""))

// containers in the order of the Pod, else as they appear.
func (r *Run) containers() (all []string) {
	seen := map[string]bool{"": true}
	add := func(name string) {
		if !seen[name] {
			seen[name], all = true, append(all, name)
		}
	}
	for _, p := range r.Expected {
		if name, ok := strings.CutPrefix(string(p), container); ok {
			add(name)
		}
	}
	for i := range r.Steps {
		x := r.Steps[i]
		add(x.Container)
		for _, p := range []seq.Participant{x.From, x.To} {
			if name, ok := strings.CutPrefix(string(p), container); ok {
				add(name)
			}
		}
	}
	return all
}

func (r *Run) nodes() (all []string) {
	seen := map[string]bool{"": true}
	add := func(name string) {
		if !seen[name] {
			seen[name], all = true, append(all, name)
		}
	}
	add(r.Node)
	for i := range r.Steps {
		add(r.Steps[i].Node)
	}
	return all
}

// objects are the names of each kind, in the order in which they appear. Events have names that say nothing.
func (r *Run) objects() map[string][]string {
	all := map[string][]string{}
	seen := map[[2]string]bool{}
	for i := range r.Steps {
		o := r.Steps[i].Object
		if id := [2]string{o.Kind, o.Name}; o.Name != "" && o.Kind != "Event" && !seen[id] {
			seen[id] = true
			all[o.Kind] = append(all[o.Kind], o.Name)
		}
	}
	return all
}

// clients are those at whose desk a run begins, whatever they run; a field manager of kubectl begins with its name.
var clients = []string{string(seq.Kubectl), string(seq.User)}

// runtimes are the container runtimes, where the run does not say which it has.
var runtimes = []string{string(seq.Runtime), string(seq.Containerd), "cri-o"}

// participant is the role of one.
func (n *naming) participant(p seq.Participant) string {
	name := string(p)
	switch {
	case strings.HasPrefix(name, container):
		return fmt.Sprint(container, n.containers[strings.TrimPrefix(name, container)])
	case slices.Contains(clients, name) || strings.HasPrefix(name, clients[0]+"-"):
		return clients[0]
	case p == n.runtime && p != "" || slices.Contains(runtimes, name):
		return runtimes[0]
	}
	return name
}

var (
	token = regexp.MustCompile(`[\pL\pN](?:[-\pL\pN_.:/@]*[\pL\pN])?`)
	// generated is what no two runs have alike: uids, hashes, addresses.
	generated = regexp.MustCompile(`^(?:(?:sha256:)?[0-9a-f]{10,}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}` +
		`|\d+\.\d+\.\d+\.\d+(?:[:/]\d+)?)$`)
	figures = regexp.MustCompile(`^[\d.:]+$`)
)

// named is what stands for images and revisions, by the word before them.
var named = map[string]string{"PullImage": "‹image›", "pull": "‹image›", "image": "‹image›", "revision": "‹revision›"}

// readable bounds how much of a text is compared, in bytes.
const readable = 2000

// said is a text about an object without the names of its run: what is left, and its words.
func (n *naming) said(text string, about seq.Object) (canonical string, words []string) {
	text = strings.ToValidUTF8(text[:min(len(text), readable)], "")
	before := ""
	canonical = token.ReplaceAllStringFunc(text, func(word string) string {
		out := word
		switch {
		case word == about.Name && n.objects[about.Kind][word] != 0:
			out = called(about.Kind, n.objects[about.Kind][word])
		case n.words[word] != "":
			out = n.words[word]
		case named[before] != "" && word != "is":
			out = named[before]
		case generated.MatchString(word):
			out = "‹generated›"
		}
		before = word
		if !figures.MatchString(out) && !slices.Contains(words, out) {
			words = append(words, out)
		}
		return out
	})
	return canonical, words
}
