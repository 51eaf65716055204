package render

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/compare"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

var (
	//go:embed page/compare.html
	compareHTMLPage string
	//go:embed page/compare.css
	compareCSS string
)

// compareHTML writes a comparison as one page that needs nothing else. It has no script; its security policy admits its
// own style only.
func compareHTML(w io.Writer, c Comparison, y Style) error {
	y.ASCII = false
	style := compareCSS + phaseStyles()
	c.moments = c.times(y)
	_, err := strings.NewReplacer(
		"{{title}}", htmlText("A "+c.Names[compare.A]+", B "+c.Names[compare.B]),
		"{{policy}}", "default-src 'none'; style-src "+digest(style)+"; base-uri 'none'; form-action 'none'",
		"{{style}}", style,
		"{{runs}}", c.htmlRuns(y),
		"{{verdict}}", paragraphs(c.verdict(y)),
		"{{bars}}", c.htmlBars(),
		"{{phases}}", c.htmlPhases(y),
		"{{steps}}", c.htmlSteps(y),
		"{{legend}}", htmlText("~ the other has it at another place; italics are inferred; times count from the "+
			"beginning of each run, ≈ is likely (95 of 100 within 10 of the last digit), a…b is between a and b."),
	).WriteString(w, compareHTMLPage)
	return err
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
		fmt.Fprintf(&b, "<section class=%q>\n<p><span class=\"tag\">%s</span> %s</p>\n<p class=\"outcome\">%s</p>\n", s, s,
			htmlText(c.about(s, y)), htmlText(c.Reports[s].headline()))
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
// it is likeliest to have ended.
func (c Comparison) htmlBars() string {
	longest := time.Duration(0)
	each := func(do func(side compare.Side, name string, from, to time.Duration)) {
		for _, p := range c.Phases {
			for s, q := range p.Sides {
				if q == nil {
					continue
				}
				for _, part := range q.Parts {
					zero := c.Runs[s].Origin
					do(compare.Side(s), p.Name, max(0, part.Likely.Earliest.Sub(zero)), part.Likely.Latest.Sub(zero))
				}
			}
		}
	}
	each(func(_ compare.Side, _ string, _, to time.Duration) { longest = max(longest, to) })
	if longest <= 0 {
		return ""
	}
	var bars [2]strings.Builder
	each(func(s compare.Side, name string, from, to time.Duration) {
		x, width := 1000*from.Seconds()/longest.Seconds(), 1000*(to-from).Seconds()/longest.Seconds()
		fmt.Fprintf(&bars[s], `<rect class="%s" x="%.2f" y="0" width="%.2f" height="10"><title>%s</title></rect>`,
			phaseClass(name), x, max(1, width), htmlText(name))
	})
	var b strings.Builder
	for _, s := range compare.Sides {
		fmt.Fprintf(&b, "<div class=\"bar %s\"><span class=\"tag\">%s</span><svg viewBox=\"0 0 1000 10\" "+
			"preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Phases of %s\">%s</svg></div>\n", s, s, s, bars[s].String())
	}
	fmt.Fprintf(&b, "<div class=\"axis\"><span>0</span><span>%s</span></div>", duration(longest))
	return b.String()
}

func (c Comparison) htmlPhases(y Style) string {
	var b strings.Builder
	for _, p := range c.Phases {
		var known [2]string
		for s, q := range p.Sides {
			if q != nil {
				known[s] = y.took(lastedOf(*q))
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
	inferred := ""
	if m.Certainty == seq.Inferred {
		inferred = ` class="inferred"`
	}
	fmt.Fprintf(b, "<tr class=%q><td><span "+
		"class=\"tag\">%s</span></td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td%s>", class, mark,
		htmlText(c.at(s, compare.A)), htmlText(c.at(s, compare.B)), htmlText(short(names(s, fromOf))), arrow,
		htmlText(short(target)), inferred)
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
