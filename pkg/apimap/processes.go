package apimap

// What runs inside the containers, where that was asked for.

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Container is one, with its processes.
type Container struct {
	Name        string       `json:"name"`             // of the container
	Shared      bool         `json:"shared,omitempty"` // all containers of the Pod share these: shareProcessNamespace
	Processes   []Process    `json:"processes"`        // by their numbers
	Connections []Connection `json:"connections"`      // of TCP, of its network namespace, which is the Pod's
}

// Process is one that a container sees.
type Process struct {
	PID       int    `json:"pid"`                 // in the container's PID namespace
	Parent    int    `json:"parent"`              // of its parent; 0 is outside of the namespace
	UID       int    `json:"uid"`                 // of its user
	Command   string `json:"command"`             // with its arguments
	Exec      bool   `json:"exec,omitempty"`      // it is the command that looked
	Container string `json:"container,omitempty"` // to which it belongs, by its control group; empty where not known
	First     bool   `json:"first,omitempty"`     // that container ends with it
	Cgroup    string `json:"cgroup,omitempty"`    // its control group, as /proc/PID/cgroup has it
	Started   int64  `json:"started,omitempty"`   // when, in clock ticks since the machine started; 0 is not known
}

// Connection is a line of /proc/net/tcp or tcp6.
type Connection struct {
	Local  string `json:"local"`            // address and port
	Remote string `json:"remote,omitempty"` // likewise; empty where it listens
}

// Look is a command that lists what runs in a container. It needs a shell there.
type Look struct {
	Container string
	Command   []string
}

// looking prints a line for each process of the container and each line of its TCP tables, by what any shell can do
// and tr. What it starts itself is left out. What a process calls itself stays on its line: printf prints a backslash
// as it is, which not every echo does.
const looking = `echo shell $$
for p in /proc/[0-9]*; do
  n=${p#/proc/}; pp=0; u=0
  while read -r k v x; do case $k in PPid:) pp=$v;; Uid:) u=$v;; esac; done <$p/status || continue
  [ "$pp" = $$ ] && continue
  printf 'process %s %s %s %s\n' $n $pp ${u%% *} "$(tr '\0\n' '  ' <$p/cmdline)"
  read -r x <$p/stat && printf 'stat %s %s\n' $n "$x"
  while read -r x; do case $x in *:memory:*|0::*) printf 'cgroup %s %s\n' $n "$x";; esac; done <$p/cgroup
done 2>/dev/null
for f in tcp tcp6; do while read -r l; do echo tcp $l; done </proc/net/$f; done 2>/dev/null
true`

// Ask is by what the answer is found.
func (l Look) Ask() string { return "exec " + l.Container }

// Looks are the commands that list what runs in the Pod: one for each running container, or one for all where they
// share their processes. Of a Pod that sees the node's processes there are none.
func Looks(s *Snapshot) (all []Look) {
	d := &deriver{Snapshot: s}
	if !d.readPod() || d.pod.Spec.HostPID {
		return nil
	}
	for _, c := range d.statuses() {
		if c.State.Running != nil {
			all = append(all, Look{c.Name, []string{"sh", "-c", looking}})
		}
	}
	if share := d.pod.Spec.ShareProcessNamespace; share != nil && *share && len(all) > 1 {
		all = all[:1]
	}
	return all[:min(len(all), mostLooks)]
}

// Answer keeps what a look has seen.
func (l Look) Answer(out string, err error) Answer {
	a := Answer{Ask: l.Ask(), Status: 200}
	if err != nil {
		a.Status, a.Error = 0, err.Error()
		var refused apierrors.APIStatus
		if errors.As(err, &refused) {
			a.Status = int(refused.Status().Code)
		} else if strings.Contains(a.Error, " is forbidden: ") { // of a failed upgrade only the text is left
			a.Status = 403
		}
		return a
	}
	a.Body, _ = json.Marshal(readLook(l.Container, out))
	return a
}

func readLook(name, out string) Container {
	c := Container{Name: name, Processes: []Process{}, Connections: []Connection{}}
	shell := -1
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[0] == "shell":
			shell, _ = strconv.Atoi(words[1])
		case len(words) > 4 && words[0] == "process":
			pid, err := strconv.Atoi(words[1])
			parent, err2 := strconv.Atoi(words[2])
			uid, err3 := strconv.Atoi(words[3])
			if err != nil || err2 != nil || err3 != nil {
				continue
			}
			p := Process{PID: pid, Parent: parent, UID: uid, Command: strings.Join(words[4:], " "), Exec: pid == shell}
			if p.Exec {
				p.Command = "sh -c …"
			}
			c.Processes = append(c.Processes, p)
		case len(words) > 2 && (words[0] == "stat" || words[0] == "cgroup"):
			if i := len(c.Processes) - 1; i >= 0 && strconv.Itoa(c.Processes[i].PID) == words[1] {
				c.Processes[i].describe(words[0], strings.Join(words[2:], " "))
			}
		case len(words) > 4 && words[0] == "tcp":
			local, ok := readAddress(words[2])
			remote, ok2 := readAddress(words[3])
			if !ok || !ok2 {
				continue
			}
			switch words[4] { // the states of include/net/tcp_states.h
			case "01": // established
				c.Connections = append(c.Connections, Connection{local.String(), remote.String()})
			case "0A": // listens
				c.Connections = append(c.Connections, Connection{Local: local.String()})
			}
		}
	}
	slices.SortFunc(c.Processes, func(a, b Process) int { return a.PID - b.PID })
	return c
}

