package render

import "io"

// Format is one way to draw a report.
type Format struct {
	Live  bool // NewLive can draw it while the run goes on
	Write func(io.Writer, Report, Style) error
}

// FileWidth is the width of text in terminal cells where there is no terminal.
const FileWidth = 120

// Formats has every format by its name.
var Formats = map[string]Format{
	"listing": {true, written("listing")},
	"lanes":   {true, written("lanes")},
	"mermaid": {false, Mermaid},
	"html":    {false, HTML},
	"svg":     {false, SVG},
	"json":    {false, func(w io.Writer, r Report, _ Style) error { return JSON(w, r) }},
	"otlp":    {false, OTLP},
}

// written draws a live format as a whole.
func written(format string) func(io.Writer, Report, Style) error {
	return func(w io.Writer, r Report, y Style) error { return NewLive(format, y, w, nil).Finish(r) }
}
