package seq

// Question is something that a cluster can be asked when it would explain what is seen, and not before: most runs need
// none.
type Question struct {
	// what is asked for: a "node", the "lease" of one, "webhooks" for Pods, an "owner", an "object", or the Pods that are
	// the "users" of one
	Kind       string
	Node       string
	Object     Object // the owner that another object refers to, the object, or that which is used
	APIVersion string // of Object
}
