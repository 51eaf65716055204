package otlp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Sender sends traces to one address by OTLP, as the variables of the specification have it:
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/. OpenTelemetry's own exporters read them, but for the
// protocol and the address.
type Sender struct {
	client otlptrace.Client
	to     string
}

// patience is how long a receiver is asked again that cannot take anything for now.
const patience = 5 * time.Second

// NewSender is one for that URL, or for the address that the variables name where it is empty. An error says which of
// them cannot be used.
func NewSender(address string) (*Sender, error) { return newSender(address, patience) }

func newSender(address string, patience time.Duration) (*Sender, error) {
	name, protocol := variable("PROTOCOL")
	if protocol = cmp.Or(protocol, "http/protobuf"); protocol != "grpc" && protocol != "http/protobuf" {
		return nil, fmt.Errorf("%s=%s: must be grpc or http/protobuf", name, protocol)
	}
	to, err := endpoint(address, protocol)
	if err != nil {
		return nil, err
	}
	var wrong error
	otel.SetLogger(funcr.New(func(_, text string) {
		if !strings.Contains(text, `"msg"="parse url"`) { // an address, which has been read above
			wrong = errors.Join(wrong, errors.New("OTEL_EXPORTER_OTLP_…: "+text))
		}
	}, funcr.Options{}))
	s := &Sender{to: to.Redacted()}
	if protocol == "grpc" {
		s.client = otlptracegrpc.NewClient(otlptracegrpc.WithEndpointURL(to.String()), otlptracegrpc.WithRetry(
			otlptracegrpc.RetryConfig{Enabled: true, InitialInterval: patience / 10, MaxInterval: patience / 5,
				MaxElapsedTime: patience}))
	} else {
		s.client = otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(to.String()), otlptracehttp.WithRetry(
			otlptracehttp.RetryConfig{Enabled: true, InitialInterval: patience / 10, MaxInterval: patience / 5,
				MaxElapsedTime: patience}))
		if err := s.client.Start(context.Background()); err != nil { // it connects later
			wrong = errors.Join(wrong, fmt.Errorf("%s: %w", s.to, err))
		}
	}
	return s, wrong
}

// String is where it sends to.
func (s *Sender) String() string { return s.to }

// Send sends each trace as one request, and stops where one is not taken.
func (s *Sender) Send(ctx context.Context, all []ptrace.Traces) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("send to %s: %w", s.to, oneLine(err))
		}
	}()
	if err := s.client.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.client.Stop(ctx)) }()
	for _, t := range all {
		bytes, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(t)
		if err != nil {
			return err
		}
		var same tracepb.TracesData
		if err := proto.Unmarshal(bytes, &same); err != nil {
			return err
		}
		if err := s.client.UploadTraces(ctx, same.ResourceSpans); err != nil {
			return err
		}
	}
	return nil
}

// oneLine is an error without the address, and with no more than a line of what a receiver has answered.
func oneLine(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	const most = 300
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return errors.New(text)
}

// variable is one of the exporter's variables: that for traces, else that for all.
func variable(name string) (full, value string) {
	for _, prefix := range []string{"OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"} {
		if full = prefix + name; os.Getenv(full) != "" {
			break
		}
	}
	return full, os.Getenv(full)
}

// tracesPath is where OTLP by HTTP takes traces, below an address for everything.
const tracesPath = "v1/traces"

// endpoint is where to send to. By HTTP, the address for traces is complete; that for everything is not, nor is one
// without a path on the command line.
func endpoint(address, protocol string) (*url.URL, error) {
	name, complete := "--otlp", false
	if address == "" {
		name, address = variable("ENDPOINT")
		complete = name == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	}
	if address == "" && protocol == "grpc" {
		address = "http://localhost:4317"
	}
	address = cmp.Or(address, "http://localhost:4318")
	whole := address
	if protocol == "grpc" && !strings.Contains(address, "://") { // gRPC has addresses without a scheme, too
		whole = "https://" + address
		if _, insecure := variable("INSECURE"); strings.EqualFold(insecure, "true") {
			whole = "http://" + address
		}
	}
	u, err := url.Parse(whole)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s=%s: must be a URL such as http://localhost:4318", name, address)
	}
	if complete && u.Path == "" {
		u.Path = "/"
	}
	if !complete && protocol != "grpc" && (name != "--otlp" || strings.Trim(u.Path, "/") == "") {
		u = u.JoinPath(tracesPath)
	}
	return u, nil
}
