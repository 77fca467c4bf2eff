package netns

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Ports in the namespaces, where nobody else needs them.
const (
	localEnd = "127.0.0.1:8000" // where forward listens in the near namespace
	target   = "127.0.0.1:9000" // what serve leads to in the far one
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

// join runs serve and forward, so that localEnd in the near namespace leads to target in the far one.
func (l *lab) join() {
	l.t.Helper()
	url := "tenuto+tcp://" + farAddr + ":" + bridgePort
	l.program(l.far, bridgePort, "serve", "--listen", url, "--service", "app="+target, "--allow-plaintext")
	l.program(l.near, "8000", "forward", localEnd, url+"/app", "--allow-plaintext")
}

// program runs the program until the test ends, and returns when it listens on the port.
func (l *lab) program(h host, port string, args ...string) {
	l.t.Helper()
	path, err := binary()
	if err != nil {
		l.t.Fatal(err)
	}
	var said bytes.Buffer
	p := l.start(h, nil, &said, path, args...)
	l.programs = append(l.programs, p)
	l.t.Cleanup(func() {
		_ = p.cmd.Process.Signal(unix.SIGTERM)
		if err := p.wait(); err != nil {
			l.t.Errorf("%s, asked to stop: %v", args[0], err)
		} else if l.t.Failed() {
			l.t.Logf("tenuto %s said:\n%s%s", args[0], said.Bytes(), p.stderr.Bytes())
		}
	})
	l.eventually("tenuto "+args[0]+" listens", func() bool {
		return len(h.sockets(l.t, "state", "listening", "sport = :"+port)) > 0
	})
}

// process is a running program. stderr is to be read when it has ended.
type process struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	done   chan struct{}
	err    error // when done is closed
}

// start starts a program in the namespace of h.
func (l *lab) start(h host, stdin io.Reader, stdout io.Writer, name string, args ...string) *process {
	l.t.Helper()
	p := &process{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, stdout, &p.stderr
	if err := h.in(p.cmd.Start); err != nil {
		l.t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p
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
		return fmt.Errorf("%s did not end within %v", filepath.Base(p.cmd.Path), maxEvent)
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(p.cmd.Path), p.err, p.stderr.Bytes())
	}
	return nil
}
