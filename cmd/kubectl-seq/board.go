package main

// The board: every Pod of a namespace that starts, in browsers, each as a bar that leads to its sequence.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/serve"
	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
)

// What a board keeps at most.
const (
	mostRows  = 100  // Pods; of more those that have ended go first, the oldest before the others
	mostEarly = 1000 // Events that come before the Pod that they are about
)

// board is followed until an interrupt. A Pod's sequence ends with its start; its page stays until its row goes.
type board struct {
	*followOptions
	server   *serve.Server
	page     serve.Page // of each Pod
	follower *watch.Follower
	begun    time.Time
	rows     []*boardPod // newest first
	byUID    map[string]*boardPod
	all      int                        // Pods that have started
	early    []seq.Observation          // Events of Pods that are not there
	general  map[string]seq.Observation // the last of each that is about no Pod, by what it is
	lists    bool                       // of what is there already are under way
	refused  error                      // Pods may not be listed
	changed  bool                       // since it was shown
	next     time.Time                  // not to be shown before
}

// boardFlags are those of watch that a board has; the others are about one object.
var boardFlags = []string{"serve", "detail", "times", "settle", "color"}

// showBoard is watch without a name.
func (f *followFlags) showBoard(cmd *cobra.Command, config *genericclioptions.ConfigFlags,
	streams genericiooptions.IOStreams) error {
	var other error
	cmd.Flags().Visit(func(x *pflag.Flag) {
		if !slices.Contains(boardFlags, x.Name) && cmd.InheritedFlags().Lookup(x.Name) == nil {
			other = hinted(fmt.Errorf("--%s is about one object, and none is named", x.Name), howToName)
		}
	})
	if other != nil {
		return other
	}
	o, err := f.toOptions(streams, "ready")
	if err != nil {
		return err
	}
	if err := o.connect(config); err != nil {
		return err
	}
	namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return noCluster(err)
	}
	o.scope = watch.Scope{Namespace: namespace, Any: true, Past: true}
	return newBoard(&o).show(cmd.Context())
}

func newBoard(o *followOptions) *board {
	return &board{followOptions: o, begun: now(), byUID: map[string]*boardPod{}, general: map[string]seq.Observation{},
		changed: true}
}

// show follows the namespace and serves the board until an interrupt.
func (b *board) show(ctx context.Context) (failed error) {
	if err := b.listen(); err != nil {
		return err
	}
	defer func() { failed = errors.Join(failed, b.server.Close()) }()
	following, stop := context.WithCancel(ctx)
	defer stop()
	var err error
	if b.follower, err = watch.New(following, b.config, b.scope, now); err != nil {
		return err
	}
	announce(b.server, b.ErrOut)
	followed := make(chan error, 1)
	go func() {
		defer close(followed)
		go b.follower.Version(following) // an observation, if it succeeds
		followed <- b.follower.Follow(following)
	}()
	defer func() {
		stop()
		for range followed { // until then it may start what Wait waits for
		}
		b.follower.Wait()
	}()
	return b.follow(ctx, following, followed)
}

// follow takes what comes. What it asks beyond that ends with the second context.
func (b *board) follow(ctx, following context.Context, followed <-chan error) error {
	b.take(attached(true))
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	for {
		select {
		case o := <-b.follower.Observations():
			b.take(o)
		case err, open := <-followed:
			if !open {
				followed = nil
			}
			if err != nil && ctx.Err() == nil {
				return explained(err, b.scope.Namespace, b.connection)
			}
		case <-tick.C:
			b.ask(following)
			if err := b.look(now()); err != nil {
				return err
			}
		case <-b.server.Done():
			return nil // Close says why
		case <-ctx.Done():
			return b.end()
		}
		if b.refused != nil {
			return explained(b.refused, b.scope.Namespace, b.connection)
		}
	}
}

// ask asks what would help to explain the Pods whose start goes on.
func (b *board) ask(ctx context.Context) {
	for _, p := range b.rows {
		if p.run == nil {
			continue
		}
		for _, q := range p.run.trace.Questions() {
			b.follower.Ask(ctx, q)
		}
	}
}

// listen opens the address.
func (b *board) listen() error {
	page, policy, err := render.BoardPage(b.picture())
	if err != nil {
		return err
	}
	if b.server, err = listen(*b.serve, serve.Page{HTML: page, Policy: policy}); err != nil {
		return err
	}
	b.style.Width, b.style.Color = render.FileWidth, false
	b.page.HTML, b.page.Policy, err = render.LivePage(b.style, false)
	return err
}

// take hands an observation to the Pod that it is about, or to all.
func (b *board) take(o seq.Observation) {
	switch {
	case o.Change != nil && o.Change.Pod != nil:
		if p := b.podOf(o); p != nil {
			p.take(o)
		}
	case o.Event != nil && o.Event.Event != nil:
		if p := b.byUID[string(o.Event.Event.InvolvedObject.UID)]; p != nil {
			p.take(o)
		} else {
			b.early = append(b.early[max(0, len(b.early)-mostEarly+1):], o)
		}
	default:
		b.takeGeneral(o)
	}
}

