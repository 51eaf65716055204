package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
)

// patience is how long somebody waits who has pressed TAB.
const patience = 2 * time.Second

const completionHelp = `Generate the script by which a shell completes what follows kubectl-seq: verbs, flags and their values, types, and the
names of what is on the cluster. See the help of each shell's command for how to load it.

What follows kubectl seq, kubectl's own completion asks a program kubectl_complete-seq on the PATH, which needs no more than

	exec kubectl seq __complete "$@"`

// complete says what TAB offers for the flags of every verb, and for the arguments of those that take none from the cluster.
// What a verb has said itself stays.
func complete(root *cobra.Command, config *genericclioptions.ConfigFlags) {
	flags := flagCompletions(config)
	for _, cmd := range append(root.Commands(), root) {
		add := func(f *pflag.Flag) {
			fn := flags[f.Name]
			if f.Name == "until" {
				fn = fixed(objectGoals...)
				if cmd.Name() == "create-pod" {
					fn = fixed(keys(goals)...)
				}
			}
			if fn == nil {
				fn = cobra.NoFileCompletions
			}
			_ = cmd.RegisterFlagCompletionFunc(f.Name, fn) // the only error is that there is one
		}
		cmd.LocalFlags().VisitAll(add)
		if cmd != root && cmd.ValidArgsFunction == nil {
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Short, cmd.Long = "Generate the autocompletion script of kubectl seq for a shell", completionHelp
		}
	}
}

// flagCompletions are the values of flags by their names, ours and kubectl's. Of others there is nothing to offer.
func flagCompletions(config *genericclioptions.ConfigFlags) map[string]cobra.CompletionFunc {
	var selections []string
	for _, s := range render.Selections {
		selections = append(selections, string(s))
	}
	namespaces := completeNames(config, "namespaces")
	all := map[string]cobra.CompletionFunc{
		"detail":            fixed("brief", "normal", "full"),
		"color":             fixed("auto", "always", "never"),
		"pods":              fixed(selections...),
		"restart":           fixed("Always", "OnFailure", "Never"),
		"image-pull-policy": fixed("Always", "IfNotPresent", "Never"),
		"dry-run":           fixed("none", "client"),
		"cascade":           fixed(keys(cascades)...),
		"output":            completeOutput,
		"filename":          completeFiles("yaml", "yml", "json"),
		"namespace": func(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return namespaces(cmd, nil, toComplete)
		},
		"context": fromKubeconfig(config, func(c *clientcmdapi.Config) []string { return keys(c.Contexts) }),
		"cluster": fromKubeconfig(config, func(c *clientcmdapi.Config) []string { return keys(c.Clusters) }),
		"user":    fromKubeconfig(config, func(c *clientcmdapi.Config) []string { return keys(c.AuthInfos) }),
	}
	for _, name := range []string{"record", "audit-log", "spans", "out", "kubeconfig", "cache-dir", "certificate-authority", "client-certificate", "client-key"} {
		all[name] = completeFiles()
	}
	return all
}

func fixed(values ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return offered(toComplete, values), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// offered are those that begin with what is there already. What a server or a file says must not become two lines for the
// shell, or move the cursor.
func offered(toComplete string, values []string) (all []cobra.Completion) {
	for _, v := range values {
		name, _, _ := strings.Cut(v, "\t") // and a description
		if strings.HasPrefix(name, toComplete) && !strings.ContainsFunc(strings.Replace(v, "\t", "", 1), func(r rune) bool { return !unicode.IsPrint(r) }) {
			all = append(all, v)
		}
	}
	return all
}

// completeFiles leaves it to the shell to complete a file's name; without extensions, any.
func completeFiles(extensions ...string) cobra.CompletionFunc {
	directive := cobra.ShellCompDirectiveDefault
	if len(extensions) > 0 {
		directive = cobra.ShellCompDirectiveFilterFileExt
	}
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return extensions, directive
	}
}

// completeOutput completes FORMAT and FORMAT=FILE; the file in it no shell completes by itself.
func completeOutput(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	format, path, named := strings.Cut(toComplete, "=")
	if !named {
		return offered(toComplete, keys(render.Formats)), cobra.ShellCompDirectiveNoFileComp
	}
	dir, base := filepath.Split(path)
	entries, _ := os.ReadDir(cmp.Or(dir, ".")) // what cannot be read has nothing to offer
	var all []string
	for _, e := range entries {
		name := e.Name()
		if base == "" && strings.HasPrefix(name, ".") {
			continue
		}
		if e.IsDir() {
			name += "/"
		}
		all = append(all, format+"="+dir+name)
	}
	all = offered(toComplete, all)
	directive := cobra.ShellCompDirectiveNoFileComp
	if len(all) == 1 && strings.HasSuffix(all[0], "/") { // it goes on
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return all, directive
}

func fromKubeconfig(config *genericclioptions.ConfigFlags, names func(*clientcmdapi.Config) []string) cobra.CompletionFunc {
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
		return inTime(toComplete, func(ctx context.Context) []string { return objectNames(ctx, config, what) }), cobra.ShellCompDirectiveNoFileComp
	}
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
	m, err := resource.NewBuilder(config).Unstructured().ResourceTypeOrNameArgs(true, what).SingleResourceType().Do().ResourceMapping()
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
