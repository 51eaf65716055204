//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	events "github.com/containerd/containerd/api/services/events/v1"
	version "github.com/containerd/containerd/api/services/version/v1"
	moby "github.com/moby/moby/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"
)

// run runs docker-run on the engine; what follows is as on the command line.
func (e *dockerEngine) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return runSeq(t, append([]string{"docker-run", "--host=" + e.host, "--containerd=" + e.containerd}, args...)...)
}

// told finds the one step whose label begins so.
func told(t *testing.T, d document, label string) step {
	t.Helper()
	i := slices.IndexFunc(d.steps, func(s step) bool { return strings.HasPrefix(s.Label, label) && s.Kind != "response" })
	if i < 0 {
		t.Fatalf("no step %q in %v", label, d.steps)
	}
	return d.steps[i]
}

func TestDockerRun(t *testing.T) {
	t.Parallel()
	e := newDockerEngine(t)

	t.Run("to its end", func(t *testing.T) {
		recording := filepath.Join(t.TempDir(), "web.jsonl")
		stdout, stderr, code := e.run(t, busyboxImage, "--name=web", "-o", "json", "--record="+recording, "--", "sh", "-c",
			"echo hello; sleep 0.2; exit 3")
		if code != 3 || !strings.Contains(stderr, "hello\n") {
			t.Fatalf("exit code %d, %s", code, stderr)
		}
		d := parse(t, stdout)
		want := []string{
			"user docker POST containers/create (web)", "docker docker image " + busyboxImage + ": 1 read-only layer",
			"docker docker a read-write layer on top",
			"docker user 201 Created, id ", "user docker POST containers/start (web)", "docker containerd Containers.Create",
			"docker containerd Tasks.Create",
			"containerd runc create", "docker containerd Tasks.Start", "containerd runc start",
			"runc container/web exec the container's program",
			"container/web container/web exits with 3", "containerd docker event: its task has ended",
			"docker docker takes note of its end",
		}
		for _, s := range d.steps {
			if len(want) > 0 && strings.HasPrefix(s.From+" "+s.To+" "+s.Label, want[0]) {
				want = want[1:]
			}
		}
		if len(want) > 0 {
			t.Errorf("not in this order: %q, in %v", want, d.steps)
		}
		for _, label := range []string{"Containers.Create", "Tasks.Create", "Tasks.Start", "exits with"} {
			if s := told(t, d, label); s.Certainty != "observed" {
				t.Errorf("%v", s)
			}
		}
		if o := d.outcome; o.Outcome != "Exited" || o.ExitCode != 3 || o.Obstacle == nil || o.Obstacle.Name != "docker-exit" {
			t.Errorf("%+v", o)
		}
		state, err := e.client.ContainerInspect(t.Context(), "web", moby.ContainerInspectOptions{})
		if err != nil || state.Container.State.ExitCode != 3 {
			t.Fatalf("%+v, %v", state.Container.State, err)
		}
		// stamped once containerd has answered
		within(t, told(t, d, "exec the container's program"), state.Container.State.StartedAt, time.Second)
		within(t, told(t, d, "exits with"), state.Container.State.FinishedAt, 0)
		if again, _, code := runSeq(t, "replay", recording, "--speed=max", "-o", "json"); again != stdout || code != 3 {
			t.Errorf("the replay ends with %d and says\n%s\nnot\n%s", code, again, stdout)
		}
		for _, format := range []string{"listing", "lanes", "mermaid", "html"} {
			out, _, _ := runSeq(t, "replay", recording, "--speed=max", "-o", format, "--explain")
			for _, name := range []string{"user", "docker", "containerd", "runc", "web"} {
				if !strings.Contains(out, name) {
					t.Errorf("-o %s has no %s:\n%s", format, name, out)
				}
			}
		}
		pod := filepath.Join(t.TempDir(), "pod.jsonl")
		if _, stderr, code := runSeq(t, "create-pod", "beside-docker", "--image=busybox:1", "--restart=Never",
			"--until=completed", "--rm", "--record="+pod, "--", "true"); code != 0 {
			t.Fatalf("exit code %d, %s", code, stderr)
		}
		if out, _, code := runSeq(t, "compare", recording, pod); code != 0 ||
			!strings.Contains(out, "A is about a Container, B about a Pod.") || !strings.Contains(out, " both have 4.") {
			t.Errorf("exit code %d, %s", code, out)
		}
		_, stderr, code = e.run(t, busyboxImage, "--name=web")
		if code != 1 || !strings.Contains(stderr, "Conflict") && !strings.Contains(stderr, "already in use") ||
			!strings.Contains(stderr, "docker rm web") {
			t.Errorf("a name that is taken: exit code %d, %s", code, stderr)
		}
		if all := e.containers(t); len(all) != 1 {
			t.Errorf("containers: %v", all)
		}
		e.remove(t, "web")
	})

	t.Run("without containerd's events", func(t *testing.T) {
		truth := e.tasks(t)
		stdout, _, code := runSeq(t, "docker-run", "--host="+e.host, "--containerd=/nowhere", busyboxImage, "--name=inferred",
			"--rm", "-o", "json", "--", "sleep", "0.2")
		if code != 0 {
			t.Fatalf("exit code %d, %s", code, stdout)
		}
		d, instants := parse(t, stdout), truth()
		for label, topic := range map[string]string{"Containers.Create": "/containers/create",
			"Tasks.Create": "/tasks/create", "Tasks.Start": "/tasks/start"} {
			s := told(t, d, label)
			if s.Certainty != "inferred" || s.Earliest == nil || instants[topic].Before(*s.Earliest) {
				t.Errorf("%v, truly done at %s", s, instants[topic].Format("05.000000"))
			}
		}
		within(t, told(t, d, "exits with"), instants["/tasks/exit"].Format(time.RFC3339Nano), 0)
		if !strings.Contains(stdout, "containerd's events: its socket is not to be read here") {
			t.Error("it is not said what could not be seen")
		}
		if all := e.containers(t); len(all) != 0 {
			t.Errorf("--rm leaves %v", all)
		}
	})

	t.Run("started", func(t *testing.T) {
		stdout, stderr, code := e.run(t, busyboxImage, "--name=kept", "--until=started", "--", "sleep", "1000")
		if code != 0 || !strings.Contains(stdout, "\nStarted in ") {
			t.Fatalf("exit code %d, %s%s", code, stdout, stderr)
		}
		if _, stderr, code = e.run(t, busyboxImage, "--name=gone", "--until=started", "--rm", "--", "sleep",
			"1000"); code != 0 || !strings.Contains(stderr, `container "gone" deleted`) {
			t.Errorf("exit code %d, %s", code, stderr)
		}
		if all := e.containers(t); fmt.Sprint(slices.Collect(maps.Values(all))) != "[/kept]" {
			t.Errorf("containers: %v", all)
		}
		e.remove(t, "kept")
		if _, stderr, code = e.run(t, busyboxImage, "--name=slow", "--timeout=1s", "--", "sleep", "1000"); code != 124 ||
			!strings.Contains(stderr, "; docker rm -f slow ") {
			t.Errorf("exit code %d, %s", code, stderr)
		}
		e.remove(t, "slow")
	})

	t.Run("pulled", func(t *testing.T) {
		image := e.registry(t) + "/tools/busybox:2"
		e.push(t, image)
		stdout, stderr, code := e.run(t, image, "--rm", "-o", "json", "--", "true")
		if code != 0 {
			t.Fatalf("exit code %d, %s", code, stderr)
		}
		d := parse(t, stdout)
		if d.steps[slices.IndexFunc(d.steps, func(s step) bool { return s.Verb == "pull" })].Label != "POST images/create ("+
			image+")" || !strings.Contains(stdout, `{"name":"pull"`) {
			t.Errorf("%v", d.steps)
		}
	})

	for _, x := range []struct {
		name  string
		args  []string
		code  int
		cause string
		says  string
	}{
		{"no such image", []string{"localhost:1/none", "--name=none"}, 1, "docker-registry", "does not answer"},
		{"no such program", []string{busyboxImage, "--name=none", "--rm", "--", "no-such-program"}, 1, "docker-no-program",
			"executable file not found"},
		{"out of memory",
			[]string{busyboxImage, "--name=none", "--rm", "--memory=16m", "--", "sh", "-c",
				"sleep 1; x=a; while true; do x=$x$x; done"},
			137, "docker-oom", "OOMKilled"},
	} {
		t.Run(x.name, func(t *testing.T) {
			stdout, stderr, code := e.run(t, append([]string{"-o", "json"}, x.args...)...)
			d := parse(t, stdout)
			if code != x.code || d.outcome.Obstacle == nil || d.outcome.Obstacle.Name != x.cause ||
				!strings.Contains(stdout+stderr, x.says) {
				t.Errorf("exit code %d, %+v, %s", code, d.outcome.Obstacle, stderr)
			}
			if all := e.containers(t); len(all) != 0 {
				t.Errorf("left behind: %v", all)
			}
		})
	}

	t.Run("interrupted", func(t *testing.T) {
		cmd := exec.CommandContext(t.Context(), plugin, "docker-run", "--host="+e.host, busyboxImage, "--rm", "--", "sh",
			"-c", "echo up; sleep 1000")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		buffer := make([]byte, 4096)
		for n := 0; !strings.Contains(said.String(), "up\n"); {
			if n, err = out.Read(buffer); err != nil {
				t.Fatalf("%v after %s", err, said.String())
			}
			said.Write(buffer[:n])
		}
		cmd.Process.Signal(os.Interrupt)
		for err == nil {
			_, err = out.Read(buffer)
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 130 {
			t.Errorf("exit code %d", code)
		}
		if all := e.containers(t); len(all) != 0 {
			t.Errorf("left behind: %v", all)
		}
	})

	t.Run("no engine", func(t *testing.T) {
		_, stderr, code := runSeq(t, "docker-run", "--host=unix:///nowhere/docker.sock", busyboxImage)
		if code != 1 || !strings.Contains(stderr, "cannot connect to the Docker Engine at unix:///nowhere/docker.sock") ||
			!strings.Contains(stderr, "(hint: ") {
			t.Errorf("exit code %d, %s", code, stderr)
		}
	})
}

// within holds a step's window to an instant that the engine itself has noted, which it may note a little late.
func within(t *testing.T, s step, noted string, late time.Duration) {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, noted)
	if err != nil {
		t.Fatal(err)
	}
	if s.Earliest != nil && at.Before(*s.Earliest) || s.Latest != nil && at.Add(-late).After(*s.Latest) {
		t.Errorf("%v does not hold %s", s, at.Format("05.000000"))
	}
}

// tasks subscribes to containerd's events, and returns what has them, by topic, once the container's end has come.
func (e *dockerEngine) tasks(t *testing.T) func() map[string]time.Time {
	t.Helper()
	conn, err := grpc.NewClient("unix://"+e.containerd, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "containerd-namespace", "moby"),
		time.Minute)
	t.Cleanup(cancel)
	stream, err := events.NewEventsClient(conn).Subscribe(ctx,
		&events.SubscribeRequest{Filters: []string{`namespace==moby`}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := version.NewVersionClient(conn).Version(ctx, &emptypb.Empty{}); err != nil {
		// it is subscribed to: that was asked first
		t.Fatal(err)
	}
	return func() map[string]time.Time {
		instants := map[string]time.Time{}
		for instants["/tasks/exit"].IsZero() {
			envelope, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if at := envelope.Timestamp.AsTime(); instants[envelope.Topic].IsZero() {
				instants[envelope.Topic] = at
			}
		}
		return instants
	}
}
