package trace

import "github.com/kubectl-seq/kubectl-seq/pkg/seq"

// rulesOfExec are about a command that is run in a container that runs already.
var rulesOfExec = []Rule{
	{
		Name: "own-exec", Trigger: "our own request for pods/exec", From: seq.Kubectl, To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Brief, derive: ownExec,
		Proves:  "we sent it and read the answer",
		Gist:    "A GET that turns its connection into streams: 101, no object.",
		Explain: "The client asks for the subresource exec of the Pod, and for its connection to be switched: to a WebSocket, or to SPDY with older servers. What follows on it is no longer HTTP: standard input, output, errors and the exit status are streams on one connection. No object is written, so no watch shows any of it.",
		Doc:     docs + "reference/using-api/api-concepts/#exec-attach-port-forward",
	},
	{
		Name: "exec-kubelet", Trigger: "the command's output or exit status", From: seq.APIServer, To: seq.Kubelet, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Inferred, Detail: seq.Brief, derive: execKubelet,
		Proves:  "only the kubelet of the Pod's node reaches the container's runtime, and the API server passes the streams on",
		Gist:    "The API server calls the kubelet: one of few calls that way round.",
		Explain: "The API server looks up the node of the Pod and opens a connection to its kubelet, port 10250, on which it passes the streams on. Nearly everywhere else it is the kubelet that calls.",
		Doc:     docs + "concepts/architecture/control-plane-node-communication/#apiserver-to-kubelet",
	},
	{
		Name: "exec-cri", Trigger: "the command's output or exit status", From: seq.Kubelet, To: seq.Runtime, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Inferred, Detail: seq.Brief, derive: execCRI,
		Proves:  "the kubelet has the runtime run a command by the CRI's Exec, which answers with the address of the streams",
		Gist:    "The runtime answers with an address where the streams begin.",
		Explain: "The kubelet asks the runtime by the CRI's Exec. The answer is only an address: the kubelet then connects the streams to it, and the command starts once they are.",
		Doc:     docs + "concepts/architecture/cri/",
	},
	{
		Name: "exec-runc", Trigger: "the command's output or exit status", Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Inferred, Detail: seq.Brief, derive: execRunc,
		Proves:  "what has written or ended has begun; runc starts every process of a container",
		Gist:    "A second process joins the namespaces of the container.",
		Explain: "runc starts the command in the namespaces and cgroup of the container, beside its first process. It is no child of process 1, but it shares its file system, network and limits.",
		Doc:     docs + "tasks/debug/debug-application/get-shell-running-container/",
	},
	{
		Name: "exec-output", Trigger: "the first bytes on a stream", From: seq.APIServer, To: seq.Kubectl, Kind: seq.DeliveryKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Normal, derive: execOutput,
		Proves:  "we read it",
		Gist:    "Output comes back through runtime, kubelet and API server.",
		Explain: "What the command writes comes back the whole way: runtime, kubelet, API server. Nothing of it is kept anywhere, and kubectl logs does not have it.",
		Doc:     docs + "tasks/debug/debug-application/get-shell-running-container/",
	},
	{
		Name: "exec-exit", Trigger: "the exit status on the last stream", Kind: seq.NoteKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Brief, derive: execExit,
		Proves:  "the exit status that the runtime waited for",
		Gist:    "The command ended. The container goes on while process 1 does.",
		Explain: "The command ended. That ends no container: only the end of its first process does.",
		Doc:     docs + "concepts/workloads/pods/pod-lifecycle/#container-states",
	},
	{
		Name: "exec-status", Trigger: "the exit status on the last stream", From: seq.APIServer, To: seq.Kubectl, Kind: seq.DeliveryKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Brief, derive: execStatus,
		Proves:  "we read it",
		Gist:    "The exit status comes on a stream of its own; then all close.",
		Explain: "The exit status of the command comes as a Status object on a stream of its own, after which the connection is closed. kubectl exits with that code.",
		Doc:     docs + "reference/kubectl/generated/kubectl_exec/",
	},
	{
		Name: "exec-span", Trigger: "the kubelet's span of a request to its own server", From: seq.APIServer, To: seq.Kubelet, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Brief, derive: execServed,
		Proves:  "the kubelet timed the request itself",
		Gist:    "The kubelet is a server, too: for exec, logs and port-forward.",
		Explain: "The kubelet serves exec, attach, port-forward and logs itself, at port 10250 of its node. The API server is its client there, and passes on what it gets.",
		Doc:     docs + "reference/networking/ports-and-protocols/",
	},
	{
		Name: "process-span", Trigger: "the runtime's spans of a process", To: seq.Runc, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Brief, derive: execStarted,
		Proves:  "the runtime timed its call to the shim, which runs runc, and how long it waited for the process",
		Gist:    "The shim of the container runs runc once more, for this process.",
		Explain: "The shim that holds the container runs runc once more, which starts one more process in it; the runtime then waits for the end of that.",
		Doc:     docs + "setup/production-environment/container-runtimes/",
	},
	{
		Name: "process", Trigger: "a command of ours that reads /proc in the container", Kind: seq.NoteKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Normal, derive: processes,
		Proves:  "it was in the container's /proc when we looked",
		Gist:    "Process 1 is the container; the others live and die with it.",
		Explain: "The first process of a container is number 1 of its namespace. It gets no signal that it has no handler for, and when it ends the kernel ends all the others.",
		Doc:     docs + "concepts/containers/",
	},
}
