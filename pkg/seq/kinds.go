package seq

// ObjectKind is a kind of objects of the API that a run can be about or tell of.
type ObjectKind struct {
	Kind, Resource string // as objects and requests have it
	MakesPods      bool   // its controller does, directly or through others
}

// ObjectKinds are those kinds, what brings about others before these: of several objects, a run is about the first.
var ObjectKinds = []ObjectKind{
	{"Deployment", "deployments", true},
	{"StatefulSet", "statefulsets", true},
	{"DaemonSet", "daemonsets", true},
	{"ReplicaSet", "replicasets", true},
	{"ReplicationController", "replicationcontrollers", true},
	{"CronJob", "cronjobs", true},
	{"Job", "jobs", true},
	{"Pod", "pods", false},
	{"PersistentVolumeClaim", "persistentvolumeclaims", false},
	{"Service", "services", false},
	{"EndpointSlice", "endpointslices", false},
}
