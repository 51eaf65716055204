package trace

// Where to look for what holds a Pod, a workload or any other object, in which order.

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

var re = regexp.MustCompile

// missingGrace is how long something may be missing that somebody may be about to make, such as a ConfigMap of the same
// `kubectl apply`. The kubelet tries what failed again after 10 to 15 s.
const missingGrace = 20 * time.Second

// silence is how long a component may take before that is worth a word: the slowest start measured took a tenth of it.
const silence = 5 * time.Second

// patience is how long something may go on that only takes its time, before it is what holds the object.
const patience = 10 * time.Second

// commandSymptoms are those of a Pod in which a command of ours is run.
var commandSymptoms = slices.Concat([]symptom{{find: refusedCommand, causes: refusals}}, podSymptoms)

// podSymptoms are tried in order; within one the first cause that matches counts. The last cause matches everything
// where the look finds nothing else.
var podSymptoms = []symptom{
	{find: refusal, causes: refusals, objectless: true},
	{find: gone, causes: deletions},
	{find: ending, causes: endings},
	{find: goes, causes: deletions},
	{find: failure, causes: slices.Concat(disruptions, startTroubles, failures)},
	{find: missingNode, causes: missingNodes},
	{find: missingClaim, causes: missingClaims},
	{find: unscheduled, causes: unschedulable},
	{find: preBind, causes: preBinds},
	{find: noScheduler, causes: noSchedulers},
	{find: silentKubelet, causes: silentKubelets},
	{find: warned, causes: sandboxTroubles},
	{find: waitingFor(seq.Kubelet, "InvalidImageName", "ErrImageNeverPull"), causes: imagePolicies},
	{find: waitingFor(seq.Runtime, "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable",
		"SignatureValidationFailed"), causes: pullTroubles},
	{find: waitingFor(seq.Kubelet, "CreateContainerConfigError"), causes: configTroubles},
	{find: waitingFor(seq.Runtime, "CreateContainerError"), causes: createTroubles},
	{find: backingOff, causes: backOffs},
	{find: killed, causes: kills},
	{find: crashing, causes: slices.Concat(startTroubles, crashes)},
	{find: waitingFor(seq.Runtime, "RunContainerError"), causes: slices.Concat(startTroubles, runTroubles)},
	{find: runningHook, causes: hookRuns},
	{find: runningInit, causes: initRuns},
	{find: unready, causes: failedProbes},
	{find: unprobed, causes: awaitedProbes},
	{find: gatedReadiness, causes: readinessGates},
	{find: lastOfJob, causes: lastsOfJobs},
	{find: unattached, causes: attachments},
	{find: failedToMake, causes: known(configTroubles, createTroubles)},
	{find: newestWarning, causes: warnings},
	{find: pulling, causes: slowPulls},
	{find: slowSandbox, causes: slowSandboxes},
}

// workloadSymptoms are for objects that are no Pods.
var workloadSymptoms = []symptom{
	{find: refusal, causes: refusals, objectless: true},
	{find: goneObject, causes: deletions},
	{find: endingObject, causes: objectEndings},
	{find: suspended, causes: suspensions},
	{find: failedCreate, causes: deadAfter(missingGrace, refusals)},
	{find: refusedAgain, causes: refusedLoops},
	{find: stalePod, causes: stalePods},
	{find: failedJob, causes: jobFailures},
	{find: retriedJob, causes: jobRetries},
	{find: scheduledLater, causes: schedules},
	{find: unboundClaim, causes: unboundClaims},
	{find: noController, causes: noControllers},
	{find: progress, causes: progresses},
	{find: minReady, causes: minReadies},
	{find: newestWarning, causes: warnings},
	{find: badCondition, causes: conditions},
	{find: tooFew, causes: tooFews},
}

// known are the causes of these tables that have a text to be known by.
func known(tables ...[]obstacleCause) []obstacleCause {
	return slices.DeleteFunc(slices.Concat(tables...), func(c obstacleCause) bool { return c.match == nil })
}

// deadAfter are the same causes, for what is tried again and again.
func deadAfter(d time.Duration, causes []obstacleCause) []obstacleCause {
	causes = slices.Clone(causes)
	for i := range causes {
		causes[i].dead = d
	}
	return causes
}

