package watch

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// An object that is asked for is answered with, or that there is none; who uses a claim, with the Pods that mount it.
func TestLookups(t *testing.T) {
	using := pod("9")
	using.Name, using.UID = "user", "v"
	using.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
	s := newServer(t, func(_ *server, w http.ResponseWriter, r *http.Request) {
		switch {
		case isWatch(r):
			<-r.Context().Done()
		case strings.HasSuffix(r.URL.Path, "/nodes/there"):
			json.NewEncoder(w).Encode(corev1.Node{TypeMeta: metav1.TypeMeta{Kind: "Node", APIVersion: "v1"},
				ObjectMeta: metav1.ObjectMeta{Name: "there", ResourceVersion: "4"}})
		case strings.HasSuffix(r.URL.Path, "/nodes/ghost"):
			w.WriteHeader(http.StatusNotFound)
			json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
				Status: "Failure", Code: 404, Reason: metav1.StatusReasonNotFound, Message: `nodes "ghost" not found`})
		default:
			list(w, r, "9", pod("8"), using)
		}
	})
	f, next := follow(t, s)
	node := func(name string) seq.Question {
		return seq.Question{Kind: "object", APIVersion: "v1", Object: seq.Object{Kind: "Node", Name: name}}
	}
	answer := func(q seq.Question) *seq.Lookup {
		f.Ask(t.Context(), q)
		return next(func(o seq.Observation) bool { return o.Lookup != nil && o.Lookup.Object == q.Object }).Lookup
	}
	if l := answer(node("there")); l.Found == nil || l.Found.GetResourceVersion() != "4" {
		t.Errorf("%+v", l)
	}
	if l := answer(node("ghost")); l.Found != nil {
		t.Errorf("%+v", l)
	}
	claim := seq.Object{Kind: "PersistentVolumeClaim", Namespace: "default", Name: "data"}
	l := answer(seq.Question{Kind: "users", Object: claim})
	if len(l.Users) != 1 || l.Users[0].Name != "user" {
		t.Errorf("%+v", l)
	}
}
