//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

// printed is what a run printed for people, read back.
type printed struct {
	rows  []truth.Row
	shown [][]int // by row, the steps that it shows
}

// readBack has what was printed beside each JSON text.
var readBack sync.Map

// besideJSON makes a run that is asked for JSON print the listing, too, as it does while it goes on: the JSON is in the
// file.
func besideJSON(t testing.TB, args []string) (changed []string, file string) {
	i, end := slices.Index(args, "-o"), slices.Index(args, "--")
	switch {
	case i < 0 || i+1 >= len(args) || args[i+1] != "json" || end >= 0 && end < i || args[0] == "compare":
		return args, ""
	case args[0] == "docker-run" && !slices.Contains(args, "sleep"):
		return args, ""
	case args[0] == "exec" && (end < 0 || strings.Join(args[end+1:], " ") != "kill 1"):
		// what it writes stands between the rows
		return args, ""
	}
	file = filepath.Join(t.TempDir(), "run.json")
	changed = slices.Concat(args[:i], []string{"-o", "listing", "-o", "json=" + file}, args[i+2:])
	if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--detail") }) {
		changed = slices.Insert(changed, i, "--detail=full")
	}
	if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--settle") }) {
		changed = slices.Insert(changed, i, "--settle=20s") // side by side on few cores, the status of an exit comes late
	}
	return changed, file
}

// holdPrinted holds a printed listing to the JSON of the same run, row by row, and returns the JSON.
func holdPrinted(t testing.TB, listing, file string, args []string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil || len(data) == 0 { // the run came to nothing
		return listing
	}
	d := parse(t, string(data))
	if len(d.steps) == 0 { // an error came before any row
		return string(data)
	}
	if p, err := readRows(d, listing, detailOf(args), slices.Contains(args, "--pods=all")); err != nil {
		t.Errorf("%s: %v; what was printed:\n%s", strings.Join(args, " "), err, listing)
	} else {
		readBack.Store(string(data), p)
	}
	return string(data)
}

func detailOf(args []string) string {
	for _, a := range args {
		if detail, ok := strings.CutPrefix(a, "--detail="); ok {
			return detail
		}
	}
	return "normal"
}

