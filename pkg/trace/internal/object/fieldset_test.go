package object

import (
	"encoding/json"
	"maps"
	"testing"
	"unicode/utf8"
)

// What encoding/json reads as objects all the way down is read the same; of anything else something, without a panic.
func FuzzMembers(f *testing.F) {
	for _, text := range []string{`{"f:a":{".":{},"k:{\"name\":\"x\"}":{"f:b":{}}}}`, ` { "a" : { } , "b":{"\u00e9\\":{}}}`, `{}`, `{`,
		`{"a":1}`, `[]`, `{"a":{}`, `{"a":{"}":{}}}`, ``, `null`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := walk([]byte(text))
		var want map[string]any
		if !utf8.ValidString(text) || json.Unmarshal([]byte(text), &want) != nil || !objects(want) {
			return
		}
		a, _ := json.Marshal(want)
		b, _ := json.Marshal(got)
		if len(want) > 0 && string(a) != string(b) {
			t.Errorf("%q is %s, not %s", text, b, a)
		}
		if hasMembers([]byte(text)) != (len(want) > 0) {
			t.Errorf("%q: has members: %v", text, len(want) == 0)
		}
	})
}

func walk(set []byte) map[string]any {
	all := map[string]any{}
	for key, below := range members(set) {
		all[string(key)] = walk(below)
	}
	return all
}

func objects(all map[string]any) bool {
	for below := range maps.Values(all) {
		if m, ok := below.(map[string]any); !ok || !objects(m) {
			return false
		}
	}
	return true
}
