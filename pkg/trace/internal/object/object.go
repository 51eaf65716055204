// Package object reads what one object of the API says by itself: what changed from one revision to the next, who owns
// which field, its conditions and statuses.
package object

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// List is a list of objects at a path.
func List(u *unstructured.Unstructured, path ...string) (all []map[string]any) {
	found, _, _ := unstructured.NestedFieldNoCopy(u.Object, path...)
	items, _ := found.([]any)
	for _, x := range items {
		if m, ok := x.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

// Client is the participant by whose name a managedFields entry goes.
func Client(manager string) seq.Participant {
	if p, ok := Components[manager]; ok {
		return p
	}
	return seq.Participant(manager)
}

// Fields is what a managedFields entry owns, as JSON, or nil.
func Fields(e metav1.ManagedFieldsEntry) []byte {
	if e.FieldsV1 == nil {
		return nil
	}
	return e.FieldsV1.GetRawBytes()
}

// Components are the names under which Kubernetes' own components write Events and managedFields.
var Components = map[string]seq.Participant{
	"kubelet":                 seq.Kubelet,
	"default-scheduler":       seq.Scheduler,
	"kube-scheduler":          seq.Scheduler,
	"kube-controller-manager": seq.ControllerManager,
}

// secretive are fields whose values may be nobody's business: a recording does not have them.
var secretive = regexp.MustCompile(`^data|^binaryData|annotations|\.env\[|\.httpHeaders\[`)

// quiet are fields that only repeat what else is told, or when.
var quiet = map[string]bool{
	"metadata.annotations[endpoints.kubernetes.io/last-change-trigger-time]": true,
	"metadata.annotations.endpoints.kubernetes.io/last-change-trigger-time":  true,
	"metadata.annotations": true, // all of them at once
	"metadata.annotations.deployment.kubernetes.io/revision": true,
}

// Field is a field that is an object, or nil.
func Field(u *unstructured.Unstructured, field string) map[string]any {
	m, _ := u.Object[field].(map[string]any)
	return m
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

// Conditions are the statuses of the conditions in a status, by their types.
func Conditions(status map[string]any) map[string]string {
	all := map[string]string{}
	for _, c := range conditionList(status) {
		all[c[0]] = c[1]
	}
	return all
}

// Endpoint is one endpoint of an EndpointSlice.
type Endpoint struct {
	Address, Pod string // and the uid of the Pod
	Ready        bool
}

// Endpoints are those of an EndpointSlice, by address.
func Endpoints(u *unstructured.Unstructured) map[string]Endpoint {
	all := map[string]Endpoint{}
	for _, e := range List(u, "endpoints") {
		var p Endpoint
		if addresses, _ := e["addresses"].([]any); len(addresses) > 0 {
			p.Address = fmt.Sprint(addresses[0])
		}
		p.Pod, _, _ = unstructured.NestedString(e, "targetRef", "uid")
		p.Ready, _, _ = unstructured.NestedBool(e, "conditions", "ready")
		all[p.Address] = p
	}
	return all
}

// Status is that of an object that is no Pod.
func Status(m metav1.Object) map[string]any {
	u, ok := m.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	return Field(u, "status")
}

// Spec is that of an object that is no Pod.
func Spec(m metav1.Object) map[string]any {
	u, ok := m.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	return Field(u, "spec")
}

// State is the state of an object that is no Pod, by its revision.
func State(m metav1.Object) (st seq.State) {
	u, ok := m.(*unstructured.Unstructured)
	if !ok {
		return st
	}
	is := Conditions(Field(u, "status"))
	switch u.GetKind() {
	case "Job":
		st.Succeeded, st.Failed = is["Complete"] == "True", is["Failed"] == "True"
		st.Available = st.Succeeded
		for _, c := range List(u, "status", "conditions") {
			if c["type"] == "SuccessCriteriaMet" && c["status"] == "True" && c["reason"] == "SuccessPolicy" {
				st.Remark = fmt.Sprintf("SuccessPolicy: %v", c["message"])
			}
		}
	case "CronJob": // once a Job of it has come to its end
		st.Succeeded = Field(u, "status")["lastSuccessfulTime"] != nil
		st.Available = st.Succeeded
	default:
		st.Available = available(u, is)
		if n, ok := Field(u, "status")["desiredNumberScheduled"].(int64); ok && n == 0 && u.GetKind() == "DaemonSet" {
			st.Remark = "no node is to have a Pod of it: none matches its nodeSelector, affinity and tolerations"
		}
	}
	return st
}

// available reports whether an object does what it is there for, as far as its kind has such a notion: workloads as
// kubectl rollout status has it, a claim when it is bound, others when they are there.
func available(u *unstructured.Unstructured, is map[string]string) bool {
	status, spec := Field(u, "status"), Field(u, "spec")
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
		return observed && number(status, "updatedReplicas") == wanted && number(status, "replicas") == wanted &&
			number(status, "availableReplicas") == wanted
	case "ReplicaSet", "ReplicationController":
		return observed && number(status, "replicas") == wanted && number(status, "availableReplicas") == wanted
	case "StatefulSet":
		return observed && number(status, "updatedReplicas") == wanted && number(status, "availableReplicas") == wanted
	case "DaemonSet":
		n := number(status, "desiredNumberScheduled")
		return observed && number(status, "updatedNumberScheduled") == n && number(status, "numberAvailable") == n
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

// ConditionOwner is the entry that owns a condition: whose manager wrote it last. It is nil where there is none, or
// more than one.
func ConditionOwner(entries []metav1.ManagedFieldsEntry, condition string) (owner *metav1.ManagedFieldsEntry) {
	name, _ := json.Marshal(condition)
	key := fmt.Appendf(nil, `k:{\"type\":%s}`, bytes.ReplaceAll(name, []byte(`"`), []byte(`\"`)))
	for i := range entries {
		if e := &entries[i]; bytes.Contains(Fields(*e), key) {
			if owner != nil {
				return nil
			}
			owner = e
		}
	}
	return owner
}

// FieldNames names the fields of an entry, at most three, by their first two levels.
func FieldNames(e *metav1.ManagedFieldsEntry) []string {
	var set map[string]map[string]json.RawMessage
	if json.Unmarshal(Fields(*e), &set) != nil {
		return nil
	}
	var names []string
	for part, below := range set {
		for field := range below {
			if name, ok := strings.CutPrefix(field, "f:"); ok {
				names = append(names, strings.TrimPrefix(part, "f:")+"."+name)
			}
		}
	}
	slices.Sort(names)
	if len(names) > 3 {
		names = append(names[:3], "…")
	}
	return names
}

// Owns reports whether an entry has a field, or something below it; the last of the path may be an element of a list
// that is a set, as v:"name".
func Owns(e *metav1.ManagedFieldsEntry, path ...string) bool {
	set := Fields(*e)
	for _, field := range path {
		found := false
		for key, below := range members(set) {
			if string(key) == "f:"+field || string(key) == field {
				set, found = below, true
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// Merged reports whether an entry is of no client: the API server puts there what the oldest of more than ten clients
// own, and what an object had before anything was kept of that (capmanagers.go and skipnonapplied.go in
// k8s.io/apimachinery/pkg/util/managedfields/internal, v1.37).
func Merged(e *metav1.ManagedFieldsEntry) bool {
	return e.Operation == metav1.ManagedFieldsOperationUpdate &&
		(e.Manager == "ancient-changes" || e.Manager == BeforeFirstApply)
}

// BeforeFirstApply is the one of these whose time is that of another client's write.
const BeforeFirstApply = "before-first-apply"

// OwnedLabels are the labels that an entry has.
func OwnedLabels(e *metav1.ManagedFieldsEntry) (all []string) {
	var set map[string]map[string]map[string]json.RawMessage
	_ = json.Unmarshal(Fields(*e), &set) // what is not of that depth is no label
	for field := range set["f:metadata"]["f:labels"] {
		if name, ok := strings.CutPrefix(field, "f:"); ok {
			all = append(all, name)
		}
	}
	return all
}

// OwnsMore reports whether an entry has more than metadata.
func OwnsMore(e *metav1.ManagedFieldsEntry) bool {
	for part := range members(Fields(*e)) {
		if string(part) != "f:metadata" {
			return true
		}
	}
	return false
}

// Resource is the name of a kind in requests, such as pods for Pod.
func Resource(kind string) string {
	if kind == "Endpoints" {
		return "endpoints"
	}
	plural, _ := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Kind: kind})
	return strings.ToLower(plural.Resource)
}

// Verb is how an entry was written, patch or update, which managedFields do not tell but of an apply; nothing where
// nobody knows. It is likely where only the name of the client tells. The scheduler patches Pods and updates claims and
// volumes (pkg/scheduler, v1.37).
func Verb(e *metav1.ManagedFieldsEntry, kind string) (verb string, likely bool) {
	who := Client(e.Manager)
	switch {
	case who == seq.Scheduler && kind != "Pod":
		return "update", false
	case e.Operation == metav1.ManagedFieldsOperationApply, who == seq.Kubelet, who == seq.Scheduler, e.Manager == "kwok":
		return "patch", false
	case who == seq.ControllerManager, e.Manager == "kubectl-replace":
		return "update", true
	case e.Manager == "kubectl", strings.HasPrefix(e.Manager, "kubectl-"): // all but replace
		return "patch", true
	}
	return "", false
}
