package trace

// The kubelet's worker of a Pod, by the Events that it emits one after another.

import (
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// workerAction is what the kubelet's worker for the Pod tells by one Event. One goroutine emits them all, so their
// order of emission is the order of the actions.
type workerAction int

const (
	noAction         workerAction = iota
	pullBegan                     // is about to pull
	pulled                        // has pulled
	pullFailed                    // has tried to
	imagePresent                  // found the image on the node
	containerCreated              // has created the container
	createFailed                  // has tried to
	containerStarted              // has started the container
	startFailed                   // has tried to
)

// workerEvent is one Event of the worker, and the action that it tells of.
type workerEvent struct {
	*emitted
	action      workerAction
	attempt     int
	call        seq.Key // key of the CRI call it is part of, if it is
	key         seq.Key // of the message whose instant the emission tells
	previousKey seq.Key // key of the action before
	// key of the end of the container's life before, where the action is known to belong to the next
	previousExit seq.Key
	previousAt   time.Time // its emission: this action began later, in the same goroutine
	second       seq.Window
	sandbox      seq.Key // in which it is the first action, if that is not the Pod's first
	image        string  // that of the container by then, as the Events name it
	asked        *write  // the revision that asked for that, or nil, see readAsked
}

// orderedWorkerEvents are the worker's Events in the order of emission. Where an emission is known to the second only,
// the Event's receipt stands in.
func (s *story) orderedWorkerEvents() (worker []workerEvent) {
	for _, e := range s.events {
		if e.emitter == seq.Kubelet && e.container != "" && workerActionOf(e.event.Reason) != noAction {
			worker = append(worker, workerEvent{emitted: e, action: workerActionOf(e.event.Reason), second: e.second(s)})
		}
	}
	when := func(a workerEvent) time.Time {
		if a.at.IsZero() {
			return a.received.Add(-eventLag)
		}
		return a.at
	}
	slices.SortStableFunc(worker, func(a, b workerEvent) int { return when(a).Compare(when(b)) })
	return worker
}

// readWorker says which call of the CRI each of them is about.
func (s *story) readWorker() []workerEvent {
	worker := s.orderedWorkerEvents()
	done := map[string]int{} // by action and container
	had := s.livesBefore()
	for name, n := range had {
		for _, d := range []workerAction{containerCreated, containerStarted} {
			done[strconv.Itoa(int(d))+name] = n
		}
	}
	counted := map[string]int{}         // by Event
	pulling := map[string]seq.Key{}     // by container, the key of the pull that is open
	latest := map[string]workerAction{} // by container
	before := map[string]workerEvent{}  // by container
	var prev seq.Key
	var prevAt time.Time
	out := make([]workerEvent, 0, len(worker))
	for _, a := range worker {
		if a.action == pulled && pulling[a.container] == "" {
			a.action = imagePresent
		}
		if a.action == pullFailed && pulling[a.container] == "" {
			if a.action = s.failed(a, latest[a.container]); a.action == noAction {
				continue
			}
		}
		latest[a.container] = a.action
		uid := string(a.event.UID)
		id := strconv.Itoa(int(countedAs(a.action))) + a.container
		if _, ok := done[id]; !ok {
			done[id] = s.livesBeforeEvents(a.container, worker)
		}
		if _, seen := counted[uid]; !seen && len(had) > 0 {
			counted[uid] = a.count - 1 // what it counted before is in the status
		}
		done[id] += max(1, a.count-counted[uid]) // revisions we missed count too
		counted[uid] = a.count
		a.attempt = done[id] - 1
		a.identify(pulling)
		s.readAsked(&a, before[a.container])
		before[a.container] = a
		a.previousKey, a.previousAt = prev, prevAt
		prev, prevAt = a.key, a.at
		out = append(out, a)
	}
	joinPreviousLives(out)
	return out
}

// identify sets the call and the message that an action is about; pulling has the pulls that are open, by container.
func (a *workerEvent) identify(pulling map[string]seq.Key) {
	switch a.action {
	case pullBegan:
		a.call = criKey("PullImage", a.container, a.attempt)
		a.key = a.call
		pulling[a.container] = a.call
	case pulled, pullFailed:
		a.call = pulling[a.container]
		a.key = a.call.End()
		delete(pulling, a.container)
	case imagePresent:
		a.key = keyf("present:%s:%d", a.container, a.attempt)
	case containerCreated:
		a.call = criKey("CreateContainer", a.container, a.attempt)
		a.key = a.call.End()
	case createFailed: // no container came of it, so it is no part of any container's life
		a.call = criKey("CreateContainer", a.container+" failed", a.attempt)
		a.key = a.call.End()
	case containerStarted, startFailed:
		a.call = criKey("StartContainer", a.container, a.attempt)
		a.key = a.call.End()
	}
}

// joinPreviousLives joins what the kubelet does before it creates a container again to the end of the life before.
func joinPreviousLives(worker []workerEvent) {
	next := map[string]int{} // life by container
	for i := range slices.Backward(worker) {
		switch a := &worker[i]; a.action {
		case containerCreated:
			next[a.container] = a.attempt
		case pullBegan, pulled, imagePresent:
			if life := next[a.container]; life > 0 {
				a.previousExit = exitKey(a.container, life-1)
			}
		}
	}
}

func workerActionOf(reason string) workerAction {
	switch reason {
	case "Pulling":
		return pullBegan
	case "Pulled":
		return pulled
	case "Failed":
		return pullFailed // if a pull is open, else see failed
	case "Created":
		return containerCreated
	case "Started":
		return containerStarted
	}
	return noAction
}

// failed tells which call an Event Failed is about that is not about a pull: the one that comes after the latest
// action. A failure before CreateContainer has the same form; the status tells the two apart.
func (s *story) failed(a workerEvent, latest workerAction) workerAction {
	switch latest {
	case containerCreated:
		return startFailed
	case pulled, imagePresent, createFailed:
		for _, w := range s.revisions {
			c := object.StatusOf(w.pod, a.container)
			if c != nil && c.State.Waiting != nil && c.State.Waiting.Reason == "CreateContainerError" &&
				a.event.Message == "Error: "+c.State.Waiting.Message {
				return createFailed
			}
		}
	}
	return noAction
}

// countedAs makes attempts to start a container count together, whether they succeeded or not: each has a container.
func countedAs(d workerAction) workerAction {
	if d == startFailed {
		return containerStarted
	}
	return d
}

// emitLag is the usual time from the emission of an Event to the commit of its write.
const emitLag = 6 * time.Millisecond

func isTrue(b *bool) bool { return b != nil && *b }

func containerSpec(p *corev1.Pod, name string) *corev1.Container {
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

func (s *story) spec(container string) *corev1.Container {
	if n := len(s.revisions); n > 0 && s.isPod() {
		return containerSpec(s.revisions[n-1].pod, container)
	}
	return nil
}

func imageOf(c *corev1.Container) string {
	if c == nil {
		return ""
	}
	return c.Image
}

const (
	deliverScheduler seq.Key = "deliver:scheduler"
	deliverKubelet   seq.Key = "deliver:kubelet"
	deliverDeletion  seq.Key = "deliver:kubelet:deletion"
	pickKey          seq.Key = "pick"
	hiddenBindKey    seq.Key = "bind" // of a bind that a later write hides; boundKey is that of any
)

// beginKey is the message by which an action began: the call, or the action itself.
func (a *workerEvent) beginKey() seq.Key {
	if a.call != "" {
		return a.call
	}
	return a.key
}

// sandboxWarnings are the reasons of Warning Events about what comes before a Pod's containers.
var sandboxWarnings = map[string]bool{"FailedMount": true, "FailedAttachVolume": true, "FailedMapVolume": true,
	"FailedCreatePodSandBox": true, "NetworkNotReady": true, "FailedPrepareDynamicResources": true}
