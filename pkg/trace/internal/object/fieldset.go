package object

// The sets of fields of managedFields, read where they are: they are the largest part of an object.

import (
	"bytes"
	"encoding/json"
	"iter"
)

// members are those of a JSON object whose values are objects, all the way down, which is what a set of fields is. What
// is not has none, or ends where it stops to be.
func members(set []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		rest, ok := bytes.CutPrefix(bytes.TrimLeft(set, space), []byte("{"))
		for ok {
			rest = bytes.TrimLeft(rest, space+",")
			n := stringLength(rest)
			if n == 0 {
				return
			}
			key := rest[:n]
			rest = bytes.TrimLeft(rest[n:], space+":")
			size := objectLength(rest)
			if size == 0 || !yield(unquoted(key), rest[:size]) {
				return
			}
			rest = rest[size:]
		}
	}
}

const space = " \t\r\n"

// hasMembers reports whether a set of fields has any.
func hasMembers(set []byte) bool {
	for range members(set) {
		return true
	}
	return false
}

// stringLength is how many bytes the JSON string has with which text begins; 0 where it begins with none.
func stringLength(text []byte) int {
	if len(text) == 0 || text[0] != '"' {
		return 0
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// objectLength is how many bytes the JSON object has with which text begins; 0 where it begins with none.
func objectLength(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			n := stringLength(text[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case '{':
			depth++
		case '}':
			depth--
			if depth <= 0 {
				return i + 1
			}
		}
		if depth == 0 {
			return 0
		}
	}
	return 0
}

// unquoted is the text of a JSON string.
func unquoted(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var text string
	if json.Unmarshal(quoted, &text) != nil {
		return nil
	}
	return []byte(text)
}
