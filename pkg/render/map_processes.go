package render

// Processes of a container as a tree.

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
)

// treeProcess is a process in its place.
type treeProcess struct {
	apimap.Process
	depth  int
	parent int    // its index in the tree, or -1
	branch string // what leads to it, in a listing
}

// processTree has each process below its parent; what has none that is seen stands at the top.
func processTree(c apimap.Container) (all []treeProcess) {
	known := map[int]bool{}
	for _, p := range c.Processes {
		known[p.PID] = true
	}
	var below func(parent, index, depth int, prefix string)
	seen := map[int]bool{}
	below = func(parent, index, depth int, prefix string) {
		var children []apimap.Process
		for _, p := range c.Processes {
			top := p.Parent == p.PID || !known[p.Parent]
			if !seen[p.PID] && (top && depth == 0 || !top && p.Parent == parent && depth > 0) {
				children = append(children, p)
			}
		}
		for i, p := range children {
			if seen[p.PID] {
				continue
			}
			seen[p.PID] = true
			branch, next := "├─ ", prefix+"│  "
			if i == len(children)-1 {
				branch, next = "└─ ", prefix+"   "
			}
			if depth == 0 {
				branch, next = "", ""
			}
			all = append(all, treeProcess{p, depth, index, prefix + branch})
			below(p.PID, len(all)-1, depth+1, next)
		}
	}
	below(0, -1, 0, "")
	return all
}

// user is what a user is called by its number: inside a container only root has a name that is sure.
func user(uid int) string {
	if uid == 0 {
		return "root"
	}
	return fmt.Sprint("uid ", uid)
}

// processesOf is what a tree of processes is called.
func processesOf(c apimap.Container) string {
	if c.Shared {
		return "the Pod, which its containers share"
	}
	return "container " + Plain(c.Name)
}

// processNote is what there is to say of a process beside its command, where it was seen in that container.
func processNote(c apimap.Container, p apimap.Process) string {
	container := "the container"
	if c.Shared || p.Container != c.Name {
		container = "container " + Plain(p.Container)
	}
	switch {
	case p.Exec:
		return "exec added it, to look; its parent is outside"
	case p.First:
		return container + " ends with it"
	case p.PID == 1 && c.Shared:
		return "the Pod's sandbox"
	case p.Parent == 0 && p.Container == "":
		return "a container's first process, or added by an exec; its parent is outside"
	case p.Parent == 0 && p.Container == c.Name && !c.Shared:
		return "added by an exec; its parent is outside"
	case p.Parent == 0:
		return "added to " + container + " by an exec; its parent is outside"
	}
	return ""
}

// added reports whether an exec put it beside what the container runs.
func added(p apimap.Process) bool { return p.Exec || p.Parent == 0 && p.Container != "" && !p.First }

// shortCommand is a command, or its beginning.
func shortCommand(p apimap.Process) string {
	text := Plain(p.Command)
	if all := []rune(text); len(all) > labelMost {
		text = strings.TrimSpace(string(all[:labelMost-1])) + "…"
	}
	return text
}

// processText is what stands in the box of a process.
func processText(c apimap.Container, p apimap.Process) string {
	text := fmt.Sprintf("PID %d  %s  %s", p.PID, user(p.UID), shortCommand(p))
	if why := processNote(c, p); why != "" {
		text += "  (" + why + ")"
	}
	return text
}

const processIndent = 30.0

// processes draws a tree for each container, below the picture.
func (l *mapLayout) processes(b *bytes.Buffer) {
	for _, c := range l.m.Processes {
		y := l.height + 10
		title := "processes of " + processesOf(c)
		fmt.Fprintln(b, svgText("phase", "start", 18, y+14, mapSmall*1.06, title))
		width, at := textWidth(title, mapSmall*1.06)+24, y+24
		tree := processTree(c)
		tops := make([]float64, len(tree))
		for i, p := range tree {
			text, class := processText(c, p.Process), ""
			if added(p.Process) {
				class = " added"
			}
			x := 20 + processIndent*float64(p.depth)
			tops[i] = at
			if p.parent >= 0 {
				fmt.Fprintf(b, `<path class="shaft k10" d="M%.1f %.1fV%.1fH%.1f"/>`+"\n", x-processIndent+12, tops[p.parent]+24, at+12, x)
			}
			w := textWidth(text, mapSmall) + 16
			fmt.Fprintf(b, `<g class="box process k10%s"><rect x="%.1f" y="%.1f" width="%.1f" height="24" rx="5"/>%s</g>`+"\n", class, x, at, w,
				svgText("soft", "start", x+8, at+16, mapSmall, text))
			width = max(width, x+w)
			at += 30
		}
		fmt.Fprintf(b, `<rect class="frame" x="12" y="%.1f" width="%.1f" height="%.1f" rx="8"/>`+"\n", y, width, at-y+4)
		l.height, l.width = at+12, max(l.width, width+24)
	}
}

// mermaidProcesses draws them as a subgraph for each container.
func mermaidProcesses(b *bytes.Buffer, m apimap.Map) {
	for i, c := range m.Processes {
		fmt.Fprintf(b, "    subgraph inside%d[\"%s\"]\n        direction TB\n", i, flowText("processes of "+processesOf(c)))
		tree := processTree(c)
		for k, p := range tree {
			fmt.Fprintf(b, "        p%d_%d[\"PID %d, %s<br/>%s\"]:::container\n", i, k, p.PID, user(p.UID),
				flowText(shortCommand(p.Process)))
			if p.parent >= 0 {
				fmt.Fprintf(b, "        p%d_%d --- p%d_%d\n", i, p.parent, i, k)
			}
		}
		b.WriteString("    end\n")
	}
}
