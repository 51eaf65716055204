package trace_test

import (
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// The indicator has what the run took until the watch told of it, but for images and init containers; and what the
// parts are bounded by, it is.
func TestStartup(t *testing.T) {
	for name, c := range map[string]struct {
		subtracted  []string
		notIncluded bool
	}{
		"plain": {subtracted: []string{"pull"}}, "init": {subtracted: []string{"init"}},
		"scheduled-eventtime": {notIncluded: true},
	} {
		s := scenario.Named(t, name)
		tr := scenario.Fold(s.Subject, s.Observations)
		x, ok := tr.Startup()
		if !ok {
			t.Errorf("%s: it has not started", name)
			continue
		}
		total := x.Observed.Sub(x.Created.Earliest)
		var subtracted []string
		var most time.Duration
		for _, p := range x.Subtracted {
			subtracted, most = append(subtracted, p.Name), most+p.Max
		}
		if x.Min < 0 || x.Took < x.Min || x.Max < x.Took || x.Max > total || x.Max+most < total {
			t.Errorf("%s: %v…%v, likely %v, of %v", name, x.Min, x.Max, x.Took, total)
		}
		if len(subtracted) != len(c.subtracted) || len(subtracted) > 0 && subtracted[0] != c.subtracted[0] {
			t.Errorf("%s: without %v, want %v", name, subtracted, c.subtracted)
		}
		if (x.NotIncluded != "") != c.notIncluded {
			t.Errorf("%s: not included: %q", name, x.NotIncluded)
		}
	}
}
