package apimap

// What a file is not to have.

import (
	"encoding/json"
	"slices"
	"strings"
)

// withoutArguments is an answer without what people put secrets into, as a file has it: of commands, which probes,
// hooks and processes are, the program stays, of the arguments of the control plane those that are read, and of a path
// what stands before its query.
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
		shortenAll(is)
	}
	a.Body, _ = json.Marshal(is)
	return a
}

// shortenAll does so in an object or a list of objects, wherever a command or the path of a request stands.
func shortenAll(is any) {
	switch x := is.(type) {
	case []any:
		for _, e := range x {
			shortenAll(e)
		}
	case map[string]any:
		for key, below := range x {
			switch key {
			case "httpGet":
				shorten(below, "path", "?")
			case "exec":
				if command := elements(below, "command"); len(command) > 1 {
					below.(map[string]any)["command"] = []any{command[0], leftOut}
				}
			case "command", "args":
				x[key] = onlyFlags(elements(x, key))
			case "prometheus.io/path":
				shorten(x, key, "?")
			case "endpoints": // of a ServiceMonitor
				for _, e := range elements(x, key) {
					shorten(e, "path", "?")
				}
			default:
				shortenAll(below)
			}
		}
	}
}

// onlyFlags are those of a command line that a map is derived from.
func onlyFlags(words []any) []any {
	return slices.DeleteFunc(slices.Clone(words), func(w any) bool {
		text, _ := w.(string)
		name, _, _ := strings.Cut(strings.TrimPrefix(text, "--"), "=")
		return !slices.Contains([]string{flagEtcdServers, flagEtcdCertificate, flagKubeconfig}, name)
	})
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
