package render

// A run while it goes on, for who is not at this terminal: its documents, and what the page draws.

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Stream has the documents of JSON while a run goes on. The zero value is ready to use.
type Stream struct {
	final []settledStep
}

// settledStep is a step that has its place for good.
type settledStep struct {
	key  seq.Key
	text []byte
}

// Moment has those of a moment, each one line of JSON.
type Moment struct {
	Anew  bool           // a step did not keep its place: the documents below replace all
	Final map[int][]byte // by index: steps that have their places for good, and those of before that are known better
	Tail  [][]byte       // the run, its Pods, the steps after those that are final, what repeats, and the outcome
}

// Next takes a report of which the first settled steps have their places for good, or all where it has ended.
func (s *Stream) Next(r Report, settled int, ended bool) (m Moment, err error) {
	m.Final = map[int][]byte{}
	if ended {
		settled = len(r.Steps)
	}
	m.Anew = len(s.final) > len(r.Steps)
	for i := 0; i < len(s.final) && !m.Anew; i++ {
		m.Anew = s.final[i].key != r.Steps[i].Key
	}
	if m.Anew {
		s.final = nil
	}
	settled = max(settled, len(s.final))
	index := r.index()
	line := func(document any) []byte {
		b, e := oneLine(document)
		err = cmp.Or(err, e)
		return b
	}
	for i, x := range r.Steps[:settled] {
		text := line(r.jsonStep(i, index, true))
		if i == len(s.final) {
			s.final = append(s.final, settledStep{key: x.Key})
		}
		if !bytes.Equal(text, s.final[i].text) {
			s.final[i].text, m.Final[i] = text, text
		}
	}
	for x := range r.before(index) {
		m.Tail = append(m.Tail, line(x))
	}
	for i := settled; i < len(r.Steps); i++ {
		m.Tail = append(m.Tail, line(r.jsonStep(i, index, false)))
	}
	for x := range r.behind(index) {
		m.Tail = append(m.Tail, line(x))
	}
	return m, err
}

// oneLine is a document as JSON has it, without the end of the line.
func oneLine(document any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(document)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// What the page has besides while a run goes on.
var (
	//go:embed page/live.css
	liveCSS string
	liveJS  = pageJS + joined("link", "live")
)

// LivePage is the page of a run that goes on: that of HTML, which asks where it came from for the Picture anew whenever
// there is something on the stream of events there. Policy is what it may do, for a header Content-Security-Policy.
// Beside it there may be a map, see LiveMap.
func LivePage(y Style, hasMap bool) (page []byte, policy string, err error) {
	empty := newPage(Report{}, y)
	empty.Map = hasMap
	data, err := json.Marshal(empty)
	if err != nil {
		return nil, "", err
	}
	style := pageCSS + liveCSS
	policy = livePolicy(style, liveJS)
	const listing = "This page needs scripts. Once the run has ended, page.html below this address has it as text."
	return fillPage(pageHTML, Report{}.Run.Subject.String(), data, listing, policy, style, liveJS), policy, nil
}

// livePolicy admits that style, that script, and what the page asks its own server for.
func livePolicy(style, script string) string {
	return "default-src 'none'; style-src " + digest(style) + "; script-src " + digest(script) +
		"; connect-src 'self'; base-uri 'none'; form-action 'none'"
}

// Picture is what the page draws of a run that goes on, as JSON. The first settled of its steps will not change any
// more.
func Picture(r Report, y Style, settled int, status string) ([]byte, error) {
	final := map[seq.Key]bool{}
	for _, s := range r.Steps[:settled] {
		final[s.Key] = true
	}
	p := newPage(r, y)
	if r.Outcome.Name == "" {
		p.Status = Plain(status)
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		s.Key, s.Open = s.key, !final[s.key]
	}
	for i := range p.Folds {
		p.Folds[i].Key = p.Folds[i].key
	}
	return json.Marshal(p)
}
