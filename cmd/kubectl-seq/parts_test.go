package main

import (
	"bytes"
	"io"
	"os"
	"testing"
	"time"

	"github.com/creack/pty"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// timedWriter adds up how long writes take.
type timedWriter struct {
	to    io.Writer
	spent time.Duration
}

func (w *timedWriter) Write(p []byte) (int, error) {
	begun := time.Now()
	defer func() { w.spent += time.Since(begun) }()
	return w.to.Write(p)
}

// BenchmarkParts is where the time goes between a Pod or an Event on the wire and its line in a terminal, on average
// over those of a run: its decoding, taking it, deriving what follows from it, drawing that, and writing it.
func BenchmarkParts(b *testing.B) {
	r, err := recording.Read(bytes.NewReader(demo))
	if err != nil {
		b.Fatal(err)
	}
	serializer := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	object := func(o seq.Observation) runtime.Object {
		switch {
		case o.Change != nil && o.Change.Pod != nil:
			return o.Change.Pod
		case o.Event != nil:
			return o.Event.Event
		}
		return nil
	}
	wire := map[int][]byte{}
	for i, o := range r.Observations {
		if x := object(o); x != nil {
			var buf bytes.Buffer
			if err := scheme.Codecs.EncoderForVersion(serializer, corev1.SchemeGroupVersion).Encode(x, &buf); err != nil {
				b.Fatal(err)
			}
			wire[i] = buf.Bytes()
		}
	}
	screen, tty, err := pty.Open()
	if err != nil {
		b.Fatal(err)
	}
	go io.Copy(io.Discard, screen)
	defer screen.Close()
	defer tty.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Cols: 150, Rows: 50}); err != nil {
		b.Fatal(err)
	}
	var decode, take, derive, draw, write time.Duration
	for b.Loop() {
		style, size, err := terminal(tty, "always", os.Getenv)
		if err != nil {
			b.Fatal(err)
		}
		out := &timedWriter{to: tty}
		outputs, err := openOutputs(drawOptions{targets: []target{{format: "listing"}}, style: style, size: size}, out)
		if err != nil {
			b.Fatal(err)
		}
		s := sessionOf(r)
		s.out, s.settle = outputs, time.Second
		for i, o := range r.Observations {
			begun := time.Now()
			if raw, ok := wire[i]; ok {
				if _, _, err := serializer.Decode(raw, nil, nil); err != nil {
					b.Fatal(err)
				}
			}
			decoded := time.Now()
			s.observe(o)
			taken := time.Now()
			s.trace.Questions()
			s.trace.Unobservable()
			s.decided()
			s.deadEnd()
			derived := time.Now()
			out.spent = 0
			if err := s.draw(); err != nil {
				b.Fatal(err)
			}
			if _, ok := wire[i]; ok {
				decode += decoded.Sub(begun)
				take += taken.Sub(decoded)
				derive += derived.Sub(taken)
				draw += time.Since(derived) - out.spent
				write += out.spent
			}
		}
	}
	n := float64(b.N * len(wire))
	for name, d := range map[string]time.Duration{
		"decode": decode, "take": take, "derive": derive, "draw": draw, "write": write,
	} {
		b.ReportMetric(float64(d.Nanoseconds())/1000/n, "µs-"+name)
	}
	b.ReportMetric(0, "ns/op")
}
