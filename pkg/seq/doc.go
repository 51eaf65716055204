// Package seq is the vocabulary of kubectl seq: what sources observe (Observation), what follows from that (Step and
// its Window, Certainty and Evidence), and what is answered about a run as a whole (Run, State, Phase, Wait, Obstacle,
// Member). Observations come from packages watch, docker, audit and otlp, or from a file by package recording. Nothing
// is concluded here: package trace makes the second and the third of the first.
package seq
