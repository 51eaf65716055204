package object

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Suffix is a value that is one word, as a suffix.
func Suffix(v reflect.Value) string {
	if hasKeys(v) {
		return ""
	}
	if text := fmt.Sprint(plain(v)); len(text) <= 60 {
		return "=" + text
	}
	return ""
}

// Changed says in a few words what a write changed of an object that is no Pod: counts and conditions of its status,
// the endpoints of an EndpointSlice, and fields of anything else.
func Changed(was, cur metav1.Object) string {
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
	words = append(words, changedStatus(Field(a, "status"), Field(b, "status"))...)
	for _, part := range append([]string{"spec", "data", "metadata.labels", "metadata.annotations"}, otherParts(a, b)...) {
		words = append(words, ChangedPart(part, a, b)...)
	}
	words = append(words, ChangedMetadata(a, b)...)
	if len(words) == 0 && was != nil {
		words = changedDetails(a, b)
	}
	return strings.Join(words, ", ")
}

// otherParts are the parts of an object beside those that most have, such as the ports of an EndpointSlice.
func otherParts(was, cur *unstructured.Unstructured) []string {
	all := maps.Clone(was.Object)
	maps.Copy(all, cur.Object)
	for _, part := range []string{"apiVersion", "kind", "metadata", "spec", "data", "status", "endpoints"} {
		delete(all, part)
	}
	return slices.Sorted(maps.Keys(all))
}

// changedDetails says what a write changed that is no news: of a condition all but its status, and single fields.
func changedDetails(was, cur *unstructured.Unstructured) (words []string) {
	before := map[any]map[string]any{}
	for _, c := range List(was, "status", "conditions") {
		before[c["type"]] = c
	}
	for _, c := range List(cur, "status", "conditions") {
		switch o := before[c["type"]]; {
		case reflect.DeepEqual(o, c):
		case o["reason"] != c["reason"]:
			words = append(words, fmt.Sprintf("%v: %v", c["type"], c["reason"]))
		case o["message"] != c["message"]:
			words = append(words, fmt.Sprintf("%v: another message", c["type"]))
		default:
			words = append(words, fmt.Sprintf("%v: another time", c["type"]))
		}
	}
	for _, part := range []string{"status", "endpoints", "metadata.annotations"} {
		if len(words) == 0 {
			words = changedPart(part, was, cur, nil)
		}
	}
	if len(words) == 0 && ChangesManagedFields(was, cur) {
		words = []string{"metadata.managedFields"}
	}
	if len(words) > mostDetails {
		words = append(words[:mostDetails], "…")
	}
	return words
}

// mostDetails is of how many fields the row of a write tells.
const mostDetails = 3

// ChangesManagedFields reports whether an object differs from another in who owns which of its fields.
func ChangesManagedFields(was, cur metav1.Object) bool {
	return !reflect.DeepEqual(was.GetManagedFields(), cur.GetManagedFields())
}

// ChangedPart names the fields in which a part of an object, such as metadata.labels, is other than before, with their
// values where these are short and nobody's secret.
func ChangedPart(part string, was, is metav1.Object) []string {
	return changedPart(part, was, is, quiet)
}

func changedPart(part string, was, is metav1.Object, quiet map[string]bool) (words []string) {
	a, b := partOf(was, part), partOf(is, part)
	Differ(part, a, b, func(path string, _, is reflect.Value) {
		switch {
		case quiet[path]:
		case !is.IsValid():
			words = append(words, "removes "+path)
		case secretive.MatchString(path):
			words = append(words, path)
		default:
			words = append(words, path+Suffix(is))
		}
	})
	return words
}

// partOf is what an object has at a path, or none.
func partOf(m metav1.Object, path string) reflect.Value {
	v := valueOf(m)
	for name := range strings.SplitSeq(path, ".") {
		v, _ = member(content(v), name)
	}
	return v
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
	before := Conditions(was)
	for _, c := range conditionList(cur) {
		switch t, status := c[0], c[1]; {
		case before[t] == status:
		case status == "True":
			words = append(words, t)
		case before[t] == "True" && status == "False":
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

func changedEndpoints(was, cur *unstructured.Unstructured) (words []string) {
	before, now := Endpoints(was), Endpoints(cur)
	for _, address := range slices.Sorted(maps.Keys(now)) {
		old, there := before[address]
		switch e := now[address]; {
		case there && old.Ready == e.Ready:
		case e.Ready:
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

// ChangedMetadata says what became of finalizers and owners; those that an object is made with are no news.
func ChangedMetadata(was, cur metav1.Object) (words []string) {
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
	for _, o := range cur.GetOwnerReferences() {
		if was.GetUID() != "" &&
			!slices.ContainsFunc(was.GetOwnerReferences(), func(x metav1.OwnerReference) bool { return x.UID == o.UID }) {
			words = append(words, "owned by "+o.Kind+" "+o.Name)
		}
	}
	for _, o := range was.GetOwnerReferences() {
		if !slices.ContainsFunc(cur.GetOwnerReferences(), func(x metav1.OwnerReference) bool { return x.UID == o.UID }) {
			words = append(words, "no longer owned by "+o.Kind+" "+o.Name)
		}
	}
	return words
}
