package trace

// Rules of what becomes of a Pod on its node.

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// emitCall emits both ends of a CRI call. An end with a zero window and best is bounded by its neighbours only.
func (s *story) emitCall(rpc, container string, attempt int, start, end graph.Claim, emit func(graph.Claim)) {
	s.emitCallAs(callOf(rpc, container, attempt), rpc, container, start, end, emit)
}

func (s *story) emitCallAs(call callKeys, rpc, container string, start, end graph.Claim, emit func(graph.Claim)) {
	for _, c := range [...]*graph.Claim{&start, &end} {
		c.Call, c.Container, c.Object, c.Node = call.begin, container, s.object, s.node
		if c.ClockOf == "" {
			c.ClockOf = seq.Kubelet
		}
	}
	start.Key, start.From, start.To = call.begin, seq.Kubelet, s.runtime
	end.Key, end.From, end.To, end.Kind, end.Instant = call.end, s.runtime, seq.Kubelet, seq.ResponseKind, seq.AtEnd
	end.Follows = append(end.Follows, call.begin)
	if end.Detail == 0 {
		end.Detail = seq.Normal
		if storyCalls[rpc] {
			end.Detail = seq.Brief
		}
	}
	if end.Label == "" {
		end.Label = strings.TrimSpace(rpc+" "+container) + " returns"
	}
	emit(start)
	emit(end)
}

// storyCalls are those of the start of every container, whose answers are part of the briefest picture.
var storyCalls = map[string]bool{"RunPodSandbox": true, "CreateContainer": true, "StartContainer": true}

// reportLag is the usual time from what the kubelet has done to our receipt of the status patch that says so.
const reportLag = 15 * time.Millisecond

// createLag and startLag are the usual times from an Event of the kubelet to the CRI call that follows it.
const (
	createLag = 1900 * time.Microsecond
	startLag  = 50 * time.Microsecond
)

var ruleCreateContainer = rule{
	Rule: seq.Rule{
		Name:    "create-container",
		Trigger: "Event Created",
		Proves:  "the kubelet emits Created within about 1 ms of the call's end",
		Gist:    "A read-write layer over the read-only image, and an id.",
		Explain: "The runtime puts a read-write layer over the read-only image and gives the container its id. " +
			"containerd starts no process yet; CRI-O already has runc create one that waits.",
		Doc:    docs + "concepts/containers/cri/",
		Source: "github.com/containerd/containerd/v2/internal/cri/server/container_create.go CreateContainer",
	},
	from: seq.Kubelet, to: seq.Runtime, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Observed, detail: seq.Brief,
	perAction: deriveCreateContainer,
}

func deriveCreateContainer(s *story, a workerEvent, emit func(graph.Claim)) {
	if a.action != containerCreated && a.action != createFailed {
		return
	}
	// a container lives again only after its exit
	start := graph.Claim{Follows: append(a.causes(s), exitKey(a.container, a.attempt-1)), Lag: createLag}
	start.Follows = append(start.Follows, s.failedBefore(a)...)
	start.Label, start.Window = "CreateContainer "+a.container, seq.Window{Earliest: a.previousAt, Latest: a.at}
	start.Evidence = []seq.Evidence{a.evidence()}
	end := a.claim(s, a.precedes())
	end.Follows = nil
	if a.action == createFailed {
		end.Failed, end.Label = true, "CreateContainer "+a.container+" fails: "+a.failure()
	}
	s.emitCallAs(callKeys{a.call, a.key}, "CreateContainer", a.container, start, end, emit)
}

// failedBefore are the Events that say why a container could not be made yet: the call that made it came after.
func (s *story) failedBefore(a workerEvent) (keys []seq.Key) {
	for _, e := range s.events {
		if e.emitter == seq.Kubelet && e.event.Reason == "Failed" && e.container == a.container && e.before(a.emitted, s) {
			keys = append(keys, e.noteKey())
		}
	}
	return keys
}

var ruleStartContainer = rule{
	Rule: seq.Rule{
		Name:    "start-container",
		Trigger: "Event Started",
		Proves:  "the kubelet emits Started within about 1 ms of the call's end",
		Gist:    "The runtime has runc start the container's process.",
		Explain: "containerd has runc create and start the process, both within this call. CRI-O had it created " +
			"within CreateContainer, and now only starts it.",
		Doc:    docs + "concepts/containers/cri/",
		Source: "github.com/containerd/containerd/v2/internal/cri/server/container_start.go StartContainer",
	},
	from: seq.Kubelet, to: seq.Runtime, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Observed, detail: seq.Brief,
	perAction: deriveStartContainer,
}

