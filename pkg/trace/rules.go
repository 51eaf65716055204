package trace

// The list of the rules, and what a rule is.

import (
	"cmp"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

// rule is one row of what this package knows about Kubernetes: from which observation it concludes which message. Its
// messages have what the row says, where its derivation says nothing else.
type rule struct {
	seq.Rule
	of        scope
	from, to  seq.Participant
	kind      seq.StepKind
	instant   seq.Instant
	label     string
	certainty seq.Certainty
	detail    seq.Detail
	// One of these derives its messages: from a story as a whole, or from each of its writes, Events or actions of the
	// kubelet's worker, with what a look at the others adds; or from a request alone.
	derive     func(*story, func(graph.Claim))
	perWrite   func(*story, *write, func(graph.Claim))
	perEvent   func(*story, *emitted, func(graph.Claim))
	perAction  func(*story, workerEvent, func(graph.Claim))
	perRequest func(*story, *seq.Request, func(graph.Claim))
	bounds     bool  // of how the store took something: also derived of Pods that are only counted, see Draw
	reads      parts // of a Pod's story, by derive: nothing else that is new of it says anything to the rule
}

// parts are some of what a Pod's story consists of.
type parts int

const (
	changes       parts = 1 << iota // writes, but for reports
	reports                         // writes of the kubelet that change nothing but the status
	kubeletEvents                   // Events of the kubelet
	otherEvents                     // Events of others, and such as only others emit
	actions                         // of the kubelet's worker, see readWorker
	lives                           // of the containers, see seeLife

	allParts = changes | reports | kubeletEvents | otherEvents | actions | lives
)

// isAbout reports whether the rule reads some parts; one that does not say what it reads may read all.
func (r *rule) isAbout(some parts) bool { return cmp.Or(r.reads, allParts)&some != 0 }

// scope says which stories a rule is for.
type scope int

const (
	ofPods scope = iota
	ofAll
	ofRun // once, for the run as a whole
	ofOthers
	ofKubelets // Pods for which a kubelet reports
	ofEngines  // containers that a Docker Engine runs
)

func (r *rule) applies(s *story) bool {
	if s.isContainer() {
		return r.of == ofEngines
	}
	switch r.of {
	case ofPods:
		return s.isPod()
	case ofRun:
		return s == s.subject()
	case ofOthers:
		return !s.isPod()
	case ofEngines:
		return false
	case ofKubelets:
		return s.isPod() && s.reporter() == seq.Kubelet
	}
	return true
}

// complete fills in what the row says of its messages.
func (r *rule) complete(c *graph.Claim) {
	if c.Rule == nil { // else it speaks for another
		c.Rule = &r.Rule
	}
	c.From, c.To = cmp.Or(c.From, r.from), cmp.Or(c.To, r.to)
	c.Kind, c.Certainty, c.Label = cmp.Or(c.Kind, r.kind), cmp.Or(c.Certainty, r.certainty), cmp.Or(c.Label, r.label)
	c.Instant, c.Detail = cmp.Or(c.Instant, r.instant), cmp.Or(c.Detail, r.detail)
}

// The documentation that rules name pages of.
const (
	docs       = "https://kubernetes.io/docs/"
	dockerDocs = "https://docs.docker.com/"
)

// rules lists every rule. The order matters only where two rules claim one message with equal certainty: the first
// gives the label.
var rules = []*rule{
	// About what clients ask of the API server, and what becomes of it.
	&ruleOwnCreate, &ruleOwnDelete, &ruleOwnRead, &ruleWarning, &ruleAdmission, &ruleWrite,
	&ruleControllerDelivery, &ruleControllerCreate, &ruleControllerStatus, &ruleControllerWrite,
	&ruleControllerDelete, &ruleCollectorWrite, &ruleControllerEvent, &ruleStatusPatch, &ruleBind, &ruleBound,
	&ruleEtcdWrite,
	// About a command that is run in a container that runs already.
	&ruleOwnExec, &ruleExecKubelet, &ruleExecCRI, &ruleExecRunc, &ruleExecOutput, &ruleExecExit,
	&ruleExecStatus, &ruleExecSpan, &ruleProcessSpan, &ruleProcess,
	// About what becomes of a Pod: scheduler, kubelet, runtime, containers.
	&ruleSchedulerDelivery, &rulePick, &ruleUnschedulable, &ruleKubeletDelivery, &ruleDeletionDelivery,
	&ruleChangeDelivery, &ruleResize, &ruleUpdateResources, &ruleRunSandbox, &ruleSandboxChanged, &ruleSandboxAgain,
	&rulePullQueue, &rulePullImage, &ruleImagePresent,
	&ruleCreateContainer, &ruleStartContainer, &ruleContainerRan, &ruleRunc, &ruleRuncFailed, &ruleExec,
	&rulePostStart, &rulePreStop, &ruleStopContainer, &ruleStopSignal, &ruleStopSandbox, &ruleContainerExit,
	&ruleProbe, &ruleProbeFailed, &ruleTrouble,
	// About what had happened to an object before the run looked at it: what it and its Events have kept.
	&rulePastCreate, &rulePastBind, &rulePastWrite, &rulePastStored, &rulePastRevision, &rulePastDelete,
	&rulePastLife, &rulePastGap, &rulePastGone,
	// About Events as objects, and about what the cluster records of itself.
	&ruleEventWrite, &ruleAudit, &ruleEtcdSpan, &ruleAnswer, &ruleRequest, &ruleSyncPod, &ruleCRISpan,
	&ruleCNISpan, &ruleRuncSpan, &ruleGap,
	// About a container that a Docker Engine runs.
	&ruleDockerRequest, &ruleDockerLook, &ruleDockerImage, &ruleDockerLayer, &ruleDockerEvent,
	&ruleDockerContainerd, &ruleContainerdEvent, &ruleDockerRunc, &ruleDockerProgram, &ruleDockerOutput,
	&ruleDockerExit, &ruleDockerExitTold,
}

// Rules lists what each rule is to a reader, in the order of the table.
func Rules() (all []*seq.Rule) {
	for _, r := range rules {
		all = append(all, &r.Rule)
	}
	return all
}

// qualify makes the keys of a claim unique among all objects: what is about a revision or a request is so already.
func (s *story) qualify(c *graph.Claim) {
	c.About = cmp.Or(c.About, s.object.UID)
	if s.prefix == "" {
		return
	}
	c.Key, c.Call = s.ownKey(c.Key), s.ownKey(c.Call)
	after := make([]seq.Key, len(c.Follows))
	for i, k := range c.Follows {
		after[i] = s.ownKey(k)
	}
	c.Follows = after
}
