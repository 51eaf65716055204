// Command pictures draws what the README shows, from the recording that `kubectl seq demo` plays: the listing and the
// Mermaid diagram in its text, docs/lanes.svg, and docs/page.png with Chromium.
package main

import (
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
)

func main() {
	if err := draw(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func draw() error {
	if err := readme(); err != nil {
		return err
	}
	lanes, err := demo("-o", "lanes", "--color=always")
	if err != nil {
		return err
	}
	times, err := instants()
	if err != nil {
		return err
	}
	if err := os.WriteFile("docs/lanes.svg", []byte(animation(lanes, times)), 0o644); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	page := filepath.Join(dir, "page.html")
	if _, err := demo("-o", "html="+page); err != nil {
		return err
	}
	return exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--window-size=1300,1330", "--screenshot=docs/page.png", "file://"+page).Run()
}

func demo(args ...string) (string, error) {
	cmd := exec.Command("go", append([]string{"run", "./cmd/kubectl-seq", "demo", "--speed=max"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return string(out), err
}

// readme replaces the blocks of the README that are output.
func readme() error {
	text, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	for _, block := range []struct{ fence, command string }{{"```\n$ kubectl seq demo\n", ""}, {"```mermaid\n", "-o mermaid --detail=brief"}} {
		out, err := demo(strings.Fields(block.command)...)
		if err != nil {
			return err
		}
		text = regexp.MustCompile("(?s)"+regexp.QuoteMeta(block.fence)+".*?```\n").ReplaceAllLiteral(text, []byte(block.fence+out+"```\n"))
	}
	return os.WriteFile("README.md", text, 0o644)
}

// instants are when the steps of the picture are likeliest to have happened, since the first.
func instants() ([]time.Duration, error) {
	out, err := demo("-o", "json")
	if err != nil {
		return nil, err
	}
	var all []time.Duration
	var first time.Time
	for line := range strings.Lines(out) {
		var s struct {
			Type, Detail string
			Best         time.Time
		}
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			return nil, err
		}
		if s.Type != "step" || s.Detail == "full" {
			continue
		}
		if first.IsZero() {
			first = s.Best
		}
		all = append(all, s.Best.Sub(first))
	}
	return all, nil
}

const (
	slower     = 8 // than it was
	cellWidth  = 8.4
	cellHeight = 19
	heading    = 3 // lines before the first step
)

var (
	sgr     = regexp.MustCompile("\x1b\\[([0-9;]*)m")
	colours = map[string]string{"31": "#ff938a", "32": "#6fdd8b", "33": "#f0c060", "34": "#79b8ff", "35": "#d2a8ff", "36": "#56d4dd", "94": "#a5b4fc", "95": "#f78ee8", "96": "#66d9ef"}
)

// animation is the text of a terminal as an SVG in which each step appears at its time, and all stays.
func animation(text string, times []time.Duration) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	var b strings.Builder
	width := 0
	at := time.Duration(0)
	for i, line := range lines {
		if k := i - heading; k >= 0 && k < len(times) {
			at = max(at, slower*times[k])
		} else if k == len(times) {
			at += 500 * time.Millisecond
		}
		fmt.Fprintf(&b, `<g style="animation-delay:%dms">`, at.Milliseconds())
		width = max(width, drawLine(&b, line, i))
		b.WriteString("</g>\n")
	}
	w, h := float64(width)*cellWidth+24, len(lines)*cellHeight+24
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" fill="#e6edf3" viewBox="0 0 %.0f %d" width="%.0f" height="%d" role="img" aria-label="The start of a Pod as a sequence between lifelines, in a terminal">
<style>text{font:14px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;white-space:pre}g{opacity:0;animation:a 1ms forwards}@keyframes a{to{opacity:1}}@media(prefers-reduced-motion){g{opacity:1;animation:none}}</style>
<rect width="100%%" height="100%%" rx="8" fill="#0d1117"/>
%s</svg>
`, w, h, w, h, b.String())
}

// drawLine draws the runs of one colour, each at its own cell so that no font can shift the rest, and returns the width.
func drawLine(b *strings.Builder, line string, row int) int {
	cell, style := 0, ""
	for len(line) > 0 {
		text := line
		if m := sgr.FindStringSubmatchIndex(line); m != nil {
			text = line[:m[0]]
			if m[0] == 0 {
				style, line = line[m[2]:m[3]], line[m[1]:]
				continue
			}
		}
		line = line[len(text):]
		n := runewidth.StringWidth(text)
		if strings.TrimSpace(text) != "" {
			attributes := ""
			for _, code := range strings.Split(style, ";") {
				switch {
				case colours[code] != "":
					attributes += ` fill="` + colours[code] + `"`
				case code == "1":
					attributes += ` font-weight="bold"`
				case code == "2":
					attributes += ` opacity=".55"`
				}
			}
			fmt.Fprintf(b, `<text x="%.1f" y="%d" textLength="%.1f"%s>%s</text>`, 12+float64(cell)*cellWidth, 26+row*cellHeight, float64(n)*cellWidth, attributes, html.EscapeString(text))
		}
		cell += n
	}
	return cell
}
