// Command kubectl-seq is a kubectl plugin that shows, component by component, what happens between `kubectl create` and
// a running container.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	// what kubectl has: auth-provider oidc, and what to do instead of gcp and azure
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/klog/v2"
)

func main() {
	if os.Getenv("GOGC") == "" { // a fifth less CPU time with hundreds of Pods, for a third more memory
		debug.SetGCPercent(200)
	}
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
	root := newRoot(streams)
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == askedByKubectl {
		root.SetArgs(append([]string{cobra.ShellCompRequestCmd}, os.Args[1:]...))
	}
	err := root.ExecuteContext(ctx)
	exit := exitError(exitReached)
	switch words := besides(err); {
	case words == nil: // the output has said it all
		errors.As(err, &exit)
		os.Exit(int(exit))
	case errors.Is(words, syscall.EPIPE): // the reader has seen enough
		os.Exit(exitReached)
	default:
		fmt.Fprintln(streams.ErrOut, "error:", plain(words))
	}
	os.Exit(exitFailed)
}
