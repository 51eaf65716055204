// Command pictures draws what the README and docs/pictures.md show of the recording that `kubectl seq demo` plays:
// docs/lanes.svg, and docs/page.png with Chromium. What is text in them, make docs writes.
package main

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/creack/pty"
	"github.com/mattn/go-runewidth"
)

func main() {
	if err := draw(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func draw() error {
	lanes, err := inTerminal("-o", "lanes")
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
	return exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--hide-scrollbars",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--window-size=1300,1330", "--screenshot=docs/page.png",
		"file://"+page).Run()
}

func demo(args ...string) (string, error) {
	cmd := exec.Command("go", append([]string{"run", "./cmd/kubectl-seq", "demo", "--speed=max"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return string(out), err
}

// inTerminal is what demo prints to a terminal of that many columns.
func inTerminal(args ...string) (string, error) {
	cmd := exec.Command("go", append([]string{"run", "./cmd/kubectl-seq", "demo", "--speed=max"}, args...)...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=")
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 100, Cols: columns})
	if err != nil {
		return "", err
	}
	defer f.Close()
	out, _ := io.ReadAll(f) // a terminal whose other end is closed is an error
	return strings.ReplaceAll(string(out), "\r", ""), cmd.Wait()
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
	columns    = 104              // what the names of all lanes need; the fewer, the larger is the text on a page
	slower     = 8                // than it was
	rest       = 20 * time.Second // complete, before it begins again
	cellWidth  = 8.4
	cellHeight = 19
	phase      = "▾ " // begins the line above the steps of one
)

var (
	sgr     = regexp.MustCompile("\x1b\\[([0-9;]*)m")
	timed   = regexp.MustCompile("^[+≈][0-9]") // a line with a step
	colours = map[string]string{"31": "#ff938a", "32": "#6fdd8b", "33": "#f0c060", "34": "#79b8ff", "35": "#d2a8ff",
		"36": "#56d4dd", "37": "#c9d1d9", "90": "#9aa4af", "92": "#a5e075", "94": "#a5b4fc", "95": "#f78ee8", "96": "#66d9ef"}
)

// animation is the text of a terminal as an SVG in which each step appears at its time. It is complete where nothing
// moves, and most of the time where something does.
func animation(text string, times []time.Duration) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	at := make([]time.Duration, len(lines))
	k := 0 // the next step
	for i := 1; i < len(lines); i++ {
		at[i] = at[i-1]
		switch line := sgr.ReplaceAllString(lines[i], ""); {
		case k < len(times) && timed.MatchString(line):
			at[i] = max(at[i], slower*times[k])
			k++
		case k < len(times) && strings.HasPrefix(line, phase):
			at[i] = max(at[i], slower*times[k])
		case k == len(times) && line == "": // the summary
			at[i] += 500 * time.Millisecond
		}
	}
	lasts := at[len(lines)-1] + rest
	var style, body strings.Builder
	for i, line := range lines {
		if at[i] == 0 {
			body.WriteString("<g>")
		} else {
			if at[i] != at[i-1] {
				p := 100 * at[i].Seconds() / lasts.Seconds()
				fmt.Fprintf(&style, ".s%d{animation-name:s%[1]d}@keyframes s%[1]d{0%%,%.2f%%{opacity:.1}%.2f%%,to{opacity:1}}\n",
					at[i].Milliseconds(), p, p+.01)
			}
			fmt.Fprintf(&body, `<g class="s%d">`, at[i].Milliseconds())
		}
		drawLine(&body, line, i)
		body.WriteString("</g>\n")
	}
	w, h := columns*cellWidth+24, len(lines)*cellHeight+24
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" fill="#e6edf3" viewBox="0 0 %.0f %d" width="%.0f" height="%d" role="img" aria-label="The start of a Pod as a sequence between lifelines, in a terminal">
<style>
text{font:14px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;white-space:pre}
g{animation:%dms infinite}
%s@media(prefers-reduced-motion){g{animation:none!important}}
</style>
<rect width="100%%" height="100%%" rx="8" fill="#0d1117"/>
%s</svg>
`, w, h, w, h, lasts.Milliseconds(), style.String(), body.String())
}

// drawLine draws the runs of one colour, each at its own cell so that no font can shift the rest.
func drawLine(b *strings.Builder, line string, row int) {
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
			fmt.Fprintf(b, `<text x="%.1f" y="%d" textLength="%.1f"%s>%s</text>`, 12+float64(cell)*cellWidth, 26+row*cellHeight,
				float64(n)*cellWidth, attributes, html.EscapeString(text))
		}
		cell += n
	}
}
