package main

import (
	"errors"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

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
	config          *rest.Config
	contextName     string
	namespace, name string // of the Pod
	image           string // of its first container, where it is known beforehand
	until           string // one of goals
	timeout         time.Duration
	waitAnyway      bool
	record          string // file, or empty
	evidence        evidenceOptions
}

func (f *followFlags) add(fs *pflag.FlagSet) {
	fs.DurationVar(&f.timeout, "timeout", 2*time.Minute, "how long to follow the Pod")
	fs.BoolVar(&f.waitAnyway, "wait-anyway", false, "go on until --timeout even where nothing that Kubernetes does by itself will get the Pod further")
	fs.StringVar(&f.record, "record", "", "write what is observed to this file, for kubectl seq replay, without the values of env and annotations")
	f.drawFlags.add(fs)
	f.evidenceFlags.add(fs)
}

func (f *followFlags) toOptions(streams genericiooptions.IOStreams, until string) (followOptions, error) {
	o := followOptions{IOStreams: streams, until: until, timeout: f.timeout, waitAnyway: f.waitAnyway, record: f.record}
	if o.timeout <= 0 {
		return o, errors.New("--timeout must be longer than 0")
	}
	var err error
	if o.drawOptions, err = f.drawFlags.toOptions(streams.Out); err != nil {
		return o, err
	}
	o.evidence, err = f.evidenceFlags.toOptions()
	return o, err
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
