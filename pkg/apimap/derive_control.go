package apimap

// You, the API server, and what keeps its objects and acts on them.

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

const (
	kubectl           = string(seq.Kubectl)
	apiserver         = string(seq.APIServer)
	etcd              = string(seq.Etcd)
	controllerManager = string(seq.ControllerManager)
	scheduler         = string(seq.Scheduler)
)

// clients draws how you reach the API server, and how what runs in the cluster does.
func (d *deriver) clients() {
	d.add(Component{ID: kubectl, Kind: ClientKind, Name: "kubectl", About: d.m.User})
	d.add(Component{ID: apiserver, Kind: APIServerKind, Name: "apiserver", About: d.m.Server,
		Proof: proof(versionPath, "gitVersion", d.m.Server)})
	host, port := address(d.Client.Server)
	you := API{Section: sectionClients, From: kubectl, To: apiserver, Protocol: "HTTPS", Host: host, Port: port,
		Authentication: d.Client.Authentication, Certainty: seq.Observed,
		Proof: Proof{"kubeconfig", "clusters[].cluster.server", d.Client.Server}}
	if strings.HasPrefix(d.Client.Server, "http:") {
		you.Protocol = "HTTP"
	}
	if d.Client.Impersonates != "" {
		you.Authentication += ", as " + d.Client.Impersonates
	}
	if d.Client.Proxy != "" {
		you.Note = "through the proxy " + d.Client.Proxy
	}
	if d.Subject.Name != "" {
		you.Name, you.Path = "Pod", of(core, d.Subject.Namespace, "pods", d.Subject.Name)
		you.You = d.may(Permission{Verb: "get", Resource: "pods", Namespace: d.Subject.Namespace, Name: d.Subject.Name})
		you.Try = Try{Command: "kubectl get pod " + quoted(d.Subject.Name) + d.namespace(), Prints: d.Subject.Name}
	} else {
		you.Name, you.Path = "version", versionPath
		you.You = d.may(Permission{Verb: "get", Path: versionPath})
		you.Try = Try{Command: "kubectl get --raw " + versionPath, Prints: "gitVersion"}
	}
	d.call(you)
	d.inCluster()
}

// inCluster draws the Service by which Pods reach the API server.
func (d *deriver) inCluster() {
	var service corev1.Service
	var all discoveryv1.EndpointSliceList
	if !d.get(kubernetesSlice, &all) {
		d.hide("addresses of the API server in the cluster", d.why(kubernetesSlice), d.needs(kubernetesSlice,
			"list endpointslices.discovery.k8s.io -n default"))
		return
	}
	d.get(kubernetesPath, &service)
	from := d.add(Component{ID: "service default/kubernetes", Kind: ClientKind, Name: "Service kubernetes",
		About: withPort(service.Spec.ClusterIP, firstPort(service)), Proof: proof(kubernetesPath, "spec.clusterIP",
			service.Spec.ClusterIP)})
	for _, x := range all.Items {
		host, port := "", 0
		if len(x.Endpoints) > 0 && len(x.Endpoints[0].Addresses) > 0 {
			host = x.Endpoints[0].Addresses[0]
		}
		if len(x.Ports) > 0 && x.Ports[0].Port != nil {
			port = int(*x.Ports[0].Port)
		}
		if host == "" {
			continue
		}
		a := API{Section: sectionClients, From: from, To: apiserver, Name: "from inside the cluster", Protocol: "HTTPS",
			Host: host,
			Port: port, Path: "/", Authentication: "ServiceAccount token", Certainty: seq.Observed,
			Proof: proof(kubernetesSlice, "items[].endpoints[0].addresses[0]", host),
			You:   d.may(listOf("discovery.k8s.io", "endpointslices", "default")),
			Try: Try{Command: "kubectl get endpointslices -n default -l kubernetes.io/service-name=kubernetes",
				Prints: host}}
		if n := len(x.Endpoints); n > 1 {
			a.Note = fmt.Sprintf("one of %d API servers", n)
		}
		d.call(a)
	}
}

