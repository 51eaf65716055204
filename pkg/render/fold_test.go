package render_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

// repeated are the observations of a crash loop that has gone on for so many lives more: those of one life, again and
// again.
func repeated(t *testing.T, lives int) scenario.Scenario {
	t.Helper()
	s := scenario.Named(t, "repeats-crash")
	of := func(life int32) int { // the status that says that it was the last
		return slices.IndexFunc(s.Observations, func(o seq.Observation) bool {
			if o.Change == nil || o.Change.Pod == nil || len(o.Change.Pod.Status.ContainerStatuses) == 0 {
				return false
			}
			c := o.Change.Pod.Status.ContainerStatuses[0]
			return c.RestartCount == life && c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff"
		})
	}
	begin, end := of(2)+1, of(3)+1
	turn := s.Observations[begin:end]
	period := turn[len(turn)-1].Received.Sub(s.Observations[begin-1].Received)
	counts := map[string]int32{} // of each Event, in a turn
	for _, o := range turn {
		if o.Event != nil {
			counts[string(o.Event.Event.UID)]++
		}
	}
	all := slices.Clone(s.Observations[:end])
	for k := int32(1); k <= int32(lives); k++ {
		by := time.Duration(k) * period
		for _, o := range turn {
			text, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			var again seq.Observation
			if err := json.Unmarshal(text, &again); err != nil {
				t.Fatal(err)
			}
			again.Received = o.Received.Add(by)
			if e := again.Event; e != nil {
				e.Event.ResourceVersion = later(t, e.Event.ResourceVersion, k)
				e.Event.Count += k * counts[string(e.Event.UID)]
				e.Event.LastTimestamp.Time = e.Event.LastTimestamp.Add(by)
			}
			if c := again.Change; c != nil && c.Pod != nil {
				c.Pod.ResourceVersion = later(t, c.Pod.ResourceVersion, k)
				st := &c.Pod.Status.ContainerStatuses[0]
				st.RestartCount += k
				st.ContainerID += fmt.Sprint(k)
				for _, state := range []*corev1.ContainerState{&st.State, &st.LastTerminationState} {
					if x := state.Running; x != nil {
						x.StartedAt.Time = x.StartedAt.Add(by)
					}
					if x := state.Terminated; x != nil {
						x.StartedAt.Time, x.FinishedAt.Time = x.StartedAt.Add(by), x.FinishedAt.Add(by)
						x.ContainerID += fmt.Sprint(k)
					}
				}
			}
			all = append(all, again)
		}
	}
	s.Observations = all
	return s
}

func later(t *testing.T, revision string, turns int32) string {
	n, err := strconv.Atoi(revision)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(n + 100_000*int(turns))
}

// A hundred lives of a container fit a screen, with how many there were and what changed; all of them are in full.
func TestRepetitionsFitAScreen(t *testing.T) {
	s := repeated(t, 96)
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	for _, width := range []int{80, 120} {
		listing := drawnAs(t, "listing", r, render.Style{Width: width, Detail: seq.Normal})
		rows, _, _ := strings.Cut(listing, "\n\n")
		if n := strings.Count(rows, "\n"); n > 40 {
			t.Errorf("%d lines at %d columns:\n%s", n, width, listing)
		}
		text := strings.Join(strings.Fields(listing), " ")
		for _, want := range []string{"↻ 99 times more, 100 in all: container", "exit code 1"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, listing)
			}
		}
	}
	full := drawnAs(t, "listing", r, render.Style{Width: 120, Detail: seq.Full})
	if n := strings.Count(full, "  CreateContainer app"); n != 100 || strings.Contains(full, "↻") {
		t.Errorf("--detail=full has %d lives", n)
	}
	mermaid := drawnAs(t, "mermaid", r, render.Style{Detail: seq.Normal})
	if n := strings.Count(mermaid, "\n"); n > 80 || !strings.Contains(mermaid,
		"loop until container app stays up (99 times more, 100 in all") {
		t.Errorf("%d lines of Mermaid:\n%s", n, mermaid)
	}
	out := drawnAs(t, "json", r, render.Style{})
	if n := strings.Count(out, `"label":"CreateContainer app"`); n != 100 ||
		!strings.Contains(out, `"what":"container app is started again","until":"container app stays up","count":100`) {
		t.Errorf("JSON has %d lives", n)
	}
}

