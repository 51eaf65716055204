package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	apitypes "k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
)

// createFlags are common to the verbs that create objects other than one Pod.
type createFlags struct {
	followFlags
	repeatFlags
	until  string
	remove bool
}

// objectGoals are those of objects that are no Pods.
var objectGoals = []string{"created", "available", "completed"}

func (f *createFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.until, "until", "available",
		"follow until every object is: created, available (a Job: complete; a CronJob: one of its Jobs is) or completed")
	f.addPods(fs)
	fs.BoolVar(&f.remove, "rm", false, "delete what was created afterwards, also after Ctrl-C")
	f.repeatFlags.add(cmd)
	f.followFlags.add(fs, usually)
}

// creation is what is to be created, each with where the API has it.
type creation struct {
	followOptions
	repeat  repeatOptions
	objects []*unstructured.Unstructured
	kinds   []watch.Kind
	remove  bool
	named   func(string) map[string]any // the one object by another name, or nil
}

const createExample = `  # What happens when a Deployment starts?
  kubectl seq create -f deployment.yaml

  # Every Pod of it in full, and clean up afterwards
  kubectl seq create -f deployment.yaml --pods=all --rm

  # From standard input
  kubectl create deployment web --image=nginx --dry-run=client -o yaml | kubectl seq create -f -`

func newCreate(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	f := createFlags{}
	filename := ""
	cmd := &cobra.Command{
		Use:   "create -f FILE",
		Short: "Create objects and show the sequence that follows",
		Long: "Create the objects of a file, such as a Deployment, and follow them live: controllers, Pods, containers. " +
			"Each step\nhas its evidence.\n\n" + exitHelp(),
		Example: createExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if filename == "" {
				return hinted(errors.New("no file given"),
					"kubectl seq create -f FILE, or create-pod, create-deployment, create-job")
			}
			if f.audit == "-" && filename == "-" {
				return errors.New("-f - and --audit-log=- both read standard input")
			}
			return f.run(cmd.Context(), config, streams,
				func(b *resource.Builder) *resource.Builder { return readFile(b, streams.In, filename) }, nil)
		},
	}
	cmd.Flags().StringVarP(&filename, "filename", "f", "", "file, URL or - with the objects")
	f.add(cmd)
	return cmd
}

// readFile has a builder read a file, a URL, or - for standard input.
func readFile(b *resource.Builder, in io.Reader, filename string) *resource.Builder {
	if filename == "-" {
		return b.Stream(in, "standard input")
	}
	return b.FilenameParam(false, &resource.FilenameOptions{Filenames: []string{filename}})
}

// run creates what the builder finds, and follows it. Of an object that can have any name, named makes one of a name;
// it is nil where there is none.
func (f *createFlags) run(ctx context.Context, config *genericclioptions.ConfigFlags,
	streams genericiooptions.IOStreams, source func(*resource.Builder) *resource.Builder,
	named func(string) map[string]any) error {
	if !slices.Contains(objectGoals, f.until) {
		return fmt.Errorf("--until=%s: must be one of %s", f.until, strings.Join(objectGoals, ", "))
	}
	repeat, err := f.repeatFlags.toOptions(f.record)
	if err != nil {
		return err
	}
	f.series = repeat.runs > 0
	if repeat.parallel > 1 && named == nil {
		return hinted(errors.New("--parallel needs objects of several names, and a file gives each of its own one"),
			"leave it out, or use create-pod, create-deployment or create-job")
	}
	o, err := f.followFlags.toOptions(streams, f.until)
	if err != nil {
		return err
	}
	c := &creation{followOptions: o, repeat: repeat, remove: f.remove, named: named}
	if err := c.connect(config); err != nil {
		return err
	}
	if err := c.find(config, source); err != nil {
		return err
	}
	return c.start(ctx)
}

