package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// tool is one Go module below tools/ and how its commands are built. Each is a module of its own because their
// requirements do not agree; its go.mod pins the version and its `tool` lines name the commands.
type tool struct {
	dir, module string
	flags       []string // %[1]s is the module's version
	cgo         bool
	output      string // the file name, where the package's own name is not it
	into        string // the directory among the programs, where it is not the usual one
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
		flags: []string{"-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=%[1]s -X " +
			"k8s.io/client-go/pkg/version.gitVersion=%[1]s"}}
}

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
	for _, t := range append(slices.Clone(tools), kubernetes(version)) {
		if err := t.build(ctx, d); err != nil {
			return fmt.Errorf("build %s: %w", t.dir, err)
		}
	}
	return buildImages(ctx, d)
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

func (t tool) build(ctx context.Context, d dirs) error {
	sums, err := os.ReadFile(filepath.Join("tools", t.dir, "go.sum"))
	if err != nil {
		return err
	}
	// A stamp per module: what it was built from. `go build` itself would find nothing to do, but takes 10 s to say so.
	stamp, want := filepath.Join(d.bin, "."+t.dir), fmt.Sprintf("%x %v", sha256.Sum256(sums), t)
	if have, _ := os.ReadFile(stamp); string(have) == want {
		return nil
	}
	version, err := t.version()
	if err != nil {
		return err
	}
	args := []string{"build", "-v", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o",
		filepath.Join(d.bin, t.into, t.output)}
	if t.output == "" {
		args[len(args)-1] += "/"
	}
	for _, f := range t.flags {
		if strings.Contains(f, "%[1]s") {
			f = fmt.Sprintf(f, version)
		}
		args = append(args, f)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "tool")...)
	cmd.Dir = filepath.Join("tools", t.dir)
	cgo := "0"
	if t.cgo {
		cgo = "1"
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	p := &progress{title: fmt.Sprintf("building %s %s", t.dir, version), start: time.Now()}
	cmd.Stderr = p
	err = cmd.Run()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, p.tail())
	}
	fmt.Printf("%s: done in %.0f s\n", p.title, time.Since(p.start).Seconds())
	return os.WriteFile(stamp, []byte(want), 0o644)
}

// progress shows `go build -v`, which names each package it has compiled, as a line every 10 s.
type progress struct {
	title   string
	start   time.Time
	shown   time.Time
	count   int
	written bytes.Buffer
}

func (p *progress) Write(b []byte) (int, error) {
	p.written.Write(b)
	p.count += bytes.Count(b, []byte("\n"))
	if time.Since(p.shown) > 10*time.Second {
		p.shown = time.Now()
		fmt.Printf("%s: %d packages, %.0f s\n", p.title, p.count, time.Since(p.start).Seconds())
	}
	return len(b), nil
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
