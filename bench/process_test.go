package bench

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// serverEnv names the subject that this test binary is to serve instead of running tests.
const serverEnv = "TENUTO_BENCH_SERVER"

// twoProcesses starts the server in a second process of the same binary.
func twoProcesses(tb testing.TB, name string, _ subject) (addr string, stop func()) {
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
	stop = func() {
		_ = stdin.Close() // which ends the server
		if err := cmd.Wait(); err != nil {
			tb.Error(err)
		}
	}
	addr, err = bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		stop()
		tb.Fatal("the server said no address: ", err)
	}
	return strings.TrimSpace(addr), stop
}

// serveProcess is the second process: it prints its address, and serves until its standard input ends.
func serveProcess(name string) (exit int) {
	for _, s := range subjects {
		if s.name != name {
			continue
		}
		srv, err := s.Listen(serve)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(srv.Addr())
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = srv.Close()
		return 0
	}
	fmt.Fprintln(os.Stderr, "no such subject:", name)
	return 1
}
