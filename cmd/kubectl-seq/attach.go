package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
)

// attachFlags are those of the verbs that look and do nothing.
type attachFlags struct {
	followFlags
	pods string
}

func (f *attachFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.pods, "pods", "first", podsUsage)
}

// watchGoals are those of what is only watched.
var watchGoals = []string{"created", "scheduled", "running", "ready", "available", "completed", deleted}

const watchExample = `  # What happens to a Deployment from now on, and what had happened before?
  kubectl seq watch deployment/web

  # A rollout, until it is done
  kubectl set image deployment/web app=nginx:1.29 && kubectl seq watch deployment/web --until=available

  # A Pod that is about to come
  kubectl seq watch pod/web --wait --until=ready`

func newWatch(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	f := attachFlags{}
	until, wait := "", false
	cmd := &cobra.Command{
		Use:     "watch TYPE/NAME",
		Short:   "Show what happens to an object from now on",
		Long:    "Show what becomes of an object, live, from now on and until it is gone, after what it and its Events have kept of\nwhat had happened before. Nothing is changed on the cluster.\n\n" + exitHelp(),
		Example: watchExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(watchGoals, until) {
				return fmt.Errorf("--until=%s: must be one of %s", until, strings.Join(watchGoals, ", "))
			}
			o, err := f.attach(config, streams, args, until, wait)
			if apierrors.IsNotFound(err) && !wait {
				return hinted(errors.Unwrap(err), "with --wait it is waited for")
			}
			if err != nil {
				return err
			}
			if o.subject.Kind != "Pod" && slices.Contains([]string{"scheduled", "running", "ready"}, until) {
				return hinted(fmt.Errorf("--until=%s is for a Pod, not for a %s", until, o.subject.Kind), "available is when it does what it is there for")
			}
			o.waitAnyway = o.waitAnyway || until == deleted
			return (&run{followOptions: o, doing: "watch " + o.subject.Kind}).start(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&until, "until", deleted, "follow until it is: "+strings.Join(watchGoals, ", "))
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for an object that is not there yet")
	takesOne(cmd, config)
	_ = cmd.RegisterFlagCompletionFunc("until", fixed(watchGoals...)) // the only error is that there is one
	f.add(cmd)
	f.followFlags.add(cmd.Flags(), 0)
	return cmd
}

const showExample = `  # What is still known of how this Pod came to be as it is?
  kubectl seq show pod/web

  # The same from what somebody has sent you
  kubectl get pods,events -o yaml --show-managed-fields | kubectl seq show -f - pod/web`

func newShow(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	f := attachFlags{}
	filename := ""
	cmd := &cobra.Command{
		Use:     "show TYPE/NAME",
		Short:   "Show what the cluster still knows of an object's past",
		Long:    "Show what an object and its Events have kept of what had happened: status, conditions, managedFields, the lives of\ncontainers. Times are as wide as what is known of them; what is lost is said. Nothing is changed on the cluster, and\nwith -f none is needed. The exit code is 0 however the object fares.",
		Example: showExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if filename != "" {
				if len(args) > 0 {
					if err := oneObject(cmd, args); err != nil {
						return err
					}
				}
				return f.showFile(cmd.Context(), streams, filename, *config.Namespace, args)
			}
			if err := oneObject(cmd, args); err != nil {
				return err
			}
			o, err := f.attach(config, streams, args, shown, false)
			if err != nil {
				return err
			}
			return (&run{followOptions: o, doing: "show " + o.subject.Kind, once: true}).start(cmd.Context())
		},
	}
	cmd.ValidArgsFunction = completeObject(config)
	cmd.Flags().StringVarP(&filename, "filename", "f", "", "file, URL or - with the object and its Events, as kubectl get -o yaml prints them")
	f.add(cmd)
	f.addPicture(cmd.Flags())
	return cmd
}

// attach makes the run about the object that is named, and what comes of it.
func (f *attachFlags) attach(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams, args []string, until string, wait bool) (*followOptions, error) {
	o, err := f.toOptions(streams, until)
	if err != nil {
		return nil, err
	}
	if o.pods, err = selection(f.pods); err != nil {
		return nil, err
	}
	if err := o.connect(config); err != nil {
		return nil, err
	}
	if err := o.locate(config, args, wait); err != nil {
		return nil, err
	}
	o.scope.Past = true
	return &o, nil
}

// locate finds the one object that is named; with wait it need not be there yet.
func (o *followOptions) locate(config *genericclioptions.ConfigFlags, args []string, wait bool) error {
	namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return noCluster(err)
	}
	info, err := named(config, args)
	if pod, ok := unreadablePod(err); ok { // it can be watched without the right to get it
		o.onePod(namespace, pod)
		return nil
	}
	if apierrors.IsNotFound(err) && wait {
		kind, name, _ := strings.Cut(strings.Join(args, "/"), "/")
		mapping, err := mapped(config, kind)
		if err != nil {
			return err
		}
		o.about(watch.Kind{GroupVersionResource: mapping.Resource, Namespaced: mapping.Scope.Name() == meta.RESTScopeNameNamespace}, mapping.GroupVersionKind.Kind, namespace, name, nil)
		return nil
	}
	if err != nil {
		return err
	}
	u, ok := info.Object.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("the object is a %T", info.Object)
	}
	o.about(watch.Kind{GroupVersionResource: info.Mapping.Resource, Namespaced: info.Namespaced()}, u.GetKind(), cmp.Or(u.GetNamespace(), namespace), u.GetName(), u)
	return nil
}

// about makes the run about one object, which may not be there.
func (o *followOptions) about(k watch.Kind, kind, namespace, name string, u *unstructured.Unstructured) {
	if kind == "Pod" {
		o.onePod(namespace, name)
		if u != nil { // another of that name may come after it
			o.subject.UID = string(u.GetUID())
		}
		return
	}
	if u == nil {
		u = &unstructured.Unstructured{Object: map[string]any{}}
		u.SetKind(kind)
		u.SetName(name)
	}
	o.subject = trace.Object{Kind: kind, Name: name, UID: string(u.GetUID())}
	if k.Namespaced {
		o.subject.Namespace = namespace
	}
	o.scope = watch.Scope{Namespace: namespace}
	o.follow(k, u)
}

// mapped finds where the API has a type, by any of the names that kubectl takes.
func mapped(config *genericclioptions.ConfigFlags, kind string) (*meta.RESTMapping, error) {
	mapper, err := config.ToRESTMapper()
	if err != nil {
		return nil, err
	}
	gvr, gr := schema.ParseResourceArg(kind)
	if gvr == nil {
		v := gr.WithVersion("")
		gvr = &v
	}
	gvk, err := mapper.KindFor(*gvr)
	if err != nil {
		return nil, err
	}
	return mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
}
