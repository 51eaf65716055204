package trace

// How sharp the likeliest instants are, by what has been measured of them.

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Accuracy is how far the likeliest instants of one rule, known by one kind of evidence, were from what the cluster's
// own records say, see docs/how-it-knows.md.
type Accuracy struct {
	Delays  float64 // 95 of 100 were no farther off than so many delays of their run, see seq.Run
	Samples int
}

// fewestSamples are those below which nothing is said.
const fewestSamples = 100

// MeasuredAs names the messages that are measured together: those of one rule, known by the same kinds of evidence.
func MeasuredAs(x *seq.Step) string {
	var sources []string
	for _, e := range x.Evidence {
		if !slices.Contains(sources, e.Source) {
			sources = append(sources, e.Source)
		}
	}
	slices.Sort(sources)
	name := x.Rule.Name
	if x.Rule == &ruleRunc.Rule { // which has two calls
		name += " " + x.Label
	}
	return name + " " + string(x.Instant) + " " + strings.Join(sources, "+")
}

// Accuracies are those of which there are enough samples, by what MeasuredAs names.
func Accuracies() map[string]Accuracy {
	all := maps.Clone(measured)
	maps.DeleteFunc(all, func(_ string, a Accuracy) bool { return a.Samples < fewestSamples })
	return all
}

// measuredKey is what MeasuredAs says, in parts: a message can be found by it without making a text.
type measuredKey struct {
	rule, call string // call is the label, of a rule that has two
	instant    seq.Instant
	sources    [mostSources]string
}

// mostSources are the kinds of evidence that messages have which were measured.
const mostSources = 4

// accuracies are what was measured.
var accuracies = readMeasured()

func readMeasured() map[measuredKey]Accuracy {
	all := map[measuredKey]Accuracy{}
	for name, a := range measured {
		words := strings.Fields(name)
		n := len(words)
		key := measuredKey{rule: words[0], call: strings.Join(words[1:n-2], " "), instant: seq.Instant(words[n-2])}
		copy(key.sources[:], strings.Split(words[n-1], "+"))
		all[key] = a
	}
	return all
}

// accuracy is what was measured of messages like that.
func accuracy(x *seq.Step) Accuracy {
	key := measuredKey{rule: x.Rule.Name, instant: x.Instant}
	if x.Rule == &ruleRunc.Rule {
		key.call = x.Label
	}
	sources := key.sources[:0]
	for i := range x.Evidence {
		source := x.Evidence[i].Source
		at, known := slices.BinarySearch(sources, source)
		switch {
		case known:
		case len(sources) == mostSources:
			return Accuracy{}
		default:
			sources = slices.Insert(sources, at, source)
		}
	}
	return accuracies[key]
}

// within is how far from its likeliest instant a message was in 95 of 100 runs at the most, or 0.
func (r *result) within(x *seq.Step) time.Duration {
	a := accuracy(x)
	if a.Samples < fewestSamples || x.Best.IsZero() {
		return 0
	}
	d := time.Duration(a.Delays * float64(r.delay))
	if w := x.Window; !w.Earliest.IsZero() && !w.Latest.IsZero() { // what is proved is never exceeded
		d = min(d, max(x.Best.Sub(w.Earliest), w.Latest.Sub(x.Best)))
	}
	return max(d, 1)
}

// mostMeasured is of how many objects the Events are looked at to measure the delays of a run.
const mostMeasured = 50

// leastDelay is that of an idle machine.
const leastDelay = 2 * time.Millisecond

// measureDelay measures how long what happens in this run takes to be told: a request of ours, and, beyond the fastest
// of its emitter, an Event. No clock but ours decides that.
func (r *result) measureDelay() time.Duration {
	var trips []time.Duration
	for _, q := range r.scene.requests {
		if !q.Sent.IsZero() && q.FirstByte.After(q.Sent) {
			trips = append(trips, q.FirstByte.Sub(q.Sent))
		}
	}
	lags := map[seq.Participant][]time.Duration{}
	for _, e := range r.entries[:min(len(r.entries), mostMeasured)] {
		for _, x := range e.events {
			if x.count == 1 && !x.isFirstEmission && !x.at.IsZero() && !e.wasListed(x) {
				lags[x.emitter] = append(lags[x.emitter], x.received.Sub(x.at))
			}
		}
	}
	delay := quantile(trips, 50)
	for _, d := range lags {
		delay = max(delay, quantile(d, 90)-slices.Min(d))
	}
	rounded := leastDelay
	for rounded < delay { // so that it is not another with each observation
		rounded += rounded / 4
	}
	return rounded
}

// quantile is the one that p percent do not exceed; 0 of none.
func quantile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, len(all)*p/100)]
}
