package render

// The colours of phases, the same in every picture. Red is failure and nothing else; amber is time in which nothing
// works: what the phase waits for is still to come.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// hue is a colour: red, green and blue for pictures, a code of SGR for terminals.
type hue struct {
	r, g, b uint8
	sgr     string
}

// The hues there are. A terminal has fewer.
var (
	amber  = hue{255, 167, 38, "33"}
	blue   = hue{66, 133, 244, "34"}
	purple = hue{171, 71, 188, "35"}
	brown  = hue{141, 110, 99, "37"}
	teal   = hue{38, 166, 154, "36"}
	green  = hue{102, 187, 106, "32"}
	olive  = hue{158, 157, 36, "92"}
	indigo = hue{121, 134, 203, "94"}
	sky    = hue{38, 182, 230, "96"}
	slate  = hue{120, 144, 156, "90"}
	lime   = hue{174, 213, 129, "32"}
	mint   = hue{128, 203, 196, "36"}
	lilac  = hue{179, 157, 219, "94"}
	cyan   = hue{128, 222, 234, "96"}
	tan    = hue{188, 170, 164, "37"}
	silver = hue{176, 190, 197, "90"}
	failed = hue{211, 47, 47, "31"} // of what failed, and of no phase
)

// phaseHues are those of the phases, by name.
var phaseHues = map[string]hue{
	"admit": blue, "control": lilac, "schedule": purple, "bind": purple, "exec": purple,
	"volumes": brown, "sandbox": teal, "pods": mint, "pull": green, "create": olive, "start": indigo,
	"init": tan, "hook": lime, "ready": sky, "report": cyan, "run": lime, "others": silver,
	"stop": slate, "end": slate, "remove": silver, "cascade": purple, "release": tan, "orphan": brown,
	"absent": amber, "gated": amber, "suspended": amber, "queue": amber, "retry": amber, "back-off": amber,
	"pending": amber, "restart": amber, "min-ready": amber, "startup": amber, "probing": amber, "wait": amber,
	seq.Unknown: slate,
}

// phaseHue is the colour of a phase; of some that are compared as one, that of the last.
func phaseHue(name string) hue {
	name = name[strings.LastIndexByte(name, '+')+1:]
	if h, ok := phaseHues[name]; ok {
		return h
	}
	return slate
}

// css is the colour as a style sheet has it.
func (h hue) css() string { return fmt.Sprintf("#%02x%02x%02x", h.r, h.g, h.b) }

// phaseClass is the class of style sheets for what belongs to a phase.
func phaseClass(name string) string {
	name = name[strings.LastIndexByte(name, '+')+1:]
	return "p-" + strings.ReplaceAll(name, " ", "-")
}

// phaseStyles is the part of a style sheet that sets --p to the colour of each class of a phase.
func phaseStyles() string {
	var names []string
	for name := range phaseHues {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, ".%s { --p: %s; }\n", phaseClass(name), phaseHues[name].css())
	}
	return b.String()
}
