package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
)

// howToName is the hint where it is not clear which object is meant.
const howToName = "write it as TYPE/NAME, such as deployment/web"

// takesOne makes cmd a verb that is about one object, TYPE/NAME or TYPE NAME: it checks and completes its arguments.
func takesOne(cmd *cobra.Command, config *genericclioptions.ConfigFlags) {
	cmd.Args = oneObject
	cmd.ValidArgsFunction = completeObject(config)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		for _, flag := range []string{"-l", "--selector", "--field-selector", "--all", "-f", "--filename"} {
			if strings.HasSuffix(err.Error(), " "+flag) || strings.Contains(err.Error(), " in "+flag) {
				return hinted(err,
					fmt.Sprintf("%s takes exactly one object, by its name: no selectors, no files", cmd.CommandPath()))
			}
		}
		return cmd.Parent().FlagErrorFunc()(cmd, err)
	})
}

// oneObject is what a verb that is about one object takes, and says so where it is given something else; the words are
// those of kubectl where it has some.
func oneObject(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return hinted(errors.New("one TYPE/NAME expected"), howToName)
	}
	wrong := func(format string, a ...any) error { return hinted(fmt.Errorf(format, a...), howToName) }
	given := len(args)
	if !strings.Contains(args[0], "/") { // TYPE NAME
		if given--; given == 0 {
			return wrong("resource(s) were provided, but no name was specified")
		}
		if strings.Contains(args[0], ",") {
			return wrong("you may only specify a single resource type")
		}
		if strings.Contains(args[1], "/") {
			return wrong("there is no need to specify a resource type as a separate argument when passing arguments in " +
				"resource/name form")
		}
	}
	if given > 1 {
		return wrong("one object expected, %d given: %s", given, strings.Join(args, " "))
	}
	switch parts := strings.Split(args[0], "/"); {
	case len(parts) > 2:
		return wrong("arguments in resource/name form may not have more than one slash")
	case len(parts) == 2 && (parts[0] == "" || parts[1] == "" || strings.Contains(parts[0], ",")):
		return wrong("arguments in resource/name form must have a single resource and name")
	}
	return nil
}

// onePodName is what a verb that is about one Pod takes.
func onePodName(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return hinted(errors.New("one NAME expected"), cmd.CommandPath()+" NAME")
	}
	if strings.Contains(args[0], "/") {
		return hinted(fmt.Errorf("invalid Pod name %q", args[0]), "use the name only, or: kubectl seq delete TYPE/NAME")
	}
	return nil
}

// named asks the cluster for the one object that args name, which oneObject must have taken: in the namespace of -n or
// of the kubeconfig's context, by a type as kubectl takes it: singular, plural, short, with or without group and
// version.
func named(config *genericclioptions.ConfigFlags, args []string) (*resource.Info, error) {
	namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, noCluster(err)
	}
	infos, err := resource.NewBuilder(config).Unstructured().NamespaceParam(namespace).DefaultNamespace().
		ResourceTypeOrNameArgs(false, args...).SingleResourceType().Flatten().Do().Infos()
	switch {
	case apierrors.IsNotFound(err) && strings.HasPrefix(err.Error(), "namespaces "):
		return nil, hinted(err, seq.WithFlags("see what there is: kubectl get namespaces", connection(config)))
	case apierrors.IsNotFound(err):
		return nil, hinted(err, seq.WithFlags(fmt.Sprintf("see what there is: kubectl get %s -n %s",
			strings.Split(args[0], "/")[0], namespace), connection(config)))
	case err != nil && strings.Contains(err.Error(), "doesn't have a resource type"):
		return nil, hinted(err, seq.WithFlags("kubectl api-resources shows the types that this cluster has",
			connection(config)))
	case err != nil:
		return nil, explained(err, namespace, connection(config))
	case len(infos) != 1:
		return nil, hinted(fmt.Errorf("one object expected, %d found", len(infos)), howToName)
	}
	return infos[0], nil
}

// one is the object that a verb is about.
type one struct {
	watch.Kind
	namespace string // of the run: the object's own, or the kubeconfig's
	object    seq.Object
	found     *unstructured.Unstructured // nil where it may not be read, or is not there yet
}

