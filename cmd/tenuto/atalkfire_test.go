package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/llap"
	"github.com/tenuto-session/tenuto/appletalk/ltoudp"
)

// A cableTest is LocalTalk over UDP on loopback, with processes on it.
type cableTest struct {
	t   *testing.T
	url string
	dir string
}

// command is a process that has ended when the test has.
func (c *cableTest) command(in io.Reader, out io.Writer, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(c.t.Context(), "tenuto", append(append([]string{"atalk"}, args...), "--link", c.url, "--log-level", "info")...)
	cmd.Env = os.Environ()
	for _, name := range folders {
		cmd.Env = append(cmd.Env, name+"="+c.dir)
	}
	cmd.Stdin, cmd.Stdout = in, out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// start starts a process and waits until a line of its log has the text.
func (c *cableTest) start(in io.Reader, out io.Writer, text string, args ...string) *exec.Cmd {
	c.t.Helper()
	cmd := c.command(in, out, args...)
	r, w := io.Pipe()
	cmd.Stderr = w
	said := make(chan bool, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		var log bytes.Buffer
		b := make([]byte, 4096)
		for {
			n, err := r.Read(b)
			if log.Write(b[:n]); bytes.Contains(log.Bytes(), []byte(text)) {
				select {
				case said <- true:
				default:
				}
			}
			if err != nil {
				c.t.Logf("%s:\n%s", strings.Join(args, " "), log.Bytes())
				return
			}
		}
	})
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		w.Close()
		reading.Wait()
	})
	select {
	case <-said:
	case <-time.After(patience):
		c.t.Fatalf("%s does not say %q", strings.Join(args, " "), text)
	}
	return cmd
}

// hostile sends frames that nobody wants: noise, datagrams with what goes wrong in them, and packets of sessions for all nodes and sockets.
func (c *cableTest) hostile(ctx context.Context) (sent int) {
	l, err := ltoudp.Open(c.url)
	if err != nil {
		c.t.Error(err)
		return
	}
	defer l.Close()
	r := rand.New(rand.NewPCG(8, 8))
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		<-tick.C
		b := make([]byte, r.IntN(100))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f := llap.Frame{Dst: uint8(r.Uint32()), Src: uint8(1 + r.IntN(254)), Type: llap.TypeShort, Data: b}
		if r.IntN(4) > 0 {
			d := ddp.Datagram{Dst: ddp.Socket{Num: uint8(128 + r.IntN(127))}, Src: ddp.Socket{Num: uint8(128 + r.IntN(127))},
				Type: []ddp.Type{ddp.TypeATP, ddp.TypeADSP, ddp.TypeNBP, ddp.TypeRTMP}[r.IntN(4)], Data: b}
			if d.Type == ddp.TypeADSP && len(b) > 12 {
				b[12] = []byte{0, 0x80, 0x81, 0x85, 0x86, 0x50}[r.IntN(6)]
			}
			if f.Data, err = d.AppendShort(nil); err != nil {
				continue
			}
			f.Dst = []uint8{llap.Broadcast, f.Dst}[r.IntN(2)]
		}
		if len(f.Data) < 2 {
			continue
		}
		if l.WriteFrame(f.Append(nil)) == nil {
			sent++
		}
	}
	return sent
}

// TestAppleTalkUnderFire: a stream of 16 MiB and a job between two processes arrive whole while a third sends hostile frames.
func TestAppleTalkUnderFire(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // a port that nobody has
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	c := &cableTest{t: t, url: "ltoudp://127.0.0.1:" + strconv.Itoa(port), dir: t.TempDir()}
	fire, cease := context.WithCancel(t.Context())
	var burning sync.WaitGroup
	burning.Go(func() { t.Logf("%d hostile frames", c.hostile(fire)) })
	defer burning.Wait()
	defer cease()

	data := make([]byte, 16<<20)
	_, _ = rand.NewChaCha8([32]byte{8}).Read(data)
	got := sha256.New()
	nothing, end := io.Pipe()
	listener := c.start(nothing, got, "msg=listening", "adsp", "listen", "Big", "--keep")
	if out, err := c.command(bytes.NewReader(data), nil, "adsp", "dial", "Big").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	end.Close()
	if err := listener.Wait(); err != nil {
		t.Error(err)
	}
	if want := sha256.Sum256(data); !bytes.Equal(got.Sum(nil), want[:]) {
		t.Error("the stream does not arrive as it was sent")
	}

	jobs := t.TempDir()
	printer := c.start(nil, nil, "msg=listening", "pap", "listen", "Laser", jobs)
	job := data[:1<<20]
	if out, err := c.command(bytes.NewReader(job), nil, "pap", "print", "Laser").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := printer.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := printer.Wait(); err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob(filepath.Join(jobs, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if b, err := os.ReadFile(files[0]); err != nil || !bytes.Equal(b, job) {
		t.Errorf("the job has %d octets, %v", len(b), err)
	}
}
