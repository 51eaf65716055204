package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-seq/kubectl-seq/pkg/docker"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

const dockerRunExample = `  # What does docker do, and what containerd and runc?
  kubectl seq docker-run busybox -- echo hello

  # The diagram of a course, beside that of a Pod
  kubectl seq docker-run nginx --until=started --rm --detail=brief --record=docker.jsonl
  kubectl seq create-pod web --image=nginx --rm --detail=brief --record=pod.jsonl
  kubectl seq compare docker.jsonl pod.jsonl`

type dockerRunFlags struct {
	followFlags
	docker.Spec
	connection docker.Connection
	until      string
	memory     string
}

func newDockerRun(streams genericiooptions.IOStreams) *cobra.Command {
	f := dockerRunFlags{}
	cmd := &cobra.Command{
		Use:   "docker-run IMAGE [-- COMMAND [ARGS...]]",
		Short: "Run a container on a Docker Engine and show its sequence, for comparison",
		Long: `Run a container on a Docker Engine, without Kubernetes, and show, live, what docker, containerd and runc do, each step
with its evidence. The engine is that of docker's own context, DOCKER_HOST or -H. Where the socket of its containerd
can be read, mostly by root, what the engine asks of containerd is observed, too.

The container's output goes to standard output, or to standard error where standard output has a format for programs.
Exit codes: the container's own, where the run waits for its end and that is not 0. Otherwise:
    0  it has started, or has exited with 0, as --until asked
    1  wrong usage, or the engine refused, or could not be reached
  124  the time was up
  130  interrupted (Ctrl-C)`,
		Example: dockerRunExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := f.toOptions(streams, args, cmd.ArgsLenAtDash())
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), o)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.Name, "name", "", "name of the container (default: one that begins with seq-)")
	fs.StringArrayVarP(&f.Env, "env", "e", nil, "environment variable as KEY=VALUE; may be repeated")
	fs.BoolVar(&f.Remove, "rm", false, "remove the container afterwards, also after Ctrl-C")
	fs.StringVarP(&f.memory, "memory", "m", "", "memory the container may use, such as 64m")
	fs.StringVar(&f.until, "until", "exited", "follow the container until it has started or exited")
	fs.StringVarP(&f.connection.Host, "host", "H", "",
		"address of the engine, such as unix:///var/run/docker.sock or ssh://user@host (default: as docker has it)")
	fs.StringVar(&f.connection.Context, "docker-context", "",
		"docker's context that names the engine (default: as docker has it)")
	fs.StringArrayVar(&f.connection.Containerd, "containerd", nil,
		"socket of the engine's containerd, which is read where that is allowed; may be repeated (default: the usual "+
			"ones of this machine)")
	fs.DurationVar(&f.timeout, "timeout", usually, "how long to follow what happens; 0 is without end")
	f.limit = "timeout"
	f.addPicture(fs)
	return cmd
}

func (f *dockerRunFlags) toOptions(streams genericiooptions.IOStreams, args []string,
	dash int) (*followOptions, error) {
	const usage = "kubectl seq docker-run IMAGE [-- COMMAND [ARGS...]]"
	images := args
	if dash >= 0 {
		images, f.Command = args[:dash], args[dash:]
	}
	switch {
	case len(images) == 0:
		return nil, hinted(errors.New("no image given"), usage)
	case len(images) > 1:
		return nil, hinted(fmt.Errorf("one IMAGE expected, %d given: %s", len(images), strings.Join(images, " ")),
			"put the container's command after --")
	}
	for _, e := range f.Env {
		if name, _, ok := strings.Cut(e, "="); !ok || name == "" {
			return nil, fmt.Errorf("--env=%s: must be KEY=VALUE", e)
		}
	}
	if f.memory != "" {
		bytes, err := units.RAMInBytes(f.memory)
		if err != nil {
			return nil, fmt.Errorf("--memory=%s: %w", f.memory, err)
		}
		f.Memory = bytes
	}
	until, err := choose("until", f.until, map[string]string{"started": started, "exited": exited})
	if err != nil {
		return nil, err
	}
	o, err := f.followFlags.toOptions(streams, until)
	if err != nil {
		return nil, err
	}
	if f.Image = images[0]; f.Name == "" {
		f.Name = "seq-" + rand.String(5)
	}
	o.subject = seq.Object{Kind: seq.KindContainer, Name: f.Name}
	o.image, o.waitAnyway, o.pods = f.Image, true, render.Selection("all")
	return &o, nil
}

// The goals of a container on an engine.
const (
	started = "started"
	exited  = "exited"
)

// engineSource is an engine; what it has to say comes by itself.
type engineSource struct{ *docker.Engine }

func (engineSource) Ask(context.Context, seq.Question) {}

func (engineSource) Asking() bool { return false }

func (engineSource) CatchUp(context.Context) <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

func (f *dockerRunFlags) run(ctx context.Context, o *followOptions) error {
	r := &run{followOptions: o, doing: "run container " + f.Name}
	r.passed = newPassed(r)
	var engine *docker.Engine
	runs := false // the engine has answered that it does
	r.open = func(following context.Context) (opened, error) {
		var err error
		if engine, err = docker.New(following, f.connection, now); err != nil {
			return opened{}, err
		}
		return opened{engineSource{engine}, engine.Follow, engine.Close}, nil
	}
	r.act = func(ctx context.Context) error {
		f.Stdout, f.Stderr = r.passed.to(ctx, &r.passed.streams[0]), r.passed.to(ctx, &r.passed.streams[1])
		err := engine.Start(ctx, f.Spec)
		if f.Remove && engine.Container().UID != "" {
			r.remove = append(r.remove, removal{fmt.Sprintf("container %q", f.Name), engine.Remove, 0})
		}
		runs = err == nil
		if runs && o.until == exited {
			_, err = engine.Wait(ctx)
		}
		return err
	}
	err := r.start(ctx)
	if engine != nil && engine.Container().UID != "" && !f.Remove && o.until == exited {
		_, ended := r.trace.ExitCode()
		switch {
		case ended || r.trace.State().Deleted:
		case runs: // also where that has not been observed yet
			fmt.Fprintf(o.ErrOut, "note: container %s goes on; docker rm -f %s ends it\n", f.Name, f.Name)
		default:
			fmt.Fprintf(o.ErrOut, "note: container %s is there; docker rm -f %s removes it\n", f.Name, f.Name)
		}
	}
	return err
}

// ofContainer reports whether the run is about a container on an engine.
func (s *session) ofContainer() bool {
	return s.until.name == allGoals[started].name || s.until.name == allGoals[exited].name
}

// decidedContainer names the outcome of a container on an engine, or none while it is open.
func (s *session) decidedContainer() (render.Outcome, bool) {
	_, by, ok := s.trace.Reached(0, s.until.reached)
	if !ok {
		return render.Outcome{}, false
	}
	o := render.Outcome{Name: s.until.name, Total: by.Sub(s.trace.Run().Origin)}
	if code, ended := s.trace.ExitCode(); ended && s.until.name == allGoals[exited].name && code != 0 {
		o = s.because(o)
		o.ExitCode = code
	}
	return o, true
}