// lookUp finds what args name. A Pod can be followed without the right to get it; with wait, anything need not be there
// yet.
func lookUp(config *genericclioptions.ConfigFlags, args []string, wait bool) (t one, err error) {
	namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return t, noCluster(err)
	}
	info, err := named(config, args)
	switch pod, ok := unreadablePod(err); {
	case ok:
		return one{Kind: watch.Pods, namespace: namespace, object: seq.Object{Kind: "Pod", Namespace: namespace, Name: pod}},
			nil
	case apierrors.IsNotFound(err) && wait:
		return awaited(config, namespace, args)
	case err != nil:
		return t, err
	}
	u, ok := info.Object.(*unstructured.Unstructured)
	if !ok {
		return t, fmt.Errorf("the object is a %T", info.Object)
	}
	return one{watch.Kind{GroupVersionResource: info.Mapping.Resource, Namespaced: info.Namespaced()},
		cmp.Or(u.GetNamespace(), namespace),
		seq.Object{Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName(), UID: string(u.GetUID())}, u}, nil
}

// awaited is what args name, where only its type is there.
func awaited(config *genericclioptions.ConfigFlags, namespace string, args []string) (t one, err error) {
	kind, name, _ := strings.Cut(strings.Join(args, "/"), "/")
	mapper, err := config.ToRESTMapper()
	if err != nil {
		return t, err
	}
	gvr, gr := schema.ParseResourceArg(kind)
	if gvr == nil {
		gvr = new(gr.WithVersion(""))
	}
	gvk, err := mapper.KindFor(*gvr)
	if err != nil {
		return t, err
	}
	m, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return t, err
	}
	t = one{namespace: namespace,
		Kind:   watch.Kind{GroupVersionResource: m.Resource, Namespaced: m.Scope.Name() == meta.RESTScopeNameNamespace},
		object: seq.Object{Kind: gvk.Kind, Name: name}}
	if t.Namespaced {
		t.object.Namespace = namespace
	}
	return t, nil
}

// about makes the run about one object and what comes of it.
func (o *followOptions) about(t one) {
	o.subject = t.object
	o.scope = watch.Scope{Namespace: t.namespace}
	u := t.found
	if u == nil {
		u = &unstructured.Unstructured{Object: map[string]any{"kind": t.object.Kind,
			"metadata": map[string]any{"name": t.object.Name}}}
	}
	o.follow(t.Kind, u)
}

// find makes the run about the object that is named, and all it has to do with. A Pod that nobody owns is followed
// alone.
func (o *followOptions) find(config *genericclioptions.ConfigFlags, args []string) (watch.Kind, error) {
	t, err := lookUp(config, args, false)
	if err != nil {
		return t.Kind, err
	}
	u := t.found
	if t.object.Kind == "Pod" && (u == nil || metav1.GetControllerOf(u) == nil) {
		o.onePod(t.object.Namespace, t.object.Name)
		return t.Kind, nil
	}
	o.about(t)
	for owner := metav1.GetControllerOf(u); owner != nil; {
		above, kind, err := owned(config, u.GetNamespace(), owner)
		if err != nil {
			break // what cannot be read is done without
		}
		o.follow(kind, above)
		owner = metav1.GetControllerOf(above)
	}
	return t.Kind, nil
}

// unreadablePod is the name of the Pod that may not be read, where that is the error.
func unreadablePod(err error) (name string, ok bool) {
	var status apierrors.APIStatus
	if !apierrors.IsForbidden(err) || !errors.As(err, &status) {
		return "", false
	}
	d := status.Status().Details
	if d == nil || d.Group != "" || d.Kind != "pods" {
		return "", false
	}
	return d.Name, d.Name != ""
}

// owned reads an owner.
func owned(config *genericclioptions.ConfigFlags, namespace string,
	owner *metav1.OwnerReference) (*unstructured.Unstructured, watch.Kind, error) {
	gv, err := schema.ParseGroupVersion(owner.APIVersion)
	if err != nil {
		return nil, watch.Kind{}, err
	}
	what := strings.ToLower(owner.Kind)
	if gv.Group != "" {
		what += "." + gv.Version + "." + gv.Group
	}
	infos, err := resource.NewBuilder(config).Unstructured().NamespaceParam(namespace).DefaultNamespace().
		ResourceTypeOrNameArgs(false, what, owner.Name).Flatten().Do().Infos()
	if err != nil {
		return nil, watch.Kind{}, err
	}
	u, ok := infos[0].Object.(*unstructured.Unstructured)
	if !ok {
		return nil, watch.Kind{}, fmt.Errorf("the owner is a %T", infos[0].Object)
	}
	return u, watch.Kind{GroupVersionResource: infos[0].Mapping.Resource, Namespaced: infos[0].Namespaced()}, nil
}
