package render

// A map as a listing: a tree of who calls whom.

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// mapNames is the width of the column of who calls whom; rightsFrom that of a line from which on permissions are named.
const (
	mapNames   = 32
	mapRights  = 29
	rightsFrom = 110
)

// mapLines is a listing in the making.
type mapLines struct {
	Style
	m   apimap.Map
	out []string
}

func mapListing(w io.Writer, m apimap.Map, y Style) error {
	l := &mapLines{Style: y, m: m}
	l.head()
	section := ""
	all := links(m)
	if y.Detail == seq.Brief {
		all = sectionLinks(all)
	}
	for _, k := range all {
		if k.section != section {
			section = k.section
			l.put(l.paint(bold, Plain(section)))
		}
		l.link(k)
	}
	l.processes()
	l.foot()
	for i := range l.out {
		l.out[i] = l.ascii(l.out[i])
	}
	_, err := io.WriteString(w, strings.Join(l.out, "\n")+"\n")
	return err
}

func (l *mapLines) put(lines ...string) { l.out = append(l.out, lines...) }

// text puts a text that is broken where it has to be.
func (l *mapLines) text(sgr, s string) {
	for _, line := range wrap(s, l.width()-1) {
		l.put(l.paint(sgr, line))
	}
}

func (l *mapLines) head() {
	l.text(bold, mapTitle(l.m)+"  "+l.glyphs().request+"  "+mapWhere(l.m))
	g := l.glyphs()
	allowed, denied, unknown := l.marks()
	l.text(dim,
		fmt.Sprintf("%s read from this cluster  %s known of Kubernetes   %s you may  %s you may not  "+
			"%s not for Kubernetes to say",
			g.observed, g.inferred, allowed, denied, unknown))
}

func (y Style) marks() (allowed, denied, unknown string) {
	if y.ASCII {
		return "+", "x", "?"
	}
	return "✓", "✗", "?"
}

// access is a mark, and the permission where there is room.
func (l *mapLines) access(a apimap.Access) (text, sgr string) {
	allowed, denied, unknown := l.marks()
	switch a.Allowed {
	case apimap.Allowed:
		text, sgr = allowed, "32"
	case apimap.Denied:
		text, sgr = denied, "31"
	default:
		text, sgr = unknown, dim
	}
	if l.width() >= rightsFrom {
		text += " " + Plain(strings.TrimSuffix(a.Permission, " -n "+l.m.Subject.Namespace))
	}
	return text, sgr
}

// link puts all that one component calls of another: a line, or a head with a line for each.
func (l *mapLines) link(k link) {
	first := l.m.APIs[k.apis[0]]
	names := mapName(l.m, k.from) + " " + l.glyphs().request + " " + mapName(l.m, k.to)
	if l.Detail == seq.Brief {
		l.row(first, names, strings.Join(places(l.m, k), ", "), false)
		return
	}
	if len(k.apis) == 1 {
		text := Plain(first.Name) + ": " + strings.TrimSpace(Plain(first.Protocol)+" "+where(first))
		l.row(first, names, text+" "+l.tail(Plain(first.Path), l.column(true)-runewidth.StringWidth(text)-1), true)
		return
	}
	same := true // all are at one address
	for _, i := range k.apis {
		a := l.m.APIs[i]
		same = same && a.Protocol == first.Protocol && where(a) == where(first)
	}
	at := ""
	if same {
		at = strings.TrimSpace(Plain(first.Protocol) + " " + where(first))
	}
	l.put(strings.TrimRight("  "+l.paint(l.colour(seq.Participant(k.from)), fit(names, max(mapNames,
		runewidth.StringWidth(names))))+" "+at, " "))
	for _, i := range k.apis {
		a := l.m.APIs[i]
		text := l.tail(Plain(a.Path), l.column(true))
		if !same {
			text = strings.TrimSpace(Plain(a.Protocol) + " " + where(a))
			text += " " + l.tail(Plain(a.Path), l.column(true)-runewidth.StringWidth(text)-1)
		}
		l.row(a, "  "+Plain(a.Name), text, true)
	}
}

