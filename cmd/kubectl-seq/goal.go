package main

import (
	"maps"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// goal is what a run waits for.
type goal struct {
	name    string // as the outcome calls it
	reached func(seq.State) bool
	origin  string // what the request is called that the run is about; POST by default
}

// goals are those of a start, as --until takes them.
var goals = map[string]goal{
	"scheduled": {name: "Scheduled", reached: func(s seq.State) bool { return s.Scheduled }},
	"running":   {name: "Running", reached: func(s seq.State) bool { return s.Running }},
	"ready":     {name: "Ready", reached: func(s seq.State) bool { return s.Ready }},
	"completed": {name: "Succeeded", reached: func(s seq.State) bool { return s.Succeeded }},
}

// deleted is the goal of an end.
const deleted = "deleted"

// shown is the goal of a look at what there is.
const shown = "shown"

// allGoals are those that a run or a recording may have.
var allGoals = func() map[string]goal {
	all := maps.Clone(goals)
	all["created"] = goal{name: "Created", reached: func(s seq.State) bool { return s.Created }}
	all["available"] = goal{name: "Available", reached: func(s seq.State) bool { return s.Available }}
	// see decidedAfter
	all[executed] = goal{name: "Ready again", reached: func(seq.State) bool { return false }, origin: "exec"}
	all[deleted] = goal{name: "Deleted", reached: func(s seq.State) bool { return s.Deleted }, origin: "DELETE"}
	all[started] = goal{name: "Started", reached: func(s seq.State) bool { return s.Running || s.Succeeded || s.Failed }}
	all[exited] = goal{name: "Exited", reached: func(s seq.State) bool { return s.Succeeded || s.Failed }}
	all[shown] = goal{name: "Shown", reached: func(seq.State) bool { return true }}
	return all
}()
