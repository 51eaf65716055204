package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/apiread"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

const mapLong = `Show every web API around a Pod, or around the control plane and the nodes: who calls whom, at which
address, as whom, whether you may, what that is read from, and a command to try it. Nothing is changed, and
nothing that is secret is kept.

● is read from a field or an answer of this cluster, ○ is known of Kubernetes and cannot be read here. What your
permissions or a managed cluster hide is listed at the end.`

const mapExample = `  # The APIs around one Pod
  kubectl seq map pod/web

  # The control plane and the nodes
  kubectl seq map

  # With the evidence of each API, and a command to try it
  kubectl seq map pod/web --detail=full

  # A page on which a click opens these, and a picture for a slide
  kubectl seq map pod/web -o html=map.html -o svg=map.svg

  # A page on which the messages of a run light up
  kubectl seq create-pod web --image=nginx --record=run.jsonl
  kubectl seq map pod/web --run=run.jsonl -o html=map.html

  # The same, at the end of the run
  kubectl seq create-pod web --image=nginx -o map-html=map.html

  # Look now, draw later, elsewhere
  kubectl seq map pod/web --record=map.jsonl
  kubectl seq replay map.jsonl -o mermaid`

// mapFlags are those of a map, which is drawn at once.
type mapFlags struct {
	drawFlags
	record    string
	proxied   bool
	processes bool
	runFile   string
}

// mapOptions are valid once built.
type mapOptions struct {
	genericiooptions.IOStreams
	targets   []target
	style     render.Style
	record    string
	proxied   bool
	processes bool
	config    *rest.Config
	flags     []string // that say which cluster, for commands to try
	snapshot  apimap.Snapshot
	steps     []*seq.Step // of a run that lights up on it
}

func newMap(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	f := mapFlags{}
	cmd := &cobra.Command{
		Use:     "map [pod/NAME]",
		Short:   "Show every web API around a Pod, or of the control plane",
		Long:    mapLong,
		Example: mapExample,
		Args:    cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := f.toOptions(config, streams, args)
			if err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
		ValidArgsFunction: completePod(config),
	}
	f.addMap(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("output", completeOutput(keys(render.MapFormats))) // the flag is there
	cmd.Flags().StringVar(&f.record, "record", "",
		"write what is read to this file, for kubectl seq replay, without secrets")
	cmd.Flags().BoolVar(&f.proxied, "nodes-proxy", false,
		"also ask kubelets for their settings; it needs the right to get nodes/proxy, which is also one to run commands in "+
			"every container")
	cmd.Flags().StringVar(&f.runFile, "run", "",
		"a recording of create-pod and the like, whose messages light up on the page of -o html, one after another")
	cmd.Flags().BoolVar(&f.processes, "processes", false,
		"also list the processes inside each container, by a command that exec runs there; standard error says which")
	return cmd
}

// addMap adds the flags of how a map is drawn.
func (f *mapFlags) addMap(fs *pflag.FlagSet) {
	fs.StringArrayVarP(&f.outputs, "output", "o", nil,
		"FORMAT or FORMAT=FILE: "+strings.Join(keys(render.MapFormats), ", ")+"; may be repeated (default listing)")
	fs.StringVar(&f.detail, "detail", "normal",
		"brief (who calls whom), normal (each API), or full (each with its evidence and a command)")
	fs.StringVar(&f.color, "color", "auto", "auto, always or never")
}

// drawn reads where a map is drawn, and how.
func (f *mapFlags) drawn(out io.Writer) (targets []target, y render.Style, err error) {
	if targets, err = parseTargets(f.outputs, render.MapFormats); err != nil {
		return nil, y, err
	}
	f.times = "likely"
	y, _, err = f.toStyle(out)
	return targets, y, err
}

func (f *mapFlags) toOptions(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams,
	args []string) (*mapOptions, error) {
	o := &mapOptions{IOStreams: streams, record: f.record, proxied: f.proxied, processes: f.processes}
	var err error
	if o.targets, o.style, err = f.drawn(streams.Out); err != nil {
		return nil, err
	}
	if o.steps, err = stepsOf(streams, f.runFile); err != nil {
		return nil, err
	}
	namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, noCluster(err)
	}
	if o.snapshot.Subject, err = podArg(namespace, args); err != nil {
		return nil, err
	}
	if f.processes && o.snapshot.Subject.Name == "" {
		return nil, hinted(errors.New("--processes needs a Pod"), "kubectl seq map pod/NAME --processes")
	}
	var follow followOptions
	if err := follow.connect(config); err != nil {
		return nil, err
	}
	o.config, o.flags = follow.config, follow.mapFlags()
	o.snapshot.Context, o.snapshot.Plugin, o.snapshot.Taken = follow.contextName, ownVersion(), now().UTC()
	o.snapshot.Client = apiread.ClientOf(o.config)
	return o, nil
}

