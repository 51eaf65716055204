//go:build e2e

package e2e

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kubectl-seq/kubectl-seq/pkg/docker"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// dockerRun is one run of a container by the package, and what it observed.
type dockerRun struct {
	observed []seq.Observation
	exit     docker.Exit
	err      error
	stdout   string
	stderr   string
	id       string
	unseen   string
	host     string
}

// runDocker runs a container on an engine. during, if there is one, is called once it has started, and removes says
// that it is removed at the end.
func (e *dockerEngine) runDocker(t *testing.T, spec docker.Spec, sockets []string,
	during func(context.Context, *docker.Engine), removes bool) dockerRun {
	t.Helper()
	return runDocker(t, docker.Connection{Host: e.host, Containerd: sockets}, spec, during, removes)
}

// runDocker does so by a connection.
func runDocker(t *testing.T, c docker.Connection, spec docker.Spec, during func(context.Context, *docker.Engine),
	removes bool) dockerRun {
	t.Helper()
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d, err := docker.New(ctx, c, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var r dockerRun
	var wg sync.WaitGroup
	enough := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case o := <-d.Observations():
				r.observed = append(r.observed, o)
			case <-enough:
				for len(d.Observations()) > 0 {
					r.observed = append(r.observed, <-d.Observations())
				}
				return
			}
		}
	})
	var stdout, stderr strings.Builder
	spec.Stdout, spec.Stderr = &stdout, &stderr
	if r.err = d.Follow(ctx); r.err == nil {
		r.err = d.Start(ctx, spec)
	}
	if r.err == nil {
		if during != nil {
			during(ctx, d)
		}
		r.exit, r.err = d.Wait(ctx)
	}
	if removes {
		if err := d.Remove(ctx); err != nil {
			t.Error(err)
		}
	}
	r.unseen, r.id, r.host = d.RuntimeUnseen(), d.Container().UID, d.Host()
	d.Close()
	close(enough)
	wg.Wait()
	r.stdout, r.stderr = stdout.String(), stderr.String()
	return r
}

// told are the engine's events and containerd's, each in its order.
func (r dockerRun) told() (engine, runtime []string) {
	for _, o := range r.observed {
		switch {
		case o.Engine != nil:
			engine = append(engine, o.Engine.Type+" "+o.Engine.Action)
		case o.Runtime != nil:
			runtime = append(runtime, o.Runtime.Topic)
		}
	}
	return engine, runtime
}

// request is the last that was observed of the first request of that verb, and how often it was.
func (r dockerRun) request(t *testing.T, verb string) (last seq.Request, times int) {
	t.Helper()
	for _, o := range r.observed {
		if q := o.Request; q != nil && q.Verb == verb && (times == 0 || q.ID == last.ID) {
			last = *q
			times++
		}
	}
	if times == 0 {
		t.Fatalf("no request %s was observed", verb)
	}
	return last, times
}

// at is when the engine or containerd says that something was.
func (r dockerRun) at(t *testing.T, what string) time.Time {
	t.Helper()
	for _, o := range r.observed {
		switch {
		case o.Engine != nil && o.Engine.Type+" "+o.Engine.Action == what:
			return o.Engine.At
		case o.Runtime != nil && o.Runtime.Topic == what:
			return o.Runtime.At
		}
	}
	t.Fatalf("%s was not observed", what)
	return time.Time{}
}

// instant is a time that has a name.
type instant struct {
	name string
	at   time.Time
}

// inOrder holds that none of the instants is before the one that is named before it.
func inOrder(t *testing.T, instants ...instant) {
	t.Helper()
	for i, is := range instants {
		if is.at.IsZero() {
			t.Errorf("%s has no time", is.name)
		}
		if i > 0 && is.at.Before(instants[i-1].at) {
			t.Errorf("%s, %s, is before %s, %s", is.name, is.at.Format("05.000000"), instants[i-1].name,
				instants[i-1].at.Format("05.000000"))
		}
	}
}

