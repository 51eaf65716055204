package render

// A map as a page.

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

var (
	//go:embed page/map.html
	mapPage string
	//go:embed page/map.css
	mapCSS string
)

// mapStyle is that of a page with a map.
func mapStyle() string { return pageCSS + mapPictureCSS + mapCSS }

// mapHTML writes a map as one page that needs nothing else: the picture, and for each arrow what opens at a click.
func mapHTML(w io.Writer, m apimap.Map, y Style) error {
	script := joined("map")
	return fillMap(w, m, y, script, "default-src 'none'; style-src "+digest(mapStyle())+"; script-src "+digest(script)+
		"; base-uri 'none'; form-action 'none'")
}

// LiveMap is the page of a map beside a run that goes on: it asks where it came from for map.html anew whenever the run
// has something new, and lights up the messages that have come. Policy is its Content-Security-Policy.
func LiveMap(m apimap.Map, y Style) (page []byte, policy string, err error) {
	script := joined("map", "map-live")
	policy = livePolicy(mapStyle(), script)
	var b bytes.Buffer
	err = fillMap(&b, m, y, script, policy)
	return b.Bytes(), policy, err
}

func fillMap(w io.Writer, m apimap.Map, y Style, script, policy string) error {
	var listing bytes.Buffer // for readers without scripts
	y.ASCII, y.Color, y.Width, y.Detail = false, false, FileWidth, seq.Full
	if err := mapListing(&listing, m, y); err != nil {
		return err
	}
	l := layoutMap(m)
	drawing, panels := l.drawing(), l.panels()
	var notes strings.Builder
	for _, x := range m.Left {
		fmt.Fprintf(&notes, "<li>Not drawn: %s.</li>", htmlText(leftText(x)))
	}
	for _, h := range hiddenTexts(m) {
		fmt.Fprintf(&notes, "<li>Not seen: %s.</li>", htmlText(h))
	}
	taken := ""
	if !m.Taken.IsZero() {
		taken = " · read " + m.Taken.UTC().Format("2006-01-02 15:04 UTC")
	}
	_, err := strings.NewReplacer(
		"{{title}}", htmlText(mapTitle(m)),
		"{{outcome}}", fmt.Sprintf("%d APIs", len(m.APIs)),
		"{{where}}", htmlText(mapWhere(m)+taken),
		"{{policy}}", policy,
		"{{style}}", mapStyle(),
		"{{script}}", script,
		"{{notes}}", notes.String(),
		"{{digest}}", digest(drawing+panels),
		"{{picture}}", fmt.Sprintf(`<svg viewBox="0 0 %.0f %.0f" width="%[1]g" height="%[2]g" role="group" aria-label="%s">%s</svg>`,
			math.Ceil(l.width), math.Ceil(l.height), htmlText(mapTitle(m)), drawing),
		"{{panels}}", panels,
		"{{run}}", l.run(),
		"{{legend}}", htmlText(mapLegend),
		"{{listing}}", html.EscapeString(listing.String()),
	).WriteString(w, mapPage)
	return err
}

// run is the messages of a run, each with the arrow or the component that it lights up; a delivery goes against the
// arrow of who watches.
func (l *mapLayout) run() string {
	if len(l.m.Run) == 0 {
		return ""
	}
	at := func(from, to string) int {
		return slices.IndexFunc(l.links, func(k link) bool { return k.from == from && k.to == to })
	}
	var b strings.Builder
	b.WriteString(`<section id="run" aria-label="Messages of the run"><h2>The run</h2><ol>`)
	for _, x := range l.m.Run {
		place, k := "", at(x.From, x.To)
		if k < 0 {
			k = at(x.To, x.From)
		}
		switch {
		case k >= 0:
			place = fmt.Sprintf(` data-link="%d"`, k)
		default:
			i := slices.IndexFunc(l.m.Components, func(c apimap.Component) bool { return c.ID == x.To })
			place = fmt.Sprintf(` data-component="%d"`, i)
		}
		class := ""
		if x.Certainty == seq.Inferred {
			class = ` class="inferred"`
		}
		names := mapName(l.m, x.From)
		if x.From != x.To {
			names += " → " + mapName(l.m, x.To)
		}
		fmt.Fprintf(&b, `<li%s%s tabindex="0"><b>%s</b> %s</li>`, place, class, htmlText(names), htmlText(x.Label))
	}
	b.WriteString("</ol></section>\n")
	return b.String()
}

// panels are what opens at each arrow.
func (l *mapLayout) panels() string {
	var b strings.Builder
	for i, k := range l.links {
		fmt.Fprintf(&b, `<section data-link="%d" hidden><h2>%s → %s</h2>`, i, htmlText(mapName(l.m, k.from)), htmlText(mapName(l.m, k.to)))
		for _, j := range k.apis {
			l.panel(&b, l.m.APIs[j])
		}
		b.WriteString("</section>\n")
	}
	return b.String()
}

func (l *mapLayout) panel(b *strings.Builder, a apimap.API) {
	sign := "● read from this cluster"
	if a.Certainty == seq.Inferred {
		sign = "○ known of Kubernetes"
	}
	mark := map[string]string{apimap.Allowed: "✓", apimap.Denied: "✗"}[a.You.Allowed]
	if mark == "" {
		mark = "?"
	}
	fmt.Fprintf(b, "<div><h3>%s</h3><dl>", htmlText(a.Name))
	for _, x := range [][2]string{{"where", what(a)}, {"identity", a.Authentication}, {"", sign}, {"proof",
		proofText(a.Proof)},
		{"note", a.Note}} {
		if x[1] != "" {
			fmt.Fprintf(b, "<dt>%s</dt><dd>%s</dd>", x[0], htmlText(x[1]))
		}
	}
	fmt.Fprintf(b, `<dt>you</dt><dd><span class="%s">%s</span> %s</dd>`, a.You.Allowed, mark, htmlText(a.You.Permission))
	fmt.Fprintf(b, "<dt>try</dt><dd>%s<code>%s</code></dd></dl></div>", htmlText(map[bool]string{true: "on node " +
		a.Try.On + ", as root: "}[a.Try.On != ""]),
		htmlText(a.Try.Command))
}
