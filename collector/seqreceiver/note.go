package seqreceiver

// How far the receiver has come, noted in a ConfigMap, so that whoever follows next goes on from there.

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// noteEvery is how often it is noted; what is sent since is sent again after a restart, under the same ids.
const noteEvery = 5 * time.Second

// mostOpen is how many Pods a note names: a ConfigMap has a MiB at most, and a uid is 36 characters.
const mostOpen = 20_000

// note is what is needed to go on.
type note struct {
	// Since is from when on Pods have been created that may not have been seen.
	Since time.Time `json:"since"`
	// Revisions are those from which to watch on, by source.
	Revisions map[string]string `json:"revisions"`
	// Open are the uids of the Pods whose traces have not been taken.
	Open []string `json:"open"`
}

// note is how far the follower has come.
func (f *follower) note() note {
	n := note{Since: f.since(), Revisions: map[string]string{}, Open: []string{}}
	for s, p := range f.of {
		if p.at != "" {
			n.Revisions[s.key()] = p.at
		}
	}
	now := f.now()
	waits := func(uid string, m mark) {
		n.Open = append(n.Open, uid)
		if m.after == "" || now.Sub(m.seen) > kept {
			return
		}
		key := m.source.key()
		if c, err := resourceversion.CompareResourceVersion(m.after, n.Revisions[key]); err == nil && c < 0 {
			n.Revisions[key] = m.after
		}
	}
	for uid, s := range f.starts {
		waits(uid, s.mark)
	}
	f.sender.waiting(waits)
	slices.Sort(n.Open)
	n.Open = n.Open[:min(len(n.Open), mostOpen)]
	return n
}

// noteKey is where a note stands in its ConfigMap.
const noteKey = "note.json"

// notebook is the ConfigMap. Nothing is noted without a client.
type notebook struct {
	client  corev1client.ConfigMapInterface // or nil
	name    string
	written *corev1.ConfigMap // as it was last read or written; nil where there is none
}

// read is the note that is there, or none; nor is one that makes no sense.
func (b *notebook) read(ctx context.Context) (n *note, err error) {
	if b.client == nil {
		return nil, nil
	}
	m, err := b.client.Get(ctx, b.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		b.written = nil
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was noted: %w", err)
	}
	b.written = m
	n = &note{}
	if json.Unmarshal([]byte(m.Data[noteKey]), n) != nil || n.Since.IsZero() { // it is not ours, or has been edited
		return nil, nil
	}
	return n, nil
}

// write notes. Where somebody else has meanwhile, it leaves that alone until the next time: it may be a new leader, who
// does not let this replica come to that.
func (b *notebook) write(ctx context.Context, n note) error {
	if b.client == nil {
		return nil
	}
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	data := map[string]string{noteKey: string(text)}
	var m *corev1.ConfigMap
	if b.written == nil {
		m, err = b.client.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: b.name}, Data: data},
			metav1.CreateOptions{})
	} else {
		next := b.written.DeepCopy()
		next.Data = data
		m, err = b.client.Update(ctx, next, metav1.UpdateOptions{})
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		_, err = b.read(ctx)
		return err
	}
	if err != nil {
		return fmt.Errorf("note how far it has come: %w", err)
	}
	b.written = m
	return nil
}