// What a real engine and its containerd tell of a container is observed whole and in order, on one clock with our
// requests.
func TestDockerSource(t *testing.T) {
	e := newDockerEngine(t)
	sockets := []string{e.dir + "/nothing.sock", e.containerd}
	script := []string{"sh", "-c", "echo hello; echo trouble >&2; exec sleep 0.2"}

	t.Run("plain", func(t *testing.T) {
		r := e.runDocker(t,
			docker.Spec{Image: busyboxImage, Name: "plain",
				Command: []string{"sh", "-c", "echo $GREETING; echo trouble >&2; exit 3"}, Env: []string{"GREETING=hello"}},
			sockets, nil, true)
		if r.err != nil || r.exit != (docker.Exit{Code: 3}) || r.stdout != "hello\n" || r.stderr != "trouble\n" ||
			r.unseen != "" {
			t.Errorf("%+v, %v, output %q and %q, unseen %q", r.exit, r.err, r.stdout, r.stderr, r.unseen)
		}
		engine, runtime := r.told()
		if want := []string{"container create", "container attach", "network connect", "container start", "container die",
			"network disconnect", "container destroy"}; !slices.Equal(engine, want) {
			t.Errorf("the engine told %v", engine)
		}
		if want := []string{"/containers/create", "/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete",
			"/containers/delete"}; !slices.Equal(runtime, want) {
			t.Errorf("containerd told %v", runtime)
		}
		version, _ := r.request(t, "get")
		if !strings.HasPrefix(version.ServerVersion, "Docker ") {
			t.Errorf("the server is %q", version.ServerVersion)
		}
		image, _ := r.request(t, "inspect")
		create, times := r.request(t, "create")
		if image.Docker.Layers != 1 || times != 2 || create.Status != 201 ||
			create.Object != (seq.Object{Kind: "Container", Name: "plain", UID: r.id}) || create.Docker.ID != r.id {
			t.Errorf("image %+v, create, observed %d times: %+v %+v", image.Docker, times, create, create.Docker)
		}
		attach, times := r.request(t, "attach")
		if times != 4 || attach.Status != 101 || attach.Docker.Stdout != 6 || attach.Docker.Stderr != 8 {
			t.Errorf("attach, observed %d times: %+v %+v", times, attach, attach.Docker)
		}
		wait, times := r.request(t, "wait")
		if times != 3 || wait.Status != 200 || *wait.Docker.ExitCode != 3 {
			t.Errorf("wait, observed %d times: %+v %+v", times, wait, wait.Docker)
		}
		start, _ := r.request(t, "start")
		remove, _ := r.request(t, "delete")
		if start.Status != 204 || remove.Status != 204 {
			t.Errorf("start %+v, delete %+v", start, remove)
		}
		var last seq.Docker
		for _, o := range r.observed {
			if q := o.Request; q != nil && q.Verb == "inspect" && q.Resource == "containers" {
				last = *q.Docker
			}
		}
		if last.Driver == "" || last.Runtime != "runc" || last.ExitCode == nil || *last.ExitCode != 3 || last.OOM {
			t.Errorf("at its end %+v", last)
		}
		inOrder(t, instant{"create", create.Sent}, instant{"created", r.at(t, "container create")},
			instant{"its answer", create.FirstByte},
			instant{"attach", attach.Started}, instant{"its connection", attach.Connected}, instant{"its request", attach.Sent},
			instant{"its answer", attach.FirstByte}, instant{"wait", wait.Sent}, instant{"its answer", wait.FirstByte},
			instant{"start", start.Sent}, instant{"connected", r.at(t, "network connect")},
			instant{"/containers/create", r.at(t, "/containers/create")},
			instant{"/tasks/create", r.at(t, "/tasks/create")}, instant{"/tasks/start", r.at(t, "/tasks/start")},
			instant{"started", r.at(t, "container start")}, instant{"its answer", start.FirstByte})
		// The engine answers an attach, then tells of it.
		inOrder(t, instant{"attach", attach.Sent}, instant{"attached", r.at(t, "container attach")})
		// A container writes before it is told that it has started.
		inOrder(t, instant{"/tasks/create", r.at(t, "/tasks/create")}, instant{"output", attach.Docker.Output},
			instant{"its end", attach.Docker.Ended})
		inOrder(t, instant{"/tasks/start", r.at(t, "/tasks/start")}, instant{"/tasks/exit", r.at(t, "/tasks/exit")},
			instant{"/tasks/delete", r.at(t, "/tasks/delete")},
			instant{"died", r.at(t, "container die")}, instant{"disconnected", r.at(t, "network disconnect")},
			instant{"/containers/delete", r.at(t, "/containers/delete")},
			instant{"the wait's answer", wait.Docker.Ended}, instant{"delete", remove.Sent},
			instant{"destroyed", r.at(t, "container destroy")}, instant{"its answer", remove.FirstByte})
	})

	t.Run("removed by the engine", func(t *testing.T) {
		r := e.runDocker(t, docker.Spec{Image: busyboxImage, Command: script, Remove: true}, sockets, nil, false)
		engine, runtime := r.told()
		if r.err != nil || r.exit.Code != 0 || engine[len(engine)-1] != "container destroy" ||
			runtime[len(runtime)-1] != "/containers/delete" {
			t.Errorf("%+v, %v: %v, %v", r.exit, r.err, engine, runtime)
		}
		wait, _ := r.request(t, "wait")
		inOrder(t, instant{"destroyed", r.at(t, "container destroy")}, instant{"the wait's answer", wait.Docker.Ended})
		inspect, _ := r.request(t, "create")
		if inspect.Object.Name != "" {
			t.Errorf("it had the name %q before the engine gave it one", inspect.Object.Name)
		}
		if start, _ := r.request(t, "start"); start.Object.Name == "" {
			t.Error("it has no name")
		}
	})

	for name, c := range map[string]struct {
		sockets []string
		want    string
	}{
		"no socket":         {[]string{}, "containerd was not asked"},
		"no containerd":     {[]string{e.dir + "/nothing.sock"}, "no containerd listens at " + e.dir + "/nothing.sock"},
		"nothing listens":   {[]string{"DEAD"}, "containerd cannot be asked: DEAD: connection refused"},
		"another's":         {[]string{"CLUSTER"}, "the containerd that was asked is not the engine's: CLUSTER"},
		"it speaks no gRPC": {[]string{e.dir + "/docker.sock"}, "containerd cannot be asked: " + e.dir + "/docker.sock: "},
	} {
		t.Run(name, func(t *testing.T) {
			for i, s := range c.sockets {
				switch s {
				case "DEAD":
					c.sockets[i] = deadSocket(t)
				case "CLUSTER":
					c.sockets[i] = clusterContainerd(t)
				}
				c.want = strings.ReplaceAll(c.want, s, c.sockets[i])
			}
			r := e.runDocker(t, docker.Spec{Image: busyboxImage, Command: []string{"true"}, Remove: true}, c.sockets, nil, false)
			engine, runtime := r.told()
			if r.err != nil || !strings.HasPrefix(r.unseen, c.want) || len(runtime) > 0 || len(engine) != 7 {
				t.Errorf("%v, %v, %v, unseen %q", r.err, engine, runtime, r.unseen)
			}
		})
	}

	// The runtime begins to look for a lack of memory after it has started the process: the process waits for that.
	t.Run("no memory", func(t *testing.T) {
		r := e.runDocker(t,
			docker.Spec{Image: busyboxImage, Memory: 16 << 20,
				Command: []string{"sh", "-c", "sleep 1; exec tail /dev/zero"}}, sockets, nil, true)
		engine, runtime := r.told()
		if r.err != nil || r.exit != (docker.Exit{Code: 137, OOM: true}) || !slices.Contains(engine, "container oom") ||
			!slices.Contains(runtime, "/tasks/oom") {
			t.Errorf("%+v, %v: %v, %v", r.exit, r.err, engine, runtime)
		}
	})

	t.Run("killed", func(t *testing.T) {
		r := e.runDocker(t, docker.Spec{Image: busyboxImage, Command: []string{"sleep", "1000"}, Remove: true}, sockets,
			func(ctx context.Context, d *docker.Engine) {
				if err := d.Kill(ctx, "SIGKILL"); err != nil {
					t.Error(err)
				}
			}, false)
		if kill, _ := r.request(t, "kill"); r.err != nil || r.exit.Code != 137 || kill.Status != 204 {
			t.Errorf("%+v, %v: %+v", r.exit, r.err, kill)
		}
	})

	t.Run("removed by us", func(t *testing.T) {
		r := e.runDocker(t, docker.Spec{Image: busyboxImage, Command: []string{"sleep", "1000"}}, sockets,
			func(ctx context.Context, d *docker.Engine) {
				if err := d.Remove(ctx); err != nil {
					t.Error(err)
				}
			}, true) // twice
		if r.err != nil || r.exit.Code != 137 {
			t.Errorf("%+v, %v", r.exit, r.err)
		}
	})

	t.Run("pulled", func(t *testing.T) {
		image := e.registry(t) + "/some/busybox"
		e.push(t, image+":1")
		r := e.runDocker(t, docker.Spec{Image: image + ":1", Command: []string{"true"}, Remove: true}, sockets, nil, false)
		pull, times := r.request(t, "pull")
		engine, _ := r.told()
		if r.err != nil || times != 3 || pull.Status != 200 || pull.Docker.Error != "" || engine[0] != "image pull" {
			t.Errorf("%v, %v, pull, observed %d times: %+v %+v", r.err, engine, times, pull, pull.Docker)
		}
		create, _ := r.request(t, "create")
		inOrder(t, instant{"pull", pull.Sent}, instant{"its answer", pull.FirstByte},
			instant{"pulled", r.at(t, "image pull")}, instant{"its end", pull.Docker.Ended}, instant{"create", create.Sent})
		t.Run("no such tag", func(t *testing.T) {
			r := e.runDocker(t, docker.Spec{Image: image + ":2"}, sockets, nil, true)
			refused(t, r.err, docker.ErrNoImage, "manifest")
		})
	})

	t.Run("no registry", func(t *testing.T) {
		r := e.runDocker(t, docker.Spec{Image: "127.0.0.1:1/nothing"}, sockets, nil, true)
		refused(t, r.err, docker.ErrNoImage, "connection refused")
		if pull, _ := r.request(t, "pull"); pull.Status != 500 || !strings.Contains(pull.Message, "connection refused") {
			t.Errorf("%+v", pull)
		}
	})

	t.Run("no image name", func(t *testing.T) {
		if r := e.runDocker(t, docker.Spec{Image: "Not:A:Name"}, sockets, nil, true); r.err == nil {
			t.Error("no error")
		}
	})

	for _, removes := range []bool{false, true} {
		t.Run("no command", func(t *testing.T) {
			r := e.runDocker(t, docker.Spec{Image: busyboxImage, Command: []string{"nothing"}, Remove: removes}, sockets, nil,
				true)
			refused(t, r.err, docker.ErrNoCommand, "executable file not found")
			engine, runtime := r.told()
			if slices.Contains(engine, "container start") || slices.Contains(runtime, "/tasks/start") ||
				engine[len(engine)-1] != "container destroy" {
				t.Errorf("%v, %v", engine, runtime)
			}
		})
	}

	t.Run("not to be run", func(t *testing.T) {
		r := e.runDocker(t, docker.Spec{Image: busyboxImage, Command: []string{"/bin"}}, sockets, nil, true)
		var said *docker.Error
		if !errors.As(r.err, &said) || said.Kind != docker.ErrNoCommand || said.Code != 126 {
			t.Errorf("%v", r.err)
		}
	})

	t.Run("name taken", func(t *testing.T) {
		e.runDocker(t, docker.Spec{Image: busyboxImage, Name: "taken", Command: []string{"sleep", "1000"}}, sockets,
			func(context.Context, *docker.Engine) {
				r := e.runDocker(t, docker.Spec{Image: busyboxImage, Name: "taken"}, sockets, nil, true)
				refused(t, r.err, docker.ErrNameTaken, "already in use")
				if len(e.containers(t)) != 1 {
					t.Error("what has that name is gone")
				}
				for id := range e.containers(t) {
					e.remove(t, id)
				}
			}, true)
	})

	if all := e.containers(t); len(all) > 0 {
		t.Errorf("left behind: %v", all)
	}
}

