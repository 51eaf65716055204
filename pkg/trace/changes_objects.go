package trace

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// changedObject says in a few words what a write changed of an object that is no Pod: counts and conditions of its status,
// the endpoints of an EndpointSlice, and fields of anything else.
func changedObject(was, cur metav1.Object) string {
	b, ok := cur.(*unstructured.Unstructured)
	if !ok {
		return ""
	}
	a, _ := was.(*unstructured.Unstructured)
	if a == nil {
		a = &unstructured.Unstructured{Object: map[string]any{}}
	}
	var words []string
	if b.GetKind() == "EndpointSlice" {
		words = changedEndpoints(a, b)
	}
	words = append(words, changedStatus(object(a, "status"), object(b, "status"))...)
	for _, part := range []string{"spec", "data", "metadata.labels", "metadata.annotations"} {
		path := strings.Split(part, ".")
		x, _, _ := unstructured.NestedFieldNoCopy(a.Object, path...)
		y, _, _ := unstructured.NestedFieldNoCopy(b.Object, path...)
		if x == nil && y == nil {
			continue
		}
		differ(part, x, y, func(path string, was, is any) {
			switch {
			case quiet[path]:
			case is == nil:
				words = append(words, "removes "+path)
			case secretive.MatchString(path):
				words = append(words, path)
			default:
				words = append(words, path+shortly(is))
			}
		})
	}
	words = append(words, changedMetadata(a, b)...)
	return strings.Join(words, ", ")
}

// secretive are fields whose values may be nobody's business: a recording does not have them.
var secretive = regexp.MustCompile(`^data|annotations|\.env\[|\.httpHeaders\[`)

// quiet are fields that only repeat what else is told, or when.
var quiet = map[string]bool{
	"metadata.annotations[endpoints.kubernetes.io/last-change-trigger-time]": true,
	"metadata.annotations.endpoints.kubernetes.io/last-change-trigger-time":  true,
	"metadata.annotations": true, // all of them at once
	"metadata.annotations.deployment.kubernetes.io/revision": true,
}

// object is a field that is an object, or nil.
func object(u *unstructured.Unstructured, field string) map[string]any {
	m, _ := u.Object[field].(map[string]any)
	return m
}

// changedStatus names the counts, words and conditions of a status that changed.
func changedStatus(was, cur map[string]any) (words []string) {
	var rest []string
	for _, field := range slices.Sorted(maps.Keys(cur)) {
		if field == "observedGeneration" || field == "fullyLabeledReplicas" || field == "conditions" {
			continue
		}
		switch v := cur[field].(type) {
		case int64, float64:
			if before := was[field]; before != v && !(before == nil && fmt.Sprint(v) == "0") {
				words = append(words, fmt.Sprintf("%s %v", field, v))
			}
		case string:
			if was[field] != v && !strings.HasSuffix(field, "Time") {
				words = append(words, fmt.Sprintf("%s %s", field, v))
			}
		default:
			if fmt.Sprint(was[field]) != fmt.Sprint(v) {
				rest = append(rest, field)
			}
		}
	}
	for _, field := range slices.Sorted(maps.Keys(was)) {
		if _, there := cur[field]; !there {
			words = append(words, "no "+field)
		}
	}
	before := conditions(was)
	for _, c := range conditionList(cur) {
		switch t, status := c[0], c[1]; {
		case before[t] == status:
		case status == "True":
			words = append(words, t)
		case before[t] == "True":
			words = append(words, "not "+t)
		default:
			words = append(words, t+" "+strings.ToLower(status))
		}
	}
	if len(words) == 0 {
		words = rest
	}
	if len(words) == 0 && fmt.Sprint(was["observedGeneration"]) != fmt.Sprint(cur["observedGeneration"]) {
		words = append(words, fmt.Sprintf("observedGeneration %v", cur["observedGeneration"]))
	}
	return words
}

// conditionList are type and status of each condition, in their order.
func conditionList(status map[string]any) (all [][2]string) {
	items, _ := status["conditions"].([]any)
	for _, x := range items {
		if c, ok := x.(map[string]any); ok {
			t, _ := c["type"].(string)
			s, _ := c["status"].(string)
			all = append(all, [2]string{t, s})
		}
	}
	return all
}

func conditions(status map[string]any) map[string]string {
	all := map[string]string{}
	for _, c := range conditionList(status) {
		all[c[0]] = c[1]
	}
	return all
}

// endpoint is one endpoint of an EndpointSlice.
type endpoint struct {
	address, pod string // and the uid of the Pod
	ready        bool
}

