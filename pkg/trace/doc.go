// Package trace reconstructs what happened inside Kubernetes around a Pod from what a client can see of it.
//
// It is a fold. Observations go in, one fact each, in any order and as often as they come; Steps come out, the messages
// between the participants in the order in which they really happened. The package knows no network, no clock and no
// terminal: a time is data like any other, so a live run, the replay of a recording and a test are the same call.
//
//	t := trace.New(trace.Object{Kind: "Pod", Namespace: "default", Name: "web"})
//	t.Observe(o)                // for each observation
//	for _, s := range t.Steps() // whenever a picture is wanted
//
// The way from observations to steps:
//
//   - Observe keeps facts, not conclusions: each revision of the Pod once, each revision of an Event once, each request
//     once. What is kept depends on the set of observations alone, not on their order.
//   - Each row of Rules derives Claims from the facts: "this message happened, within this window, after those, and this
//     proves it". All knowledge about Kubernetes is in those rows.
//   - Claims about one message, those with the same Key, merge into one Step: windows intersect, evidence adds up.
//   - Causes tighten windows along their chains, and one deterministic order is drawn from causes and times.
//
// Times. Every window is on the clock of the process that made the observations (Observation.Received). Times that
// another clock gave are moved by the offset measured between the two, see Clocks; Step.Clock names the clock that gave
// the sharpest bound.
package trace
