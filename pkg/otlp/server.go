package otlp

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // exporters may compress
)

// Listen opens the address. One without a host is loopback: nobody else gets in unless the caller names an address.
func Listen(address string) (net.Listener, error) {
	if strings.HasPrefix(address, ":") {
		address = "127.0.0.1" + address
	}
	return net.Listen("tcp", address)
}

// maxBody bounds one export.
const maxBody = 64 << 20

// Serve takes OTLP by gRPC and by HTTP, as protobuf or JSON, on one listener until the context ends. Each batch goes to
// take, from several goroutines.
func Serve(ctx context.Context, l net.Listener, take func(ptraceotlp.ExportRequest)) error {
	rpc := grpc.NewServer(grpc.MaxRecvMsgSize(maxBody))
	ptraceotlp.RegisterGRPCServer(rpc, &service{take: take})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		if err := export(r, take); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			io.WriteString(w, "{}") // an empty message; in protobuf it has no bytes
		}
	})
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: &protocols, ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
				rpc.ServeHTTP(w, r)
				return
			}
			mux.ServeHTTP(w, r)
		})}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func export(r *http.Request, take func(ptraceotlp.ExportRequest)) error {
	var from io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return err
		}
		from = z
	}
	body, err := io.ReadAll(io.LimitReader(from, maxBody))
	if err != nil {
		return err
	}
	req := ptraceotlp.NewExportRequest()
	switch kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind {
	case "application/json":
		err = req.UnmarshalJSON(body)
	case "application/x-protobuf":
		err = req.UnmarshalProto(body)
	default:
		err = fmt.Errorf("content type %q", kind)
	}
	if err == nil {
		take(req)
	}
	return err
}

type service struct {
	ptraceotlp.UnimplementedGRPCServer
	take func(ptraceotlp.ExportRequest)
}

func (s *service) Export(_ context.Context, req ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	s.take(req)
	return ptraceotlp.NewExportResponse(), nil
}
