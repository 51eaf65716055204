package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/term"
	"k8s.io/client-go/tools/remotecommand"
)

// tty is the terminal that a command has for itself while it runs: nothing is drawn on it until then.
type tty struct {
	in  *os.File // what is typed, or nil
	out *os.File // where the command writes, and whose size it is told
}

// terminalOf is the terminal of the two, if what is typed comes from one.
func terminalOf(in io.Reader, out io.Writer) *tty {
	i, typed := in.(*os.File)
	o, shown := out.(*os.File)
	if !typed || !term.IsTerminal(int(i.Fd())) {
		return nil
	}
	if !shown || !term.IsTerminal(int(o.Fd())) {
		o = i
	}
	return &tty{i, o}
}

// lend has run use the terminal as it is, so that each key goes to the command, and takes it back.
func (t *tty) lend(run func() error) error {
	state, err := term.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return err
	}
	err = run()
	return errors.Join(err, term.Restore(int(t.in.Fd()), state))
}

// sizes tells how large the terminal is, and then each time that it is another: not every system tells of that.
func (t *tty) sizes(ctx context.Context) remotecommand.TerminalSizeQueue {
	var last remotecommand.TerminalSize
	return sizeQueue(func() *remotecommand.TerminalSize {
		for {
			w, h, err := term.GetSize(int(t.out.Fd()))
			if is := (remotecommand.TerminalSize{Width: uint16(w), Height: uint16(h)}); err == nil && is != last {
				last = is
				return &is
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(refresh):
			}
		}
	})
}

type sizeQueue func() *remotecommand.TerminalSize

func (q sizeQueue) Next() *remotecommand.TerminalSize { return q() }

// lastLine ends the last line of what is written to a terminal that takes lines as they are.
type lastLine struct {
	to   io.Writer
	open bool
}

func (w *lastLine) Write(p []byte) (int, error) {
	if len(p) > 0 {
		w.open = p[len(p)-1] != '\n'
	}
	return w.to.Write(p)
}

func (w *lastLine) end() (err error) {
	if w.open {
		_, err = io.WriteString(w.to, "\r\n")
	}
	return err
}
