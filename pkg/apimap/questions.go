package apimap

// What is asked. All of First is asked at once, and then all of Then, which the first answers lead to: two round trips.

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// The limits: so many are drawn, or looked at, at the most. What is beyond them is counted.
const (
	mostNodes      = 3   // drawn
	mostServices   = 8   // drawn, in front of one Pod
	mostExtensions = 8   // drawn, webhooks and aggregated APIs each
	mostRoutes     = 8   // drawn, Ingresses and HTTPRoutes each
	mostShippers   = 4   // drawn
	mostLooks      = 8   // containers whose processes are listed
	mostPeers      = 8   // drawn, other ends of connections
	mostListed     = 500 // looked at, of any kind
)

// The paths that are asked for.
const (
	versionPath     = "/version"
	readyPath       = "/readyz?verbose"
	whoPath         = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
	kubernetesPath  = "/api/v1/namespaces/default/services/kubernetes"
	kubernetesSlice = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=" +
		"kubernetes.io%2Fservice-name%3Dkubernetes"
	staticPath     = "/api/v1/namespaces/kube-system/pods?labelSelector=tier%3Dcontrol-plane"
	mutatingPath   = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
	validatingPath = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
	servedPath     = "/apis/apiregistration.k8s.io/v1/apiservices"
	daemonSetsPath = "/apis/apps/v1/daemonsets"
	monitorsPath   = "/apis/monitoring.coreos.com/v1/servicemonitors"
	nodesPath      = "/api/v1/nodes"
)

func leasePath(namespace, name string) string {
	return of("apis/coordination.k8s.io/v1", namespace, "leases", name)
}

func limited(path string, limit int) string { return fmt.Sprintf("%s?limit=%d", path, limit) }

// of is the path of an object, or of a collection, in a namespace of an API group, such as apis/apps/v1.
func of(group, namespace, resource string, name ...string) string {
	path := "/" + group
	if namespace != "" {
		path += "/namespaces/" + url.PathEscape(namespace)
	}
	path += "/" + resource
	for _, n := range name {
		path += "/" + url.PathEscape(n)
	}
	return path
}

const (
	core      = "api/v1"
	discovery = "apis/discovery.k8s.io/v1"
	networks  = "apis/networking.k8s.io/v1"
	gateways  = "apis/gateway.networking.k8s.io/v1"
)

