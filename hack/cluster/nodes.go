package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// node is a machine of the cluster, by its number. The first one runs the control plane, and Pods as the others do.
type node int

const controlPlane node = 1

const maxNodes = 9

func nodesUpTo(last int) []node {
	nodes := make([]node, last)
	for i := range nodes {
		nodes[i] = node(i + 1)
	}
	return nodes
}

func (m mode) names() string {
	var names []string
	for _, n := range nodesUpTo(m.nodes) {
		names = append(names, n.name())
	}
	return strings.Join(names, ", ")
}

// A node is one end of a veth pair. The other is the host for the first node, and the first node for the others, all in
// a range reserved for tests (RFC 2544).
const addresses = "198.18.99"

func (n node) name() string    { return fmt.Sprintf("node%d", n) }
func (n node) gateway() string { return fmt.Sprintf("%s.%d", addresses, 4*n-3) }
func (n node) ip() string      { return fmt.Sprintf("%s.%d", addresses, 4*n-2) }
func (n node) pods() string    { return fmt.Sprintf("10.244.%d.0/24", n-1) }

func (n node) cgroup() string {
	if n == controlPlane {
		return cgroup
	}
	return cgroup + "/" + n.name()
}

// start starts this program again as the first process of the node, in new namespaces.
func (n node) start(d dirs, m mode, keep ...*os.File) (pid int, err error) {
	log, err := os.Create(d.of(n).in("log", "node.log"))
	if err != nil {
		return 0, err
	}
	defer log.Close()
	cmd := exec.Command(d.in("cluster"), "node", fmt.Sprintf("--node=%d", n), fmt.Sprintf("--nodes=%d", m.nodes),
		fmt.Sprintf("--evidence=%t", m.evidence), "--kubernetes="+m.kubernetes)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles, cmd.Dir = log, log, keep, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid: true,
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC |
			syscall.CLONE_NEWUTS,
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", n.name(), err)
	}
	return cmd.Process.Pid, nil
}

// connect gives the node its end of a veth pair, and this side the other.
func (n node) connect(link string, pid int) error {
	return runAll(
		fmt.Sprintf("ip link add %s type veth peer name eth0 netns %d", link, pid),
		fmt.Sprintf("ip address add %s/30 dev %s", n.gateway(), link),
		fmt.Sprintf("ip link set %s up", link),
	)
}

// startOthers is done by the first node. One of them that dies stays dead, as a machine does, until the cluster is
// brought up anew.
func startOthers(d dirs, m mode) error {
	if m.nodes > 1 {
		if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
			return err
		}
	}
	for _, n := range nodesUpTo(m.nodes)[1:] {
		pid, err := n.start(d, m)
		if err != nil {
			return err
		}
		if err := n.connect(n.name(), pid); err != nil {
			return err
		}
		if err := runAll("ip route add " + n.pods() + " via " + n.ip()); err != nil {
			return err
		}
	}
	return nil
}
