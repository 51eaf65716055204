package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/kubectl-seq/kubectl-seq/pkg/audit"
	"github.com/kubectl-seq/kubectl-seq/pkg/otlp"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// evidenceFlags name what a cluster may record of itself.
type evidenceFlags struct {
	audit, spans, listen string
	late                 time.Duration
}

// evidenceOptions are what they mean.
type evidenceOptions struct{ evidenceFlags }

func (f *evidenceFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.audit, "audit-log", "",
		"the API server's audit log, as evidence: FILE, - for standard input, or node:PATH on the control-plane node "+
			"(see kubectl seq sources)")
	fs.StringVar(&f.spans, "spans", "",
		"OpenTelemetry spans in OTLP JSON lines, as evidence: FILE, or node:PATH on the nodes of the control plane and of "+
			"the Pods")
	fs.StringVar(&f.listen, "otlp-listen", "",
		"receive OpenTelemetry spans (OTLP) on this address and use them as evidence; \":4317\" listens on loopback only")
	fs.DurationVar(&f.late, "evidence-timeout", 6*time.Second,
		"how long to wait at the end for late audit entries and spans")
	fs.DurationVar(&f.late, "drain", f.late, "as --evidence-timeout, which it was called once")
	if err := fs.MarkHidden("drain"); err != nil {
		panic(err) // it is not there
	}
}

func (f *evidenceFlags) toOptions() (evidenceOptions, error) {
	switch {
	case f.late < 0:
		return evidenceOptions{}, errors.New("--evidence-timeout must not be below 0")
	case f.spans != "" && f.listen != "":
		return evidenceOptions{}, errors.New("--spans and --otlp-listen do not go together")
	case f.spans == "-":
		return evidenceOptions{}, errors.New("--spans reads a file, or node:PATH")
	}
	return evidenceOptions{*f}, nil
}

func (o evidenceOptions) stdin() bool   { return o.audit == "-" }
func (o evidenceOptions) audited() bool { return o.audit != "" }
func (o evidenceOptions) traced() bool  { return o.spans != "" || o.listen != "" }

// drain is how late evidence may come.
func (o evidenceOptions) drain() time.Duration {
	if o.audited() || o.traced() {
		return o.late
	}
	return 0
}

// evidence is the audit log and spans of one run under way.
type evidence struct {
	evidenceOptions
	observations chan seq.Observation // nil where there is neither
	drain        time.Duration
	wg           sync.WaitGroup
	done         <-chan struct{}
	readNode     func(name string) // nil where no node has to be read but those that are
	nodes        map[string]bool   // that are read
}

// startEvidence begins to read from where the files end now, before anything happens.
func startEvidence(ctx context.Context, o *followOptions) (*evidence, error) {
	e := &evidence{evidenceOptions: o.evidence, drain: o.evidence.drain(), done: ctx.Done(), nodes: map[string]bool{}}
	if e.drain == 0 && !o.evidence.audited() && !o.evidence.traced() {
		return e, nil
	}
	e.observations = make(chan seq.Observation, 256)
	if o.evidence.audited() {
		if err := e.startAudit(ctx, o); err != nil {
			return nil, fmt.Errorf("--audit-log=%s: %w", o.evidence.audit, err)
		}
	}
	if o.evidence.spans != "" {
		if err := e.startSpans(ctx, o); err != nil {
			return nil, fmt.Errorf("--spans=%s: %w", o.evidence.spans, err)
		}
	}
	if o.evidence.listen != "" {
		if err := e.listen(ctx, o); err != nil {
			return nil, fmt.Errorf("--otlp-listen=%s: %w", o.evidence.evidenceFlags.listen, err)
		}
	}
	return e, nil
}

// names reports whether records about an object of that name are kept.
func (o *followOptions) names(name string) bool {
	if o.scope.Name != "" {
		return name == o.scope.Name
	}
	return o.scope.Includes(name)
}

// wait returns when all goroutines have ended, which they do when the context does.
func (e *evidence) wait() { e.wg.Wait() }

// whole reports that nothing more is expected.
func (e *evidence) whole(t *trace.Trace) bool {
	return e.observations == nil || t.RecordsComplete(e.audited(), e.traced())
}

func (e *evidence) emit(o seq.Observation) {
	o.Received = now()
	select {
	case e.observations <- o:
	case <-e.done:
	}
}

// lost counts what a source had that could not be used.
func (e *evidence) lost(source string) func(what string) {
	var mu sync.Mutex
	n := map[string]int{}
	return func(what string) {
		mu.Lock()
		defer mu.Unlock()
		n[what]++
		e.emit(seq.Observation{Loss: &seq.Loss{Source: source, What: what, Count: n[what]}})
	}
}

