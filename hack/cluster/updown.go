package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The host's end of the link to the first node, and the cgroup of all nodes.
const (
	hostLink = "kubectl-seq"
	cgroup   = "kubectl-seq"
)

func up(ctx context.Context, d dirs, m mode) error {
	if os.Geteuid() != 0 {
		return errors.New("the node needs root: namespaces, mounts and cgroups are made for it (hint: sudo -E)")
	}
	if pid, is := running(d); pid != 0 {
		if is == m && ready(ctx, d, m) == nil {
			fmt.Printf("already up (pid %d)\n", pid)
			return nil
		}
		fmt.Println("a node is there but not as asked for; starting anew")
	}
	if err := down(d); err != nil {
		return err
	}
	if err := build(ctx, d, m.kubernetes); err != nil {
		return err
	}
	start, last := time.Now(), ""
	if err := startNode(d, m); err != nil {
		return errors.Join(err, down(d))
	}
	for {
		err := ready(ctx, d, m)
		if err == nil {
			err = labelControlPlane(ctx, d, m)
		}
		if err == nil {
			break
		}
		if pid, _ := running(d); pid == 0 || ctx.Err() != nil || time.Since(start) > 2*time.Minute {
			log := d.in("log")
			return fmt.Errorf("the node did not become ready: %w (hint: its logs are in %s; cluster down removes them)", err,
				log)
		}
		if err.Error() != last {
			last = err.Error()
			fmt.Printf("%4.1f s  %s yet\n", time.Since(start).Seconds(), last)
		}
		time.Sleep(200 * time.Millisecond)
	}
	fmt.Printf("ready in %.1f s: %s, Kubernetes %s\n", time.Since(start).Seconds(), m.names(),
		kubernetesVersion(m.kubernetes))
	return nil
}

// startNode starts this program again as the first process of new namespaces and gives it its end of the veth pair.
func startNode(d dirs, m mode) error {
	for _, n := range nodesUpTo(m.nodes) {
		for _, sub := range []string{"etc", "lib", "log/kubernetes"} {
			if err := os.MkdirAll(d.of(n).in(sub), 0o755); err != nil {
				return err
			}
		}
	}
	if err := writePKI(d, m.nodes); err != nil {
		return err
	}
	lock, err := os.OpenFile(d.in("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	// A copy, since `go run` removes its own binary when it ends.
	if err := copyExecutable(d.in("cluster")); err != nil {
		return err
	}
	pid, err := controlPlane.start(d, m, lock)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(lock, "%d %t %s %d\n", pid, m.evidence, m.kubernetes, m.nodes); err != nil {
		return err
	}
	return controlPlane.connect(hostLink, pid)
}

// ready reports what a Pod would still have to wait for.
func ready(ctx context.Context, d dirs, m mode) error {
	kubectl := func(args ...string) (string, error) { return d.kubectl(ctx, m, args...) }
	if _, err := kubectl("get", "--raw=/readyz"); err != nil {
		return errors.New("the apiserver is not ready")
	}
	for _, n := range nodesUpTo(m.nodes) {
		out, _ := kubectl("get", "node", n.name(), "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
		if out != "True" {
			return fmt.Errorf("%s is not Ready", n.name())
		}
	}
	if _, err := kubectl("get", "serviceaccount", "default"); err != nil {
		return errors.New("the default ServiceAccount is not there")
	}
	return nil
}

func (d dirs) kubectl(ctx context.Context, m mode, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(d.kube(m.kubernetes), "kubectl"),
		append([]string{"--kubeconfig", d.kubeconfig("admin"), "--request-timeout=2s"}, args...)...)
	out, err := cmd.Output()
	return string(out), err
}

// labelControlPlane gives the first node the label of its role, as kubeadm does. A kubelet may not do that itself.
func labelControlPlane(ctx context.Context, d dirs, m mode) error {
	_, err := d.kubectl(ctx, m, "label", "node", controlPlane.name(), "node-role.kubernetes.io/control-plane=")
	return err
}

// running returns the pid of the node's first process, or 0. The lock is held by that process, so a stale file or a
// reused pid deceives nobody.
func running(d dirs) (pid int, m mode) {
	lock, err := os.Open(d.in("lock"))
	if err != nil {
		return 0, mode{}
	}
	defer lock.Close()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		return 0, mode{}
	}
	if _, err := fmt.Fscanf(lock, "%d %t %s %d", &pid, &m.evidence, &m.kubernetes, &m.nodes); err != nil {
		return 0, mode{}
	}
	return pid, m
}

func down(d dirs) error {
	if pid, _ := running(d); pid != 0 {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return fmt.Errorf("stop the node (pid %d): %w", pid, err)
		}
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if p, _ := running(d); p == 0 && syscall.Kill(pid, 0) != nil {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("the node (pid %d) does not end", pid)
			}
		}
	}
	return errors.Join(removeLink(), removeCgroups(), os.RemoveAll(d.node))
}

// removeLink removes the link to the node. The kernel does so too, some time after the node's network namespace lost
// its last process, so either may be first.
func removeLink() error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat("/sys/class/net/" + hostLink); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err := runAll("ip link delete " + hostLink); err != nil && time.Now().After(deadline) {
			return err
		}
	}
}

// removeCgroups removes the node's cgroup in every hierarchy, innermost first. They empty a moment after the last
// process has gone, so a busy one is tried again for a while.
func removeCgroups() error {
	roots, _ := filepath.Glob("/sys/fs/cgroup/*/" + cgroup)
	roots = append(roots, "/sys/fs/cgroup/"+cgroup)
	deadline := time.Now().Add(10 * time.Second)
	for _, root := range roots {
		var all []string
		filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				all = append(all, path)
			}
			return nil
		})
		sort.Sort(sort.Reverse(sort.StringSlice(all)))
		for _, dir := range all {
			for {
				err := syscall.Rmdir(dir)
				if err == nil || errors.Is(err, fs.ErrNotExist) {
					break
				}
				if time.Now().After(deadline) {
					return fmt.Errorf("remove cgroup %s: %w", dir, err)
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
	return nil
}

func status(d dirs) error {
	pid, m := running(d)
	if pid == 0 {
		fmt.Println("down")
		return nil
	}
	state := "ready"
	if err := ready(context.Background(), d, m); err != nil {
		state = err.Error()
	}
	fmt.Printf("up: %s\nkubernetes: %s\nnodes: %s\npid: %d\nevidence: %t\n"+
		"apiserver: https://%s:6443\nkubeconfig: %s\nkubectl: %s\nlogs: %s\n",
		state, m.kubernetes, m.names(), pid, m.evidence, controlPlane.ip(), d.kubeconfig("admin"),
		filepath.Join(d.kube(m.kubernetes), "kubectl"), d.in("log"))
	return nil
}

// runAll runs command lines without a shell, up to the first that fails.
func runAll(lines ...string) error {
	for _, line := range lines {
		f := strings.Fields(line)
		if out, err := exec.Command(f[0], f[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

func copyExecutable(to string) error {
	self, err := os.ReadFile("/proc/" + strconv.Itoa(os.Getpid()) + "/exe")
	if err != nil {
		return err
	}
	return os.WriteFile(to, self, 0o755)
}
