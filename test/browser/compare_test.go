//go:build browser

package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/kubectl-seq/kubectl-seq/pkg/compare"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// comparisons are of instructive pairs.
func comparisons(t *testing.T) (all []render.Comparison) {
	t.Helper()
	for _, pair := range [][2]string{{"plain", "probes"}, {"plain", "crash"}, {"plain", "evidence"}, {"plain", "plain"},
		{"deployment", "job"}, {"plain", "deployment"}, {"exec", "exec-kill"}, {"mutated-evidence", "delete-orphan"}} {
		all = append(all, render.Compare(named(t, pair[0]), named(t, pair[1]), pair))
	}
	return all
}

func named(t *testing.T, name string) render.Report {
	t.Helper()
	s := scenario.Named(t, name)
	return scenario.Report(scenario.Fold(s.Subject, s.Observations))
}

func compared(t *testing.T, format string, c render.Comparison, y render.Style) string {
	t.Helper()
	var b strings.Builder
	if err := render.CompareFormats[format](&b, c, y); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The page has a row for each step, shows what is asked for, complains about nothing and asks for nothing but itself.
func TestComparisonPage(t *testing.T) {
	all := comparisons(t)
	all = append(all, render.Compare(hostile(), plain(t), [2]string{hostileTexts[0], hostileTexts[1]}))
	for _, c := range all {
		path := filepath.Join(t.TempDir(), "page.html")
		if err := os.WriteFile(path, []byte(compared(t, "html", c, render.Style{Detail: seq.Normal})), 0o644); err != nil {
			t.Fatal(err)
		}
		p := newTab(t)
		p.do(t, chromedp.Navigate("file://"+path))
		p.until(t, `document.querySelector("footer") !== null`)
		rows, only := 0, [2]int{}
		for _, s := range c.Steps {
			if s.Detail() > seq.Normal {
				continue
			}
			rows++
			if side, ok := s.Only(); ok {
				only[side]++
			}
		}
		shown := `[...document.querySelectorAll(".steps tbody tr")].filter((e) => e.checkVisibility()).length`
		for id, want := range map[string]int{"all": rows, "a": only[compare.A], "b": only[compare.B]} {
			p.do(t, script(`document.getElementById("`+id+`").click()`))
			if n := value[int](t, p, shown); n != want {
				t.Errorf("%q: %s shows %d of %d", c.Names, id, n, want)
			}
		}
		if n := value[int](t, p,
			`[...document.querySelectorAll("svg rect")].filter((e) => !(e.getBoundingClientRect().width > 0)).length`); n != 0 {
			t.Errorf("%q: %d bars have no width", c.Names, n)
		}
		if value[bool](t, p,
			`document.documentElement.scrollWidth > window.innerWidth || window.owned !== undefined || document.querySelectorAll("script, img").length > 0`) {
			t.Errorf("%q: the page is too wide, or a text became markup", c.Names)
		}
		p.mu.Lock()
		if len(p.complaints) > 0 || len(p.requests) != 1 {
			t.Errorf("%q: complaints %q, requests %q", c.Names, p.complaints, p.requests)
		}
		p.mu.Unlock()
	}
}