func (e *evidence) startAudit(ctx context.Context, o *followOptions) error {
	lost := e.lost("audit")
	take := func(line []byte) {
		a, err := audit.Parse(line, o.scope.Namespace, o.names)
		if err != nil {
			lost("a line that is no audit entry")
		} else if a != nil {
			e.emit(seq.Observation{Audit: a})
		}
	}
	if o.evidence.stdin() {
		go func() { // a read of a terminal or pipe cannot be interrupted: it ends with the program
			lines := bufio.NewScanner(o.In)
			lines.Buffer(nil, 16<<20)
			for lines.Scan() {
				take(lines.Bytes())
			}
			if lines.Err() != nil {
				lost(lines.Err().Error())
			}
		}()
		return nil
	}
	files, err := files(ctx, o.config, o.evidence.audit)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := e.follow(ctx, o.config, log{f, isAudit, take, lost, 0}); err != nil {
			return err
		}
	}
	return nil
}

// isAudit reports whether a line is of an audit log, isSpans whether it is OTLP.
func isAudit(line []byte) error {
	if _, err := audit.Parse(line, "", func(string) bool { return false }); err != nil {
		return hinted(errors.New("not an audit log: its first line is no Event of audit.k8s.io"),
			"kubectl seq sources shows what this cluster records")
	}
	return nil
}

func isSpans(line []byte) error {
	if _, err := otlp.ParseJSON(line); err != nil || !bytes.Contains(line, []byte(`"resourceSpans"`)) {
		return hinted(errors.New("not spans: its first line is no OTLP JSON with resourceSpans"),
			"kubectl seq sources shows what this cluster records")
	}
	return nil
}

func (e *evidence) startSpans(ctx context.Context, o *followOptions) error {
	lost := e.lost("spans")
	var mu sync.Mutex // of the filter: a trace has spans from several nodes
	filter := otlp.NewFilter(o.scope.Namespace, o.names).Containers(o.containers...)
	take := func(line []byte) {
		batch, err := otlp.ParseJSON(line)
		if err != nil {
			lost("a line that is no OTLP JSON")
			return
		}
		mu.Lock()
		defer mu.Unlock()
		filter.Add(batch, func(s *seq.Span) { e.emit(seq.Observation{Span: s}) })
	}
	files, err := files(ctx, o.config, o.evidence.spans)
	if path, onNodes := onNodes(o.evidence.spans); onNodes {
		if errors.Is(err, errNoControlPlane) {
			err = nil // the nodes of the Pods may have spans all the same
		}
		e.readNode = func(name string) {
			of := func(what string) { lost("node " + name + ": " + what) }
			if err := e.follow(ctx, o.config, log{onNode(name, path), isSpans, take, of, lookBack}); err != nil {
				of(err.Error())
			}
		}
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		node, _, _ := strings.Cut(strings.TrimPrefix(f, "node:"), ":")
		e.nodes[node] = true
		if err := e.follow(ctx, o.config, log{f, isSpans, take, lost, 0}); err != nil {
			return err
		}
	}
	return nil
}

// sees has the node of a Pod read from now on.
func (e *evidence) sees(o seq.Observation) {
	if e.readNode == nil || o.Change == nil || o.Change.Pod == nil {
		return
	}
	if node := o.Change.Pod.Spec.NodeName; node != "" && !e.nodes[node] {
		e.nodes[node] = true
		e.wg.Go(func() { e.readNode(node) })
	}
}

func (e *evidence) listen(ctx context.Context, o *followOptions) error {
	l, err := otlp.Listen(o.evidence.evidenceFlags.listen)
	if err != nil {
		return err
	}
	fmt.Fprintln(o.ErrOut, "receiving spans at", l.Addr())
	batches := make(chan ptrace.Traces, 64)
	e.wg.Go(func() {
		if err := otlp.Serve(ctx, l, func(req ptraceotlp.ExportRequest) {
			select {
			case batches <- req.Traces():
			case <-ctx.Done():
			}
		}); err != nil {
			e.lost("spans")(err.Error())
		}
	})
	e.wg.Go(func() {
		filter := otlp.NewFilter(o.scope.Namespace, o.names).Containers(o.containers...)
		for {
			select {
			case b := <-batches:
				filter.Add(b, func(s *seq.Span) { e.emit(seq.Observation{Span: s}) })
			case <-ctx.Done():
				return
			}
		}
	})
	return nil
}