func deriveStartContainer(s *story, a workerEvent, emit func(graph.Claim)) {
	if a.action != containerStarted && a.action != startFailed {
		return
	}
	start := graph.Claim{Follows: append(a.causes(s), criKey("CreateContainer", a.container, a.attempt).End()),
		Lag: startLag}
	start.Label, start.Window = "StartContainer "+a.container, seq.Window{Earliest: a.previousAt, Latest: a.at}
	start.Evidence = []seq.Evidence{a.evidence()}
	end := a.claim(s, a.precedes())
	end.Follows = []seq.Key{"runc:exec:" + a.call, "runc:create:" + a.call.End()}
	if a.action == startFailed {
		end.Failed, end.Label = true, "StartContainer "+a.container+" fails: "+a.failure()
	}
	s.emitCallAs(callKeys{a.call, a.key}, "StartContainer", a.container, start, end, emit)
}

var ruleContainerRan = rule{
	Rule: seq.Rule{
		Name:    "container-ran",
		Trigger: "a container's state running or terminated in the status",
		Proves:  "a container that runs, or ran, has been created and started",
		Gist:    "The Event is missing, but the status shows what must have happened.",
		Explain: "The Event is missing, but the status shows what must have happened.",
		Doc:     docs + "concepts/workloads/pods/pod-lifecycle/#container-states",
		Source:  "k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container.go startContainer",
	},
	from: seq.Kubelet, to: seq.Runtime, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveContainerRan,
	reads:  changes | reports | actions | lives,
}

func deriveContainerRan(s *story, emit func(graph.Claim)) {
	for _, r := range s.lives {
		if s.livedBeforeAdoption(r) {
			continue
		}
		evidence := []seq.Evidence{r.evidence}
		// a container lives again only after its exit
		create := graph.Claim{Step: seq.Step{Label: "CreateContainer " + r.container, Evidence: evidence},
			Follows: []seq.Key{sandboxEnd, exitKey(r.container, r.attempt-1), s.startedBefore(r)}, Lag: createLag}
		if a := s.imageThere(r); a != nil {
			create.Window.Earliest, create.Follows = a.at, append(create.Follows, a.key)
		}
		start := graph.Claim{Step: seq.Step{Label: "StartContainer " + r.container, Evidence: evidence},
			Follows: []seq.Key{r.create.end}, Lag: startLag}
		end := graph.Claim{Step: seq.Step{Evidence: evidence, Window: seq.Window{Latest: r.evidence.At}}}
		s.emitCallAs(r.create, "CreateContainer", r.container, create, end, emit)
		end.Best = s.usuallyAt(r.evidence.At, reportLag)
		end.Follows = []seq.Key{"runc:exec:" + r.start.begin}
		s.emitCallAs(r.start, "StartContainer", r.container, start, end, emit)
	}
}

// imageThere is the Event by which the kubelet said that it has the image of a container, before it made that
// (startContainer in pkg/kubelet/kuberuntime, v1.37), or nil. Not each has a container come of it, so that their counts
// do not tell of which life they are; of a container that had lived before the run nothing does.
func (s *story) imageThere(r life) (image *workerEvent) {
	for i := range s.workerEvents {
		switch a := &s.workerEvents[i]; {
		case a.container != r.container || len(s.livesBefore()) > 0:
		case a.action == imagePresent || a.action == pulled:
			image = a
		case a.action == containerCreated && a.attempt == r.attempt:
			return image
		}
	}
	if r.attempt > 0 {
		return nil
	}
	return image
}

// ociRuntime names the runtime below the runtime, as far as it is known: containerd's default is runc; others, and Pods
// with a runtime class, use what their nodes are set up for.
func (s *story) ociRuntime() seq.Participant {
	if n := len(s.revisions); n > 0 && s.revisions[n-1].pod.Spec.RuntimeClassName == nil &&
		(s.runtime == "containerd" || s.runtime == "docker" || s.runtime == seq.Runtime) {
		return seq.Runc
	}
	return "OCI runtime"
}

var ruleContainerExit = rule{
	Rule: seq.Rule{
		Name:    "container-exit",
		Trigger: "state terminated in the status",
		Proves:  "the status carries exit code, reason and the second it finished",
		Gist:    "The container's first process exited, and with it the container.",
		Explain: "The container's first process exited, and with it the container.",
		Doc:     docs + "concepts/workloads/pods/pod-lifecycle/#container-states",
		Source:  "github.com/containerd/containerd/v2/internal/cri/server/events.go handleContainerExit",
	},
	kind: seq.NoteKind, instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Brief,
	derive: deriveContainerExit,
}

