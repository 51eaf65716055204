//go:build browser

package browser

import (
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Red is a failure and nothing else, and a failure has a cross beside; waits are hatched beside their colour. In light
// and dark, on the page, in a picture, and where two runs are compared.
func TestColoursMeanOneThing(t *testing.T) {
	r := named(t, "no-such-tag")
	style := render.Style{Detail: seq.Full}
	for name, page := range map[string]string{"page": drawn(t, "html", r, style), "picture": drawn(t, "svg", r, style),
		"comparison": compared(t, "html", render.Compare(plain(t), r, [2]string{"a", "b"}), style)} {
		p := sheet(t, page)
		for _, theme := range []string{"light", "dark"} {
			p.do(t, script(`document.documentElement.dataset.theme = "`+theme+`"`))
			for _, w := range value[[]string](t, p, `(() => {
				const red = (c) => {
					const [r, g, b, a = 1] = (c.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number), most = Math.max(r, g, b), least = Math.min(r, g, b);
					return a > 0 && r === most && most - least > 90 && Math.abs(g - b) < (most - least) / 4;
				};
				const found = [];
				for (const e of document.querySelectorAll("body *, svg *")) {
					if (e.closest(".failed, style, script, defs") || !e.checkVisibility()) continue;
					const s = getComputedStyle(e);
					for (const k of ["color", "backgroundColor", "fill", "stroke"]) if (red(s[k])) found.push(k + " of " + e.outerHTML.slice(0, 80));
				}
				const failed = document.querySelectorAll(".failed").length;
				const marks = document.querySelectorAll(".cross").length + [...document.querySelectorAll(".failed")].filter((e) => getComputedStyle(e, "::before").content.includes("✗")).length;
				if (failed === 0 || marks < failed) found.push(failed + " failures have " + marks + " marks");
				return found.slice(0, 5);
			})()`) {
				t.Errorf("%s, %s: %s", name, theme, w)
			}
		}
	}
	p := sheet(t, drawn(t, "html", named(t, "late-configmap"), style))
	if hatch := value[string](t, p, `getComputedStyle(document.querySelector("#phases button[aria-label^=retry]")).backgroundImage`); hatch == "none" {
		t.Error("a retry that is waited for is not hatched")
	}
}
