package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
)

// passed is what something else writes, which is passed on while the sequence is drawn.
type passed struct {
	run     *run
	output  chan piece
	streams [2]stream // standard output, and errors
	taken   bool      // the terminal is the command's until it ends
}

func newPassed(r *run) *passed {
	p := &passed{run: r, output: make(chan piece), streams: [2]stream{{to: r.Out}, {to: r.ErrOut}}}
	if !render.Formats[r.targets[0].format].Live { // that is for programs
		p.streams[0].to = r.ErrOut
	}
	return p
}

// stream is where what a command writes goes, and the line of it that has no end yet.
type stream struct {
	to   io.Writer
	held []byte
}

// piece is some of what came on a stream.
type piece struct {
	*stream
	text []byte
}

// to hands what is written to the loop that draws.
func (p *passed) to(ctx context.Context, s *stream) io.Writer {
	return writerFunc(func(text []byte) (int, error) {
		select {
		case p.output <- piece{s, bytes.Clone(text)}:
			return len(text), nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// longLine is how many bytes of a line are held back until it ends.
const longLine = 64 << 10

// pass writes the lines that have an end.
func (p *passed) pass(x piece) error {
	text := append(x.held, x.text...)
	end := bytes.LastIndexByte(text, '\n') + 1
	x.held = bytes.Clone(text[end:])
	if end == 0 && len(text) > longLine {
		x.held, end = nil, len(text)
	}
	if end == 0 {
		return nil
	}
	return p.write(x.to, string(text[:end]))
}

// rest writes what has none, and ends it.
func (p *passed) rest() (err error) {
	for i := range p.streams {
		if s := &p.streams[i]; len(s.held) > 0 {
			err = errors.Join(err, p.write(s.to, string(s.held)+"\n"))
			s.held = nil
		}
	}
	return err
}

func (p *passed) write(w io.Writer, text string) error {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		text = render.Lines(text)
	}
	return p.run.out.print(w, text)
}
