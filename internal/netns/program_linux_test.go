package netns

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Ports in the namespaces, where nobody else needs them.
const (
	localEnd = "127.0.0.1:8000" // where forward listens in the near namespace
	target   = "127.0.0.1:9000" // what serve leads to in the far one
)

const (
	overTLS = "tenuto://" + farAddr + ":" + bridgePort
	overTCP = "tenuto+tcp://" + farAddr + ":" + bridgePort
)

// binary is the program, built once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tenuto-netns-")
	if err != nil {
		return "", err
	}
	binaryDir = dir
	path := filepath.Join(dir, "tenuto")
	build := exec.Command("go", "build", "-o", path, "./cmd/tenuto")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/tenuto: %w\n%s", err, out)
	}
	return path, nil
})

var binaryDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if binaryDir != "" {
		if err := os.RemoveAll(binaryDir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func (l *lab) binary() string {
	l.t.Helper()
	path, err := binary()
	if err != nil {
		l.t.Fatal(err)
	}
	return path
}

// join runs serve and forward with plaintext between them, so that localEnd in the near namespace leads to target in the far one.
func (l *lab) join() {
	l.t.Helper()
	l.admit("")
	l.serve(overTCP, "--allow-plaintext")
	l.forward(overTCP, "--allow-plaintext")
}

// joinTLS is join with TLS.
func (l *lab) joinTLS() (serve, forward *process) {
	l.t.Helper()
	l.admit("")
	return l.serve(overTLS), l.forward(overTLS)
}

// admit adds the near host's key to the far one's authorized_keys, with a prefix.
func (l *lab) admit(prefix string) {
	l.t.Helper()
	var id bytes.Buffer
	if err := l.start(l.near, nil, &id, l.binary(), "id").wait(); err != nil {
		l.t.Fatal(err)
	}
	l.authorize(prefix + id.String())
}

// authorize makes a line the far host's authorized_keys.
func (l *lab) authorize(line string) {
	l.t.Helper()
	if err := os.MkdirAll(l.far.keys(), 0o700); err != nil {
		l.t.Fatal(err)
	}
	writeFile(l.t, filepath.Join(l.far.keys(), "authorized_keys"), line)
}

// keys is the folder of the keys of a host's user.
func (h host) keys() string { return filepath.Join(h.home, ".config", "tenuto") }

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (l *lab) serve(url string, flags ...string) *process {
	l.t.Helper()
	return l.program(l.far, bridgePort, append([]string{"serve", "--listen", url, "--service", "app=" + target}, flags...)...)
}

func (l *lab) forward(url string, flags ...string) *process {
	l.t.Helper()
	return l.program(l.near, "8000", append([]string{"forward", localEnd, url + "/app"}, flags...)...)
}

// program runs the program until the test ends or halts it, and returns when it listens on the port.
func (l *lab) program(h host, port string, args ...string) *process {
	l.t.Helper()
	p := l.daemon(h, port, nil, l.binary(), args...)
	l.t.Cleanup(func() { // before the daemon's own
		if err := p.halt(); err != nil {
			l.t.Errorf("%s, asked to stop: %v", args[0], err)
		}
	})
	return p
}

// daemon runs a program, as another user if there is one, until the test ends, and returns when it listens on the port. What it
// exits with does not matter.
func (l *lab) daemon(h host, port string, user *syscall.Credential, name string, args ...string) *process {
	l.t.Helper()
	p := l.command(h, name, args...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	var said transcript
	p.cmd.Stdout = &said
	l.startIn(h, p)
	l.programs = append(l.programs, p)
	l.t.Cleanup(func() {
		_ = p.halt()
		if l.t.Failed() {
			l.t.Logf("%s said:\n%s%s", strings.Join(p.cmd.Args, " "), &said, &p.stderr)
		}
	})
	l.eventually(filepath.Base(name)+" listens", func() bool {
		return len(h.sockets(l.t, "state", "listening", "sport = :"+port)) > 0
	})
	return p
}

// process is a running program.
type process struct {
	cmd    *exec.Cmd
	stderr transcript
	halted bool // it was asked to end
	done   chan struct{}
	err    error // when done is closed
}

// transcript is what a program has written so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(b)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// count tells how many lines have a text.
func (t *transcript) count(text string) (n int) {
	for line := range strings.Lines(t.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// command makes a program for the user of h, to be started.
func (l *lab) command(h host, name string, args ...string) *process {
	p := &process{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "HOME="+h.home, "XDG_CONFIG_HOME=", "XDG_RUNTIME_DIR="+h.home, "LC_ALL=C", "no_proxy=*")
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = maxEvent // for what a program leaves behind with its output
	return p
}

// start starts a program in the namespace of h.
func (l *lab) start(h host, stdin io.Reader, stdout io.Writer, name string, args ...string) *process {
	l.t.Helper()
	p := l.command(h, name, args...)
	p.cmd.Stdin, p.cmd.Stdout = stdin, stdout
	l.startIn(h, p)
	return p
}

func (l *lab) startIn(h host, p *process) {
	l.t.Helper()
	if err := h.in(p.cmd.Start); err != nil {
		l.t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
}

// halt asks the program to end, if it has not ended, and waits until it has.
func (p *process) halt() error {
	p.halted = true
	_ = p.cmd.Process.Signal(unix.SIGINT) // what PostgreSQL takes for a wish to be fast
	return p.wait()
}

// wait waits for the program's end, and makes it come if it takes too long.
func (p *process) wait() error {
	timer := time.NewTimer(maxEvent)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end within %v\n%s", filepath.Base(p.cmd.Path), maxEvent, &p.stderr)
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(p.cmd.Path), p.err, &p.stderr)
	}
	return nil
}

// exit waits for the program's end and returns what it exits with, or -1.
func (p *process) exit() int {
	err := p.wait()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	} else if err != nil {
		return -1
	}
	return 0
}

// wantResumes halts the program at an end of the bridge, and wants its log to tell of n new carriers or more.
func (l *lab) wantResumes(p *process, n int) {
	l.t.Helper()
	if err := p.halt(); err != nil {
		l.t.Error(err)
	}
	if got := p.stderr.count("msg=resumed"); got < n {
		l.t.Errorf("tenuto %s logged %d resumes, want %d:\n%s", p.cmd.Args[1], got, n, &p.stderr)
	}
}
