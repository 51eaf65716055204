package seqreceiver

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Config is the receiver's part of the Collector's configuration. The defaults run.
type Config struct {
	// Kubeconfig is a file that says how to reach the cluster, and Context which of its contexts. Without a file it is
	// found as kubectl finds it; where there is none, and in a cluster, the Pod's own service account is used.
	Kubeconfig string `mapstructure:"kubeconfig"`
	Context    string `mapstructure:"context"`
	// Namespaces are those whose Pods are followed; none stands for all.
	Namespaces []string `mapstructure:"namespaces"`
	// LabelSelector is which of their Pods are followed, as kubectl's -l takes it; empty stands for all.
	LabelSelector string `mapstructure:"label_selector"`
	// Send is which starts are sent: all, slower-than, stuck or failed.
	Send string `mapstructure:"send"`
	// SlowerThan is what a start takes at least that is sent with slower-than. One that failed is, too.
	SlowerThan time.Duration `mapstructure:"slower_than"`
	// StuckAfter is how long something has to hold a start before a log record tells of it. What nothing that Kubernetes
	// does by itself will change is told of at once.
	StuckAfter time.Duration `mapstructure:"stuck_after"`
	// Settle is how late an observation may arrive.
	Settle time.Duration `mapstructure:"settle"`
	// QueueSize is how many traces and log records may wait for a consumer that refuses them; more are dropped, and
	// counted.
	QueueSize int `mapstructure:"queue_size"`
	// State is where it is noted how far the receiver has come.
	State StateConfig `mapstructure:"state"`
	// LeaderElection has one of several replicas follow the cluster, by a Lease of the state's name.
	LeaderElection bool `mapstructure:"leader_election"`
}

// StateConfig names the ConfigMap in which the revisions are noted from which to go on, and the Lease.
type StateConfig struct {
	// Namespace is that of both; empty stands for that of the Pod in which the Collector runs. Outside of a cluster
	// nothing is noted without it.
	Namespace string `mapstructure:"namespace"`
	Name      string `mapstructure:"name"`
}

// Which starts are sent.
const (
	sendAll    = "all"
	sendSlower = "slower-than"
	sendStuck  = "stuck"
	sendFailed = "failed"
)

func defaultConfig() *Config {
	return &Config{Send: sendAll, SlowerThan: 10 * time.Second, StuckAfter: time.Minute, Settle: 2 * time.Second,
		QueueSize: 1000, State: StateConfig{Name: "otelcol-seq"}}
}

// Validate says what is wrong, each in one line.
func (c *Config) Validate() error {
	var all []error
	wrong := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if sends := []string{sendAll, sendSlower, sendStuck, sendFailed}; !slices.Contains(sends, c.Send) {
		wrong("send: %q is none of all, slower-than, stuck, failed", c.Send)
	}
	if _, err := labels.Parse(c.LabelSelector); err != nil {
		wrong("label_selector: %w", err)
	}
	for _, n := range c.Namespaces {
		if why := validation.IsDNS1123Label(n); len(why) > 0 {
			wrong("namespaces: %q is no name of a namespace", n)
		}
	}
	for _, x := range []struct {
		name  string
		value time.Duration
	}{{"slower_than", c.SlowerThan}, {"stuck_after", c.StuckAfter}, {"settle", c.Settle}} {
		if x.value <= 0 {
			wrong("%s: %s is not more than 0", x.name, x.value)
		}
	}
	if c.QueueSize < 1 {
		wrong("queue_size: %d is less than 1", c.QueueSize)
	}
	if why := validation.IsDNS1123Subdomain(c.State.Name); len(why) > 0 {
		wrong("state: name: %q is no name of an object", c.State.Name)
	}
	return errors.Join(all...)
}
