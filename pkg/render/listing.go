package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Style says how the listing looks.
type Style struct {
	Width   int // of a line in terminal cells; at least MinWidth is used
	Color   bool
	ASCII   bool // for locales without UTF-8
	Detail  seq.Detail
	Explain bool // one line of explanation under each step
	Proved  bool // times and durations as they are proved, not the likeliest ones
	Animate bool // of a picture: each step appears at its time

	clock   bool // times of the day, not those since the request
	seconds bool // durations of phases are told in seconds
}

// line is one step, or a call and its answer, as it is drawn: one or more terminal lines.
type line struct {
	key     seq.Key
	index   int     // of the step in the report
	call    seq.Key // that of the step
	answer  seq.Key // key of the response it includes, if it does
	head    string  // what has to stand above it, once
	text    []string
	settled bool
}

type glyphs struct{ request, delivery, note, again, observed, inferred, failed, works, waits, unknown string }

// of is the style for the figures of a run.
func (y Style) of(r Report) Style {
	y.clock, y.seconds = r.looks(), r.inSeconds()
	return y
}

var (
	unicodeGlyphs = glyphs{"→", "⇢", "◆", "↻", "●", "○", "✗", "█", "░", "·"}
	asciiGlyphs   = glyphs{"->", "~>", "*", "@", "o", "?", "x", "#", ":", "."}
)

func (y Style) glyphs() glyphs {
	if y.ASCII {
		return asciiGlyphs
	}
	return unicodeGlyphs
}

// MinWidth is the narrowest line in terminal cells that the listing can be drawn in.
const MinWidth = 60

func (y Style) width() int { return max(MinWidth, y.Width) }

// lane is the width of a participant's column, by the room there is.
func (y Style) lane() int {
	switch w := y.width(); {
	case w >= 140:
		return 20
	case w >= 100:
		return 14
	}
	return 10
}

func (y Style) timeWidth() int {
	if y.clock {
		return timesWidth
	}
	return 11
}

// header says what is being made and where, and what the marks mean.
func (y Style) header(r Report) []string {
	g := y.glyphs()
	h := r.Run.Subject.String()
	if where := r.where(); where != "" {
		h += "  " + where
	}
	if !r.Recorded.IsZero() {
		h = "recorded " + r.Recorded.UTC().Format("2006-01-02 15:04 UTC") + ":  " + h
	}
	times := "+ms since the " + r.request()
	if y.clock {
		times = "times in UTC"
	}
	legend := fmt.Sprintf("%s observed  %s inferred   %s", g.observed, g.inferred, times)
	marks := []string{"; " + y.likelyMark(), "; a…b: between a and b", "; …b: by b"}
	switch {
	case y.Proved:
		marks = marks[1:]
	case y.width() < 118:
		marks[1] = "; a…b: between"
	}
	for _, m := range marks { // those for which there is room
		if runewidth.StringWidth(legend+m) < y.width() {
			legend += m
		}
	}
	return []string{y.ascii(strings.TrimRight(fit(Plain(h), y.width()-1), " ")),
		y.paint(dim, y.ascii(strings.TrimRight(fit(legend, y.width()-1), " ")))}
}

// likelyMark says what a ≈ means.
func (y Style) likelyMark() string {
	if y.clock {
		return "≈: likely, its last digit ±10"
	}
	return "≈: likely, ±10 or as it says"
}

// request is what the request is called that times count from.
func (r Report) request() string {
	for rule, name := range map[string]string{"own-delete": "DELETE", "own-exec": "exec"} {
		if slices.ContainsFunc(r.Steps, func(s *seq.Step) bool { return s.Rule.Name == rule }) {
			return name
		}
	}
	return cmp.Or(r.Origin, "POST")
}

// where says what is made of which image, and on which cluster.
func (r Report) where() string {
	var all []string
	if r.Run.Image != "" {
		all = append(all, "image "+r.Run.Image)
	}
	cluster := cmp.Or(r.Context, r.Run.Server)
	if r.Context != "" && r.Run.Server != "" {
		cluster += " (" + r.Run.Server + ")"
	}
	if cluster != "" {
		all = append(all, "on "+cluster)
	}
	return strings.Join(all, ", ")
}

func (y Style) step(s, answer *seq.Step, zero time.Time, at, tag string) []string {
	g := y.glyphs()
	arrow, to := g.request, string(s.To)
	switch s.Kind {
	case seq.DeliveryKind:
		arrow = g.delivery
	case seq.NoteKind:
		arrow, to = g.note, ""
	}
	lines := y.row(s.From, seq.Participant(to), arrow, s.Label+tag+y.result(s, answer), y.right(s, answer), at,
		s.Certainty == seq.Observed)
	return append(lines, y.notes(s, zero)...)
}

