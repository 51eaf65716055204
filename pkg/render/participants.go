package render

// What participants are called, and in which order their lanes stand.

import (
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// title is the name above a lane.
func title(p seq.Participant) string {
	name := strings.TrimPrefix(Plain(string(p)), string(seq.Container("")))
	if controller, ok := strings.CutPrefix(name, string(seq.ControllerManager)+"/"); ok {
		return strings.TrimSuffix(controller, "-controller") + " controller"
	}
	return name
}

// short is the name of a participant where there is little room.
func short(p seq.Participant) string {
	name := strings.TrimPrefix(Plain(string(p)), string(seq.Container("")))
	if p.IsController() {
		name = "kcm" + strings.TrimPrefix(name, string(seq.ControllerManager))
	}
	return name
}

// participant is the name in a column of a listing.
func (y Style) participant(p seq.Participant, width int) string {
	name := Plain(string(p))
	if runewidth.StringWidth(name) > width {
		name = short(p)
	}
	return y.paint(y.colour(p), fit(name, width))
}

// laneOrder is that of the diagrams in courses; others stand before the kubelet, containers at the end as they appear.
var laneOrder = []seq.Participant{seq.Kubectl, seq.APIServer, seq.Etcd, seq.ControllerManager, seq.Scheduler, "",
	seq.Kubelet, seq.Runtime, seq.CNI, seq.Runc}

// laneRank is the place of a participant in that order; that after the last is the containers'.
func laneRank(p, runtime seq.Participant) int {
	if name, _, ok := strings.Cut(string(p), atNode); ok {
		p = seq.Participant(name)
	}
	switch {
	case p == runtime || p == seq.Containerd || p == "cri-o":
		p = seq.Runtime
	case p == "OCI runtime":
		p = seq.Runc
	case p == seq.Engine: // who asks the runtime
		p = seq.Kubelet
	case p == seq.User || p == seq.UnknownClient || strings.HasPrefix(string(p), string(seq.Kubectl)+"-"):
		p = seq.Kubectl
	case p.IsController():
		p = seq.ControllerManager
	}
	if i := slices.Index(laneOrder, p); i >= 0 {
		return i
	}
	if strings.HasPrefix(string(p), string(seq.Container(""))) {
		return len(laneOrder)
	}
	return slices.Index(laneOrder, "")
}

// onNode reports whether a lane belongs to a node.
func onNode(rank int) bool { return rank >= slices.Index(laneOrder, seq.Kubelet) }
