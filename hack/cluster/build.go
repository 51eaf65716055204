package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// tool is one Go module below tools/ and how its commands are built. Each is a module of its own because their
// requirements do not agree; its go.mod pins the version and its `tool` lines name the commands.
type tool struct {
	dir, module string
	flags       []string // %[1]s is the module's version
	cgo         bool
	output      string   // the file name, where the package's own name is not it
	into        string   // the directory among the programs, where it is not the usual one
	names       []string // by which the program is started that the module here is itself
}

var tools = []tool{
	{dir: "etcd", module: "go.etcd.io/etcd/server/v3", output: "etcd"},
	{dir: "cni", module: "github.com/containernetworking/plugins"},
	{dir: "containerd", module: "github.com/containerd/containerd/v2",
		flags: []string{"-tags=no_btrfs no_zfs no_devmapper",
			"-ldflags=-s -w -X github.com/containerd/containerd/v2/version.Version=%[1]s"}},
	{dir: "runc", module: "github.com/opencontainers/runc", flags: []string{"-tags=seccomp"}, cgo: true},
}

// versions are those of Kubernetes that can be built, the newest last.
var versions = []string{"1.34", "1.35", "1.36", newest}

const newest = "1.37"

// kubernetes is the tool that builds a version.
func kubernetes(version string) tool {
	return tool{dir: "kubernetes-" + version, module: "k8s.io/kubernetes", into: "kubernetes-" + version,
		names: []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"},
		flags: []string{"-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=%[1]s -X " +
			"k8s.io/client-go/pkg/version.gitVersion=%[1]s"}}
}

// quick are the flags that all builds share, so that what several of them need is compiled once; what would only be
// stripped in the end, for debuggers, is not made to begin with.
var quick = []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-gcflags=all=-dwarf=false"}

// packages are the programs needed besides Go, and the Debian package that has each.
var packages = []struct{ probe, name string }{
	{"ip", "iproute2"},
	{"gcc", "gcc"},
	{"/usr/include/stdlib.h", "libc6-dev"},
	{"/usr/include/seccomp.h", "libseccomp-dev"},
	{"pkg-config", "pkg-config"},
}

// build makes the programs and images that are missing or of another version, and says what it does.
func build(ctx context.Context, d dirs, version string) error {
	if _, err := os.Stat("tools/etcd/go.mod"); err != nil {
		return errors.New("the pinned tools are not here (hint: run it as: go -C hack/cluster run . up)")
	}
	for _, dir := range []string{d.bin, d.img, d.kube(version)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := installPackages(ctx); err != nil {
		return err
	}
	for _, t := range toolsFor(version) {
		if err := t.build(ctx, d); err != nil {
			return fmt.Errorf("build %s: %w", t.dir, err)
		}
	}
	return buildImages(ctx, d)
}

func toolsFor(version string) []tool { return append(slices.Clone(tools), kubernetes(version)) }

// missing prints the modules that up would have to build.
func missing(d dirs, version string) error {
	for _, t := range toolsFor(version) {
		stamp, want, err := t.stamp(d)
		if err != nil {
			return err
		}
		if have, _ := os.ReadFile(stamp); string(have) != want {
			fmt.Println(t.dir)
		}
	}
	return nil
}

func installPackages(ctx context.Context) error {
	var missing []string
	for _, p := range packages {
		_, inPath := exec.LookPath(p.probe)
		_, isFile := os.Stat(p.probe)
		if inPath != nil && isFile != nil {
			missing = append(missing, p.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	fmt.Println("installing", strings.Join(missing, ", "))
	err := command(ctx, "", "apt-get", "update", "-qq")
	if err == nil {
		err = command(ctx, "", "apt-get", append([]string{"install", "-y", "-qq", "--no-install-recommends"}, missing...)...)
	}
	if err != nil {
		return fmt.Errorf("missing packages: %s (%w)", strings.Join(missing, " "), err)
	}
	return nil
}

func (t tool) version() (string, error) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Version}}", t.module)
	cmd.Dir = filepath.Join("tools", t.dir)
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// stamp is a file, and what is to be in it if the module is built: what it was built from. `go build` itself would find
// nothing to do, but takes 10 s to say so.
func (t tool) stamp(d dirs) (file, want string, err error) {
	sums, err := os.ReadFile(filepath.Join("tools", t.dir, "go.sum"))
	return filepath.Join(d.bin, "."+t.dir), fmt.Sprintf("%x %v %v", sha256.Sum256(sums), t, quick), err
}

func (t tool) build(ctx context.Context, d dirs) error {
	stamp, want, err := t.stamp(d)
	if err != nil {
		return err
	}
	if have, _ := os.ReadFile(stamp); string(have) == want {
		return nil
	}
	version, err := t.version()
	if err != nil {
		return err
	}
	programs := filepath.Join(d.bin, t.into)
	args := append([]string{"build", "-v", "-o", filepath.Join(programs, t.output)}, quick...)
	if t.output == "" {
		args[3] += "/"
	}
	for _, f := range t.flags {
		if strings.Contains(f, "%[1]s") {
			f = fmt.Sprintf(f, version)
		}
		args = append(args, f)
	}
	args = append(args, "tool")
	if t.names != nil {
		args = append(args, ".")
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join("tools", t.dir)
	cgo := "0"
	if t.cgo {
		cgo = "1"
	}
	// The compiler is short of time rather than of memory.
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo, "GOGC=off", "GOMEMLIMIT=2GiB")
	p := &progress{title: fmt.Sprintf("building %s %s", t.dir, version), start: time.Now()}
	cmd.Stderr = p
	if err := p.run(cmd); err != nil {
		return fmt.Errorf("%w\n%s", err, p.tail())
	}
	for _, name := range t.names {
		// Links rather than symbolic ones: what runs is to go by its own name.
		if err := relink(filepath.Join(programs, t.dir), filepath.Join(programs, name)); err != nil {
			return err
		}
	}
	fmt.Printf("%s: done in %.0f s\n", p.title, time.Since(p.start).Seconds())
	return os.WriteFile(stamp, []byte(want), 0o644)
}

func relink(file, name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Link(file, name)
}

// progress counts what `go build -v` prints, the name of each package it has compiled, and shows that every 10 s.
type progress struct {
	title   string
	start   time.Time
	count   atomic.Int64
	written bytes.Buffer
}

func (p *progress) Write(b []byte) (int, error) {
	p.count.Add(int64(bytes.Count(b, []byte("\n"))))
	return p.written.Write(b)
}

func (p *progress) run(cmd *exec.Cmd) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Run() }()
	for ticks := time.Tick(10 * time.Second); ; {
		select {
		case err := <-ended:
			return err
		case <-ticks:
			fmt.Printf("%s: %d packages, %.0f s\n", p.title, p.count.Load(), time.Since(p.start).Seconds())
		}
	}
}

func (p *progress) tail() string {
	lines := strings.Split(strings.TrimSpace(p.written.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// command runs one program and shows what it printed only if it failed.
func command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func kubernetesVersion(version string) string {
	v, err := kubernetes(version).version()
	if err != nil {
		return "of unknown version"
	}
	return v
}
