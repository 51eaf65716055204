package trace_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// place is that of the first step whose label begins so.
func place(steps []*seq.Step, label string) int {
	return slices.IndexFunc(steps, func(x *seq.Step) bool { return strings.HasPrefix(x.Label, label) })
}

// A Pod as kubectl prints it, without managedFields, has still been made before its kubelet had to do with it; that of
// a file of the node has been made by the kubelet.
func TestPastWithoutManagedFields(t *testing.T) {
	s := scenario.Named(t, "show")
	for _, mirror := range []bool{false, true} {
		var observations []seq.Observation
		for _, o := range s.Observations {
			if o.Event != nil {
				continue
			}
			if o.Change != nil && o.Change.Pod != nil {
				c := *o.Change
				c.Pod = c.Pod.DeepCopy()
				c.Pod.ManagedFields = nil
				if mirror {
					c.Pod.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"}
				}
				o.Change = &c
			}
			observations = append(observations, o)
		}
		steps := scenario.Fold(s.Subject, observations).Steps()
		post, sandbox := place(steps, "POST pods ("), place(steps, "RunPodSandbox")
		if post < 0 || sandbox < post {
			t.Errorf("RunPodSandbox is step %d, and the Pod is made by step %d", sandbox, post)
		}
		if by := steps[post].From; (by == seq.Kubelet) != mirror {
			t.Errorf("a mirror: %v, made by %s", mirror, by)
		}
	}
}

