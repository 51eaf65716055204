package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// showFile shows what objects in a file have kept. Everything in it had happened by now.
func (f *followFlags) showFile(ctx context.Context, streams genericiooptions.IOStreams, filename, namespace string,
	args []string) error {
	o, err := f.toOptions(streams, shown)
	if err != nil {
		return err
	}
	b := resource.NewBuilder(genericclioptions.NewConfigFlags(false)).Unstructured().Local()
	infos, err := readFile(b, streams.In, filename).ContinueOnError().Flatten().Do().Infos()
	if err != nil {
		return err
	}
	var objects []*unstructured.Unstructured
	observations := []seq.Observation{attached(false)}
	for _, i := range infos {
		u, ok := i.Object.(*unstructured.Unstructured)
		if !ok {
			continue
		}
		if u.GetUID() == "" || u.GetResourceVersion() == "" {
			return hinted(fmt.Errorf("%s: %s %s has not been on a cluster: it has no uid or resourceVersion", filename,
				u.GetKind(), u.GetName()), "kubectl get … -o yaml prints what has")
		}
		x, err := observed(u)
		if err != nil {
			return fmt.Errorf("%s: %s %s: %w", filename, u.GetKind(), u.GetName(), err)
		}
		x.Received = observations[0].Received // of everything in it
		if observations = append(observations, x); x.Change != nil {
			objects = append(objects, u)
		}
	}
	if o.subject, err = subjectOf(objects, namespace, args); err != nil {
		return fmt.Errorf("%s: %w", filename, err)
	}
	r := &run{followOptions: &o, doing: "show", given: observations}
	return r.start(ctx)
}

// observed makes an observation of an object as it was printed.
func observed(u *unstructured.Unstructured) (o seq.Observation, err error) {
	convert := func(into any) error { return runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, into) }
	switch u.GetAPIVersion() + " " + u.GetKind() {
	case "v1 Pod":
		pod := &corev1.Pod{}
		err, o.Change = convert(pod), &seq.Change{Type: "LISTED", Pod: pod}
	case "v1 Event":
		event := &corev1.Event{}
		err, o.Event = convert(event), &seq.EventChange{Type: "LISTED", Event: event}
	case "events.k8s.io/v1 Event":
		event := &eventsv1.Event{}
		err, o.Event = convert(event), &seq.EventChange{Type: "LISTED", Event: coreEvent(event)}
	default:
		o.Change = &seq.Change{Type: "LISTED", Object: u}
	}
	return o, err
}

// coreEvent is the older form of an Event, in which the API server has the same object.
func coreEvent(e *eventsv1.Event) *corev1.Event {
	out := &corev1.Event{
		ObjectMeta: e.ObjectMeta, InvolvedObject: e.Regarding, Related: e.Related, Reason: e.Reason, Message: e.Note,
		Type: e.Type, Action: e.Action, EventTime: e.EventTime,
		ReportingController: e.ReportingController, ReportingInstance: e.ReportingInstance, Source: e.DeprecatedSource,
		FirstTimestamp: e.DeprecatedFirstTimestamp, LastTimestamp: e.DeprecatedLastTimestamp, Count: e.DeprecatedCount,
	}
	if e.Series != nil {
		out.Series = &corev1.EventSeries{Count: e.Series.Count, LastObservedTime: e.Series.LastObservedTime}
	}
	return out
}

// subjectOf is the object that is named, else the one that no other of the file owns.
func subjectOf(objects []*unstructured.Unstructured, namespace string, args []string) (seq.Object, error) {
	kind, name, _ := strings.Cut(strings.Join(args, "/"), "/")
	kind, _, _ = strings.Cut(kind, ".")
	var tops []*unstructured.Unstructured
	for _, u := range objects {
		owned := slices.ContainsFunc(objects, func(o *unstructured.Unstructured) bool { return metav1.IsControlledBy(u, o) })
		if (namespace == "" || u.GetNamespace() == "" || u.GetNamespace() == namespace) &&
			(len(args) == 0 && !owned || is(u, kind) && u.GetName() == name) {
			tops = append(tops, u)
		}
	}
	if len(args) == 0 { // what most comes of
		least := 100
		for _, u := range tops {
			least = min(least, rank(u))
		}
		tops = slices.DeleteFunc(tops, func(u *unstructured.Unstructured) bool { return rank(u) > least })
	}
	switch {
	case len(tops) == 1:
		u := tops[0]
		return seq.Object{Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName(), UID: string(u.GetUID())}, nil
	case len(args) > 0:
		return seq.Object{},
			hinted(fmt.Errorf("%d objects are called %s", len(tops), strings.Join(args, "/")),
				"-n NAMESPACE chooses between those of several")
	case len(tops) == 0:
		return seq.Object{}, errors.New("there is no object that could be shown")
	}
	var names []string
	for _, u := range tops {
		name := strings.ToLower(u.GetKind()) + "/" + u.GetName()
		if u.GetNamespace() != "" {
			name += " -n " + u.GetNamespace()
		}
		names = append(names, name)
	}
	return seq.Object{},
		hinted(fmt.Errorf("it has %d objects: %s", len(tops), strings.Join(names, ", ")),
			"name one: kubectl seq show -f FILE "+names[0])
}

// is reports whether an object is of a kind by the names that can be known without a cluster.
func is(u *unstructured.Unstructured, kind string) bool {
	k := strings.ToLower(u.GetKind())
	return kind != "" && slices.Contains([]string{k, k + "s", k + "es", shortNames[k]}, strings.ToLower(kind))
}

// shortNames are those of kubectl for what this tool is about.
var shortNames = map[string]string{
	"pod": "po", "deployment": "deploy", "replicaset": "rs", "statefulset": "sts", "daemonset": "ds", "cronjob": "cj",
	"service": "svc", "persistentvolumeclaim": "pvc", "persistentvolume": "pv", "replicationcontroller": "rc",
}