func endpoints(u *unstructured.Unstructured) map[string]endpoint {
	all := map[string]endpoint{}
	for _, e := range list(u, "endpoints") {
		var p endpoint
		if addresses, _ := e["addresses"].([]any); len(addresses) > 0 {
			p.address = fmt.Sprint(addresses[0])
		}
		p.pod, _, _ = unstructured.NestedString(e, "targetRef", "uid")
		p.ready, _, _ = unstructured.NestedBool(e, "conditions", "ready")
		all[p.address] = p
	}
	return all
}

// endpoints are those of an EndpointSlice by this revision.
func (r *revision) endpoints() map[string]endpoint {
	if r.parsed == nil {
		all := map[string]endpoint{}
		if u, ok := r.object.(*unstructured.Unstructured); ok {
			all = endpoints(u)
		}
		r.parsed = &all
	}
	return *r.parsed
}

func changedEndpoints(was, cur *unstructured.Unstructured) (words []string) {
	before, now := endpoints(was), endpoints(cur)
	for _, address := range slices.Sorted(maps.Keys(now)) {
		old, there := before[address]
		switch e := now[address]; {
		case there && old.ready == e.ready:
		case e.ready:
			words = append(words, address+" ready")
		case there:
			words = append(words, address+" not ready any more")
		default:
			words = append(words, address+", not ready")
		}
	}
	for _, address := range slices.Sorted(maps.Keys(before)) {
		if _, there := now[address]; !there {
			words = append(words, "removes "+address)
		}
	}
	return words
}

// status is that of an object that is no Pod.
func status(m metav1.Object) map[string]any {
	u, ok := m.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	return object(u, "status")
}

// spec is that of an object that is no Pod.
func spec(m metav1.Object) map[string]any {
	u, ok := m.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	return object(u, "spec")
}

// objectState is the state of an object that is no Pod, by its revision.
func objectState(w *write) (st seq.State) {
	u, ok := w.object.(*unstructured.Unstructured)
	if !ok {
		return st
	}
	is := conditions(object(u, "status"))
	switch u.GetKind() {
	case "Job":
		st.Succeeded, st.Failed = is["Complete"] == "True", is["Failed"] == "True"
		st.Available = st.Succeeded
	case "CronJob": // once a Job of it has come to its end
		st.Succeeded = object(u, "status")["lastSuccessfulTime"] != nil
		st.Available = st.Succeeded
	default:
		st.Available = available(u, is)
	}
	return st
}

// changedMetadata says what became of finalizers and owners.
func changedMetadata(was, cur metav1.Object) (words []string) {
	for _, f := range was.GetFinalizers() {
		if !slices.Contains(cur.GetFinalizers(), f) {
			words = append(words, "removes finalizer "+f)
		}
	}
	for _, f := range cur.GetFinalizers() {
		if !slices.Contains(was.GetFinalizers(), f) {
			words = append(words, "finalizer "+f)
		}
	}
	for _, o := range was.GetOwnerReferences() {
		if !slices.ContainsFunc(cur.GetOwnerReferences(), func(x metav1.OwnerReference) bool { return x.UID == o.UID }) {
			words = append(words, "no longer owned by "+o.Kind+" "+o.Name)
		}
	}
	return words
}

// available reports whether an object does what it is there for, as far as its kind has such a notion: workloads as
// kubectl rollout status has it, a claim when it is bound, others when they are there.
func available(u *unstructured.Unstructured, is map[string]string) bool {
	status, spec := object(u, "status"), object(u, "spec")
	number := func(m map[string]any, field string) int64 {
		n, _ := m[field].(int64)
		return n
	}
	wanted := int64(1)
	if n, ok := spec["replicas"].(int64); ok {
		wanted = n
	}
	observed := number(status, "observedGeneration") >= u.GetGeneration()
	switch u.GetKind() {
	case "Deployment":
		return observed && number(status, "updatedReplicas") == wanted && number(status, "replicas") == wanted && number(status, "availableReplicas") == wanted
	case "ReplicaSet", "ReplicationController":
		return observed && number(status, "replicas") == wanted && number(status, "availableReplicas") == wanted
	case "StatefulSet":
		return observed && number(status, "updatedReplicas") == wanted && number(status, "availableReplicas") == wanted
	case "DaemonSet":
		n := number(status, "desiredNumberScheduled")
		return observed && number(status, "updatedNumberScheduled") == n && number(status, "numberAvailable") == n && (n > 0 || is["Available"] == "True")
	case "PersistentVolumeClaim":
		return status["phase"] == "Bound"
	}
	for _, c := range []string{"Available", "Ready"} {
		if is[c] != "" {
			return is[c] == "True"
		}
	}
	return true
}
