package seq

import (
	"encoding/hex"
	"strings"
	"testing"
)

func TestTraceContext(t *testing.T) {
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	own := NewTraceContext("", "request")
	if own != NewTraceContext("", "request") || own.TraceID == NewTraceContext("", "other").TraceID ||
		own.Parent != [8]byte{} {
		t.Errorf("%+v", own)
	}
	for given, continued := range map[string]bool{
		"00-" + trace + "-" + parent + "-01":                   true,
		"00-" + trace + "-" + parent + "-00":                   true,
		"cc-" + trace + "-" + parent + "-01-what":              true, // of a later version
		"00-" + trace + "-" + parent + "-01-what":              false,
		"ff-" + trace + "-" + parent + "-01":                   false,
		"00-" + strings.ToUpper(trace) + "-" + parent + "-01":  false,
		"00-" + strings.Repeat("0", 32) + "-" + parent + "-01": false,
		"00-" + trace + "-" + strings.Repeat("0", 16) + "-01":  false,
		"00-" + trace: false,
	} {
		c := NewTraceContext(given, "request")
		if is := hex.EncodeToString(c.TraceID[:]) == trace && hex.EncodeToString(c.Parent[:]) == parent; is != continued {
			t.Errorf("%s: %+v", given, c)
		}
		if !continued && c != own {
			t.Errorf("%s is not taken for none: %+v", given, c)
		}
	}
	// Two runs below one parent have spans of their own.
	given := "00-" + trace + "-" + parent + "-01"
	a, b := NewTraceContext(given, "a"), NewTraceContext(given, "b")
	if a.Span("key") == b.Span("key") || a.Span("key") == a.Span("other") {
		t.Error("two spans have one id")
	}
	if again := NewTraceContext(a.Header("key"), "a"); again.TraceID != a.TraceID || again.Parent != a.Span("key") {
		t.Errorf("%s is read as %+v", a.Header("key"), again)
	}
}
