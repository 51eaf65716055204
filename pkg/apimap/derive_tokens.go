package apimap

// By which a container can call the API server.

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// tokens draws that a container can call the API server, where a volume that it mounts has a token for it.
func (d *deriver) tokens(c corev1.Container) {
	for _, m := range c.VolumeMounts {
		i := slices.IndexFunc(d.pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if i < 0 || d.pod.Spec.Volumes[i].Projected == nil {
			continue
		}
		for k, source := range d.pod.Spec.Volumes[i].Projected.Sources {
			t := source.ServiceAccountToken
			if t == nil {
				continue
			}
			file, ok := mountedAt(m, t.Path)
			if !ok {
				continue
			}
			if t.Audience != "" && !strings.HasPrefix(t.Audience, defaultAudience) {
				d.hide("who takes the token at "+file+" of container "+c.Name, "it is for the audience "+t.Audience+
					", not for the API server, as far as can be read", "")
				continue
			}
			d.token(c, file, proof(d.podPath(), fmt.Sprintf(
				"spec.volumes[name=%s].projected.sources[%d].serviceAccountToken.path", m.Name, k), t.Path))
		}
	}
}

// defaultAudience is how that of an API server begins, unless it is told another.
const defaultAudience = "https://kubernetes.default.svc"

// mountedAt is where a file of a volume is in the container, if it is there.
func mountedAt(m corev1.VolumeMount, file string) (string, bool) {
	if m.SubPath == "" {
		return path.Join(m.MountPath, file), true
	}
	below, ok := strings.CutPrefix(path.Clean(file)+"/", path.Clean(m.SubPath)+"/")
	return path.Join(m.MountPath, below), ok
}

func (d *deriver) token(c corev1.Container, file string, is Proof) {
	host, port := "", 0
	for _, a := range d.m.APIs {
		if a.From == "service default/kubernetes" {
			host, port = a.Host, a.Port
		}
	}
	a := API{Section: sectionInside, From: containerID(c.Name), To: apiserver, Name: "may call the API", Protocol: "HTTPS",
		Host: host, Port: port, Path: "/", Authentication: "token of " + d.account(), Certainty: seq.Inferred, Proof: is,
		You: d.mayExec(), Try: d.exec(c.Name, "ls "+quoted(file)),
		Note: "it has a token; whether it calls is not in the API; the command needs ls in the container"}
	a.Try.Prints = file
	d.call(a)
}

func (d *deriver) account() string {
	return "ServiceAccount " + d.pod.Namespace + "/" + d.pod.Spec.ServiceAccountName
}
