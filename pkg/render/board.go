package render

// Many Pods at once, each as a bar: what a board shows of a namespace.

import (
	_ "embed"
	"encoding/json"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Board is what is known of the Pods that start in a namespace.
type Board struct {
	Namespace, Context string
	Rows               [][]byte // of BoardRow, in the order in which they are drawn
	Status             string
}

// BoardRow is a Pod on a board, as JSON. Its page is at path, below that of the board.
func BoardRow(r Report, m seq.Member, y Style, path string) ([]byte, error) {
	row := struct {
		pagePod
		Path string `json:"path"`
		At   string `json:"at"`             // time of the day when it was stored
		Held string `json:"held,omitempty"` // why it gets no further
	}{pagePod: y.of(r).pagePod(r, m), Path: path}
	if !r.Run.Origin.IsZero() {
		row.At = r.Run.Origin.UTC().Format("15:04:05")
	}
	row.From, row.To = nil, nil
	if n := len(row.Bar); n > 0 { // it begins at 0, and nothing is drawn behind it
		zero := row.Bar[0].From
		for i := range row.Bar {
			row.Bar[i].From, row.Bar[i].To = row.Bar[i].From-zero, row.Bar[i].To-zero
		}
		took := row.Bar[n-1].To
		if row.To = &took; m.State.Ready || m.State.Succeeded {
			row.State = exactly(time.Duration(took * float64(time.Millisecond)))
		}
	}
	if o := r.Outcome.Obstacle; o != nil && !m.State.Deleted {
		row.State, row.Held = Plain(o.Reason), Plain(o.Reason+": "+o.Explain)
	}
	return json.Marshal(row)
}

// board is what the script of the page takes.
type board struct {
	Title  string            `json:"title"`
	Where  string            `json:"where"`
	Status string            `json:"status"`
	Pods   []json.RawMessage `json:"pods"`
	Steps  []int             `json:"steps"` // none: what the scripts share looks there
	Folds  []int             `json:"folds"`
}

// Picture is what the page draws, as JSON.
func (b Board) Picture() ([]byte, error) {
	out := board{Title: Plain("Pods that start in " + b.Namespace), Where: Plain(b.Context), Status: Plain(b.Status),
		Pods: []json.RawMessage{}, Steps: []int{}, Folds: []int{}}
	for _, row := range b.Rows {
		out.Pods = append(out.Pods, row)
	}
	return json.Marshal(out)
}

var (
	//go:embed page/board.html
	boardHTML string
	//go:embed page/board.css
	boardCSS string
	boardJS  = joined("report", "text", "bar", "link", "board")
)

// BoardPage is the page of a board, as LivePage is that of a run.
func BoardPage(b Board) (page []byte, policy string, err error) {
	data, err := b.Picture()
	if err != nil {
		return nil, "", err
	}
	style := pageCSS + liveCSS + boardCSS
	policy = livePolicy(style, boardJS)
	return fillPage(boardHTML, "Pods that start in "+b.Namespace, data, "This page needs scripts.", policy, style,
		boardJS), policy, nil
}