func drawnAs(t *testing.T, format string, r render.Report, y render.Style) string {
	t.Helper()
	var b bytes.Buffer
	write := render.Formats[format].Write
	if format == "json" {
		write = func(w io.Writer, r render.Report, _ render.Style) error { return render.JSON(w, r) }
	}
	if err := write(&b, r, y); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What is only appended to says at the 2nd, 4th, 8th, … time that it repeats, and in the end how often it did. A
// terminal has in the end what would have been drawn at once; while it goes on, the count is below what is final.
func TestRepetitionsLive(t *testing.T) {
	for _, s := range append(scenario.NamedAll(t, "repeats-deployment", "repeats-two", "repeats-pull", "repeats-schedule",
		"repeats-refused", "repeats-sandbox", "repeats-probe", "repeats-liveness"), repeated(t, 30)) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			var pipe bytes.Buffer
			var screen screen
			style := render.Style{Width: 100, Detail: seq.Normal}
			piped := render.NewLive("listing", style, &pipe, nil)
			shown := render.NewLive("listing", style, &screen, func() (int, int) { return 100, 40 })
			tr := trace.New(s.Subject)
			r := scenario.Report(tr)
			for i, o := range s.Observations {
				tr.Observe(o)
				if i%3 != 0 {
					continue
				}
				r = scenario.Report(tr)
				r.Outcome = render.Outcome{}
				settled := tr.Settled(3 * time.Second)
				if err := errors.Join(piped.Update(r, settled, ""), shown.Update(r, settled, "goes on")); err != nil {
					t.Fatal(err)
				}
			}
			r = scenario.Report(tr)
			if err := errors.Join(piped.Finish(r), shown.Finish(r)); err != nil {
				t.Fatal(err)
			}
			atOnce := labels(t, r, drawnAs(t, "listing", r, style))
			if d := cmp.Diff(atOnce, labels(t, r, strings.Join(screen.lines, "\n"))); d != "" {
				t.Errorf("at once, and on a terminal:\n%s", d)
			}
			most := 0
			for _, c := range r.Cycles {
				if c.Name != "probe" && c.Name != "trouble" {
					most = max(most, c.Turns[len(c.Turns)-1].Number)
				}
			}
			for n := 2; n <= most; n *= 2 {
				want := regexp.MustCompile(fmt.Sprintf(`↻ .*the %d(nd|th) time: `, n))
				if !want.MatchString(pipe.String()) {
					t.Errorf("%d times in all, but no %q in\n%s", most, want, pipe.String())
				}
			}
		})
	}
}

// labels are what the rows of a listing say: their times have more digits the more is known when they are printed.
func labels(t *testing.T, r render.Report, listing string) (all []string) {
	t.Helper()
	rows, err := truth.ReadListing(listing, r.Run.Origin)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range rows {
		all = append(all, x.From+" "+x.Arrow+" "+x.To+" "+x.Label)
	}
	return all
}

// screen is a terminal without an edge.
type screen struct {
	lines   []string
	at      int
	written bool // in this line
}

var escapes = regexp.MustCompile(`\x1b\[(\d*)([AJK])\r?|\n|[^\x1b\n]+`)

func (s *screen) Write(b []byte) (int, error) {
	for _, m := range escapes.FindAllSubmatch(b, -1) {
		for s.at >= len(s.lines) {
			s.lines = append(s.lines, "")
		}
		switch n, _ := strconv.Atoi(string(m[1])); {
		case string(m[2]) == "A":
			s.at -= n
		case string(m[2]) == "J":
			s.lines = s.lines[:s.at]
		case string(m[2]) == "K":
			if !s.written {
				s.lines[s.at] = ""
			}
		case string(m[0]) == "\n":
			s.at, s.written = s.at+1, false
		default:
			s.lines[s.at], s.written = string(m[0]), true
		}
	}
	return len(b), nil
}

