package truth

import (
	"slices"
	"strings"
	"time"
)

// Exec is a command that was run in a container, by the spans of kubelet and runtime.
type Exec struct {
	Served time.Time // the kubelet had the request
	Call   Call      // the CRI's Exec
	Runc   Call      // the shim's start of the process, in which it runs runc
	Ended  time.Time // the runtime knew that the process had ended
}

// somewhere is the path of a command where the kubelet's span has none.
const somewhere = "/exec/"

// Execs are the commands that were run by the kubelet's path /exec/NAMESPACE/POD/CONTAINER, in the order of time, as
// far as all of their spans are there. Before Kubernetes 1.36 the kubelet's spans have no path: then they are those in
// the containers with these ids.
func (r *Records) Execs(path string, ids []string) []Exec {
	inTime := func(all []*span) []*span {
		return slices.SortedFunc(slices.Values(all), func(a, b *span) int { return strings.Compare(a.Start, b.Start) })
	}
	used := map[*span]bool{}
	var out []Exec
	for _, s := range inTime(slices.Concat(r.served[path], r.served[somewhere])) {
		var e Exec
		container := ""
		e.Served, _ = s.times()
		for _, c := range r.children[s.SpanID] {
			if !strings.HasSuffix(c.Name, "RuntimeService/Exec") {
				continue
			}
			e.Call.RPC = "Exec"
			e.Call.Start, e.Call.End = c.times()
			for _, below := range r.children[c.SpanID] {
				container = below.attribute("container.id")
			}
		}
		if s.attribute("url.path") == "" && !slices.Contains(ids, container) {
			continue
		}
		for _, p := range inTime(r.processes[container]) {
			start, end := p.times()
			switch {
			case start.Before(e.Call.Start) || used[p]:
			case p.Name == "process.Start" && e.Runc.RPC == "":
				used[p] = true
				for _, c := range r.children[p.SpanID] {
					if strings.HasSuffix(c.Name, "Task/Start") {
						e.Runc.RPC = p.attribute("process.id")
						e.Runc.Start, e.Runc.End = c.times()
					}
				}
			case p.Name == "process.Wait" && e.Ended.IsZero() && e.Runc.RPC != "" && p.attribute("process.id") == e.Runc.RPC:
				used[p] = true
				e.Ended = end
			}
		}
		if !e.Ended.IsZero() {
			out = append(out, e)
		}
	}
	return out
}
