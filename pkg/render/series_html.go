package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/percentile"
)

// seriesHTML writes a series as one page: the verdicts, the percentiles and a histogram of each measure, and what tells
// the slowest run from the median.
func seriesHTML(w io.Writer, s Series, y Style) error {
	y.ASCII = false
	var b strings.Builder
	b.WriteString("<div class=\"verdict\">\n")
	fmt.Fprintf(&b, "<p>%s</p>\n", htmlText(s.headline(y)))
	for _, text := range s.failures() {
		fmt.Fprintf(&b, "<p class=\"failed\">%s</p>\n", htmlText(text))
	}
	legend := ""
	if len(s.Runs) > 0 {
		for _, j := range s.Judgements() {
			fmt.Fprintf(&b, "<p class=\"outcome\">%s</p>\n", htmlText(verdictOf(j)))
		}
		b.WriteString(paragraphs(s.notes(y)))
	}
	b.WriteString("</div>\n")
	if len(s.Runs) > 0 {
		b.WriteString(s.htmlMeasures(y))
	}
	if c, ok := s.Comparison(); ok {
		b.WriteString("<h2>" + htmlText("A "+c.Names[0]+", B "+c.Names[1]) + "</h2>\n" + c.htmlBody(y))
		legend = c.legend()
	}
	return stillPage(w, s.Name+": "+countOf(len(s.Runs), "run"), b.String(), legend)
}

// htmlMeasures is a row for each measure: its percentiles, and how many runs took how long.
func (s Series) htmlMeasures(y Style) string {
	var b strings.Builder
	b.WriteString("<section class=\"phases\" aria-label=\"Percentiles\">\n<table class=\"series\">\n<thead><tr><th></th>")
	for _, percent := range percents {
		fmt.Fprintf(&b, "<th>%s</th>", percentName(percent))
	}
	b.WriteString("<th>Runs, from 0 to the slowest</th></tr></thead>\n<tbody>\n")
	for _, m := range s.measures() {
		fmt.Fprintf(&b, "<tr><td class=%q>%s</td>", phaseClass(m.name), htmlText(m.name))
		for _, percent := range percents {
			v := percentile.Of(m.samples, percent)
			class := ""
			if v.Failed {
				class = "failed"
			}
			fmt.Fprintf(&b, "<td class=%q title=%q>%s</td>", class, fmt.Sprintf("run %d", v.Run), htmlText(y.percentile(v)))
		}
		fmt.Fprintf(&b, "<td class=%q>%s</td></tr>\n", phaseClass(m.name), m.histogram())
	}
	b.WriteString("</tbody>\n</table>\n</section>\n")
	return b.String()
}

// The size of a histogram: so many bars, each so wide and high at the most, in pixels.
const (
	histogramBars   = 30
	histogramWidth  = 9
	histogramHeight = 34
)

// histogram has a bar for each part of the time up to the longest run, as high as there are runs that likely took that
// long. Runs that failed have one of their own, after the others.
func (m measure) histogram() string {
	longest, failed := time.Duration(0), 0
	for _, x := range m.samples {
		if x.Failed {
			failed++
		} else {
			longest = max(longest, x.Likely)
		}
	}
	var counts [histogramBars]int
	for _, x := range m.samples {
		if !x.Failed && longest > 0 {
			counts[min(histogramBars-1, int(int64(x.Likely)*histogramBars/int64(longest)))]++
		}
	}
	most := failed
	for _, n := range counts {
		most = max(most, n)
	}
	var b strings.Builder
	bar := func(i, n int, class, title string) {
		if n > 0 {
			height := max(2, n*histogramHeight/most)
			fmt.Fprintf(&b, `<rect class=%q x="%d" y="%d" width="%d" height="%d"><title>%s</title></rect>`, class,
				i*histogramWidth, histogramHeight-height, histogramWidth-1, height, htmlText(title))
		}
	}
	for i, n := range counts {
		from, to := longest*time.Duration(i)/histogramBars, longest*time.Duration(i+1)/histogramBars
		bar(i, n, "", fmt.Sprintf("%s from %s to %s", countOf(n, "run"), duration(from), duration(to)))
	}
	bar(histogramBars+1, failed, "miss", countOf(failed, "run")+" failed")
	return fmt.Sprintf(`<svg class="histogram" role="img" aria-label="%s: how many runs took how long" viewBox="0 0 %d %d" `+
		`width="%[2]d" height="%[3]d">%s</svg>`, htmlText(m.name), (histogramBars+2)*histogramWidth, histogramHeight, b.String())
}
