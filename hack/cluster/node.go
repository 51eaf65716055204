package main

import (
	"context"
	"embed"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"
)

const (
	registryAddr  = "127.0.0.1:5000"
	collectorAddr = "127.0.0.1:4317"
	pauseImage    = "localhost/pause:3.10"
)

//go:embed config
var configs embed.FS

// runNode is the node's first process: it prepares the namespaces it was started in, starts every component, restarts
// one that ends, and reaps what is left behind by others. It never returns while all is well.
func runNode(cluster dirs, m mode, n node) error {
	if os.Getpid() != 1 {
		return fmt.Errorf("node is started by up, inside namespaces of its own")
	}
	d := cluster.of(n)
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"mounts", func() error { return mounts(d, n) }},
		{"network", n.network},
		{"cgroups", n.makeCgroups},
		{"configuration", func() error { return writeConfigs(d, m.evidence, n) }},
		{"registry", func() error { return serveRegistry(d) }},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if m.evidence {
		if err := collectSpans("/var/log/kubernetes/spans.jsonl"); err != nil {
			return fmt.Errorf("collector: %w", err)
		}
	}
	pids := map[int]component{}
	for _, c := range components(d, m.evidence, n) {
		pid, err := c.start(d, m)
		if err != nil {
			return fmt.Errorf("start %s: %w", c.name(), err)
		}
		pids[pid] = c
	}
	if n == controlPlane {
		if err := startOthers(cluster, m); err != nil {
			return err
		}
	}
	go importPause(context.Background(), d)
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, 0, nil)
		if err != nil {
			continue
		}
		c, ok := pids[pid]
		if !ok {
			continue
		}
		log.Printf("%s ended (%v), starting it again", c.name(), ws)
		delete(pids, pid)
		time.Sleep(500 * time.Millisecond)
		if pid, err = c.start(d, m); err != nil {
			return fmt.Errorf("restart %s: %w", c.name(), err)
		}
		pids[pid] = c
	}
}

// mounts cuts the tree loose from the host's, then gives the node its own /proc, /run, /var/lib and /var/log.
func mounts(d dirs, n node) error {
	type mount struct {
		source, target, kind string
		flags                uintptr
	}
	for _, m := range []mount{
		{"", "/", "", syscall.MS_REC | syscall.MS_PRIVATE},
		{"", "/", "", syscall.MS_REC | syscall.MS_SHARED},
		{"proc", "/proc", "proc", 0},
		{"tmpfs", "/run", "tmpfs", 0},
		{d.in("log"), "/var/log", "", syscall.MS_BIND},
		{d.in("lib"), "/var/lib", "", syscall.MS_BIND},
	} {
		if err := syscall.Mount(m.source, m.target, m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	return syscall.Sethostname([]byte(n.name()))
}

// network waits for eth0, which the host or the first node hands over, and brings it up.
func (n node) network() error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if runAll("ip link show eth0") == nil {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("eth0 did not come")
		}
	}
	return runAll(
		"ip link set lo up",
		"ip address add "+n.ip()+"/30 dev eth0",
		"ip link set eth0 up",
		"ip route add default via "+n.gateway(),
	)
}

