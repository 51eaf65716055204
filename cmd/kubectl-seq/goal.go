package main

import "github.com/kubectl-seq/kubectl-seq/pkg/trace"

// goal is what a run waits for.
type goal struct {
	name    string // as the outcome calls it
	reached func(trace.State) bool
}

var goals = map[string]goal{
	"scheduled": {"Scheduled", func(s trace.State) bool { return s.Scheduled }},
	"running":   {"Running", func(s trace.State) bool { return s.Running }},
	"ready":     {"Ready", func(s trace.State) bool { return s.Ready }},
	"completed": {"Succeeded", func(s trace.State) bool { return s.Succeeded }},
}
