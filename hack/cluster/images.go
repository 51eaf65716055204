package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// busyboxTags are the names under which the one image is served; Docker Hub's short names lead to library/.
var busyboxTags = []string{"library/busybox:1", "library/busybox:1.35", "library/busybox:latest"}

// buildImages gets what the images are made of: Debian's static busybox, and Kubernetes' own pause program compiled
// from its module.
func buildImages(ctx context.Context, d dirs) error {
	busybox := filepath.Join(d.img, "busybox")
	if _, err := os.Stat(busybox); err != nil {
		tmp, err := os.MkdirTemp("", "")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		fmt.Println("getting busybox-static")
		if err := os.Chmod(tmp, 0o777); err != nil { // apt downloads as a user of its own
			return err
		}
		if err := command(ctx, tmp, "apt-get", "download", "-qq", "busybox-static"); err != nil {
			if err := command(ctx, "", "apt-get", "update", "-qq"); err != nil {
				return err
			}
			if err := command(ctx, tmp, "apt-get", "download", "-qq", "busybox-static"); err != nil {
				return err
			}
		}
		debs, _ := filepath.Glob(filepath.Join(tmp, "*.deb"))
		if len(debs) != 1 {
			return fmt.Errorf("apt-get download left %d packages in %s", len(debs), tmp)
		}
		if err := command(ctx, tmp, "dpkg-deb", "-x", debs[0], "."); err != nil {
			return err
		}
		if err := command(ctx, tmp, "install", "-m755", "bin/busybox", busybox); err != nil {
			return err
		}
	}
	pause := filepath.Join(d.img, "pause.tar")
	if _, err := os.Stat(pause); err == nil {
		return nil
	}
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes")
	list.Dir = "tools/kubernetes-" + newest
	module, err := list.Output()
	if err != nil {
		return fmt.Errorf("find pause.c: %w", err)
	}
	program := filepath.Join(d.img, "pause")
	source := filepath.Join(strings.TrimSpace(string(module)), "build/pause/linux/pause.c")
	if err := command(ctx, "", "gcc", "-Os", "-static", "-DVERSION=3.10", "-o", program, source); err != nil {
		return err
	}
	img, err := image(map[string]string{"pause": program}, nil, "/pause")
	if err != nil {
		return err
	}
	ref, err := name.NewTag(pauseImage)
	if err != nil {
		return err
	}
	return tarball.WriteToFile(pause, ref, img)
}

// importProgram gives the first node an image that runs a program, linked statically, which is all that is in it.
func importProgram(ctx context.Context, d dirs, program, tag string) error {
	pid, _ := running(d)
	if pid == 0 {
		return errors.New("no cluster is up (hint: make up)")
	}
	ref, err := name.NewTag(tag)
	if err != nil {
		return err
	}
	base := filepath.Base(program)
	img, err := image(map[string]string{base: program}, nil, "/"+base)
	if err != nil {
		return err
	}
	archive := filepath.Join(d.img, base+".tar")
	defer os.Remove(archive)
	if err := tarball.WriteToFile(archive, ref, img); err != nil {
		return err
	}
	socket := fmt.Sprintf("/proc/%d/root/run/containerd/containerd.sock", pid)
	return command(ctx, "", filepath.Join(d.bin, "ctr"), "--address="+socket, "--namespace=k8s.io", "images", "import",
		archive)
}

// image makes an image of one layer.
func image(files map[string]string, links []string, entrypoint string) (v1.Image, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, dir := range []string{"bin/", "etc/", "tmp/", "root/"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}); err != nil {
			return nil, err
		}
	}
	for target, source := range files {
		data, err := os.ReadFile(source)
		if err != nil {
			return nil, err
		}
		if err := w.WriteHeader(&tar.Header{Name: target, Mode: 0o755, Size: int64(len(data))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(data); err != nil {
			return nil, err
		}
	}
	for _, link := range links {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: link, Linkname: "/bin/busybox"}); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser,
		error) {
		return io.NopCloser(bytes.NewReader(buf.Bytes())), nil
	})
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	conf := v1.Config{Env: []string{"PATH=/bin"}}
	if entrypoint != "" {
		conf.Entrypoint = []string{entrypoint}
	} else {
		conf.Cmd = []string{"sh"}
	}
	return mutate.ConfigFile(img, &v1.ConfigFile{
		Architecture: runtime.GOARCH, OS: "linux", Config: conf,
		RootFS: v1.RootFS{Type: "layers", DiffIDs: must(img.ConfigFile()).RootFS.DiffIDs},
	})
}

func must(c *v1.ConfigFile, err error) *v1.ConfigFile {
	if err != nil {
		panic(err)
	}
	return c
}

// serveRegistry serves an OCI registry on the node's loopback and puts busybox in.
func serveRegistry(d dirs) error {
	l, err := net.Listen("tcp", registryAddr)
	if err != nil {
		return err
	}
	quiet := log.New(io.Discard, "", 0)
	go func() { log.Print(http.Serve(l, registry.New(registry.Logger(quiet)))) }()
	busybox := filepath.Join(d.img, "busybox")
	applets, err := exec.Command(busybox, "--list-full").Output()
	if err != nil {
		return err
	}
	var links []string
	for applet := range strings.FieldsSeq(string(applets)) {
		if base := filepath.Base(applet); base != "busybox" {
			links = append(links, "bin/"+base)
		}
	}
	img, err := image(map[string]string{"bin/busybox": busybox}, links, "")
	if err != nil {
		return err
	}
	for _, tag := range busyboxTags {
		ref, err := name.NewTag(registryAddr+"/"+tag, name.Insecure)
		if err != nil {
			return err
		}
		if err := remote.Write(ref, img); err != nil {
			return err
		}
	}
	return nil
}