// kubectl scale leaves an entry without a time; a new ReplicaSet comes after the write that it is made for.
func TestPastOfARollout(t *testing.T) {
	s := scenario.Named(t, "show-deployment")
	observations := slices.Clone(s.Observations)
	for i, o := range observations {
		if o.Change == nil || o.Change.Object == nil || o.Change.Object.GetKind() != "Deployment" {
			continue
		}
		c := *o.Change
		c.Object = c.Object.DeepCopy()
		c.Object.SetManagedFields(append(c.Object.GetManagedFields(), metav1.ManagedFieldsEntry{Manager: "kubectl",
			Operation: "Update", Subresource: "scale", APIVersion: "apps/v1", FieldsType: "FieldsV1",
			FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`)}))
		observations[i].Change = &c
	}
	steps := scenario.Fold(s.Subject, observations).Steps()
	scale := place(steps, "PATCH deployments/scale: spec.replicas")
	if scale < 0 || steps[scale].From != seq.Kubectl ||
		steps[scale].Window.Earliest.Before(steps[0].Window.Earliest) {
		t.Fatalf("step %d of\n%v", scale, steps)
	}
	set, last := place(steps, "PATCH deployments (owns spec.template)"), -1
	for i, x := range steps {
		if strings.HasPrefix(x.Label, "POST replicasets (") {
			last = i
		}
	}
	if set < 0 || last < set {
		t.Errorf("the template is set by step %d, and the newest ReplicaSet is made by step %d", set, last)
	}
}

// Who made an object is its maker by what only a creation sets, however often others have written since; where its
// entry is gone, nobody is named.
func TestMaker(t *testing.T) {
	for name, want := range map[string]seq.Participant{"show-merged": seq.UnknownClient,
		"show-applied": "kubectl-client-side-apply", "show-applied-server": seq.UnknownClient,
		"show-adopted": "kubectl-run", "show-job": "kubectl-create"} {
		s := scenario.Named(t, name)
		steps := scenario.Fold(s.Subject, s.Observations).Steps()
		if i := place(steps, "POST "); i < 0 || steps[i].From != want {
			t.Errorf("%s: made by step %d of\n%v", name, i, steps)
		}
		for _, x := range steps {
			if x.From == "ancient-changes" {
				t.Errorf("%s: %s is no client", name, x.From)
			}
		}
	}
}

// A verb that only the client's name tells is inferred; what a client owns is not what its last write changed.
func TestPastWritesSayWhatIsKnown(t *testing.T) {
	for _, s := range scenario.All(t) {
		for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
			if x.Rule.Name != "past-write" || x.Verb == "" || strings.Contains(x.Label, "status: ") {
				continue
			}
			if strings.HasPrefix(string(x.From), "kubectl-") && x.Certainty != seq.Inferred {
				t.Errorf("%s: %s: %s is observed", s.Name, x.From, x.Label)
			}
			_, what, ok := strings.Cut(x.Label, ": ")
			if ok && !strings.HasPrefix(what, "owned by ") && x.Subresource != "scale" {
				t.Errorf("%s: %s says that it changed %s", s.Name, x.Label, what)
			}
		}
	}
}

// A controller takes a Pod into its care because of its labels; which write of a second came first is claimed only
// where the owner says by which labels it selects.
func TestPastAdoption(t *testing.T) {
	for name, proved := range map[string]bool{"show-adopter": true, "show-adopted": false} {
		s := scenario.Named(t, name)
		steps := scenario.Fold(s.Subject, s.Observations).Steps()
		label := place(steps, "PATCH pods (owns metadata.labels)")
		adopts := place(steps, "PATCH pods: owned by ReplicaSet web")
		if label < 0 || adopts < label || steps[adopts].From != seq.Controller("replicaset") {
			t.Fatalf("%s: adopted by step %d, labelled by step %d", name, adopts, label)
		}
		if slices.Contains(steps[adopts].After, steps[label].Key) != proved {
			t.Errorf("%s: the adoption came after %v", name, steps[adopts].After)
		}
	}
}

// A Pod that no scheduler says it bound, though its kubelet's Events of that minute are there, was bound by somebody
// else; without Events nothing says so.
func TestPastBind(t *testing.T) {
	for name, scheduler := range map[string]seq.Participant{"show-bound": "nobody", "show-bound-late": seq.Scheduler} {
		s := scenario.Named(t, name)
		for _, events := range []bool{true, false} {
			observations := slices.DeleteFunc(slices.Clone(s.Observations),
				func(o seq.Observation) bool { return o.Event != nil && !events })
			steps := scenario.Fold(s.Subject, observations).Steps()
			want := scheduler
			if events {
				want = seq.UnknownClient
			}
			if by := steps[place(steps, "POST pods/binding")].From; by != want || (place(steps, "picks ") >= 0) == events {
				t.Errorf("%s, with Events: %v: bound by %s", name, events, by)
			}
		}
	}
}

// A Pod that has ended and that a finalizer holds was deleted twice: by somebody, before its kubelet stopped it, and by
// its kubelet.
func TestPastDeleteOfHeld(t *testing.T) {
	s := scenario.Named(t, "show-held")
	var order []string
	for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
		if x.Kind != seq.ResponseKind && (x.Verb == "delete" || strings.HasPrefix(x.Label, "StopContainer") ||
			strings.HasPrefix(x.Label, "exits with")) {
			order = append(order, string(x.From)+" "+strings.Fields(x.Label)[0])
		}
	}
	want := []string{"unknown client DELETE", "kubelet StopContainer", "container/app exits", "kubelet DELETE"}
	if !slices.Equal(order, want) {
		t.Errorf("%q", order)
	}
	observations := slices.Clone(s.Observations)
	for i, o := range observations {
		if o.Change != nil && o.Change.Pod != nil { // it runs yet: somebody has shortened its grace period
			c := *o.Change
			c.Pod = c.Pod.DeepCopy()
			x := &c.Pod.Status.ContainerStatuses[0].State
			*x = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: x.Terminated.StartedAt}}
			observations[i].Change = &c
		}
	}
	for _, x := range scenario.Fold(s.Subject, observations).Steps() {
		if x.Verb == "delete" && x.From != seq.UnknownClient {
			t.Errorf("%s: %s, of a Pod that runs", x.From, x.Label)
		}
	}
}

// Of a sandbox that was made anew the second is told, before the containers in it.
func TestPastSandboxes(t *testing.T) {
	s := scenario.Named(t, "show-sandbox")
	var order []string
	for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
		if word, _, _ := strings.Cut(x.Label, " "); x.Kind != seq.ResponseKind && x.Resource == "" &&
			(strings.Contains(word, "Sandbox") || strings.HasPrefix(word, "CreateContainer")) {
			order = append(order, strings.TrimSuffix(word, ":"))
		}
	}
	want := []string{"RunPodSandbox", "CreateContainer", "SandboxChanged", "StopPodSandbox", "RunPodSandbox",
		"CreateContainer"}
	if !slices.Equal(order, want) {
		t.Errorf("%q", order)
	}
}

// A container is made once the kubelet has said that it has the image, also where no later Event of it is there.
func TestImageBeforeContainer(t *testing.T) {
	s := scenario.Named(t, "show-twelve")
	steps := scenario.Fold(s.Subject, s.Observations).Steps()
	image := slices.IndexFunc(steps, func(x *seq.Step) bool {
		return x.Container == "c8" && strings.HasPrefix(x.Label, "image ")
	})
	if made := place(steps, "CreateContainer c8"); image < 0 || made < image {
		t.Errorf("made by step %d, and the image is there by step %d", made, image)
	}
}

// Of a Pod that is gone its controller's Events tell that it was made and deleted, each once; those that are there are
// told by themselves. A scale that left no time is told before the Pods that came of it.
func TestPastGone(t *testing.T) {
	s := scenario.Named(t, "show-adopter")
	fold := scenario.Fold(s.Subject, s.Observations)
	there := map[string]bool{}
	for _, m := range fold.Members() {
		there[m.Object.Name] = true
	}
	told := map[string][]string{}
	steps := fold.Steps()
	for _, x := range steps {
		if verb, name, ok := strings.Cut(x.Label, " pods ("); ok && x.From == seq.Controller("replicaset") {
			told[strings.TrimSuffix(name, ")")] = append(told[strings.TrimSuffix(name, ")")], verb)
		}
	}
	gone := ""
	for name, verbs := range told {
		if want := []string{"POST", "DELETE"}; !there[name] && slices.Equal(verbs, want) {
			gone = name
		} else if !slices.Equal(verbs, want[:1]) {
			t.Errorf("%s: %v", name, verbs)
		}
	}
	if scale := place(steps, "PATCH replicasets/scale"); gone == "" || place(steps, "POST pods ("+gone) < scale {
		t.Errorf("scaled by step %d; of those that are gone: %q", scale, gone)
	}
}

// An Event whose name is no client-go recorder's has its instant in eventTime, if it has one.
func TestEventTime(t *testing.T) {
	s := scenario.Named(t, "plain")
	i := slices.IndexFunc(s.Observations,
		func(o seq.Observation) bool { return o.Event != nil && o.Event.Event.Reason == "Started" })
	for _, whole := range []bool{false, true} {
		e := s.Observations[i].Event.Event.DeepCopy()
		e.Name = "0b9b1a2e-4c1e-4e5b-9d0e-6f6a3f9f7a11"
		e.EventTime = metav1.NewMicroTime(s.Observations[i].Received.Add(-5e6))
		if whole {
			e.EventTime = metav1.NewMicroTime(e.EventTime.Truncate(1e9))
		}
		e.FirstTimestamp, e.LastTimestamp = metav1.Time{}, metav1.Time{}
		observations := slices.Clone(s.Observations)
		observations[i].Event = &seq.EventChange{Type: "ADDED", Event: e}
		steps := scenario.Fold(s.Subject, observations).Steps()
		end := slices.IndexFunc(steps, func(x *seq.Step) bool { return strings.HasPrefix(x.Label, "StartContainer") }) + 1
		for ; end < len(steps) && !strings.HasPrefix(steps[end].Label, "StartContainer"); end++ {
		}
		if end == len(steps) {
			t.Fatal("no StartContainer returns")
		}
		told := slices.ContainsFunc(steps[end].Evidence,
			func(x seq.Evidence) bool { return strings.Contains(x.Text, "emitted at the instant in its eventTime") })
		if told == whole {
			t.Errorf("in whole seconds: %v; evidence %v", whole, steps[end].Evidence)
		}
	}
}

// asFound is a run as one tells it that looks at its end: the last revisions of the Pod and of its Events.
func asFound(s scenario.Scenario) []seq.Observation {
	at := s.Observations[len(s.Observations)-1].Received
	all := []seq.Observation{{Received: at, Attach: &seq.Attach{}}, {Received: at}}
	events := map[string]int{}
	for _, o := range s.Observations {
		switch {
		case o.Change != nil && o.Change.Pod != nil && o.Change.Pod.DeletionTimestamp == nil:
			all[1].Change = &seq.Change{Type: "LISTED", Pod: o.Change.Pod}
		case o.Event != nil:
			uid := string(o.Event.Event.UID)
			if events[uid] == 0 {
				events[uid] = len(all)
				all = append(all, seq.Observation{})
			}
			all[events[uid]] = seq.Observation{Received: at, Event: o.Event}
		}
	}
	return all
}

// Of a container that was killed twice both are told, each after the start of its own life.
func TestPastKills(t *testing.T) {
	s := scenario.Named(t, "liveness")
	var order []string
	for _, x := range scenario.Fold(s.Subject, asFound(s)).Steps() {
		if x.Kind == seq.RequestKind && (x.Label == "StartContainer app" || x.Label == "StopContainer app") {
			order = append(order, strings.TrimSuffix(x.Label, " app"))
		}
	}
	if want := []string{"StartContainer", "StopContainer", "StartContainer", "StopContainer"}; !slices.Equal(order, want) {
		t.Errorf("%v", order)
	}
}

// Lives of which nothing is kept but their number are counted where they were.
func TestUnseenLivesAreCounted(t *testing.T) {
	for name, want := range map[string]string{
		"show-crash": "1 life was not seen here, number 2",
	} {
		s := scenario.Named(t, name)
		var labels []string
		for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
			labels = append(labels, x.Label)
		}
		if !slices.Contains(labels, want) {
			t.Errorf("%s: no %q", name, want)
		}
	}
}
