package forward

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// isReset tells whether a peer's reset caused err.
func isReset(err error) bool {
	const wsaECONNRESET = syscall.Errno(10054)
	return errors.Is(err, syscall.ECONNRESET) || runtime.GOOS == "windows" && errors.Is(err, wsaECONNRESET)
}

// The FIN of the application ends its own way alone.
func TestHalfCloseOfTheApplication(t *testing.T) {
	c := newChain(t)
	mustWrite(t, c.app, "request")
	c.app.CloseWrite()
	wantRead(t, c.peer, "request")
	wantEOF(t, c.peer)
	mustWrite(t, c.peer, "answer")
	wantRead(t, c.app, "answer")
	c.peer.CloseWrite()
	wantEOF(t, c.app)
	c.wait(t)
	if c.err != nil || c.counts != (Counts{ToSession: 7, FromSession: 6}) {
		t.Errorf("Join = %+v, %v", c.counts, c.err)
	}
}

func TestHalfCloseOfThePeer(t *testing.T) {
	c := newChain(t)
	mustWrite(t, c.peer, "greeting")
	c.peer.CloseWrite()
	wantRead(t, c.app, "greeting")
	wantEOF(t, c.app)
	mustWrite(t, c.app, "bye")
	wantRead(t, c.peer, "bye")
	c.app.Close()
	wantEOF(t, c.peer)
	c.wait(t)
	if c.err != nil {
		t.Error(c.err)
	}
}

// A server that closes first loses nothing, however slowly its client reads.
func TestServerClosesFirst(t *testing.T) {
	c := newChain(t)
	data := make([]byte, 8<<20)
	rand.NewChaCha8([32]byte{1}).Read(data)
	go func() {
		c.peer.Write(data)
		c.peer.Close()
	}()
	got, err := io.ReadAll(c.app)
	if err != nil || sha256.Sum256(got) != sha256.Sum256(data) {
		t.Fatalf("read %d octets, %v; want %d", len(got), err, len(data))
	}
	c.app.Close()
	c.wait(t)
	if c.err != nil {
		t.Error(c.err)
	}
}

func TestResetBecomesAbort(t *testing.T) {
	c := newChain(t)
	mustWrite(t, c.app, "x")
	wantRead(t, c.peer, "x")
	c.app.SetLinger(0)
	c.app.Close()
	wantReset(t, c.peer)
	c.wait(t)
	if !isReset(c.err) {
		t.Errorf("Join: %v; want the reset", c.err)
	}
}

func TestAbortBecomesReset(t *testing.T) {
	c := newChain(t)
	mustWrite(t, c.app, "x")
	wantRead(t, c.peer, "x")
	tcpSession{c.peer}.Abort(nil)
	wantReset(t, c.app)
	c.wait(t)
	if !isReset(c.err) {
		t.Errorf("Join: %v; want the abort", c.err)
	}
}

// An application that has sent its FIN and waits for the answer may still go away.
func TestResetAfterFIN(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("not noticed before the next write")
	}
	c := newChain(t)
	c.app.CloseWrite()
	wantEOF(t, c.peer)
	c.app.SetLinger(0)
	c.app.Close()
	// The FIN was read, so that only a write shows the abort here; nothing is sent to the application by it.
	select {
	case <-c.done:
	case <-time.After(patience):
		t.Fatal("the reset was not noticed")
	}
	if c.err == nil {
		t.Error("Join: no error; want the reset")
	}
}

// Data to an application that is gone come back as a reset.
func TestWriteToClosedApplication(t *testing.T) {
	c := newChain(t)
	c.app.Close()
	wantEOF(t, c.peer)
	for {
		if _, err := c.peer.Write(make([]byte, 1<<16)); err != nil {
			break // the deadline is an error too, and Join is then still there
		}
	}
	c.wait(t)
	if c.err == nil {
		t.Error("Join: no error; want a broken pipe or a reset")
	}
}

// Lesson 3: who does not read stops who writes at the far end.
func TestBackPressure(t *testing.T) {
	c := newChain(t)
	var sent atomic.Int64
	full := make(chan struct{})
	go func() {
		defer close(full)
		for {
			c.peer.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			n, err := c.peer.Write(make([]byte, 1<<16))
			sent.Add(int64(n))
			if errors.Is(err, os.ErrDeadlineExceeded) || err != nil {
				return
			}
		}
	}()
	select {
	case <-full:
	case <-time.After(patience):
		t.Fatal("the writer was never stopped")
	}
	go c.peer.CloseWrite()
	n, err := io.Copy(io.Discard, c.app)
	if n != sent.Load() || err != nil {
		t.Errorf("read %d of %d octets, %v", n, sent.Load(), err)
	}
}

func TestCancelResetsBothSides(t *testing.T) {
	c := newChain(t)
	mustWrite(t, c.app, "x")
	wantRead(t, c.peer, "x")
	c.cancel()
	wantReset(t, c.app)
	wantReset(t, c.peer)
	c.wait(t)
	if c.err == nil {
		t.Error("Join: no error; want the context's")
	}
}

func TestJoinOverUnixSocket(t *testing.T) {
	path := "unix:" + t.TempDir() + "/s"
	ln, err := Listen(t.Context(), path)
	if err != nil {
		t.Skip(err)
	}
	defer ln.Close()
	app, err := net.Dial("unix", path[len("unix:"):])
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	local, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	session, peer := tcpPair(t)
	done := make(chan error, 1)
	go func() {
		_, err := Join(t.Context(), local.(Local), tcpSession{session})
		done <- err
	}()
	mustWrite(t, app, "request")
	app.(*net.UnixConn).CloseWrite()
	wantRead(t, peer, "request")
	wantEOF(t, peer)
	mustWrite(t, peer, "answer")
	peer.CloseWrite()
	if got, err := io.ReadAll(app); string(got) != "answer" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A way that has been in full flow gives its large buffer back when little comes.
func TestBuffersFollowTheFlow(t *testing.T) {
	var sizes []int
	src := readerFunc(func(b []byte) (int, error) {
		sizes = append(sizes, len(b))
		switch len(sizes) {
		case 1:
			return len(b), nil
		case 2:
			return idleBuffer, nil
		case 3:
			return 1, nil
		}
		return 0, io.EOF
	})
	var n atomic.Int64
	var dst bytes.Buffer
	if rerr, werr := copyOctets(&dst, src, &n); rerr != io.EOF || werr != nil {
		t.Fatal(rerr, werr)
	}
	if got, want := sizes, []int{idleBuffer, bufferSize, bufferSize, idleBuffer}; !equal(got, want) {
		t.Errorf("reads of %d; want %d", got, want)
	}
	if n.Load() != int64(dst.Len()) || dst.Len() != 2*idleBuffer+1 {
		t.Errorf("counted %d of %d octets", n.Load(), dst.Len())
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }
