package trace

import "github.com/kubectl-seq/kubectl-seq/pkg/seq"

const dockerDocs = "https://docs.docker.com/"

// rulesOfDocker are about a container that a Docker Engine runs.
var rulesOfDocker = []Rule{
	{
		Name: "docker-request", Trigger: "our own request", From: seq.User, To: seq.Engine, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Brief, of: ofEngines, derive: dockerRequests,
		Proves:  "we sent it and read the answer",
		Gist:    "The docker command is a client; all of it is HTTP to the daemon.",
		Explain: "What the docker command does is HTTP requests to the daemon, by a socket or over the network: create makes a container of an image and answers with its id, start starts it. Nobody keeps a wish: what fails, or ends, the client has to ask for again.",
		Doc:     dockerDocs + "reference/api/engine/",
	},
	{
		Name: "docker-look", Trigger: "our own GET", From: seq.User, To: seq.Engine, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Full, of: ofEngines, derive: dockerLooks,
		Proves:  "we sent it and read the answer",
		Gist:    "This tool asks, to be able to show; docker run asks for less.",
		Explain: "This tool itself asks for the engine's version and events and inspects image and container, so that it can show them.",
		Doc:     dockerDocs + "reference/api/engine/",
	},
	{
		Name: "docker-image", Trigger: "inspecting the image", From: seq.Engine, To: seq.Engine, Kind: seq.NoteKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Brief, of: ofEngines, derive: dockerImage,
		Proves:  "the image's layers are in what the engine says of it; an image is never changed",
		Gist:    "An image is read-only layers; every container of it shares them.",
		Explain: "An image is a stack of read-only layers and a configuration. All containers of the image use the same layers; none can change them.",
		Doc:     dockerDocs + "engine/storage/drivers/",
	},
	{
		Name: "docker-layer", Trigger: "inspecting the container", From: seq.Engine, To: seq.Engine, Kind: seq.NoteKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Brief, of: ofEngines, derive: dockerLayer,
		Proves:  "the engine names the storage driver that keeps the container's own layer",
		Gist:    "What a container writes goes to a layer of its own, and with it.",
		Explain: "Creating a container adds one thin layer that can be written to, on top of the image's. What the container changes is copied there first. It goes when the container is removed.",
		Doc:     dockerDocs + "engine/storage/drivers/#container-and-layers",
	},
	{
		Name: "docker-event", Trigger: "an event of the engine", From: seq.Engine, To: seq.Engine, Kind: seq.NoteKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Normal, of: ofEngines, derive: dockerEvents,
		Proves:  "the engine noted it, with nanoseconds",
		Gist:    "The daemon tells everybody who listens: docker events.",
		Explain: "The daemon keeps a stream of what happens to containers, networks and images, which anybody may listen to who may ask it anything: docker events.",
		Doc:     dockerDocs + "reference/cli/docker/system/events/",
	},
	{
		Name: "docker-containerd", Trigger: "that the container has been started", From: seq.Engine, To: seq.Containerd, Kind: seq.RequestKind, At: seq.AtEnd,
		Certainty: seq.Inferred, Detail: seq.Brief, of: ofEngines, derive: dockerContainerd,
		Proves:  "the daemon starts nothing itself: containerd does, by these three calls",
		Gist:    "The daemon hands the container to containerd when it starts it.",
		Explain: "The daemon keeps images, networks and volumes, but runs nothing. When a container starts, it has containerd create the container and a task, the running part of it, and then start that.",
		Doc:     "https://github.com/containerd/containerd/blob/main/docs/getting-started.md",
	},
	{
		Name: "containerd-event", Trigger: "an event of containerd", From: seq.Engine, To: seq.Containerd, Kind: seq.RequestKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Brief, of: ofEngines, derive: containerdEvents,
		Proves:  "containerd noted that it has done so, with nanoseconds",
		Gist:    "containerd has events of its own, in a namespace of the engine.",
		Explain: "containerd publishes an event when it has done what it was asked for. Docker's are in the namespace moby, those of a kubelet's runtime in k8s.io.",
		Doc:     "https://github.com/containerd/containerd/blob/main/docs/namespaces.md",
	},
	{
		Name: "docker-runc", Trigger: "that the task has been created and started", From: seq.Containerd, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Inferred, Detail: seq.Brief, of: ofEngines, derive: dockerRunc,
		Proves:  "containerd's shim runs the OCI runtime that the container names, once to create and once to start",
		Gist:    "runc makes namespaces and cgroup, starts the program, and ends.",
		Explain: "A shim of containerd runs runc twice: create sets up namespaces, cgroup and root file system with a process that waits, start lets that process become the container's program. runc itself ends; the shim stays and holds the container.",
		Doc:     "https://github.com/opencontainers/runtime-spec/blob/main/runtime.md#lifecycle",
	},
	{
		Name: "docker-program", Trigger: "that the task has been started", Kind: seq.RequestKind, At: seq.AtStart, Label: "exec the container's program",
		Certainty: seq.Inferred, Detail: seq.Brief, of: ofEngines, derive: dockerProgram,
		Proves:  "runc's start has done its work only when the process has become the program",
		Gist:    "The waiting process becomes the program: process 1.",
		Explain: "The process that runc left waiting executes the container's program, which so becomes process 1 in its namespaces.",
		Doc:     dockerDocs + "engine/containers/run/",
	},
	{
		Name: "docker-output", Trigger: "the first bytes of an attached stream", From: seq.Engine, To: seq.User, Kind: seq.DeliveryKind, At: seq.AtEnd, Label: "the first of the container's output",
		Certainty: seq.Observed, Detail: seq.Normal, of: ofEngines, derive: dockerOutput,
		Proves:  "we read it",
		Gist:    "Output comes by shim and daemon, which keeps it for docker logs.",
		Explain: "What the program writes goes through pipes of the shim to the daemon, which keeps it by its logging driver and passes it on to whoever is attached.",
		Doc:     dockerDocs + "reference/cli/docker/container/attach/",
	},
	{
		Name: "docker-exit", Trigger: "the event of the exit", Kind: seq.NoteKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Brief, of: ofEngines, derive: dockerExit,
		Proves:  "containerd's event has the exit's own time; the engine's, when it took note of it",
		Gist:    "The container ends with its first process; nobody starts it again.",
		Explain: "The container ends when its first process does. Without a restart policy nobody starts it again; what is left is its layer, its logs and its exit code, until it is removed.",
		Doc:     dockerDocs + "engine/containers/run/#exit-status",
	},
	{
		Name: "docker-exit-told", Trigger: "that the engine has taken note of the exit", From: seq.Containerd, To: seq.Engine, Kind: seq.DeliveryKind, At: seq.AtEnd,
		Certainty: seq.Inferred, Detail: seq.Normal, of: ofEngines, derive: dockerExitTold,
		Proves:  "the engine learns of an exit only by containerd's events",
		Gist:    "The daemon, too, learns of an end by a stream of events.",
		Explain: "The shim sees the process end and tells containerd, whose event the daemon gets: a watch, as Kubernetes has it between its components.",
		Doc:     "https://github.com/containerd/containerd/blob/main/docs/getting-started.md",
	},
}
