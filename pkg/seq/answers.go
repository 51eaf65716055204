package seq

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Run is what the observations say of the run as a whole.
type Run struct {
	Subject  Object
	Server   string        // version of the API server, such as v1.37.2; empty until it has told
	Sources  []string      // what observations came from, as evidence names it
	Image    string        // of the first container; empty until it is known, and where there is none
	Runtime  Participant   // the runtime of the subject's node: Runtime until it is known
	Node     string        // of the subject; empty until it has one
	Expected []Participant // those that such a Pod's start involves, seen already or not
	// from which relative times count: when the request that the run is about was sent. Of a run that only looks, the
	// second of the object's creation, or when it was first seen.
	Origin     time.Time
	Request    string    // id of the request that the run is about, the first of several; empty where it only looks
	AttachedAt time.Time // since when a run that only looks does so, see Attach: print times of the day; else zero
	Clocks     []Clock
	Delay      time.Duration // how long what happens in this run takes to be told, about: by that, likely is less sharp
	Unseen     []string      // what could not be seen, in plain words
	Denied     []string      // what one source denied that others had led to
}

// State is how far an object has come. That of the Pod in which a command is run is the Pod's; Aftermath has the
// command's.
type State struct {
	Created   bool
	Available bool // it does what it is there for; of a Pod, that is to be Ready
	Scheduled bool
	Running   bool // every container has been started
	Ready     bool
	Succeeded bool
	Failed    bool
	Deleting  bool // it is still there, but will not be for long
	Deleted   bool
	Remark    string // what is not obvious about it, in plain words; may be empty
	// what was answered instead of making or deleting the object, or of running a command in it; empty for nothing
	Refused string
}

// Phase is one part of a run: all stretches of time that nothing but it explains best. The phases of a run do not
// overlap, and their likeliest durations add up to the run.
type Phase struct {
	Name     string
	Earliest time.Time     // when it began at the earliest
	Latest   time.Time     // when it ended at the latest
	Min, Max time.Duration // bounds of what it took
	Took     time.Duration // the likeliest; of an open phase, up to the end of the run
	Within   time.Duration // how far from Took it was in 95 of 100 runs at the most; 0 where that is not known
	Explain  string
	Parts    []Part // in order
	Open     bool   // it had not ended when the run did
	Waiting  bool   // nothing works in it: a time has to pass, or somebody has to act
}

// Combined is how far the sum or the difference of times is off that are off by that, each independently of the others.
func Combined(offs ...time.Duration) time.Duration {
	sum := 0.0
	for _, d := range offs {
		sum += float64(d) * float64(d)
	}
	return time.Duration(math.Sqrt(sum))
}

// Unknown is the name of the phase of which nothing that was observed says what happened in it.
const Unknown = "not known"

// Lately is how long its last part has most likely taken.
func (p Phase) Lately() time.Duration {
	if len(p.Parts) == 0 {
		return 0
	}
	last := p.Parts[len(p.Parts)-1].Likely
	return last.Latest.Sub(last.Earliest)
}

// Part is one stretch of a phase, between two messages.
type Part struct {
	Begin, End Key    // of the steps; empty where the run itself began or ended there
	Window            // from when it began at the earliest to when it ended at the latest
	Likely     Window // from when it is likeliest to have begun to when it is likeliest to have ended
	// of which it is, where it begins with a step that is about a container; of several in the order in which they began
	Containers []string
}

// Wait is a wait inside Kubernetes that this run shows: time in which nothing worked. It is fixed, or grows.
type Wait struct {
	Name    string        // of the constant in the kubelet's source, of the field of the Pod, or of the reason
	Phase   string        // of which it is a part; empty where it is part of none
	Length  time.Duration // zero where the run does not tell
	Grows   bool          // with each failure: a back-off
	Explain string        // in plain words
	Remedy  string        // what removes it
}

