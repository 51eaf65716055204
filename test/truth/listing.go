package truth

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Row is one message as the printed listing shows it: read back from what a person reads.
type Row struct {
	Time, From, Arrow, To, Label, Right string
	Observed                            bool
	Earliest, Latest                    time.Time     // what the printed time says; zero where it does not say
	At                                  time.Time     // the instant that is printed; zero where a range is, or nothing
	Unit                                time.Duration // of its last digit
	Likely                              bool          // it is only likely: right to ten of them
}

func (r Row) String() string {
	return fmt.Sprintf("%s  %s %s %s %s  [%s]", r.Time, r.From, r.Arrow, r.To, r.Label, r.Right)
}

var arrows = []string{"→", "⇢", "◆", again}

// again is the arrow of a row that stands for what repeats.
const again = "↻"

// ReadListing reads the rows of a listing in Unicode. Relative times count from zero; times of the day are of its day,
// in UTC. What surrounds the rows, the header, evidence and the summary, is left out.
func ReadListing(text string, zero time.Time) (rows []Row, err error) {
	text = strings.ReplaceAll(text, "\r", "")
	legend := strings.Index(text, "● observed")
	if legend < 0 {
		return nil, fmt.Errorf("no legend in %q", text)
	}
	if above := strings.Count(text[:legend], "\n"); above != 1 {
		return nil, fmt.Errorf("%d lines above the legend, where there is a header: %q", above, text[:legend])
	}
	head, rest, _ := strings.Cut(text[legend:], "\n")
	clock := strings.Contains(head, "times in UTC")
	times := 11
	if clock {
		times = 22
	}
	lane := 0
	for line := range strings.Lines(rest) {
		line = strings.TrimRight(line, "\n ")
		cells := []rune(line)
		if line == "" { // the summary follows
			break
		}
		if lane == 0 {
			for _, width := range []int{20, 14, 10} {
				if at := times + 1 + width + 1; at < len(cells) && slices.Contains(arrows, string(cells[at])) {
					lane = width
				}
			}
		}
		label := times + 1 + 2*lane + 4
		blank := func(n int) bool {
			return n <= len(cells) && strings.TrimSpace(string(cells[:n])) == ""
		}
		switch {
		case blank(label) && len(rows) > 0:
			rows[len(rows)-1].add(string(cells[label:]))
		case blank(times) && !(lane > 0 && len(cells) > label && slices.Contains(arrows, string(cells[times+1+lane+1])) &&
			strings.HasSuffix(line, "●")):
			continue // evidence; of a run without a request that it is about, rows have no times
		case lane == 0 || len(cells) < label || cells[times] != ' ' ||
			!slices.Contains(arrows, string(cells[times+1+lane+1])):
			return rows, fmt.Errorf("no row: %q", line)
		default:
			r := Row{Time: strings.TrimSpace(string(cells[:times])),
				From: strings.TrimSpace(string(cells[times+1 : times+1+lane])), Arrow: string(cells[times+1+lane+1])}
			if r.To = strings.TrimSpace(string(cells[times+1+lane+3 : label])); r.To == "" {
				r.To = r.From
			}
			mark := string(cells[len(cells)-1])
			if mark != "●" && mark != "○" {
				return rows, fmt.Errorf("a row without a mark: %q", line)
			}
			r.Observed = mark == "●"
			r.add(string(cells[label : len(cells)-1]))
			switch {
			case r.Time == "":
			case clock:
				err = r.readClock(zero)
			default:
				err = r.readRelative(zero)
			}
			if err != nil {
				return rows, err
			}
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// InOrder reports a row whose printed instant is before the one above. While a run goes on that can be, where more
// becomes known of a row once the likely one above has been printed for good.
func InOrder(rows []Row) error {
	var last time.Time
	for i, r := range rows {
		if r.At.IsZero() {
			continue
		}
		if r.At.Before(last) {
			return fmt.Errorf("row %d, %v, is printed as before those above", i+1, r)
		}
		last = r.At
	}
	return nil
}

const aDuration = `(≤ )?\d[\d.hms]*( ms| s)?(–[\d.hms]+( ms| s)?)?`

// right is what may stand at the right edge: a revision, a duration, an answer.
var right = regexp.MustCompile(`^(revision \d+|(revision \d+, )?(` + aDuration + `|≈ [\d.hms]+( ms| s)?( \(` +
	aDuration + `\))?)|.* in [\d.hms]+( ms| s)?)$`)

// add takes one line of the label, which may end in what stands at the right edge.
func (r *Row) add(line string) {
	text := strings.TrimRight(line, " ")
	if i := strings.LastIndex(text, "  "); i >= 0 && right.MatchString(text[i+2:]) {
		text, r.Right = text[:i], text[i+2:]
	}
	r.Label = strings.Join(strings.Fields(r.Label+" "+text), " ")
}

var relative = regexp.MustCompile(`^[+≈]?(-?\d+(?:\.\d+)?)?(s?)(?:±(\d+))?(…(-?\d+(?:\.\d+)?)?(s?))?$`)

func (r *Row) readRelative(zero time.Time) error {
	m := relative.FindStringSubmatch(r.Time)
	if m == nil {
		return fmt.Errorf("the time %q is none", r.Time)
	}
	unit := time.Millisecond
	if m[2] == "s" || m[6] == "s" {
		unit = time.Second
	}
	at := func(text string) (time.Time, time.Duration) {
		f, _ := strconv.ParseFloat(text, 64)
		_, decimals, _ := strings.Cut(text, ".")
		digit := unit
		for range decimals {
			digit /= 10
		}
		return zero.Add(time.Duration(f * float64(unit))), digit
	}
	if strings.HasPrefix(r.Time, "≈") {
		r.Likely = true
		r.At, r.Unit = at(m[1])
		if m[3] != "" {
			within, _ := strconv.Atoi(m[3])
			r.Unit = time.Duration(within) * time.Millisecond / 10
		}
		return nil
	}
	if m[1] != "" {
		from, digit := at(m[1])
		if r.Earliest = from; m[4] == "" { // an instant, rounded
			r.At, r.Unit = from, digit
			r.Earliest, r.Latest = from.Add(-digit), from.Add(digit)
		}
	}
	if m[5] != "" {
		r.Latest, _ = at(m[5])
	}
	return nil
}

func (r *Row) readClock(day time.Time) error {
	if r.Time == "" {
		return nil
	}
	parse := func(text string) (time.Time, error) {
		day := day.UTC()
		for _, layout := range []string{"15:04:05", "01-02 15:04:05", "2006-01-02 15:04:05"} {
			t, err := time.Parse(layout, text)
			if err != nil {
				continue
			}
			switch {
			case strings.HasPrefix(layout, "15"):
				t = t.AddDate(day.Year(), int(day.Month())-1, day.Day()-1)
			case strings.HasPrefix(layout, "01"):
				t = t.AddDate(day.Year(), 0, 0)
			}
			return t, nil
		}
		return time.Time{}, fmt.Errorf("the time %q of %q is none", text, r.Time)
	}
	if text, ok := strings.CutPrefix(r.Time, "≈"); ok {
		var err error
		r.Likely = true
		r.At, err = parse(text)
		r.Unit = time.Second
		_, decimals, _ := strings.Cut(text, ".")
		for range decimals {
			r.Unit /= 10
		}
		return err
	}
	a, b, ranged := strings.Cut(r.Time, "…")
	var err error
	if a != "" {
		if r.Earliest, err = parse(a); err != nil {
			return err
		}
	}
	switch {
	case !ranged && strings.Contains(a, "."):
		r.At, r.Unit = r.Earliest, time.Millisecond
		r.Earliest, r.Latest = r.Earliest.Add(-time.Millisecond), r.Earliest.Add(time.Millisecond)
	case !ranged:
		r.Latest = r.Earliest.Add(time.Second)
	case b != "":
		r.Latest, err = parse(a[:max(0, len(a)-len(b))] + b)
	}
	return err
}

// Message is one step as JSON has it, as far as it is printed.
type Message struct {
	From, To, Kind, Label, Call, ResourceVersion string
	Certainty, Detail                            string
	Earliest, Latest, Shown, Best                time.Time
	Within                                       time.Duration // of 95 of 100 from Best; 0 for not known
	Turns                                        []Turn        // of what repeats that it is of
}

// Turn is one time round of what repeats.
type Turn struct {
	What   string // happens each time
	Number int
	First  bool // of those that are known
}

var details = map[string]int{"brief": 1, "normal": 2, "full": 3}

// Match finds the steps that each row shows, a call with its answer. It is an error if the rows do not show every step
// of that detail once, in the same order, between the same participants, with the same certainty and a time that holds
// its window. Those that skip selects are not drawn. Of what repeats only the first turn needs rows: the others may
// stand together in one that says so, and from when to when they were.
func Match(rows []Row, steps []Message, detail string, skip func(int) bool) (shown [][]int, err error) {
	answers := map[string]int{}
	for i, s := range steps {
		if s.Kind == "response" && s.Call != "" {
			answers[s.Call] = i
		}
	}
	drawn := map[int]bool{}
	next := 0
	repeats := func(i int) bool { return len(steps[i].repeated()) > 0 }
	due := func(i int) bool { return details[steps[i].Detail] <= details[detail] && !drawn[i] && !skip(i) }
	for k, r := range rows {
		if r.Arrow == again {
			shown = append(shown, nil)
			continue
		}
		i := next
		// A step that is not the row's is passed only where it needs no row of its own at this place.
		for i < len(steps) && !(due(i) && r.shows(steps[i])) &&
			(!due(i) || steps[i].Kind == "response" || repeats(i)) {
			i++
		}
		if i == len(steps) || !due(i) || !r.shows(steps[i]) {
			want := "nothing"
			if i < len(steps) {
				want = fmt.Sprintf("%s → %s %s (%s)", steps[i].From, steps[i].To, steps[i].Label, steps[i].Certainty)
			}
			return shown, fmt.Errorf("row %d is %v, where JSON has %s", k+1, r, want)
		}
		drawn[i], next = true, i+1
		is := []int{i}
		if a, ok := answers[steps[i].Call]; ok && steps[i].Kind == "request" && !r.alone(rows[k+1:], steps[i], steps[a]) {
			drawn[a], is = true, append(is, a)
		}
		shown = append(shown, is)
		if err := r.holds(steps, is); err != nil {
			return shown, fmt.Errorf("row %d, %v: %w", k+1, r, err)
		}
	}
	for i, s := range steps {
		if due(i) && repeats(i) && slices.ContainsFunc(rows, func(r Row) bool { return r.standsFor(s) }) {
			continue
		}
		asks := func(o Message) bool { return o.Call == s.Call && o.Kind == "request" }
		if due(i) && s.Kind == "response" && s.Call != "" {
			if call := slices.IndexFunc(steps, asks); call >= 0 && due(call) && repeats(call) {
				continue // with its call
			}
		}
		if due(i) {
			return shown, fmt.Errorf("no row shows %s → %s %s", steps[i].From, steps[i].To, steps[i].Label)
		}
	}
	return shown, nil
}

// repeated are the turns that the message is of but the first.
func (s Message) repeated() []Turn {
	return slices.DeleteFunc(slices.Clone(s.Turns), func(t Turn) bool { return t.First })
}

// inAll says how often something came.
var inAll = regexp.MustCompile(`^(?:\d+ times more, (?:at least )?(\d+) in all|once more, the (\d+).. time|` +
	`still the (\d+).. time): (.*)`)

// standsFor reports whether the row is of what repeats, the message among it.
func (r Row) standsFor(s Message) bool {
	m := inAll.FindStringSubmatch(r.Label)
	if r.Arrow != again || m == nil {
		return false
	}
	total, _ := strconv.Atoi(m[1] + m[2] + m[3])
	during := s.Best.IsZero() || r.Time == "" ||
		!s.Best.Before(r.Earliest.Add(-time.Second)) && !s.Best.After(r.Latest.Add(time.Second))
	return during && slices.ContainsFunc(s.repeated(), func(t Turn) bool {
		return strings.HasPrefix(m[4], t.What) && t.Number <= total
	})
}

// alone reports whether a call's answer has a row of its own further down, before the next such call.
func (r Row) alone(rest []Row, call, answer Message) bool {
	if next := slices.IndexFunc(rest, func(o Row) bool { return o.shows(call) }); next >= 0 {
		rest = rest[:next]
	}
	return slices.ContainsFunc(rest, func(o Row) bool { return o.shows(answer) && o.Right == "" }) && r.Right == ""
}

// shows reports whether the row may be of a step, by its participants, its label and its certainty.
func (r Row) shows(s Message) bool {
	label, shown := squash(s.Label), squash(r.Label) // a long word is cut at the edge
	return participant(r.From, s.From) && participant(r.To, s.To) && r.Observed == (s.Certainty == "observed") &&
		strings.HasPrefix(shown, label) && (r.Arrow == "⇢") == (s.Kind == "delivery")
}

// runtimes are the names by which nodes report their runtimes, once a container has run.
var runtimes = map[string]bool{"containerd": true, "cri-o": true, "docker": true}

func squash(s string) string { return strings.Join(strings.Fields(s), "") }

// participant reports whether a name in a column is that participant's, which may be shortened.
func participant(shown, name string) bool {
	if shown == "runtime" && runtimes[name] { // which was not known yet
		return true
	}
	if rest, ok := strings.CutPrefix(name, "controller-manager/"); ok && strings.HasPrefix(shown, "kcm/") {
		shown, name = strings.TrimPrefix(shown, "kcm/"), rest
	}
	if rest, ok := strings.CutPrefix(name, "container/"); ok && !strings.HasPrefix(shown, "container/") {
		name = rest
	}
	if cut, ok := strings.CutSuffix(shown, "…"); ok {
		return strings.HasPrefix(name, cut)
	}
	return shown == name
}

// holds reports whether the printed time and the right edge say what is known of the steps, and nothing else.
func (r Row) holds(steps []Message, is []int) error {
	first := steps[is[0]]
	if r.Likely && r.At.Sub(first.Best).Abs() > 10*r.Unit {
		return fmt.Errorf("it is likeliest at %s", first.Best.UTC().Format("15:04:05.000000"))
	}
	from, to := cmp.Or(first.Shown, first.Earliest), cmp.Or(first.Shown, first.Latest)
	if !r.Earliest.IsZero() && !from.IsZero() && from.Before(r.Earliest) {
		return fmt.Errorf("it may be as early as %s", from.UTC().Format("15:04:05.000000"))
	}
	if !r.Latest.IsZero() && (to.IsZero() || to.After(r.Latest)) {
		return fmt.Errorf("it may be as late as %s", to.UTC().Format("15:04:05.000000"))
	}
	if !r.Earliest.IsZero() && from.IsZero() {
		return fmt.Errorf("nothing says how early it was")
	}
	if rv, ok := strings.CutPrefix(r.Right, "revision "); ok && strings.SplitN(rv, ",", 2)[0] != first.ResourceVersion {
		return fmt.Errorf("its revision is %s", first.ResourceVersion)
	}
	return nil
}

// Messages are the steps of a fold as JSON has them, with what repeats among them.
func Messages(steps []*seq.Step, cycles []seq.Cycle) []Message {
	turns := map[seq.Key][]Turn{}
	for _, c := range cycles {
		for i, t := range c.Turns {
			for _, key := range t.Steps {
				turns[key] = append(turns[key], Turn{c.What, t.Number, i == 0})
			}
		}
	}
	all := make([]Message, len(steps))
	for i, s := range steps {
		all[i] = Message{From: string(s.From), To: string(s.To), Kind: string(s.Kind), Label: s.Label, Call: string(s.Call),
			ResourceVersion: s.ResourceVersion,
			Certainty:       string(s.Certainty), Detail: s.Detail.String(), Earliest: s.Window.Earliest,
			Latest: s.Window.Latest, Best: s.Best, Within: s.Within, Turns: turns[s.Key]}
		if s.Sharp {
			all[i].Shown = s.Best
		}
	}
	return all
}
