package render

import "io"

// Format is one way to draw a report.
type Format struct {
	Live    bool // NewLive can draw it while the run goes on
	AllPods bool // it has every Pod of a run, whatever is drawn
	Write   func(io.Writer, Report, Style) error
}

// FileWidth is the width of text in terminal cells where there is no terminal.
const FileWidth = 120

// Formats has every format by its name.
var Formats = map[string]Format{
	"listing": {Live: true, Write: written("listing")},
	"lanes":   {Live: true, Write: written("lanes")},
	"mermaid": {Write: Mermaid},
	"html":    {AllPods: true, Write: HTML},
	"svg":     {Write: SVG},
	"json":    {AllPods: true, Write: func(w io.Writer, r Report, _ Style) error { return JSON(w, r) }},
	"otlp":    {AllPods: true, Write: OTLP},
}

// written draws a live format as a whole.
func written(format string) func(io.Writer, Report, Style) error {
	return func(w io.Writer, r Report, y Style) error { return NewLive(format, y, w, nil).Finish(r) }
}
