package percentile

import (
	"math/rand/v2"
	"testing"
	"time"
)

func exact(took ...time.Duration) (all []Sample) {
	for i, d := range took {
		all = append(all, Sample{Run: i + 1, Min: d, Max: d, Likely: d})
	}
	return all
}

func TestNearestRank(t *testing.T) {
	five := exact(15, 20, 35, 40, 50)
	for percent, want := range map[float64]time.Duration{5: 15, 30: 20, 40: 20, 50: 35, 99: 50, 0.1: 15} {
		if v := Of(five, percent); v.Min != want || v.Max != want || v.Likely != want {
			t.Errorf("p%v of 15 20 35 40 50 = %v…%v, likely %v; want %v", percent, v.Min, v.Max, v.Likely, want)
		}
	}
	if v := Of(five, 50); v.Run != 3 {
		t.Errorf("the median is run %d", v.Run)
	}
}

// Whatever the runs really took within their bounds, their percentile is within its own.
func TestBoundsHoldForAllThatMayBeTrue(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var bounds, truth []Sample
		for i := range 1 + random.IntN(20) {
			low := time.Duration(random.IntN(100))
			high := low + time.Duration(random.IntN(50))
			took := low + time.Duration(random.IntN(int(high-low)+1))
			bounds = append(bounds, Sample{Run: i + 1, Min: low, Max: high, Likely: (low + high) / 2})
			truth = append(truth, Sample{Run: i + 1, Min: took, Max: took, Likely: took})
		}
		for _, percent := range []float64{1, 50, 90, 99} {
			is, of := Of(truth, percent), Of(bounds, percent)
			if is.Likely < of.Min || is.Likely > of.Max {
				t.Fatalf("p%v is %v, and was said to be in %v…%v", percent, is.Likely, of.Min, of.Max)
			}
			if of.Likely < of.Min || of.Likely > of.Max {
				t.Fatalf("p%v is likely %v, beyond %v…%v", percent, of.Likely, of.Min, of.Max)
			}
		}
	}
}

// A run that failed is no short one.
func TestFailuresAreTheLongest(t *testing.T) {
	all := append(exact(30, 10, 20), Sample{Run: 4, Failed: true})
	if v := Of(all, 50); v.Failed || v.Likely != 20 || v.Run != 3 {
		t.Errorf("the median is %+v", v)
	}
	if v := Of(all, 99); !v.Failed || v.Run != 4 {
		t.Errorf("p99 is %+v, not the failure", v)
	}
}

func TestVerdicts(t *testing.T) {
	under := func(n int) []Sample { return exact(make([]time.Duration, n)...) }
	over := func(n int) (all []Sample) {
		for range n {
			all = append(all, Sample{Min: 6 * time.Second, Max: 6 * time.Second})
		}
		return all
	}
	across := []Sample{{Min: 4 * time.Second, Max: 6 * time.Second}}
	for _, c := range []struct {
		objective string
		samples   []Sample
		want      Verdict
		decisive  int
	}{
		{"p90<5s", under(28), Undecided, 29},
		{"p90<5s", under(29), Kept, 0},
		{"p95<5s", under(58), Undecided, 59},
		{"p95<5s", under(59), Kept, 0},
		{"p99<5s", under(298), Undecided, 299},
		{"p99<5s", under(299), Kept, 0},
		{"p95<5s", append(under(92), over(1)...), Kept, 0}, // one miss of 93
		{"p95<5s", append(under(91), over(1)...), Undecided, 93},
		{"p95<5s", append(under(91), across...), Undecided, 93}, // it may have missed
		{"p99<5s", over(1), Broken, 0},                          // less than 1 of 100 would be that unlucky
		{"p50<5s", append(under(2), over(3)...), Undecided, 13},
		{"p50<5s", over(5), Broken, 0},
		{"p50<5s", []Sample{{Failed: true}, {Failed: true}, {Failed: true}, {Failed: true}, {Failed: true}}, Broken, 0},
	} {
		o, err := ParseObjective(c.objective)
		if err != nil {
			t.Fatal(err)
		}
		if j := Judge(o, c.samples); j.Verdict != c.want || j.Decisive != c.decisive {
			t.Errorf("%s of %d runs, %d missed and %d perhaps: %s, decisive %d; want %s, %d", c.objective, j.Runs, j.Missed,
				j.MayMiss, j.Verdict, j.Decisive, c.want, c.decisive)
		}
	}
}

func TestObjectives(t *testing.T) {
	for _, text := range []string{"", "p99", "99<5s", "p0<5s", "p100<5s", "p99<5", "p99<-5s", "p99>5s", "p99<0s",
		"p99 < 5s"} {
		if o, err := ParseObjective(text); err == nil {
			t.Errorf("%q is %+v", text, o)
		}
	}
	o, err := ParseObjective("p99.9<=1m30s")
	if err != nil || o.Percent != 99.9 || o.Less || o.Limit != 90*time.Second {
		t.Errorf("%+v, %v", o, err)
	}
	for text, missed := range map[string]bool{"p50<5s": true, "p50<=5s": false} {
		if o, _ := ParseObjective(text); o.missed(5*time.Second) != missed {
			t.Errorf("5s misses %s: %v", text, !missed)
		}
	}
}

// In 95 of 100 measurements the true percentile is within the bounds that are told of it: of uniform runs it is known.
func TestConfidence(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const measurements, runs = 2000, 100
	within := 0
	for range measurements {
		var took []time.Duration
		for range runs {
			took = append(took, time.Duration(random.Float64()*1e9))
		}
		v := Of(exact(took...), 90)
		if v.AtLeast == nil || v.AtMost == nil {
			t.Fatal("100 runs bound p90")
		}
		if *v.AtLeast <= 900_000_000 && *v.AtMost >= 900_000_000 {
			within++
		}
	}
	if within < measurements*94/100 {
		t.Errorf("only in %d of %d", within, measurements)
	}
	if v := Of(exact(make([]time.Duration, 50)...), 99); v.AtMost != nil {
		t.Errorf("50 runs cannot bound p99 from above: %v", *v.AtMost)
	}
}

func FuzzObjective(f *testing.F) {
	f.Add("p99<5s")
	f.Fuzz(func(t *testing.T, text string) {
		if o, err := ParseObjective(text); err == nil && (o.Percent <= 0 || o.Percent >= 100 || o.Limit <= 0) {
			t.Errorf("%q is %+v", text, o)
		}
	})
}