// The fallbacks: what the cluster itself says of an object, where no row above knows it.

var warnings = []obstacleCause{
	{name: "warning", explain: "{who} reported this about the {kind}, and nothing has happened since", fallback: true,
		next: []string{"$ kubectl describe {type} {pod} -n {namespace}"}},
}

var conditions = []obstacleCause{
	{name: "condition", explain: "{who} reports this in the condition {condition} of the {kind}", follows: true,
		next: []string{"$ kubectl get {type} {pod} -n {namespace} -o jsonpath='{.status.conditions}'"}},
}

var tooFews = []obstacleCause{
	{name: "count", explain: "{have} of {want} Pods are available; {blamed}", follows: true,
		next: []string{"$ kubectl get {type} {pod} -n {namespace}", "$ kubectl describe {type} {pod} -n {namespace}"}},
}

// Cause is one row of the tables of causes, as docs/troubles.md shows it. Words in braces stand for what a run fills
// in.
type Cause struct {
	Name      string
	Group     string // where the way of an object ends
	By        string // who holds it; empty where the finding says so
	Explain   string
	NextSteps []seq.NextStep
}

// Causes are all rows, in the order in which they are looked for.
func Causes() (all []Cause) {
	seen := map[string]bool{}
	for _, g := range causeGroups {
		for _, c := range g.causes {
			if seen[c.name] {
				continue
			}
			seen[c.name] = true
			all = append(all, Cause{c.name, g.title, c.by, c.explain, nextSteps(c.next, nil)})
		}
	}
	return all
}

// causeGroups are the tables, by where the way of an object ends.
var causeGroups = []struct {
	title  string
	causes []obstacleCause
}{
	{"The API server rejects the request", refusals},
	{"The object is being deleted, or is gone", slices.Concat(deletions, endings, objectEndings)},
	{"The Pod has no node", slices.Concat(unschedulable, missingClaims, preBinds, noSchedulers)},
	{"The node does not start the Pod",
		slices.Concat(missingNodes, silentKubelets, sandboxTroubles, attachments, slowSandboxes)},
	{"The image cannot be pulled", slices.Concat(imagePolicies, pullTroubles, slowPulls)},
	{"A container is not created, or not started", slices.Concat(configTroubles, createTroubles, startTroubles,
		runTroubles, hookRuns, initRuns)},
	{"A container exits, or is not ready", slices.Concat(kills, crashes, backOffs, failedProbes, awaitedProbes,
		readinessGates, lastsOfJobs)},
	{"The Pod has failed", failures},
	{"A workload makes no progress", slices.Concat(suspensions, stalePods, jobFailures, jobRetries, refusedLoops,
		schedules, unboundClaims, noControllers, progresses, minReadies)},
	{"What the cluster itself reports, if no row above matches", slices.Concat(warnings, conditions, tooFews)},
	{"A Docker Engine does not run the container", engineCauses()},
}

func engineCauses() (all []obstacleCause) {
	for _, s := range engineSymptoms {
		all = append(all, s.causes...)
	}
	return all
}

// nextSteps fills in what to try. What the cluster says is quoted in a command as the shell needs it.
func nextSteps(templates, words []string) (all []seq.NextStep) {
	quoted := slices.Clone(words)
	for i := 1; i < len(quoted); i += 2 {
		if words[i-1] != previousFlag {
			quoted[i] = seq.ShellQuoted(quoted[i])
		}
	}
	for _, t := range templates {
		if rest, only := strings.CutPrefix(t, ifLeft); only {
			if words != nil && !slices.Contains(words, ifLeft) {
				continue
			}
			t = rest
		}
		text, command, _ := strings.Cut(t, "$ ")
		all = append(all, seq.NextStep{Text: strings.TrimSpace(strings.NewReplacer(words...).Replace(text)),
			Command: strings.NewReplacer(quoted...).Replace(command)})
	}
	return all
}

// previousFlag is the word for the flag of kubectl logs that asks for the life of a container before its present one.
const previousFlag = "{previous}"
