package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/serve"
)

// mapAge is how old what the map beside a run shows of the cluster may get while the run goes on.
const mapAge = 5 * time.Second

// liveMap is the map beside a run that browsers look at. The cluster is read once somebody asks for it. Where there is
// none, it is nil.
type liveMap struct {
	read  func(context.Context) (*apimap.Snapshot, error)
	flags []string // of the kubeconfig
	style render.Style

	mu       sync.Mutex
	asked    bool
	steps    []*seq.Step // copies, which stay as they are
	ended    bool
	snapshot *apimap.Snapshot
	complete bool // the snapshot is of a run that had ended
}

// show has the map show what has come of a run.
func (l *liveMap) show(steps []*seq.Step, ended bool) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.asked && !ended {
		return
	}
	l.steps, l.ended = make([]*seq.Step, len(steps)), ended
	for i, s := range steps {
		c := *s
		l.steps[i] = &c
	}
}

// page is the map as it is now.
func (l *liveMap) page(ctx context.Context) (serve.Page, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = true
	if old := l.snapshot; old == nil || !l.complete && (l.ended || now().Sub(old.Taken) > mapAge) {
		ctx, cancel := context.WithTimeout(ctx, mapTimeout)
		defer cancel()
		s, err := l.read(ctx)
		switch {
		case err != nil && old == nil:
			return serve.Page{}, err
		case err == nil && (old == nil || !s.Missing()): // what has gone meanwhile stays in the picture
			l.snapshot = s
		}
		l.complete = l.ended
	}
	if l.snapshot.Missing() {
		l.snapshot = nil
		return serve.Page{}, errors.New("there is no such Pod")
	}
	m, _ := lit(l.snapshot, l.flags, l.steps, l.style.Detail)
	html, policy, err := render.LiveMap(m, l.style)
	return serve.Page{HTML: html, Policy: policy}, err
}
