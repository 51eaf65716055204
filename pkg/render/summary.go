package render

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// summary is the end of a run: the outcome, what is known of each phase, and what could not be seen.
func (y Style) summary(r Report) []string {
	var out []string
	for i, l := range wrap(Plain(r.headline()), y.width()-1) {
		if i == 0 {
			l = y.paint(bold, l)
		}
		out = append(out, l)
	}
	out = append(out, y.obstacle(r)...)
	out = append(append(out, y.bars(r)...), y.barLegend(r)...)
	if together := y.together(r); together != "" {
		out = append(out, y.paint(dim, "   "+together))
	}
	out = append(out, y.members(r)...)
	if longest := r.longest(); longest.Took > 0 && r.Outcome.Obstacle == nil {
		out = append(out, wrap(Plain(largest(longest)), y.width()-1)...)
	}
	for _, text := range r.waits() {
		out = append(out, wrap(Plain(text), y.width()-1)...)
	}
	for _, c := range r.Run.Clocks {
		if text := skew(c); text != "" {
			out = append(out, wrap(Plain(text), y.width()-1)...)
		}
	}
	for _, d := range r.Run.Denied {
		out = append(out, wrap(Plain("Contradicted: "+d+"."), y.width()-1)...)
	}
	if text := y.inEtcd(r); text != "" {
		for _, l := range wrap(text, y.width()-1) {
			out = append(out, y.paint(dim, l))
		}
	}
	if len(r.Run.Unseen) > 0 {
		for _, l := range wrap(Plain("Not seen: "+strings.Join(r.Run.Unseen, "; ")+"."), y.width()-1) {
			out = append(out, y.paint(dim, l))
		}
	}
	for i := range out {
		out[i] = y.ascii(out[i])
	}
	return out
}

// obstacle says who holds the Pod, why, and what to try.
func (y Style) obstacle(r Report) []string {
	var out []string
	for _, l := range r.obstacle() {
		title := l.title
		lines := wrap(Plain(l.text()), y.width()-1-13)
		if len(lines) > 1 && l.command != "" { // what is to be pasted stays whole, however long it is
			lines = append(wrap(Plain(l.words), y.width()-1-13), Plain(l.command))
		}
		for _, text := range lines {
			if text != "" {
				out = append(out, fmt.Sprintf("  %-10s ", title)+text)
				title = ""
			}
		}
	}
	return out
}

// ended says what the participant did that an outcome is due to; by default it holds the Pod still.
var ended = map[string]string{"Refused": "refused by", "Failed": "ended by", "Deleted": "removed by",
	"Exited": "ended by"}

// obstacleLine is one thing that there is to say of it, and a command that goes with it.
type obstacleLine struct{ title, words, command string }

func (l obstacleLine) text() string { return strings.TrimSpace(l.words + " " + l.command) }

// obstacle is what there is to say of it, each with its title.
func (r Report) obstacle() []obstacleLine {
	o := r.Outcome.Obstacle
	if o == nil {
		return nil
	}
	title, who := ended[r.Outcome.Name], string(o.By)
	if title == "" {
		title = "held by"
		if o.Held > 0 || !r.looks() {
			who += ", for " + heldFor(o)
		}
	}
	lines := []obstacleLine{{title: title, words: who}}
	if o.Object.Name != "" && (o.Object.Kind != r.Run.Subject.Kind || o.Object.Name != r.Run.Subject.Name) {
		lines = append(lines, obstacleLine{title: "object", words: o.Object.Kind + " " + o.Object.Name})
	}
	lines = append(lines, obstacleLine{title: "message", words: o.Message})
	for i, e := range o.Evidence {
		lines = append(lines, obstacleLine{title: []string{"evidence", ""}[min(i, 1)], words: e.Source + ": " + evidence(e)})
	}
	for i, n := range o.NextSteps {
		lines = append(lines, obstacleLine{[]string{"try", ""}[min(i, 1)], n.Text, n.Command})
	}
	return lines
}

// heldFor is for how long, with the digits that are known.
func heldFor(o *seq.Obstacle) string {
	if o.HeldWholeSeconds {
		return fmt.Sprintf("%.0f s", o.Held.Seconds())
	}
	return duration(o.Held)
}

// headline is the outcome in one line.
func (r Report) headline() string {
	head := r.Outcome.Name
	if r.Outcome.Total > 0 {
		word := " in "
		if r.Outcome.ExitCode != 0 || r.looks() {
			word = " after "
		}
		if head += word + duration(r.Outcome.Total); r.looks() {
			head += " of watching"
		}
	}
	if o := r.Outcome.Obstacle; o != nil {
		return head + ": " + o.Reason + ": " + o.Explain
	}
	for _, s := range []string{r.Outcome.Reason, r.Outcome.Message} {
		if s != "" {
			head += ": " + s
		}
	}
	return head
}

