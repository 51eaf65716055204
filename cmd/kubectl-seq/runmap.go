package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/apiread"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// mapHTML is the value of -o for the map of a run, which is always a file.
const mapHTML = "map-html"

// mapTimeout bounds how long the map of a run is read.
const mapTimeout = 30 * time.Second

// takeMap takes -o map-html=FILE out of the values of -o: it is a picture of the cluster, not of the run alone.
func (f *drawFlags) takeMap() (path string, err error) {
	is := func(v string) bool { return v == mapHTML || strings.HasPrefix(v, mapHTML+"=") }
	i := slices.IndexFunc(f.outputs, is)
	if i < 0 {
		return "", nil
	}
	path = strings.TrimPrefix(strings.TrimPrefix(f.outputs[i], mapHTML), "=")
	f.outputs = slices.Delete(slices.Clone(f.outputs), i, i+1)
	switch {
	case path == "" || path == "-":
		return "", hinted(errors.New("-o map-html needs a file"), "-o map-html=FILE")
	case slices.ContainsFunc(f.outputs, is):
		return "", errors.New("-o map-html is given twice")
	case f.series:
		return "", hinted(errors.New("-o map-html shows one run, --repeat has many"), "-o html=FILE has them all on a page")
	}
	return path, nil
}

// openMap makes the file of the map of a run, so that one that cannot be written is told before anything happens.
func (r *run) openMap() (err error) {
	if r.mapFile == "" {
		return nil
	}
	r.mapped = &outputs{style: r.style}
	return r.mapped.openFiles([]target{{"html", r.mapFile}})
}

// drawMap draws the APIs around the Pod of a run, while it is there: the messages of the run light up on them.
func (r *run) drawMap(ctx context.Context) error {
	if r.mapped == nil || r.trace.Now().IsZero() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), mapTimeout) // also after an interrupt
	defer cancel()
	snapshot, err := r.readMap(ctx)
	if err != nil {
		return fmt.Errorf("-o %s: %w", mapHTML, err)
	}
	if snapshot.Missing() {
		fmt.Fprintf(r.ErrOut, "note: -o %s: there is no Pod %s any more\n", mapHTML, r.subject.Name)
		return nil
	}
	m, _ := lit(snapshot, r.mapFlags(), r.report().Steps, r.style.Detail)
	return r.mapped.write(func(w io.Writer, format string, y render.Style) error {
		return render.MapFormats[format](w, m, y)
	})
}

// readMap reads what is around the Pod of a run.
func (o *followOptions) readMap(ctx context.Context) (*apimap.Snapshot, error) {
	s := &apimap.Snapshot{Subject: seq.Object{Kind: o.subject.Kind, Namespace: o.subject.Namespace, Name: o.subject.Name},
		Context: o.contextName, Plugin: ownVersion(), Taken: now().UTC(), Client: apiread.ClientOf(o.config)}
	return s, apiread.Read(ctx, o.config, s, false)
}

// mapFlags are those that a command of a map needs: also of the user on whose behalf it was read, since the map says
// what that one may.
func (o *followOptions) mapFlags() []string {
	flags := slices.Clone(o.connection)
	as := o.config.Impersonate
	if as.UserName != "" {
		flags = append(flags, "--as="+as.UserName)
	}
	if as.UID != "" {
		flags = append(flags, "--as-uid="+as.UID)
	}
	for _, g := range as.Groups {
		flags = append(flags, "--as-group="+g)
	}
	return flags
}

// lit is the map that a snapshot has, for a kubeconfig with these flags, with the messages of a run on it; others is
// how many of those are between components that the map does not have.
func lit(s *apimap.Snapshot, flags []string, steps []*seq.Step, detail seq.Detail) (m apimap.Map, others int) {
	m = apimap.Derive(s)
	for i := range m.APIs {
		if m.APIs[i].Try.On == "" {
			m.APIs[i].Try.Command = seq.WithFlags(m.APIs[i].Try.Command, flags)
		}
	}
	shown := slices.DeleteFunc(slices.Clone(steps), func(s *seq.Step) bool { return s.Detail > detail })
	return m, m.Light(shown)
}
