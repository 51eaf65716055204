package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
)

// The exit codes. exitTable is what users read of them.
const (
	exitReached     = 0
	exitFailed      = 1
	exitStuck       = 2
	exitTimeout     = 124
	exitInterrupted = 130
)

var exitTable = []struct {
	code    int
	meaning string
}{
	{exitReached, "the object reached the --until state, or completed successfully"},
	{exitFailed, "usage error, request rejected, no permission to read, or the result could not be written or sent"},
	{exitStuck, "the object failed, was deleted, or is blocked; the summary names the cause"},
	{exitTimeout, "timed out without a known cause"},
	{exitInterrupted, "interrupted (Ctrl-C)"},
}

// exitError ends the program with a code and no further word.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// besides is what err says beyond an exit code.
func besides(err error) error {
	switch e := err.(type) {
	case exitError:
		return nil
	case interface{ Unwrap() []error }:
		var rest []error
		for _, x := range e.Unwrap() {
			rest = append(rest, besides(x))
		}
		return errors.Join(rest...)
	}
	return err
}

// hinted is an error that says what to do about it.
func hinted(err error, hint string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w (hint: %s)", err, hint)
}

// plain is what an error says, safe for a terminal: servers and files have a say in it.
func plain(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	for i := range lines {
		lines[i] = render.Plain(lines[i])
	}
	return strings.Join(lines, "\n")
}