// Obstacle is what keeps the subject from getting further, or what ended it: also the deletion that the run itself
// asked for, or the exit that it waited for. Whether that is a failure is for who knows what the run was to reach.
type Obstacle struct {
	Name      string      // row of the table of causes
	Object    Object      // what it holds
	By        Participant // who holds it, or ended it
	Container string      // where it is about one
	Reason    string      // in the API's own words
	Message   string      // likewise
	Explain   string      // in plain words
	NextSteps []NextStep  // what to try, the best first
	Since     time.Time   // when we first learned of it, on our clock
	HeldSince time.Time   // since when it holds, as far as the cluster tells, on our clock; else Since
	// it is known by a whole second only
	HeldWholeSeconds bool
	Held             time.Duration // from HeldSince until now
	DeadEnd          bool          // nothing that Kubernetes does by itself will change it
	Evidence         []Evidence    // what told of it first, and last
}

// NextStep is something to try where an object is held.
type NextStep struct {
	// what to do, or what to ask; may be empty
	Text string `json:"text,omitempty"`
	// for a shell, as it is to be typed; empty where it is a change of a manifest, or of a program
	Command string `json:"command,omitempty"`
}

func (n NextStep) String() string { return strings.TrimSpace(n.Text + " " + n.Command) }

var kubectlWord = regexp.MustCompile(`\bkubectl( seq)? `)

// WithFlags gives each kubectl of a text these flags, such as those by which the run reached its cluster.
func WithFlags(text string, flags []string) string {
	var words string
	for _, f := range flags {
		words += ShellQuoted(f) + " "
	}
	return kubectlWord.ReplaceAllString(text, "${0}"+strings.ReplaceAll(words, "$", "$$"))
}

var shellSafe = regexp.MustCompile(`^[\w@%+=:,./-]*$`)

// ShellQuoted is a word as a POSIX shell reads it back, on one line: what would end that, or is not to be seen, is
// escaped in $'…', which bash, zsh, busybox and POSIX.1-2024 have.
func ShellQuoted(s string) string {
	if shellSafe.MatchString(s) {
		return s
	}
	if strings.ContainsFunc(s, unseen) {
		var b strings.Builder
		for _, r := range s {
			switch {
			case r == '\n':
				b.WriteString(`\n`)
			case r == '\t':
				b.WriteString(`\t`)
			case unseen(r) || r == '\'' || r == '\\':
				for _, x := range []byte(string(r)) {
					fmt.Fprintf(&b, `\%03o`, x)
				}
			default:
				b.WriteRune(r)
			}
		}
		return "$'" + b.String() + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// unseen reports whether a character moves the cursor, ends a line, or reorders what stands beside it.
func unseen(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

// Next is the first of the steps to try, or empty.
func (o *Obstacle) Next() string {
	if len(o.NextSteps) == 0 {
		return ""
	}
	return o.NextSteps[0].String()
}

// Member is one Pod of a run that is about something else.
type Member struct {
	Object    Object
	Owner     Object // its controller
	Node      string
	State     State
	CreatedAt time.Time // when it was stored, most likely; zero where that was not seen
	// from then until it was Ready, or had succeeded; zero while it is not, or where that was not seen
	Took   time.Duration
	Phases []Phase // of its start; of one that is not ready yet, of all until now
	Waits  []Wait  // that these show
}

// Drawn says of which Pods all messages are derived, where a run is about something else. The zero value is all.
type Drawn struct {
	Some  bool     // only of some
	First bool     // of these: the one that was made first
	Pods  []string // and those with these uids
}

// Aftermath is how far what a command led to has come.
type Aftermath struct {
	Exec            *Exec // the command; nil where none has been sent
	CommandEnded    bool
	EndedContainers []string  // containers of the Pod that have ended since it was sent
	Recovered       bool      // all of these run again, and the Pod is Ready
	EndedForGood    bool      // all of these have ended for good, by the Pod's restartPolicy
	ReachedBy       time.Time // when the Pod had certainly become so
}