func deriveContainerExit(s *story, emit func(graph.Claim)) {
	for _, r := range s.lives {
		if r.exit == nil {
			continue
		}
		step := seq.Step{Key: exitKey(r.container, r.attempt), From: seq.Container(r.container),
			To: seq.Container(r.container), Container: r.container, Object: s.object, Node: s.node,
			ClockOf: seq.Kubelet}
		step.Label, step.Failed = "exits with "+exitWords(r.exit), r.exit.ExitCode != 0 && !s.askedToEnd(r)
		if spec := s.spec(r.container); spec != nil && restartsByRule(spec, r.exit.ExitCode) {
			step.Label += ", for which its restartPolicyRules say Restart"
		}
		step.Evidence = []seq.Evidence{r.exitEvidence}
		if !r.exit.FinishedAt.IsZero() && !s.clocks.Jumped(seq.Kubelet) {
			at := r.exit.FinishedAt.Add(-s.clocks.Offset(seq.Kubelet))
			step.Window = seq.Window{Earliest: at, Latest: at.Add(time.Second + s.clocks.Behind(seq.Kubelet))}
		}
		step.Best = instant.Later(s.usuallyAt(r.exitEvidence.At, exitLag), s.killedAt(r.container, r.exitEvidence.At))
		for _, a := range s.workerEvents { // the kubelet noticed before it went on
			if a.previousExit == step.Key && !a.at.IsZero() {
				step.Best = instant.Sooner(step.Best, a.at.Add(-time.Millisecond))
			}
		}
		// Not after StartContainer has returned: a short program is faster than that.
		emit(graph.Claim{Step: step,
			Follows: append(s.endsBefore(r), "runc:exec:"+criKey("StartContainer", r.container, r.attempt))})
	}
}

// askedToEnd reports whether the Pod was to end before a life of a container did.
func (s *story) askedToEnd(r life) bool {
	rv, _ := parseRevision(r.exitEvidence.ResourceVersion)
	deletion := s.firstRevision((*write).endsLife)
	return deletion != 0 && rv > deletion
}

// restartsByRule reports whether a rule of the container says that it is started again after that exit code.
func restartsByRule(c *corev1.Container, code int32) bool {
	for _, rule := range c.RestartPolicyRules { // the first that matches counts
		if x := rule.ExitCodes; x != nil &&
			slices.Contains(x.Values, code) == (x.Operator == corev1.ContainerRestartRuleOnExitCodesOpIn) {
			return rule.Action == corev1.ContainerRestartRuleActionRestart
		}
	}
	return false
}

// exitLag is the usual time from a container's exit to our receipt of the status that says so.
const exitLag = 300 * time.Millisecond

var ruleProbe = rule{
	Rule: seq.Rule{
		Name:    "probe",
		Trigger: "a container with a probe turns started or ready",
		Proves:  "with such a probe the status turns only when the probe has succeeded",
		Gist:    "The kubelet itself asks; a success shows only in the status.",
		Explain: "The kubelet itself probes the container. A success shows only in the Pod's status.",
		Doc:     docs + "concepts/configuration/liveness-readiness-startup-probes/",
		Source:  "k8s.io/kubernetes/pkg/kubelet/prober/worker.go doProbe",
	},
	of: ofKubelets, from: seq.Kubelet, kind: seq.RequestKind, instant: seq.AtEnd,
	certainty: seq.Inferred, detail: seq.Brief,
	perWrite: deriveProbe,
}

func deriveProbe(s *story, w *write, emit func(graph.Claim)) {
	for _, p := range w.probesPassed() {
		step := seq.Step{Key: probeKey(p.kind, p.container, p.attempt), To: seq.Container(p.container),
			Container: p.container, Object: s.object, Node: s.node, ClockOf: seq.Kubelet}
		step.Label = p.kind + " probe " + probeLabel(p.probe) + " succeeds"
		step.Evidence = []seq.Evidence{{Source: "watch", Text: p.text, ResourceVersion: w.pod.ResourceVersion,
			At: w.received}}
		step.Best, step.Window.Latest = s.usuallyAt(w.received, probeLag), w.received
		// The kubelet adds the delay to the whole second of the start (InitialDelaySeconds in its prober/worker.go).
		if at := s.secondOf(seq.Kubelet, p.started).Earliest; !at.IsZero() {
			step.Window.Earliest = at.Add(time.Duration(p.probe.InitialDelaySeconds) * time.Second)
		}
		after := []seq.Key{criKey("StartContainer", p.container, p.attempt).End()}
		if p.kind != "startup" {
			after = append(after, probeKey("startup", p.container, p.attempt))
		}
		emit(graph.Claim{Step: step, Follows: after})
	}
}

// probeLag is the usual time from a probe's success to our receipt of the status that says so.
const probeLag = 10 * time.Millisecond