// refused holds that an error is of a kind, says so and has a hint.
func refused(t *testing.T, err, kind error, says string) {
	t.Helper()
	var said *docker.Error
	if !errors.Is(err, kind) || !errors.As(err, &said) || said.Hint == "" || !strings.Contains(err.Error(), says) {
		t.Errorf("error %v", err)
	}
}

// However a run is interrupted, its container has an id by which it can be removed.
func TestDockerInterrupted(t *testing.T) {
	e := newDockerEngine(t)
	for _, verb := range []string{"get", "watch", "create", "attach", "wait", "start", "started"} {
		t.Run(verb, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			d, err := docker.New(t.Context(), docker.Connection{Host: e.host, Containerd: []string{e.containerd}}, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var wg sync.WaitGroup
			enough := make(chan struct{})
			wg.Go(func() {
				for {
					select {
					case o := <-d.Observations():
						if q := o.Request; q != nil && q.Verb == verb && q.Status == 0 || o.Engine != nil && o.Engine.Action == "start" {
							interrupt()
						}
					case <-enough:
						return
					}
				}
			})
			err = d.Follow(ctx)
			if err == nil {
				err = d.Start(ctx, docker.Spec{Image: busyboxImage, Command: []string{"sleep", "1000"}})
			}
			if err == nil {
				_, err = d.Wait(ctx)
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			if err := d.Remove(t.Context()); err != nil {
				t.Error(err)
			}
			d.Close()
			close(enough)
			wg.Wait()
			if all := e.containers(t); len(all) > 0 {
				t.Errorf("left behind: %v", all)
			}
		})
	}
}
