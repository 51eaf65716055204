package apimap

// What ships logs: DaemonSets that mount the folder of the logs.

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// daemonSet is one, and the folders of its nodes that its containers mount.
type daemonSet struct {
	Namespace, Name string
	mounts          []string // of those that last
	once            []string // of its init containers
	ready           int
	selector        map[string]string
}

// on reports whether it runs on a node, by its selector and its count; of taints nothing is known.
func (x daemonSet) on(n *corev1.Node) bool {
	return x.ready > 0 && (len(n.Labels) == 0 || labels.SelectorFromSet(x.selector).Matches(labels.Set(n.Labels)))
}

func (d *deriver) daemonSets() (all []daemonSet) {
	var list struct {
		Items []struct {
			Metadata metav1.ObjectMeta
			Spec     struct{ Template struct{ Spec corev1.PodSpec } }
			Status   struct{ NumberReady int }
		}
	}
	d.get(limited(daemonSetsPath, mostListed), &list)
	for _, x := range list.Items {
		spec := x.Spec.Template.Spec
		one := daemonSet{Namespace: x.Metadata.Namespace, Name: x.Metadata.Name, ready: x.Status.NumberReady,
			selector: spec.NodeSelector}
		for _, c := range spec.Containers {
			one.mounts = append(one.mounts, foldersOf(c, spec.Volumes)...)
		}
		for _, c := range spec.InitContainers {
			if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
				one.mounts = append(one.mounts, foldersOf(c, spec.Volumes)...)
			} else {
				one.once = append(one.once, foldersOf(c, spec.Volumes)...)
			}
		}
		all = append(all, one)
	}
	return all
}

// foldersOf are the folders of the node that a container mounts.
func foldersOf(c corev1.Container, volumes []corev1.Volume) (all []string) {
	for _, m := range c.VolumeMounts {
		for _, v := range volumes {
			if v.Name == m.Name && v.HostPath != nil {
				all = append(all, path.Join(v.HostPath.Path, m.SubPath))
			}
		}
	}
	return all
}

// shipped are folders in which the output of containers lies.
var shipped = []string{"/var/log", "/var/log/pods", "/var/log/containers", "/var/lib/docker/containers"}

// hasLogs reports whether a folder has one of those in it, or is one.
func hasLogs(folder string) bool {
	return slices.ContainsFunc(shipped, func(s string) bool {
		return s == folder || strings.HasPrefix(s, strings.TrimSuffix(folder, "/")+"/")
	})
}

// shippers draws the DaemonSets that mount the folder of the logs.
func (d *deriver) shippers() {
	ask := limited(daemonSetsPath, mostListed)
	var l struct{}
	if !d.get(ask, &l) {
		d.hide("what ships logs", d.why(ask), d.needs(ask, "list daemonsets.apps"))
		return
	}
	d.left("DaemonSets", d.more(ask), mostListed)
	for i := range d.nodes {
		n, drawn := &d.nodes[i], 0
		for _, x := range d.daemonSets() {
			k := slices.IndexFunc(x.mounts, hasLogs)
			if k < 0 || !x.on(n) {
				continue
			}
			if drawn++; drawn <= mostShippers {
				d.shipper(ask, x, x.mounts[k], n)
			}
		}
		d.left("DaemonSets that mount the log folder of "+n.Name, max(0, drawn-mostShippers), mostShippers)
	}
}

func (d *deriver) shipper(ask string, x daemonSet, folder string, n *corev1.Node) {
	from := d.add(Component{ID: d.id(seq.Participant("daemonset "+x.Namespace+"/"+x.Name), n.Name), Kind: ObserverKind,
		Name:  x.Name,
		About: "DaemonSet in " + x.Namespace, Node: n.Name})
	to := d.add(Component{ID: d.id("log files", n.Name), Kind: RuntimeKind, Name: "log files", About: "/var/log/pods",
		Node: n.Name})
	a := API{Section: sectionObservers, From: from, To: to, Name: "may read logs", Protocol: "file", Path: folder,
		Authentication: "none: files of the node", Certainty: seq.Observed,
		Proof: proof(ask, "items["+x.Namespace+"/"+x.Name+"].spec.template.spec.volumes[].hostPath.path", folder),
		You:   onNode(n.Name), Try: Try{Command: "ls " + quoted(folder), On: n.Name},
		Note: "it mounts the folder; where it sends them is its own"}
	if !slices.Contains(shipped, folder) {
		a.Certainty, a.Note = seq.Inferred, "it mounts "+folder+", where the logs are, too; whether it reads them is its own"
	}
	d.call(a)
}
