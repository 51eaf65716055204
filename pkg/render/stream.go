package render

// A run while it goes on, for who is not at this terminal: its documents, and what the page draws.

import (
	"bytes"
	_ "embed"
	"encoding/json"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Stream has the documents of JSON while a run goes on. The zero value is ready to use.
type Stream struct {
	final [][]byte // of steps
}

// Moment has those of a moment, each one line of JSON.
type Moment struct {
	Anew  bool     // what had been final was not: the documents below replace all
	Final [][]byte // steps that have become final, which come after those before
	Tail  [][]byte // the run, its Pods, the steps after those that are final, what repeats, and the outcome
}

// Next takes a report of which the first settled steps will not change any more, or all have ended.
func (s *Stream) Next(r Report, settled int, ended bool) (d Moment, err error) {
	if ended {
		settled = len(r.Steps)
	}
	index := r.index()
	d.Anew = len(s.final) > len(r.Steps)
	for i := 0; i < len(s.final) && !d.Anew && err == nil; i++ {
		var is []byte
		is, err = oneLine(r.jsonStep(i, index, true))
		d.Anew = !bytes.Equal(is, s.final[i])
	}
	if d.Anew {
		s.final = nil
	}
	settled = max(settled, len(s.final))
	add := func(all *[][]byte, document any) {
		b, e := oneLine(document)
		if *all = append(*all, b); err == nil {
			err = e
		}
	}
	for i := len(s.final); i < settled; i++ {
		add(&d.Final, r.jsonStep(i, index, true))
	}
	s.final = append(s.final, d.Final...)
	for x := range r.before(index) {
		add(&d.Tail, x)
	}
	for i := settled; i < len(r.Steps); i++ {
		add(&d.Tail, r.jsonStep(i, index, false))
	}
	for x := range r.behind(index) {
		add(&d.Tail, x)
	}
	return d, err
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
	liveJS  = pageJS + joined("live")
)

// LivePage is the page of a run that goes on: that of HTML, which asks where it came from for the Picture anew whenever
// there is something on the stream of events there. Policy is what it may do, for a header Content-Security-Policy.
func LivePage(y Style) (page []byte, policy string, err error) {
	data, err := json.Marshal(newPage(Report{}, y))
	if err != nil {
		return nil, "", err
	}
	style := pageCSS + liveCSS
	policy = "default-src 'none'; style-src " + digest(style) + "; script-src " + digest(liveJS) +
		"; connect-src 'self'; base-uri 'none'; form-action 'none'"
	const listing = "This page needs scripts. Once the run has ended, page.html below this address has it as text."
	return fillPage(Report{}, data, listing, policy, style, liveJS), policy, nil
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
