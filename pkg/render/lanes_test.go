package render

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

func lanesOf(t *testing.T, y Style, r Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Formats["lanes"].Write(&b, r, y); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLanesAt100(t *testing.T) {
	r := sample()
	r.Outcome.Name = "Ready"
	want := strings.TrimPrefix(`
Pod default/web  image busybox:1, on lab (v1.37.2)
● observed  ○ inferred   +ms since the POST; ≈: likely, ±10 or as it says; a…b: between; …b: by b
                                                                                a-container-with-a-
                 kubectl         apiserver          kubelet            runc          long-name
+0                  │───────────────▶│ POST pods (web) │                │                │        ●
+6.4                │◀╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌│ 201 Created in 6.4 ms            │                │        ●
+12…65              │                │╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌▷│ watch: Pod web, yours           │        ○
+12…65              │                │◀────────────────│ PATCH pods/status: ContainerCreating     ●
                    │                │                 │ (app), Initialized revision 419 │
+15.0…15.2s         │                │                 │                │───── exec ────▷│        ○

Ready
Each revision is a write to etcd. The arrow of 1 is not drawn: --detail=full draws all.
`, "\n")
	if got := lanesOf(t, Style{Width: 100, Detail: seq.Normal}, r); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestLanesFitTheTerminal(t *testing.T) {
	r := sample()
	r.Outcome.Name = "Ready"
	r.Steps[3].Label = strings.Repeat("a long word ", 20) + " 漢字漢字"
	r.Steps[4].Label = strings.Repeat("漢字", 60)
	for _, width := range []int{64, 65, 80, 100, 101, 140, 200} {
		for _, y := range []Style{{Detail: seq.Normal}, {Detail: seq.Full, Explain: true},
			{Detail: seq.Normal, ASCII: true}} {
			y.Width = width
			out := lanesOf(t, y, r)
			for line := range strings.Lines(out) {
				if w := runewidth.StringWidth(strings.TrimSuffix(line, "\n")); w > width {
					t.Errorf("%d wide at %d: %q", w, width, line)
				}
			}
			if strings.Contains(out, "a listing instead") != (width < 64) {
				t.Errorf("at %d:\n%s", width, out)
			}
		}
	}
}

func TestLanesFallBackToTheListing(t *testing.T) {
	r := sample()
	r.Outcome.Name = "Ready"
	out := lanesOf(t, Style{Width: 48, Detail: seq.Normal}, r)
	if !strings.Contains(out, "5 lanes need 64 columns and there are 48: a listing instead.\n") ||
		!strings.Contains(out, "kubectl    → apiserver") {
		t.Errorf("%s", out)
	}
}

func TestLanesASCII(t *testing.T) {
	r := sample()
	r.Outcome.Name = "Ready"
	for i, b := range []byte(lanesOf(t, Style{Width: 100, ASCII: true, Detail: seq.Normal}, r)) {
		if b > 126 {
			t.Fatalf("byte %d is %x", i, b)
		}
	}
}

// While a run goes on, the lanes that it will need are there from the start, so that the picture does not jump; where
// there is no room for them, those with nothing on them go first.
func TestLanesAreExpected(t *testing.T) {
	r := sample()
	r.Run.Runtime = "containerd"
	r.Run.Expected = []seq.Participant{seq.Kubectl, seq.APIServer, seq.Etcd, seq.Scheduler, seq.Kubelet, seq.Runtime,
		seq.Runc, seq.Container("app")}
	r.Steps = r.Steps[:2]
	draw := func(width int) string {
		var b bytes.Buffer
		if err := NewLive("lanes", Style{Detail: seq.Normal}, &b, func() (int, int) { return width, 30 }).Update(r, 0,
			"waiting"); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if out := draw(120); !strings.Contains(out, "scheduler") || !strings.Contains(out, "runtime") ||
		!strings.Contains(out, "app") {
		t.Errorf("%s", out)
	}
	if out := draw(80); strings.Contains(out, "scheduler") || !strings.Contains(out, "apiserver") {
		t.Errorf("%s", out)
	}
}

// The names of the lanes stand above the first line that is drawn for good, and again when the lanes change.
func TestLanesNamedOnce(t *testing.T) {
	var b bytes.Buffer
	l := NewLive("lanes", Style{Width: 120, Detail: seq.Normal}, &b, nil)
	r := sample()
	whole := r.Steps
	r.Steps = whole[:2]
	for _, settled := range []int{1, 2} {
		if err := l.Update(r, settled, ""); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(b.String(), "kubectl"); n != 1 {
		t.Errorf("named %d times:\n%s", n, b.String())
	}
	r.Steps = whole
	if err := l.Finish(r); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "kubectl"); n != 2 {
		t.Errorf("named %d times:\n%s", n, b.String())
	}
}

func TestNothingFromAServerReachesTheLanesRaw(t *testing.T) {
	out := lanesOf(t, Style{Width: 200, Detail: seq.Full, Explain: true}, hostileSample())
	if strings.ContainsAny(out, "\x1b\u202e\x07\u0085\u200b") || strings.Contains(out, "\xff") {
		t.Errorf("%q", out)
	}
}
