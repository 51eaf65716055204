package truth

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Claim is one thing that a tool says happened, in the order in which it says so.
type Claim struct {
	Write                 *Write // a write to the API, by its verb, resource, subresource and revision; or
	Revised, Resource     string // the revision that a write made, and of what; or
	Etcd                  string // the revision of a write to etcd; or
	Call                  string // a call of the CRI, by its RPC, and
	About                 string // the uid of the object of that write, or of the Pod of that call, where it is said
	End                   bool   // its end, not its start
	Actor                 string // empty where it is not said
	Observed              bool
	Earliest, Latest, At  time.Time     // its window, and its best instant; zero where they are not said
	Within                time.Duration // it is likely to be within that of At; 0 where it is known, or nothing is said
	Rule                  string        // by which it is known
	Text                  string
	InstantOnly, NotAWord bool // the window is about the client's own clock; the claim is about nothing that is recorded
}

// Score is how the claims compare with what happened.
type Score struct {
	Writes, WritesFound             int
	Calls, CallsFound               int
	ActorsRight, ActorsWrong        int
	ActorsUnknown                   int // said to be unknown, or not said
	Pairs, Inversions               int // pairs of claims that truly happened more than apart from each other
	Windows, WindowsCovered         int
	Errors                          []time.Duration // from the best instant to when it truly happened
	Invented                        int             // observed claims without a counterpart
	Likely                          map[string]Hits // by rule, of the claims that are only likely
	AllPairs, Unordered             int             // pairs of claims, and those of which nothing proves the order
	UnorderedWrong                  int             // those of them that are wrong by more than Late
	Actors                          map[string]Said // by kind of write, such as "delete pods"
	Missing, WrongActors, Uncovered []string
	Inverted, Inventions            []string
}

// Hits counts claims that are likely, and those that are as near as they say; All is their sum.
type Hits struct {
	Claims, Held int
	Errors       []time.Duration
}

// All is the sum over all rules.
func (s *Score) All() (n Hits) {
	for _, h := range s.Likely {
		n.Claims, n.Held, n.Errors = n.Claims+h.Claims, n.Held+h.Held, append(n.Errors, h.Errors...)
	}
	return n
}

func (s *Score) likely(rule string, h Hits) {
	if s.Likely == nil {
		s.Likely = map[string]Hits{}
	}
	n := s.Likely[rule]
	s.Likely[rule] = Hits{n.Claims + h.Claims, n.Held + h.Held, append(n.Errors, h.Errors...)}
}

// Said counts what is said of who made writes of one kind.
type Said struct{ Right, Unknown, Wrong int }

// Late is by how much a pair of which nothing proves the order may be the wrong way round without anybody being misled.
const Late = 5 * time.Millisecond

// Add sums scores.
func (s *Score) Add(o Score) {
	s.Writes, s.WritesFound, s.Calls, s.CallsFound = s.Writes+o.Writes, s.WritesFound+o.WritesFound, s.Calls+
		o.Calls, s.CallsFound+o.CallsFound
	s.ActorsRight, s.ActorsWrong, s.ActorsUnknown = s.ActorsRight+o.ActorsRight, s.ActorsWrong+
		o.ActorsWrong, s.ActorsUnknown+o.ActorsUnknown
	s.Pairs, s.Inversions, s.Invented = s.Pairs+o.Pairs, s.Inversions+o.Inversions, s.Invented+o.Invented
	s.Windows, s.WindowsCovered, s.Errors = s.Windows+o.Windows, s.WindowsCovered+
		o.WindowsCovered, append(s.Errors, o.Errors...)
	s.AllPairs, s.Unordered, s.UnorderedWrong = s.AllPairs+o.AllPairs, s.Unordered+o.Unordered, s.UnorderedWrong+
		o.UnorderedWrong
	for rule, n := range o.Likely {
		s.likely(rule, n)
	}
	for kind, n := range o.Actors {
		s.said(kind, n)
	}
	s.Missing, s.WrongActors, s.Uncovered = append(s.Missing, o.Missing...), append(s.WrongActors,
		o.WrongActors...), append(s.Uncovered, o.Uncovered...)
	s.Inverted, s.Inventions = append(s.Inverted, o.Inverted...), append(s.Inventions, o.Inventions...)
}

func (s *Score) said(kind string, n Said) {
	if s.Actors == nil {
		s.Actors = map[string]Said{}
	}
	sum := s.Actors[kind]
	s.Actors[kind] = Said{sum.Right + n.Right, sum.Unknown + n.Unknown, sum.Wrong + n.Wrong}
}

// Kind names the sort of a write, such as "patch pods/status".
func (w *Write) Kind() string {
	return strings.TrimSuffix(w.Verb+" "+w.Resource+"/"+w.Subresource, "/")
}

