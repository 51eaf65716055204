package trace

// The table of waits inside Kubernetes: fixed ones, and those that grow with each failure.

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// fixedWait is one row of the table: what has to be seen for it to be said. Each was looked up in the source that is
// named beside it, in every supported version.
type fixedWait struct {
	name, phase, explain string
	grows                bool // with each failure: a back-off, and no fixed wait
	// took is the phase's likeliest duration
	measure func(s *story, took time.Duration) (length time.Duration, remedy string, ok bool)
}

// podWaits are those that hold a Pod.
var podWaits = []fixedWait{
	// k8s.io/kubernetes/pkg/kubelet/volumemanager/volume_manager.go WaitForAttachAndMount
	{name: "podAttachAndMountRetryInterval", phase: "sandbox", measure: volumePoll,
		explain: "the kubelet checks at once, then every 300 ms, whether the volumes that containers mount are there; " +
			"the first check is nearly always too early"},
	// k8s.io/kubernetes/pkg/kubelet/prober/worker.go doProbe
	{name: "initialDelaySeconds", phase: "startup", measure: initialDelay(startupProbeOf),
		explain: "the kubelet does not probe a container before that"},
	{name: "initialDelaySeconds", phase: "probing", measure: initialDelay(readinessProbeOf),
		explain: "the kubelet does not probe a container before that"},
	// k8s.io/kubernetes/pkg/kubelet/kubelet.go newCrashLoopBackOff
	{name: "CrashLoopBackOff", measure: crashBackOff, grows: true,
		explain: "the kubelet waits before it starts a container again that has exited: by default 10 s, doubling with " +
			"each exit up to 5 min; since 1.35 crashLoopBackOff.maxContainerRestartPeriod of the kubelet sets the limit"},
	// k8s.io/kubernetes/pkg/kubelet/kubelet.go imageBackOffPeriod
	{name: "imageBackOffPeriod", measure: imageBackOff, grows: true,
		explain: "the kubelet waits before it tries a failed pull again: 10 s, doubling with each failure up to 5 min"},
	// k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container.go minimumGracePeriodInSeconds
	{name: "terminationGracePeriodSeconds", phase: "stop", measure: graceWait, explain: graceExplained},
}

// workloadWaits are those that hold what makes Pods.
var workloadWaits = []fixedWait{
	// k8s.io/kubernetes/pkg/api/v1/pod/util.go IsPodAvailable
	{name: "minReadySeconds", phase: "min-ready", measure: minReadyWait,
		explain: "a Pod counts as available only once it has been ready for that long"},
	{name: "terminationGracePeriodSeconds", phase: "end", measure: podsGraceWait, explain: graceExplained},
}

func minReadyWait(s *story, took time.Duration) (time.Duration, string, bool) {
	n := s.minReady()
	return time.Duration(n) * time.Second, fmt.Sprintf("a smaller minReadySeconds than %d in the spec", n),
		n > 0 && took > 0
}

// Waits returns the waits that this run shows, in the order of the phases. The run ends as for Phases.
func (t *Trace) Waits(end time.Time) []seq.Wait {
	s := t.resolve().scene.subject()
	if len(s.revisions) == 0 {
		return nil
	}
	return s.waits(s.sort().waits, t.Phases(end))
}

// waits are those of a table that its phases show.
func (s *story) waits(table []fixedWait, phases []seq.Phase) (all []seq.Wait) {
	took := map[string]time.Duration{}
	for _, p := range phases {
		if !p.Open { // what goes on may still be something else
			took[p.Name] = p.Took
		}
	}
	for _, w := range table {
		if w.phase == "sandbox" && s.sandboxTimed() {
			w.phase = "volumes"
		}
		if length, remedy, ok := w.measure(s, took[w.phase]); ok {
			if w.phase != "" && length > took[w.phase] { // what is counted from a whole second may be less than was asked for
				length = took[w.phase]
			}
			all = append(all, seq.Wait{Name: w.name, Phase: w.phase, Length: length, Grows: w.grows, Explain: w.explain,
				Remedy: remedy})
		}
	}
	return all
}

// podAttachAndMountRetryInterval is the constant of that name in the kubelet's pkg/kubelet/volumemanager (v1.37.2).
// Measured on hack/cluster: 306–330 ms from the bind to RunPodSandbox with a volume, 8–35 ms without.
const podAttachAndMountRetryInterval = 300 * time.Millisecond

