package render

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// The page and what goes into it.
var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/page.js
	pageJS string
)

// page is what the script of the page draws. Times are milliseconds since the POST; null is unknown.
type page struct {
	Title    string      `json:"title"`
	Where    string      `json:"where"`
	Recorded string      `json:"recorded,omitempty"`
	Outcome  string      `json:"outcome"`
	Obstacle [][2]string `json:"obstacle"` // titles and texts
	Detail   seq.Detail  `json:"detail"`   // that is shown first
	Lanes    []pageLane  `json:"lanes"`
	Steps    []pageStep  `json:"steps"`
	Phases   []pagePhase `json:"phases"`
	Waits    []string    `json:"waits"`
	Notes    []string    `json:"notes"`
}

type pageLane struct {
	Name string `json:"name"`
	Kind int    `json:"kind"` // by which it is coloured
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
	Answers  int            `json:"answers"` // the call, or -1
	Phase    int            `json:"phase"`   // or -1
	At       seq.Instant    `json:"at"`
	Clock    string         `json:"clock"`
	Rule     string         `json:"rule"`
	Gist     string         `json:"gist"`
	Explain  string         `json:"explain"`
	Proves   string         `json:"proves"`
	Doc      string         `json:"doc"`
	Evidence []pageEvidence `json:"evidence"`
	After    []int          `json:"after"` // what is proved to come before
}

type pageEvidence struct {
	Source string `json:"source"`
	Text   string `json:"text"`
}

type pagePhase struct {
	Name    string       `json:"name"`
	Took    string       `json:"took"`
	Explain string       `json:"explain"`
	Parts   [][2]float64 `json:"parts"` // from when to when they are likeliest to have lasted
}

// HTML writes the report as one page that needs nothing else: no network, no other file. Its security policy admits
// only its own script and style, by their hashes; whatever a server said is data, and becomes text.
func HTML(w io.Writer, r Report, y Style) error {
	data, err := json.Marshal(newPage(r, y))
	if err != nil {
		return err
	}
	var listing bytes.Buffer // for readers without scripts
	y.ASCII, y.Color, y.Width, y.Explain = false, false, FileWidth, false
	if err := NewLive("listing", y, &listing, nil).Finish(r); err != nil {
		return err
	}
	// Not html/template: its reflection would have the linker keep every exported method, 24 MB more.
	_, err = strings.NewReplacer(
		"{{title}}", html.EscapeString(Plain(r.Run.Subject.String())),
		"{{policy}}", "default-src 'none'; style-src "+digest(pageCSS)+"; script-src "+digest(pageJS)+
			"; base-uri 'none'; form-action 'none'",
		"{{style}}", pageCSS,
		"{{script}}", pageJS,
		"{{data}}", string(data), // json.Marshal escapes what could end the element
		"{{listing}}", html.EscapeString(listing.String()),
	).WriteString(w, pageHTML)
	return err
}

// digest is how a security policy names a script or style.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func newPage(r Report, y Style) page {
	f := newFigure(r, seq.Full)
	y.clock = r.looks()
	p := page{
		Title: Plain(r.Run.Subject.String()), Where: Plain(y.where(r)), Outcome: Plain(r.headline()),
		Detail: y.Detail, Lanes: []pageLane{}, Steps: []pageStep{}, Obstacle: [][2]string{}, Phases: []pagePhase{},
		Waits: []string{}, Notes: []string{},
	}
	if !r.Recorded.IsZero() {
		p.Recorded = r.Recorded.UTC().Format("2006-01-02 15:04 UTC")
	}
	for _, l := range f.lanes {
		p.Lanes = append(p.Lanes, pageLane{title(l), laneRank(l, r.Run.Runtime)})
	}
	index := map[seq.Key]int{}
	at := y.timesOf(f, r)
	for i, x := range f.rows {
		index[x.Key] = i
		p.Steps = append(p.Steps, y.pageStep(r, f, x, at[i], index))
	}
	for _, l := range r.obstacle() {
		p.Obstacle = append(p.Obstacle, [2]string{l.title, Plain(l.text())})
	}
	for _, ph := range r.Phases {
		out := pagePhase{Name: ph.Name, Took: y.took(lastedOf(ph)), Explain: Plain(ph.Explain)}
		for _, part := range ph.Parts {
			out.Parts = append(out.Parts,
				[2]float64{ms(part.Likely.Earliest.Sub(r.Run.Origin)), ms(part.Likely.Latest.Sub(r.Run.Origin))})
		}
		p.Phases = append(p.Phases, out)
	}
	if longest := r.longest(); longest.Took > 0 && r.Outcome.Obstacle == nil {
		p.Waits = append(p.Waits, Plain(largest(longest)))
	}
	for _, w := range r.waits() {
		p.Waits = append(p.Waits, Plain(fixed(w)))
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
	return p
}

func (y Style) pageStep(r Report, f figure, x row, at string, index map[seq.Key]int) pageStep {
	since := func(t time.Time) *float64 {
		if t.IsZero() || r.Run.Origin.IsZero() {
			return nil
		}
		return new(ms(t.Sub(r.Run.Origin)))
	}
	right := ""
	switch {
	case x.closes >= 0 && x.To.IsClient():
		right = duration(x.Best.Sub(f.rows[x.closes].Best))
	case x.closes >= 0:
		right = y.right(f.rows[x.closes].Step, x.Step)
	case !x.opens:
		right = y.right(x.Step, nil)
	}
	s := pageStep{
		From: x.from, To: x.to, Kind: x.Kind, Detail: x.least, Label: Plain(x.Label + f.tags.of(x.Step)), Right: right,
		Time:     at,
		Earliest: since(x.Window.Earliest), Latest: since(x.Window.Latest), Best: since(x.Best),
		Inferred: x.Certainty == seq.Inferred,
		Answers:  x.closes, Phase: x.phase, At: x.Instant, Clock: Plain(string(x.ClockOf)), Rule: x.Rule.Name,
		Gist:    x.Rule.Gist,
		Explain: x.Rule.Explain,
		Proves:  x.Rule.Proves, Doc: x.Rule.Doc, Evidence: []pageEvidence{}, After: []int{},
	}
	for _, e := range x.Evidence {
		s.Evidence = append(s.Evidence, pageEvidence{Plain(e.Source), Plain(evidence(e))})
	}
	for _, key := range x.After {
		if i, ok := index[key]; ok {
			s.After = append(s.After, i)
		}
	}
	return s
}
