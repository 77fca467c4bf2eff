package netns

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The addresses are the documentation's (RFC 5737): they exist in the namespaces only.
const (
	nearAddr    = "192.0.2.1"
	nearAltAddr = "192.0.2.11" // where the client has moved to after a change of address
	farAddr     = "192.0.2.2"
	bridgePort  = "7225"
	maxEvent    = time.Minute // the longest wait for anything outside this process
)

// lab is a network of two hosts. Everything in it ends with the test.
type lab struct {
	t         *testing.T
	near, far host // the client's side and the server's
	programs  []*process
}

type host struct {
	namespace string
	device    string
	home      string // the folder of whoever runs programs there: the hosts' users have keys of their own
}

var labs atomic.Int32

// newLab makes the namespaces and the link between them. The tests that need tools beside ip and ss name them.
func newLab(t *testing.T, tools ...string) *lab {
	t.Helper()
	l := newHosts(t, tools)
	run(t, "ip", "link", "add", l.near.device, "netns", l.near.namespace, "type", "veth",
		"peer", "name", l.far.device, "netns", l.far.namespace)
	l.up()
	return l
}

// newHosts makes the namespaces, with nothing between them.
func newHosts(t *testing.T, tools []string) *lab {
	t.Helper()
	if os.Getenv("TENUTO_NETNS") != "1" {
		t.Skip("makes network namespaces and runs real programs in them: needs root; TENUTO_NETNS=1 runs it")
	}
	if os.Geteuid() != 0 {
		t.Fatal("TENUTO_NETNS=1, but network namespaces need root")
	}
	for _, tool := range append([]string{"ip", "ss"}, tools...) {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("TENUTO_NETNS=1, but %v", err)
		}
	}
	number := labs.Add(1)
	l := &lab{t: t}
	for i, h := range []*host{&l.near, &l.far} {
		h.namespace = fmt.Sprintf("tenuto-%d-%d-%d", os.Getpid(), number, i)
		h.device = fmt.Sprintf("veth%d", i)
		h.home = newHome(t)
		run(t, "ip", "netns", "add", h.namespace)
		t.Cleanup(func() { run(t, "ip", "netns", "delete", h.namespace) })
	}
	return l
}

// newHome makes a folder that ends with the test. Other users can look into it, as they can not into testing's own, and its path is
// short enough for sockets.
func newHome(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tenuto-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// up gives the hosts their addresses.
func (l *lab) up() {
	l.t.Helper()
	for h, addr := range map[host]string{l.near: nearAddr, l.far: farAddr} {
		h.ip(l.t, "link", "set", "lo", "up")
		h.ip(l.t, "link", "set", h.device, "addrgenmode", "none") // IPv6 would say things of its own accord
		h.ip(l.t, "addr", "add", addr+"/24", "dev", h.device)
		h.ip(l.t, "link", "set", h.device, "up")
	}
}

// run runs a tool that must succeed, and returns what it printed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (h host) ip(t *testing.T, args ...string) {
	t.Helper()
	run(t, "ip", append([]string{"-n", h.namespace}, args...)...)
}

// in calls f on a thread that is in the namespace of h: sockets made there and processes started there belong to it.
func (h host) in(f func() error) error {
	done := make(chan error, 1)
	go func() {
		// The thread is never unlocked, so it ends with the goroutine and nobody else finds himself on it.
		runtime.LockOSThread()
		done <- h.enter(f)
	}()
	return <-done
}

func (h host) enter(f func() error) error {
	ns, err := os.Open(filepath.Join("/run/netns", h.namespace))
	if err != nil {
		return err
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter namespace: %w", err)
	}
	return f()
}

// sockets returns the ends of the TCP sockets in h that match an ss filter, as "local peer".
func (h host) sockets(t *testing.T, filter ...string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for line := range strings.Lines(run(t, "ss", append([]string{"-N", h.namespace, "-Htn"}, filter...)...)) {
		// Queues, local end, peer: ss leaves the state out when it is asked for one.
		if fields := strings.Fields(line); len(fields) >= 4 {
			found[fields[2]+" "+fields[3]] = true
		}
	}
	return found
}

const isCarrier = "( sport = :" + bridgePort + " or dport = :" + bridgePort + " )"

// carriers returns the whole TCP connections between the two programs.
func (h host) carriers(t *testing.T) map[string]bool {
	t.Helper()
	return h.sockets(t, "state", "established", isCarrier)
}

// eventually waits until what a foreign program does can be seen. Such programs tell nobody: we look again and again.
func (l *lab) eventually(what string, ok func() bool) {
	l.t.Helper()
	deadline := time.After(maxEvent)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		for _, p := range l.programs {
			if p.halted {
				continue
			}
			select {
			case <-p.done:
				l.t.Fatalf("a program has ended while we waited until %s: %v\n%s", what, p.err, &p.stderr)
			default:
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			l.t.Fatalf("waited %v in vain until %s", maxEvent, what)
		}
	}
}