// find reads the objects, and asks the cluster where it has their kinds.
func (c *creation) find(config *genericclioptions.ConfigFlags, source func(*resource.Builder) *resource.Builder) error {
	namespace, enforced, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return noCluster(err)
	}
	b := source(resource.NewBuilder(config).Unstructured()).NamespaceParam(namespace).DefaultNamespace().
		ContinueOnError().Flatten()
	if enforced {
		b = b.RequireNamespace()
	}
	infos, err := b.Do().Infos()
	if err != nil {
		return c.explained(err)
	}
	for _, i := range infos {
		u, ok := i.Object.(*unstructured.Unstructured)
		if !ok {
			continue
		}
		k := watch.Kind{GroupVersionResource: i.Mapping.Resource, Namespaced: i.Namespaced()}
		switch {
		case u.GetName() == "":
			return hinted(fmt.Errorf("a %s has no name", u.GetKind()),
				"set metadata.name; what the server names cannot be followed from its beginning")
		case k.Namespaced && c.scope.Namespace != "" && u.GetNamespace() != c.scope.Namespace:
			return hinted(fmt.Errorf("objects in two namespaces: %s and %s", c.scope.Namespace, u.GetNamespace()),
				"one run follows one namespace: split the file")
		case k.Namespaced:
			c.scope.Namespace = u.GetNamespace()
		}
		c.objects, c.kinds = append(c.objects, u), append(c.kinds, k)
		c.follow(k, u)
	}
	if len(c.objects) == 0 {
		return errors.New("there is no object to create")
	}
	if c.scope.Namespace == "" {
		c.scope.Namespace = namespace
	}
	// The one that most comes of is what the run is about.
	main := slices.MinFunc(c.objects, func(a, b *unstructured.Unstructured) int { return rank(a) - rank(b) })
	c.subject = seq.Object{Kind: main.GetKind(), Namespace: main.GetNamespace(), Name: main.GetName()}
	return nil
}

// rank says which of several objects the run is about: that of the least.
func rank(u *unstructured.Unstructured) int {
	i := slices.IndexFunc(seq.ObjectKinds, func(k seq.ObjectKind) bool { return k.Kind == u.GetKind() })
	if i < 0 {
		return len(seq.ObjectKinds)
	}
	return i
}

// explained adds what to do about an object that cannot be read.
func (c *creation) explained(err error) error {
	if strings.Contains(err.Error(), "no matches for kind") {
		return hinted(err, "kubectl api-resources shows the kinds that this cluster has")
	}
	return err
}

func (c *creation) start(ctx context.Context) error {
	if c.repeat.runs > 0 {
		s := series{repeatOptions: c.repeat, followOptions: &c.followOptions, name: c.subject.Name, attempt: c.attempt}
		return s.measure(ctx)
	}
	return c.run(false).start(ctx)
}

// attempt is one of many runs, which makes the same each time, by a name of its own where that is possible.
func (c *creation) attempt(number int) *run {
	one := *c
	one.remove, one.ErrOut = true, io.Discard
	if c.named != nil {
		one.subject.Name = fmt.Sprintf("%s-%d", c.subject.Name, number)
		u := &unstructured.Unstructured{Object: c.named(one.subject.Name)}
		u.SetNamespace(c.subject.Namespace)
		one.objects, one.scope.Prefixes = []*unstructured.Unstructured{u}, []string{u.GetName()}
	}
	return one.run(true)
}

// run creates the objects; where another run follows, it waits until they are gone.
func (c *creation) run(another bool) *run {
	r := &run{followOptions: &c.followOptions, doing: "create"}
	r.act = func(ctx context.Context) error {
		for i, o := range c.objects {
			if err := c.create(ctx, r, c.kinds[i], o, another); err != nil {
				return err
			}
		}
		return nil
	}
	return r
}

func (c *creation) create(ctx context.Context, r *run, k watch.Kind, o *unstructured.Unstructured,
	another bool) error {
	var uid apitypes.UID
	if o.GetKind() == "Pod" && o.GetAPIVersion() == "v1" {
		var pod corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, &pod, true); err != nil {
			return err
		}
		made, err := r.follower.Create(ctx, &pod)
		if err != nil {
			return err
		}
		uid = made.UID
	} else {
		made, err := r.follower.CreateObject(ctx, k, o)
		if err != nil {
			return err
		}
		uid = made.GetUID()
	}
	if c.remove {
		r.removes(strings.ToLower(o.GetKind()), k, o.GetName(), uid, another)
	}
	return nil
}
