package trace

// Rules of images: present or pulled.

import (
	"cmp"
	"fmt"
	"regexp"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

var rulePullImage = rule{
	Rule: seq.Rule{
		Name:    "pull-image",
		Trigger: "Events Pulling and Pulled",
		Proves:  "the kubelet emits Pulling just before the call and Pulled just after it",
		Gist:    "The runtime fetches the image's layers and unpacks them.",
		Explain: "The runtime fetches the image's layers from the registry and unpacks them; the node keeps them for the " +
			"next Pod.",
		Doc:    docs + "concepts/containers/images/",
		Source: "k8s.io/kubernetes/pkg/kubelet/images/image_manager.go EnsureImageExists",
	},
	from: seq.Kubelet, to: seq.Runtime, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Observed, detail: seq.Brief,
	perAction: derivePullImage,
}

func derivePullImage(s *story, a workerEvent, emit func(graph.Claim)) {
	image := cmp.Or(a.image, imageOf(s.spec(a.container)))
	switch a.action {
	case pullBegan:
		c := a.claim(s, a.follows())
		s.pullBegins(a, &c)
		if _, queued := s.queuedToPull(a); queued {
			c.Follows = append(c.Follows, queueKey(a))
		}
		c.Key, c.Call, c.From, c.To, c.Label, c.Node = a.key, a.key, seq.Kubelet, s.runtime, "PullImage "+image, s.node
		emit(c)
	case pulled, pullFailed:
		c := a.claim(s, a.precedes())
		c.Key, c.Call, c.From, c.To = a.key, a.call, s.runtime, seq.Kubelet
		c.Kind, c.Instant, c.Node = seq.ResponseKind, seq.AtEnd, s.node
		if c.Label = "PullImage " + image + " returns"; a.action == pullFailed {
			c.Failed, c.Label = true, "PullImage "+image+" fails: "+a.event.Message
		}
		c.Follows = append(c.Follows, a.call)
		emit(c)
	}
}

var rulePullQueue = rule{
	Rule: seq.Rule{
		Name:    "pull-queue",
		Trigger: "Event Pulled that counts a wait",
		Proves:  "the kubelet says how long the pull took, and how long with its wait for other pulls",
		Gist:    "The kubelet pulls one image after another; others came first.",
		Explain: "Unless serializeImagePulls is false, the kubelet pulls one image at a time, for whichever Pod; " +
			"this one had to wait for its turn.",
		Doc:    docs + "concepts/containers/images/#serial-and-parallel-image-pulls",
		Source: "k8s.io/kubernetes/pkg/kubelet/images/puller.go newSerialImagePuller",
	},
	from: seq.Kubelet, to: seq.Kubelet, kind: seq.NoteKind, instant: seq.AtStart,
	certainty: seq.Observed, detail: seq.Normal,
	perAction: derivePullQueue,
}

func derivePullQueue(s *story, a workerEvent, emit func(graph.Claim)) {
	end, queued := s.queuedToPull(a)
	if !queued {
		return
	}
	c := a.claim(s, a.follows())
	took, whole, _ := pullTook(end)
	c.Key, c.Node = queueKey(a), s.node
	c.Label = fmt.Sprintf("waits %.1f s for other pulls", (whole - took).Seconds())
	if whole-took < time.Second {
		c.Label = fmt.Sprintf("waits %d ms for other pulls", (whole - took).Milliseconds())
	}
	c.Evidence = append(c.Evidence, end.evidence())
	emit(c)
}

func queueKey(a workerEvent) seq.Key { return "queue:" + a.key }

// queuedToPull finds the end of a pull that had to wait for others.
func (s *story) queuedToPull(a workerEvent) (end workerEvent, queued bool) {
	if a.action != pullBegan {
		return end, false
	}
	for _, end := range s.workerEvents {
		if end.call != a.call || end.action != pulled {
			continue
		}
		took, whole, ok := pullTook(end)
		return end, ok && whole-took > queueNoise
	}
	return end, false
}

// queueNoise is what the two durations of a pull may differ by where it did not wait: looking for credentials is not
// part of the first.
const queueNoise = 50 * time.Millisecond

// pullMessage is what the kubelet says of a pull: how long it took, without and with waiting for the pulls of other
// Pods.
var pullMessage = regexp.MustCompile(` in (\S+) \((\S+) including waiting\)`)

// pullBegins bounds the start of a pull. The kubelet emits Pulling, waits until it is the image's turn, and says
// afterwards how long the pull itself took: it began at least that long before Pulled was emitted.
func (s *story) pullBegins(a workerEvent, c *graph.Claim) {
	c.Window.Latest = time.Time{}
	c.Sharp, c.Precision = false, 0
	for _, end := range s.workerEvents {
		if end.call != a.call || end.action == pullBegan || a.at.IsZero() || end.at.IsZero() {
			continue
		}
		c.Window.Latest = end.at
		if took, _, ok := pullTook(end); ok {
			if latest := end.at.Add(pullCall - took); latest.After(a.at) && latest.Before(end.at) {
				c.Window.Latest = latest
			}
			if likely := end.at.Add(-took); likely.Sub(a.at) > pullSetUp { // it waited for its turn
				c.Best = likely
			}
		}
	}
}

// pullSetUp is what passes at most, beside the pull itself, between Pulling and Pulled where nothing else is pulled:
// durations are cut to milliseconds, and Pulled is emitted up to 0.8 ms after the pull (51 starts).
const pullSetUp = 5 * time.Millisecond

// pullCall is what passes at most from when the kubelet begins to measure a pull to the call itself, while it looks for
// credentials: usually 0.2 ms, on a machine with three times more work than cores 6 ms were seen.
const pullCall = 10 * time.Millisecond

// pullTook reads how long a pull took, and how long with its wait for its turn, both cut to milliseconds.
func pullTook(end workerEvent) (took, whole time.Duration, ok bool) {
	m := pullMessage.FindStringSubmatch(end.event.Message)
	if m == nil {
		return 0, 0, false
	}
	took, err := time.ParseDuration(m[1])
	if err == nil {
		whole, err = time.ParseDuration(m[2])
	}
	return took, whole, err == nil && took >= 0
}

var ruleImagePresent = rule{
	Rule: seq.Rule{
		Name:    "image-present",
		Trigger: "Event Pulled: already present",
		Proves:  "the Event says so",
		Gist:    "The image is on the node and the policy allows it: no pull.",
		Explain: "The image is on the node and imagePullPolicy allows it, so nothing is pulled.",
		Doc:     docs + "concepts/containers/images/#image-pull-policy",
		Source:  "k8s.io/kubernetes/pkg/kubelet/images/image_manager.go imagePullPrecheck",
	},
	from: seq.Kubelet, to: seq.Kubelet, kind: seq.NoteKind, instant: seq.AtEnd,
	certainty: seq.Observed, detail: seq.Normal,
	perAction: deriveImagePresent,
}

func deriveImagePresent(s *story, a workerEvent, emit func(graph.Claim)) {
	if a.action == imagePresent {
		c := a.claim(s, a.precedes())
		c.Key, c.Label, c.Node = a.key, "image "+cmp.Or(a.image, imageOf(s.spec(a.container)))+" is already present", s.node
		if a.previousExit == "" {
			c.Detail = seq.Brief
		}
		emit(c)
	}
}
