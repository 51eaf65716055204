package main

import (
	"context"
	"log"
	"net"
	"os"
	"sync"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
)

// collectSpans receives OTLP over gRPC and appends each batch as one line of OTLP JSON, the form the OpenTelemetry
// collector's file exporter writes.
func collectSpans(path string) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", collectorAddr)
	if err != nil {
		return err
	}
	s := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(s, &spanWriter{out: out})
	go func() { log.Print(s.Serve(l)) }()
	return nil
}

type spanWriter struct {
	ptraceotlp.UnimplementedGRPCServer
	mu  sync.Mutex
	out *os.File
}

func (w *spanWriter) Export(_ context.Context, req ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	line, err := req.MarshalJSON()
	if err != nil {
		return ptraceotlp.NewExportResponse(), err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = w.out.Write(append(line, '\n'))
	return ptraceotlp.NewExportResponse(), err
}
