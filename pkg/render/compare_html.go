package render

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/compare"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

var (
	//go:embed page/still.html
	stillHTML string
	//go:embed page/compare.html
	compareBody string
	//go:embed page/compare.css
	compareCSS string
)

// compareHTML writes a comparison as one page that needs nothing else.
func compareHTML(w io.Writer, c Comparison, y Style) error {
	y.seconds = c.inSeconds()
	return stillPage(w, "A "+c.Names[compare.A]+", B "+c.Names[compare.B], c.htmlBody(y), c.legend())
}

// stillPage writes a page that has no script; its security policy admits its own style only.
func stillPage(w io.Writer, title, body, legend string) error {
	style := compareCSS + phaseStyles()
	_, err := strings.NewReplacer(
		"{{title}}", htmlText(title),
		"{{policy}}", "default-src 'none'; style-src "+digest(style)+"; base-uri 'none'; form-action 'none'",
		"{{style}}", style,
		"{{body}}", body,
		"{{legend}}", htmlText(legend),
	).WriteString(w, stillHTML)
	return err
}

// htmlBody is what a page has of a comparison.
func (c *Comparison) htmlBody(y Style) string {
	y.ASCII = false
	c.moments = c.times(y)
	return strings.NewReplacer(
		"{{runs}}", c.htmlRuns(y),
		"{{verdict}}", paragraphs(c.verdict(y)),
		"{{bars}}", c.htmlBars(),
		"{{phases}}", c.htmlPhases(y),
		"{{steps}}", c.htmlSteps(y),
	).Replace(compareBody)
}

// legend says what the signs mean, those that are used.
func (c Comparison) legend() string {
	text := "~ the other has it at another place; italics are inferred; red and ✗ are a failure, hatched is time in " +
		"which nothing works; times count from the beginning of each run, "
	for _, all := range c.moments {
		for _, t := range all {
			if strings.HasPrefix(t, "≈") {
				return text + "≈ is likely (±10 ms, or as it says), a…b is between a and b."
			}
		}
	}
	return text + "a…b is between a and b."
}

// htmlText is a string from anywhere as the text of an element, or an attribute's value.
func htmlText(s string) string { return html.EscapeString(Plain(s)) }

func paragraphs(all []string) string {
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "<p>%s</p>\n", htmlText(s))
	}
	return b.String()
}

func (c Comparison) htmlRuns(y Style) string {
	var b strings.Builder
	for _, s := range compare.Sides {
		fmt.Fprintf(&b, "<section class=%q>\n<p><span class=\"tag\">%s</span> %s</p>\n<p class=\"outcome %s\">%s</p>\n", s, s,
			htmlText(c.about(s)), c.Reports[s].mood(), htmlText(c.Reports[s].headline()))
		if lines := c.Reports[s].obstacle(); len(lines) > 0 {
			b.WriteString("<dl>\n")
			for _, l := range lines {
				fmt.Fprintf(&b, "<dt>%s</dt><dd>%s</dd>\n", htmlText(l.title), htmlText(l.text()))
			}
			b.WriteString("</dl>\n")
		}
		b.WriteString("</section>\n")
	}
	return b.String()
}

