package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-seq/kubectl-seq/pkg/otlp"
)

func newCollect(streams genericiooptions.IOStreams) *cobra.Command {
	var listen, out string
	var size int64
	cmd := &cobra.Command{
		Use:   "collect --otlp-listen=ADDRESS --out=FILE",
		Short: "Receive OpenTelemetry spans and keep them in a file",
		Long: `Receive OpenTelemetry spans by OTLP (gRPC and HTTP) and append them to a file as OTLP JSON, one batch a line, the form
the OpenTelemetry collector's file exporter writes. Run it on a control-plane node with --out below /var/log, and
kubectl seq create-pod --spans=node:FILE reads it through the API server. See docs/evidence.md.`,
		Example: "  kubectl seq collect --otlp-listen=127.0.0.1:4317 --out=/var/log/kubernetes/spans.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := openRotating(out, size<<20)
			if err != nil {
				return err
			}
			l, err := otlp.Listen(listen)
			if err != nil {
				return err
			}
			fmt.Fprintf(streams.ErrOut, "receiving spans at %s, into %s\n", l.Addr(), out)
			return collect(cmd.Context(), streams.ErrOut, w,
				func(ctx context.Context, take func(ptraceotlp.ExportRequest)) error { return otlp.Serve(ctx, l, take) })
		},
	}
	cmd.Flags().StringVar(&listen, "otlp-listen", "127.0.0.1:4317",
		"address to receive OTLP at; loopback unless it names a host")
	cmd.Flags().StringVar(&out, "out", "", "file to append to")
	cmd.Flags().Int64Var(&size, "max-size", 64, "size in MiB at which the file becomes FILE.1 and a new one begins")
	cmd.MarkFlagRequired("out")
	return cmd
}

// collect writes what serve takes until the context ends.
func collect(ctx context.Context, errOut io.Writer, w *rotating,
	serve func(context.Context, func(ptraceotlp.ExportRequest)) error) error {
	err := serve(ctx, func(req ptraceotlp.ExportRequest) {
		line, err := req.MarshalJSON()
		if err == nil {
			err = w.write(append(line, '\n'))
		}
		if err != nil {
			fmt.Fprintln(errOut, "error:", err)
		}
	})
	if closed := w.file.Close(); err == nil {
		err = closed
	}
	return err
}

// rotating is a file that is renamed to NAME.1 when it has grown to a size.
type rotating struct {
	path      string
	max, size int64
	mu        sync.Mutex
	file      *os.File
}

func openRotating(path string, max int64) (*rotating, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &rotating{path: path, max: max, size: info.Size(), file: f}, nil
}

func (r *rotating) write(line []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size > 0 && r.size+int64(len(line)) > r.max {
		if err := os.Rename(r.path, r.path+".1"); err != nil {
			return err
		}
		f, err := os.OpenFile(r.path, os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		r.file.Close()
		r.file, r.size = f, 0
	}
	n, err := r.file.Write(line)
	r.size += int64(n)
	return err
}
