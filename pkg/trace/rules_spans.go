package trace

// Rules of what the spans of kubelet and runtime tell.

import (
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

var ruleCRISpan = rule{
	Rule: seq.Rule{
		Name:    "cri-span",
		Trigger: "the kubelet's span of a CRI call",
		Proves:  "the kubelet's own span of the call",
		Gist:    "The kubelet timed this call to the runtime itself.",
		Explain: "The kubelet talks to the container runtime by gRPC on a local socket, the Container Runtime Interface.",
		Doc:     docs + "concepts/containers/cri/",
		Source:  "k8s.io/cri-client/pkg/remote_runtime.go NewRemoteRuntimeService",
	},
	from: seq.Kubelet, to: seq.Runtime, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Observed, detail: seq.Normal,
	derive: deriveCRISpan,
}

// deriveCRISpan give each call of the CRI its start and its end.
func deriveCRISpan(s *story, emit func(graph.Claim)) {
	for _, c := range s.criCalls {
		var start, end graph.Claim
		start.Label = strings.TrimSpace(c.rpc + " " + c.container)
		start.Evidence = []seq.Evidence{c.client.Evidence()}
		end.Evidence = start.Evidence
		start.Window, start.Best = s.startOf(c.client)
		end.Window, end.Best = s.endOf(c.client)
		for _, x := range []*graph.Claim{&start, &end} {
			x.Sharp, x.Precision, x.Certainty, x.Detail = true, spanPrecision, seq.Observed, seq.Normal
		}
		if c.rpc == "PullImage" {
			start.Label = "PullImage " + s.pulledImage(c)
		}
		s.emitCall(c.rpc, c.container, c.attempt, start, end, emit)
	}
}

var ruleRuncSpan = rule{
	Rule: seq.Rule{
		Name:    "runc-span",
		Trigger: "the runtime's span of its call to the shim",
		Proves:  "the runtime's own span of the shim's task service, which runs runc",
		Gist:    "The runtime has its shim run runc.",
		Explain: "containerd does not run runc itself: a shim per Pod does, and stays as the parent of the container's " +
			"process, so that containerd can be restarted under running containers.",
		Doc:    docs + "setup/production-environment/container-runtimes/",
		Source: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2/manager/manager_linux.go groupLabels",
	},
	to: seq.Runc, kind: seq.RequestKind, instant: seq.AtStart, certainty: seq.Observed, detail: seq.Normal,
	derive: deriveRuncSpan,
}

// deriveRuncSpan are what the runtime had its shim do with runc.
func deriveRuncSpan(s *story, emit func(graph.Claim)) {
	for _, c := range s.criCalls {
		if c.server == nil || c.rpc != "StartContainer" && c.rpc != "RunPodSandbox" {
			continue
		}
		s.records.spans.walk(c.server, func(x *seq.Span) {
			var what string
			switch x.Name {
			case taskCreate:
				what = "create"
			case taskStart:
				what = "start"
			default:
				return
			}
			step := seq.Step{Key: seq.Key("runc:"+what+":") + c.key(), From: s.runtime, To: s.ociRuntime(), Label: what,
				Container: c.container, Object: s.object, Node: s.node, ClockOf: seq.Kubelet, Detail: seq.Normal}
			if c.rpc == "RunPodSandbox" {
				step.Label, step.Detail = what+" the sandbox", seq.Full
			}
			step.Window, step.Best = s.startOf(x)
			step.Sharp, step.Precision, step.Evidence = true, spanPrecision, []seq.Evidence{x.Evidence()}
			emit(graph.Claim{Step: step, Follows: []seq.Key{c.key()}})
		})
	}
}

var ruleCNISpan = rule{
	Rule: seq.Rule{
		Name:    "cni-span",
		Trigger: "the runtime's span",
		Proves:  "the runtime's own span of the set-up",
		Gist:    "The network plugins give the Pod its interface and address.",
		Explain: "The runtime runs the CNI plugins of the node: they put a network interface into the Pod's namespace, " +
			"give " +
			"it an address and connect it.",
		Doc:    docs + "concepts/extend-kubernetes/compute-storage-net/network-plugins/",
		Source: "github.com/containerd/containerd/v2/internal/cri/server/sandbox_run.go setupPodNetwork",
	},
	to: seq.CNI, kind: seq.RequestKind, instant: seq.AtStart, certainty: seq.Observed, detail: seq.Normal,
	derive: deriveCNISpan,
}

// deriveCNISpan are the set-up of the Pod's network.
func deriveCNISpan(s *story, emit func(graph.Claim)) {
	for _, c := range s.criCalls {
		if c.server == nil || c.rpc != "RunPodSandbox" {
			continue
		}
		s.records.spans.walk(c.server, func(x *seq.Span) {
			if x.Name != "cni.setup_pod_network" {
				return
			}
			key := "cni:" + c.key()
			step := seq.Step{Key: key, Call: key, From: s.runtime, To: seq.CNI, Label: "set up the Pod's network",
				Object: s.object, Node: s.node, ClockOf: seq.Kubelet, Evidence: []seq.Evidence{x.Evidence()}}
			step.Window, step.Best = s.startOf(x)
			step.Sharp, step.Precision = true, spanPrecision
			emit(graph.Claim{Step: step, Follows: []seq.Key{c.key()}})
			end := step.Reply("network is up")
			if ip := x.Attributes["sandbox.ip"]; ip != "" {
				end.Label += ": " + ip
			}
			end.Window, end.Best = s.endOf(x)
			emit(graph.Claim{Step: end, Follows: []seq.Key{key}})
		})
	}
}

var ruleSyncPod = rule{
	Rule: seq.Rule{
		Name:    "sync-pod",
		Trigger: "the kubelet's span",
		Proves:  "the kubelet's own span, with the Pod's uid",
		Gist:    "The kubelet compares what should run with what runs, and acts.",
		Explain: "The kubelet's worker for this Pod starts one round: it compares the Pod as it should be with " +
			"what runs, and does what is missing. One round may start all containers of a Pod; init containers " +
			"and failures take more.",
		Doc:    docs + "concepts/architecture/#kubelet",
		Source: "k8s.io/kubernetes/pkg/kubelet/kubelet.go SyncPod",
	},
	from: seq.Kubelet, to: seq.Kubelet, kind: seq.NoteKind, instant: seq.AtStart,
	certainty: seq.Observed, detail: seq.Normal,
	derive: deriveSyncPod,
}

// deriveSyncPod are the beginnings of the kubelet's work on the Pod.
func deriveSyncPod(s *story, emit func(graph.Claim)) {
	n := 0
	for _, root := range s.records.spans.pods[s.object.UID] {
		if root.Service != "kubelet" || !strings.HasPrefix(root.Name, "sync") {
			continue
		}
		step := seq.Step{Key: keyf("sync:%d", n), From: seq.Kubelet, To: seq.Kubelet, Label: root.Name + " begins",
			Object: s.object, Node: s.node, ClockOf: seq.Kubelet, Detail: seq.Full,
			Evidence: []seq.Evidence{root.Evidence()}}
		if n == 0 {
			step.Detail = seq.Normal
		}
		step.Window, step.Best = s.startOf(root)
		step.Sharp, step.Precision = true, spanPrecision
		emit(graph.Claim{Step: step, Follows: []seq.Key{deliverKubelet}})
		n++
	}
}
