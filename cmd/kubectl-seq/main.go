// Command kubectl-seq is a kubectl plugin that shows, component by component, what happens between `kubectl create` and
// a running container.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"
)

func main() {
	klog.SetLogger(logr.Discard()) // client-go's own log lines are no part of the output
	ctx, cancel := context.WithCancel(context.Background())
	signal.Ignore(syscall.SIGPIPE) // a closed stdout is an error like any other: there may be a Pod to remove
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupts
		cancel()
		<-interrupts // a second one does not wait
		os.Exit(exitInterrupted)
	}()
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	err := newRoot(streams).ExecuteContext(ctx)
	exit := exitError(exitReached)
	switch words := besides(err); {
	case words == nil: // the output has said it all
		errors.As(err, &exit)
		os.Exit(int(exit))
	case errors.Is(words, syscall.EPIPE): // the reader has seen enough
		os.Exit(exitReached)
	default:
		fmt.Fprintln(streams.ErrOut, "error:", words)
	}
	os.Exit(exitFailed)
}
