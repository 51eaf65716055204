package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/discovery"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// patience is how long somebody waits who has pressed TAB.
const patience = 2 * time.Second

// offeredImages is how many images are offered at most.
const offeredImages = 50

func fromKubeconfig(config *genericclioptions.ConfigFlags,
	names func(*clientcmdapi.Config) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		raw, err := config.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return offered(toComplete, names(&raw)), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeNames completes one NAME of a type.
func completeNames(config *genericclioptions.ConfigFlags, what string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return inTime(toComplete, func(ctx context.Context) []string { return objectNames(ctx, config, what) }),
			cobra.ShellCompDirectiveNoFileComp
	}
}

// completeImage offers the images that the namespace's Pods have, what most have first.
func completeImage(config *genericclioptions.ConfigFlags) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		all := inTime(toComplete, func(ctx context.Context) []string {
			pods, namespace := podsOf(config)
			if pods == nil {
				return nil
			}
			list, err := pods.Pods(namespace).List(ctx, metav1.ListOptions{Limit: 500}) // of more Pods, these do
			if err != nil {
				return nil
			}
			used := map[string]int{}
			for _, p := range list.Items {
				for _, c := range slices.Concat(p.Spec.Containers, p.Spec.InitContainers) {
					used[c.Image]++
				}
			}
			return slices.SortedFunc(maps.Keys(used),
				func(a, b string) int { return cmp.Or(used[b]-used[a], cmp.Compare(a, b)) })
		})
		return all[:min(len(all), offeredImages)], cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// completeContainer offers the containers of the Pod that is named already.
func completeContainer(config *genericclioptions.ConfigFlags) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return inTime(toComplete, func(ctx context.Context) (all []string) {
			pods, namespace := podsOf(config)
			if pods == nil || len(args) == 0 {
				return nil
			}
			pod, err := pods.Pods(namespace).Get(ctx, args[0][strings.LastIndexByte(args[0], '/')+1:], metav1.GetOptions{})
			if err != nil {
				return nil
			}
			for _, c := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
				all = append(all, c.Name)
			}
			return all
		}), cobra.ShellCompDirectiveNoFileComp
	}
}

// podsOf is a client for the Pods of the current namespace, or nil.
func podsOf(config *genericclioptions.ConfigFlags) (client *corev1client.CoreV1Client, namespace string) {
	namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, ""
	}
	c, err := config.ToRESTConfig()
	if err != nil {
		return nil, ""
	}
	client, err = corev1client.NewForConfig(c)
	if err != nil {
		return nil, ""
	}
	return client, namespace
}

// completeObject completes TYPE/NAME and TYPE NAME.
func completeObject(config *genericclioptions.ConfigFlags) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		what, _, slash := strings.Cut(toComplete, "/")
		return inTime(toComplete, func(ctx context.Context) (all []string) {
			switch {
			case len(args) == 0 && slash:
				for _, name := range objectNames(ctx, config, what) {
					all = append(all, what+"/"+name)
				}
			case len(args) == 0:
				all = types(config, strings.Contains(toComplete, "."))
			case len(args) == 1 && !strings.Contains(args[0], "/"):
				all = objectNames(ctx, config, args[0])
			}
			return all
		}), cobra.ShellCompDirectiveNoFileComp
	}
}

// inTime is what is found as long as somebody waits for it; else nothing.
func inTime(toComplete string, find func(context.Context) []string) []cobra.Completion {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	found := make(chan []string, 1)
	go func() { found <- find(ctx) }()
	select {
	case all := <-found:
		return offered(toComplete, all)
	case <-ctx.Done():
		return nil
	}
}

// types are the names and short names of what can be listed; qualified, with their groups.
func types(config *genericclioptions.ConfigFlags, qualified bool) (all []string) {
	d, err := config.ToDiscoveryClient() // it keeps what it has found on disk, as kubectl does
	if err != nil {
		return nil
	}
	lists, _ := d.ServerPreferredResources() // one group that does not answer does not take away the others
	taken := map[string]bool{}
	add := func(name, kind string) {
		if !taken[name] {
			taken[name] = true
			all = append(all, cobra.CompletionWithDesc(name, kind))
		}
	}
	for _, l := range lists {
		gv, err := schema.ParseGroupVersion(l.GroupVersion)
		if err != nil {
			continue
		}
		slices.SortFunc(l.APIResources, func(a, b metav1.APIResource) int { return cmp.Compare(a.Name, b.Name) })
		for _, r := range l.APIResources {
			switch {
			case !(discovery.SupportsAllVerbs{Verbs: []string{"get", "list"}}).Match(l.GroupVersion, &r):
			case gv.Group != "" && (qualified || taken[r.Name]):
				add(r.Name+"."+gv.Group, r.Kind)
			default:
				add(r.Name, r.Kind)
				for _, short := range r.ShortNames {
					add(short, r.Kind)
				}
			}
		}
	}
	return all
}

// objectNames are those of the objects of a type, as far as the current namespace has them.
func objectNames(ctx context.Context, config *genericclioptions.ConfigFlags, what string) (all []string) {
	namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil
	}
	m, err := resource.NewBuilder(config).Unstructured().ResourceTypeOrNameArgs(true,
		what).SingleResourceType().Do().ResourceMapping()
	if err != nil {
		return nil
	}
	c, err := config.ToRESTConfig()
	if err != nil {
		return nil
	}
	client, err := metadata.NewForConfig(c)
	if err != nil {
		return nil
	}
	var objects metadata.ResourceInterface = client.Resource(m.Resource)
	if m.Scope.Name() == meta.RESTScopeNameNamespace {
		objects = client.Resource(m.Resource).Namespace(namespace)
	}
	for next := ""; ; {
		list, err := objects.List(ctx, metav1.ListOptions{Limit: 500, Continue: next})
		if err != nil {
			return nil
		}
		for _, o := range list.Items {
			all = append(all, o.Name)
		}
		if next = list.Continue; next == "" {
			return all
		}
	}
}
