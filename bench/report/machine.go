package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// machine describes what the figures were measured on, without saying whose it is.
func machine() string {
	parts := []string{fmt.Sprintf("%d cores", runtime.NumCPU()), runtime.GOOS + "/" + runtime.GOARCH}
	if model := processor(); model != "" {
		parts = slices.Insert(parts, 0, model)
	}
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		version, _, _ := strings.Cut(strings.TrimSpace(string(kernel)), "-")
		parts = append(parts, "kernel "+version)
	}
	return strings.Join(append(parts, runtime.Version()), ", ")
}

// processor is the model's name, if the system tells it.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// load tells how busy the machine is with other things: the load average of the last minute, if the system tells it.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}

func writeHead(w io.Writer, versions, load string, now time.Time, runs int, benchtime string) {
	fmt.Fprintf(w, "# Benchmarks\n\nWritten by `make bench` on %s. Machine: %s. Load average before the runs: %s.\n",
		now.UTC().Format(time.DateOnly), machine(), load)
	fmt.Fprintf(w, `
All traffic is on loopback. The test binaries were run %d times, %s for each figure, all subjects side by side in each run. A cell
shows the median, the median of the ratios to tcp within a run, and the lowest and the highest of the runs; what idle ends hold was
measured in the first run. What each subject is
and how it is set up: docs/adr/0020-bench-peers.md. tls is crypto/tls over TCP as both ends of a carrier would use it: TLS 1.3, a P-256
certificate that nobody checks, ALPN, records of full size, and a full handshake for each stream. tls and quic encrypt, the others
do not.

Versions: %s.
`, runs, benchtime, versions)
}

// peerVersions asks the go command what the module is built with.
func peerVersions() (string, error) {
	list := exec.Command("go", "list", "-m", "-f", "{{.Path}} {{.Version}}",
		"github.com/hashicorp/yamux", "github.com/xtaci/smux", "github.com/quic-go/quic-go")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	return strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", ", "), nil
}