// readRows reads a listing back and finds the steps that its rows show.
func readRows(d document, listing, detail string, allPods bool) (p printed, err error) {
	zero := d.started
	if !d.looked.IsZero() {
		zero = d.looked
	}
	if p.rows, err = truth.ReadListing(listing, zero); err != nil {
		return p, err
	}
	messages := make([]truth.Message, len(d.steps))
	for i, s := range d.steps {
		messages[i] = truth.Message{From: s.From, To: s.To, Kind: s.Kind, Label: s.Label, Call: s.Call,
			ResourceVersion: s.ResourceVersion, Certainty: s.Certainty, Detail: s.Detail,
			Earliest: timeOf(s.Earliest), Latest: timeOf(s.Latest), Shown: timeOf(s.Shown),
			Best: timeOf(s.Best), Within: s.within(), Turns: d.turns[i]}
	}
	other := func(i int) bool { // of a Pod that is only counted
		return !allPods && slices.Index(d.pods, d.steps[i].About) > 0
	}
	p.shown, err = truth.Match(p.rows, messages, detail, other)
	return p, err
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// claims are what the rows say: in their order, with their certainty, at the times that they have.
func (p printed) claims(steps []step) []truth.Claim {
	all := claims(steps)
	var out []truth.Claim
	for k, r := range p.rows {
		for n, i := range p.shown[k] {
			c := all[i]
			c.InstantOnly = c.InstantOnly || n > 0 // a call stands where it begins; JSON says when it ended
			c.Observed, c.Earliest, c.Latest, c.At, c.Text = r.Observed, r.Earliest, r.Latest, time.Time{}, r.String()
			if c.Within = 0; r.Likely && n == 0 {
				c.At, c.Within = r.At, 10*r.Unit
			}
			out = append(out, c)
		}
	}
	return out
}

// ending is what the shell says once the plugin has ended.
const ending = "[ended]"

// onScreen runs the plugin in a terminal, and returns all that its screen and what scrolled off it have in the end.
func onScreen(t *testing.T, columns int, args ...string) (screen string, code string) {
	t.Helper()
	quoted := ""
	for _, a := range append([]string{plugin}, args...) {
		quoted += " '" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	socket, ended := filepath.Join(t.TempDir(), "tmux"), filepath.Join(t.TempDir(), "code")
	tmux := func(args ...string) string {
		out, err := exec.Command("tmux", append([]string{"-S", socket, "-f", "/dev/null", "-u"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %v: %v: %s", args, err, out)
		}
		return strings.TrimRight(string(out), "\n")
	}
	tmux("set-option", "-g", "history-limit", "100000", ";", "set-option", "-g", "remain-on-exit", "on", ";",
		"new-session", "-d", "-x", fmt.Sprint(columns), "-y", "50",
		"KUBECONFIG='"+placeOf(t).kubeconfig+"' NO_COLOR=1"+quoted+"; echo $? >"+ended+"; echo '"+ending+"'; sleep 1000")
	defer tmux("kill-server")
	capture := func() string { return tmux("capture-pane", "-p", "-S", "-") }
	// What is said after all that came has been read after it. The shell goes on: tmux may not read to its end what a
	// program wrote that has ended.
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 5*time.Minute, true,
		func(context.Context) (bool, error) {
			screen = capture()
			return strings.Contains(screen, "\n"+ending), nil
		})
	data, _ := os.ReadFile(ended)
	if code = strings.TrimSpace(string(data)); err != nil || code == "" {
		t.Fatalf("it does not end: %v\n%s", err, screen)
	}
	screen, _, _ = strings.Cut(screen, "\n"+ending)
	return screen, code
}

// What stands on the screen of a terminal in the end is what JSON says, for every verb; and so is what went into a
// pipe.
func TestPrinted(t *testing.T) {
	t.Parallel()
	made := func(t *testing.T) { start(t, "probes", isReady) }
	deployed := func(t *testing.T) {
		runKubectl(t, "", "delete", "deployment/screen", "--ignore-not-found", "--cascade=foreground", "--timeout=2m")
		runKubectl(t, "", "create", "deployment", "screen", "--image=busybox:1", "--replicas=2", "--", "sh", "-c",
			"trap exit TERM; while true; do sleep 0.1; done")
		runKubectl(t, "", "rollout", "status", "deployment/screen", "--timeout=2m")
		t.Cleanup(func() { runKubectl(t, "", "delete", "deployment/screen", "--ignore-not-found", "--grace-period=1") })
	}
	late := func(t *testing.T) {
		remove(t, "present")
		r := record(t)
		go func() {
			wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true,
				func(context.Context) (bool, error) {
					return waitsFor(t, r, "present"), nil
				})
			runKubectl(t, "", "create", "-f", scenarioFile("present"))
		}()
	}
	for name, c := range map[string]struct {
		before func(*testing.T)
		args   []string
		code   string
	}{
		"create-pod": {func(t *testing.T) { remove(t, "plain") },
			[]string{"create-pod", "-f", scenarioFile("plain"), "--rm"}, "0"},
		"create-deployment": {func(*testing.T) {},
			[]string{"create-deployment", "screened", "--image=busybox:1", "--replicas=2", "--rm", "--", "sleep", "1000"}, "0"},
		"repeats": {func(t *testing.T) { remove(t, "crash") },
			[]string{"create-pod", "-f", scenarioFile("crash"), "--until=completed", "--wait-anyway", "--timeout=45s",
				"--rm"}, "2"},
		"show":            {made, []string{"show", "pod/probes"}, "0"},
		"show-deployment": {deployed, []string{"show", "deployment/screen"}, "0"},
		"watch":           {made, []string{"watch", "pod/probes", "--until=ready"}, "0"},
		"watch-late":      {late, []string{"watch", "pod/present", "--wait", "--until=ready"}, "0"},
		"exec": {func(t *testing.T) { start(t, "trapped", ready) },
			[]string{"exec", "trapped", "--linger=1m", "--", "kill", "1"}, "0"},
		"delete-pod": {func(t *testing.T) { start(t, "graceful", running) }, []string{"delete-pod", "graceful"}, "0"},
		"delete":     {deployed, []string{"delete", "deployment/screen"}, "0"},
	} {
		for _, where := range []string{"pipe", "terminal"} {
			t.Run(name+"/"+where, func(t *testing.T) {
				apart(t)
				c.before(t)
				file := filepath.Join(t.TempDir(), "run.json")
				args := slices.Insert(slices.Clone(c.args), 1, "-o", "listing", "-o", "json="+file)
				listing, code := "", ""
				if where == "terminal" {
					listing, code = onScreen(t, 150, args...)
				} else {
					out, errOut, exit := runSeq(t, args...)
					if listing, code = out, fmt.Sprint(exit); exit != 0 {
						t.Log(errOut)
					}
				}
				if code != c.code {
					t.Errorf("exit %s", code)
				}
				holdPrinted(t, listing, file, args)
			})
		}
	}
}

// waitsFor reports whether somebody asks for a Pod that is not there: the plugin does, a moment after its watch is
// open.
func waitsFor(t *testing.T, r *records, name string) bool {
	t.Helper()
	asked := "/namespaces/" + namespace(t) + "/pods?"
	for line := range bytes.Lines(r.read(t, auditLog)) {
		if bytes.Contains(line, []byte(asked)) && bytes.Contains(line, []byte("fieldSelector=metadata.name%3D"+name)) {
			return true
		}
	}
	return false
}
