package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-seq/kubectl-seq/pkg/compare"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
)

// compareOptions are valid once built.
type compareOptions struct {
	genericiooptions.IOStreams
	targets []target
	style   render.Style
	names   [2]string
	reports [2]render.Report
	series  [2]*render.KeptSeries // instead of reports
}

func newCompare(streams genericiooptions.IOStreams) *cobra.Command {
	f := drawFlags{}
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Show two recorded runs side by side, and where each took longer",
		Long: `Show two recorded runs (--record) side by side: which took longer, in which phases, and which fixed waits and
steps only one of them has. Names do not count: the container of one Pod is compared with that of the other,
whatever their names are. A difference is certain if the known ranges do not overlap. It is likely if the likely
times differ by more than their measured errors. One of the two files may be -, standard input.

Or show two series of runs, which --repeat=N -o json=FILE writes, side by side: which of them has the larger
percentiles, with a confidence of 95 %.

The exit code is 0 if both could be read, however the runs ended.`,
		Example: `  # Why does this Pod take longer?
  kubectl seq create-pod web --image=nginx --record=web.jsonl
  kubectl seq create-pod -f probed.yaml --record=probed.jsonl
  kubectl seq compare web.jsonl probed.jsonl

  # The steps that only one has, explained; and a page of it
  kubectl seq compare web.jsonl probed.jsonl --explain -o html=compare.html

  # Two series of runs, before and after a change
  kubectl seq create-pod web --image=nginx --repeat=30 -o json=before.json
  kubectl seq create-pod web --image=nginx --repeat=30 -o json=after.json
  kubectl seq compare before.json after.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return hinted(fmt.Errorf("two recordings expected, %d given", len(args)),
					cmd.CommandPath()+" A B; --record of other commands makes them")
			}
			if args[0] == "-" && args[1] == "-" {
				return errors.New("only one of the two can be -")
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion,
			cobra.ShellCompDirective) {
			if len(args) > 1 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return completeFiles("jsonl")(cmd, args, toComplete)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			o, err := f.toCompareOptions(streams, [2]string(args))
			if err != nil {
				return err
			}
			return runCompare(o)
		},
	}
	f.addOutput(cmd.Flags(), keys(render.CompareFormats))
	_ = cmd.RegisterFlagCompletionFunc("output", completeOutput(keys(render.CompareFormats))) // the flag is there
	cmd.Flags().StringVar(&f.detail, "detail", "normal",
		"how many steps to show: brief (as in a textbook diagram), normal, or full (adds Event writes and our own watching)")
	cmd.Flags().BoolVar(&f.explain, "explain", false, "explain in one line each step that only one has")
	return cmd
}

func (f *drawFlags) toCompareOptions(streams genericiooptions.IOStreams,
	paths [2]string) (o *compareOptions, err error) {
	o = &compareOptions{IOStreams: streams}
	if o.targets, err = parseTargets(f.outputs, render.CompareFormats); err != nil {
		return nil, err
	}
	if o.style, _, err = f.toStyle(streams.Out); err != nil {
		return nil, err
	}
	for i, path := range paths {
		if err := o.read(compare.Side(i), path); err != nil {
			return nil, fmt.Errorf("compare %s: %w", path, err)
		}
	}
	switch a, b := o.series[compare.A] != nil, o.series[compare.B] != nil; {
	case a != b:
		return nil, hinted(errors.New("one of the two is a run, the other a series of runs"),
			"compare two of --record, or two of --repeat=N -o json=FILE")
	case a:
		for _, t := range o.targets {
			if _, err := choose("output", t.format, render.KeptFormats); err != nil {
				return nil, err
			}
		}
	}
	if o.names = [2]string{filepath.Base(paths[0]), filepath.Base(paths[1])}; o.names[0] == o.names[1] &&
		paths[0] != paths[1] {
		o.names = paths
	}
	if i := slices.Index(paths[:], "-"); i >= 0 {
		o.names[i] = "standard input"
	}
	return o, nil
}

// read takes the end of a recorded run, or a series.
func (o *compareOptions) read(side compare.Side, path string) error {
	file, err := openRecording(o.IOStreams, path)
	if err != nil {
		return err
	}
	defer file.Close()
	text := bufio.NewReaderSize(file, 64<<10)
	first, _ := text.Peek(1024) // of a series the whole line, or nearly; an error is that of reading it
	if line, _, _ := bytes.Cut(first, []byte("\n")); render.IsSeries(line) {
		o.series[side], err = render.ReadSeries(text)
		return err
	}
	r, cut, err := readRecording(text)
	if err != nil {
		return err
	}
	if cut {
		fmt.Fprintf(o.ErrOut, "note: recording %s is cut off; this is everything before the cut\n", side)
	}
	s := sessionOf(r)
	for _, x := range r.Observations {
		s.observe(x)
	}
	if r.End != nil {
		s.tick(r.End.At)
	}
	o.reports[side] = s.whole(s.end(ended(r)))
	return nil
}

func runCompare(o *compareOptions) error {
	out := &outputs{style: o.style}
	if err := out.openFiles(o.targets[1:]); err != nil {
		return err
	}
	if o.series[compare.A] != nil {
		c := render.CompareSeries(o.series[compare.A], o.series[compare.B], o.names)
		return drawComparison(o, out, render.KeptFormats, c)
	}
	return drawComparison(o, out, render.CompareFormats,
		render.Compare(o.reports[compare.A], o.reports[compare.B], o.names))
}

func drawComparison[T any](o *compareOptions, out *outputs, formats map[string]func(io.Writer, T, render.Style) error,
	c T) error {
	err := formats[o.targets[0].format](o.Out, c, o.style)
	return errors.Join(err,
		out.write(func(w io.Writer, format string, y render.Style) error { return formats[format](w, c, y) }))
}
