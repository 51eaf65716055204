package render

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// MapFormats has every format of a map by its name.
var MapFormats = map[string]func(io.Writer, apimap.Map, Style) error{
	"listing": mapListing,
	"json":    mapJSON,
	"mermaid": mapMermaid,
	"svg":     mapSVG,
	"html":    mapHTML,
}

type jsonMap struct {
	Type       string     `json:"type"`
	APIVersion string     `json:"apiVersion"` // seq/v1alpha1
	Server     string     `json:"server"`     // version of the API server; empty where it is not known
	Context    string     `json:"context"`    // of the kubeconfig
	User       string     `json:"user"`       // who you are to the API server; empty where it does not say
	Subject    seq.Object `json:"subject"`    // the Pod; without a name the map is of control plane and nodes
	Taken      *time.Time `json:"taken"`      // when it was read
}

type jsonMapComponent struct {
	Type string `json:"type"`
	apimap.Component
}

type jsonMapAPI struct {
	Type string `json:"type"`
	apimap.API
}

type jsonMapHidden struct {
	Type string `json:"type"`
	apimap.Hidden
}

type jsonMapLeft struct {
	Type string `json:"type"`
	apimap.Left
}

type jsonMapContainer struct {
	Type string `json:"type"`
	apimap.Container
}

// mapJSON writes a map as one document a line: the map, its components, its APIs, and what is missing.
func mapJSON(w io.Writer, m apimap.Map, _ Style) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	all := []any{jsonMap{"map", "seq/v1alpha1", m.Server, m.Context, m.User, m.Subject, instant(m.Taken)}}
	for _, c := range m.Components {
		all = append(all, jsonMapComponent{"component", c})
	}
	for _, a := range m.APIs {
		all = append(all, jsonMapAPI{"api", a})
	}
	for _, c := range m.Processes {
		all = append(all, jsonMapContainer{"container", c})
	}
	for _, h := range m.Hidden {
		all = append(all, jsonMapHidden{"hidden", h})
	}
	for _, l := range m.Left {
		all = append(all, jsonMapLeft{"left", l})
	}
	for _, d := range all {
		if err := enc.Encode(d); err != nil {
			return err
		}
	}
	return nil
}

// link is all that one component calls of another.
type link struct {
	section  string
	from, to string
	apis     []int // in the map
}

// links gathers the APIs that stand together.
func links(m apimap.Map) (all []link) {
	for i, a := range m.APIs {
		if n := len(all) - 1; n >= 0 && all[n].section == a.Section && all[n].from == a.From && all[n].to == a.To {
			all[n].apis = append(all[n].apis, i)
		} else {
			all = append(all, link{a.Section, a.From, a.To, []int{i}})
		}
	}
	return all
}

// sectionLinks are links, those between the same two components of a section together.
func sectionLinks(links []link) (all []link) {
	for _, k := range links {
		i := slices.IndexFunc(all, func(x link) bool {
			return x.section == k.section && x.from == k.from && x.to == k.to
		})
		if i < 0 {
			all = append(all, link{k.section, k.from, k.to, slices.Clone(k.apis)})
		} else {
			all[i].apis = append(all[i].apis, k.apis...)
		}
	}
	return all
}

// mapName is what a component is called.
func mapName(m apimap.Map, id string) string {
	for _, c := range m.Components {
		if c.ID == id {
			return Plain(c.Name)
		}
	}
	return Plain(id)
}

// mapTitle says what the map is of.
func mapTitle(m apimap.Map) string {
	if m.Subject.Name == "" {
		return "The control plane and the nodes"
	}
	return "Pod " + Plain(strings.TrimPrefix(m.Subject.Namespace+"/"+m.Subject.Name, "/"))
}

// mapWhere is the cluster, and who looks.
func mapWhere(m apimap.Map) string {
	text := strings.Trim(Plain(m.Context+", "+m.Server), ", ")
	if m.User != "" {
		text += ", as " + Plain(m.User)
	}
	return text
}

// where is the address of an API.
func where(a apimap.API) string {
	host := Plain(a.Host)
	if host != "" && a.Port != 0 {
		host = net.JoinHostPort(host, strconv.Itoa(a.Port))
	}
	return host
}

// what is the protocol, the address and the path of an API.
func what(a apimap.API) string {
	return strings.Join(strings.Fields(Plain(a.Protocol)+" "+where(a)+" "+Plain(a.Path)), " ")
}

// proofText is what an API is read from.
func proofText(p apimap.Proof) string {
	if p.Ask == "none" {
		return Plain(p.Value)
	}
	return Plain(fmt.Sprintf("%s: %s is %s", p.Ask, p.Field, cmp.Or(p.Value, "empty")))
}

// leftText says of what there is more than is drawn, and how much.
func leftText(l apimap.Left) string {
	count := "many more"
	switch {
	case l.Count > 0 && l.Limit > 0:
		count = fmt.Sprintf("%d more than the limit of %d", l.Count, l.Limit)
	case l.Limit > 0:
		count = fmt.Sprintf("more than the limit of %d", l.Limit)
	case l.Count > 0:
		count = strconv.Itoa(l.Count)
	}
	return Plain(l.What) + ": " + count
}

// hiddenTexts say what could not be read, and why: a line for each reason.
func hiddenTexts(m apimap.Map) (all []string) {
	said := map[string]bool{}
	for _, h := range m.Hidden {
		if said[h.Why] {
			continue
		}
		said[h.Why] = true
		var whats, needs []string
		for _, x := range m.Hidden {
			if x.Why != h.Why {
				continue
			}
			whats = append(whats, Plain(x.What))
			if x.Need != "" && !slices.Contains(needs, Plain(x.Need)) {
				needs = append(needs, Plain(x.Need))
			}
		}
		text := strings.Join(whats, "; ") + " (" + Plain(h.Why) + ")"
		if len(needs) > 0 {
			text += ". What to ask for: " + strings.Join(needs, "; ")
		}
		all = append(all, text)
	}
	return all
}
