package bench

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// serverEnv names the subject that this test binary is to serve instead of running tests.
const serverEnv = "TENUTO_BENCH_SERVER"

// process is where a server runs: this process, or one apart.
type process struct {
	addr  string
	stop  func()
	usage func() (usage, error) // what a process apart holds; nothing if it is this one
}

func oneProcess(tb testing.TB, s subject) process {
	tb.Helper()
	srv, err := s.Listen(serve)
	if err != nil {
		tb.Fatal(err)
	}
	return process{
		addr: srv.Addr(),
		stop: func() {
			_ = srv.Close()
			idle.close()
		},
		usage: func() (usage, error) { return usage{}, nil },
	}
}

// twoProcesses starts the server in a second process of the same binary.
func twoProcesses(tb testing.TB, name string) process {
	tb.Helper()
	exe, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), serverEnv+"="+name)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	stop := func() {
		_ = stdin.Close() // which ends the server
		if err := cmd.Wait(); err != nil {
			tb.Error(err)
		}
	}
	lines := bufio.NewReader(stdout)
	addr, err := lines.ReadString('\n')
	if err != nil {
		stop()
		tb.Fatal("the server said no address: ", err)
	}
	return process{
		addr: strings.TrimSpace(addr),
		stop: stop,
		usage: func() (u usage, err error) {
			if _, err := fmt.Fprintln(stdin); err != nil {
				return u, err
			}
			_, err = fmt.Fscanln(lines, &u.live, &u.heap, &u.stack, &u.goroutines)
			return u, err
		},
	}
}

// serveProcess is the second process: it prints its address, then what it holds for each line that it reads, and serves until its
// standard input ends.
func serveProcess(name string) (exit int) {
	s, ok := subjectOf(name)
	if !ok {
		fmt.Fprintln(os.Stderr, "no such subject:", name)
		return 1
	}
	srv, err := s.Listen(serve)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(srv.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		u := held()
		fmt.Println(u.live, u.heap, u.stack, u.goroutines)
	}
	_ = srv.Close()
	return 0
}
