package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
)

const execExample = `  # How does a command get into a container, and its output back?
  kubectl seq exec web -- hostname

  # What happens when the first process of a container ends?
  kubectl seq exec web --processes -- kill 1

  # A shell, and the sequence of it once it has ended
  kubectl seq exec web -it -- sh

  # Standard input is passed on with -i; the exit code is kept
  echo hello | kubectl seq exec web -i -c app -- sh -c 'cat; exit 3'`

// execFlags are those of exec.
type execFlags struct {
	followFlags
	container        string
	stdin, tty       bool
	processes, quiet bool
	linger           time.Duration
}

// execOptions are valid once built.
type execOptions struct {
	followOptions
	command   watch.Command
	processes bool
	tty       *tty
	wait      time.Duration
}

// exitWait is how long to look out for a container that ends because of the command. The kubelet learns of an exit by
// an event of the runtime, or when it lists the containers: once in genericPlegRelistPeriod, 1 s.
const exitWait = 2 * time.Second

func newExec(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	f := execFlags{}
	cmd := &cobra.Command{
		Use:   "exec POD [-c CONTAINER] -- COMMAND [ARGS...]",
		Short: "Run a command in a container and show its sequence, and what follows",
		Long: `Run a command in a container of a Pod and show, live, how it gets there and how its output comes back, each ` +
			`step with
its evidence. If a container exits because of it, the run goes on until the Pod is ready again, has ended, or --for
has passed.

The command's output goes to standard output, or to standard error if standard output has a format for programs.
With -t the command has the terminal while it runs, and the sequence is drawn after it.
Exit codes: the command's own, where that is not 0. Otherwise:
    0  nothing followed, or the Pod is ready again, or has ended successfully
    1  usage error, request rejected, or the command could not be run
    2  the Pod failed or is gone, or is blocked when --for has passed; the summary names the cause
  124  --for has passed, without a known cause
  130  interrupted (Ctrl-C)`,
		Example: execExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, name, err := f.toOptions(streams, args, cmd.ArgsLenAtDash())
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), config, o, name)
		},
	}
	cmd.ValidArgsFunction = completeNames(config, "pods")
	fs := cmd.Flags()
	fs.StringVarP(&f.container, "container", "c", "",
		"container to run the command in (default: as kubectl exec chooses it)")
	fs.BoolVarP(&f.stdin, "stdin", "i", false, "pass standard input to the command")
	fs.BoolVarP(&f.tty, "tty", "t", false, "give the command the terminal; the sequence is drawn once it has ended")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "do not say which container was chosen")
	fs.BoolVar(&f.processes, "processes", false,
		"look at the container's processes before, and again after a restart, by another command in it that needs a shell")
	fs.DurationVar(&f.linger, "linger", exitWait,
		"how long to look out for the end of a container after the command has ended")
	f.addWith(fs, "for", time.Minute, "how long to follow what happens after the command has ended; 0 is without end")
	return cmd
}

func (f *execFlags) toOptions(streams genericiooptions.IOStreams, args []string,
	dash int) (*execOptions, string, error) {
	const usage = "kubectl seq exec POD [-c CONTAINER] -- COMMAND [ARGS...]"
	switch {
	case len(args) > 0 && dash < 0:
		return nil, "", hinted(errors.New("missing -- before the command"), usage)
	case dash != 1:
		return nil, "", hinted(fmt.Errorf("one POD expected, %d given", max(0, dash)), usage)
	case len(args) == 1:
		return nil, "", hinted(errors.New("no command given"), usage)
	case f.stdin && f.audit == "-":
		return nil, "", errors.New("-i and --audit-log=- both read standard input")
	case f.linger < 0:
		return nil, "", errors.New("--linger must not be below 0")
	}
	kind, name, typed := strings.Cut(args[0], "/")
	if !typed {
		name = args[0]
	} else if kind != "pod" && kind != "pods" && kind != "po" || name == "" {
		return nil, "", hinted(fmt.Errorf("%s is no Pod", args[0]), "kubectl get pods shows their names")
	}
	o := &execOptions{processes: f.processes, wait: f.linger}
	var err error
	if o.followOptions, err = f.followFlags.toOptions(streams, executed); err != nil {
		return nil, "", err
	}
	o.pods = render.Selection("all")
	o.command = watch.Command{Container: f.container, Args: args[1:]}
	if f.stdin {
		o.command.Stdin = streams.In
	}
	if f.tty {
		if o.tty = terminalOf(streams.In, streams.Out); o.tty == nil { // as kubectl says it, and goes on
			fmt.Fprintln(streams.ErrOut, "Unable to use a TTY - input is not a terminal or the right kind of file")
		}
	}
	return o, name, nil
}

func (f *execFlags) run(ctx context.Context, config *genericclioptions.ConfigFlags, o *execOptions, name string) error {
	if err := o.connect(config); err != nil {
		return err
	}
	if _, err := o.find(config, []string{"pods", name}); err != nil {
		return err
	}
	if err := o.choose(ctx, f.quiet); err != nil {
		return err
	}
	r := &run{followOptions: &o.followOptions, doing: "exec in Pod " + name}
	r.aftermath = newAftermath(o, r)
	r.act = r.aftermath.act
	return r.start(ctx)
}

// defaultContainer names the annotation of a Pod that names its container for exec.
const defaultContainer = "kubectl.kubernetes.io/default-container"

// choose finds the container, as kubectl does.
func (o *execOptions) choose(ctx context.Context, quiet bool) error {
	c, err := corev1client.NewForConfig(o.config)
	if err != nil {
		return err
	}
	pod, err := c.Pods(o.subject.Namespace).Get(ctx, o.subject.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsForbidden(err) && o.command.Container != "":
		return nil // the server knows whether there is one
	case apierrors.IsForbidden(err):
		return hinted(err, "name the container: -c CONTAINER")
	case err != nil:
		return err
	}
	var names []string
	images := map[string]string{}
	add := func(name, image, kind string) {
		names, images[name] = append(names, name+kind), image
	}
	for _, x := range pod.Spec.Containers {
		add(x.Name, x.Image, "")
	}
	for _, x := range pod.Spec.EphemeralContainers {
		add(x.Name, x.Image, " (ephem)")
	}
	for _, x := range pod.Spec.InitContainers {
		add(x.Name, x.Image, " (init)")
	}
	chosen := cmp.Or(o.command.Container, pod.Annotations[defaultContainer])
	if chosen == "" {
		if chosen = pod.Spec.Containers[0].Name; len(names) > 1 && !quiet {
			fmt.Fprintf(o.ErrOut, "Defaulted container %q out of: %s\n", chosen, strings.Join(names, ", "))
		}
	}
	o.command.Container, o.image = chosen, images[chosen]
	for _, c := range slices.Concat(pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses,
		pod.Status.InitContainerStatuses) {
		if _, id, ok := strings.Cut(c.ContainerID, "://"); ok && c.Name == chosen {
			o.containers = append(o.containers, id)
		}
	}
	return nil
}
