package main

import (
	"maps"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// goal is what a run waits for.
type goal struct {
	name    string // as the outcome calls it
	reached func(trace.State) bool
}

// goals are those of a start, as --until takes them.
var goals = map[string]goal{
	"scheduled": {"Scheduled", func(s trace.State) bool { return s.Scheduled }},
	"running":   {"Running", func(s trace.State) bool { return s.Running }},
	"ready":     {"Ready", func(s trace.State) bool { return s.Ready }},
	"completed": {"Succeeded", func(s trace.State) bool { return s.Succeeded }},
}

// deleted is the goal of an end.
const deleted = "deleted"

// shown is the goal of a look at what there is.
const shown = "shown"

// allGoals are those that a run or a recording may have.
var allGoals = func() map[string]goal {
	all := maps.Clone(goals)
	all["created"] = goal{"Created", func(s trace.State) bool { return s.Created }}
	all["available"] = goal{"Available", func(s trace.State) bool { return s.Available }}
	all[deleted] = goal{"Deleted", func(s trace.State) bool { return s.Deleted }}
	all[shown] = goal{"Shown", func(trace.State) bool { return true }}
	return all
}()
