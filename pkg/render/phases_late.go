package render

// What the kubelet reports late, where the phase in which it comes is drawn with nothing else.

import "github.com/kubectl-seq/kubectl-seq/pkg/seq"

// moveLateWrites has what the kubelet writes stand in the phase of the row above, of which it tells, where the phase in
// which it came has no other row, since what else is of it repeats and is folded.
func (f *figure) moveLateWrites() {
	above := -1
	for begin := 0; begin < len(f.rows); {
		phase, end, late := f.rows[begin].phase, begin, f.again.folded[begin] != nil
		var drawn []int
		for ; end < len(f.rows) && f.rows[end].phase == phase; end++ {
			if f.again.folded[end] == nil {
				drawn = append(drawn, end)
				late = late && f.rows[end].isStatusWrite()
			}
		}
		switch {
		case len(drawn) == 0:
		case late && phase >= 0 && above >= 0:
			for _, i := range drawn {
				f.rows[i].phase, f.rows[i].late = above, begin
			}
		default:
			above = phase
		}
		begin = end
	}
}

// isStatusWrite reports whether a row is a write of the kubelet, or that this is stored.
func (x row) isStatusWrite() bool {
	return x.ResourceVersion != "" && x.Kind == seq.RequestKind && (x.From == seq.Kubelet || x.To == seq.Etcd)
}

// placeOfWait is the row before which a wait in a phase stands that ended before the row next: behind what was moved to
// an earlier phase from the one that follows the wait, before what was moved to its own.
func (f *figure) placeOfWait(next, phase int) int {
	begin := next // of the phase that follows
	for begin < len(f.rows) && f.rows[begin].phase == phase && f.again.folded[begin] != nil {
		begin++
	}
	moved := false
	for i := begin; ; i++ {
		switch {
		case i < len(f.rows) && f.rows[i].late == begin:
			if f.rows[i].phase == phase {
				return i
			}
			moved = true
		case i == len(f.rows) || f.again.folded[i] == nil:
			if moved {
				return i
			}
			return next
		}
	}
}
