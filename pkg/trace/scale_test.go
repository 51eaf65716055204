package trace_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// crowd is the recording of a Deployment of two Pods as if it had that many: each Pod is one of the two under another
// name, a little later. It is no truth, but as much work as one.
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
			out = append(out, scaled(o))
			continue
		}
		for k := i; k < pods; k += len(names) {
			out = append(out, copied(o, k))
		}
	}
	slices.SortStableFunc(out, func(a, b seq.Observation) int { return a.Received.Compare(b.Received) })
	return s.Subject, out
}

// room is how many copies of one revision there can be.
const room = 10_000

func spread(rv string, k int) string {
	n, err := strconv.Atoi(rv)
	if err != nil {
		return rv
	}
	return strconv.Itoa(n*room + k)
}

// scaled makes room between the revisions.
func scaled(o seq.Observation) seq.Observation {
	switch {
	case o.Request != nil:
		q := *o.Request
		q.ResourceVersion = spread(q.ResourceVersion, 0)
		if q.Answer != nil {
			q.Answer = scaledObject(q.Answer)
		}
		o.Request = &q
	case o.Change != nil:
		c := *o.Change
		c.Object = scaledObject(c.Object)
		o.Change = &c
	case o.Event != nil:
		e := o.Event.Event.DeepCopy()
		e.ResourceVersion = spread(e.ResourceVersion, 0)
		o.Event = &seq.EventChange{Type: o.Event.Type, Event: e}
	}
	return o
}

func scaledObject(u *unstructured.Unstructured) *unstructured.Unstructured {
	u = u.DeepCopy()
	u.SetResourceVersion(spread(u.GetResourceVersion(), 0))
	return u
}

// copied is the k-th copy of what was observed of a Pod.
func copied(o seq.Observation, k int) seq.Observation {
	later := time.Duration(k) * 5 * time.Millisecond
	o.Received = o.Received.Add(later)
	suffix := fmt.Sprintf("-%03d", k)
	if o.Change != nil {
		p := o.Change.Pod.DeepCopy()
		p.Name, p.UID, p.ResourceVersion = p.Name+suffix, p.UID+types.UID(suffix), spread(p.ResourceVersion, k)
		o.Change = &seq.Change{Type: o.Change.Type, Pod: p}
		return o
	}
	e := o.Event.Event.DeepCopy()
	i := strings.LastIndexByte(e.Name, '.')
	e.Name = e.Name[:i] + suffix + shiftName(e.Name, later)[i:]
	e.FirstTimestamp.Time = shiftedSecond(o.Event.Event.Name, later)
	e.LastTimestamp = e.FirstTimestamp
	e.UID, e.ResourceVersion = e.UID+types.UID(suffix), spread(e.ResourceVersion, k)
	e.InvolvedObject = corev1.ObjectReference{Kind: "Pod", Namespace: e.InvolvedObject.Namespace,
		Name: e.InvolvedObject.Name + suffix,
		UID:  e.InvolvedObject.UID + types.UID(suffix), FieldPath: e.InvolvedObject.FieldPath}
	o.Event = &seq.EventChange{Type: o.Event.Type, Event: e}
	return o
}

// askAll asks for all that a live run asks for after each batch of observations.
func askAll(tr *trace.Trace) {
	tr.Unobservable()
	tr.Refused()
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

// BenchmarkLook is the cost of one more observation when there are that many Pods, and of all that a look calls: a status
// of one of the last Pods that moves no clock; and, beside it, an Event of which the clock of its kubelet follows.
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
