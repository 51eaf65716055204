package seqreceiver

import (
	"strings"
	"testing"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

// What cannot work is said at the start, in one line.
func TestCannotWork(t *testing.T) {
	for _, x := range []struct {
		change func(*Config)
		denied string
		want   string
	}{
		{func(c *Config) { c.Namespaces = []string{"nowhere"} }, "", `namespaces: there is no namespace "nowhere"`},
		{func(c *Config) { c.Namespaces = []string{"default"} }, "watch events",
			"no right to watch events in namespace default"},
		{func(*Config) {}, "list pods", "no right to list pods in all namespaces"},
		{func(*Config) {}, "create configmaps", "no right to create configmaps in namespace default"},
		{func(c *Config) { c.LeaderElection, c.State.Namespace = true, "" }, "",
			"leader_election: state: namespace: must say in which namespace its Lease is"},
		{func(c *Config) { c.State.Namespace = "nowhere" }, "", `state: namespace: there is no namespace "nowhere"`},
		{func(c *Config) { c.LeaderElection = true }, "update leases", "no right to update leases in namespace default"},
		{func(c *Config) { c.Kubeconfig = "/nowhere" }, "", "how to reach the cluster is not known"},
	} {
		a := newAPI(t)
		a.denied = x.denied
		c := defaultConfig()
		c.Kubeconfig, c.State.Namespace = a.kubeconfig(t), "default"
		x.change(c)
		r, err := NewFactory().CreateTraces(t.Context(), receivertest.NewNopSettings(typeOf), c, consumertest.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		err = r.Start(t.Context(), componenttest.NewNopHost())
		if err == nil || !strings.HasPrefix(err.Error(), x.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %s", err, x.want)
		}
		if err := r.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := componenttest.CheckConfigStruct(defaultConfig()); err != nil {
		t.Error(err)
	}
	if err := defaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Config){
		`send: "some" is none of all, slower-than, stuck, failed`: func(c *Config) { c.Send = "some" },
		"label_selector: ":                          func(c *Config) { c.LabelSelector = "a=b=c" },
		`namespaces: "A" is no name of a namespace`: func(c *Config) { c.Namespaces = []string{"A"} },
		"settle: 0s is not more than 0":             func(c *Config) { c.Settle = 0 },
		"queue_size: 0 is less than 1":              func(c *Config) { c.QueueSize = 0 },
		`state: name: "" is no name of an object`:   func(c *Config) { c.State.Name = "" },
	} {
		c := defaultConfig()
		change(c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
