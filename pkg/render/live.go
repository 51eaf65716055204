package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Live draws the listing while the run goes on.
//
// To a terminal it writes settled lines once and for all and keeps redrawing the tail below them, dimmed, so that
// nothing is held back. To anything else it only appends: a line comes once it is settled, in its final place.
type Live struct {
	Style
	out     io.Writer
	size    func() (width, height int) // of the terminal in cells; nil means that out is none
	lanes   bool                       // the format, or else a listing
	columns columns                    // of the lanes as they are now
	aside   string                     // something to say once, before the next line
	head    string                     // what stands above the last line that was drawn for good
	begun   bool
	appends bool              // to what is no terminal, while the run goes on
	printed map[seq.Key]bool  // keys of steps drawn for good
	texts   map[seq.Key]drawn // of those that are not, see text
	passed  int               // so many steps, from the first, need no look any more
	last    seq.Key           // of the last of these
	others  map[string]bool   // uids of Pods that are not drawn, see selection
	proof   map[seq.Key]bool  // steps that show what holds the subject, or has held it
	told    []seq.Evidence    // of which it has these
	one     string            // uid of the Pod that is
	settled int               // so many steps, from the first, are settled
	alone   map[seq.Key]bool  // calls drawn without their answer
	above   time.Duration     // the instant of the row at passed, as it is printed
	shown   []shownAt         // of those after it
	tail    []string          // terminal lines below the settled ones
}

// NewLive draws on out in a live format. Size tells the size of the terminal in cells; without it out is none.
func NewLive(format string, style Style, out io.Writer, size func() (width, height int)) *Live {
	return &Live{Style: style, lanes: format == "lanes", out: out, size: size, printed: map[seq.Key]bool{},
		above: nothingAbove, texts: map[seq.Key]drawn{}, alone: map[seq.Key]bool{}, proof: map[seq.Key]bool{}}
}

// Update draws the report. The first settled of its steps will not change any more.
func (l *Live) Update(r Report, settled int, status string) error {
	var b bytes.Buffer
	height := 0
	if l.appends = l.size == nil; !l.appends {
		l.Width, height = l.size()
	}
	lines := l.draw(r, settled)
	rest := l.final(&b, r, lines, false)
	var tail []string
	if height > 0 {
		tail = l.unsettled(rest, status, height)
	}
	return l.flush(b.String(), tail)
}

// Print writes whole lines to w, which may be the same terminal, above the tail. They are no part of the picture.
func (l *Live) Print(w io.Writer, text string) error {
	if w == l.out {
		return l.flush(text, l.tail)
	}
	tail := l.tail
	err := l.flush("", nil)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	return errors.Join(err, l.flush("", tail))
}

// Finish draws everything and the summary.
func (l *Live) Finish(r Report) error {
	var b bytes.Buffer
	l.final(&b, r, l.draw(r, len(r.Steps)), true)
	if m := r.held(); m != nil { // the first stands above already
		b.WriteString("\nPod " + Plain(m.Object.Name) + ", which holds the rest:\n")
		r := r.of(m)
		beside := NewLive("listing", l.Style, nil, nil)
		beside.lanes, beside.begun = l.lanes, true
		beside.final(&b, r, beside.draw(r, len(r.Steps)), true)
	}
	b.WriteByte('\n')
	for _, s := range l.summary(r) {
		b.WriteString(s + "\n")
	}
	return l.flush(b.String(), nil)
}

func (l *Live) draw(r Report, settled int) []line {
	l.Style = l.of(r)
	if r.Pods == "slowest" && r.Outcome.Name == "" { // whose steps will stand between these is not known yet
		settled = 0
	}
	l.prove(r)
	if !l.lanes {
		return l.lines(r, settled)
	}
	all := r.Steps
	r.Outcome.Obstacle, r.Held = nil, l.told       // who holds it is drawn below
	if r = r.selected(); len(r.Steps) < len(all) { // of those that are drawn
		n := 0
		for _, s := range all[:settled] {
			if n < len(r.Steps) && r.Steps[n].Key == s.Key {
				n++
			}
		}
		settled = n
	}
	return l.laneLines(r, settled)
}

// prove finds the steps that show what holds the subject. What has been drawn is drawn from then on.
func (l *Live) prove(r Report) {
	if l.Detail == seq.Full {
		return
	}
	for _, e := range r.told() {
		same := func(x seq.Evidence) bool { return x.Source == e.Source && x.ResourceVersion == e.ResourceVersion }
		if !slices.ContainsFunc(l.told, same) && r.prove(e, l.proof) {
			l.told = append(l.told, e)
		}
	}
}

