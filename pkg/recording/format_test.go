package recording

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// docs/recordings.md has each field of each part of a line, and no other.
func TestFormatIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/recordings.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]reflect.Type{"The header": reflect.TypeFor[Header](), "A line": reflect.TypeFor[line](),
		"object": reflect.TypeFor[seq.Object](), "process": reflect.TypeFor[seq.Process](),
		"webhook": reflect.TypeFor[seq.AuditWebhook](), "exec": reflect.TypeFor[seq.Exec](),
		"docker": reflect.TypeFor[seq.Docker](), "request": reflect.TypeFor[seq.Request]()}
	for f := range reflect.TypeFor[line]().Fields() {
		if name := jsonName(f); f.Type.Kind() == reflect.Pointer && parts[name] == nil {
			parts[name] = f.Type.Elem()
		}
	}
	want := map[string][]string{"The end": {"at", "reason", "type"}}
	for name, of := range parts {
		for f := range of.Fields() {
			want[name] = append(want[name], jsonName(f))
		}
	}
	got := map[string][]string{}
	heading := regexp.MustCompile(`(?m)^##+ (.*)$`).FindAllSubmatchIndex(page, -1)
	for i, at := range heading {
		end := len(page)
		if i+1 < len(heading) {
			end = heading[i+1][0]
		}
		name := string(page[at[2]:at[3]])
		for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|").FindAllSubmatch(page[at[1]:end], -1) {
			got[name] = append(got[name], strings.Split(strings.Trim(string(row[1]), "`"), "`, `")...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		slices.Sort(got[name])
		slices.Sort(want[name])
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s: the page has %q, the format %q", name, got[name], want[name])
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("the page has what is no part of the format: %v", slices.Collect(maps.Keys(got)))
	}
	if !strings.Contains(string(page), "`"+Version+"`") {
		t.Errorf("the page does not name %s", Version)
	}
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
