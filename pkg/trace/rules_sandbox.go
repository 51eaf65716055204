package trace

// Rules of the first sandbox of a Pod, and what it waits for.

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// sandboxToWorker is the usual time from the end of RunPodSandbox to the kubelet's first Event about a container.
const sandboxToWorker = 1500 * time.Microsecond

// volumeWait is one period of the kubelet's podAttachAndMountRetryInterval and what surrounds it, from bind to
// RunPodSandbox; without volumes it is plainWait.
const (
	volumeWait = 310 * time.Millisecond
	plainWait  = 12 * time.Millisecond

	volumeRound  = 300 * time.Millisecond // podAttachAndMountRetryInterval
	usualSandbox = 90 * time.Millisecond  // that RunPodSandbox takes at least, with a network
)

var ruleRunSandbox = rule{
	Rule: seq.Rule{
		Name:    "run-sandbox",
		Trigger: "condition PodReadyToStartContainers, or the first container's Event",
		Proves:  "the condition turns True, and containers come, only when the sandbox and its network are up",
		Gist:    "The runtime makes the namespaces, and CNI connects the network.",
		Explain: "The runtime makes the Pod's namespaces, which a pause container usually keeps, and has the CNI " +
			"plugin connect the network. Before that, the kubelet makes the Pod's cgroup and waits for the " +
			"volumes that containers mount. It checks them at once, which is nearly always too early, and then " +
			"every 300 ms (podAttachAndMountRetryInterval).",
		Doc:    docs + "concepts/workloads/pods/pod-condition/#pod-ready-to-start-containers",
		Source: "k8s.io/kubernetes/pkg/kubelet/volumemanager/volume_manager.go getExpectedVolumes",
	},
	of: ofKubelets, from: seq.Kubelet, to: seq.Runtime, kind: seq.RequestKind, instant: seq.AtStart,
	label: "RunPodSandbox", certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveRunSandbox,
}

func deriveRunSandbox(s *story, emit func(graph.Claim)) {
	if s.isAdopted() && len(s.livesBefore()) > 0 {
		return // it had its sandbox before
	}
	var start, end graph.Claim
	for _, w := range s.revisions {
		if object.Condition(w.pod, corev1.PodReadyToStartContainers) == corev1.ConditionTrue {
			end.Evidence = append(end.Evidence, w.sandboxUp())
			end.Best, end.Window.Latest = s.usuallyAt(w.received, reportLag), w.received
			break
		}
	}
	if worker := s.workerEvents; len(worker) > 0 {
		end.Evidence = append(end.Evidence, worker[0].evidence())
		if at := worker[0].at; !at.IsZero() {
			end.Best, end.Window.Latest = at.Add(-sandboxToWorker), instant.Sooner(at, end.Window.Latest)
		}
	} else if ran := s.lives; len(ran) > 0 {
		end.Evidence = append(end.Evidence, ran[0].evidence)
	}
	if len(end.Evidence) == 0 {
		return
	}
	start.Evidence = end.Evidence
	start.Follows, start.Lag = append(s.sandboxTroubles(end.Window.Latest), deliverKubelet), plainWait
	if n := len(s.revisions); n > 0 && len(s.revisions[n-1].pod.Spec.Volumes) > 0 {
		start.Lag = s.volumeWait(end.Best)
	}
	if s.foundRevision() != nil { // nothing may say how the kubelet learned of it
		start.Follows = append(start.Follows, storedKey(s.pastCreate()))
	}
	if w := s.foundRevision(); w != nil &&
		object.Condition(w.pod, corev1.PodReadyToStartContainers) == corev1.ConditionTrue {
		end.Best = time.Time{} // the first that is kept may be of a later life
	}
	s.emitCall("RunPodSandbox", "", 0, start, end, emit)
}

// volumeWait is how long the kubelet usually waits for the volumes of a Pod whose sandbox was up by an instant: one
// round, or as many as leave the time that a sandbox takes.
func (s *story) volumeWait(up time.Time) time.Duration {
	wait := volumeWait
	for _, w := range s.revisions {
		if w.binds() && !w.received.IsZero() && !up.IsZero() {
			for up.Sub(w.received) >= wait+volumeRound+usualSandbox {
				wait += volumeRound
			}
		}
	}
	return wait
}

// sandboxUp is what a revision says of a sandbox that is up.
func (w *write) sandboxUp() seq.Evidence {
	return seq.Evidence{Source: "watch", Text: "condition PodReadyToStartContainers is True",
		ResourceVersion: w.pod.ResourceVersion, At: w.received}
}

// sandboxTroubles are the Events before an instant that say why there was no sandbox yet: the call that made one came
// after.
func (s *story) sandboxTroubles(by time.Time) (keys []seq.Key) {
	for _, e := range s.events {
		if e.emitter == seq.Kubelet && sandboxWarnings[e.event.Reason] && e.container == "" && !e.at.IsZero() &&
			e.at.Before(by) {
			keys = append(keys, s.eventStep(e).Key)
		}
	}
	return keys
}
