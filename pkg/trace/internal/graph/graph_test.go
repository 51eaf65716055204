package graph

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

var testRule = &seq.Rule{Name: "test"}

// Whatever is set, and in whichever order, the graph is as one that was given all of it at once.
func TestResolveIsPure(t *testing.T) {
	circles, seeds := 0, uint64(100)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 0))
		keys := 4 + r.IntN(30)
		hides := func(s *seq.Step) bool { return seed%3 == 0 && s.Window.Latest.UnixMilli()%5 == 1 }
		growing := New(hides, nil, nil)
		sections := make([]Section, 8)
		claims := make([][]Ranked, len(sections))
		for i := range sections {
			sections[i].Order = Order{Root: i % 3, Revision: uint64(i / 2), UID: fmt.Sprint(i % 2), Item: uint64(i)}
		}
		for range 30 {
			i := r.IntN(len(sections))
			claims[i] = randomClaims(r, keys)
			growing.Set(&sections[i], cloned(claims[i]))
			if r.IntN(4) == 0 { // more than one thing changes at once
				continue
			}
			growing.Resolve()
			fresh := New(hides, nil, nil)
			for k := range sections {
				fresh.Set(&Section{Order: sections[k].Order}, cloned(claims[k]))
			}
			fresh.Resolve()
			if d := cmp.Diff(fresh.Steps(), growing.Steps(), cmpopts.EquateEmpty(),
				cmp.Comparer(func(a, b *seq.Rule) bool { return a == b })); d != "" {
				t.Fatalf("seed %d (-fresh +growing):\n%s", seed, d)
			}
			for most := range 5 {
				n, first := fresh.Conflicts(most)
				if m, all := growing.Conflicts(most); n != m || !slices.Equal(keysOf(all), keysOf(first)) {
					t.Fatalf("seed %d: %d conflicts, %v, not %d, %v", seed, m, keysOf(all), n, keysOf(first))
				}
			}
			if d := cmp.Diff(keysOf(fresh.StepsAbout("1")), keysOf(growing.StepsAbout("1"))); d != "" {
				t.Fatalf("seed %d: about (-fresh +growing):\n%s", seed, d)
			}
			if fresh.hasCycles {
				circles++
			}
			sound(t, growing)
		}
		for i := range sections {
			growing.Set(&sections[i], nil)
		}
		growing.Resolve()
		if len(growing.nodes) > 0 || len(growing.Steps()) > 0 || len(growing.clashes) > 0 {
			t.Fatalf("seed %d: of nothing there are %d nodes, %d steps", seed, len(growing.nodes), len(growing.Steps()))
		}
	}
	if circles < int(seeds)/2 {
		t.Errorf("only %d graphs had circles", circles)
	}
}

// cloned are claims that a graph may take over.
func cloned(all []Ranked) (out []Ranked) {
	for _, r := range all {
		c := NewClaim()
		*c = *r.Claim
		c.Follows = slices.Clone(c.Follows)
		out = append(out, Ranked{r.Rank, c})
	}
	return out
}

func keysOf(steps []*seq.Step) (keys []seq.Key) {
	for _, s := range steps {
		keys = append(keys, s.Key)
	}
	return keys
}

// sound reports a cause that stands after what it caused, where there are no circles.
func sound(t *testing.T, g *Graph) {
	if g.hasCycles {
		return
	}
	at := map[seq.Key]int{}
	for i, s := range g.Steps() {
		for _, k := range s.After {
			if _, ok := at[k]; !ok {
				t.Errorf("%s comes before its cause %s", s.Key, k)
			}
		}
		at[s.Key] = i
	}
}

func randomClaims(r *rand.Rand, keys int) []Ranked {
	var all []Ranked
	at := func() time.Time {
		if r.IntN(4) == 0 {
			return time.Time{}
		}
		return time.UnixMilli(1_000_000 + int64(r.IntN(20)))
	}
	key := func(n int) seq.Key { return seq.Key(fmt.Sprintf("k%02d", n)) }
	for range r.IntN(6) {
		n := r.IntN(keys)
		c := Claim{Step: seq.Step{Key: key(n), Rule: testRule, Certainty: seq.Inferred, About: fmt.Sprint(n % 2),
			Label: fmt.Sprint(r.IntN(3)), Best: at(), Window: seq.Window{Earliest: at(), Latest: at()},
			Evidence: []seq.Evidence{{Text: fmt.Sprint(r.IntN(3))}}}, Lag: time.Duration(r.IntN(2)) * time.Millisecond}
		if r.IntN(4) == 0 {
			c.Sharp, c.Precision, c.Certainty = true, time.Millisecond, seq.Observed
		}
		if r.IntN(4) == 0 && n > 0 {
			c.Kind, c.Call = seq.ResponseKind, key(r.IntN(n))
		}
		for range r.IntN(3) {
			before := n
			if r.IntN(10) == 0 { // perhaps a circle
				before = keys
			}
			if before > 0 {
				c.Follows = append(c.Follows, key(r.IntN(before)))
			}
		}
		counter := []string{"", "etcd"}[r.IntN(2)]
		commit := Commit{counter, "resource" + counter + fmt.Sprint(r.IntN(2)), uint64(n)}
		switch r.IntN(4) {
		case 0:
			c.Commit, c.Stored = commit, commit
		case 1:
			c.Stored = commit
		}
		all = append(all, Ranked{r.IntN(5), &c})
	}
	return all
}

// Of no field do claims differ without being told apart.
func TestEqualClaims(t *testing.T) {
	var visit func(v reflect.Value, path string, check func(string))
	visit = func(v reflect.Value, path string, check func(string)) {
		switch x := v.Addr().Interface().(type) {
		case *time.Time:
			*x = time.Unix(1, 0)
			check(path)
			*x = time.Time{}
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				visit(v.Field(i), path+"."+v.Type().Field(i).Name, check)
			}
			return
		case reflect.String:
			v.SetString("x")
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int, reflect.Int64:
			v.SetInt(1)
		case reflect.Uint8, reflect.Uint64:
			v.SetUint(1)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
		default:
			t.Fatalf("%s is a %s", path, v.Kind())
		}
		check(path)
		v.SetZero()
	}
	var a, b Claim
	if !equalClaims(&a, &b) {
		t.Error("nothing differs from nothing")
	}
	g := New(nil, nil, nil)
	section := Section{}
	g.Set(&section, []Ranked{{0, NewClaim()}})
	g.Resolve()
	if !section.claims[0].equals(Ranked{0, &a}) {
		t.Error("nothing differs from nothing that has been merged")
	}
	fields := 0
	visit(reflect.ValueOf(&a).Elem(), "", func(path string) {
		if fields++; equalClaims(&a, &b) {
			t.Errorf("%s is not compared", path)
		}
		if section.claims[0].equals(Ranked{0, &a}) {
			t.Errorf("%s is not compared with what has been merged", path)
		}
	})
	if fields < 38 {
		t.Errorf("only %d fields", fields)
	}
}