// What is kept of the answers; all else is left out, and with it what may be secret. Of containers, the arguments are
// kept of the control plane's own only.
var (
	keptLease = []string{"metadata.name", "spec.holderIdentity", "spec.renewTime", "spec.leaseDurationSeconds"}
	keptPod   = []string{
		"metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.deletionTimestamp",
		`metadata.annotations."prometheus.io/scrape"`, `metadata.annotations."prometheus.io/port"`,
		`metadata.annotations."prometheus.io/path"`, `metadata.annotations."prometheus.io/scheme"`,
		`metadata.annotations."kubernetes.io/config.*"`,
		"metadata.managedFields.manager", "metadata.managedFields.operation",
		"metadata.managedFields.subresource", "metadata.managedFields.time", "spec.nodeName",
		"spec.hostNetwork", "spec.hostPID", "spec.runtimeClassName", "spec.serviceAccountName",
		"spec.shareProcessNamespace", "spec.volumes.name", "spec.volumes.hostPath",
		"spec.volumes.projected.sources.serviceAccountToken", "spec.restartPolicy",
		"status.phase", "status.hostIP", "status.podIP", "status.podIPs", "status.containerStatuses.name",
		"status.containerStatuses.state.running", "status.containerStatuses.state.waiting.reason",
		"status.containerStatuses.state.terminated.reason", "status.containerStatuses.containerID",
		"status.containerStatuses.restartCount", "status.initContainerStatuses.name",
		"status.initContainerStatuses.state.running", "status.initContainerStatuses.state.waiting.reason",
		"status.initContainerStatuses.state.terminated.reason", "status.initContainerStatuses.containerID",
		"status.initContainerStatuses.restartCount", "status.ephemeralContainerStatuses.name",
		"status.ephemeralContainerStatuses.state.running", "status.ephemeralContainerStatuses.containerID",
		"status.ephemeralContainerStatuses.restartCount"}
	keptOfContainer = []string{"name", "image", "ports", "volumeMounts.name", "volumeMounts.mountPath",
		"volumeMounts.subPath",
		"restartPolicy",
		"securityContext.runAsUser"}
	keptOfProbe = []string{"exec", "tcpSocket", "grpc", "httpGet.path", "httpGet.port", "httpGet.host",
		"httpGet.scheme",
		"initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"}
	keptNode = []string{"metadata.name", "metadata.labels", `metadata.annotations."kubeadm.alpha.kubernetes.io/cri-socket"`,
		"status.addresses", "status.daemonEndpoints", "status.nodeInfo", "status.runtimeHandlers", "status.conditions.type",
		"status.conditions.status"}
	keptService = []string{"metadata.name", "metadata.namespace", "metadata.labels", "spec.type", "spec.clusterIP",
		"spec.ports",
		"spec.selector"}
	keptSlice = []string{"metadata.name", "metadata.namespace", "metadata.labels", "addressType", "endpoints.addresses",
		"endpoints.conditions", "endpoints.nodeName", "endpoints.targetRef", "ports"}
	keptWebhooks = []string{"metadata.name", "webhooks.name", "webhooks.rules", "webhooks.clientConfig.service",
		"webhooks.clientConfig.url", "webhooks.failurePolicy", "webhooks.sideEffects", "webhooks.namespaceSelector",
		"webhooks.objectSelector", "webhooks.matchConditions.name", "webhooks.timeoutSeconds"}
	keptServed    = []string{"metadata.name", "spec.service", "spec.group", "spec.version", "status.conditions"}
	keptDaemonSet = []string{"metadata.name", "metadata.namespace", "status.numberReady",
		"spec.template.spec.nodeSelector",
		"spec.template.spec.volumes.name", "spec.template.spec.volumes.hostPath", "spec.template.spec.containers.name",
		"spec.template.spec.containers.volumeMounts", "spec.template.spec.initContainers.name",
		"spec.template.spec.initContainers.volumeMounts", "spec.template.spec.initContainers.restartPolicy"}
	keptIngress = []string{"metadata.name", "metadata.namespace", "spec.ingressClassName", "spec.defaultBackend",
		"spec.rules",
		"spec.tls.hosts", "status.loadBalancer"}
	keptRoute = []string{"metadata.name", "metadata.namespace", "spec.parentRefs", "spec.hostnames",
		"spec.rules.matches.path",
		"spec.rules.backendRefs", "status.parents.conditions", "status.parents.parentRef"}
	keptMonitor = []string{"metadata.name", "metadata.namespace", "spec.selector", "spec.namespaceSelector",
		"spec.endpoints.port",
		"spec.endpoints.path", "spec.endpoints.scheme", "spec.endpoints.interval", "spec.endpoints.targetPort"}
)

func init() {
	for _, all := range []string{"spec.containers.", "spec.initContainers.", "spec.ephemeralContainers."} {
		for _, field := range keptOfContainer {
			keptPod = append(keptPod, all+field)
		}
		for _, probe := range []string{"startupProbe.", "livenessProbe.", "readinessProbe.", "lifecycle.postStart.",
			"lifecycle.preStop."} {
			for _, field := range keptOfProbe {
				keptPod = append(keptPod, all+probe+field)
			}
		}
	}
}

// items are the fields of each object of a list, and what says how many there are.
func items(fields []string) []string {
	all := []string{"metadata.remainingItemCount", "metadata.continue"}
	for _, f := range fields {
		all = append(all, "items."+f)
	}
	return all
}

func get(path string, keep []string) Question {
	return Question{Method: "GET", Path: path, Keep: keep}
}

func list(path string, limit int, keep []string) Question {
	return get(limited(path, limit), items(keep))
}

