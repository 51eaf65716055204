package main

import (
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// drawFlags are common to all commands that draw a sequence.
type drawFlags struct {
	outputs       []string
	detail, color string
	explain       bool
	settle        time.Duration
}

// drawOptions are what they mean.
type drawOptions struct {
	targets []target
	style   render.Style
	size    func() (width, height int) // of the terminal; nil where it cannot be redrawn
	settle  time.Duration
}

func (f *drawFlags) add(fs *pflag.FlagSet) {
	fs.StringArrayVarP(&f.outputs, "output", "o", nil, "FORMAT or FORMAT=FILE: "+strings.Join(keys(render.Formats), ", ")+"; may be repeated (default listing)")
	fs.StringVar(&f.detail, "detail", "normal", "brief (the diagram of a course), normal, or full (Event writes and all evidence)")
	fs.StringVar(&f.color, "color", "auto", "auto, always or never")
	fs.BoolVar(&f.explain, "explain", false, "explain each step in one line")
	fs.DurationVar(&f.settle, "settle", time.Second, "how late evidence may come: a line older than this is final")
}

func (f *drawFlags) toOptions(out io.Writer) (o drawOptions, err error) {
	if f.settle < 0 {
		return o, errors.New("--settle must not be below 0")
	}
	detail, err := choose("detail", f.detail, map[string]trace.Detail{"brief": trace.Brief, "normal": trace.Normal, "full": trace.Full})
	if err != nil {
		return o, err
	}
	if o.targets, err = parseTargets(f.outputs); err != nil {
		return o, err
	}
	o.settle = f.settle
	o.style, o.size, err = terminal(out, f.color, os.Getenv)
	o.style.Detail, o.style.Explain = detail, f.explain
	return o, err
}
