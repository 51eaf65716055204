// Command cluster runs a real Kubernetes of one node or a few on this machine, for development and tests: etcd, the
// control plane, kubelets, containerd and runc, built from the Go modules pinned under tools/.
//
// The node is one process tree in namespaces of its own (pid, mount, network, ipc, uts), so stopping it is killing its
// first process: with it go every other process, every mount, every address and bridge. Nothing on the host is touched
// but one directory in the user's cache, one cgroup and the host's end of a veth pair. Further nodes are such trees
// inside those namespaces, so they go with it too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

var usage = fmt.Sprintf(`usage: cluster COMMAND

  up [--evidence] [--kubernetes=VERSION] [--nodes=N]
          build what is missing, start the nodes, wait until they take Pods; with --evidence also an audit log and
          OpenTelemetry spans; VERSION is one of %s (default %s); N is 1 to %d
  down    stop the nodes and remove everything they left
  status  say whether they run, and where
  missing [--kubernetes=VERSION]
          print which modules up would have to build
  env     print the line that points kubectl at it
  image FILE NAME:TAG
          give the first node an image that is the program FILE`, strings.Join(versions, ", "), newest, maxNodes)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("no command given\n" + usage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprintln(os.Stderr, usage) }
	evidence := flags.Bool("evidence", false, "write an audit log and OpenTelemetry spans")
	kubernetes := flags.String("kubernetes", newest, "minor version of Kubernetes")
	nodes := flags.Int("nodes", 1, "how many nodes")
	number := flags.Int("node", 1, "which of them this is")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if *nodes < 1 || *nodes > maxNodes {
		return fmt.Errorf("--nodes=%d: it can be 1 to %d", *nodes, maxNodes)
	}
	if !slices.Contains(versions, *kubernetes) {
		return fmt.Errorf("--kubernetes=%s: it can be %s", *kubernetes, strings.Join(versions, ", "))
	}
	d, err := dirsInCache()
	if err != nil {
		return err
	}
	m := mode{*kubernetes, *evidence, *nodes}
	switch args[0] {
	case "up":
		return up(ctx, d, m)
	case "down":
		return down(d)
	case "status":
		return status(d)
	case "missing":
		return missing(d, m.kubernetes)
	case "env":
		fmt.Printf("export KUBECONFIG=%s\n", d.kubeconfig("admin"))
		return nil
	case "image":
		if flags.NArg() != 2 {
			return errors.New("image takes a file and a name, such as: image bin/otelcol-seq otelcol-seq:dev")
		}
		return importProgram(ctx, d, flags.Arg(0), flags.Arg(1))
	case "node": // the first process inside the namespaces, started by up or by the first node
		return runNode(d, m, node(*number))
	}
	return fmt.Errorf("unknown command %q\n%s", args[0], usage)
}

// mode is what somebody wants of a cluster.
type mode struct {
	kubernetes string // its minor version, such as 1.37
	evidence   bool   // it records itself
	nodes      int
}

// dirs says where things lie. All of it is below the user's cache directory.
type dirs struct {
	bin  string // programs, kept between runs
	img  string // what the images are made of, kept between runs
	node string // the state of the running node, removed by down
}

func dirsInCache() (dirs, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return dirs{}, fmt.Errorf("no cache directory: %w (hint: set XDG_CACHE_HOME)", err)
	}
	base := filepath.Join(cache, "kubectl-seq")
	return dirs{bin: filepath.Join(base, "bin"), img: filepath.Join(base, "img"), node: filepath.Join(base, "node")}, nil
}

// kube is where the programs of a version of Kubernetes are.
func (d dirs) kube(version string) string { return filepath.Join(d.bin, "kubernetes-"+version) }

func (d dirs) kubeconfig(user string) string { return filepath.Join(d.node, "etc", user+".kubeconfig") }

// of is the same for a node: the first one's state is the cluster's, and the state of the others lies in it.
func (d dirs) of(n node) dirs {
	if n != controlPlane {
		d.node = d.in(n.name())
	}
	return d
}

func (d dirs) in(elem ...string) string { return filepath.Join(append([]string{d.node}, elem...)...) }
