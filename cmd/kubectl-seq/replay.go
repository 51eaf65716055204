package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// demo is a recording of the README's example on the cluster of hack/cluster, made by hack/scenarios.
//
//go:embed demo.jsonl
var demo []byte

// replayOptions are valid once built.
type replayOptions struct {
	genericiooptions.IOStreams
	drawOptions
	recording *recording.Recording
	cut       bool
	speed     float64          // 0 is without any wait
	pods      render.Selection // which are drawn; those of the run where it is empty
}

type replayFlags struct {
	drawFlags
	speed, pods string
}

func newReplay(streams genericiooptions.IOStreams) *cobra.Command {
	f := replayFlags{}
	cmd := &cobra.Command{
		Use:   "replay FILE",
		Short: "Show a run that was recorded with --record",
		Long: "Show a run that was recorded with --record: the same steps, at the original speed or another. The exit " +
			"code is\nthat of the run.",
		Example: `  # Once more, ten times slower, as a picture
  kubectl seq replay web.jsonl --speed=0.1 -o lanes

  # A page to look at, and a picture for a slide
  kubectl seq replay web.jsonl --speed=max -o html=web.html -o svg=web.svg

  # Every Pod of a Deployment, of a run that drew only the first
  kubectl seq replay deployment.jsonl --speed=max --pods=all`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFiles("jsonl"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := openRecording(streams, args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			mapped, reader := isMap(file)
			if mapped {
				if err := replayMap(reader, streams, f.drawFlags); err != nil {
					return fmt.Errorf("replay %s: %w", args[0], err)
				}
				return nil
			}
			o, err := f.toOptions(streams, reader)
			if err != nil {
				return fmt.Errorf("replay %s: %w", args[0], err)
			}
			return replay(cmd.Context(), o)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.pods, "pods", "",
		"which Pods to draw in full: all, first or slowest (default as in the run)")
	return cmd
}

func newDemo(streams genericiooptions.IOStreams) *cobra.Command {
	f := replayFlags{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a recorded run, without a cluster",
		Long:  "Show a run that was recorded on a real cluster and comes with this program. No cluster is needed.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.toOptions(streams, bytes.NewReader(demo))
			if err != nil {
				return err
			}
			return replay(cmd.Context(), o)
		},
	}
	f.add(cmd)
	return cmd
}

func (f *replayFlags) add(cmd *cobra.Command) {
	f.drawFlags.add(cmd.Flags())
	cmd.Flags().StringVar(&f.speed, "speed", "1", "how many times faster than it was, such as 10 or 0.5, or max")
}

func (f *replayFlags) toOptions(streams genericiooptions.IOStreams, file io.Reader) (*replayOptions, error) {
	o := &replayOptions{IOStreams: streams}
	var err error
	if f.speed != "max" {
		if o.speed, err = strconv.ParseFloat(f.speed, 64); err != nil || !(o.speed > 0) {
			return nil, fmt.Errorf("--speed=%s: must be a number above 0, or max", f.speed)
		}
	}
	if f.pods != "" {
		if o.pods, err = selection(f.pods); err != nil {
			return nil, err
		}
	}
	if o.drawOptions, err = f.drawFlags.toOptions(streams.Out); err != nil {
		return nil, err
	}
	o.recording, o.cut, err = readRecording(file)
	return o, err
}

// openRecording opens a file, or takes standard input for -.
func openRecording(streams genericiooptions.IOStreams, path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(streams.In), nil
	}
	return os.Open(path)
}

// readRecording also takes one that is cut off.
func readRecording(file io.Reader) (r *recording.Recording, cut bool, err error) {
	r, err = recording.Read(file)
	if cut = errors.Is(err, recording.ErrCut); cut {
		err = nil
	}
	if err == nil {
		if _, err = choose("until", r.Until, allGoals); err != nil {
			err = fmt.Errorf("the recording's header: %w", err)
		}
	}
	return r, cut, err
}

func replay(ctx context.Context, o *replayOptions) (failed error) {
	out, err := openOutputs(o.drawOptions, o.Out)
	if err != nil {
		return err
	}
	s := sessionOf(o.recording)
	s.out, s.settle, s.pods = out, o.settle, cmp.Or(o.pods, s.pods)
	out.served.announce(o.ErrOut)
	defer func() { failed = errors.Join(failed, out.served.stay(ctx, o.ErrOut)) }()
	defer func() { failed = errors.Join(failed, out.send()) }()
	defer func() { failed = errors.Join(failed, s.close(failed)) }()
	reason := ended(o.recording)
	if o.speed > 0 {
		out.served.await(ctx, o.ErrOut)
	}
	if err := o.play(ctx, s); ctx.Err() != nil {
		reason = recording.Interrupt
	} else if err != nil {
		return err
	}
	if o.cut {
		fmt.Fprintln(o.ErrOut, "note: the recording is cut off; this is everything before the cut")
	}
	return s.finish(s.end(reason))
}

// sessionOf is the session that a recording is of, before its observations.
func sessionOf(r *recording.Recording) *session {
	return &session{trace: trace.New(r.Subject), pods: render.Selection(r.Pods), context: r.Context,
		until: allGoals[r.Until], image: r.Image, recorded: r.Started, traceParent: r.TraceParent}
}

// ended is why the run did.
func ended(r *recording.Recording) recording.Reason {
	if r.End == nil {
		return ""
	}
	return r.End.Reason
}

// play hands the observations to the session in their pace.
func (o *replayOptions) play(ctx context.Context, s *session) error {
	p := &pace{begin: time.Now(), from: o.recording.Started, speed: o.speed}
	var looks pacing
	for _, x := range o.recording.Observations {
		if err := p.until(ctx, x.Received, s); err != nil {
			return err
		}
		s.observe(x)
		if begun := time.Now(); o.speed > 0 && !looks.early(begun) {
			if err := s.draw(); err != nil {
				return err
			}
			looks.looked(begun, time.Now())
		}
	}
	if end := o.recording.End; end != nil {
		if err := p.until(ctx, end.At, s); err != nil {
			return err
		}
		s.tick(end.At)
	}
	return nil
}

// pace maps the time of a recording to ours.
type pace struct {
	begin, from time.Time
	speed       float64
}

// until waits for an instant of the recording, and draws meanwhile.
func (p *pace) until(ctx context.Context, at time.Time, s *session) error {
	for p.speed > 0 {
		wait := time.Until(p.begin.Add(time.Duration(float64(at.Sub(p.from)) / p.speed)))
		if wait <= 0 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(wait, refresh)):
		}
		if wait > refresh {
			s.tick(p.from.Add(time.Duration(float64(time.Since(p.begin)) * p.speed)))
			if err := s.draw(); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}