// Percentile is the error that p percent of the claims do not exceed.
func (s *Score) Percentile(p int) time.Duration { return Percentile(s.Errors, p) }

// Percentile is what p percent of them do not exceed; 0 of none.
func Percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

// Actor is the participant behind a user that the audit log names.
func Actor(user string) string {
	switch {
	case strings.HasPrefix(user, "system:node:"):
		return "kubelet"
	case user == "system:kube-scheduler":
		return "scheduler"
	case accounts[user] != "":
		return "controller-manager/" + accounts[user]
	case user == "system:kube-controller-manager", strings.HasPrefix(user, "system:serviceaccount:kube-system:"):
		return "controller-manager"
	case user == "kubernetes-admin":
		return "kubectl"
	}
	return user
}

// ownName reports whether a name is one that a client which is no part of Kubernetes may give itself, in managedFields
// or Events: nothing else tells its name, and the audit log only its account.
func ownName(said, user string) bool {
	part := slices.Contains([]string{"", "unknown client", "kubelet", "scheduler", "apiserver", "kubectl"}, said) ||
		strings.HasPrefix(said, "controller-manager")
	return !part && strings.HasPrefix(user, "system:serviceaccount:") &&
		!strings.HasPrefix(user, "system:serviceaccount:kube-system:")
}

// accounts are those by which the controllers of the tests' workloads call the API server.
var accounts = map[string]string{
	"system:serviceaccount:kube-system:deployment-controller":     "deployment",
	"system:serviceaccount:kube-system:replicaset-controller":     "replicaset",
	"system:serviceaccount:kube-system:statefulset-controller":    "statefulset",
	"system:serviceaccount:kube-system:daemon-set-controller":     "daemonset",
	"system:serviceaccount:kube-system:job-controller":            "job",
	"system:serviceaccount:kube-system:cronjob-controller":        "cronjob",
	"system:serviceaccount:kube-system:endpointslice-controller":  "endpointslice",
	"system:serviceaccount:kube-system:persistent-volume-binder":  "persistentvolume-binder",
	"system:serviceaccount:kube-system:pvc-protection-controller": "persistentvolumeclaim-protection",
	"system:serviceaccount:kube-system:generic-garbage-collector": "garbage-collector",
	"system:serviceaccount:kube-system:node-controller":           "taint-eviction", // of the writes to Pods that it ends
}

// Start has the calls that the start of a Pod consists of; the others are questions, and no client can see them.
var Start = []string{"RunPodSandbox", "PullImage", "CreateContainer", "StartContainer"}

// StartCalls are those of a start.
func (t *Truth) StartCalls() []Call {
	return slices.DeleteFunc(slices.Clone(t.Calls), func(c Call) bool { return !slices.Contains(Start, c.RPC) })
}

// Placed is a claim with the true interval of its instant.
type Placed struct {
	Claim
	Index    int
	From, To time.Time
}

// lag is for how long a watch may be behind another.
const lag = 5 * time.Second

// number is a revision as a number, or 0.
func number(revision string) uint64 {
	n, _ := strconv.ParseUint(revision, 10, 64)
	return n
}