// shows reports whether a step is drawn, for itself or with its call.
func (l *Live) shows(s *seq.Step) bool {
	return (s.Detail <= l.Detail || l.proof[s.Key]) && !l.others[s.About]
}

// selection finds which Pods are not drawn. There may be thousands, and few are new.
func (l *Live) selection(r Report) {
	one, some := r.one()
	switch {
	case !some:
		l.others = nil
	case l.others == nil || l.one != one || len(l.others) > len(r.Members):
		l.others, l.one = map[string]bool{}, one
	}
	if some && len(l.others) < len(r.Members) {
		for _, m := range r.Members {
			l.others[m.Object.UID] = m.Object.UID != one
		}
	}
}

// final writes the lines at the front that are settled, or all, and returns the others.
func (l *Live) final(b *bytes.Buffer, r Report, lines []line, all bool) []line {
	if !l.begun && (len(lines) > 0 || all) {
		l.begun = true
		for _, h := range l.header(r) {
			b.WriteString(h + "\n")
		}
	}
	if l.aside != "" {
		b.WriteString(l.aside + "\n")
		l.aside = ""
	}
	var rest []line
	for _, x := range lines {
		if l.printed[x.key] {
			continue
		}
		if len(rest) > 0 || !x.settled && !all {
			rest = append(rest, x)
			continue
		}
		l.printed[x.key] = true
		delete(l.texts, x.key)
		if l.head != x.head && x.head != "" {
			b.WriteString(x.head + "\n")
		}
		l.head = x.head
		if x.answer == "" && x.call == x.key {
			l.alone[x.call] = true
		}
		b.WriteString(strings.Join(x.text, "\n") + "\n")
	}
	if !l.lanes {
		l.pass(r, rest)
	}
	return rest
}

// pass notes up to which step all that is drawn has been drawn for good.
func (l *Live) pass(r Report, rest []line) {
	if l.passed = l.settled; len(rest) > 0 {
		l.passed = min(l.passed, rest[0].index)
	}
	if l.passed > 0 {
		l.last = r.Steps[l.passed-1].Key
	}
	for _, x := range l.shown {
		if x.index < l.passed {
			l.above = x.at
		}
	}
}

// unsettled is the tail, cut to the screen.
func (l *Live) unsettled(rest []line, status string, height int) []string {
	var text []string
	if len(rest) > 0 && rest[0].head != l.head && rest[0].head != "" {
		text = append(text, strings.Split(rest[0].head, "\n")...)
	}
	from, lines := len(rest), 0 // those below fill the screen
	for from > 0 && lines < height {
		from--
		lines += len(rest[from].text)
	}
	for _, x := range rest[from:] {
		for _, t := range x.text {
			text = append(text, l.dimmed(t))
		}
	}
	if status != "" {
		text = append(text, l.paint(dim, fit(Plain(status), l.width()-1)))
	}
	if over := len(text) - (height - 1); over > 0 {
		text = text[over:]
	}
	return text
}

// dimmed keeps a line dim through the colours inside it.
func (l *Live) dimmed(s string) string {
	if !l.Color {
		return s
	}
	return "\x1b[2m" + strings.ReplaceAll(s, "\x1b[0m", "\x1b[0;2m") + "\x1b[0m"
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// flush replaces the tail from its first line that changed, in one write, so that a terminal never shows half of it.
// Each line clears what is left of the one it is written over, and what is below goes last: clearing from the first
// line of the screen on, some terminals keep what was there in their history. A terminal that has become narrower has
// broken lines that are too long for it now.
func (l *Live) flush(final string, tail []string) error {
	same := 0
	for final == "" && same < min(len(tail), len(l.tail)) && tail[same] == l.tail[same] {
		same++
	}
	var b strings.Builder
	up := 0
	for _, t := range l.tail[same:] {
		up += max(1, (runewidth.StringWidth(sgr.ReplaceAllString(t, ""))+l.Width-1)/max(1, l.Width))
	}
	text := final
	if same < len(tail) {
		text += strings.Join(tail[same:], "\n") + "\n"
	}
	if up > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r%s\x1b[J", up, strings.ReplaceAll(text, "\n", "\x1b[K\n"))
	} else {
		b.WriteString(text)
	}
	l.tail = tail
	if b.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(l.out, b.String())
	return err
}
