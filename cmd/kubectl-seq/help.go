package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// group is what the help of the whole program shows together, the first to try first.
type group struct {
	title string
	verbs []*cobra.Command
}

// helpOf prints the help of a command. It is no template: text/template calls methods by name, and then the linker must
// keep every exported method of the whole program.
func helpOf(groups []group) func(*cobra.Command, []string) {
	return func(c *cobra.Command, _ []string) {
		var b strings.Builder
		section := func(title, text string) {
			if text != "" {
				fmt.Fprintf(&b, "\n%s:\n%s\n", title, strings.TrimRight(text, "\n"))
			}
		}
		fmt.Fprintln(&b, strings.TrimRight(cmp.Or(c.Long, c.Short), "\n"))
		if c == c.Root() {
			for _, g := range groups {
				var verbs strings.Builder
				for _, v := range g.verbs {
					fmt.Fprintf(&verbs, "  %-*s  %s\n", v.NamePadding(), v.Name(), v.Short)
				}
				section(g.title, verbs.String())
			}
			section("Usage", "  "+c.CommandPath()+" COMMAND [FLAGS]")
			fmt.Fprintf(&b, "\nUse \"%s COMMAND --help\" for more information about a given command.", c.CommandPath())
		} else {
			section("Usage", "  "+c.UseLine())
			if len(c.Aliases) > 0 {
				section("Aliases", "  "+strings.Join(c.Aliases, ", "))
			}
			section("Examples", c.Example)
			section("Flags", flagUsages(c.LocalFlags(), c.OutOrStdout()))
		}
		if c.Name() != "options" {
			fmt.Fprintf(&b, "\nUse \"%s options\" for a list of global command-line options (applies to all commands).\n",
				c.Root().CommandPath())
		}
		io.WriteString(c.OutOrStdout(), b.String())
	}
}

// flagUsages are as wide as the terminal.
func flagUsages(flags *pflag.FlagSet, out io.Writer) string {
	style, _, _ := terminal(out, "auto", os.Getenv)
	return flags.FlagUsagesWrapped(style.Width)
}

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err == nil && len(rest) > 0 {
				err = about.ValidateArgs(rest)
			}
			if err != nil {
				return err
			}
			about.HelpFunc()(about, nil)
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion,
			cobra.ShellCompDirective) {
			var all []string
			for _, v := range cmd.Root().Commands() {
				all = append(all, cobra.CompletionWithDesc(v.Name(), v.Short))
			}
			if len(args) > 0 {
				all = nil
			}
			return offered(toComplete, all), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func newOptions() *cobra.Command {
	return &cobra.Command{
		Use:   "options",
		Short: "List the global command-line options, which apply to all commands",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "The following options can be passed to any command:\n\n%s",
				flagUsages(cmd.Root().PersistentFlags(), out))
		},
	}
}
