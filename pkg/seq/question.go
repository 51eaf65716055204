package seq

// Question is something that a cluster can be asked when it would explain what is seen, and not before: most runs need
// none.
type Question struct {
	About string // what is asked for: "lease" of a node, or "webhooks" for Pods
	Node  string
}
