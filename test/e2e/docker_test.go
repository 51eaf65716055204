//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	moby "github.com/moby/moby/client"
	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"
)

// dockerEngine is Debian's Docker Engine, started for a test: with directories, networks and mounts of its own, so that
// the machine's own engine, if there is one, is neither used nor disturbed.
type dockerEngine struct {
	dir        string
	host       string // for DOCKER_HOST
	containerd string // its containerd's socket
	client     *moby.Client
	process    *exec.Cmd
}

// dockerd starts the engine. In a new network, and over what it would write to outside of its directories, it is alone;
// that it sees no containerd in /run makes it start its own.
const dockerd = `set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /etc/docker
ip link set lo up
exec dockerd --host "unix://$1/docker.sock" --data-root "$1/data" --exec-root "$1/run" --pidfile "$1/pid" \
	--bip 10.213.0.1/24 --iptables=false --ip6tables=false --userland-proxy=false \
	--exec-opt native.cgroupdriver=cgroupfs --cgroup-parent="/$2"`

// busyboxImage is the image that a new engine has.
const busyboxImage = "busybox:local"

// newDockerEngine returns an engine that answers and has busyboxImage. The test fails if it leaves anything behind.
func newDockerEngine(t *testing.T) *dockerEngine {
	t.Helper()
	dir, err := os.MkdirTemp("", "seq-docker") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	e := &dockerEngine{dir: dir, host: "unix://" + dir + "/docker.sock",
		containerd: dir + "/run/containerd/containerd.sock"}
	e.process = exec.Command("unshare", "--net", "--mount", "sh", "-c", dockerd, "sh", dir, filepath.Base(dir))
	output, err := os.Create(dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	e.process.Stdout, e.process.Stderr = output, output
	if err := e.process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- e.process.Wait() }()
	t.Cleanup(func() { e.stop(t, ended) })
	if e.client, err = moby.New(moby.WithHost(e.host)); err != nil {
		t.Fatal(err)
	}
	err = wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true,
		func(ctx context.Context) (bool, error) {
			select {
			case err := <-ended:
				ended <- err
				return false, fmt.Errorf("it has ended: %w", err)
			default:
			}
			_, err := e.client.Ping(ctx, moby.PingOptions{NegotiateAPIVersion: true})
			return err == nil, nil
		})
	if err != nil {
		t.Fatalf("dockerd: %v\n%s", err, e.log())
	}
	e.makeImage(t, busyboxImage)
	return e
}

func (e *dockerEngine) log() string {
	text, _ := os.ReadFile(e.dir + "/log")
	return string(text)
}

// stop ends the engine with what it has started, and says what it leaves.
func (e *dockerEngine) stop(t *testing.T, ended chan error) {
	mounts := e.namespace("mnt")
	e.client.Close()
	e.process.Process.Signal(unix.SIGTERM)
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Errorf("dockerd does not end:\n%s", e.log())
	}
	// Mounts are gone with the last process that has them: its containerd, or a shim.
	err := wait.PollUntilContextTimeout(context.Background(), 20*time.Millisecond, 30*time.Second, true,
		func(context.Context) (bool, error) {
			return len(sharing(mounts)) == 0, nil
		})
	if pids := sharing(mounts); err != nil {
		t.Errorf("processes left behind: %v", pids)
		for _, pid := range pids {
			unix.Kill(pid, unix.SIGKILL)
		}
	}
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/" + filepath.Base(e.dir))
	for _, group := range append(groups, "/sys/fs/cgroup/"+filepath.Base(e.dir)) {
		// the engine leaves the one that it was given
		if err := os.Remove(group); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("cgroup: %v", err)
		}
	}
	if err := os.RemoveAll(e.dir); err != nil { // a mount would be busy
		t.Error(err)
	}
}

// namespace names one of the engine's.
func (e *dockerEngine) namespace(kind string) string {
	name, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", e.process.Process.Pid, kind))
	return name
}

