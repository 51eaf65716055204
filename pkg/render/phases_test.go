package render_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// A row stands in the same phase, whatever else is drawn. Only what the kubelet writes when another phase has begun, of
// which nothing else is drawn, stands in that of the row above.
func TestPhasesDoNotDependOnWhatIsDrawn(t *testing.T) {
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		whole := map[seq.Key]string{}
		for _, x := range render.FigureRows(r, seq.Full) {
			whole[x.Key] = x.Phase
		}
		for _, pods := range render.Selections {
			for _, detail := range []seq.Detail{seq.Brief, seq.Normal, seq.Full} {
				r.Pods = pods
				above := ""
				for _, x := range render.FigureRows(r, detail) {
					want := whole[x.Key]
					if x.Late {
						want = above
					}
					if x.Phase != want {
						t.Errorf("%s, --pods=%s, --detail=%s: %s stands in %q, of all rows in %q", s.Name, pods, detail, x.Label,
							x.Phase, want)
					}
					if !x.Folded {
						above = x.Phase
					}
				}
			}
		}
	}
}

// A call to the runtime stands in the phase that is named after it, in each life of a container, as far as phases are
// those of one Pod and the run was there when it began.
func TestCallsStandInTheirPhase(t *testing.T) {
	phases := map[string]string{"RunPodSandbox": "sandbox", "PullImage": "pull", "CreateContainer": "create",
		"StartContainer": "start"}
	for _, s := range scenario.All(t) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		named := map[string]bool{}
		for _, p := range r.Phases {
			named[p.Name] = true
		}
		for _, x := range render.FigureRows(r, seq.Brief) {
			call, _, _ := strings.Cut(x.Label, " ")
			switch want := phases[call]; {
			case want == "" || !named[want] || x.Phase == "" || x.Rule.Name == "container-ran":
			case x.Phase == "create+start" && (want == "create" || want == "start"): // of what only the status tells
			case x.Phase != want && x.Phase != "stop": // which interrupts all others
				t.Errorf("%s: %s, %s, stands in %q", s.Name, x.Label, x.Key, x.Phase)
			}
		}
	}
}

// A container's end does not stand in the phase in which its next life is made.
func TestExitsStandBeforeTheNextLife(t *testing.T) {
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		rows := render.FigureRows(r, seq.Full)
		for i, x := range rows {
			next := slices.IndexFunc(rows[i:], func(y render.FigureRow) bool { return strings.HasSuffix(y.Label, " returns") })
			if strings.HasPrefix(x.Label, "exits with ") && x.Phase == "create" && next >= 0 &&
				rows[i+next].Container == x.Container {
				t.Errorf("%s: %s, %s, stands in %q", s.Name, x.Label, x.Key, x.Phase)
			}
		}
	}
}

// What a phase waited for stands in it, and not in the one that follows.
func TestWritesStandInThePhaseTheyEnd(t *testing.T) {
	s := scenario.Named(t, "deployment")
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	ends := map[string]string{}
	for _, x := range render.FigureRows(r, seq.Full) {
		for _, p := range r.Phases {
			if p.Name != seq.Unknown && p.Parts[len(p.Parts)-1].End == x.Key {
				ends[p.Name] = x.Phase
			}
		}
	}
	for _, name := range []string{"control", "pods", "report"} {
		if ends[name] != name {
			t.Errorf("the end of %s stands in %q", name, ends[name])
		}
	}
}

// What the scheduler does once a Pod is stored is no part of its admission, though the answer is still under way.
func TestAdmissionEndsWithTheWrite(t *testing.T) {
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		posts := 0 // while a later one is answered, what came of an earlier one goes on
		for _, x := range r.Steps {
			if x.Rule.Name == "own-create" && x.Kind == seq.RequestKind {
				posts++
			}
		}
		if posts > 1 {
			continue
		}
		for _, x := range render.FigureRows(r, seq.Full) {
			if x.Phase == "admit" && (x.From == seq.Scheduler || x.To == seq.Scheduler || x.From == seq.Kubelet) {
				t.Errorf("%s: %s, %s, stands in %q", s.Name, x.Label, x.Key, x.Phase)
			}
		}
	}
}

// Every picture of a run that is held shows what proves that, as far as a message does.
func TestPicturesShowTheObstacle(t *testing.T) {
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		o := r.Outcome.Obstacle
		if o == nil {
			continue
		}
		tells := func(x *seq.Step) bool {
			return slices.ContainsFunc(o.Evidence, func(e seq.Evidence) bool {
				return e.ResourceVersion != "" && (e.ResourceVersion == x.ResourceVersion ||
					slices.ContainsFunc(x.Evidence, func(of seq.Evidence) bool { return of.ResourceVersion == e.ResourceVersion }))
			})
		}
		drawn := slices.ContainsFunc(render.FigureRows(r, seq.Brief), func(x render.FigureRow) bool { return tells(x.Step) })
		if !slices.ContainsFunc(r.Steps, func(x *seq.Step) bool { return x.To != seq.Etcd && tells(x) }) {
			continue
		}
		if !drawn {
			t.Errorf("%s: nothing shows %s, %q: %+v", s.Name, o.Name, o.Message, o.Evidence)
		}
		for _, format := range []string{"listing", "lanes"} {
			if !slices.ContainsFunc(render.LiveRows(r, format), tells) {
				t.Errorf("%s, -o %s: nothing shows %s, %q", s.Name, format, o.Name, o.Message)
			}
		}
	}
}