// htmlBars draws the phases of both runs on one scale of time, each from where it is likeliest to have begun to where
// it is likeliest to have ended. Waits are hatched; a name is whole, or absent.
func (c Comparison) htmlBars() string {
	longest := time.Duration(0)
	each := func(do func(side compare.Side, phase *seq.Phase, from, to time.Duration)) {
		for _, p := range c.Phases {
			for s, q := range p.Sides {
				if q == nil {
					continue
				}
				for _, part := range q.Parts {
					zero := c.Runs[s].Origin
					do(compare.Side(s), q, max(0, part.Likely.Earliest.Sub(zero)), part.Likely.Latest.Sub(zero))
				}
			}
		}
	}
	each(func(_ compare.Side, _ *seq.Phase, _, to time.Duration) { longest = max(longest, to) })
	if longest <= 0 {
		return ""
	}
	var bars [2]strings.Builder
	each(func(s compare.Side, p *seq.Phase, from, to time.Duration) {
		x, width := 100*from.Seconds()/longest.Seconds(), 100*(to-from).Seconds()/longest.Seconds()
		place := fmt.Sprintf(`x="%.2f%%" width="%.2f%%" height="26"`, x, max(.2, width))
		fmt.Fprintf(&bars[s], `<rect class="%s" %s><title>%s</title></rect>`, phaseClass(p.Name), place, htmlText(p.Name))
		if p.Waiting {
			fmt.Fprintf(&bars[s], `<rect class="waits" %s/>`, place)
		}
		if textWidth(p.Name, textSize)*1.2+8 < width/100*narrowestBar {
			fmt.Fprintf(&bars[s], `<text x="%.2f%%" y="18">%s</text>`, x+width/2, htmlText(p.Name))
		}
	})
	var b strings.Builder
	for _, s := range compare.Sides {
		fmt.Fprintf(&b, "<div class=\"bar %s\"><span class=\"tag\">%s</span><svg role=\"img\" aria-label=\"Phases of %s\">"+
			"<pattern id=\"hatch%s\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"+
			"<path d=\"M-1 1l2 -2M0 8l8 -8M7 9l2 -2\"/></pattern>%s</svg></div>\n", s, s, s, s, bars[s].String())
	}
	fmt.Fprintf(&b, "<div class=\"axis\"><span>0</span><span>%s</span></div>", duration(longest))
	return b.String()
}

// narrowestBar is how narrow a bar may be, in pixels, with what is written in it.
const narrowestBar = 640

func (c Comparison) htmlPhases(y Style) string {
	var b strings.Builder
	for _, p := range c.Phases {
		var known [2]string
		for s, q := range p.Sides {
			if q != nil {
				known[s] = y.tookIn(lastedOf(*q), y.seconds)
			}
		}
		class := "unknown"
		text, side, ok := y.difference(p)
		if ok {
			class = side.String() + " tag"
		}
		fmt.Fprintf(&b, "<tr><td class=%q>%s</td><td>%s</td><td>%s</td><td><span class=%q>%s</span></td></tr>\n",
			phaseClass(p.Name), htmlText(p.Name), htmlText(known[0]), htmlText(known[1]), class, htmlText(text))
	}
	return b.String()
}

func (c Comparison) htmlSteps(y Style) string {
	var b strings.Builder
	for _, s := range c.Steps {
		if s.Detail() <= y.Detail {
			c.htmlStep(&b, y, s)
		}
	}
	return b.String()
}

func (c Comparison) htmlStep(b *strings.Builder, y Style, s compare.Step) {
	m := lead(s)
	class, mark, gists := "", "", ""
	switch side, one := s.One(); {
	case one && s.Elsewhere >= 0:
		class, mark = side.String(), side.String()+" ~"
	case one:
		class, mark, gists = side.String()+" only", side.String(), m.Rule.Gist
	case s.Same:
		class = "same"
	}
	arrow, target := y.glyphs().request, names(s, toOf)
	switch m.Kind {
	case seq.DeliveryKind:
		arrow = y.glyphs().delivery
	case seq.NoteKind:
		arrow, target = y.glyphs().note, ""
	}
	kind := ""
	if slices.ContainsFunc(s.Sides[:], (*compare.Message).Fails) {
		kind = "failed "
	}
	if m.Certainty == seq.Inferred {
		kind += "inferred"
	}
	fmt.Fprintf(b, "<tr class=%q><td><span "+
		"class=\"tag\">%s</span></td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td class=%q>", class, mark,
		htmlText(c.at(s, compare.A)), htmlText(c.at(s, compare.B)), htmlText(short(names(s, fromOf))), arrow,
		htmlText(short(target)), kind)
	for i, t := range y.texts(s) {
		if i > 0 {
			b.WriteString("<br>")
		}
		b.WriteString(htmlText(t))
	}
	if gists != "" {
		fmt.Fprintf(b, "<p class=\"gist\">%s</p>", htmlText(gists))
	}
	fmt.Fprintf(b, "</td><td>%s</td></tr>\n", htmlText(y.lasted(s)))
}
