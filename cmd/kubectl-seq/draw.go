package main

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-seq/kubectl-seq/pkg/otlp"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// evidenceLate is how late what tells of a step usually comes at most: the kubelet finds a container's end within its
// relist period of 1 s, and a controller may gather what it sees for another.
const evidenceLate = 3 * time.Second

// drawFlags are common to all commands that draw a sequence.
type drawFlags struct {
	outputs       []string
	otlp, serve   *pflag.Flag // where to send spans, and where to show the run
	detail, color string
	times         string
	explain       bool
	animate       bool
	settle        time.Duration
	series        bool // many runs are drawn, not one
	maps          bool // the run may be drawn on a map
}

// drawOptions are what they mean.
type drawOptions struct {
	targets []target
	style   render.Style
	size    func() (width, height int) // of the terminal; nil where it cannot be redrawn
	settle  time.Duration
	sender  *otlp.Sender // of spans; or nil
	serve   *string      // the address to show the run at; or nil
	beside  *liveMap     // which --serve shows, too; or nil
	mapFile string       // to draw the map of the run in; empty for none
}

// exportsSpans reports whether the run becomes spans, sent or in a file.
func (o *drawOptions) exportsSpans() bool {
	return o.sender != nil || slices.ContainsFunc(o.targets, func(t target) bool { return t.format == "otlp" })
}

// otlpVariable is the value of --otlp without one: the variables say where to.
const otlpVariable = "env"

func (f *drawFlags) add(fs *pflag.FlagSet) {
	f.addOutput(fs, keys(render.Formats))
	fs.StringVar(&f.detail, "detail", "normal",
		"how many steps to show: brief (as in a textbook diagram), normal, or full (adds Event writes and evidence)")
	fs.String("otlp", "",
		"in the end, send the run as OpenTelemetry spans: to this URL, or without one to where OTEL_EXPORTER_OTLP_ENDPOINT "+
			"and the other variables of OpenTelemetry say (default http://localhost:4318)")
	f.otlp = fs.Lookup("otlp")
	f.otlp.NoOptDefVal = otlpVariable
	fs.String("serve", "",
		"show the run in browsers while it goes on, until Ctrl-C, at this address: HOST:PORT, or :PORT for this machine "+
			"only (default a free port of this machine); standard error has the URL")
	f.serve = fs.Lookup("serve")
	f.serve.NoOptDefVal = "127.0.0.1:0"
	fs.BoolVar(&f.explain, "explain", false, "explain each step in one line")
	fs.BoolVar(&f.animate, "animate", false, "with -o svg: a picture that plays, each step at its time")
	fs.DurationVar(&f.settle, "settle", evidenceLate, "wait this long for late evidence before a line becomes final")
}

// addOutput adds what any picture has.
func (f *drawFlags) addOutput(fs *pflag.FlagSet, formats []string) {
	fs.StringArrayVarP(&f.outputs, "output", "o", nil,
		"FORMAT or FORMAT=FILE: "+strings.Join(formats, ", ")+"; may be repeated (default listing)")
	fs.StringVar(&f.color, "color", "auto", "auto, always or never")
	fs.StringVar(&f.times, "times", "likely",
		"likely (the likeliest instants, after a ≈), or proved (the ranges that contain them)")
}

func (f *drawFlags) toOptions(out io.Writer) (o drawOptions, err error) {
	if f.settle < 0 {
		return o, errors.New("--settle must not be below 0")
	}
	if f.maps {
		if o.mapFile, err = f.takeMap(); err != nil {
			return o, err
		}
	}
	if f.series {
		o.targets, err = parseTargets(f.outputs, render.SeriesFormats)
	} else {
		o.targets, err = parseTargets(f.outputs, render.Formats)
	}
	if err != nil {
		return o, err
	}
	if f.animate && !slices.ContainsFunc(o.targets, func(t target) bool { return t.format == "svg" }) {
		return o, hinted(errors.New("--animate needs -o svg"), "add -o svg=FILE")
	}
	if f.otlp.Changed {
		if o.sender, err = otlp.NewSender(strings.TrimPrefix(f.otlp.Value.String(), otlpVariable)); err != nil {
			return o, err
		}
	}
	if f.serve.Changed {
		if f.series {
			return o, hinted(errors.New("--serve shows one run, --repeat has many"), "-o html=FILE has them all on a page")
		}
		o.serve = new(f.serve.Value.String())
	}
	o.settle = f.settle
	o.style, o.size, err = f.toStyle(out)
	o.style.Animate = f.animate
	return o, err
}

func (f *drawFlags) toStyle(out io.Writer) (y render.Style, size func() (width, height int), err error) {
	detail, err := choose("detail", f.detail,
		map[string]seq.Detail{"brief": seq.Brief, "normal": seq.Normal, "full": seq.Full})
	if err != nil {
		return y, nil, err
	}
	y, size, err = terminal(out, f.color, os.Getenv)
	if err != nil {
		return y, nil, err
	}
	y.Detail, y.Explain = detail, f.explain
	y.Proved, err = choose("times", f.times, map[string]bool{"likely": false, "proved": true})
	return y, size, err
}
