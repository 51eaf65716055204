// Package trace reconstructs what happened inside Kubernetes around a Pod, a workload or a
// container of an engine from what a client can see of it.
//
// It is a fold. Observations go in, one fact each, in any order and as often as they come; Steps come out, the messages
// between the participants in the order in which they really happened. The package knows no network, no clock and no
// terminal: a time is data like any other, so a live run, the replay of a recording and a test are the same call.
//
//	t := trace.New(seq.Object{Kind: "Pod", Namespace: "default", Name: "web"})
//	t.Observe(o)                // for each observation
//	for _, s := range t.Steps() // whenever a picture is wanted
//
// A run begins with an Attach, or with a Request of ours that acts; before either there are no Steps. Time passes by
// observations only: where something is waited for, as Settled does, an empty one with Received set says how late it
// is.
//
// The way from observations to steps:
//
//   - Facts (facts_*.go). Observe keeps each revision of an object once, each revision of an Event once, each request
//     once, whatever the order in which they come. Of these the story of each object is read: who wrote what, which
//     calls the kubelet made, which lives its containers had.
//   - Rules (rules_*.go). Each row of rules derives claims from a story: "this message happened, within this window,
//     after those, and this proves it".
//   - The fold (trace.go). Claims about one message, those with the same key, merge into one Step: windows intersect,
//     evidence adds up. Causes tighten windows along their chains, and one order is drawn from causes and times.
//   - Answers (answers_*.go). How far it came, which phases the time went to, who holds it, what could not be seen.
//
// Nothing refers upward (TestLayersPointOneWay). Below are packages that know nothing of stories: internal/graph merges
// and orders, internal/clock compares clocks, internal/instant bounds instants, internal/object reads one object of the
// API.
//
// Times. Every window is on the clock of the process that made the observations (Observation.Received). Times that
// another clock gave are moved by the offset measured between the two, see Run.Clocks; Step.ClockOf names the clock
// that gave the sharpest bound.
package trace
