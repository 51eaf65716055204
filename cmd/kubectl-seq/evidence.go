package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-seq/kubectl-seq/pkg/audit"
	"github.com/kubectl-seq/kubectl-seq/pkg/logfile"
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
	fs.StringVar(&f.spans, "spans", "", "OpenTelemetry spans in OTLP JSON lines, as evidence: FILE, or node:PATH")
	fs.StringVar(&f.listen, "otlp-listen", "",
		"address to receive spans at by OTLP, as evidence, such as :4317 (loopback unless it names a host)")
	fs.DurationVar(&f.late, "evidence-timeout", 6*time.Second,
		"how long to wait for audit entries and spans after the end; they come late")
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
}

// startEvidence begins to read from where the files end now, before anything happens.
func startEvidence(ctx context.Context, o *followOptions) (*evidence, error) {
	e := &evidence{evidenceOptions: o.evidence, drain: o.evidence.drain(), done: ctx.Done()}
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
	n := map[string]int{}
	return func(what string) {
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
	return e.follow(ctx, o, o.evidence.audit, isAudit, take, lost)
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
	filter := otlp.NewFilter(o.scope.Namespace, o.names).Containers(o.containers...)
	return e.follow(ctx, o, o.evidence.spans, isSpans, func(line []byte) {
		batch, err := otlp.ParseJSON(line)
		if err != nil {
			lost("a line that is no OTLP JSON")
			return
		}
		filter.Add(batch, func(s *seq.Span) { e.emit(seq.Observation{Span: s}) })
	}, lost)
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

// follow reads what is added to a file from now on. The first line there is has to be of the right sort.
func (e *evidence) follow(ctx context.Context, o *followOptions, name string, is func([]byte) error, line func([]byte),
	lost func(string)) error {
	f, err := openLog(ctx, o.config, name)
	if err != nil {
		return err
	}
	size, err := f.Size(ctx)
	if err != nil {
		return err
	}
	begin, err := f.ReadFrom(ctx, 0)
	if err != nil {
		return err
	}
	if first, _, whole := bytes.Cut(begin, []byte("\n")); whole {
		if err := is(first); err != nil {
			return err
		}
	}
	e.wg.Go(func() {
		if err := logfile.Follow(ctx, f, size, line, lost); err != nil {
			lost(err.Error())
		}
		if c, ok := f.(io.Closer); ok {
			c.Close()
		}
	})
	return nil
}

// openLog opens FILE, node:PATH on the control-plane node, or node:NAME:PATH.
func openLog(ctx context.Context, config *rest.Config, name string) (logfile.File, error) {
	path, onNode := strings.CutPrefix(name, "node:")
	if !onNode {
		return logfile.Open(name)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	server, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	node := ""
	if !strings.HasPrefix(path, "/") {
		node, path, _ = strings.Cut(path, ":")
	} else if node, err = controlPlane(ctx, config, client); err != nil {
		return nil, err
	}
	return logfile.OnNode(client, server.String(), node, path)
}

// controlPlane is the node that runs the API server: the one with the label of that role, or the only one.
func controlPlane(ctx context.Context, config *rest.Config, client *http.Client) (string, error) {
	c, err := corev1client.NewForConfigAndClient(config, client)
	if err != nil {
		return "", err
	}
	nodes, err := c.Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", hinted(fmt.Errorf("find the control-plane node: %w", err), "name it: node:NAME:PATH")
	}
	for _, n := range nodes.Items {
		if _, ok := n.Labels["node-role.kubernetes.io/control-plane"]; ok {
			return n.Name, nil
		}
	}
	if len(nodes.Items) == 1 {
		return nodes.Items[0].Name, nil
	}
	return "", hinted(errors.New("no node has the label node-role.kubernetes.io/control-plane"), "name it: node:NAME:PATH")
}
