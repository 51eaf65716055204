package watch

import (
	"cmp"
	"context"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// firstDoubt is after how long a silence it is asked whether there is really nothing to tell; then less and less often.
const firstDoubt = 5 * time.Second

// errDeaf says that a watch is open but does not bring what there is.
var errDeaf = errors.New("the watch brings nothing although there is something newer")

// CatchUp lists the Events once more, for a run that is about to end: their watch may be behind that of what decided
// it. Those that the watch has not brought are observed before the channel is closed.
func (f *Follower) CatchUp(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	f.wg.Go(func() {
		defer close(done)
		k := f.events()
		list, o, err := f.readList(ctx, k)
		if err != nil {
			return
		}
		f.emit(o)
		told, keep := f.eventsTold.Load(), k.keep
		k.keep = func(o runtime.Object) bool {
			m, ok := o.(metav1.Object)
			return ok && keep(o) && (told == nil || newer(m.GetResourceVersion(), *told))
		}
		_ = f.listed(k, list) // it is a list
	})
	return done
}

// newest is the newest revision of what is followed, or nothing where that cannot be told, and the read that told it.
func (f *Follower) newest(ctx context.Context, k kind) (rv string, o seq.Observation) {
	ctx, cancel := context.WithTimeout(ctx, firstDoubt)
	defer cancel()
	list, o, err := f.readList(ctx, k)
	if err == nil {
		err = eachItem(list, func(o runtime.Object) {
			if m, ok := o.(metav1.Object); ok && newer(m.GetResourceVersion(), rv) {
				rv = m.GetResourceVersion()
			}
		})
	}
	switch {
	case err != nil:
		return "", o
	case rv == "" && k.resource == "pods" && f.Name != "":
		return gone, o
	}
	return rv, o
}

// gone stands for the revision that removed a Pod which is no longer there: newer than any that it had.
const gone = "99999999999999999999"

// newer compares two revisions of one resource: decimal integers. Nothing is the oldest.
func newer(a, b string) bool { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) > 0 }
