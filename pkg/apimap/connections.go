package apimap

// To whom the Pod is connected, by the TCP tables of its network namespace.

import (
	"net/netip"
	"net/url"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Peers are the questions to whom the addresses belong that the Pod is connected to.
func Peers(s *Snapshot) (all []Question) {
	d := &deriver{Snapshot: s}
	if !d.readPod() {
		return nil
	}
	hosts, _ := d.peers()
	for _, host := range hosts {
		all = append(all, get(peerPath(host), items([]string{"metadata.name", "metadata.namespace", "metadata.uid",
			"spec.nodeName", "spec.hostNetwork"})))
	}
	return all
}

func peerPath(host string) string {
	return "/api/v1/pods?fieldSelector=" + url.QueryEscape("status.podIP="+host) + "&limit=2"
}

// peers are the addresses of others that the Pod is connected to, as many as are looked at, and how many more there
// are.
func (d *deriver) peers() (all []string, more int) {
	for _, c := range d.inside() {
		for _, x := range d.connected(c) {
			if host := x.remote.Addr().String(); !x.accepted && !slices.Contains(all, host) {
				all = append(all, host)
			}
		}
	}
	slices.Sort(all)
	n := min(len(all), mostPeers)
	return all[:n], len(all) - n
}

// connected is a connection to somebody else.
type connected struct {
	Connection
	local, remote netip.AddrPort
	accepted      bool // the Pod listens at the port: the other side has opened it
}

// connected are the connections of the Pod to others. The kernel's table does not say who has opened them.
func (d *deriver) connected(c Container) (all []connected) {
	if d.pod.Spec.HostNetwork {
		return nil
	}
	listens := map[uint16]bool{}
	for _, x := range c.Connections {
		if at, err := netip.ParseAddrPort(x.Local); err == nil && x.Remote == "" {
			listens[at.Port()] = true
		}
	}
	for _, x := range c.Connections {
		local, err := netip.ParseAddrPort(x.Local)
		remote, err2 := netip.ParseAddrPort(x.Remote)
		if err == nil && err2 == nil && !remote.Addr().IsLoopback() && remote.Addr().String() != d.pod.Status.PodIP {
			all = append(all, connected{x, local, remote, listens[local.Port()]})
		}
	}
	return all
}

// ephemeral reports whether a port is one of those that Linux gives to who opens a connection, by its default
// (ip_local_port_range).
func ephemeral(at netip.AddrPort) bool { return at.Port() >= 32768 && at.Port() <= 60999 }

// connections draws whom the Pod is connected to, once for each address. The API server listens; of others it is only
// likely who has opened a connection: the one that has a port of those that are given out.
func (d *deriver) connections(c Container, drawn map[string]bool) {
	own := podID
	if len(d.lasting()) == 1 {
		own = containerID(c.Name)
	}
	hosts, _ := d.peers()
	for _, x := range d.connected(c) {
		host, port := x.remote.Addr().String(), int(x.remote.Port())
		if x.accepted || drawn[x.Remote] {
			continue
		}
		drawn[x.Remote] = true
		a := API{Section: sectionInside, From: own, Name: "is connected", Protocol: "TCP", Host: host, Port: port,
			Authentication: "not readable", Certainty: seq.Observed, You: podNetwork,
			Proof: Proof{"exec in container " + c.Name, "/proc/net/tcp", "ESTABLISHED " + x.Local + " to " + x.Remote},
			Try:   opens(host, port, d.pod.Spec.NodeName)}
		if d.isAPIServer(host, port) {
			a.To = apiserver
			d.call(a)
			continue
		}
		if !slices.Contains(hosts, host) {
			continue
		}
		var pods corev1.PodList
		path := peerPath(host)
		if !d.get(path, &pods) {
			d.hide("who is at "+x.Remote+", to which the Pod is connected", d.why(path), d.needs(path, "list pods"))
			continue
		}
		if len(pods.Items) != 1 || pods.Items[0].Spec.HostNetwork {
			d.hide("who is at "+x.Remote+", to which the Pod is connected", "no Pod of its own network has that address", "")
			continue
		}
		if ephemeral(x.local) == ephemeral(x.remote) {
			d.hide("who of the two has opened the connection between "+x.Local+" and "+x.Remote+" (Pod "+
				pods.Items[0].Name+")", "the kernel's table does not say it, and neither do the ports", "")
			continue
		}
		p := pods.Items[0]
		a.Certainty = seq.Inferred
		a.To = d.add(Component{ID: "pod " + p.Namespace + "/" + p.Name, Kind: RouteKind, Name: "Pod " + p.Name, About: host,
			Node: p.Spec.NodeName, Proof: proof(path, "items[0].metadata.name", p.Name)})
		a.Note = "that they are connected is read; who opened it is concluded from the ports: clients get one of 32768…60999"
		if ephemeral(x.remote) {
			a.From, a.To = a.To, own
			a.Host, a.Port = x.local.Addr().String(), int(x.local.Port())
			a.Try = opens(a.Host, a.Port, d.pod.Spec.NodeName)
		}
		d.call(a)
	}
}

// isAPIServer reports whether an address is one of the API server's.
func (d *deriver) isAPIServer(host string, port int) bool {
	var s corev1.Service
	d.get(kubernetesPath, &s)
	return host == s.Spec.ClusterIP || slices.ContainsFunc(d.m.APIs, func(a API) bool {
		return a.To == apiserver && a.Host == host && a.Port == port
	})
}
