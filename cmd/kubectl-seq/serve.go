package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/serve"
)

// served is a run that browsers look at. Where nobody asked for it, it is nil, and its methods do nothing.
type served struct {
	server *serve.Server // nil for one of several, of which somebody else takes care
	run    *serve.Run
	style  render.Style
	stream render.Stream
	beside *liveMap  // or nil
	next   time.Time // no update before
	ended  bool
}

// leastWait is how long nothing is shown after an update, so that nobody has to draw more often. Updates are made for
// readers only, and take one part in five of the time at most.
const leastWait = 50 * time.Millisecond

// openServed opens the address, before anything happens.
func openServed(address string, style render.Style, beside *liveMap) (*served, error) {
	page, policy, err := render.LivePage(style, beside != nil)
	if err != nil {
		return nil, err
	}
	server, err := listen(address, serve.Page{HTML: page, Policy: policy})
	if err != nil {
		return nil, err
	}
	if beside != nil {
		server.Beside(beside.page)
	}
	style.Width, style.Color = render.FileWidth, false
	return &served{server: server, run: server.Run, style: style, beside: beside}, nil
}

// listen opens the address of --serve.
func listen(address string, page serve.Page) (*serve.Server, error) {
	server, err := serve.Listen(address, page)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, hinted(fmt.Errorf("--serve=%s: the port is taken", address), "--serve alone takes one that is free")
	case err != nil:
		return nil, hinted(fmt.Errorf("--serve=%s: %w", address, err), "write --serve=HOST:PORT, or --serve alone")
	}
	return server, nil
}

// announce says where the run is to be seen, and by whom.
func (s *served) announce(errOut io.Writer) {
	if s == nil {
		return
	}
	announce(s.server, errOut)
}

func announce(server *serve.Server, errOut io.Writer) {
	fmt.Fprintln(errOut, "live at", server.URL())
	if !server.Loopback() {
		fmt.Fprintln(errOut, "warning: other machines reach this address, and the connection is not encrypted: "+
			"whoever has the URL, or reads along, sees the run")
	}
}

// await waits for the first reader, so that he sees all of a recording.
func (s *served) await(ctx context.Context, errOut io.Writer) {
	if s == nil {
		return
	}
	fmt.Fprintln(errOut, "it begins once a browser is there")
	select {
	case <-s.server.Arrived():
	case <-s.server.Done():
	case <-ctx.Done():
	}
}

// due reports whether it is time for an update, and somebody would see it.
func (s *served) due() bool {
	return s != nil && !s.ended && s.run.Readers() > 0 && !time.Now().Before(s.next)
}

// update shows a run that goes on. The first settled of its steps will not change any more. It has been under way since
// begun.
func (s *served) update(begun time.Time, r render.Report, settled int, status string) error {
	m, err := s.stream.Next(r, settled, false)
	if err != nil {
		return err
	}
	picture, err := render.Picture(r, s.style, settled, status)
	if err != nil {
		return err
	}
	s.beside.show(r.Steps, false)
	s.run.Publish(serve.Update{Anew: m.Anew, Final: m.Final, Tail: m.Tail, Picture: picture})
	ended := time.Now()
	s.next = ended.Add(max(leastWait, (share-1)*ended.Sub(begun)))
	return nil
}

// end shows the end.
func (s *served) end(r render.Report) error {
	if s == nil {
		return nil
	}
	m, err := s.stream.Next(r, len(r.Steps), true)
	if err != nil {
		return err
	}
	picture, err := render.Picture(r, s.style, len(r.Steps), "")
	if err != nil {
		return err
	}
	var saved bytes.Buffer
	if err := render.HTML(&saved, r, s.style); err != nil {
		return err
	}
	s.ended = true
	s.beside.show(r.Steps, true)
	s.run.Publish(serve.Update{Anew: m.Anew, Final: m.Final, Tail: m.Tail, Picture: picture, Saved: saved.Bytes(),
		Ended: true})
	return nil
}

// stay serves a run that has ended until an interrupt.
func (s *served) stay(ctx context.Context, errOut io.Writer) error {
	if s == nil {
		return nil
	}
	if s.ended && ctx.Err() == nil {
		fmt.Fprintf(errOut, "until Ctrl-C at %s\n", s.server.URL())
		select {
		case <-ctx.Done():
		case <-s.server.Done():
		}
	}
	if err := s.server.Close(); err != nil {
		return fmt.Errorf("--serve: %w", err)
	}
	return nil
}
