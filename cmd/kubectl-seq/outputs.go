package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/kubectl-seq/kubectl-seq/pkg/otlp"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
)

// target is one value of -o: FORMAT, or FORMAT=FILE.
type target struct {
	format string
	path   string // empty for standard output
}

// parseTargets reads the values of -o. Standard output has one format: the one without a file, else the listing.
func parseTargets[T any](values []string, formats map[string]T) ([]target, error) {
	all := []target{{format: "listing"}}
	toStdout := ""
	for _, v := range values {
		format, path, named := strings.Cut(v, "=")
		if _, err := choose("output", format, formats); err != nil {
			return nil, err
		}
		switch {
		case named && path == "":
			return nil, hinted(fmt.Errorf("--output=%s names no file", v), "write FORMAT, or FORMAT=FILE")
		case named && path != "-":
			all = append(all, target{format, path})
		case toStdout != "":
			return nil, hinted(fmt.Errorf("--output: %s and %s both go to standard output", toStdout, format),
				"give one of them a file: -o "+format+"=FILE")
		default:
			toStdout, all[0].format = format, format
		}
	}
	return all, nil
}

// outputs are where one run is drawn.
type outputs struct {
	live   *render.Live // on standard output, where its format can be live
	stdout string       // else its format
	out    io.Writer
	style  render.Style
	files  []outputFile
	kept   *render.Report  // where the end is only kept; or nil
	sender *otlp.Sender    // of the end as spans; or nil
	ended  []render.Report // that are to be sent
	served *served         // where browsers look at the run; or nil
}

// outputFile is a file that is written whole at the end: to a temporary one beside it, which then takes its name.
type outputFile struct {
	target
	temporary *os.File
}

// openOutputs makes the temporary files, so that one that cannot be written is told before anything happens.
func openOutputs(d drawOptions, out io.Writer) (*outputs, error) {
	o := &outputs{stdout: d.targets[0].format, out: out, style: d.style, sender: d.sender}
	if render.Formats[o.stdout].Live {
		o.live = render.NewLive(o.stdout, d.style, out, d.size)
	}
	if err := o.openFiles(d.targets[1:]); err != nil || d.serve == nil {
		return o, err
	}
	var err error
	if o.served, err = openServed(*d.serve, d.style, d.beside); err != nil {
		return o, errors.Join(err, o.discard())
	}
	return o, nil
}

func (o *outputs) openFiles(targets []target) error {
	for _, t := range targets {
		f, err := create(t.path)
		if err != nil {
			return errors.Join(fmt.Errorf("--output=%s=%s: %w", t.format, t.path, err), o.discard())
		}
		o.files = append(o.files, outputFile{t, f})
	}
	return nil
}

// create opens a new file beside path; or path itself where that is no file to be replaced, such as /dev/null.
func create(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.OpenFile(path, os.O_WRONLY, 0)
	}
	return os.OpenFile(filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d", filepath.Base(path), os.Getpid())),
		os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// haveAllPods reports whether one of them has every Pod, whatever is drawn.
func (o *outputs) haveAllPods() bool {
	return o.kept != nil || o.sender != nil || o.served != nil || render.Formats[o.stdout].AllPods ||
		slices.ContainsFunc(o.files, func(f outputFile) bool { return render.Formats[f.format].AllPods })
}

func (o *outputs) update(r render.Report, settled int, status string) error {
	if o.live == nil {
		return nil
	}
	return o.live.Update(r, settled, status)
}

// print writes text that is no part of the picture, above what can still change of it.
func (o *outputs) print(w io.Writer, text string) error {
	if o.live != nil {
		return o.live.Print(w, text)
	}
	_, err := io.WriteString(w, text)
	return err
}

// finish draws the end, and writes the files even where standard output could not be.
func (o *outputs) finish(r render.Report) error {
	if o.kept != nil {
		*o.kept = r
		return nil
	}
	var err error
	if o.live != nil {
		err = o.live.Finish(r)
	} else {
		err = render.Formats[o.stdout].Write(o.out, r, o.style)
	}
	return errors.Join(err, o.writeFiles(r))
}

func (o *outputs) writeFiles(r render.Report) error {
	o.ended = append(o.ended, r)
	return errors.Join(o.served.end(r), o.write(func(w io.Writer, format string, y render.Style) error {
		return render.Formats[format].Write(w, r, y)
	}))
}

// sendTimeout bounds how long it takes to send all spans.
const sendTimeout = time.Minute

// send sends what has ended as spans, where that is asked for. It may take long, and comes after all else.
func (o *outputs) send() error {
	if o.sender == nil || len(o.ended) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendTimeout) // also after an interrupt
	defer cancel()
	var all []ptrace.Traces
	for _, r := range o.ended {
		all = append(all, render.Traces(r, o.style.Detail)...)
	}
	if err := o.sender.Send(ctx, all); err != nil {
		return hinted(fmt.Errorf("--otlp: %w", err), "-o otlp=FILE keeps them in a file")
	}
	return nil
}

// write has each file drawn.
func (o *outputs) write(draw func(w io.Writer, format string, y render.Style) error) error {
	style := o.style
	style.Width, style.Color = render.FileWidth, false
	var err error
	for _, f := range o.files {
		err = errors.Join(err, f.finish(draw(f.temporary, f.format, style)))
	}
	o.files = nil
	return err
}

// finish gives the file its name, if it could be drawn.
func (f outputFile) finish(drawn error) error {
	err := errors.Join(drawn, f.temporary.Close())
	if f.temporary.Name() != f.path {
		if err == nil {
			err = os.Rename(f.temporary.Name(), f.path)
		} else {
			err = errors.Join(err, os.Remove(f.temporary.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("--output=%s=%s: %w", f.format, f.path, err)
	}
	return nil
}

// discard removes the temporary files of a run that never came to anything.
func (o *outputs) discard() error {
	if o == nil {
		return nil
	}
	var err error
	for _, f := range o.files {
		err = errors.Join(err, f.temporary.Close())
		if f.temporary.Name() != f.path {
			err = errors.Join(err, os.Remove(f.temporary.Name()))
		}
	}
	o.files = nil
	return err
}
