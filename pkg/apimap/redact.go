package apimap

// What a file is not to have.

import (
	"encoding/json"
	"strings"
)

// withoutArguments is an answer without what people put secrets into, as a file has it: of commands, which probes and
// processes are, the program stays, and of the path of a probe what stands before its query.
func (a Answer) withoutArguments() Answer {
	var is any
	if json.Unmarshal(a.Body, &is) != nil {
		return a
	}
	if strings.HasPrefix(a.Ask, "exec ") {
		for _, p := range elements(is, "processes") {
			shorten(p, "command", " ")
		}
	} else {
		shortenProbes(is)
	}
	a.Body, _ = json.Marshal(is)
	return a
}

// shortenProbes does so in all probes of an object or of a list of objects.
func shortenProbes(is any) {
	switch x := is.(type) {
	case []any:
		for _, e := range x {
			shortenProbes(e)
		}
	case map[string]any:
		for key, below := range x {
			probe, _ := below.(map[string]any)
			if !strings.HasSuffix(key, "Probe") || probe == nil {
				shortenProbes(below)
				continue
			}
			shorten(probe["httpGet"], "path", "?")
			if command := elements(probe["exec"], "command"); len(command) > 1 {
				probe["exec"].(map[string]any)["command"] = []any{command[0], leftOut}
			}
		}
	}
}

const leftOut = "…"

// shorten cuts a text behind the first that separates.
func shorten(of any, field, separates string) {
	m, _ := of.(map[string]any)
	if text, ok := m[field].(string); ok {
		if before, after, cut := strings.Cut(text, separates); cut && after != "" {
			m[field] = before + separates + leftOut
		}
	}
}

func elements(of any, field string) []any {
	m, _ := of.(map[string]any)
	all, _ := m[field].([]any)
	return all
}
