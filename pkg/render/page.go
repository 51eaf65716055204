package render

// What the script of the page draws.

import (
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// page is the report as the script of the page takes it. Times are milliseconds since the request that the run is
// about; null is unknown.
type page struct {
	Title    string       `json:"title"`
	Where    string       `json:"where"`
	Recorded string       `json:"recorded,omitempty"`
	Outcome  string       `json:"outcome"`
	State    string       `json:"state"`    // failed, waiting, or nothing
	Obstacle [][2]string  `json:"obstacle"` // titles and texts
	Detail   seq.Detail   `json:"detail"`   // that is shown first
	Clock    bool         `json:"clock"`    // times of steps are times of the day
	Proved   bool         `json:"proved"`   // nothing likely is to be drawn
	Legend   string       `json:"legend"`
	Lanes    []pageLane   `json:"lanes"`
	Rules    []pageRule   `json:"rules"`
	Steps    []pageStep   `json:"steps"`
	Folds    []pageFold   `json:"folds"`
	Late     []pageLate   `json:"late"` // while nothing that repeats is opened
	Phases   []pagePhase  `json:"phases"`
	Borders  [][2]float64 `json:"borders"` // between which bounds those of the phases are, where they are not known better
	Bar      []pagePart   `json:"bar"`
	Together string       `json:"together,omitempty"` // what the phases took, where their bounds do not add up to it
	Pods     []pagePod    `json:"pods"`
	Pod      int          `json:"pod"`               // that is drawn first, or -1 for all
	Largest  string       `json:"largest,omitempty"` // of the phase that took half of the run or more
	Waits    []string     `json:"waits"`
	Map      bool         `json:"map,omitempty"` // while the run goes on: there is one beside it
	Notes    []string     `json:"notes"`
	Status   string       `json:"status,omitempty"` // of a run that goes on
}

type pageLane struct {
	Name string `json:"name"`
	Kind int    `json:"kind"` // by which it is coloured
}

type pageRule struct {
	Name    string `json:"name"`
	Gist    string `json:"gist"`
	Explain string `json:"explain"`
	Proves  string `json:"proves"`
	Doc     string `json:"doc"`
}

type pageStep struct {
	From     int            `json:"from"`
	To       int            `json:"to"`
	Kind     seq.StepKind   `json:"kind"`
	Detail   seq.Detail     `json:"detail"`
	Label    string         `json:"label"`
	Right    string         `json:"right,omitempty"` // the revision, or how long the call took
	Time     string         `json:"time"`            // with no more digits than are known
	Earliest *float64       `json:"earliest"`
	Latest   *float64       `json:"latest"`
	Best     *float64       `json:"best"`
	Inferred bool           `json:"inferred"`
	Failed   bool           `json:"failed"`
	Answers  int            `json:"answers"` // the call, or -1
	Phase    int            `json:"phase"`   // or -1
	Pod      int            `json:"pod"`     // that it is about, where there are several, or -1
	At       seq.Instant    `json:"at"`
	Clock    string         `json:"clock"`
	Rule     int            `json:"rule"`
	Evidence []pageEvidence `json:"evidence"`
	After    []int          `json:"after"`          // what is proved to come before
	Key      seq.Key        `json:"key,omitempty"`  // while the run goes on: which message it is
	Open     bool           `json:"open,omitempty"` // its place may change
	key      seq.Key
}

type pageEvidence struct {
	Source string `json:"source"`
	Text   string `json:"text"`
}

type pagePhase struct {
	Name    string       `json:"name"`
	Fill    string       `json:"fill"`
	Took    string       `json:"took"`
	Explain string       `json:"explain"`
	Waits   bool         `json:"waits"`
	Unknown bool         `json:"unknown"`
	Open    bool         `json:"open"`
	Fixed   float64      `json:"fixed"` // a wait that is part of it
	Legend  string       `json:"legend"`
	Parts   [][2]float64 `json:"parts"`  // from when to when they are likeliest to have lasted
	Waited  []string     `json:"waited"` // how long each of them was, of what waits
}

func newPage(r Report, y Style) page {
	one, _ := r.one()
	if m := r.held(); m != nil {
		one = m.Object.UID
	}
	if len(r.Members) <= mostPods {
		r.whole, r.listing = r.every(), r.column()
		r.Pods = "all" // from which the page chooses
	}
	f := newFigure(r, seq.Full)
	y = y.of(r)
	p := page{
		Title: Plain(r.Run.Subject.String()), Where: Plain(r.where()), Outcome: Plain(r.headline()), State: r.mood(),
		Detail: y.Detail, Clock: y.clock, Proved: y.Proved, Lanes: []pageLane{}, Rules: []pageRule{}, Steps: []pageStep{},
		Obstacle: [][2]string{}, Phases: []pagePhase{}, Borders: r.borders(), Bar: []pagePart{}, Pods: []pagePod{}, Pod: -1,
		Waits: []string{}, Notes: []string{},
	}
	if !r.Recorded.IsZero() {
		p.Recorded = r.Recorded.UTC().Format("2006-01-02 15:04 UTC")
	}
	for _, l := range f.lanes {
		p.Lanes = append(p.Lanes, pageLane{title(l), laneRank(l, r.Run.Runtime)})
	}
	pods := map[string]int{}
	for i, m := range r.Members {
		p.Pods = append(p.Pods, y.pagePod(r, m))
		p.Pods[i].Drawn = r.Pods == "all" || m.Object.UID == one
		if pods[m.Object.UID] = i; m.Object.UID == one {
			p.Pod = i
		}
	}
	index := p.steps(r, y, f, pods)
	p.Folds, p.Late = y.folds(r, f, index)
	for i := range p.Folds {
		p.Folds[i].Pod = p.Steps[p.Folds[i].ended].Pod
	}
	for _, l := range r.obstacle() {
		p.Obstacle = append(p.Obstacle, [2]string{l.title, Plain(l.text())})
	}
	steps := r.byKey()
	for i := range r.Phases {
		p.Phases = append(p.Phases, y.pagePhase(r, i, steps))
	}
	p.Bar, p.Together = y.pageBar(r, r.Phases), y.together(r)
	p.remarks(r)
	return p
}

// mood is whether a run failed, or waits for something still.
func (r Report) mood() string {
	switch {
	case r.Outcome.Name == "Failed" || r.Outcome.Name == "Refused":
		return "failed"
	case r.Outcome.Obstacle != nil && ended[r.Outcome.Name] == "" || r.Outcome.Name == "Timeout":
		return "waiting"
	}
	return ""
}

// remarks are what the summary says in sentences.
func (p *page) remarks(r Report) {
	if longest := r.longest(); longest.Took > 0 && r.Outcome.Obstacle == nil {
		p.Waits = append(p.Waits, Plain(largest(longest)))
		if 2*longest.Took >= r.Outcome.Total {
			p.Largest = p.Waits[0]
		}
	}
	for _, text := range r.waits() {
		p.Waits = append(p.Waits, Plain(text))
	}
	for _, c := range r.Run.Clocks {
		if text := skew(c); text != "" {
			p.Notes = append(p.Notes, Plain(text))
		}
	}
	for _, d := range r.Run.Denied {
		p.Notes = append(p.Notes, "Contradicted: "+Plain(d)+".")
	}
	for _, u := range r.Run.Unseen {
		p.Notes = append(p.Notes, "Not seen: "+Plain(u)+".")
	}
}

// since is an instant in milliseconds, or null.
func (r Report) since(t time.Time) *float64 {
	if t.IsZero() || r.Run.Origin.IsZero() {
		return nil
	}
	return new(ms(t.Sub(r.Run.Origin)))
}

func (y Style) pagePhase(r Report, i int, steps map[seq.Key]*seq.Step) pagePhase {
	p := r.Phases[i]
	out := pagePhase{Name: p.Name, Fill: phaseHue(p.Name).css(), Took: y.phaseTook(p), Explain: Plain(p.Explain),
		Waits: r.nothingWorks(p), Unknown: p.Name == seq.Unknown, Open: p.Open,
		Fixed: ms(r.fixedIn(p)), Legend: y.phaseLegend(r, p),
	}
	for _, part := range p.Parts {
		out.Parts = append(out.Parts,
			[2]float64{ms(part.Likely.Earliest.Sub(r.Run.Origin)), ms(part.Likely.Latest.Sub(r.Run.Origin))})
		if out.Waits {
			out.Waited = append(out.Waited, y.waitedFor(p, part, r.lasted(phasePart{Part: part, phase: i}, steps)))
		}
	}
	return out
}

// nothingWorks reports whether in a phase something is waited for: by intent, or since the run gets no further.
func (r Report) nothingWorks(p seq.Phase) bool {
	return p.Waiting || p.Open && p.Name != "run" && r.mood() == "waiting"
}

// borders are what is proved of where phases begin and end.
func (r Report) borders() [][2]float64 {
	keys := map[seq.Key]bool{}
	for _, p := range r.Phases {
		for _, part := range p.Parts {
			keys[part.Begin], keys[part.End] = true, true
		}
	}
	all := [][2]float64{}
	for _, s := range r.Steps {
		if w := s.Known(); keys[s.Key] && !s.Sharp && !w.Earliest.IsZero() && !w.Latest.IsZero() {
			all = append(all, [2]float64{ms(w.Earliest.Sub(r.Run.Origin)), ms(w.Latest.Sub(r.Run.Origin))})
		}
	}
	return all
}

// steps takes the rows of the figure, with their rules once.
func (p *page) steps(r Report, y Style, f figure, pods map[string]int) (index map[seq.Key]int) {
	index = map[seq.Key]int{}
	rules := map[string]int{}
	at := y.timesOf(f, r)
	for i, x := range f.rows {
		index[x.Key] = i
		rule, ok := rules[x.Rule.Name]
		if !ok {
			rule = len(p.Rules)
			rules[x.Rule.Name] = rule
			p.Rules = append(p.Rules, pageRule{x.Rule.Name, x.Rule.Gist, x.Rule.Explain, x.Rule.Proves, x.Rule.Doc})
		}
		s := pageStep{
			From: x.from, To: x.to, Kind: x.Kind, Detail: x.least, Label: Plain(x.Label + f.tags.of(x.Step)),
			Right: y.beside(f, x), Time: at[i],
			Earliest: r.since(x.Window.Earliest), Latest: r.since(x.Window.Latest), Best: r.since(x.Best),
			Inferred: x.Certainty == seq.Inferred, Failed: x.Failed, Answers: x.closes, Phase: x.phase, Pod: -1, At: x.Instant,
			Clock: Plain(string(x.ClockOf)), Rule: rule, Evidence: []pageEvidence{}, After: []int{}, key: x.Key,
		}
		if pod, ok := pods[x.About]; ok {
			s.Pod = pod
		}
		for _, e := range x.Evidence {
			s.Evidence = append(s.Evidence, pageEvidence{Plain(e.Source), Plain(evidence(e))})
		}
		for _, key := range x.After {
			if k, ok := index[key]; ok {
				s.After = append(s.After, k)
			}
		}
		p.Steps = append(p.Steps, s)
	}
	p.Legend = y.pageLegend(r, slices.ContainsFunc(at, func(t string) bool { return strings.HasPrefix(t, "≈") }))
	return index
}

// beside is what stands beside the label of a row: the revision, or how long the call took.
func (y Style) beside(f figure, x row) string {
	switch {
	case x.closes >= 0 && x.To.IsClient():
		return exactly(x.Best.Sub(f.rows[x.closes].Best))
	case x.closes >= 0:
		return y.right(f.rows[x.closes].Step, x.Step)
	case !x.opens:
		return y.right(x.Step, nil)
	}
	return ""
}

// pageLegend says what the signs mean, those that are used.
func (y Style) pageLegend(r Report, likely bool) string {
	text := "Filled arrowhead: observed. Open arrowhead, italic: inferred. Solid: a request; dashed: an answer, or " +
		"what a watch delivers. Red and ✗: a failure. Hatched: nothing works, something is waited for. " +
		"Each revision is a write to etcd; less than full detail has only those arrows to etcd that begin, bind or end an " +
		"object, or end a phase. Times are "
	if y.clock {
		text += "times of the day in UTC"
	} else {
		text += "milliseconds, or seconds (s), since the " + r.request()
	}
	if likely {
		text += "; " + y.likelyMark() + " (in 95 of 100 cases)"
	}
	text += "; a…b: between a and b; …b: by b. "
	if y.Proved {
		return text + "In the bars, colours above one another: it is one of these phases, and not proved which."
	}
	return text + "The bar shows the likeliest division of the run, the lines below it the bounds that are proved."
}
