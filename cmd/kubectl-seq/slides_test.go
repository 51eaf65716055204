package main

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// slides are those of the lessons: a question for the class, and the run that answers it. A scenario is drawn;
// what has a space is part of the output that docs/lesson-service.md shows.
var slides = []struct{ title, question, of string }{
	{"The start of a Pod", "Who calls the scheduler? Who speaks to etcd?", "demo"},
	{"A wrong tag", "Which is the last arrow, and who waits for whom?", "no-such-tag"},
	{"kill 1", "Who notices that process 1 has ended? Who starts it again?", "exec-kill"},
	{"A Deployment", "Which arrow goes from one controller to another?", "deployment"},
	{"An owner is deleted, its Pods stay", "Who tells the garbage collector what belongs to what?",
		"delete-orphan-audit"},
	{"The end of a Pod, and of its traffic", "Who waits for whom?", "StopContainer app"},
	{"A preStop hook", "When does SIGTERM come now?", "delete-hook"},
}

const slideStyle = `html { scroll-snap-type: y mandatory; color-scheme: light dark; font: 3.2vmin sans-serif; }
body { margin: 0; }
section { height: 100vh; scroll-snap-align: start; box-sizing: border-box; padding: 1vmin 4vmin; break-after: page;
  display: grid; grid-template: auto 1fr / 30% 1fr; gap: 0 3vmin; }
h1 { font-size: 5vmin; }
img { grid-area: 1 / 2 / 3; width: 100%; height: 98vh; object-fit: contain; }
pre { grid-area: 2 / 1 / 3 / 3; margin-top: 20vh; font-size: 1.3vw; }`

// TestDocsSlides holds docs/slides.html and its pictures against the program; with -update (make docs) it writes them.
func TestDocsSlides(t *testing.T) {
	anywhere(t)
	want := map[string]string{}
	page := "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Slides of the lessons</title>\n" +
		"<style>\n" + slideStyle + "\n</style>\n"
	for _, s := range slides {
		shown := fmt.Sprintf(`<img src="slides/%s.svg" alt="%s">`, s.of, s.title)
		if strings.Contains(s.of, " ") {
			shown = "<pre>" + html.EscapeString(output(t, s.of)) + "</pre>"
		} else {
			want["docs/slides/"+s.of+".svg"] = picture(t, s.of)
		}
		page += fmt.Sprintf("<section>\n<h1>%s</h1>\n%s\n<p>%s</p>\n</section>\n",
			s.title, shown, s.question)
	}
	want["docs/slides.html"] = page
	there, err := filepath.Glob(top + "docs/slides/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range there {
		if want[strings.TrimPrefix(path, top)] == "" {
			t.Errorf("%s is on no slide", path)
		}
	}
	for path, text := range want {
		if *update {
			if err := os.WriteFile(top+path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(top + path)
		if err != nil || string(got) != text {
			t.Errorf("%s is not what the program draws (make docs writes it, -want +got): %v\n%s", path, err,
				cmp.Diff(text, string(got)))
		}
	}
}

// picture draws a scenario, or the recording of the demo.
func picture(t *testing.T, scenario string) string {
	args := []string{"demo"}
	if scenario != "demo" {
		args = []string{"replay", recordingOf(t, "pkg/trace/testdata/"+scenario+".txtar")}
	}
	out, _, err := replayed(t.Context(), append(args, "--speed=max", "--detail=brief", "-o", "svg")...)
	if besides(err) != nil {
		t.Fatal(err)
	}
	return out
}

// output is what the lesson about Services shows with a word in it.
func output(t *testing.T, word string) string {
	text, err := os.ReadFile(top + "docs/lesson-service.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)\n```\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(m[1], word) {
			return m[1]
		}
	}
	t.Fatalf("the lesson shows no output with %q", word)
	return ""
}
