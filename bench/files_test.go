package bench

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	fileSize     = 1 << 30
	smallSize    = 64 << 20
	fileDistance = 8 << 20 // between two points, where the disk is flushed
	manyFiles    = 10000
	manySize     = 4 << 10
)

// buildProgram builds tenuto once.
var buildProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tenuto-program-")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "tenuto")
	build := exec.Command("go", "build", "-o", program, "./cmd/tenuto")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return program, nil
})

// randomFile makes a file of random octets.
func randomFile(tb testing.TB, name string, size int64) {
	tb.Helper()
	f, err := os.Create(name)
	if err != nil {
		tb.Fatal(err)
	}
	_, err = io.CopyN(f, rand.NewChaCha8([32]byte{1}), size)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		tb.Fatal(err)
	}
}

// A receiver is a process that runs tenuto recv.
type receiver struct {
	cmd *exec.Cmd
	dir string // that it receives into
	url string
	env []string
}

func newReceiver(tb testing.TB, dir string) *receiver {
	tb.Helper()
	program, err := buildProgram()
	if err != nil {
		tb.Fatal(err)
	}
	r := &receiver{dir: filepath.Join(dir, "in"), env: os.Environ()}
	for _, name := range []string{"XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"} {
		folder := filepath.Join(dir, name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			tb.Fatal(err)
		}
		r.env = append(r.env, name+"="+folder)
	}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	r.cmd = exec.Command(program, "recv", "--listen", "tenuto://127.0.0.1:0", "--replace", r.dir)
	r.cmd.Env = r.env
	log, err := r.cmd.StderrPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	lines := bufio.NewScanner(log)
	for r.url == "" && lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "msg=listening url="); ok {
			r.url = url
		}
	}
	if r.url == "" {
		tb.Fatal("the receiver does not listen")
	}
	go func() {
		for lines.Scan() {
		}
	}()
	return r
}

// send sends a path, and returns the largest memory that the sender held, in MiB.
func (r *receiver) send(tb testing.TB, path string) (most float64) {
	tb.Helper()
	cmd := exec.Command(r.cmd.Path, "send", path, r.url)
	cmd.Env = r.env
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				tb.Fatalf("send: %v: %s", err, &said)
			}
			return most
		case <-time.After(20 * time.Millisecond):
			most = max(most, peak(cmd))
		}
	}
}

// stop ends the receiver, and returns the largest memory that it held, in MiB.
func (r *receiver) stop() float64 {
	most := peak(r.cmd)
	_ = r.cmd.Process.Signal(os.Interrupt)
	_ = r.cmd.Wait()
	return most
}

// BenchmarkFile sends one file to another folder of one file system. local has one process, which hashes the octets once, writes them, and
// flushes them at the same distances.
func BenchmarkFile(b *testing.B) {
	b.Run("local", func(b *testing.B) {
		dir := b.TempDir()
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
		randomFile(b, from, fileSize)
		b.SetBytes(fileSize)
		for b.Loop() {
			if err := local(from, to); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("tenuto-tls", func(b *testing.B) {
		dir := b.TempDir()
		r := newReceiver(b, dir)
		defer r.stop()
		from := filepath.Join(dir, "from")
		randomFile(b, from, fileSize)
		b.SetBytes(fileSize)
		for b.Loop() {
			r.send(b, from)
		}
	})
}

// BenchmarkFileMemory is how much both processes hold while a file is sent.
func BenchmarkFileMemory(b *testing.B) {
	for name, size := range map[string]int64{"large": fileSize, "small": smallSize} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			r := newReceiver(b, dir)
			from := filepath.Join(dir, "from")
			randomFile(b, from, size)
			var most float64
			for b.Loop() {
				most = max(most, r.send(b, from))
			}
			b.ReportMetric(most, "MiB-sender")
			b.ReportMetric(r.stop(), "MiB-receiver")
		})
	}
}

// local copies a file.
func local(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	h := sha256.New()
	for buf := make([]byte, 256<<10); ; {
		n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(h, out)}, io.LimitReader(in, fileDistance), buf)
		if err == nil {
			err = out.Sync()
		}
		if err != nil || n == 0 {
			return err
		}
	}
}

// BenchmarkFiles sends many small files. rsync runs as a daemon, with --fsync at both ends.
func BenchmarkFiles(b *testing.B) {
	many := func(b *testing.B, dir string) string {
		folder := filepath.Join(dir, "many")
		for i := range manyFiles {
			name := filepath.Join(folder, fmt.Sprint(i/1000), fmt.Sprint(i))
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(strings.Repeat(fmt.Sprintf("%8d", i), manySize/8)), 0o644); err != nil {
				b.Fatal(err)
			}
		}
		return folder
	}
	perSecond := func(b *testing.B) { b.ReportMetric(manyFiles*float64(b.N)/b.Elapsed().Seconds(), "files/s") }
	b.Run("rsync", func(b *testing.B) {
		dir := b.TempDir()
		url := rsyncDaemon(b, dir)
		folder := many(b, dir)
		for n := 0; b.Loop(); n++ {
			if out, err := exec.Command("rsync", "-a", "--fsync", folder, fmt.Sprintf("%s/%d/", url, n)).CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
		}
		perSecond(b)
	})
	b.Run("tenuto-tls", func(b *testing.B) {
		dir := b.TempDir()
		folder := many(b, dir)
		r := newReceiver(b, dir)
		defer r.stop()
		for b.Loop() {
			r.send(b, folder)
			b.StopTimer()
			if err := os.RemoveAll(filepath.Join(r.dir, "many")); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		perSecond(b)
	})
}

// rsyncDaemon runs a daemon on loopback that writes into a folder.
func rsyncDaemon(b *testing.B, dir string) (url string) {
	program, err := exec.LookPath("rsync")
	if err != nil {
		b.Skip("there is no rsync here")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	ln.Close()
	to := filepath.Join(dir, "to")
	config := filepath.Join(dir, "rsyncd.conf")
	text := fmt.Sprintf("use chroot = no\naddress = 127.0.0.1\nport = %s\n[to]\npath = %s\nread only = no\nuid = %d\ngid = %d\n", port, to, os.Getuid(), os.Getgid())
	if err := errors.Join(os.Mkdir(to, 0o755), os.WriteFile(config, []byte(text), 0o644)); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(program, "--daemon", "--no-detach", "--config", config)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
			return "rsync://127.0.0.1:" + port + "/to"
		}
		if time.Now().After(deadline) {
			b.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// BenchmarkRestart is how long it takes, from the SIGKILL of a process and with its start, until something new is committed.
func BenchmarkRestart(b *testing.B) {
	program, err := buildProgram()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("tenuto-tls", func(b *testing.B) {
		var report struct {
			Recovery struct {
				Kinds map[string]struct{ P50 float64 } `json:"by_kind"`
			} `json:"recovery_ms"`
		}
		for b.Loop() {
			out, err := exec.Command(program, "demo", "--crash", "--json", "--size", "32MiB", "--cuts", "0", "--kills", "60").Output()
			if err != nil {
				b.Fatal(err)
			}
			if err := json.Unmarshal(out, &report); err != nil {
				b.Fatal(err)
			}
		}
		for _, who := range []string{"sender", "receiver", "both"} {
			b.ReportMetric(report.Recovery.Kinds["kill_"+who].P50, "ms-"+who)
		}
	})
}
