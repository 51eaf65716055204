package trace_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// crowd is the recording of a Deployment of two Pods as if it had that many: each Pod is one of the two under another
// name, 5 ms after the one before, and what is written is numbered as it comes. It is no truth, but as much work as
// one.
func crowd(t testing.TB, pods int) (seq.Object, []seq.Observation) {
	s := scenario.Named(t, "deployment")
	var names []string
	for _, o := range s.Observations {
		if o.Change != nil && o.Change.Pod != nil && !slices.Contains(names, o.Change.Pod.Name) {
			names = append(names, o.Change.Pod.Name)
		}
	}
	var out []seq.Observation
	for _, o := range s.Observations {
		about := ""
		switch {
		case o.Change != nil && o.Change.Pod != nil:
			about = o.Change.Pod.Name
		case o.Event != nil:
			about = o.Event.Event.InvolvedObject.Name
		}
		i := slices.Index(names, about)
		if i < 0 {
			out = append(out, copied(o, -1))
			continue
		}
		for k := i; k < pods; k += len(names) {
			out = append(out, copied(o, k))
		}
	}
	slices.SortStableFunc(out, func(a, b seq.Observation) int { return a.Received.Compare(b.Received) })
	number(out)
	return s.Subject, out
}

// copied is the k-th copy of what was observed of a Pod, or, below 0, of another object.
func copied(o seq.Observation, k int) seq.Observation {
	suffix := types.UID("")
	if k >= 0 {
		suffix = types.UID(fmt.Sprintf("-%03d", k))
	}
	later := time.Duration(max(0, k)) * 5 * time.Millisecond
	o.Received = o.Received.Add(later)
	switch {
	case o.Request != nil:
		q := *o.Request
		if q.Answer != nil {
			q.Answer = q.Answer.DeepCopy()
		}
		o.Request = &q
	case o.Change != nil && o.Change.Pod != nil:
		p := o.Change.Pod.DeepCopy()
		p.Name, p.UID, p.ResourceVersion = p.Name+string(suffix), p.UID+suffix, p.ResourceVersion+string(suffix)
		o.Change = &seq.Change{Type: o.Change.Type, Pod: p}
	case o.Change != nil && o.Change.Object != nil:
		o.Change = &seq.Change{Type: o.Change.Type, Object: o.Change.Object.DeepCopy()}
	case o.Event != nil:
		e := o.Event.Event.DeepCopy()
		if o.Event = &(seq.EventChange{Type: o.Event.Type, Event: e}); k < 0 {
			break
		}
		i := strings.LastIndexByte(e.Name, '.')
		name := e.Name
		e.Name = name[:i] + string(suffix) + shiftName(name, later)[i:]
		e.FirstTimestamp.Time = shiftedSecond(name, later)
		e.LastTimestamp = e.FirstTimestamp
		e.UID, e.ResourceVersion = e.UID+suffix, e.ResourceVersion+string(suffix)
		e.InvolvedObject.Name, e.InvolvedObject.UID = e.InvolvedObject.Name+string(suffix), e.InvolvedObject.UID+suffix
	}
	return o
}

// number gives the revisions numbers in the order in which they came.
func number(all []seq.Observation) {
	numbers, last := map[string]string{}, 1000
	of := func(rv string) string {
		if numbers[rv] == "" {
			last++
			numbers[rv] = strconv.Itoa(last)
		}
		return numbers[rv]
	}
	for _, o := range all {
		switch {
		case o.Request != nil && o.Request.Answer != nil:
			o.Request.Answer.SetResourceVersion(of(o.Request.Answer.GetResourceVersion()))
			o.Request.ResourceVersion = o.Request.Answer.GetResourceVersion()
		case o.Request != nil && o.Request.ResourceVersion != "":
			o.Request.ResourceVersion = strconv.Itoa(last)
		case o.Change != nil:
			m := o.Change.ChangedObject()
			m.SetResourceVersion(of(m.GetResourceVersion()))
		case o.Event != nil:
			o.Event.Event.ResourceVersion = of(o.Event.Event.ResourceVersion)
		}
	}
}

// askAll asks for all that a live run asks for after each batch of observations.
func askAll(tr *trace.Trace) {
	tr.Unobservable()
	tr.RootRefused()
	for i := range tr.Roots() {
		tr.Reached(i, func(st seq.State) bool { return st.Available })
	}
	tr.Obstacle()
	tr.Run()
	tr.Steps()
	tr.Members()
	tr.Settled(time.Second)
}

// BenchmarkCrowd folds a Deployment of 200 Pods and looks at it after every 50 observations.
func BenchmarkCrowd(b *testing.B) {
	subject, all := crowd(b, 200)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		tr := trace.New(subject)
		for i, o := range all {
			tr.Observe(o)
			if i%50 == 0 {
				askAll(tr)
			}
		}
		n += len(all)
		if len(tr.Members()) != 200 {
			b.Fatal(len(tr.Members()))
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "observations/s")
}

// BenchmarkLook is the cost of one more observation when there are that many Pods, and of all that a look calls: a
// status of one of the last Pods that moves no clock; and, beside it, an Event of which the clock of its kubelet
// follows.
func BenchmarkLook(b *testing.B) {
	for _, pods := range []int{20, 200, 2000} {
		subject, all := crowd(b, pods)
		var status, event seq.Observation
		for _, o := range all {
			switch {
			case o.Change != nil && o.Change.Pod != nil:
				status = o
			case o.Event != nil && o.Event.Event.Source.Component == "kubelet":
				event = o
			}
		}
		_, event.Received = nameTime(event.Event.Event.Name)
		event.Received = event.Received.Add(-time.Second) // the kubelet's clock is ahead by that, and each time by more
		for name, o := range map[string]seq.Observation{"": status, "-clock": event} {
			b.Run(fmt.Sprint(pods, name), func(b *testing.B) {
				tr := scenario.Fold(subject, all)
				askAll(tr)
				b.ReportAllocs()
				for b.Loop() {
					o.Received = o.Received.Add(-1) // an earlier receipt of the same is as new as another revision
					tr.Observe(o)
					askAll(tr)
				}
			})
		}
	}
}
