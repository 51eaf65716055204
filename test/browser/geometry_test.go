//go:build browser

package browser

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

//go:embed geometry.js
var geometry string

// every is every recording that there is; without those of causes where it must be quick.
func every(t *testing.T) []scenario.Scenario {
	all := scenario.All(t)
	if !testing.Short() {
		all = append(all, scenario.Causes(t)...)
	}
	return all
}

// On a projector no label lies over another or across a lifeline that is not its own, none is cut, all lanes are on the
// sheet, and the bar adds up to the run: at every detail, and with all Pods or one. One page shows one after another.
func TestPageGeometry(t *testing.T) {
	p := sheet(t, drawn(t, "html", plain(t), render.Style{Detail: seq.Normal}))
	for _, s := range every(t) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		data := pageData.FindStringSubmatch(drawn(t, "html", r, render.Style{Detail: seq.Normal}))[1]
		for _, w := range value[[]string](t, p, fmt.Sprintf(`(() => {
			for (const key of Object.keys(report)) delete report[key];
			Object.assign(report, %s);
			addFolds();
			drawBar();
			drawPods();
			const found = wrongBar();
			for (state.pod of report.pods.length > 1 ? [-1, 0] : [-1]) {
				for (state.detail of [1, 2, 3]) {
					draw();
					found.push(...wrong("#stage .step, #stage .wait", 1280).map((w) => "detail " + state.detail + ", " + w));
				}
				state.view = "time";
				state.detail = 2;
				draw();
				if (visible().length > 0) found.push(...wrongTime().map((w) => "time, " + w));
				state.view = "order";
			}
			return found;
		})()`, data)) {
			t.Errorf("%s: %s", s.Name, w)
		}
	}
}

var pageData = regexp.MustCompile(`(?s)<script type="application/json" id="report">(.*?)</script>`)

// sheet is a page on a projector with what looks at its geometry.
func sheet(t *testing.T, page string) *tab {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	p := newTab(t)
	p.do(t, chromedp.EmulateViewport(1280, 720), chromedp.Navigate("file://"+path), script(geometry))
	return p
}

// The same holds for the still picture, whatever font its reader has.
func TestPictureGeometry(t *testing.T) {
	p := sheet(t, "<!DOCTYPE html><body></body>")
	for _, s := range every(t) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		var page struct{ Folds []struct{ Detail, Phase int } }
		data := pageData.FindStringSubmatch(drawn(t, "html", r, render.Style{Detail: seq.Normal}))[1]
		if err := json.Unmarshal([]byte(data), &page); err != nil {
			t.Fatal(err)
		}
		for _, detail := range []seq.Detail{seq.Brief, seq.Normal, seq.Full} {
			coloured := 0
			for _, f := range page.Folds {
				if f.Detail == int(detail) && f.Phase >= 0 {
					coloured++
				}
			}
			svg, _ := json.Marshal(drawn(t, "svg", r, render.Style{Detail: detail, Animate: detail == seq.Full}))
			for _, w := range value[[]string](t, p, fmt.Sprintf(`(() => {
				document.body.innerHTML = %s;
				const found = wrong(".row, .turns", document.querySelector("svg").getBoundingClientRect().right);
				return [...found, ...wrongPicture(%d)];
			})()`, svg, coloured)) {
				t.Errorf("%s, detail %s: %s", s.Name, detail, w)
			}
		}
	}
}