// longest is the phase that is likeliest to have taken longest.
func (r Report) longest() (p seq.Phase) {
	for _, q := range r.Phases {
		if q.Took > p.Took {
			p = q
		}
	}
	return p
}

// largest says of the phase that took longest what it is.
func largest(p seq.Phase) string {
	if p.Name == seq.Unknown {
		return "Of the longest stretch it is not known what happened: " + p.Explain + "."
	}
	return "The " + p.Name + " phase is the largest: " + p.Explain + "."
}

// bars draws the phases on one axis of time, each from where it is likeliest to have begun to where it is likeliest to
// have ended, after what is known of its duration.
func (y Style) bars(r Report) []string {
	name, known := 9, 13
	for _, p := range r.Phases {
		name, known = max(name, len(p.Name)), max(known, runewidth.StringWidth(y.phaseTook(p)))
	}
	indent := name + known + 5
	room := min(60, y.width()-1-indent)
	var begin, end time.Time
	for _, p := range r.Phases {
		for _, part := range p.Parts {
			if end = later(end, part.Likely.Latest); begin.IsZero() || part.Likely.Earliest.Before(begin) {
				begin = part.Likely.Earliest
			}
		}
	}
	total := end.Sub(begin)
	var out []string
	for _, p := range r.Phases {
		cells := make([]string, room)
		for _, part := range p.Parts {
			at := func(t time.Time) int { return int(int64(room) * int64(t.Sub(begin)) / int64(max(1, total))) }
			from := min(max(0, at(part.Likely.Earliest)), room-1)
			for k := range max(1, min(at(part.Likely.Latest), room)-from) {
				cells[from+k] = y.barGlyph(p)
			}
		}
		bar := ""
		for _, c := range cells {
			bar += cmp.Or(c, " ")
		}
		out = append(out, fmt.Sprintf("  %s%s ", fit(p.Name, name+1), fit(y.phaseTook(p), known+1))+
			y.paint(phaseHue(p.Name).sgr, strings.TrimRight(bar, " ")))
	}
	return out
}

// together says what phases took together, where the bounds of each say more than that.
func (y Style) together(r Report) string {
	var most, total time.Duration
	for _, p := range r.Phases {
		most, total = most+p.Max, total+p.Took
	}
	if len(r.Phases) < 2 || most-total <= max(2*time.Millisecond, total/100) {
		return ""
	}
	return "together " + length(total, y.seconds) + ": a bound is of one phase alone, so the bounds do not add up"
}

// barGlyph is what the bar of a phase is made of, so that what waits, and what is not known, is told without colour.
func (y Style) barGlyph(p seq.Phase) string {
	switch {
	case p.Name == seq.Unknown:
		return y.glyphs().unknown
	case p.Waiting:
		return y.glyphs().waits
	}
	return y.glyphs().works
}

// barLegend says what bars are made of, where that differs.
func (y Style) barLegend(r Report) []string {
	made := map[string]bool{}
	for _, p := range r.Phases {
		made[y.barGlyph(p)] = true
	}
	g, legend := y.glyphs(), ""
	for _, x := range []struct{ glyph, name string }{{g.works, "works"}, {g.waits, "waits"}, {g.unknown, seq.Unknown}} {
		if made[x.glyph] {
			legend += "   " + x.glyph + " " + x.name
		}
	}
	if !made[g.waits] && !made[g.unknown] {
		return nil
	}
	return []string{y.paint(dim, " "+legend[1:])}
}

// phaseTook is what is known of a phase's duration; one that had not ended goes on.
func (y Style) phaseTook(p seq.Phase) string {
	text := y.tookIn(lastedOf(p), y.seconds)
	if p.Open {
		text += " …"
	}
	return text
}

// skew says how far another clock is from ours, if that matters.
func skew(c seq.Clock) string {
	who := string(c.Of)
	if c.Node != "" {
		who += " of " + c.Node
	}
	if c.Jumped {
		return fmt.Sprintf("The clock of the %s was set meanwhile; its times are not used.", who)
	}
	if c.Late {
		return fmt.Sprintf("The Events of the %s came %s late or more, or its clock is behind ours; its times are ranges.",
			who, duration(-c.Min))
	}
	if c.Offset == 0 {
		return ""
	}
	direction := "ahead of"
	if c.Offset < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("The clock of the %s is %s %s ours; its times are moved by that.", who, duration(c.Offset.Abs()),
		direction)
}