// describe adds what a line of proc(5) says of a process.
func (p *Process) describe(file, line string) {
	if file == "stat" { // the second of its 52 fields is a name in parentheses, the 22nd when it started
		fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
		if len(fields) > 19 {
			p.Started, _ = strconv.ParseInt(fields[19], 10, 64)
		}
		return
	}
	if parts := strings.SplitN(line, ":", 3); len(parts) == 3 && len(parts[2]) > len(p.Cgroup) {
		p.Cgroup = parts[2]
	}
}

// readAddress reads ADDRESS:PORT as the kernel prints it: words of 32 bits in the order of bytes of the machine, here
// little-endian as nearly all are.
func readAddress(s string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(s, ":")
	b, err := hex.DecodeString(host)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		slices.Reverse(b[i : i+4])
	}
	a, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), ok
}

// statuses are those of all containers: sidecars and other init containers, then the Pod's own, then ephemeral ones.
func (d *deriver) statuses() []corev1.ContainerStatus {
	is := &d.pod.Status
	return slices.Concat(is.InitContainerStatuses, is.ContainerStatuses, is.EphemeralContainerStatuses)
}

// inside is what was seen in the containers.
func (d *deriver) inside() (all []Container) {
	for _, a := range d.Answers {
		var c Container
		if strings.HasPrefix(a.Ask, "exec ") && a.Status == 200 && json.Unmarshal(a.Body, &c) == nil {
			d.belong(&c)
			all = append(all, c)
		}
	}
	order := func(c Container) int {
		return slices.IndexFunc(d.statuses(), func(x corev1.ContainerStatus) bool { return x.Name == c.Name })
	}
	slices.SortStableFunc(all, func(a, b Container) int { return order(a) - order(b) })
	return all
}

// belong says to which container each process belongs, and with which that one ends. Where it has a namespace of
// control groups, a container sees its own as /. In a PID namespace of several containers the first process of each has
// its parent outside, as what exec adds; it was there before.
func (d *deriver) belong(c *Container) {
	share := d.pod.Spec.ShareProcessNamespace
	c.Shared = share != nil && *share
	alone := !c.Shared && len(d.pod.Status.EphemeralContainerStatuses) == 0
	first := map[string]*Process{}
	for i := range c.Processes {
		p := &c.Processes[i]
		if p.Cgroup == "/" || alone {
			p.Container = c.Name
		}
		for _, is := range d.statuses() {
			if _, id, ok := strings.Cut(is.ContainerID, "://"); ok && strings.Contains(p.Cgroup, id) {
				p.Container = is.Name
			}
		}
		if f := first[p.Container]; p.Parent == 0 && p.Container != "" && (f == nil || p.Started < f.Started) {
			first[p.Container] = p
		}
	}
	for _, p := range first {
		p.First = !p.Exec && (p.PID == 1 || !alone && p.Started > 0)
	}
}

// withoutShell is what runtimes say where a program is not there, and the codes that a shell gives it.
var withoutShell = regexp.MustCompile(`executable file not found|[Nn]o such file|not found in \$PATH|exit code 12[67]`)

// processes adds what runs inside, and whom it is connected to.
func (d *deriver) processes() {
	if d.pod == nil {
		return
	}
	if d.Processes && d.pod.Spec.HostPID {
		d.hide("processes of the containers",
			"the Pod has hostPID, and sees all processes of its node: nothing was run in it", "")
		return
	}
	if d.Processes && len(Looks(d.Snapshot)) == 0 {
		d.hide("processes of the containers", "no container runs", "")
		return
	}
	asked := false
	for _, a := range d.Answers {
		name, ok := strings.CutPrefix(a.Ask, "exec ")
		if !ok {
			continue
		}
		switch asked = true; {
		case a.Status == 200:
		case a.Status == 403:
			d.hide("processes of container "+name, "403: your permissions do not allow it", "create pods/exec -n "+
				d.Subject.Namespace)
		case !withoutShell.MatchString(a.Error):
			d.hide("processes of container "+name, "a command in it that lists them fails: "+a.Error, "")
		default:
			d.hide("processes of container "+name, "a command in it that lists them fails: "+a.Error+
				"; what a container without a shell runs, an ephemeral one shows, which stays in the Pod: kubectl debug -it "+
				quoted(d.pod.Name)+d.namespace()+" --image=busybox --target="+quoted(name)+" -- ps", "")
		}
	}
	d.m.Processes = d.inside()
	share := d.pod.Spec.ShareProcessNamespace
	if asked && (share == nil || !*share) {
		runs := slices.DeleteFunc(d.statuses(), func(c corev1.ContainerStatus) bool { return c.State.Running == nil })
		d.left("containers that run, by their processes", max(0, len(runs)-mostLooks), mostLooks)
	}
	switch {
	case !asked:
		return
	case share != nil && *share:
		if !slices.ContainsFunc(d.m.Processes, Container.unknown) {
			break
		}
		d.hide("which process belongs to which container", "the containers share their processes: shareProcessNamespace", "")
	case len(d.lasting()) > 1:
		d.hide("processes of one container from another",
			"each has a PID namespace of its own: shareProcessNamespace is not set", "")
	}
	drawn := map[string]bool{}
	for _, c := range d.m.Processes {
		d.connections(c, drawn)
	}
	_, more := d.peers()
	d.left("addresses that the Pod is connected to", more, mostPeers)
}

// unknown reports whether it is not known of a process, other than the sandbox's, to which container it belongs.
func (c Container) unknown() bool {
	return slices.ContainsFunc(c.Processes, func(p Process) bool { return p.Container == "" && p.PID != 1 })
}