// A row of what repeats is where it ends: before what ends it, such as the node that fits.
func TestRepetitionsEnd(t *testing.T) {
	subject := seq.Object{Kind: "Pod", Name: "a", UID: "1"}
	rule := &seq.Rule{Name: "unschedulable"}
	var steps []*seq.Step
	cycle := seq.Cycle{Name: "schedule", Object: subject, What: "no node fits", Until: "a node fits"}
	add := func(label, uid string) {
		at := time.Unix(int64(100+len(steps)), 0)
		s := &seq.Step{Key: seq.Key(fmt.Sprint(len(steps))), From: seq.Scheduler, To: seq.Scheduler,
			Kind: seq.NoteKind, Label: label, About: uid, Rule: rule, Detail: seq.Brief, Certainty: seq.Observed}
		s.SetInstant(at, time.Millisecond)
		steps = append(steps, s)
		if label == "FailedScheduling" {
			cycle.Turns = append(cycle.Turns, seq.Turn{Number: len(cycle.Turns) + 1, Steps: []seq.Key{s.Key}})
		}
	}
	failed := "FailedScheduling"
	for _, label := range []string{failed, failed, "other", failed, "picks", "is ready"} {
		uid := "1"
		if label == "other" {
			uid = "2"
		}
		add(label, uid)
	}
	r := render.Report{Run: seq.Run{Origin: time.Unix(100, 0)}, Steps: steps, Cycles: []seq.Cycle{cycle}}
	want := []string{"scheduler ◆ scheduler FailedScheduling", "scheduler ◆ scheduler other",
		"scheduler ↻ scheduler 2 times more, 3 in all: no node fits; about every 2.00 s", "scheduler ◆ scheduler picks",
		"scheduler ◆ scheduler is ready"}
	is := labels(t, r, drawnAs(t, "listing", r, render.Style{Width: 120, Detail: seq.Normal}))
	if d := cmp.Diff(want, is); d != "" {
		t.Error(d)
	}
}

// The row of what repeats tells of each turn that it counts how it ended, also where that end has a row of its own.
func TestRepetitionsTellOfEachTurn(t *testing.T) {
	s := scenario.Named(t, "repeats-crash")
	for _, o := range s.Observations {
		if o.Change == nil || o.Change.Pod == nil {
			continue
		}
		for i := range o.Change.Pod.Status.ContainerStatuses {
			c := &o.Change.Pod.Status.ContainerStatuses[i]
			last := c.RestartCount - 1 // the life that ended before this state
			if c.State.Waiting != nil {
				last = c.RestartCount
			}
			if x := c.State.Terminated; x != nil && c.RestartCount == 3 {
				x.ExitCode, x.Reason, x.StartedAt.Time = 137, "OOMKilled", x.FinishedAt.Add(-15*time.Minute)
			}
			if x := c.LastTerminationState.Terminated; x != nil && last == 3 {
				x.ExitCode, x.Reason, x.StartedAt.Time = 137, "OOMKilled", x.FinishedAt.Add(-15*time.Minute)
			}
		}
	}
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	listing := strings.Join(strings.Fields(drawnAs(t, "listing", r, render.Style{Width: 120, Detail: seq.Normal})), " ")
	for _, want := range []string{"◆ exits with 137 (OOMKilled)", "7 times more, 8 in all: container app is started again",
		"exit code 1 or ● 137 (OOMKilled); back-off 10s → … → 5m0s; stayed up 15m0s"} {
		if !strings.Contains(listing, want) {
			t.Errorf("no %q in\n%s", want, listing)
		}
	}
}

