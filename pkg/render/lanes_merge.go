package render

// Lanes of a terminal picture that share one, where there is no room for each.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// merge is lanes that may share one: by their ranks, from one to another.
type merge struct {
	title    seq.Participant
	from, to int
	clients  bool // with those that asked for what the run is about
}

// merges are all, those that lose least first. A later one takes in what earlier ones have merged.
var merges = func() []merge {
	rank := func(p seq.Participant) int { return laneRank(p, seq.Runtime) }
	runtime, runc, containers := rank(seq.Runtime), rank(seq.Runc), rank(seq.Container(""))
	kubectl, controllers, others := rank(seq.Kubectl), rank(seq.ControllerManager), rank(seq.Webhook(""))
	return []merge{
		{title: "kubelets", from: rank(seq.Kubelet), to: rank(seq.Kubelet)},
		{title: "runc", from: runc, to: runc},
		{title: "runtimes", from: runtime, to: runtime},
		{title: "containers", from: containers, to: containers},
		{title: "control loops", from: controllers, to: controllers},
		{title: "other clients", from: kubectl, to: kubectl},
		{title: "others", from: others, to: others},
		{title: "runtime", from: runtime, to: runc},
		{title: "control loops", from: controllers, to: others},
		{title: "clients", from: kubectl, to: kubectl, clients: true},
		{title: "runtime", from: runtime, to: containers},
	}
}()

// merged are the columns with so many of the merges.
func (c columns) merged(n int) columns {
	c.all, c.shared = c.lanes, map[seq.Participant]seq.Participant{}
	for _, m := range merges[:n] {
		var of []seq.Participant
		for _, p := range c.all {
			if r := laneRank(p, c.runtime); r >= m.from && r <= m.to && (m.clients || !p.IsClient()) {
				of = append(of, p)
			}
		}
		if len(of) < 2 {
			continue
		}
		for _, p := range of {
			c.shared[p] = m.title
		}
	}
	c.lanes = nil
	for _, p := range c.all {
		if title, ok := c.shared[p]; ok {
			p = title
		}
		if !slices.Contains(c.lanes, p) {
			c.lanes = append(c.lanes, p)
		}
	}
	return c
}

// sharing says which lanes share one, and why.
func (c columns) sharing() string {
	var shared []string
	for _, title := range c.lanes {
		n := 0
		for _, p := range c.all {
			if c.shared[p] == title {
				n++
			}
		}
		if n > 0 {
			shared = append(shared, fmt.Sprintf("%s (%d)", title, n))
		}
	}
	if len(shared) == 0 {
		return ""
	}
	return fmt.Sprintf("%d lanes need %d columns and there are %d; these share one: %s.", len(c.all),
		c.needs(len(c.all)), c.width, strings.Join(shared, ", "))
}
