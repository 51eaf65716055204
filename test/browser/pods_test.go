//go:build browser

package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// The bar of each Pod in the overview says what its stretches are and how long they took, where there is room, and
// hatches what waits: also the wait of a fixed length that is part of a phase.
func TestPodBarsHaveNumbers(t *testing.T) {
	p := sheet(t, drawn(t, "html", named(t, "two-nodes"), render.Style{Detail: seq.Normal}))
	for _, row := range value[[]string](t, p, `[...document.querySelectorAll("#pods [data-pod]")].slice(1).map((row) => [...row.querySelectorAll(".bar b")].map((e) => e.textContent).join("; "))`) {
		for _, want := range []string{"volumes ≈ ", "sandbox ", " ms"} {
			if !strings.Contains(row, want) {
				t.Errorf("no %q in the bar of a Pod: %q", want, row)
			}
		}
	}
	for _, w := range value[[]string](t, p, `[...document.querySelectorAll("#pods .bar b")].filter((e) => e.getBoundingClientRect().width > e.parentElement.getBoundingClientRect().width).map((e) => e.textContent)`) {
		t.Errorf("it is cut: %s", w)
	}
	if n := value[int](t, p, `[...document.querySelectorAll("#pods .bar .fixed")].filter((e) => getComputedStyle(e).backgroundImage !== "none" && e.getBoundingClientRect().width > 50).length`); n != 2 {
		t.Errorf("the fixed wait is hatched in the bars of %d Pods, want 2", n)
	}
}

// Where several containers back off, the bar says which does, or that several do.
func TestBarsNameTheContainersThatBackOff(t *testing.T) {
	s := scenario.Named(t, "repeats-two")
	tr := scenario.Fold(s.Subject, s.Observations)
	r := scenario.Report(tr)
	r.Phases = tr.Phases(time.Time{})
	p := sheet(t, drawn(t, "html", r, render.Style{Detail: seq.Normal}))
	bar := strings.Join(value[[]string](t, p, `[...document.querySelectorAll("#phases .bar b")].map((e) => e.textContent)`), "; ")
	svg := drawn(t, "svg", r, render.Style{Detail: seq.Normal})
	for _, want := range []string{"back-off app", "back-off app, web", "back-off web, app"} {
		if !strings.Contains(bar, want) {
			t.Errorf("no %q in %q", want, bar)
		}
		if !strings.Contains(svg, ">"+want) {
			t.Errorf("no %q in the picture", want)
		}
	}
}