// sharing are the processes that have a mount namespace.
func sharing(name string) (pids []int) {
	links, _ := filepath.Glob("/proc/[0-9]*/ns/mnt")
	for _, link := range links {
		if is, err := os.Readlink(link); err == nil && is == name {
			var pid int
			fmt.Sscanf(link, "/proc/%d/", &pid)
			pids = append(pids, pid)
		}
	}
	return pids
}

// registry serves an empty registry that the engine, and nobody else, can reach, and returns its address.
func (e *dockerEngine) registry(t *testing.T) string {
	t.Helper()
	l, err := e.listen()
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// listen listens on the loopback of the engine's network.
func (e *dockerEngine) listen() (net.Listener, error) {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", e.process.Process.Pid))
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	type listening struct {
		net.Listener
		err error
	}
	done := make(chan listening, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- listening{err: err}
			return
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		done <- listening{l, err}
	}()
	l := <-done
	return l.Listener, l.err
}

// makeImage makes an image of busybox with a layer of its own.
func (e *dockerEngine) makeImage(t *testing.T, name string) {
	t.Helper()
	imported, err := e.client.ImageImport(t.Context(),
		moby.ImageImportSource{Source: busyboxTar(t, name), SourceName: "-"}, name,
		moby.ImageImportOptions{Changes: []string{"ENV PATH=/bin", `CMD ["sh"]`}})
	if err != nil {
		t.Fatal(err)
	}
	defer imported.Close()
	if _, err := io.Copy(io.Discard, imported); err != nil {
		t.Fatal(err)
	}
}

// push puts an image of busybox into a registry, and has the engine forget it.
func (e *dockerEngine) push(t *testing.T, name string) {
	t.Helper()
	e.makeImage(t, name)
	pushed, err := e.client.ImagePush(t.Context(), name, moby.ImagePushOptions{RegistryAuth: "e30="}) // none, as JSON
	if err != nil {
		t.Fatal(err)
	}
	if err := pushed.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.client.ImageRemove(t.Context(), name, moby.ImageRemoveOptions{}); err != nil {
		t.Fatal(err)
	}
}

// containers are those that the engine has, by id.
func (e *dockerEngine) containers(t *testing.T) map[string]string {
	t.Helper()
	all, err := e.client.ContainerList(context.WithoutCancel(t.Context()), moby.ContainerListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, c := range all.Items {
		found[c.ID] = strings.Join(c.Names, " ")
	}
	return found
}

// busyboxTar is a root directory with the static busybox that the cluster's image is made of, and a file that says its
// name.
func busyboxTar(t *testing.T, name string) io.Reader {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(cache, "kubectl-seq/img/busybox")
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	applets, err := exec.Command(program, "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	add := func(h tar.Header, data []byte) {
		h.Mode, h.Size = 0o755, int64(len(data))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"bin/", "etc/", "tmp/", "root/"} {
		add(tar.Header{Typeflag: tar.TypeDir, Name: dir}, nil)
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox"}, data)
	add(tar.Header{Typeflag: tar.TypeReg, Name: "etc/image"}, []byte(name))
	for applet := range strings.FieldsSeq(string(applets)) {
		if applet != "busybox" {
			add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "/bin/busybox"}, nil)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &buf
}

// remove removes a container, running or not.
func (e *dockerEngine) remove(t *testing.T, id string) {
	t.Helper()
	if _, err := e.client.ContainerRemove(t.Context(), id, moby.ContainerRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
}

// deadSocket is a socket at which nobody listens any more.
func deadSocket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "seq-dead")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: dir + "/s"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	return dir + "/s"
}

// clusterContainerd is the socket of the cluster's containerd, as it is seen from here.
func clusterContainerd(t *testing.T) string {
	t.Helper()
	return filepath.Join("/proc", fmt.Sprint(processes(t, "containerd")[0]), "root", "run/containerd/containerd.sock")
}
