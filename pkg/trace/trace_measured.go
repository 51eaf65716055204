package trace

// How far likely instants were from the truth, as it was measured last.

var measured = map[string]accuracy{}
