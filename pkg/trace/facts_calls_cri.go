package trace

// Calls of the CRI, as spans tell of them.

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// sandboxTimed reports whether spans tell when RunPodSandbox began.
func (s *story) sandboxTimed() bool {
	return slices.ContainsFunc(s.criCalls, func(c criCall) bool { return c.key() == sandboxKey })
}

// criCall is one call of the kubelet to the runtime, by its spans.
type criCall struct {
	client, server *seq.Span
	rpc, container string
	attempt        int
}

func (c criCall) key() seq.Key { return criKey(c.rpc, c.container, c.attempt) }

// readCRI reads the kubelet's spans about our Pod. The runtime names a container NAME_POD_NAMESPACE_UID_ATTEMPT; calls
// by id are told by the call that made it; an image is pulled for the container that is created next.
func (s *story) readCRI() []criCall {
	var all []criCall
	made := s.containerIDs()
	tree := s.records.spans
	for _, root := range tree.pods[s.object.UID] {
		var pulls []int
		tree.walk(root, func(x *seq.Span) {
			rpc := x.Name[strings.LastIndexByte(x.Name, '/')+1:]
			if x.Service != "kubelet" || !strings.HasPrefix(x.Name, "runtime.v1.") || !slices.Contains(drawnCalls, rpc) {
				return
			}
			c := criCall{client: x, rpc: rpc, attempt: -1}
			for _, below := range tree.children[x.ID] {
				if below.Name == x.Name {
					c.server = below
				}
			}
			if c.server != nil {
				s.nameCall(&c, tree, made)
			}
			if rpc == "PullImage" {
				pulls = append(pulls, len(all))
			}
			if rpc == "CreateContainer" && c.attempt >= 0 {
				for _, i := range pulls {
					all[i].container, all[i].attempt = c.container, 0
				}
				pulls = nil
			}
			all = append(all, c)
		})
		for _, i := range pulls { // it failed: the container is never created; only one waits for its image
			all[i].container, all[i].attempt = s.pullsFor(all[i].server), 0
		}
	}
	return s.countPulls(slices.DeleteFunc(all, func(c criCall) bool {
		return c.attempt < 0 || c.rpc != "RunPodSandbox" && c.container == "" && !strings.Contains(c.rpc, "PodSandbox")
	}))
}

// The runtime asks its shim by these; the shim runs runc.
const (
	taskCreate = "containerd.task.v3.Task/Create"
	taskStart  = "containerd.task.v3.Task/Start"
)

// drawnCalls are the calls that make and end a Pod; the others are questions.
var drawnCalls = []string{"RunPodSandbox", "PullImage", "CreateContainer", "StartContainer", "StopContainer",
	"RemoveContainer", "StopPodSandbox", "RemovePodSandbox"}

// containerIDs are the containers that the status names, by id: those that were made before there were spans.
func (s *story) containerIDs() map[string]criCall {
	made := map[string]criCall{}
	see := func(id, name string, life int) {
		if _, id, ok := strings.Cut(id, "://"); ok && life >= 0 {
			made[id] = criCall{container: name, attempt: life}
		}
	}
	for _, w := range s.revisions {
		for c := range object.Statuses(w.pod) {
			if t := c.LastTerminationState.Terminated; t != nil {
				see(t.ContainerID, c.Name, lastStateAttempt(c))
			}
			if c.State.Running != nil || c.State.Terminated != nil {
				see(c.ContainerID, c.Name, int(c.RestartCount))
			}
		}
	}
	return made
}

// nameCall finds the container of a call and which of its lives it is about.
func (s *story) nameCall(c *criCall, tree spanTree, made map[string]criCall) {
	id := cmp.Or(c.server.Attributes["container.id"], c.server.Attributes["sandbox.id"])
	tree.walk(c.server, func(x *seq.Span) {
		name := cmp.Or(x.Attributes["container.name"], x.Attributes["sandbox.name"])
		if parts := strings.Split(name, "_"); c.attempt < 0 && len(parts) >= 4 && slices.Contains(parts, s.object.UID) {
			if n, err := strconv.Atoi(parts[len(parts)-1]); err == nil && n >= 0 {
				c.attempt = n
				if c.container = parts[0]; c.rpc == "RunPodSandbox" {
					c.container = ""
					id = cmp.Or(id, x.Attributes["sandbox.id"])
				}
			}
		}
	})
	if m, ok := made[id]; c.attempt < 0 && ok {
		c.container, c.attempt = m.container, m.attempt
	}
	if c.attempt < 0 && (c.rpc == "StopPodSandbox" || c.rpc == "RemovePodSandbox") { // made before there were spans
		c.attempt = 0
	}
	if id != "" && c.attempt >= 0 {
		made[id] = *c
	}
}

// pullsFor is the container that has the image of a pull, or had it before, if it is the only one.
func (s *story) pullsFor(x *seq.Span) (name string) {
	if x == nil {
		return ""
	}
	for _, w := range s.revisions {
		for _, c := range slices.Concat(w.pod.Spec.InitContainers, w.pod.Spec.Containers) {
			if !pulls(x, c.Image) || c.Name == name {
				continue
			}
			if name != "" {
				return ""
			}
			name = c.Name
		}
	}
	return name
}

// pulls reports whether a span of a pull is about an image, by the name that a Pod has for it.
func pulls(x *seq.Span, image string) bool {
	ref := x.Attributes["image.ref"]
	return image == ref || strings.HasSuffix(ref, "/"+image)
}

// pulledImage is the image of a pull, by the name that the Pod had for it.
func (s *story) pulledImage(c criCall) string {
	for _, w := range slices.Backward(s.revisions) {
		if image := anyContainer(w.pod, c.container).Image; c.server != nil && image != "" && pulls(c.server, image) {
			return image
		}
	}
	return imageOf(s.spec(c.container))
}

// countPulls numbers the pulls for each container.
func (s *story) countPulls(all []criCall) []criCall {
	slices.SortStableFunc(all, func(a, b criCall) int { return a.client.Start.Compare(b.client.Start) })
	n := map[string]int{}
	for i := range all {
		if all[i].rpc == "PullImage" {
			all[i].attempt = n[all[i].container]
			n[all[i].container]++
		}
	}
	return all
}