// stepsOf are the steps of a run that was recorded, if there is one.
func stepsOf(streams genericiooptions.IOStreams, path string) ([]*seq.Step, error) {
	if path == "" {
		return nil, nil
	}
	file, err := openRecording(streams, path)
	if err != nil {
		return nil, fmt.Errorf("--run: %w", err)
	}
	defer file.Close()
	r, _, err := readRecording(file)
	if err != nil {
		return nil, fmt.Errorf("--run=%s: %w", path, err)
	}
	s := sessionOf(r)
	for _, x := range r.Observations {
		s.observe(x)
	}
	return s.whole(s.end(ended(r))).Steps, nil
}

// podArg reads pod/NAME, or pod NAME.
func podArg(namespace string, args []string) (seq.Object, error) {
	if len(args) == 0 {
		return seq.Object{}, nil
	}
	kind, name, ok := strings.Cut(strings.Join(args, "/"), "/")
	if !ok {
		kind, name = "pod", args[0]
	}
	switch strings.ToLower(kind) {
	case "pod", "pods", "po":
	default:
		return seq.Object{}, hinted(fmt.Errorf("a map is of a Pod, not of %q", kind), "kubectl seq map pod/NAME")
	}
	if name == "" || strings.Contains(name, "/") {
		return seq.Object{}, hinted(fmt.Errorf("%q names no Pod", strings.Join(args, " ")), "kubectl seq map pod/NAME")
	}
	if msgs := validation.IsDNS1123Subdomain(name); len(msgs) > 0 { // it becomes a part of a path
		return seq.Object{}, hinted(fmt.Errorf("invalid Pod name %q: %s", name, msgs[0]), "kubectl seq map pod/NAME")
	}
	if msgs := validation.IsDNS1123Label(namespace); len(msgs) > 0 {
		return seq.Object{}, fmt.Errorf("invalid namespace %q: %s", namespace, msgs[0])
	}
	return seq.Object{Kind: "Pod", Namespace: namespace, Name: name}, nil
}

// completePod completes pod/NAME.
func completePod(config *genericclioptions.ConfigFlags) cobra.CompletionFunc {
	names := completeNames(config, "pods")
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		begun, ok := strings.CutPrefix(toComplete, "pod/")
		if !ok && !strings.HasPrefix("pod/", toComplete) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		all, directive := names(cmd, args, begun)
		for i := range all {
			all[i] = "pod/" + all[i]
		}
		return all, directive
	}
}

func (o *mapOptions) run(ctx context.Context) (failed error) {
	out, err := openMapOutputs(o.targets, o.Out, o.style)
	if err != nil {
		return err
	}
	defer func() { failed = errors.Join(failed, out.discard()) }()
	if err := apiread.Read(ctx, o.config, &o.snapshot, o.proxied); err != nil {
		return err
	}
	if o.snapshot.Missing() {
		return hinted(fmt.Errorf("pods %q not found", o.snapshot.Subject.Name),
			"kubectl get pods -n "+o.snapshot.Subject.Namespace)
	}
	if o.processes {
		say := func(text string) { fmt.Fprintln(o.ErrOut, render.Lines(text)) }
		if err := apiread.Inside(ctx, o.config, &o.snapshot, say); err != nil {
			return err
		}
	}
	if o.record != "" {
		if err := writeSnapshot(o.record, &o.snapshot); err != nil {
			return fmt.Errorf("--record: %w", err)
		}
	}
	m, n := lit(&o.snapshot, o.flags, o.steps, o.style.Detail)
	if n > 0 {
		fmt.Fprintf(o.ErrOut, "note: %d messages of the run are between components that the map does not have\n", n)
	}
	return out.drawMap(m)
}

func writeSnapshot(path string, s *apimap.Snapshot) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(s.Write(f), f.Close())
}

// openMapOutputs makes the files of a map.
func openMapOutputs(targets []target, out io.Writer, y render.Style) (*outputs, error) {
	o := &outputs{stdout: targets[0].format, out: out, style: y}
	return o, o.openFiles(targets[1:])
}

// drawMap draws a map everywhere.
func (o *outputs) drawMap(m apimap.Map) error {
	return errors.Join(render.MapFormats[o.stdout](o.out, m, o.style), o.write(func(w io.Writer, format string,
		y render.Style) error {
		return render.MapFormats[format](w, m, y)
	}))
}

// replayMap draws the map that a recording has.
func replayMap(file io.Reader, streams genericiooptions.IOStreams, f drawFlags) (failed error) {
	s, err := apimap.Read(file)
	cut := errors.Is(err, apimap.ErrCut)
	if err != nil && !cut {
		return err
	}
	m := mapFlags{drawFlags: f}
	targets, y, err := m.drawn(streams.Out)
	if err != nil {
		return err
	}
	out, err := openMapOutputs(targets, streams.Out, y)
	if err != nil {
		return err
	}
	if cut {
		fmt.Fprintln(streams.ErrOut, "note: the recording is cut off; this is everything before the cut")
	}
	return out.drawMap(apimap.Derive(s))
}

// isMap reports whether a file has a map; what was read of it can be read again.
func isMap(file io.Reader) (bool, io.Reader) {
	b := bufio.NewReaderSize(file, 64<<10)
	first, _ := b.Peek(64 << 10)
	line, _, _ := strings.Cut(string(first), "\n")
	return apimap.Is([]byte(line)), b
}
