package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
)

const evidenceDoc = "docs/evidence.md"

func newSources(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "sources",
		Short: "Show what can be seen on this cluster, with your rights",
		Long: `Show which sources of evidence this cluster offers to you: what each gives, or why it is not there and how to get it.
Nothing is changed. The exit code is 0 whatever is found.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
			if err != nil {
				return noCluster(err)
			}
			c, err := restConfig(config)
			if err != nil {
				return err
			}
			s, err := newSurvey(c, namespace, streams.ErrOut)
			if err != nil {
				return err
			}
			return s.print(cmd.Context(), streams.Out, wait)
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 11*time.Second,
		"how long to watch leases, which tell the clocks of components: a kubelet renews its lease every 10 s")
	return cmd
}

// finding is what is known of one source.
type finding struct {
	source string
	seen   bool
	what   string // what it gives, or why it is not there
	how    string // to get it, where it is not there; to use it, where it is
}

// survey asks a cluster what it offers.
type survey struct {
	namespace string
	errOut    io.Writer
	core      *corev1client.CoreV1Client
	leases    *coordinationclient.CoordinationV1Client
	config    *rest.Config
}

func newSurvey(config *rest.Config, namespace string, errOut io.Writer) (*survey, error) {
	config = rest.AddUserAgent(config, "sources")
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	core, err := corev1client.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, err
	}
	leases, err := coordinationclient.NewForConfigAndClient(config, client)
	return &survey{namespace, errOut, core, leases, config}, err
}

func (s *survey) print(ctx context.Context, out io.Writer, wait time.Duration) error {
	findings := []finding{s.pods(ctx), s.events(ctx)}
	if !findings[0].seen && ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Fprintf(s.errOut, "watching leases for %v\n", wait)
	findings = append(findings, s.clocks(ctx, wait))
	nodes, err := listNodes(ctx, s.core)
	var control []string
	if err == nil {
		control, err = controlPlane(nodes)
	}
	if err != nil && !errors.Is(err, errNoControlPlane) || len(nodes) == 0 {
		why := reason(err)
		findings = append(findings, finding{"metrics", false, why, "the right to list nodes and get nodes/proxy"},
			finding{"audit", false, why,
				"the node and the file by name, --audit-log=node:NAME:PATH, or a file of yours: " + evidenceDoc},
			finding{"spans", false, why,
				"the node and the file by name, --spans=node:NAME:PATH, or --otlp-listen=ADDRESS: " + evidenceDoc})
	} else {
		findings = append(findings, s.metrics(ctx, nodes), s.audit(ctx, control), s.spans(ctx, nodes))
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SOURCE\tSEEN\tWHAT")
	for _, f := range findings {
		seen := "no"
		if f.seen {
			seen = "yes"
		}
		what := f.what
		switch {
		case f.how != "" && f.seen:
			what += "\nuse it with " + f.how
		case f.how != "":
			what += "\nit needs " + f.how
		}
		for i, line := range strings.Split(what, "\n") {
			if i == 0 {
				fmt.Fprintf(w, "%s\t%s\t%s\n", f.source, seen, render.Plain(line))
			} else {
				fmt.Fprintf(w, "\t\t%s\n", render.Plain(line))
			}
		}
	}
	return w.Flush()
}

func reason(err error) string {
	if apierrors.IsForbidden(err) {
		return "you may not: " + err.Error()
	}
	return err.Error()
}

func (s *survey) pods(ctx context.Context) finding {
	_, err := s.core.Pods(s.namespace).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return finding{"watch", false, reason(err), "the right to create, list and watch pods in " + s.namespace}
	}
	return finding{"watch", true, "every write of a Pod: its revision, and most writers", ""}
}

func (s *survey) events(ctx context.Context) finding {
	_, err := s.core.Events(s.namespace).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return finding{"events", false, reason(err), "the right to list and watch events in " + s.namespace}
	}
	return finding{"events", true, "the kubelet's calls and the scheduler's choice, to the millisecond", ""}
}

// clocks compares the clocks of those who hold leases with ours: renewTime is the holder's, in microseconds.
func (s *survey) clocks(ctx context.Context, wait time.Duration) finding {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	w, err := s.leases.Leases("").Watch(ctx, metav1.ListOptions{})
	if err != nil {
		return finding{"leases", false, reason(err),
			"the right to watch leases in all namespaces; without it clocks are compared by Events"}
	}
	defer w.Stop()
	best := map[string]time.Duration{}
	for {
		var e any
		select {
		case event, ok := <-w.ResultChan():
			if !ok {
				return clockFinding(best)
			}
			if event.Type != "MODIFIED" {
				continue
			}
			e = event.Object
		case <-ctx.Done():
			return clockFinding(best)
		}
		received := now()
		l, ok := e.(*coordinationv1.Lease)
		if !ok || l.Spec.RenewTime == nil {
			continue
		}
		name := l.Namespace + "/" + l.Name
		if d := l.Spec.RenewTime.Sub(received); best[name] == 0 || d > best[name] {
			best[name] = d
		}
	}
}

func clockFinding(best map[string]time.Duration) finding {
	if len(best) == 0 {
		return finding{"leases", false, "no lease was renewed meanwhile", "a longer --wait"}
	}
	lines := []string{"clocks against ours, from a lease's renewal to its receipt (a few ms of it are the way):"}
	for _, name := range keys(best) {
		lines = append(lines, fmt.Sprintf("%+.1f ms  %s", float64(best[name])/1e6, name))
	}
	return finding{"leases", true, strings.Join(lines, "\n"), ""}
}

// proxied asks the node's kubelet, through the API server.
func (s *survey) proxied(ctx context.Context, node, path string) ([]byte, error) {
	return s.core.RESTClient().Get().AbsPath("/api/v1/nodes", node, "proxy", path).DoRaw(ctx)
}

const proxyRight = "the right to get nodes/proxy"

func (s *survey) metrics(ctx context.Context, nodes []corev1.Node) finding {
	node := nodes[0].Name
	data, err := s.proxied(ctx, node, "metrics")
	if err != nil {
		return finding{"metrics", false, reason(err), proxyRight}
	}
	n := strings.Count(string(data), "kubelet_runtime_operations_total{")
	return finding{"metrics", true, fmt.Sprintf("the kubelet of %s counts %d kinds of CRI calls; not used yet", node, n),
		""}
}

// flagsOf are the command-line flags of the API server, where it runs as a Pod.
func (s *survey) flagsOf(ctx context.Context, component string) map[string]string {
	flags := map[string]string{}
	pods, err := s.core.Pods("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "component=" + component})
	if err != nil {
		return flags
	}
	for _, p := range pods.Items {
		for _, c := range p.Spec.Containers {
			for _, arg := range slices.Concat(c.Command, c.Args) {
				if name, value, ok := strings.Cut(strings.TrimPrefix(arg, "--"), "="); ok {
					flags[name] = value
				}
			}
		}
	}
	return flags
}

// logs are where the audit log and spans lie by this project's own files for kind, and by hack/cluster.
const logs = "/var/log/kubernetes/"

func (s *survey) audit(ctx context.Context, control []string) finding {
	path := s.flagsOf(ctx, "kube-apiserver")["audit-log-path"]
	if path == "" {
		path = logs + "audit.log"
	}
	have, without := s.sizes(ctx, control, path)
	if have == "" {
		return finding{"audit", false, cmp.Or(strings.Join(without, "\n"), errNoControlPlane.Error()),
			"an audit log below /var/log of the node, and " + proxyRight + ": " + evidenceDoc}
	}
	return finding{"audit", true, strings.Join(append([]string{
		"who asked for what, in microseconds (" + have + " so far)"}, without...), "\n"), "--audit-log=node:" + path}
}

// maxAsked bounds how many nodes are asked for a file.
const maxAsked = 32

// sizes says how much of a file these nodes have, and which have none.
func (s *survey) sizes(ctx context.Context, nodes []string, path string) (have string, without []string) {
	var all []string
	for _, node := range nodes {
		f, err := openLog(s.config, onNode(node, path))
		var size int64
		if err == nil {
			size, err = f.Size(ctx)
		}
		if err == nil {
			all = append(all, fmt.Sprintf("%d KiB on %s", size>>10, node))
		} else {
			without = append(without, fmt.Sprintf("%s on %s: %s", path, node, reason(err)))
		}
	}
	return strings.Join(all, ", "), without
}

func (s *survey) spans(ctx context.Context, nodes []corev1.Node) finding {
	path := logs + "spans.jsonl"
	names := make([]string, min(len(nodes), maxAsked))
	for i := range names {
		names[i] = nodes[i].Name
	}
	have, without := s.sizes(ctx, names, path)
	if len(names) < len(nodes) {
		without = append(without, fmt.Sprintf("%d more nodes were not asked", len(nodes)-len(names)))
	}
	if have != "" {
		return finding{"spans", true, strings.Join(append([]string{
			"etcd's transactions, CRI calls, CNI and runc, in microseconds (" + have + " so far)"}, without...), "\n"),
			"--spans=node:" + path}
	}
	var traced []string
	if s.flagsOf(ctx, "kube-apiserver")["tracing-config-file"] != "" {
		traced = append(traced, "the API server")
	}
	if data, err := s.proxied(ctx, names[0], "configz"); err == nil && strings.Contains(string(data), `"tracing":{`) &&
		!strings.Contains(string(data), `"tracing":{}`) {
		traced = append(traced, "the kubelet")
	}
	if len(traced) > 0 {
		return finding{"spans", false,
			fmt.Sprintf("%s sends spans, but they are not at %s of a node", strings.Join(traced, " and "), path),
			"somebody who receives them: --otlp-listen=ADDRESS where they are sent to, or kubectl seq collect on the node: " +
				evidenceDoc}
	}
	return finding{"spans", false, strings.Join(without, "\n") + "; nothing is set up to trace",
		"tracing of the API server, etcd, kubelet and runtime: " + evidenceDoc}
}
