package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

// createPodOptions are valid once built: every error of the user is found before anything touches the cluster.
type createPodOptions struct {
	followOptions
	repeat repeatOptions
	pod    *corev1.Pod
	remove bool
	dryRun bool
}

type createPodFlags struct {
	podFlags
	followFlags
	repeatFlags
	until, dryRun string
	remove        bool
}

const createPodExample = `  # What happens when a Pod starts?
  kubectl seq create-pod web --image=nginx

  # The diagram of a course, with an explanation under each step, and clean up afterwards
  kubectl seq create-pod web --image=nginx --detail=brief --explain --rm

  # A Pod of your own, until it has run to its end
  kubectl seq create-pod -f job-like-pod.yaml --until=completed

  # A command, as with kubectl run
  kubectl seq create-pod once --image=busybox --restart=Never -- sh -c 'echo hello'

  # For a program: one JSON document a line
  kubectl seq create-pod web --image=nginx -o json`

func newCreatePod(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams,
	run func(context.Context, *createPodOptions) error) *cobra.Command {
	f := createPodFlags{}
	cmd := &cobra.Command{
		Use:     "create-pod NAME --image=IMAGE [-- ARGS...]",
		Aliases: []string{"run"},
		Short:   "Create a Pod and show the sequence of its start",
		Long: "Create a Pod and show, live, which component does what until it is ready. Each step has its " +
			"evidence.\n\n" + exitHelp(),
		Example: createPodExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := f.toOptions(config, streams, args, cmd.ArgsLenAtDash())
			if err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.image, "image", "", "image of the Pod's one container")
	fs.StringVar(&f.pullPolicy, "image-pull-policy", "", "Always, IfNotPresent or Never (default: as the server has it)")
	fs.StringArrayVar(&f.env, "env", nil, "environment variable as KEY=VALUE; may be repeated")
	fs.Int32Var(&f.port, "port", 0, "port the container exposes")
	fs.StringVarP(&f.labels, "labels", "l", "", "labels as KEY=VALUE,… (default run=NAME)")
	fs.StringVar(&f.restart, "restart", "Always", "restart policy: Always, OnFailure or Never")
	fs.BoolVar(&f.command, "command", false, "take the arguments after -- as the command, not as its arguments")
	fs.StringVarP(&f.filename, "filename", "f", "", "file, URL or - with exactly one Pod, instead of NAME and --image")
	fs.StringVar(&f.until, "until", "ready",
		"follow the Pod until it is: scheduled, running, ready or completed; one that runs to its end ends the run "+
			"either way")
	fs.BoolVar(&f.remove, "rm", false, "delete the Pod afterwards, also after Ctrl-C")
	fs.StringVar(&f.dryRun, "dry-run", "none", "none, or client to print the Pod and create nothing")
	f.repeatFlags.add(cmd)
	f.followFlags.add(fs, usually)
	fs.Lookup("output").Usage += "; map-html=FILE lights the run up on a map of the APIs around the Pod"
	return cmd
}

func (f createPodFlags) toOptions(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams,
	args []string, dash int) (*createPodOptions, error) {
	o := &createPodOptions{remove: f.remove}
	if _, err := choose("until", f.until, goals); err != nil {
		return nil, err
	}
	var err error
	if o.repeat, err = f.repeatFlags.toOptions(f.record); err != nil {
		return nil, err
	}
	f.series, f.maps = o.repeat.runs > 0, true
	if o.followOptions, err = f.followFlags.toOptions(streams, f.until); err != nil {
		return nil, err
	}
	if o.dryRun, err = choose("dry-run", f.dryRun, map[string]bool{"none": false, "client": true}); err != nil {
		return nil, err
	}
	if o.evidence.stdin() && f.filename == "-" {
		return nil, errors.New("-f - and --audit-log=- both read standard input")
	}
	names, rest := args, []string(nil)
	if dash >= 0 {
		names, rest = args[:dash], args[dash:]
	}
	namespace, enforced, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, noCluster(err)
	}
	if o.pod, err = f.build(config, streams.In, names, rest, namespace, enforced); err != nil {
		return nil, err
	}
	if o.pod.Namespace == "" {
		o.pod.Namespace = namespace
	}
	o.onePod(o.pod.Namespace, o.pod.Name)
	if len(o.pod.Spec.Containers) > 0 {
		o.image = o.pod.Spec.Containers[0].Image
	}
	if o.dryRun {
		return o, nil
	}
	return o, o.connect(config)
}

func (f createPodFlags) build(config *genericclioptions.ConfigFlags, in io.Reader, names, rest []string,
	namespace string, enforced bool) (*corev1.Pod, error) {
	switch {
	case f.filename != "" && (len(names) > 0 || len(rest) > 0 || f.image != ""):
		return nil, errors.New("-f describes the whole Pod; NAME, --image and arguments do not go with it")
	case f.filename != "":
		return f.fromFile(config, in, namespace, enforced)
	case len(names) == 0:
		return nil, hinted(errors.New("no Pod given"), "kubectl seq create-pod NAME --image=IMAGE, or -f FILE")
	case len(names) > 1:
		return nil, hinted(fmt.Errorf("one NAME expected, %d given: %s", len(names), strings.Join(names, " ")),
			"put the container's arguments after --")
	}
	return f.fromFlags(names[0], rest)
}

// choose maps the value of a flag that has a fixed set of values.
func choose[T any](flag, value string, values map[string]T) (T, error) {
	v, ok := values[value]
	if !ok {
		return v, fmt.Errorf("--%s=%s: must be one of %s", flag, value, strings.Join(keys(values), ", "))
	}
	return v, nil
}

func keys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// noCluster adds what to do where there is no cluster to talk to.
func noCluster(err error) error {
	if clientcmd.IsEmptyConfig(err) {
		return hinted(errors.New("no cluster is configured"),
			"set KUBECONFIG or --kubeconfig, or make one: kind create cluster")
	}
	if clientcmd.IsContextNotFound(err) {
		return hinted(err, "kubectl config get-contexts")
	}
	return err
}

func createPod(ctx context.Context, o *createPodOptions) error {
	if o.dryRun {
		text, err := yaml.Marshal(o.pod)
		if err != nil {
			return err
		}
		_, err = o.Out.Write(text)
		return err
	}
	if o.repeat.runs > 0 {
		s := series{repeatOptions: o.repeat, followOptions: &o.followOptions, name: o.pod.Name, attempt: o.attempt}
		return s.measure(ctx)
	}
	return o.run(false).start(ctx)
}

// attempt is one of many runs, each with a Pod of its own, which is gone in the end.
func (o *createPodOptions) attempt(number int) *run {
	one := *o
	one.remove, one.ErrOut = true, io.Discard
	one.pod = o.pod.DeepCopy()
	one.pod.Name = fmt.Sprintf("%s-%d", o.pod.Name, number)
	one.onePod(one.pod.Namespace, one.pod.Name)
	return one.run(true)
}

// run creates the Pod, and removes it where that is asked for; where another run follows, it waits until it is gone.
func (o *createPodOptions) run(another bool) *run {
	r := &run{followOptions: &o.followOptions, doing: "create Pod"}
	r.act = func(ctx context.Context) error {
		made, err := r.follower.Create(ctx, o.pod)
		if err == nil && o.remove {
			r.removes("pod", watch.Pods, made.Name, made.UID, another)
		}
		return err
	}
	return r
}
