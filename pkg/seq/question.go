package seq

// Question is something that a cluster can be asked when it would explain what is seen, and not before: most runs need
// none.
type Question struct {
	Kind       string // what is asked for: a "node", the "lease" of one, "webhooks" for Pods, or an "owner"
	Node       string
	Owner      Object // which an object refers to
	APIVersion string // of the owner
}