// First are the questions that need no other answer. The subject is a Pod, or has no name.
func First(subject seq.Object) []Question {
	all := []Question{
		get(versionPath, []string{"gitVersion"}),
		{Method: "GET", Path: readyPath, Text: true},
		{Method: "POST", Path: whoPath, Keep: []string{"status.userInfo.username", "status.userInfo.groups"},
			Body: map[string]any{"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}},
		get(kubernetesPath, keptService),
		get(kubernetesSlice, items(keptSlice)),
		get(leasePath("kube-system", "kube-controller-manager"), keptLease),
		get(leasePath("kube-system", "kube-scheduler"), keptLease),
		get(staticPath, items(slices.Concat(keptPod, []string{"spec.containers.command", "spec.containers.args"}))),
		list(mutatingPath, mostListed, keptWebhooks),
		list(validatingPath, mostListed, keptWebhooks),
		list(servedPath, mostListed, keptServed),
		list(daemonSetsPath, mostListed, keptDaemonSet),
	}
	if subject.Name == "" {
		all = append(all, list(nodesPath, mostNodes, keptNode))
		for _, c := range counted {
			all = append(all, Question{Method: "GET", Path: limited(c.path, 1), Metadata: true, Keep: items(nil)})
		}
	} else {
		ns := subject.Namespace
		all = append(all,
			get(of(core, ns, "pods", subject.Name), keptPod),
			get(of(core, "", "namespaces", ns), []string{"metadata.name", "metadata.labels"}),
			list(of(discovery, ns, "endpointslices"), mostListed, keptSlice),
			list(of(networks, ns, "ingresses"), mostListed, keptIngress),
			list(of(gateways, ns, "httproutes"), mostListed, keptRoute),
			list(monitorsPath, mostListed, keptMonitor))
	}
	for _, p := range permissions(subject) {
		all = append(all, p.review())
	}
	return all
}

// counted are collections of which a map of the whole cluster only says how many there are.
var counted = []struct{ path, name string }{{"/api/v1/pods", "Pods"}, {"/api/v1/services", "Services"},
	{"/apis/networking.k8s.io/v1/ingresses", "Ingresses"}}

// Then are the questions that the first answers lead to.
func Then(s *Snapshot) []Question {
	var all []Question
	var pod corev1.Pod
	var names []string
	if s.Subject.Name != "" {
		if s.get(of(core, s.Subject.Namespace, "pods", s.Subject.Name), &pod) && pod.Spec.NodeName != "" {
			names = []string{pod.Spec.NodeName}
			all = append(all, get(of(core, "", "nodes", pod.Spec.NodeName), keptNode))
		}
		if c := pod.Spec.RuntimeClassName; c != nil {
			all = append(all, get(of("apis/node.k8s.io/v1", "", "runtimeclasses", *c), []string{"metadata.name", "handler"}))
		}
		services, _ := servicesOf(s, &pod)
		for _, name := range services {
			all = append(all, get(of(core, s.Subject.Namespace, "services", name), keptService))
		}
	} else {
		var nodes corev1.NodeList
		s.get(limited(nodesPath, mostNodes), &nodes)
		for _, n := range nodes.Items {
			names = append(names, n.Name)
		}
	}
	for _, name := range names {
		all = append(all, get(leasePath("kube-node-lease", name), keptLease), getLease("kube-node-lease", name).review(),
			getProxy(name).review())
	}
	all = append(all, webhookReviews(s)...)
	for _, a := range served(s) {
		all = append(all, Permission{Verb: "get", Path: a.path()}.review())
		if metrics(a) {
			for _, name := range names {
				all = append(all, getMetrics(name).review())
			}
			all = append(all, get(of(discovery, a.Spec.Service.Namespace, "endpointslices")+
				"?labelSelector="+url.QueryEscape(discoveryv1.LabelServiceName+"="+a.Spec.Service.Name), items(keptSlice)))
		}
	}
	return all
}

// slicesPath is where the EndpointSlices of a namespace are.
func slicesPath(namespace string) string {
	return limited(of(discovery, namespace, "endpointslices"), mostListed)
}

// servicesOf are the names of the Services whose EndpointSlices name the Pod, as many as are drawn, and how many more
// there are.
func servicesOf(s *Snapshot, pod *corev1.Pod) (names []string, more int) {
	for _, x := range slicesOf(s, pod) {
		if name := x.Labels[discoveryv1.LabelServiceName]; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	n := min(len(names), mostServices)
	return names[:n], len(names) - n
}

// slicesOf are the EndpointSlices that name the Pod.
func slicesOf(s *Snapshot, pod *corev1.Pod) (all []discoveryv1.EndpointSlice) {
	var found discoveryv1.EndpointSliceList
	if pod.Name == "" || !s.get(slicesPath(pod.Namespace), &found) {
		return nil
	}
	for _, x := range found.Items {
		if slices.ContainsFunc(x.Endpoints, func(e discoveryv1.Endpoint) bool { return isOf(e, pod) }) {
			all = append(all, x)
		}
	}
	return all
}

// isOf reports whether an endpoint is the Pod.
func isOf(e discoveryv1.Endpoint, pod *corev1.Pod) bool {
	return e.TargetRef != nil && e.TargetRef.Kind == "Pod" && e.TargetRef.Name == pod.Name && e.TargetRef.UID == pod.UID
}

// more is how many of a list are not in the answer: -1 where the server does not say.
func (s *Snapshot) more(path string) int {
	var l struct {
		Metadata struct {
			RemainingItemCount *int
			Continue           string
		}
		Items []json.RawMessage
	}
	switch {
	case !s.get(path, &l) || l.Metadata.Continue == "" && l.Metadata.RemainingItemCount == nil:
		return 0
	case l.Metadata.RemainingItemCount == nil:
		return -1
	}
	return *l.Metadata.RemainingItemCount
}
