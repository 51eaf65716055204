package render

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// readable bounds how much of one string from outside is drawn, in bytes. The JSON and the recording have all of it.
const readable = 2000

// Plain makes a string from a server or a file safe for a terminal: one line of a bounded length, nothing that moves
// the cursor, changes colours or reorders what stands around it.
func Plain(s string) string {
	var b strings.Builder
	for i, r := range s {
		if b.Len() > readable {
			fmt.Fprintf(&b, "… (%d more bytes)", len(s)-i)
			break
		}
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n' || r == '\t' || r == '\r':
			b.WriteByte(' ')
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Lines makes the output of a program safe to stand between the lines of a picture on a terminal: it keeps tabs and
// colours, and what else would move the cursor or reorder what stands around it becomes visible.
func Lines(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		line, end := strings.TrimRight(line, "\r\n"), line
		end = end[len(line):]
		painted := sgr.MatchString(line)
		for len(line) > 0 {
			if m := sgr.FindStringIndex(line); m != nil && m[0] == 0 {
				b.WriteString(line[:m[1]])
				line = line[m[1]:]
				continue
			}
			r, n := utf8.DecodeRuneInString(line)
			switch {
			case r == utf8.RuneError && n == 1:
				fmt.Fprintf(&b, `\x%02x`, line[0])
			case r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'):
				fmt.Fprintf(&b, `\u%04x`, r)
			default:
				b.WriteString(line[:n])
			}
			line = line[n:]
		}
		if painted {
			b.WriteString("\x1b[0m")
		}
		b.WriteString(end)
	}
	return b.String()
}

// fit pads or cuts a plain string to a width in terminal cells.
func fit(s string, width int) string {
	if runewidth.StringWidth(s) > width {
		s = runewidth.Truncate(s, width, "…")
	}
	return runewidth.FillRight(s, width)
}

// ofNumber is what stands after the number that it belongs to.
var ofNumber = regexp.MustCompile(`^(ms|s)\)?[.,;:]*$`)

// unbroken are the words between which a line may be broken: not between a number and its unit, nor between a sign and
// its number.
func unbroken(s string) (all []string) {
	for word := range strings.FieldsSeq(s) {
		n := len(all)
		if n > 0 && (strings.HasSuffix(all[n-1], "≈") || strings.HasSuffix(all[n-1], "≤") ||
			ofNumber.MatchString(word) && strings.ContainsAny(all[n-1][len(all[n-1])-1:], "0123456789")) {
			all[n-1] += " " + word
		} else {
			all = append(all, word)
		}
	}
	return all
}

// wrap breaks a plain string at spaces into lines of at most width cells; a longer word is cut.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range unbroken(s) {
		for runewidth.StringWidth(word) > width {
			head := runewidth.Truncate(word, width, "")
			if head == "" {
				break
			}
			if line != "" {
				lines, line = append(lines, line), ""
			}
			lines, word = append(lines, head), word[len(head):]
		}
		switch {
		case line == "":
			line = word
		case runewidth.StringWidth(line)+1+runewidth.StringWidth(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}

// timeOfDay prints an instant in UTC to a unit, with its day where that is not the same as another's.
func timeOfDay(t, day time.Time, unit time.Duration) string {
	layout := "15:04:05"
	if unit < time.Second {
		layout += "." + strings.Repeat("0", decimals(unit))
	}
	switch t, day = t.UTC(), day.UTC(); {
	case t.Year() != day.Year():
		layout = "2006-01-02 15:04:05"
	case t.YearDay() != day.YearDay():
		layout = "01-02 " + layout
	}
	return t.Format(layout)
}

// timesOfDay prints a range, rounded outwards: one second, the two ends, or the one end there is. Ends that are known
// to the millisecond are printed so where the column has room for that.
func timesOfDay(w seq.Window, day time.Time) string {
	known := func(t time.Time) bool { return !t.Truncate(time.Second).Equal(t) }
	if known(w.Earliest) || known(w.Latest) {
		if text := timesIn(w, day, time.Millisecond); utf8.RuneCountInString(text) <= timesWidth {
			return text
		}
	}
	return timesIn(w, day, time.Second)
}

func timesIn(w seq.Window, day time.Time, unit time.Duration) string {
	from := w.Earliest.Truncate(unit)
	to := w.Latest.Add(unit - 1).Truncate(unit)
	switch {
	case w == (seq.Window{}):
		return ""
	case w.Latest.IsZero():
		return timeOfDay(from, day, unit) + "…"
	case w.Earliest.IsZero():
		return "…" + timeOfDay(to, day, unit)
	case to.Sub(from) <= unit: // nothing more is known than this second, or millisecond
		return timeOfDay(from, day, unit)
	}
	a, b := timeOfDay(from, day, unit), timeOfDay(to, day, unit)
	same := 0 // what both have in common is said once, down to the unit in which they differ
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	text := a + "…" + b[strings.LastIndexAny(a[:same], ".: ")+1:]
	if unit == time.Second && utf8.RuneCountInString(text) > timesWidth { // on two days
		return a + "…"
	}
	return text
}

// timesWidth is that of times of the day, such as 15:03:59.838…04:01.145.
const timesWidth = 22

func (y Style) span(w seq.Window, zero time.Time) string {
	if y.clock {
		return timesOfDay(w, zero)
	}
	return span(w, zero)
}

func span(w seq.Window, zero time.Time) string {
	if w == (seq.Window{}) {
		return ""
	}
	unit, suffix := time.Millisecond, ""
	switch d := later(w.Earliest, w.Latest).Sub(zero); {
	case d >= 100*time.Second:
		unit, suffix = time.Second, "s"
	case d >= 10*time.Second:
		unit, suffix = 100*time.Millisecond, "s"
	}
	text := func(d time.Duration) string {
		if unit == 100*time.Millisecond {
			return fmt.Sprintf("%.1f", d.Seconds())
		}
		return fmt.Sprint(int64(d / unit))
	}
	from, to := "", ""
	if !w.Earliest.IsZero() {
		d := w.Earliest.Sub(zero)
		down := d.Truncate(unit)
		if down > d {
			down -= unit
		}
		from = text(down)
		if w.Latest.IsZero() {
			from += suffix
		}
	}
	if !w.Latest.IsZero() {
		d := w.Latest.Sub(zero)
		if up := d.Truncate(unit); up < d {
			d = up + unit
		}
		to = text(d) + suffix
	}
	return signed(from + "…" + to)
}

// later is the later of two times; the zero time is before all others.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func signed(s string) string {
	if strings.HasPrefix(s, "-") {
		return s
	}
	return "+" + s
}

// took prints a duration known to lie between two bounds.
func took(low, high, precision time.Duration) string {
	switch {
	case high-low <= 2*precision:
		return duration((low + high) / 2)
	case low < time.Millisecond:
		return "≤ " + duration(high)
	}
	return between(low, high)
}

// between prints a range of durations, with its unit once where both ends have the same.
func between(low, high time.Duration) string { return joinRange(duration(low), duration(high)) }

func joinRange(from, to string) string {
	if from == to {
		return to
	}
	if i := strings.LastIndexByte(to, ' '); i >= 0 && strings.HasSuffix(from, to[i:]) {
		from = strings.TrimSuffix(from, to[i:])
	}
	return from + "–" + to
}

func duration(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", ms(d))
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", ms(d))
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 10*time.Minute:
		text := d.Round(time.Second).String()
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(text, "0s")
		}
		return text
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
