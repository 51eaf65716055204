package logfile

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files are the two ways to reach a file in a folder: as it is, and as a kubelet serves it.
func files(t *testing.T, dir string) map[string]func() File {
	server := httptest.NewServer(http.StripPrefix("/api/v1/nodes/n1/proxy/logs/",
		http.FileServer(http.Dir(filepath.Dir(dir)))))
	t.Cleanup(func() { server.Client().CloseIdleConnections(); server.Close() })
	return map[string]func() File{
		"local": func() File {
			f, err := Open(filepath.Join(dir, "audit.log"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			return f
		},
		"node": func() File {
			f, err := OnNode(server.Client(), server.URL, "n1", "/var/log/"+filepath.Base(dir)+"/audit.log")
			if err != nil {
				t.Fatal(err)
			}
			return f
		},
	}
}

func add(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// followed follows a file from its end and returns what reads the next line.
func followed(t *testing.T, f File) (next func() string, losses chan string) {
	t.Helper()
	size, err := f.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	lines, losses, done := make(chan string, 100), make(chan string, 10), make(chan error, 1)
	go func() {
		done <- Follow(ctx, f, size, func(l []byte) { lines <- string(l) }, func(why string) { losses <- why })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return func() string {
		t.Helper()
		select {
		case l := <-lines:
			return l
		case <-time.After(20 * time.Second):
			t.Fatal("no line comes")
			return ""
		}
	}, losses
}

// counted tells of each read, to who wants to know.
type counted struct {
	File
	reads chan struct{}
}

func (f counted) ReadFrom(ctx context.Context, offset int64) ([]byte, error) {
	select {
	case f.reads <- struct{}{}:
	default:
	}
	return f.File.ReadFrom(ctx, offset)
}

func TestFollow(t *testing.T) {
	for _, kind := range []string{"local", "node"} {
		t.Run(kind, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "kubernetes")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "audit.log")
			add(t, path, "from before\n")
			f := counted{files(t, dir)[kind](), make(chan struct{})}
			next, losses := followed(t, f)
			add(t, path, "one\ntw")
			if got := next(); got != "one" {
				t.Errorf("%q", got)
			}
			add(t, path, "o\nthree\n")
			if a, b := next(), next(); a != "two" || b != "three" {
				t.Errorf("%q, %q", a, b)
			}
			// Rotation: the old file goes aside with what was not read yet, and a new one begins.
			add(t, path, "four\n")
			if got := next(); got != "four" {
				t.Errorf("%q", got)
			}
			add(t, path, strings.Repeat("x", 100)+"\n")
			if got := next(); len(got) != 100 {
				t.Errorf("%q", got)
			}
			if err := os.Rename(path, filepath.Join(dir, "audit-2026-01-02T03-04-05.678.log")); err != nil {
				t.Fatal(err)
			}
			add(t, filepath.Join(dir, "audit-2026-01-02T03-04-05.678.log"), "the last\n")
			for range 3 { // as long as there is no file of that name, which must not be its end
				<-f.reads
			}
			add(t, path, "six\n")
			if a, b := next(), next(); a != "the last" || b != "six" {
				t.Errorf("%q, %q", a, b)
			}
			select {
			case why := <-losses:
				t.Errorf("lost: %s", why)
			default:
			}
		})
	}
}

func TestTooLongLine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kubernetes")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "audit.log")
	add(t, path, "")
	next, losses := followed(t, files(t, dir)["local"]())
	add(t, path, strings.Repeat("x", maxLine+chunk))
	select {
	case <-losses:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing is said of it")
	}
	add(t, path, "\nafter\n")
	for got := next(); got != "after"; got = next() {
		if strings.Trim(got, "x") != "" {
			t.Errorf("%.20q", got)
		}
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "forbidden"):
			http.Error(w, "no", http.StatusForbidden)
		case strings.Contains(r.URL.Path, "whole"): // a server that does not know Range
			fmt.Fprint(w, "everything")
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	for name, want := range map[string]string{"forbidden": "403", "missing": "404", "whole": "did not serve a part"} {
		f, err := OnNode(server.Client(), server.URL, "n", "/var/log/"+name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Size(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		var b bytes.Buffer
		if err := Follow(t.Context(), f, 1, func(l []byte) { b.Write(l) }, func(string) {}); err == nil || b.Len() > 0 {
			t.Errorf("%s: %v, %q", name, err, b.String())
		}
	}
	if _, err := OnNode(server.Client(), server.URL, "n", "/etc/passwd"); err == nil {
		t.Error("a kubelet does not serve /etc")
	}
	if _, err := OnNode(server.Client(), server.URL, "n", "/var/log/../../etc/passwd"); err == nil {
		t.Error("a kubelet does not serve /etc")
	}
}
