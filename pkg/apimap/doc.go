// Package apimap finds the web APIs around a Pod, or around a cluster's control plane and nodes: who calls whom, at
// which address, as whom, and whether you may.
//
// A [Snapshot] is all that was read: requests to the API server and their answers, without what may be secret. [Derive]
// is a pure function of it, as the fold of package trace is one of observations: no client, no clock. [First] and
// [Then] list what to ask, so that the questions and what is derived from the answers stand in one place. Package
// apiread asks them; [Read] reads the answers from a file.
//
// Nothing is drawn without evidence. An API is observed if a field or an answer of this cluster says that the one calls
// the other there, and inferred if that is only known of Kubernetes. What cannot be read is in [Map.Hidden], each
// with its reason.
package apimap
