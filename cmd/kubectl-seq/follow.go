package main

import (
	"errors"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// usually is how long a run follows what it has done.
const usually = 2 * time.Minute

// followFlags are common to all commands that do something to a Pod and follow what comes of it.
type followFlags struct {
	drawFlags
	evidenceFlags
	record     string
	timeout    time.Duration
	waitAnyway bool
}

// followOptions are what they mean, and where.
type followOptions struct {
	genericiooptions.IOStreams
	drawOptions
	config      *rest.Config
	contextName string
	subject     trace.Object
	scope       watch.Scope
	pods        render.Selection // which are drawn, where there are several
	image       string           // of the Pod's first container, where it is known beforehand
	until       string           // one of allGoals
	timeout     time.Duration
	waitAnyway  bool
	record      string // file, or empty
	evidence    evidenceOptions
}

func (f *followFlags) add(fs *pflag.FlagSet, timeout time.Duration) {
	fs.DurationVar(&f.timeout, "timeout", timeout, "how long to follow what happens; 0 is without end")
	fs.BoolVar(&f.waitAnyway, "wait-anyway", false, "go on until --timeout even where nothing that Kubernetes does by itself will get it further")
	f.evidenceFlags.add(fs)
	f.addPicture(fs)
}

// addPicture adds those that do not depend on what is followed.
func (f *followFlags) addPicture(fs *pflag.FlagSet) {
	fs.StringVar(&f.record, "record", "", "write what is observed to this file, for kubectl seq replay, without the values of env and annotations")
	f.drawFlags.add(fs)
}

func (f *followFlags) toOptions(streams genericiooptions.IOStreams, until string) (followOptions, error) {
	o := followOptions{IOStreams: streams, until: until, timeout: f.timeout, waitAnyway: f.waitAnyway, record: f.record}
	if o.timeout < 0 {
		return o, errors.New("--timeout must not be below 0")
	}
	var err error
	if o.drawOptions, err = f.drawFlags.toOptions(streams.Out); err != nil {
		return o, err
	}
	o.evidence, err = f.evidenceFlags.toOptions()
	return o, err
}

// onePod makes the run about the Pod of that name.
func (o *followOptions) onePod(namespace, name string) {
	o.subject = trace.Object{Kind: "Pod", Namespace: namespace, Name: name}
	o.scope = watch.Scope{Namespace: namespace, Name: name}
}

// connect finds the cluster.
func (o *followOptions) connect(config *genericclioptions.ConfigFlags) (err error) {
	if o.config, err = config.ToRESTConfig(); err != nil {
		return noCluster(err)
	}
	raw, err := config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return noCluster(err)
	}
	if o.contextName = raw.CurrentContext; *config.Context != "" {
		o.contextName = *config.Context
	}
	if len(raw.Clusters) == 0 && *config.APIServer == "" {
		return noCluster(clientcmd.ErrEmptyConfig)
	}
	return nil
}
