package main

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
)

const completionHelp = `Print what completes verbs, flags and their values, types, and the names of what is on the cluster.

What follows kubectl seq is completed by kubectl's own completion, where that is loaded: it asks a program on the PATH,
kubectl_complete-seq. "completion kubectl" prints one; this program under that name, by a link or as a copy, is another.

The other scripts complete what follows kubectl-seq, and are loaded as those of kubectl are. That of bash needs the
package bash-completion, that of zsh "autoload -U compinit; compinit" before.`

const completionExample = `  # After kubectl seq, wherever kubectl completes: a script on the PATH, here where Krew has its plugins
  kubectl seq completion kubectl >~/.krew/bin/kubectl_complete-seq && chmod +x ~/.krew/bin/kubectl_complete-seq

  # The same by a link beside the program
  ln -s kubectl-seq "$(dirname "$(command -v kubectl-seq)")/kubectl_complete-seq"

  # After kubectl-seq; in ~/.bashrc, ~/.zshrc, ~/.config/fish/config.fish or $PROFILE
  source <(kubectl seq completion bash)
  source <(kubectl seq completion zsh)
  kubectl seq completion fish | source
  kubectl seq completion powershell | Out-String | Invoke-Expression`

// askedByKubectl is the name of the program that kubectl's completion asks for the completions of this plugin.
const askedByKubectl = "kubectl_complete-seq"

// completeScript is one. Releases have it as a file.
//
//go:embed kubectl_complete-seq
var completeScript string

func newCompletion(streams genericiooptions.IOStreams) *cobra.Command {
	scripts := map[string]func(*cobra.Command) error{
		"bash":       func(root *cobra.Command) error { return root.GenBashCompletionV2(streams.Out, true) },
		"zsh":        func(root *cobra.Command) error { return root.GenZshCompletion(streams.Out) },
		"fish":       func(root *cobra.Command) error { return root.GenFishCompletion(streams.Out, true) },
		"powershell": func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(streams.Out) },
		"kubectl": func(*cobra.Command) error {
			_, err := io.WriteString(streams.Out, completeScript)
			return err
		},
	}
	return &cobra.Command{
		Use:     "completion bash|fish|kubectl|powershell|zsh",
		Short:   "Print the completion script of a shell, or the program that kubectl runs for completion",
		Long:    completionHelp,
		Example: completionExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || scripts[args[0]] == nil {
				return hinted(fmt.Errorf("one of %s expected", strings.Join(keys(scripts), ", ")),
					"kubectl seq completion --help shows how to load each")
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, toComplete string) ([]cobra.Completion,
			cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return offered(toComplete, keys(scripts)), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return scripts[args[0]](cmd.Root()) },
	}
}

// complete says what TAB offers for the flags of every verb, and for the arguments of those that take none from the
// cluster. What a verb has said itself stays.
func complete(root *cobra.Command, config *genericclioptions.ConfigFlags) {
	flags := flagCompletions(config)
	for _, cmd := range append(root.Commands(), root) {
		cmd.DisableFlagsInUseLine = true
		cmd.InitDefaultHelpFlag()
		cmd.Flags().Lookup("help").Hidden = true // whoever reads of it has found it
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
		"output":            completeOutput(keys(render.Formats)),
		"filename":          completeFiles("yaml", "yml", "json"),
		"image":             completeImage(config),
		"container":         completeContainer(config),
		"namespace": func(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return namespaces(cmd, nil, toComplete)
		},
		"context": fromKubeconfig(config, func(c *clientcmdapi.Config) []string { return keys(c.Contexts) }),
		"cluster": fromKubeconfig(config, func(c *clientcmdapi.Config) []string { return keys(c.Clusters) }),
		"user":    fromKubeconfig(config, func(c *clientcmdapi.Config) []string { return keys(c.AuthInfos) }),
	}
	for _, name := range []string{"record", "audit-log", "spans", "out", "kubeconfig", "cache-dir",
		"certificate-authority", "client-certificate", "client-key"} {
		all[name] = completeFiles()
	}
	return all
}

func fixed(values ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return offered(toComplete, values), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// offered are those that begin with what is there already. What a server or a file says must not become two lines for
// the shell, or move the cursor.
func offered(toComplete string, values []string) (all []cobra.Completion) {
	for _, v := range values {
		name, _, _ := strings.Cut(v, "\t") // and a description
		if strings.HasPrefix(name, toComplete) &&
			!strings.ContainsFunc(strings.Replace(v, "\t", "", 1), func(r rune) bool { return !unicode.IsPrint(r) }) {
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
func completeOutput(formats []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		format, path, named := strings.Cut(toComplete, "=")
		if !named {
			return offered(toComplete, formats), cobra.ShellCompDirectiveNoFileComp
		}
		return completePath(toComplete, format+"=", path)
	}
}

// completePath completes a file's name behind a prefix.
func completePath(toComplete, prefix, path string) ([]cobra.Completion, cobra.ShellCompDirective) {
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
		all = append(all, prefix+dir+name)
	}
	all = offered(toComplete, all)
	directive := cobra.ShellCompDirectiveNoFileComp
	if len(all) == 1 && strings.HasSuffix(all[0], "/") { // it goes on
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return all, directive
}
