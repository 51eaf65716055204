package apimap

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Map is every API around a Pod, or around the control plane and the nodes.
type Map struct {
	Subject    seq.Object  // the Pod, or nothing
	Server     string      // version of the API server; empty where it is not known
	Context    string      // of the kubeconfig
	User       string      // who you are to the API server
	Taken      time.Time   // when it was read
	Components []Component // in the order in which one would explain them
	APIs       []API       // likewise
	Hidden     []Hidden    // what could not be read
	Left       []Left      // what is not drawn, since there is too much of it
	Processes  []Container // what runs inside, where that was asked for
	Run        []Message   // the messages of a run, in their order, where there is one
}

// Kind says what a component is.
type Kind string

// The kinds of components.
const (
	ClientKind    Kind = "client"    // who calls the API server from outside
	APIServerKind Kind = "apiserver" // the Kubernetes API
	ControlKind   Kind = "control"   // the rest of the control plane
	ExtensionKind Kind = "extension" // who answers for the API server: webhooks, aggregated APIs
	NodeKind      Kind = "node"      // the kubelet
	RuntimeKind   Kind = "runtime"   // what the kubelet has work done by: runtime, runc, CNI, log files
	ContainerKind Kind = "container" // of the Pod, or the Pod
	RouteKind     Kind = "route"     // the way to the Pod: Services, Ingresses, routes of Gateways
	ObserverKind  Kind = "observer"  // who looks at it: metrics, logs
)

// Component is a part of the cluster that has an API or calls one.
type Component struct {
	// ID is that of the participant in a sequence, where it takes part in one
	ID    string `json:"id"`
	Kind  Kind   `json:"kind"`            // client, apiserver, control, extension, node, runtime, container, route or observer
	Name  string `json:"name"`            // for people
	About string `json:"about,omitempty"` // version, address, or who leads; from the proof
	Node  string `json:"node,omitempty"`  // where it runs, as far as that is known
	Proof Proof  `json:"proof,omitzero"`  // what it is read from
}

// API is one API that a component has, with who calls it.
type API struct {
	ID             string        `json:"id"`             // unique in the map
	Section        string        `json:"section"`        // of the listing
	From           string        `json:"from"`           // id of the component that calls
	To             string        `json:"to"`             // id of the component that answers
	Name           string        `json:"name"`           // what it is for
	Protocol       string        `json:"protocol"`       // such as HTTPS or gRPC
	Host           string        `json:"host"`           // address or name; empty where it is not known or has none
	Port           int           `json:"port"`           // 0 where it is not known or has none
	Path           string        `json:"path"`           // of HTTP, a socket's or a file's; empty where it has none
	Authentication string        `json:"authentication"` // how the one proves to the other who it is
	Certainty      seq.Certainty `json:"certainty"`      // observed: read from the proof; inferred: known of Kubernetes
	Proof          Proof         `json:"proof"`          // what it is read from
	You            Access        `json:"you"`            // whether you may call it
	Try            Try           `json:"try"`            // a command to try it
	Note           string        `json:"note,omitempty"` // what else is to be known
}

// Proof is a field of an answer.
type Proof struct {
	Ask   string `json:"ask"`   // method and path of the request that the answer is to, or kubeconfig
	Field string `json:"field"` // of the answer
	Value string `json:"value"` // of the field
}

// Access is whether you may call an API.
type Access struct {
	// Permission is that of the Kubernetes API, or who may where Kubernetes does not guard it
	Permission string `json:"permission"`
	Allowed    string `json:"allowed"` // allowed, denied or unknown
}

// The answers to whether you may.
const (
	Allowed = "allowed"
	Denied  = "denied"
	Unknown = "unknown"
)

// Try is a command that calls an API, or shows what came of it.
type Try struct {
	Command string `json:"command"`      // a line for a shell
	On      string `json:"on,omitempty"` // the node where it runs, as root; empty is where you are
	Prints  string `json:"prints"`       // part of what it prints, or empty
}

// Hidden is what could not be read.
type Hidden struct {
	What string `json:"what"`           // what is missing
	Why  string `json:"why"`            // why it could not be read
	Need string `json:"need,omitempty"` // the permission to ask for, where that is missing
}

// Left is what is not drawn.
type Left struct {
	What  string `json:"what"`  // of which there is too much
	Count int    `json:"count"` // so many are not drawn; -1 where that is not known
	Limit int    `json:"limit"` // so many are drawn or looked at, at the most
}

// component returns that of an id.
func (m *Map) component(id string) *Component {
	for i := range m.Components {
		if m.Components[i].ID == id {
			return &m.Components[i]
		}
	}
	return nil
}
