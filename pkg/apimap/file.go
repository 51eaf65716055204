package apimap

// A snapshot in a file.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Version is the format of the files that this package writes, and the only one it reads.
const Version = "seq.map/v1alpha1"

// header is the first line.
type header struct {
	Type    string `json:"type"` // map
	Version string `json:"version"`
	Snapshot
}

// Write writes a snapshot: its facts, then an answer a line.
func (s *Snapshot) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	h := header{"map", Version, *s}
	h.Taken = h.Taken.UTC()
	if err := enc.Encode(h); err != nil {
		return err
	}
	for _, a := range s.Answers {
		if err := enc.Encode(a.withoutArguments()); err != nil {
			return err
		}
	}
	return enc.Encode(map[string]string{"type": "end"})
}

// ErrCut is returned, with everything before the cut, for a file that has no end.
var ErrCut = errors.New("the recording is cut off")

// Is reports whether a file that begins so has a snapshot.
func Is(firstLine []byte) bool {
	var h struct{ Type string }
	return json.Unmarshal(firstLine, &h) == nil && h.Type == "map"
}

// Read reads a snapshot. Blank lines are skipped.
func Read(from io.Reader) (*Snapshot, error) {
	lines := bufio.NewReader(from)
	first, err := lines.ReadBytes('\n')
	if err != nil && len(first) == 0 {
		return nil, errors.New("the recording is empty")
	}
	var h header
	if err := json.Unmarshal(first, &h); err != nil || h.Type != "map" {
		return nil, errors.New("not the recording of a map: line 1 is not its header")
	}
	if h.Version != Version {
		return nil, fmt.Errorf("this recording is of version %q; this program reads %s", h.Version, Version)
	}
	s := &h.Snapshot
	for n := 2; ; n++ {
		text, err := lines.ReadBytes('\n')
		var l struct {
			Type string
			Answer
		}
		switch {
		case len(bytes.TrimSpace(text)) == 0:
		case json.Unmarshal(text, &l) != nil && err == nil:
			return nil, fmt.Errorf("line %d is not an answer", n)
		case l.Type == "end":
			return s, nil
		case l.Ask != "":
			s.Answers = append(s.Answers, l.Answer)
		}
		if err == io.EOF {
			return s, ErrCut
		}
		if err != nil {
			return s, err
		}
	}
}
