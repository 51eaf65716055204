package render

// A map as a flowchart of Mermaid.

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// mapClasses are the classes of a flowchart, by what components are; the fill is that of the page's colours, pale.
var mapClasses = []struct {
	kind  apimap.Kind
	style string
}{
	{apimap.ClientKind, "fill:#e2f3f4,stroke:#0a6c74,color:#1b1f24"},
	{apimap.APIServerKind, "fill:#e3eafb,stroke:#1d4fc4,color:#1b1f24,stroke-width:2px"},
	{apimap.ControlKind, "fill:#e4f1e7,stroke:#1a7431,color:#1b1f24"},
	{apimap.ExtensionKind, "fill:#f6e5f4,stroke:#a0188f,color:#1b1f24"},
	{apimap.NodeKind, "fill:#eff0e2,stroke:#5d6310,color:#1b1f24"},
	{apimap.RuntimeKind, "fill:#e2f1f4,stroke:#0b7285,color:#1b1f24"},
	{apimap.ContainerKind, "fill:#e8e9f8,stroke:#3d4bb8,color:#1b1f24"},
	{apimap.RouteKind, "fill:#ededf0,stroke:#5b6470,color:#1b1f24"},
	{apimap.ObserverKind, "fill:#f2e9f0,stroke:#7a4b6e,color:#1b1f24"},
}

// mapMermaid writes a map as a flowchart: components in the boxes of their node, arrows dashed where they are inferred.
func mapMermaid(w io.Writer, m apimap.Map, y Style) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "---\ntitle: \"%s\"\n---\nflowchart LR\n", strings.ReplaceAll(mermaidText(mapTitle(m)), "#", "#35;"))
	ids := mapIDs(m)
	framed := !slices.ContainsFunc(m.APIs, func(a apimap.API) bool {
		return a.From == podComponent ||
			a.To == podComponent
	})
	inside := func(indent string, has func(apimap.Component) bool) {
		for i, c := range m.Components {
			if has(c) && !(c.ID == podComponent && framed) {
				text := flowText(c.Name)
				if c.About != "" {
					text += "<br/>" + flowText(c.About)
				}
				fmt.Fprintf(&b, "%s%s[\"%s\"]:::%s\n", indent, ids[i], text, c.Kind)
			}
		}
	}
	group := func(id, title string, has func(apimap.Component) bool) {
		if slices.ContainsFunc(m.Components, has) {
			fmt.Fprintf(&b, "    subgraph %s[\"%s\"]\n", id, flowText(title))
			inside("        ", has)
			b.WriteString("    end\n")
		}
	}
	onNode := func(k apimap.Kind) bool {
		return k == apimap.NodeKind || k == apimap.RuntimeKind || k == apimap.ContainerKind
	}
	inside("    ", func(c apimap.Component) bool { return c.Kind == apimap.ClientKind })
	group("controlplane", "control plane", func(c apimap.Component) bool {
		return c.Kind == apimap.APIServerKind || c.Kind == apimap.ControlKind
	})
	inside("    ", func(c apimap.Component) bool { return c.Kind == apimap.ExtensionKind })
	var nodes []string
	for _, c := range m.Components {
		if onNode(c.Kind) && !slices.Contains(nodes, c.Node) {
			nodes = append(nodes, c.Node)
			fmt.Fprintf(&b, "    subgraph node%d[\"%s\"]\n", len(nodes), flowText(strings.TrimSpace("node "+c.Node)))
			inside("        ", func(x apimap.Component) bool {
				return onNode(x.Kind) && x.Kind != apimap.ContainerKind && x.Node == c.Node
			})
			indent := "        "
			if i := slices.IndexFunc(m.Components, func(x apimap.Component) bool {
				return x.ID == podComponent && x.Node == c.Node
			}); i >= 0 && framed {
				fmt.Fprintf(&b, "        subgraph thepod[\"%s\"]\n", flowText(m.Components[i].Name+" "+m.Components[i].About))
				indent += "    "
			}
			inside(indent, func(x apimap.Component) bool { return x.Kind == apimap.ContainerKind && x.Node == c.Node })
			if len(indent) > 8 {
				b.WriteString("        end\n")
			}
			b.WriteString("    end\n")
		}
	}
	inside("    ", func(c apimap.Component) bool { return c.Kind == apimap.RouteKind || c.Kind == apimap.ObserverKind })
	mapArrows(&b, m, ids, y)
	mermaidProcesses(&b, m)
	for _, c := range mapClasses {
		if slices.ContainsFunc(m.Components, func(x apimap.Component) bool { return x.Kind == c.kind }) {
			fmt.Fprintf(&b, "    classDef %s %s\n", c.kind, c.style)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// mapArrows draws an arrow for all that one component calls of another.
func mapArrows(b *bytes.Buffer, m apimap.Map, ids []string, y Style) {
	at := func(id string) string {
		return ids[slices.IndexFunc(m.Components, func(c apimap.Component) bool { return c.ID == id })]
	}
	for _, k := range mergedLinks(m) {
		most := arrowLines
		switch y.Detail {
		case seq.Brief:
			most = 1
		case seq.Full:
			most = 40
		}
		lines := linkLabel(m, k, max(2, most))
		if y.Detail == seq.Brief {
			lines = []string{strings.Join(places(m, k), ", ")}
		}
		for i := range lines {
			lines[i] = flowText(lines[i])
		}
		arrow := "-->"
		if !certain(m, k) {
			arrow = "-.->"
			lines[0] += " " + y.glyphs().inferred
		}
		fmt.Fprintf(b, "    %s %s|\"%s\"| %s\n", at(k.from), arrow, strings.Join(lines, "<br/>"), at(k.to))
	}
}

// flowText is text for a flowchart: as in a sequence diagram, and never what Markdown takes for a list.
func flowText(s string) string { return strings.NewReplacer("_", "#95;").Replace(mermaidText(s)) }

// mapIDs names the components as a teacher would.
func mapIDs(m apimap.Map) []string {
	ids := make([]string, len(m.Components))
	for i, c := range m.Components {
		id := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, strings.ToLower(c.ID))
		if len(id) > 30 || id == "" || slices.Contains(ids[:i], id) || mermaidWords[id] || flowWords[id] {
			id = fmt.Sprint("c", i)
		}
		ids[i] = id
	}
	return ids
}

// flowWords are names that a flowchart has a meaning for, beside those of sequence diagrams.
var flowWords = map[string]bool{"graph": true, "subgraph": true, "flowchart": true, "class": true, "classdef": true,
	"style": true, "default": true, "click": true, "direction": true, "controlplane": true, "o": true, "x": true}
