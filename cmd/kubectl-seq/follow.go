package main

import (
	"errors"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
)

// usually is how long a run follows what it has done.
const usually = 2 * time.Minute

// followFlags are common to all commands that do something to a Pod and follow what comes of it.
type followFlags struct {
	drawFlags
	evidenceFlags
	record     string
	pods       string
	timeout    time.Duration
	limit      string // the name of its flag
	waitAnyway bool
}

// followOptions are what they mean, and where.
type followOptions struct {
	genericiooptions.IOStreams
	drawOptions
	config      *rest.Config
	contextName string
	connection  []string // flags that say which cluster
	subject     seq.Object
	scope       watch.Scope
	pods        render.Selection // which are drawn, where there are several
	image       string           // of the Pod's first container, where it is known beforehand
	containers  []string         // ids of those that a command is run in
	until       string           // one of allGoals
	timeout     time.Duration
	waitAnyway  bool
	record      string // file, or empty
	evidence    evidenceOptions
}

func (f *followFlags) add(fs *pflag.FlagSet, timeout time.Duration) {
	f.addWith(fs, "timeout", timeout, "how long to follow what happens; 0 is without end")
}

// addWith adds them with a name of its own for how long to follow.
func (f *followFlags) addWith(fs *pflag.FlagSet, name string, long time.Duration, usage string) {
	f.limit = name
	fs.DurationVar(&f.timeout, name, long, usage)
	fs.BoolVar(&f.waitAnyway, "wait-anyway", false,
		"keep following until --"+name+", even if only a change by you can unblock the object")
	f.evidenceFlags.add(fs)
	f.addPicture(fs)
}

// addPicture adds those that do not depend on what is followed.
func (f *followFlags) addPicture(fs *pflag.FlagSet) {
	fs.StringVar(&f.record, "record", "",
		"write what is observed to this file, for kubectl seq replay, without the values of env and annotations, and "+
			"without the output of commands")
	f.drawFlags.add(fs)
}

// addPods adds that of the verbs that may be about several Pods.
func (f *followFlags) addPods(fs *pflag.FlagSet) {
	fs.StringVar(&f.pods, "pods", "first",
		"which Pods to draw in full: all, first or slowest; the others are counted, JSON has all")
}

func (f *followFlags) toOptions(streams genericiooptions.IOStreams, until string) (followOptions, error) {
	o := followOptions{IOStreams: streams, until: until, timeout: f.timeout, waitAnyway: f.waitAnyway, record: f.record}
	if o.timeout < 0 {
		return o, errors.New("--" + f.limit + " must not be below 0")
	}
	var err error
	if o.drawOptions, err = f.drawFlags.toOptions(streams.Out); err != nil {
		return o, err
	}
	if f.pods != "" {
		if o.pods, err = selection(f.pods); err != nil {
			return o, err
		}
	}
	o.evidence, err = f.evidenceFlags.toOptions()
	return o, err
}

// onePod makes the run about the Pod of that name.
func (o *followOptions) onePod(namespace, name string) {
	o.subject = seq.Object{Kind: "Pod", Namespace: namespace, Name: name}
	o.scope = watch.Scope{Namespace: namespace, Name: name}
}

// connect finds the cluster.
func (o *followOptions) connect(config *genericclioptions.ConfigFlags) (err error) {
	if o.config, err = restConfig(config); err != nil {
		return err
	}
	raw, err := config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return noCluster(err)
	}
	o.connection = connection(config)
	if o.contextName = raw.CurrentContext; *config.Context != "" {
		o.contextName = *config.Context
	}
	return nil
}

// connection are the flags that say which cluster, and who asks, as a command to try needs them, too. A token is left
// out: it is not to stand on a screen. So is --as: who may ask as somebody else may try as himself.
func connection(config *genericclioptions.ConfigFlags) (flags []string) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.AddFlags(all)
	for _, name := range []string{"kubeconfig", "context", "cluster", "user", "server", "tls-server-name",
		"certificate-authority", "client-certificate", "client-key", "insecure-skip-tls-verify"} {
		if f := all.Lookup(name); f.Value.String() != "" && f.Value.String() != "false" {
			flags = append(flags, "--"+name+"="+f.Value.String())
		}
	}
	return flags
}

// restConfig is how to reach the cluster: that of the kubeconfig and flags, else the one that this runs in. Where there
// is none, client-go has the address where API servers used to listen without TLS.
func restConfig(config *genericclioptions.ConfigFlags) (*rest.Config, error) {
	c, err := config.ToRESTConfig()
	if err != nil {
		return nil, noCluster(err)
	}
	raw, err := config.ToRawKubeConfigLoader().RawConfig()
	if err == nil && len(raw.Clusters) == 0 && *config.APIServer == "" && c.Host == "http://localhost:8080" {
		err = clientcmd.ErrEmptyConfig
	}
	return c, noCluster(err)
}

// selection reads --pods.
func selection(value string) (render.Selection, error) {
	names := map[string]render.Selection{}
	for _, s := range render.Selections {
		names[string(s)] = s
	}
	return choose("pods", value, names)
}
