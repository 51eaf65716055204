package main

import (
	"slices"
	"strings"
	"testing"
)

func TestRepeatFlags(t *testing.T) {
	o, err := parsed(t, "", "web", "--image=busybox:1", "--repeat=30", "--warmup=2", "--parallel=3", "--slo=p99<5s",
		"--slo=p50<=1s", "-o", "bench", "-o", "json=x.json")
	if err != nil {
		t.Fatal(err)
	}
	if r := o.repeat; r.runs != 30 || r.warmup != 2 || r.parallel != 3 || len(r.objectives) != 2 ||
		r.objectives[0].Percent != 99 || o.targets[0].format != "bench" {
		t.Errorf("%+v, %+v", r, o.targets)
	}
	if o, err := parsed(t, "", "web", "--image=busybox:1"); err != nil || o.repeat.runs != 0 {
		t.Errorf("%+v, %v", o.repeat, err)
	}
}

func TestRepeatMistakes(t *testing.T) {
	for flags, want := range map[string]string{
		"--repeat=0":                       "--repeat=0: must be 1 or more",
		"--repeat=-1":                      "--repeat=-1: must be 1 or more",
		"--repeat=2 --warmup=-1":           "--warmup=-1: must be 0 or more",
		"--repeat=2 --parallel=0":          "--parallel=0: must be 1 or more",
		"--warmup=1":                       "--warmup needs --repeat (hint: add --repeat=N)",
		"--slo=p99<5s":                     "--slo needs --repeat",
		"--repeat=2 --slo=99<5s":           `--slo: "99<5s" is no objective such as p99<5s`,
		"--repeat=2 --slo=p99<5parsecs":    `"5parsecs" is no time such as 5s`,
		"--repeat=2 --record=x.jsonl":      "--record keeps one run, --repeat has many",
		"--repeat=2 -o mermaid":            "--output=mermaid: must be one of bench, ",
		"-o bench":                         "--output=bench: must be one of html, ",
		"--repeat=2 -o json=/nowhere/x.js": "",
	} {
		_, err := parsed(t, "", slices.Concat([]string{"web", "--image=busybox:1"}, strings.Fields(flags))...)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", flags, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", flags, err, want)
		}
	}
}
