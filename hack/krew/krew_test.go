package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sigs.k8s.io/krew/pkg/index"
	"sigs.k8s.io/yaml"
)

// archives are of the platforms we release for.
var archives = []string{"linux_amd64.tar.gz", "linux_arm64.tar.gz", "darwin_amd64.tar.gz", "darwin_arm64.tar.gz",
	"windows_amd64.zip", "windows_arm64.zip"}

// TestTemplate needs no release.
func TestTemplate(t *testing.T) {
	text, err := os.ReadFile("../../.krew.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for _, a := range archives {
		sums["kubectl-seq_v1.2.3_"+a] = strings.Repeat("f", 64)
	}
	manifest, err := render(string(text), "v1.2.3", "", sums)
	if err != nil {
		t.Fatal(err)
	}
	var p index.Plugin
	if err := yaml.UnmarshalStrict(manifest, &p); err != nil {
		t.Fatal(err)
	}
	if n := len(p.Spec.ShortDescription); n > 50 {
		t.Errorf("the short description has %d characters; krew-index takes 50", n)
	}
	for i, a := range archives {
		if want := "https://github.com/kubectl-seq/kubectl-seq/releases/download/v1.2.3/kubectl-seq_v1.2.3_" +
			a; p.Spec.Platforms[i].URI != want {
			t.Errorf("%s, not %s", p.Spec.Platforms[i].URI, want)
		}
	}
	delete(sums, "kubectl-seq_v1.2.3_"+archives[3])
	if m, err := render(string(text), "v1.2.3", "", sums); err == nil {
		t.Errorf("an archive that is not there:\n%s", m)
	}
}

// TestValidate has krew's own validator look at the manifest of a whole release, and install it for each platform.
func TestValidate(t *testing.T) {
	k, dist := newKrew(t), env(t, "DIST")
	server := httptest.NewServer(http.FileServer(http.Dir(dist)))
	defer server.Close()
	if err := write(dist, server.URL); err != nil {
		t.Fatal(err)
	}
	k.run("validate-krew-manifest", "-manifest", filepath.Join(dist, "seq.yaml"))
	if err := write(dist, ""); err != nil { // as it is released
		t.Fatal(err)
	}
	k.run("validate-krew-manifest", "-skip-install", "-manifest", filepath.Join(dist, "seq.yaml"))
}

// TestInstall installs what has been built for this machine, from an index of its own, as a user would who has nothing
// else, and runs it.
func TestInstall(t *testing.T) {
	k, dist := newKrew(t), env(t, "DIST")
	found, err := filepath.Glob(filepath.Join(dist, "kubectl-seq_v*_"+runtime.GOOS+"_"+runtime.GOARCH+".tar.gz"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	version := strings.Split(filepath.Base(found[0]), "_")[1]
	sums, err := checksums(filepath.Join(dist, "checksums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range archives { // of other machines, that this test does not install
		if name := "kubectl-seq_" + version + "_" + a; sums[name] == "" {
			sums[name] = strings.Repeat("f", 64)
		}
	}
	text, err := os.ReadFile("../../.krew.yaml")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dist)))
	defer server.Close()
	manifest, err := render(string(text), version, server.URL, sums)
	if err != nil {
		t.Fatal(err)
	}
	repository := t.TempDir()
	file := filepath.Join(repository, "plugins", "seq.yaml")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	k.run("validate-krew-manifest", "-skip-install", "-manifest", file)
	k.run("git", "-C", repository, "init", "--quiet")
	k.run("git", "-C", repository, "add", ".")
	k.run("git", "-C", repository, "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "-m",
		"seq")
	k.run("kubectl", "krew", "index", "add", "default", repository)
	k.run("kubectl", "krew", "install", "seq")
	if out := k.run("kubectl", "krew", "list"); !strings.Contains(out, "seq") {
		t.Errorf("krew list: %s", out)
	}
	if out := k.run("kubectl", "plugin", "list"); !strings.Contains(out, filepath.Join(k.root, "bin", "kubectl-seq")) ||
		strings.Contains(out, "warning") {
		t.Errorf("kubectl plugin list: %s", out)
	}
	if out := k.run("kubectl", "seq", "version"); !strings.Contains(out, "Client Version: "+version+"\n") ||
		!strings.Contains(out, "Server Version: v1.") {
		t.Errorf("kubectl seq version: %s", out)
	}
	if out := k.run("kubectl", "seq", "create-pod", fmt.Sprint("seq-from-krew-", os.Getpid()), "--image=busybox:1", "--rm",
		"--", "sleep", "1000"); !strings.Contains(out, "\nReady in ") {
		t.Errorf("kubectl seq create-pod: %s", out)
	}
	k.run("kubectl", "krew", "uninstall", "seq")
	if left, err := filepath.Glob(filepath.Join(k.root, "*", "*seq*")); err != nil || len(left) > 0 {
		t.Errorf("krew uninstall leaves %v, %v", left, err)
	}
}

// krew is an environment with kubectl, krew and a cluster, and nothing of the caller's.
type krew struct {
	t         *testing.T
	root, dir string
}

func env(t *testing.T, name string) string {
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: hack/test and hack/release-check run this", name)
	}
	return v
}

func newKrew(t *testing.T) krew {
	k := krew{t, t.TempDir(), t.TempDir()}
	for name, tool := range map[string]string{"kubectl-krew": "krew", "validate-krew-manifest": "validate-krew-manifest"} {
		out, err := exec.Command("go", "tool", "-n", tool).Output()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(strings.TrimSpace(string(out)), filepath.Join(k.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(env(t, "KUBECTL"), filepath.Join(k.dir, "kubectl")); err != nil {
		t.Fatal(err)
	}
	return k
}

// run ends the test where the command fails, and returns all that it says.
func (k krew) run(name string, args ...string) string {
	k.t.Helper()
	cmd := exec.Command("/usr/bin/env", append([]string{name}, args...)...)
	cmd.Env = []string{
		"HOME=" + k.dir, "KREW_ROOT=" + k.root, "KREW_NO_UPGRADE_CHECK=1", "KUBECONFIG=" + os.Getenv("KUBECONFIG"),
		"PATH=" + filepath.Join(k.root, "bin") + ":" + k.dir + ":/usr/bin:/bin",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		k.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}