// A wait of which no message is drawn is drawn itself: what a run spent most of its time with is in every picture.
func TestPicturesShowWaits(t *testing.T) {
	for name, waits := range map[string][]string{"crash": {"restart", "back-off"}, "no-such-tag": {"retry"},
		"gated": {"gated"}, "pull-queue": nil} {
		s := scenario.Named(t, name)
		tr := scenario.Fold(s.Subject, s.Observations)
		r := scenario.Report(tr)
		r.Phases = tr.Phases(time.Time{}) // to the end of the recording
		for format, mark := range map[string]string{"mermaid": "Note left of kubectl: ", "lanes": "▾ "} {
			var b strings.Builder
			y := render.Style{Width: 140, Detail: seq.Brief}
			if err := render.Formats[format].Write(&b, r, y); err != nil {
				t.Fatal(err)
			}
			for _, wait := range waits {
				if !strings.Contains(b.String(), mark+wait) {
					t.Errorf("%s, -o %s: no %s", name, format, wait)
				}
			}
		}
	}
}

// The picture of a crash loop tells in order that the container ended, that this was reported, that the kubelet waits,
// and that it reports so when it tries again; no phase is drawn of which there is nothing but such a report.
func TestPicturesTellBackOffInOrder(t *testing.T) {
	s := scenario.Named(t, "crash")
	tr := scenario.Fold(s.Subject, s.Observations)
	r := scenario.Report(tr)
	r.Phases = tr.Phases(time.Time{})
	for format, want := range map[string][]string{
		"mermaid": {"kubectl: run", "exits with 1", "app exited 1", "kubectl: restart", "kubectl: back-off", "BackOff",
			"waits 10.0–11.6 s in all", "CrashLoopBackOff", "loop until", "kubectl: back-off"},
		"lanes": {"▾ run", "exits with 1", "app exited 1", "▾ restart", "▾ back-off", "BackOff", "▾ back-off",
			"10.0–11.6 s in all", "CrashLoopBackOff", "↻", "▾ back-off"},
	} {
		text := drawnAs(t, format, r, render.Style{Width: 160, Detail: seq.Normal})
		_, rest, _ := strings.Cut(text, "Running, app running")
		for _, w := range want {
			before, after, found := strings.Cut(rest, w)
			if !found {
				t.Errorf("-o %s: no %q after what comes before it:\n%s", format, w, text)
				break
			}
			if strings.Contains(before, "kubectl: create") || strings.Contains(before, "▾ create") {
				t.Errorf("-o %s: before %q is a phase of which nothing is drawn", format, w)
			}
			rest = after
		}
	}
}

// The picture has the same headings of phases as the lanes, also where what repeats stands between rows.
func TestPicturesHaveHeadings(t *testing.T) {
	heading := regexp.MustCompile(`<text class="phase"[^>]*>([a-z -]*[a-z-])`)
	for _, s := range scenario.All(t) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		for _, detail := range []seq.Detail{seq.Normal, seq.Full} {
			style := render.Style{Width: 200, Detail: detail}
			var want, is []string
			for line := range strings.Lines(drawnAs(t, "lanes", r, style)) {
				if name, ok := strings.CutPrefix(line, "▾ "); ok {
					want = append(want, regexp.MustCompile(`^[a-z-]+( [a-z-]+)*`).FindString(name))
				}
			}
			for _, m := range heading.FindAllStringSubmatch(drawnAs(t, "svg", r, style), -1) {
				is = append(is, m[1])
			}
			if d := cmp.Diff(want, is); d != "" && len(want) > 0 {
				t.Errorf("%s, --detail=%s (-lanes +picture):\n%s", s.Name, detail, d)
			}
		}
	}
}

// A picture that plays shows what repeats when it is over, and takes no time for what it does not draw.
func TestPicturesPlayWhatRepeats(t *testing.T) {
	s := repeated(t, 30)
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	svg := drawnAs(t, "svg", r, render.Style{Detail: seq.Normal, Animate: true})
	turns := regexp.MustCompile(`<g class="turns r(\d+)">`).FindAllStringSubmatch(svg, -1)
	if len(turns) == 0 {
		t.Fatal("nothing repeats")
	}
	for _, m := range turns {
		if !strings.Contains(svg, "@keyframes r"+m[1]+"{") {
			t.Errorf("row %s is there from the beginning", m[1])
		}
	}
	lasts, _ := strconv.Atoi(regexp.MustCompile(`animation:(\d+)ms`).FindStringSubmatch(svg)[1])
	rows := strings.Count(svg, `<g class="row `) + len(turns)
	if most := rows*1500 + 12000; lasts > most {
		t.Errorf("%d rows last %d ms", rows, lasts)
	}
}

// Lifelines, and the calls that go on, have no gaps where what repeats stands between rows.
func TestPicturesHaveNoGaps(t *testing.T) {
	s := scenario.Named(t, "repeats-liveness")
	svg := drawnAs(t, "svg", scenario.Report(scenario.Fold(s.Subject, s.Observations)), render.Style{Detail: seq.Normal})
	ends := map[string]float64{} // of each line, by its place
	for _, m := range regexp.MustCompile(`<path class="life k\d+" d="M([\d.]+) ([\d.]+)v([\d.]+)"/>`).
		FindAllStringSubmatch(svg, -1) {
		top, _ := strconv.ParseFloat(m[2], 64)
		long, _ := strconv.ParseFloat(m[3], 64)
		if end, ok := ends[m[1]]; ok && top > end+1 {
			t.Errorf("nothing from %.1f to %.1f at %s", end, top, m[1])
		}
		ends[m[1]] = top + long
	}
	if !strings.Contains(svg, "↻") {
		t.Error("nothing repeats")
	}
}
