package render

import (
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// longMessage is from how many bytes on a message is not said again, as long as the same comes again and again.
const longMessage = 60

// speaker is who says something of what kind: a message is compared with the last of the same.
type speaker struct {
	from, to seq.Participant
	head     string
}

// repeats are the last long messages, each with how many times it came without another between.
type repeats map[speaker]lastSaid

type lastSaid struct {
	message string
	times   int
}

// repeated is a long message at an index of the steps.
type repeated struct {
	index int
	who   speaker
	last  lastSaid
}

// words part what a row says into what it is about and the message that follows: of a note, or of a call's answer.
func (y Style) words(s, answer *seq.Step) (who speaker, message string) {
	result := y.result(s, answer)
	head, message, _ := strings.Cut(s.Label+result, ": ")
	if s.Kind != seq.NoteKind && result == "" {
		message = ""
	}
	return speaker{s.From, s.To, head}, message
}

// times is how many times the message of the next row, and whose it is, has come in a row by now, or 0 if it is short.
func (r repeats) times(y Style, s, answer *seq.Step) (speaker, int) {
	who, message := y.words(s, answer)
	if len(message) < longMessage {
		delete(r, who)
		return who, 0
	}
	last := r[who]
	if last.message != message {
		last = lastSaid{message: message}
	}
	last.times++
	r[who] = last
	return who, last.times
}
