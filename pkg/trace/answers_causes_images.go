package trace

// Causes of images that do not come, of containers and of image volumes.

var imagePolicies = []obstacleCause{
	{name: "image-name", match: re(`^InvalidImageName: `), explain: "{image} is no image reference",
		next: []string{"write it as [REGISTRY/]NAME[:TAG], in small letters: " + imagesOf}, dead: atOnce},
	{name: "image-never", explain: "{image} is not on {node}, and imagePullPolicy Never forbids to pull it",
		next: []string{"load it onto the node (with kind: kind load docker-image {image}), or set another policy: " +
			"$ kubectl explain pod.spec.containers.imagePullPolicy",
			"see what the node has: $ kubectl get node {node} -o jsonpath='{.status.images[*].names}'"}, dead: atOnce},
}

// pullTroubles are told of the image that the message is about: of a container, or of an image volume ({ofVolume}).
var pullTroubles = []obstacleCause{
	{name: "image-platform", match: re(`no match for platform|no matching manifest`), by: "registry",
		explain: "{image}{ofVolume} is not built for the platform of {node}",
		next:    []string{"$ kubectl get node {node} -o jsonpath='{.status.nodeInfo.architecture}'"}, dead: missingGrace},
	{name: "no-manifest", match: re(`unexpected media type (\S+)`), by: "registry",
		explain: "what the registry gives for {image}{ofVolume} is no image, but {1}: the page of a proxy or of a login, " +
			"or what no runtime can run",
		next: []string{"check the name of the registry: " + imagesOf,
			"ask it from {node}, without logging in: curl -i https://{registry}/v2/"}, dead: missingGrace},
	{name: "image-store", match: re(`extract layer|snapshot|content digest|no space left`),
		explain: "the runtime has got {image}{ofVolume}, but cannot unpack it: a layer is damaged, or the disk of {node} " +
			"is full or broken; the kubelet tries again",
		next: []string{"look at the conditions of the node: $ kubectl describe node {node}",
			"push the image again, if other images can be pulled there"}},
	{name: "no-pull-secret", match: re(`(?i)\b(?:unauthorized|authorization failed|denied|forbidden)\b.*image pull secrets? \(([^)]*)\)`), by: "registry",
		explain: "the registry denied the pull of {image}{ofVolume}, and the kubelet could not get the Pod's " +
			"imagePullSecrets {1}: most often they do not exist",
		next: []string{"list those that exist: $ kubectl get secrets -n {namespace}",
			"create one as the examples show: $ kubectl create secret docker-registry --help"},
		dead: missingGrace},
	{name: "image-rights", match: re(`(?i)\b(unauthorized|authorization failed|denied|forbidden)\b`), by: "registry",
		explain: "the registry denied the pull of {image}{ofVolume}: wrong or missing credentials, or no such repository",
		next: []string{"check the name, and imagePullSecrets: $ kubectl get pod {pod} -n {namespace} -o " +
			"jsonpath='{.spec.imagePullSecrets}'"}, dead: missingGrace},
	{name: "registry-busy", match: re(`(?i)too ?many ?requests|rate limit`), by: "registry",
		explain: "the registry {registry} rejects the pull of {image}{ofVolume} for now, because its rate limit " +
			"is reached; the " +
			"kubelet tries again",
		next: []string{"pull with an account of your own, which may pull more, or from a mirror: $ kubectl explain " +
			"pod.spec.imagePullSecrets"}},
	{name: "registry-plain", match: re(`server gave HTTP response to HTTPS client`), by: "runtime",
		explain: "the runtime of {node} asks the registry {registry} by HTTPS, and the registry speaks only HTTP",
		next: []string{"allow HTTP for it in the configuration of the runtime (containerd: certs.d/{registry}/hosts.toml), " +
			"or give the registry a certificate"}, dead: missingGrace},
	{name: "registry-certificate", match: re(`x509: (.*)`), by: "runtime",
		explain: "{node} does not trust the certificate of the registry {registry}: {1}",
		next: []string{"give the runtime of {node} the CA of the registry (containerd: certs.d/{registry}/hosts.toml), or " +
			"the registry a certificate for that name"}, dead: missingGrace},
	{name: "registry-name", match: re(`no such host|server misbehaving`), by: "registry",
		explain: "{node} does not find the registry {registry}: its DNS does not know that name; the kubelet tries again",
		next: []string{"check the name of the registry: " + imagesOf,
			"resolve it on {node}: getent hosts {registry}"}},
	{name: "registry-error", match: re(`(?i)\b50[0-9] (?:internal|bad|service|gateway)`), by: "registry",
		explain: "the registry {registry} answers the pull of {image}{ofVolume} with an internal error; the " +
			"kubelet tries again",
		next: []string{"look at the registry, or wait: $ kubectl get events -n {namespace} --field-selector " +
			"involvedObject.name={pod}"}},
	{name: "registry",
		match: re(`(?i)(connection refused|i/o timeout|deadline exceeded|no route|unreachable|tls: |\bEOF\b|reset by peer)`),
		by:    "registry",
		explain: "{node} cannot reach the registry {registry}, from which it pulls {image}{ofVolume}; the " +
			"kubelet tries again",
		next: []string{"check name and port of the registry: " + imagesOf,
			"ask it from {node}: curl -i https://{registry}/v2/"}},
	{name: "no-image", match: re(`(?i)(failed to resolve.*not found|manifest unknown|name unknown)`), by: "registry",
		explain: "the registry has no {image}{ofVolume}: the name or the tag is wrong, or it was never pushed",
		next:    []string{"check name and tag of the image: " + imagesOf}, dead: atOnce},
	{name: "image", by: "runtime", explain: "{image}{ofVolume} cannot be pulled; the kubelet tries again",
		next: []string{describePod}},
}

const imagesOf = "$ kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.containers[*].image} " +
	"{.spec.volumes[*].image}'"

var slowPulls = []obstacleCause{
	{name: "slow-pull", by: "runtime",
		explain: "the runtime of {node} pulls {image}{ofVolume}, and has not said yet that it has it",
		next:    []string{describePod, "check the size of the image, and the way from {node} to its registry"}},
}
