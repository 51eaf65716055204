package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/compare"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// sideColours tell the two runs apart; neither is the good one.
var sideColours = [2]string{"94", "33"}

// compareListing writes what tells the runs apart, then both as one sequence.
func compareListing(w io.Writer, c Comparison, y Style) error {
	y.seconds, c.moments = c.inSeconds(), c.times(y)
	var out []string
	for _, s := range compare.Sides {
		out = append(out, y.paint(sideColours[s], s.String())+"  "+strings.TrimRight(fit(c.about(s), y.width()-4), " "))
		for _, l := range wrap(Plain(c.Reports[s].headline()), y.width()-4) {
			out = append(out, "   "+y.paint(bold, l))
		}
		for _, l := range y.obstacle(c.Reports[s]) {
			out = append(out, strings.TrimRight(fit(" "+l, y.width()-1), " "))
		}
	}
	out = append(out, "")
	for i, text := range c.verdict(y) {
		for _, l := range wrap(Plain(text), y.width()-1) {
			if i == 0 {
				l = y.paint(bold, l)
			}
			out = append(out, l)
		}
	}
	if len(c.Phases) > 0 {
		out = append(append(out, ""), y.comparedBars(c)...)
	}
	g := y.glyphs()
	legend := fmt.Sprintf("A, B: only there; ~: the other has it at another place; %s observed, %s inferred; +ms "+
		"since the beginning of each", g.observed, g.inferred)
	out = append(out, "")
	for _, l := range wrap(legend, y.width()-1) {
		out = append(out, y.paint(dim, l))
	}
	for _, s := range c.Steps {
		if s.Detail() <= y.Detail {
			out = append(out, y.compared(c, s)...)
		}
	}
	for i := range out {
		out[i] = y.ascii(out[i])
	}
	_, err := io.WriteString(w, strings.Join(out, "\n")+"\n")
	return err
}

// comparedBars are the phases: what is known of each, and its likeliest length in both runs on one scale.
func (y Style) comparedBars(c Comparison) []string {
	const verdict = 19
	name, known := 16, 24
	switch {
	case y.width() < 100:
		known = 14
	case y.width() >= 120:
		known = 27
	}
	if y.width() < 80 {
		name = 11
	} else {
		for _, p := range c.Phases {
			name = max(name, len(p.Name)+1)
		}
	}
	room := min(30, (y.width()-1-2-name-2*known-verdict-1)/2)
	longest := time.Duration(1)
	for _, p := range c.Phases {
		for _, s := range p.Sides {
			if s != nil {
				longest = max(longest, s.Took)
			}
		}
	}
	out := []string{strings.TrimRight(fmt.Sprintf("  %s%s%s", fit("phase", name), fit("A", known), fit("B", known)), " ")}
	for _, p := range c.Phases {
		var texts, bars [2]string
		for s, q := range p.Sides {
			if q == nil {
				continue
			}
			if texts[s] = y.tookIn(lastedOf(*q), y.seconds); known < 24 {
				texts[s], _, _ = strings.Cut(texts[s], " (")
			}
			n := int(int64(room) * int64(q.Took) / int64(longest))
			bars[s] = strings.Repeat(y.barGlyph(*q), max(0, n))
		}
		line := "  " + fit(Plain(p.Name), name-1) + " " + fit(texts[0], known-1) + " " + fit(texts[1], known-1) + " "
		text, side, ok := y.difference(p)
		if text = fit(text, verdict-1); ok {
			text = y.paint(sideColours[side], text)
		} else {
			text = y.paint(dim, text)
		}
		line += text + " "
		if room > 3 {
			left := strings.Repeat(" ", room-len([]rune(bars[0])))
			line += left + y.paint(sideColours[0], bars[0]) + y.pick("│", "|") + y.paint(sideColours[1], bars[1])
		}
		out = append(out, strings.TrimRight(line, " "))
	}
	return out
}

// compared is one step: whose it is, when it was in either run, and what it says.
func (y Style) compared(c Comparison, s compare.Step) []string {
	const mark, at = 2, 11
	lane := y.lane()
	if y.width() < 80 {
		lane = 7
	}
	g := y.glyphs()
	arrow, m := g.request, lead(s)
	target := names(s, toOf)
	switch m.Kind {
	case seq.DeliveryKind:
		arrow = g.delivery
	case seq.NoteKind:
		arrow, target = g.note, ""
	}
	whose, colour := "", ""
	if side, one := s.One(); one {
		whose, colour = side.String(), sideColours[side]
		if s.Elsewhere >= 0 {
			whose += "~"
		}
	}
	certainty := ""
	for side := range s.Sides {
		glyph := " "
		if n := c.counterpart(s, compare.Side(side)); n != nil {
			glyph = g.observed
			if n.Certainty == seq.Inferred {
				glyph = g.inferred
			}
		}
		certainty += glyph
	}
	arrowWidth := runewidth.StringWidth(g.request)
	indent := mark + 1 + 2*(at+1) + lane + 2 + arrowWidth + lane + 1
	room := y.width() - 1 - indent - 3
	var label []string
	for _, text := range y.texts(s) {
		label = append(label, wrap(text, room)...)
	}
	label = beside(label, y.lasted(s), room)
	first := strings.Join([]string{
		y.tinted(colour, fit(whose, mark)), " ", fit(c.at(s, compare.A), at), " ", fit(c.at(s, compare.B), at), " ",
		y.participant(names(s, fromOf), lane), " ", runewidth.FillRight(arrow, arrowWidth), " ", y.participant(target, lane),
		" ",
		fit(label[0], room), " ", strings.TrimRight(certainty, " "),
	}, "")
	out := []string{first}
	for _, l := range label[1:] {
		out = append(out, strings.Repeat(" ", indent)+strings.TrimRight(l, " "))
	}
	if _, one := s.One(); one && y.Explain {
		for _, l := range wrap(m.Rule.Gist, y.width()-1-mark-1) {
			out = append(out, strings.Repeat(" ", mark+1)+y.paint(dim, l))
		}
	}
	return out
}

// tinted is painted where there is a colour.
func (y Style) tinted(colour, s string) string {
	if colour == "" {
		return s
	}
	return y.paint(colour, s)
}
