package render

// What a summary says of the waits inside Kubernetes.

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// waits says of the waits that are of interest what they are, and what removes them: of a run that does not get there,
// of those before it tries again, and of those that are a tenth of the run or more.
func (r Report) waits() (all []string) {
	tells := func(w seq.Wait) bool {
		return r.Outcome.Obstacle == nil || w.Phase == "" || w.Length*10 >= r.Outcome.Total
	}
	for _, w := range r.Waits {
		if tells(w) {
			all = append(all, sentence(w, ""))
		}
	}
	var met []*podsWait
	for _, m := range r.Members {
		for _, w := range m.Waits {
			if w.Grows || !tells(w) { // that a Pod fails again and again is told as what holds it
				continue
			}
			k := slices.IndexFunc(met, func(x *podsWait) bool {
				return x.Name == w.Name && x.Phase == w.Phase && x.Remedy == w.Remedy
			})
			if k < 0 {
				k, met = len(met), append(met, &podsWait{Wait: w})
			}
			met[k].pods++
			met[k].Length = max(met[k].Length, w.Length)
		}
	}
	for _, w := range met {
		of := fmt.Sprintf(" of %d of the %d Pods", w.pods, len(r.Members))
		switch {
		case len(r.Members) == 1:
			of = " of the Pod"
		case w.pods == len(r.Members):
			of = fmt.Sprintf(" of each of the %d Pods", w.pods)
		}
		all = append(all, sentence(w.Wait, of))
	}
	return all
}

// inEtcd says why not each write that a picture draws has its arrow to etcd, where that is so: each is stored there,
// but a picture of less than full detail has only those arrows that begin, bind or end an object, or end a phase.
func (y Style) inEtcd(r Report) string {
	drawn, stored := map[string]bool{}, map[string]bool{}
	for _, s := range r.selected().Steps {
		switch {
		case s.Detail > y.Detail || writtenRevision(s) == "":
		case s.To == seq.Etcd:
			stored[s.ResourceVersion] = true
		case s.To == seq.APIServer:
			drawn[s.ResourceVersion] = true
		}
	}
	maps.DeleteFunc(drawn, func(revision string, _ bool) bool { return stored[revision] })
	switch n := len(drawn); n {
	case 0:
		return ""
	case 1:
		return "Each revision is a write to etcd. The arrow of 1 is not drawn: --detail=full draws all."
	default:
		return fmt.Sprintf("Each revision is a write to etcd. The arrows of %d are not drawn: --detail=full draws all.", n)
	}
}

// podsWait is a wait that several Pods had, the longest of them.
type podsWait struct {
	seq.Wait
	pods int
}

// sentence says what a wait is, of which Pods, and what removes it.
func sentence(w seq.Wait, of string) string {
	s := "A fixed wait"
	if w.Grows {
		s = "A back-off"
	}
	if w.Length > 0 {
		s += " of " + duration(w.Length)
	}
	if w.Phase != "" {
		s += " in " + w.Phase
	}
	return fmt.Sprintf("%s%s: %s (%s). What removes it: %s.", s, of, w.Explain, w.Name, w.Remedy)
}
