// Package apimap tells which web APIs there are around a Pod, or around a cluster's control plane and nodes: who calls
// whom, at which address, as whom, and whether you may.
//
// A [Snapshot] is all that was read: requests to the API server and their answers, without what may be secret. [Derive]
// is a pure function of it, as the fold of package trace is one of observations: no client, no clock. [First] and
// [Then]
// say what is to be asked, so that what is read and what is derived from it stand in one place; who asks is package
// apiread, or a file that [Read] reads.
//
// Nothing is drawn without proof. An API is observed where a field or an answer of this cluster says that the one calls
// the other there, and inferred where that is only known of Kubernetes. What cannot be read is in [Map.Hidden], each
// with its reason.
package apimap