// places are the protocols and addresses of a link, each once.
func places(m apimap.Map, k link) (all []string) {
	for _, i := range k.apis {
		a := m.APIs[i]
		if at := strings.TrimSpace(Plain(a.Protocol) + " " + where(a)); !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	return all
}

// rights is the width of the column of what you may, and column that of the one before it.
func (l *mapLines) rights(access bool) int {
	switch {
	case l.width() >= rightsFrom+40 && access:
		return mapRights + 12
	case l.width() >= rightsFrom && access:
		return mapRights
	}
	return 2
}

func (l *mapLines) column(access bool) int {
	return max(12, l.width()-1-2-mapNames-1-1-l.rights(access))
}

// tail is a path, or what tells it from others where there is no room for all of it: --detail=full has it.
func (l *mapLines) tail(path string, room int) string {
	parts := strings.Split(path, "/")
	if runewidth.StringWidth(path) <= room || len(parts) < 4 || strings.Contains(path, " ") {
		return path
	}
	for i := 2; i < len(parts)-1; i++ {
		if text := "…/" + strings.Join(parts[i:], "/"); runewidth.StringWidth(text) <= room || i == len(parts)-2 {
			return text
		}
	}
	return path
}

// row puts an API: its certainty, what it is, and whether you may.
func (l *mapLines) row(a apimap.API, name, text string, access bool) {
	sign := l.glyphs().observed
	if a.Certainty == seq.Inferred {
		sign = l.glyphs().inferred
	}
	right, sgr := "", ""
	if access {
		right, sgr = l.access(a.You)
	}
	column, room := l.column(access), l.rights(access)
	lines := wrap(text, column)
	rights := wrap(right, room)
	left := wrap(name, mapNames)
	for i := range max(len(lines), len(left), len(rights)) {
		at := func(all []string) string {
			if i < len(all) {
				return all[i]
			}
			return ""
		}
		begin := "  "
		if i == 0 {
			begin = sign + " "
		}
		n := at(left)
		if strings.HasPrefix(name, "  ") {
			n = "  " + n
		}
		line := begin + l.paint(l.colour(seq.Participant(a.From)), fit(n, mapNames)) + " " + fit(at(lines), column)
		if r := at(rights); r != "" {
			line += " " + l.paint(sgr, r)
		}
		l.put(strings.TrimRight(line, " "))
	}
	if l.Detail == seq.Full {
		l.evidence(a)
	}
}

// evidence puts what proves an API, and how to try it. A command stays whole.
func (l *mapLines) evidence(a apimap.API) {
	put := func(title, s string) {
		for i, line := range wrap(s, l.width()-1-14) {
			if i > 0 {
				title = ""
			}
			l.put(l.paint(dim, fmt.Sprintf("    %-10s", title)+line))
		}
	}
	if a.Authentication != "" {
		put("identity", Plain(a.Authentication))
	}
	put("proof", proofText(a.Proof))
	put("you", Plain(a.You.Permission)+": "+Plain(a.You.Allowed))
	if a.Note != "" {
		put("note", Plain(a.Note))
	}
	if a.Try.On != "" {
		put("try", "on node "+Plain(a.Try.On)+", as root:")
		l.put("              " + Plain(a.Try.Command))
		return
	}
	l.put(l.paint(dim, "    try       ") + Plain(a.Try.Command))
}

// foot puts what is missing, and where there is more.
func (l *mapLines) foot() {
	for _, x := range l.m.Left {
		l.text(dim, "Not drawn: "+leftText(x)+".")
	}
	for _, h := range hiddenTexts(l.m) {
		l.text(dim, "Not seen: "+h+".")
	}
	if l.Detail < seq.Full && len(l.m.APIs) > 0 {
		l.text(dim, fmt.Sprintf("%d APIs. --detail=full has the evidence of each, and a command to try it.", len(l.m.APIs)))
	}
}

// processes puts what runs inside the containers: a tree of each.
func (l *mapLines) processes() {
	for _, c := range l.m.Processes {
		l.put(l.paint(bold, "Processes of "+processesOf(c)))
		for _, p := range processTree(c) {
			head := fmt.Sprintf("  %s%d  %s  ", p.branch, p.PID, user(p.UID))
			text := Plain(p.Command)
			if why := processNote(c, p.Process); why != "" {
				text += " (" + why + ")"
			}
			for i, line := range wrap(text, max(20, l.width()-1-runewidth.StringWidth(head))) {
				if i > 0 {
					head = strings.Repeat(" ", runewidth.StringWidth(head))
				}
				l.put(head + line)
			}
		}
	}
}
