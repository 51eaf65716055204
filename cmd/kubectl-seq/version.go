package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	apiversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/yaml"
)

// version is set by the linker for a release; other builds tell it from what the toolchain recorded.
var version string

func ownVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// versions are printed in the form of kubectl version.
type versions struct {
	ClientVersion apiversion.Info  `json:"clientVersion"`
	ServerVersion *apiversion.Info `json:"serverVersion,omitempty"`
}

func newVersion(flags *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	var clientOnly bool
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of the plugin and of the server",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := versions{ClientVersion: apiversion.Info{GitVersion: ownVersion(), GoVersion: runtime.Version(),
				Compiler: runtime.Compiler, Platform: runtime.GOOS + "/" + runtime.GOARCH}}
			print, ok := map[string]func() ([]byte, error){
				"json": func() ([]byte, error) { return json.MarshalIndent(v, "", "  ") },
				"yaml": func() ([]byte, error) { return yaml.Marshal(v) },
				"": func() ([]byte, error) {
					text := "Client Version: " + v.ClientVersion.GitVersion
					if v.ServerVersion != nil {
						text += "\nServer Version: " + v.ServerVersion.GitVersion
					}
					return []byte(text), nil
				},
			}[output]
			if !ok {
				return errors.New("--output must be 'yaml' or 'json'")
			}
			var failed error
			if !clientOnly {
				v.ServerVersion, failed = serverVersion(cmd.Context(), flags)
			}
			text, err := print()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(streams.Out, "%s\n", text)
			return cmp.Or(failed, err) // what is known is printed first
		},
	}
	cmd.Flags().BoolVar(&clientOnly, "client", false, "do not ask the server")
	cmd.Flags().StringVarP(&output, "output", "o", "", "json or yaml")
	_ = cmd.RegisterFlagCompletionFunc("output", fixed("json", "yaml")) // the only error is that there is one
	return cmd
}

func serverVersion(ctx context.Context, flags *genericclioptions.ConfigFlags) (*apiversion.Info, error) {
	config, err := restConfig(flags)
	if err != nil {
		return nil, err
	}
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	v, err := client.ServerVersionWithContext(ctx)
	if err != nil {
		return nil, explained(err, "", connection(flags))
	}
	return v, nil
}