// row draws one row: who sends what to whom, and what stands at the right edge.
func (y Style) row(from, to seq.Participant, arrow, text, right, at string, observed bool) []string {
	g := y.glyphs()
	mark := g.observed
	if !observed {
		mark = g.inferred
	}
	lane := y.lane()
	arrowWidth := runewidth.StringWidth(g.request)
	room := y.width() - 1 - y.timeWidth() - 1 - lane - 2 - arrowWidth - lane - 1 - 2
	label := beside(wrap(Plain(text), room), right, room)
	first := strings.Join([]string{
		runewidth.FillRight(at, y.timeWidth()), " ",
		y.participant(from, lane), " ", runewidth.FillRight(arrow, arrowWidth), " ",
		y.participant(to, lane), " ", fit(label[0], room), " ", mark,
	}, "")
	lines := []string{first}
	indent := strings.Repeat(" ", y.timeWidth()+1+lane+2+arrowWidth+lane+1)
	for _, l := range label[1:] {
		lines = append(lines, indent+l)
	}
	for i := range lines {
		lines[i] = y.ascii(lines[i])
	}
	return lines
}

// result is what an answer says beyond that it came.
func (y Style) result(s, answer *seq.Step) string {
	if answer == nil || s.From.IsClient() || strings.HasSuffix(answer.Label, " returns") {
		return ""
	}
	return " " + y.pick("←", "<-") + " " + strings.TrimSpace(strings.TrimPrefix(answer.Label, s.Label))
}

// notes are the lines below a step: what is proved of its time where that is not what stands beside it, its evidence,
// and what it means.
func (y Style) notes(s *seq.Step, zero time.Time) []string {
	var text []string
	if y.Detail == seq.Full {
		if !y.Proved && !s.Sharp && s.Within > 0 && !zero.IsZero() {
			text = append(text, y.under("proved: "+y.span(s.Window, zero))...)
		}
		for _, e := range s.Evidence {
			text = append(text, y.under(fmt.Sprintf("%s: %s", e.Source, evidence(e)))...)
		}
	}
	if y.Explain {
		text = append(text, y.under(s.Rule.Gist)...)
	}
	return text
}

// beside puts the text of the right edge on the last line of the label, or below it where it does not fit.
func beside(label []string, right string, room int) []string {
	n := len(label) - 1
	switch width := runewidth.StringWidth(right); {
	case right == "":
	case runewidth.StringWidth(label[n])+2+width <= room:
		label[n] = fit(label[n], room-width) + right
	case width <= room:
		label = append(label, strings.Repeat(" ", room-width)+right)
	default:
		label = append(label, wrap(right, room)...)
	}
	return label
}

// under is text below a step, indented and dim.
func (y Style) under(s string) []string {
	var out []string
	for _, l := range wrap(Plain(s), y.width()-y.timeWidth()-2) {
		out = append(out, strings.Repeat(" ", y.timeWidth()+1)+y.paint(dim, y.ascii(l)))
	}
	return out
}

func evidence(e seq.Evidence) string {
	if e.ResourceVersion != "" {
		return e.Text + ", revision " + e.ResourceVersion
	}
	return e.Text
}

// right is what stands at the right edge: the answer and how long it took, or the revision of a write.
func (y Style) right(s, answer *seq.Step) string {
	switch {
	case answer != nil && s.From.IsClient():
		return Plain(answer.Label) + " in " + exactly(answer.Best.Sub(s.Best))
	case answer != nil && s.Instant == seq.AtCommit: // when it was sent is not known
	case answer != nil:
		from, to := s.Known(), answer.Known()
		if from.Earliest.IsZero() || to.Latest.Before(from.Earliest) { // nothing is known of it, or it is contradicted
			return ""
		}
		text := y.took(lasted{max(0, to.Earliest.Sub(from.Latest)), to.Latest.Sub(from.Earliest), answer.Best.Sub(s.Best),
			distance(s, answer)})
		if rv := writtenRevision(s); rv != "" && s.Verb != "get" {
			text = rv + ", " + text
		}
		return text
	}
	return writtenRevision(s)
}

// writtenRevision is the revision that a write made.
func writtenRevision(s *seq.Step) string {
	if s.ResourceVersion == "" || s.Kind != seq.RequestKind || s.Verb == "list" || s.Verb == "watch" {
		return ""
	}
	return "revision " + Plain(s.ResourceVersion)
}

const (
	dim  = "2"
	bold = "1"
)

// lanes colours the known participants; the others share one colour. Red and amber mean something else.
var lanes = map[seq.Participant]string{
	seq.Kubectl: "36", seq.APIServer: "34", seq.Etcd: "32", seq.Scheduler: "35", seq.Kubelet: "92",
	seq.ControllerManager: "95", seq.Runc: "94", seq.User: "36", seq.Engine: "34",
}

func (y Style) colour(p seq.Participant) string {
	if c, ok := lanes[p]; ok {
		return c
	}
	return "96"
}

func (y Style) paint(sgr, s string) string {
	if !y.Color || s == "" {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

// toASCII keeps widths.
var toASCII = strings.NewReplacer("…", "~", "≈", "~", "±", "~", "–", "-", "≤", "<", "→", ">", "↻", "@", "█", "#",
	"░", ":", "·", ".")

func (y Style) ascii(s string) string {
	if !y.ASCII {
		return s
	}
	return toASCII.Replace(s)
}