func volumePoll(s *story, took time.Duration) (time.Duration, string, bool) {
	volumes := usedVolumes(&s.newest().Spec)
	if took < podAttachAndMountRetryInterval || len(volumes) == 0 {
		return 0, "", false
	}
	if len(volumes) == 1 && strings.HasPrefix(volumes[0], "kube-api-access-") {
		return podAttachAndMountRetryInterval,
			"automountServiceAccountToken: false, for a Pod that does not call the API: the token is its only volume", true
	}
	remedy := fmt.Sprintf("containers that mount no volume; these mount %d", len(volumes))
	return podAttachAndMountRetryInterval, remedy, true
}

// usedVolumes are the names of the volumes that containers mount, or have as a block device, sorted. The kubelet waits
// for no others (getExpectedVolumes in its pkg/kubelet/volumemanager).
func usedVolumes(p *corev1.PodSpec) (names []string) {
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		for _, m := range c.VolumeMounts {
			names = append(names, m.Name)
		}
		for _, d := range c.VolumeDevices {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func initialDelay(of func(*corev1.Container) *corev1.Probe) func(*story, time.Duration) (time.Duration, string, bool) {
	return func(s *story, took time.Duration) (longest time.Duration, remedy string, ok bool) {
		for _, c := range s.ownContainers() {
			probe := of(&c)
			if probe == nil {
				continue
			}
			delay := time.Duration(probe.InitialDelaySeconds) * time.Second
			// The kubelet counts from the container's start in whole seconds, so up to one of them is missing.
			if delay > longest && took > delay-time.Second {
				longest, remedy, ok = delay, "a shorter delay for the probe of container "+c.Name+
					", or a startupProbe with a short period", true
			}
		}
		return longest, remedy, ok
	}
}

var backOffLength = regexp.MustCompile(`back-off (\d+m?\d*s) `)

func crashBackOff(s *story, _ time.Duration) (longest time.Duration, remedy string, ok bool) {
	for _, w := range s.revisions {
		for c := range statusesWithoutEphemeral(w.pod) {
			if c.State.Waiting == nil || c.State.Waiting.Reason != "CrashLoopBackOff" {
				continue
			}
			ok, remedy = true, s.staysUp(c)
			if m := backOffLength.FindStringSubmatch(c.State.Waiting.Message); m != nil {
				if d, err := time.ParseDuration(m[1]); err == nil {
					longest = max(longest, d)
				}
			}
		}
	}
	return longest, remedy, ok
}

// staysUp is what has a container not end as it did.
func (s *story) staysUp(c *corev1.ContainerStatus) string {
	last := c.LastTerminationState.Terminated
	killedFor := func(what string) bool {
		return slices.ContainsFunc(s.events, func(e *emitted) bool {
			return e.container == c.Name && e.event.Reason == "Killing" && strings.Contains(e.event.Message, what)
		})
	}
	switch {
	case killedFor("FailedPostStartHook"):
		return "a postStart hook that succeeds"
	case killedFor("failed liveness probe"), killedFor("failed startup probe"):
		return "a container that answers its probe, or a probe that waits longer"
	case last != nil && last.Reason == "OOMKilled":
		return "a higher memory limit, or less use of memory"
	case last != nil && (last.Reason == "StartError" || last.Reason == "ContainerCannotRun"):
		return "a container that can be started"
	case last != nil && last.ExitCode == 0:
		return "restartPolicy OnFailure, where the program is to end"
	}
	return fmt.Sprintf("a container that does not end: kubectl logs %s -c %s -n %s --previous says why it did",
		s.object.Name, c.Name, s.object.Namespace)
}

func imageBackOff(s *story, _ time.Duration) (time.Duration, string, bool) {
	for _, w := range s.revisions {
		for c := range statusesWithoutEphemeral(w.pod) {
			if c.State.Waiting != nil && c.State.Waiting.Reason == "ImagePullBackOff" {
				image := cmp.Or(imageIn(c.State.Waiting.Message), anyContainer(w.pod, c.Name).Image) // its own is of its last life
				return 0, "an image that can be pulled: " + image, true
			}
		}
	}
	return 0, "", false
}