// How often it came does not depend on how much is drawn.
func TestRepetitionsCountWhatIsHidden(t *testing.T) {
	counts := regexp.MustCompile(`(\d+ in all|the \d+\w\w time): (.*?)(; |  |$)`)
	for _, s := range scenario.NamedAll(t, "repeats-schedule", "repeats-pull", "repeats-crash", "repeats-probe",
		"repeats-sandbox") {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		for _, format := range []string{"listing", "lanes", "svg"} {
			of := func(detail seq.Detail) map[string]string {
				all := map[string]string{}
				text := drawnAs(t, format, r, render.Style{Width: 300, Detail: detail})
				for _, m := range counts.FindAllStringSubmatch(text, -1) {
					all[m[2]] = m[1]
				}
				return all
			}
			brief, normal := of(seq.Brief), of(seq.Normal)
			for what, is := range brief {
				if is != normal[what] {
					t.Errorf("%s, %s, %s: %s in brief, else %s", s.Name, format, what, is, normal[what])
				}
			}
			if len(brief) == 0 && s.Name == "repeats-schedule" {
				t.Errorf("%s in brief has nothing that repeats", format)
			}
		}
	}
}

// A client drops Events after so many: then they are counted as what there was at least. Lives are counted by the
// status.
func TestRepetitionsCountWhatMayBeDropped(t *testing.T) {
	for name, want := range map[string]string{"repeats-probe": "24 times more, at least 25 in all",
		"repeats-schedule": "24 times more, at least 25 in all", "repeats-crash": "7 times more, 8 in all"} {
		s := scenario.Named(t, name)
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		if is := drawnAs(t, "listing", r, render.Style{Width: 120, Detail: seq.Normal}); !strings.Contains(is, want) {
			t.Errorf("%s: no %q in\n%s", name, want, is)
		}
	}
}

// A loop stands within the background of a phase only if all that it repeats does.
func TestLoopsStandInTheirPhase(t *testing.T) {
	for name, within := range map[string]string{"repeats-crash": "", "repeats-pull": "", "repeats-two": "",
		"repeats-probe": "probing"} {
		s := scenario.Named(t, name)
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		phase, loops := "", 0
		lines := strings.Split(drawnAs(t, "mermaid", r, render.Style{Detail: seq.Normal}), "\n")
		for i, line := range lines {
			switch word, _, _ := strings.Cut(strings.TrimSpace(line), " "); word {
			case "rect":
				_, note, _ := strings.Cut(lines[i+1], ": ")
				phase, _, _ = strings.Cut(note, "<br/>")
			case "end":
				phase = ""
			case "loop":
				if loops++; phase != within {
					t.Errorf("%s: the loop stands in %q, want %q: %s", name, phase, within, line)
				}
			}
		}
		if loops == 0 {
			t.Errorf("%s: no loop", name)
		}
	}
}

// What repeats is counted also where a picture leaves out all of it but the first, and what has not ended goes on.
func TestRepetitionsThatAreHidden(t *testing.T) {
	for name, want := range map[string]string{
		"repeats-probe":      "24 times more, at least 25 in all: the readiness probe of container app fails",
		"unhealthy":          "5 times more, 6 in all: the readiness probe of container app fails",
		"repeats-deployment": "container app is started again",
		"repeats-liveness":   "the last still runs",
	} {
		s := scenario.Named(t, name)
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		for _, format := range []string{"listing", "lanes", "mermaid", "svg"} {
			text := drawnAs(t, format, r, render.Style{Width: 200, Detail: seq.Brief})
			want := want
			if format == "mermaid" { // in which it is a loop
				want, _, _ = strings.Cut(want, ": ")
				want = strings.Replace(want, "container app is started again", "until container app stays up", 1)
			}
			if format == "svg" { // whose lines are elements of their own
				text = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(text, " ")
			}
			if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
				t.Errorf("%s, -o %s: no %q in\n%s", name, format, want, text)
			}
		}
	}
	for name, runs := range map[string]bool{"repeats-crash": false, "repeats-liveness": true} {
		s := scenario.Named(t, name)
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		text := drawnAs(t, "listing", r, render.Style{Width: 200, Detail: seq.Normal})
		if strings.Contains(text, "the last still runs") != runs {
			t.Errorf("%s: that the last still runs is %v:\n%s", name, runs, text)
		}
	}
}
