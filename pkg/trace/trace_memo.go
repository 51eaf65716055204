package trace

// What is remembered of each story between looks: what was answered about it, for as long as it is as it was.

import (
	"slices"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// storyEntry is one story, with its claims and with what was answered about it.
type storyEntry struct {
	*story
	drawn    bool   // what it is about is, see Draw
	counted  bool   // see onlyCounts
	group    *group // the last that it was of
	version  uint64 // by which it, or a step of it, changed last
	member   uint64 // the version by which it was told as a member; 0 for never
	held     memo[held]
	underWay memo[storyProgress]
	outline  memo[outline]
	cycles   memo[[]seq.Cycle]
	sections sections
}

// memo is an answer, which is not asked again until what it is about has changed.
type memo[T any] struct {
	version uint64 // of what it is about; 0 while it was not asked
	value   T
}

func (m *memo[T]) get(version uint64, ask func() T) *T {
	if m.version != version || m.version == 0 {
		m.version, m.value = version, ask()
	}
	return &m.value
}

// group is some of the stories, one after another, with what was answered about all of them: so that, of thousands, not
// each is asked again when one has changed.
type group struct {
	entries  []*storyEntry
	version  uint64 // by which one of them changed last
	held     memo[held]
	underWay memo[groupProgress]
	outline  memo[outlineOfAll]
}

// groupSize is of how many stories a group is.
const groupSize = 64

// groups are those of all stories, in their order.
func (r *result) groups() []*group {
	for from := len(r.grouped) * groupSize; from < len(r.entries); from += groupSize {
		g := &group{entries: slices.Clone(r.entries[from:min(from+groupSize, len(r.entries))]), version: r.deriving}
		for _, e := range g.entries {
			e.group = g
		}
		r.grouped = append(r.grouped, g)
	}
	return r.grouped
}

// ungroup has the stories from the i-th on be grouped anew.
func (r *result) ungroup(i int) { r.grouped = r.grouped[:min(len(r.grouped), i/groupSize)] }

// touch notes that a story, or a step of it, has changed.
func (r *result) touch(e *storyEntry) {
	e.version = r.deriving
	if e.group != nil {
		e.group.version = r.deriving
	}
}

// holding is what was answered to Obstacle: a look asks for it several times.
type holding struct {
	version  uint64
	now      time.Time
	obstacle seq.Obstacle
	is       bool
}

// held is whether something may hold an object.
type held struct {
	nothing bool      // as far as is known
	until   time.Time // nor before that, whatever is known; zero for never
}

// storyProgress is what goes on in a story of which only its end will tell what happened in it.
type storyProgress struct {
	since     time.Time // zero for nothing
	events    []unsettled
	delivered []delivery // of the Events
}

// groupProgress is that of all stories of a group that count, see result.counts.
type groupProgress struct {
	since        time.Time
	events       []unsettled
	fastest      []time.Duration // of the Events of each emitter, be their story one that counts or not
	lastReceived int64           // likewise: when the last of them reached us; in nanoseconds since 1970
}

// unsettled is an Event of which another observation may tell what it was about.
type unsettled struct{ received, since time.Time }

// delivery is the way of an Event to us.
type delivery struct {
	emitter  int           // see result.emitterIndex
	received int64         // in nanoseconds since 1970
	took     time.Duration // as far as the clocks agree
}

// emitterIndex is the number of an emitter of Events, from 0.
func (r *result) emitterIndex(p seq.Participant) int {
	i := slices.Index(r.emitters, p)
	if i < 0 {
		i, r.emitters = len(r.emitters), append(r.emitters, p)
	}
	return i
}

// outline is what of a story counts for the run as a whole.
type outline struct {
	pod           bool
	known         bool            // there is a revision
	changed       bool            // there are several
	existedBefore bool            // it was there when the run looked
	events        bool            // there are Events about it
	drawn         bool            // something of it is of the run
	timed         bool            // spans tell when its sandbox began
	kubelet       bool            // a kubelet reports
	reporter      seq.Participant // who else does, of a Pod
	sandbox       bool            // the start of its sandbox is told
	scheduled     bool            // it has a node, and its containers start in this run
	dropped       int             // starts of containers whose Events were dropped
	runtime       seq.Participant // of its node, where that is known
	unjoined      int             // recorded writes of which it is not known what they made

	contradictions []string  // see reading
	clock          seq.Clock // of its node's kubelet
}

// outlineOfAll is what all stories together count for the run.
type outlineOfAll struct {
	outline                           // of all, or of the Pods of which something is drawn
	eventsOfPods bool                 // there are Events about these
	compared     bool                 // … after another revision than the first that was found
	played       int                  // Pods of which somebody else than a kubelet reports
	clocks       map[string]seq.Clock // by node
}

// stepTimes is what decides whether steps are final, of one or of several.
type stepTimes struct {
	unknown     bool      // nothing says when one happened
	lastCertain time.Time // by when all had certainly happened, or are likeliest to have
	lastLikely  time.Time // the last of their likeliest instants
}

func (s *stepTimes) add(x *seq.Step) {
	last := instant.Later(x.Window.Latest, x.Best)
	s.unknown = s.unknown || last.IsZero()
	s.lastCertain, s.lastLikely = instant.Later(s.lastCertain, last), instant.Later(s.lastLikely, x.Best)
}