// takeGeneral takes what is about no Pod of the board, or about all.
func (b *board) takeGeneral(o seq.Observation) {
	switch q := o.Request; {
	case q != nil:
		read := *q
		read.Poll = true // it is not drawn: it is no part of the start of any Pod
		o.Request = &read
		b.general["request "+q.Verb+" "+q.Resource] = o
		if q.Verb == "list" && q.Resource == "pods" && (q.Status == 401 || q.Status == 403) {
			b.refused = apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New(q.Message))
		}
	case o.Attach != nil:
		b.lists = o.Attach.ListsPending
	case o.Gap != nil:
		b.general["gap "+o.Gap.Resource] = o
	case o.Node != nil:
		b.general["node "+o.Node.Name] = o
	case o.Webhooks != nil:
		b.general["webhooks"] = o
	}
	for _, p := range b.rows {
		if p.run != nil {
			p.run.observe(o)
		}
	}
}

// podOf is the row of the Pod that a change is about: a new one where it starts, nil where that was before.
func (b *board) podOf(o seq.Observation) *boardPod {
	pod := o.Change.Pod
	if p := b.byUID[string(pod.UID)]; p != nil {
		return p
	}
	listed := o.Change.Type == "LISTED" && // at the beginning, or after a gap
		(pod.Status.Phase == corev1.PodPending || !pod.CreationTimestamp.Time.Before(b.begun))
	if o.Change.Type != "ADDED" && !listed {
		return nil
	}
	return b.add(seq.Object{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: string(pod.UID)}, o.Received)
}

// add makes the row of a Pod that is first seen then, and has the oldest go where there are too many.
func (b *board) add(o seq.Object, seen time.Time) *boardPod {
	if len(b.rows) == mostRows {
		b.drop()
	}
	p := b.newPod(o, seen)
	for _, name := range slices.Sorted(maps.Keys(b.general)) {
		p.run.observe(b.general[name])
	}
	p.run.observe(seq.Observation{Received: seen, Attach: &seq.Attach{ListsPending: b.lists}})
	b.early = slices.DeleteFunc(b.early, func(e seq.Observation) bool {
		is := string(e.Event.Event.InvolvedObject.UID) == o.UID
		if is {
			p.take(e)
		}
		return is
	})
	b.all++
	b.rows, b.byUID[o.UID], b.changed = slices.Insert(b.rows, 0, p), p, true
	return p
}

// drop takes the oldest row away of which the sequence has ended, or else the oldest.
func (b *board) drop() {
	last := len(b.rows) - 1
	for i, p := range slices.Backward(b.rows) {
		if p.run == nil {
			last = i
			break
		}
	}
	b.server.Remove(b.rows[last].path)
	delete(b.byUID, b.rows[last].uid)
	b.rows = slices.Delete(b.rows, last, last+1)
}

// look ends what has ended, and shows the others, if it is time for that and somebody would see it.
func (b *board) look(at time.Time) error {
	begun := time.Now()
	due := b.server.Run.Readers() > 0 && !begun.Before(b.next)
	for _, p := range b.rows {
		if p.run == nil {
			continue
		}
		ended, err := p.look(at, due)
		if err != nil {
			return err
		}
		b.changed = b.changed || due || ended
	}
	if !due || !b.changed {
		return nil
	}
	b.changed = false
	if err := b.publish(false); err != nil {
		return err
	}
	ended := time.Now()
	b.next = ended.Add(max(leastWait, (share-1)*ended.Sub(begun)))
	return nil
}

func (b *board) publish(last bool) error {
	picture, err := b.picture().Picture()
	if err != nil {
		return err
	}
	b.server.Publish(serve.Update{Picture: picture, Ended: last})
	return nil
}

// end shows the end of all.
func (b *board) end() error {
	for _, p := range b.rows {
		if p.run == nil {
			continue
		}
		if err := p.end(p.run.because(render.Outcome{Name: "Interrupted", ExitCode: exitInterrupted,
			Total: p.run.elapsed()})); err != nil {
			return err
		}
	}
	return b.publish(true)
}

// picture is the board as it is.
func (b *board) picture() render.Board {
	p := render.Board{Namespace: b.scope.Namespace, Context: b.contextName}
	ready, failed := 0, 0
	for _, x := range b.rows {
		p.Rows = append(p.Rows, x.row)
		switch {
		case x.state.Failed || x.state.Deleted:
			failed++
		case x.state.Ready || x.state.Succeeded:
			ready++
		}
	}
	p.Status = fmt.Sprintf("%d ready, %d not ready, %d failed or gone", ready, len(b.rows)-ready-failed, failed)
	if b.all > len(b.rows) {
		p.Status = fmt.Sprintf("The last %d of %d: ", len(b.rows), b.all) + p.Status
	}
	if b.all == 0 {
		p.Status = "No Pod has started yet"
	}
	return p
}