// controlPlane draws etcd, and what leads.
func (d *deriver) controlPlane() {
	var static corev1.PodList
	d.get(staticPath, &static)
	d.etcd(flagsOf(static, "kube-apiserver"))
	for _, c := range []struct{ id, name, lease string }{
		{controllerManager, "controller-manager", "kube-controller-manager"}, {scheduler, "scheduler", "kube-scheduler"},
	} {
		path := leasePath("kube-system", c.lease)
		var l coordinationv1.Lease
		if !d.get(path, &l) || l.Spec.HolderIdentity == nil {
			d.hide(c.name+": who leads", d.why(path), "")
			continue
		}
		host, _, _ := strings.Cut(*l.Spec.HolderIdentity, "_")
		about := "leads on " + host
		if d.late(l) != "" {
			about = "led on " + host
		}
		d.add(Component{ID: c.id, Kind: ControlKind, Name: c.name, About: about, Node: host,
			Proof: proof(path, "spec.holderIdentity", *l.Spec.HolderIdentity)})
		a := API{Section: sectionControl, From: c.id, To: apiserver, Name: "renews its lease", Protocol: "HTTPS", Path: path,
			Authentication: "not readable", Certainty: seq.Observed,
			Proof: proof(path, "spec.holderIdentity", *l.Spec.HolderIdentity), You: d.may(getLease("kube-system", c.lease)),
			Try: Try{Command: "kubectl get lease " + c.lease +
				" -n kube-system -o jsonpath='{.spec.holderIdentity} {.spec.renewTime}'",
				Prints: *l.Spec.HolderIdentity}}
		if late := d.late(l); late != "" {
			a.Name, a.Certainty, a.Note = "renewed its lease", seq.Inferred, late
		}
		if f := flagsOf(static, c.lease); f[flagKubeconfig] != "" {
			a.Authentication = "kubeconfig " + f[flagKubeconfig]
		}
		d.call(a)
	}
	if len(static.Items) == 0 {
		why := d.why(staticPath)
		if a := d.found("GET " + staticPath); a != nil && a.Status == 200 {
			why = "no Pod of kube-system has the label tier=control-plane: the control plane is managed, " +
				"or its programs run outside of Pods"
		}
		d.hide("arguments of the control plane: etcd's address, certificates", why, "")
	}
}

// lateness is how far the clock here and the cluster's may differ before a Lease counts as not renewed.
const lateness = time.Minute

// late says that a Lease has not been renewed in time, or nothing.
func (d *deriver) late(l coordinationv1.Lease) string {
	if l.Spec.RenewTime == nil || d.Taken.IsZero() {
		return ""
	}
	lasts := 40 * time.Second // a kubelet's default; that of what leads is shorter
	if s := l.Spec.LeaseDurationSeconds; s != nil {
		lasts = time.Duration(*s) * time.Second
	}
	age := d.Taken.Sub(l.Spec.RenewTime.Time)
	if age <= lasts+lateness {
		return ""
	}
	return fmt.Sprintf("last at %s, %s before this map was read: it may not run any more",
		l.Spec.RenewTime.UTC().Format(time.RFC3339), age.Round(time.Second))
}

// etcd draws where the API server keeps its objects.
func (d *deriver) etcd(flags map[string]string) {
	d.add(Component{ID: etcd, Kind: ControlKind, Name: "etcd"})
	a := API{Section: sectionControl, From: apiserver, To: etcd, Name: "keeps all objects", Protocol: "gRPC",
		Authentication: "not readable", Certainty: seq.Inferred, You: d.may(Permission{Verb: "get", Path: "/readyz"}),
		Try: Try{Command: "kubectl get --raw '/readyz?verbose' | grep etcd", Prints: "etcd ok"}}
	var ready string
	if d.get(readyPath, &ready) && strings.Contains(ready, "[+]etcd ok") {
		a.Certainty, a.Proof = seq.Observed, proof(readyPath, "a line of it", "[+]etcd ok")
	}
	if servers := flags[flagEtcdServers]; servers != "" {
		first, _, _ := strings.Cut(servers, ",")
		a.Host, a.Port = address(first)
		a.Certainty = seq.Observed
		a.Proof = proof(staticPath, "items[component=kube-apiserver].spec.containers[0].command", "--etcd-servers="+servers)
		switch {
		case flags[flagEtcdCertificate] != "":
			a.Authentication = "client certificate " + flags[flagEtcdCertificate]
		case strings.HasPrefix(first, "http:"):
			a.Authentication = "none"
		}
	} else {
		a.Note = "its address stands in arguments of the API server that cannot be read"
	}
	if a.Proof == (Proof{}) {
		a.Proof = Proof{"none", "", "Kubernetes keeps its objects in etcd; a managed cluster may have something else"}
	}
	d.call(a)
}

// The flags of the control plane that are read.
const (
	flagEtcdServers     = "etcd-servers"
	flagEtcdCertificate = "etcd-certfile"
	flagKubeconfig      = "kubeconfig"
)

// flagsOf are those of a static Pod of the control plane.
func flagsOf(pods corev1.PodList, component string) map[string]string {
	flags := map[string]string{}
	for _, p := range pods.Items {
		if p.Labels["component"] != component {
			continue
		}
		for _, c := range p.Spec.Containers {
			for _, arg := range slices.Concat(c.Command, c.Args) {
				if name, value, ok := strings.Cut(strings.TrimPrefix(arg, "--"), "="); ok {
					flags[name] = value
				}
			}
		}
	}
	return flags
}

// address is the host and the port of a URL.
func address(of string) (host string, port int) {
	u, err := url.Parse(of)
	if err != nil {
		return of, 0
	}
	port, _ = strconv.Atoi(u.Port())
	switch {
	case port == 0 && u.Scheme == "https":
		port = 443
	case port == 0 && u.Scheme == "http":
		port = 80
	}
	return u.Hostname(), port
}

func withPort(host string, port int) string {
	if host == "" || port == 0 {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

func firstPort(s corev1.Service) int {
	if len(s.Spec.Ports) == 0 {
		return 0
	}
	return int(s.Spec.Ports[0].Port)
}
