package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
)

const deleteExample = `  # What happens when a Deployment ends?
  kubectl seq delete deployment/web

  # A Pod of a ReplicaSet, which makes another
  kubectl seq delete pod web-59cf69bb6f-j8mzc`

const deletePodExample = `  # What happens when a Pod ends?
  kubectl seq delete-pod web

  # At once, and the containers get SIGTERM and SIGKILL within a second
  kubectl seq delete-pod web --grace-period=1 --explain`

// deleteFlags are those of the verbs that end something.
type deleteFlags struct {
	followFlags
	grace int64
	pods  string
}

func (f *deleteFlags) add(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&f.grace, "grace-period", -1, "seconds the containers of a Pod get to end; -1 for the Pod's own")
	cmd.Flags().StringVar(&f.pods, "pods", "first", podsUsage)
	f.followFlags.add(cmd.Flags(), usually)
}

func newDelete(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	f := deleteFlags{}
	cmd := &cobra.Command{
		Use:     "delete TYPE/NAME",
		Short:   "Delete an object and show the sequence of its end",
		Long:    "Delete an object and show, live, what becomes of it and of what it owns until all is gone, and what its owner does\nabout it, each step with its evidence.\n\n" + exitHelp(),
		Example: deleteExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 || len(args) == 1 && !strings.Contains(args[0], "/") {
				return hinted(errors.New("one TYPE/NAME expected"), "kubectl seq delete TYPE/NAME, such as deployment/web")
			}
			return f.run(cmd.Context(), config, streams, args)
		},
	}
	f.add(cmd)
	return cmd
}

func newDeletePod(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	f := deleteFlags{}
	cmd := &cobra.Command{
		Use:     "delete-pod NAME",
		Short:   "Delete a Pod and show the sequence of its end",
		Long:    "Delete a Pod and show, live, which component does what until it is gone, each step with its evidence.\n\n" + exitHelp(),
		Example: deletePodExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return hinted(errors.New("one NAME expected"), "kubectl seq delete-pod NAME")
			}
			return f.run(cmd.Context(), config, streams, []string{"pods", args[0]})
		},
	}
	f.add(cmd)
	return cmd
}

func (f *deleteFlags) run(ctx context.Context, config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams, args []string) error {
	o, err := f.toOptions(streams, deleted)
	if err != nil {
		return err
	}
	if o.pods, err = selection(f.pods); err != nil {
		return err
	}
	if err := o.connect(config); err != nil {
		return err
	}
	k, err := o.find(config, args)
	if err != nil {
		return err
	}
	r := &run{followOptions: &o, doing: "delete " + o.subject.Kind}
	r.act = func(ctx context.Context) error {
		if f.grace < 0 {
			return r.follower.Delete(ctx, k, o.subject, nil)
		}
		return r.follower.Delete(ctx, k, o.subject, &f.grace)
	}
	return r.start(ctx)
}

// find makes the run about the object that is named, and all it has to do with. A Pod that nobody owns is followed alone.
func (o *followOptions) find(config *genericclioptions.ConfigFlags, args []string) (watch.Kind, error) {
	namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return watch.Pods, noCluster(err)
	}
	infos, err := resource.NewBuilder(config).Unstructured().NamespaceParam(namespace).DefaultNamespace().ResourceTypeOrNameArgs(false, args...).SingleResourceType().Flatten().Do().Infos()
	if apierrors.IsForbidden(err) && args[0] == "pods" { // it can be followed without the right to get it
		o.onePod(namespace, args[1])
		return watch.Pods, nil
	}
	if err != nil {
		return watch.Pods, err
	}
	if len(infos) != 1 {
		return watch.Pods, fmt.Errorf("one object expected, %d found", len(infos))
	}
	u, ok := infos[0].Object.(*unstructured.Unstructured)
	if !ok {
		return watch.Pods, fmt.Errorf("the object is a %T", infos[0].Object)
	}
	k := watch.Kind{GroupVersionResource: infos[0].Mapping.Resource, Namespaced: infos[0].Namespaced()}
	if u.GetKind() == "Pod" && metav1.GetControllerOf(u) == nil {
		o.onePod(u.GetNamespace(), u.GetName())
		return k, nil
	}
	o.subject = trace.Object{Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName(), UID: string(u.GetUID())}
	o.scope = watch.Scope{Namespace: u.GetNamespace()}
	if !k.Namespaced {
		o.scope.Namespace = namespace
	}
	o.follow(k, u)
	for owner := metav1.GetControllerOf(u); owner != nil; {
		above, kind, err := owned(config, u.GetNamespace(), owner)
		if err != nil {
			break // what cannot be read is done without
		}
		o.follow(kind, above)
		owner = metav1.GetControllerOf(above)
	}
	return k, nil
}

// owned reads an owner.
func owned(config *genericclioptions.ConfigFlags, namespace string, owner *metav1.OwnerReference) (*unstructured.Unstructured, watch.Kind, error) {
	gv, err := schema.ParseGroupVersion(owner.APIVersion)
	if err != nil {
		return nil, watch.Kind{}, err
	}
	what := strings.ToLower(owner.Kind)
	if gv.Group != "" {
		what += "." + gv.Version + "." + gv.Group
	}
	infos, err := resource.NewBuilder(config).Unstructured().NamespaceParam(namespace).DefaultNamespace().ResourceTypeOrNameArgs(false, what, owner.Name).Flatten().Do().Infos()
	if err != nil {
		return nil, watch.Kind{}, err
	}
	u, ok := infos[0].Object.(*unstructured.Unstructured)
	if !ok {
		return nil, watch.Kind{}, fmt.Errorf("the owner is a %T", infos[0].Object)
	}
	return u, watch.Kind{GroupVersionResource: infos[0].Mapping.Resource, Namespaced: infos[0].Namespaced()}, nil
}

// podsUsage is what --pods says of itself.
const podsUsage = "which Pods to draw in full: all, first or slowest; the others are counted, JSON has all"

// selection reads --pods.
func selection(value string) (render.Selection, error) {
	names := map[string]render.Selection{}
	for _, s := range render.Selections {
		names[string(s)] = s
	}
	return choose("pods", value, names)
}