// makeCgroups makes the cgroup below which the kubelet puts Pods: one directory with cgroup v2, one in each hierarchy
// with v1.
func (n node) makeCgroups() error {
	root := "/sys/fs/cgroup"
	controllers, err := os.ReadFile(root + "/cgroup.controllers")
	if err == nil {
		return n.makeCgroup(root, strings.Fields(string(controllers)))
	}
	hierarchies, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, h := range hierarchies {
		if err := os.MkdirAll(filepath.Join(root, h.Name(), n.cgroup()), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// makeCgroup makes that of v2, where a cgroup has a controller only if the one above it passes it on.
func (n node) makeCgroup(dir string, controllers []string) error {
	for name := range strings.SplitSeq(n.cgroup(), "/") {
		for _, c := range controllers {
			if err := os.WriteFile(dir+"/cgroup.subtree_control", []byte("+"+c), 0o644); err != nil {
				return fmt.Errorf("pass on %s below %s: %w", c, dir, err)
			}
		}
		dir += "/" + name
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// registryHosts are the registries that the files of these names are about.
var registryHosts = map[string]string{"hosts.toml": "_default", "hosts-down.toml": "down.example"}

func writeConfigs(d dirs, evidence bool, n node) error {
	all, err := template.ParseFS(configs, "config/*")
	if err != nil {
		return err
	}
	values := map[string]any{
		"Etc": d.in("etc"), "Bin": d.bin, "Cgroup": n.cgroup(), "Pods": n.pods(), "Evidence": evidence,
		"Registry": registryAddr, "Collector": collectorAddr, "Pause": pauseImage,
	}
	for _, t := range all.Templates() {
		path := d.in("etc", t.Name())
		if host, ok := registryHosts[t.Name()]; ok {
			path = d.in("etc", "certs.d", host, "hosts.toml")
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		if err := t.Execute(f, values); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// component is one program of the node: its command line and what is added to its environment.
type component struct {
	args []string
	env  []string
}

func (c component) name() string { return c.args[0] }

func (c component) start(d dirs, m mode) (pid int, err error) {
	out, err := os.OpenFile(filepath.Join("/var/log", c.name()+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	program := filepath.Join(d.kube(m.kubernetes), c.name())
	if _, err := os.Stat(program); err != nil {
		program = filepath.Join(d.bin, c.name())
	}
	p, err := os.StartProcess(program, c.args, &os.ProcAttr{
		Files: []*os.File{nil, out, out},
		Env:   append([]string{"PATH=" + d.bin + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, c.env...),
	})
	if err != nil {
		return 0, err
	}
	return p.Pid, nil
}

func components(d dirs, evidence bool, n node) []component {
	etc := d.in("etc")
	etcd := []string{"etcd", "--data-dir=/var/lib/etcd", "--listen-client-urls=http://127.0.0.1:2379",
		"--advertise-client-urls=http://127.0.0.1:2379", "--listen-peer-urls=http://127.0.0.1:2380"}
	apiserver := []string{"kube-apiserver",
		"--etcd-servers=http://127.0.0.1:2379", "--advertise-address=" + n.ip(), "--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--client-ca-file=" + etc + "/ca.crt", "--tls-cert-file=" + etc + "/apiserver.crt",
		"--tls-private-key-file=" + etc + "/apiserver.key",
		"--kubelet-certificate-authority=" + etc + "/ca.crt", "--kubelet-preferred-address-types=InternalIP",
		"--kubelet-client-certificate=" + etc + "/apiserver-kubelet-client.crt",
		"--kubelet-client-key=" + etc + "/apiserver-kubelet-client.key",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + etc + "/sa.key", "--service-account-signing-key-file=" + etc + "/sa.key"}
	var prompt, traced []string
	if evidence {
		// milliseconds; by default spans come 5 s late, and every test waits for some
		prompt = []string{"OTEL_BSP_SCHEDULE_DELAY=1000"}
		etcd = append(etcd, "--enable-distributed-tracing", "--distributed-tracing-address="+collectorAddr,
			"--distributed-tracing-sampling-rate=1000000")
		apiserver = append(apiserver, "--audit-policy-file="+etc+"/audit-policy.yaml",
			"--audit-log-path=/var/log/kubernetes/audit.log", "--audit-log-maxsize=1000",
			"--tracing-config-file="+etc+"/tracing.yaml")
		traced = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + collectorAddr, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
			"OTEL_SERVICE_NAME=containerd", prompt[0]}
	}
	worker := []component{
		{args: []string{"containerd", "--config=" + etc + "/containerd.toml"}, env: traced},
		{args: []string{"kubelet", "--config=" + etc + "/kubelet.yaml", "--kubeconfig=" + etc + "/kubelet.kubeconfig",
			"--hostname-override=" + n.name(), "--node-ip=" + n.ip()}, env: prompt},
	}
	if n != controlPlane {
		return worker
	}
	return append([]component{
		{args: etcd, env: prompt},
		{args: apiserver, env: prompt},
		{args: []string{"kube-controller-manager", "--kubeconfig=" + etc + "/controller-manager.kubeconfig",
			"--use-service-account-credentials",
			"--root-ca-file=" + etc + "/ca.crt", "--service-account-private-key-file=" + etc + "/sa.key"}},
		{args: []string{"kube-scheduler", "--kubeconfig=" + etc + "/scheduler.kubeconfig"}},
	}, worker...)
}

// importPause loads the sandbox image as soon as containerd answers, as the images of ready-made nodes carry it.
func importPause(ctx context.Context, d dirs) {
	for {
		err := runAll(filepath.Join(d.bin, "ctr") + " --namespace=k8s.io images import " + filepath.Join(d.img, "pause.tar"))
		if err == nil || !strings.Contains(err.Error(), "connect") && !strings.Contains(err.Error(), "no such file") {
			log.Printf("import of the sandbox image: %v", err)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}