// Compare scores claims about what happened. What ended after an instant need not be told. Pairs that happened within
// apart of each other are not held against anyone.
func (t *Truth) Compare(claims []Claim, until time.Time, apart time.Duration) (Score, []Placed) {
	var s Score
	used := make([]bool, len(claims))
	var placed []Placed
	find := func(is func(Claim) bool) (int, bool) {
		i := slices.IndexFunc(claims, func(c Claim) bool { return is(c) })
		for i >= 0 && used[i] {
			next := slices.IndexFunc(claims[i+1:], func(c Claim) bool { return is(c) })
			if next < 0 {
				return 0, false
			}
			i += 1 + next
		}
		return i, i >= 0
	}
	place := func(i int, from, to time.Time) {
		c := claims[i]
		used[i] = true
		if c.InstantOnly {
			return
		}
		placed = append(placed, Placed{c, i, from, to})
		if !c.Earliest.IsZero() || !c.Latest.IsZero() {
			s.Windows++
			if !c.Earliest.IsZero() && to.Before(c.Earliest) || !c.Latest.IsZero() && from.After(c.Latest) {
				s.Uncovered = append(s.Uncovered, fmt.Sprintf("%s: truly %s…%s", c.Text, clock(from), clock(to)))
			} else {
				s.WindowsCovered++
			}
		}
		if !c.At.IsZero() {
			off := max(0, from.Sub(c.At), c.At.Sub(to))
			s.Errors = append(s.Errors, off)
			if c.Within > 0 {
				h := Hits{Claims: 1, Errors: []time.Duration{off}}
				if off <= c.Within {
					h.Held = 1
				}
				s.likely(c.Rule, h)
			}
		}
	}
	answered := map[string]bool{}
	for _, w := range slices.Concat(t.Writes, t.Events) {
		answered[w.Revision] = true
	}
	newest := map[string]uint64{} // of each resource, that is told
	for _, c := range claims {
		if c.Write != nil {
			newest[c.Write.Resource] = max(newest[c.Write.Resource], number(c.Write.Revision))
		}
	}
	// Each kind has a watch of its own: one may lag behind that which ended the run.
	later := func(w Write) bool {
		last := newest[w.Resource]
		return last > 0 && number(w.Revision) > last && until.Sub(w.End) < lag
	}
	for _, w := range slices.Concat(t.Writes, t.Events) {
		i, ok := find(func(c Claim) bool {
			if c.Revised != "" {
				return c.Revised == w.Revision && c.Resource == w.Resource
			}
			// That something was written does not say whether by a PATCH or a PUT.
			verb := c.Write != nil && !c.NotAWord &&
				(c.Write.Verb == w.Verb || c.Write.Verb == "" && (w.Verb == "patch" || w.Verb == "update"))
			return verb && c.Write.Resource == w.Resource && c.Write.Subresource == w.Subresource &&
				(c.Write.Revision == w.Revision || w.Revision == "")
		})
		if !ok && !until.IsZero() && (w.End.After(until) || later(w)) {
			continue
		}
		s.Writes++
		if !ok {
			s.Missing = append(s.Missing,
				fmt.Sprintf("%s %s/%s by %s, revision %s %s at %s", w.Verb, w.Resource, w.Subresource, w.User, w.Revision, w.Reason,
					clock(w.Start)))
			continue
		}
		s.WritesFound++
		place(i, w.Start, w.End)
		switch said := claims[i].Actor; {
		case said == Actor(w.User), said == "user "+w.User, ownName(said, w.User):
			s.ActorsRight++
			s.said(w.Kind(), Said{Right: 1})
		case said == "", said == "unknown client":
			s.ActorsUnknown++
			s.said(w.Kind(), Said{Unknown: 1})
		default:
			s.ActorsWrong++
			s.said(w.Kind(), Said{Wrong: 1})
			s.WrongActors = append(s.WrongActors, claims[i].Text+" was made by "+w.User)
		}
		if k, ok := find(func(c Claim) bool {
			return c.Etcd != "" && claims[i].Write != nil && c.Etcd == claims[i].Write.Revision
		}); ok {
			place(k, w.Start, w.End)
		}
		if w.First != nil {
			// Its revision is in no answer, and so in no audit entry.
			first := func(c Claim) bool {
				return c.Etcd != "" && !answered[c.Etcd] && (c.About == "" || w.UID == "" || c.About == w.UID)
			}
			if k, ok := find(first); ok {
				place(k, w.First.Start, w.First.End)
			}
		}
	}
	for _, call := range t.StartCalls() {
		start, haveStart := find(func(c Claim) bool {
			return c.Call == call.RPC && !c.End &&
				(c.About == "" || c.About == call.Pod)
		})
		end, haveEnd := find(func(c Claim) bool {
			return c.Call == call.RPC && c.End && (c.About == "" || c.About == call.Pod)
		})
		if !haveStart && !haveEnd && !until.IsZero() && call.End.After(until) {
			continue
		}
		s.Calls++
		if haveStart {
			place(start, call.Start, call.Start)
		}
		if haveEnd {
			place(end, call.End, call.End)
		}
		if haveStart || haveEnd {
			s.CallsFound++
		} else {
			s.Missing = append(s.Missing, fmt.Sprintf("%s at %s", call.RPC, clock(call.Start)))
		}
	}
	for i, c := range claims {
		if !used[i] && !c.NotAWord && c.Observed && (c.Write != nil || c.Etcd != "" || c.Call != "") {
			s.Invented++
			s.Inventions = append(s.Inventions, c.Text)
		}
	}
	s.order(placed, apart)
	return s, placed
}

func (s *Score) order(placed []Placed, apart time.Duration) {
	for i, a := range placed {
		for _, b := range placed[i+1:] {
			first, second := a, b
			if b.To.Before(a.From) {
				first, second = b, a
			}
			if second.From.Sub(first.To) <= apart {
				continue
			}
			s.Pairs++
			if first.Index > second.Index {
				s.Inversions++
				s.Inverted = append(s.Inverted,
					fmt.Sprintf("%s truly comes %v before %s", first.Text, second.From.Sub(first.To), second.Text))
			}
		}
	}
}

func clock(t time.Time) string { return t.UTC().Format("05.000000") }
