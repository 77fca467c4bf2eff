package tenuto

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/transport/transporttest"
)

var halfDuplex = Config{Units: HalfDuplex}

// TestHalfDuplexConn: programs that ask and answer need not know whose turn it is.
func TestHalfDuplexConn(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		a, b := open(t, &halfDuplex, &halfDuplex)
		ca, cb := a.Conn(), b.Conn()
		if a.Units()&Expedited != 0 {
			return // no stream
		}
		done := make(chan error, 1)
		go func() { done <- answerLines(cb) }()
		r := bufio.NewReader(ca)
		for i := range 50 {
			if _, err := fmt.Fprintf(ca, "line %d", i); err != nil {
				t.Fatal(err)
			}
			if i%3 == 0 { // in parts
				try(t, writeAll(ca, []byte(" and more")), "more")
			}
			try(t, writeAll(ca, []byte("\n")), "the line's end")
			got, err := r.ReadString('\n')
			if want := fmt.Sprintf("you said line %d", i); err != nil || !bytes.HasPrefix([]byte(got), []byte(want)) {
				t.Fatalf("%q, %v; want %q", got, err, want)
			}
		}
		try(t, ca.CloseWrite(), "CloseWrite")
		try(t, <-done, "the other end")
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("after the end: %v", err)
		}
		try(t, ca.Close(), "Close")
	})
}

func writeAll(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}

func answerLines(c *Conn) error {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF {
			return nil
		}
		if err == nil {
			_, err = fmt.Fprintf(c, "you said %s", line)
		}
		if err != nil {
			return err
		}
	}
}

// TestHalfDuplexReadAhead: a Write that waits for its turn keeps for Read what stands before the token.
func TestHalfDuplexReadAhead(t *testing.T) {
	l := open(t, transporttest.Options{}, &halfDuplex, &halfDuplex)
	ca, cb := l.a.Conn(), l.b.Conn()
	try(t, writeAll(ca, pattern(10_000)), "a's turn")
	done := make(chan error, 1)
	go func() {
		err := writeAll(cb, []byte("b's turn"))
		done <- err
	}()
	got := make([]byte, 100)
	n, err := ca.Read(got) // passes the token on
	if err != nil || string(got[:n]) != "b's turn" {
		t.Fatalf("%q, %v", got[:n], err)
	}
	try(t, <-done, "b's turn")
	all := make([]byte, 10_000)
	if _, err := io.ReadFull(cb, all); err != nil || !bytes.Equal(all, pattern(10_000)) {
		t.Fatalf("what was read ahead differs: %v", err)
	}
}

// TestHalfDuplexFull: what is read ahead is bounded; Read makes room.
func TestHalfDuplexFull(t *testing.T) {
	l := open(t, transporttest.Options{Window: 1 << 20}, &halfDuplex, &halfDuplex)
	ca, cb := l.a.Conn(), l.b.Conn()
	long := pattern(maxAhead * 3)
	try(t, writeAll(ca, long), "a's turn")
	done := make(chan error, 2)
	go func() {
		_, err := ca.Read(make([]byte, 100))
		done <- err
	}()
	go func() { done <- writeAll(cb, []byte("b's turn")) }()
	all := make([]byte, len(long))
	if _, err := io.ReadFull(cb, all); err != nil || !bytes.Equal(all, long) {
		t.Fatalf("%v", err)
	}
	try(t, <-done, "one")
	try(t, <-done, "the other")
}

// TestHalfDuplexDeadline: a Write that does not get its turn gives up, and so does Close.
func TestHalfDuplexDeadline(t *testing.T) {
	c := halfDuplex
	c.Linger = time.Millisecond
	l := open(t, transporttest.Options{}, &c, &c)
	cb := l.b.Conn()
	cb.SetWriteDeadline(time.Now().Add(time.Millisecond))
	if _, err := cb.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("Write: %v", err)
	}
	var ae *AbortError
	if err := cb.Close(); !errors.As(err, &ae) || ae.Reason != ReasonLinger {
		t.Fatalf("Close: %v", err)
	}
	wantAbort(t, l.a, User, true, ReasonUser, "the abort")
}

// TestHalfDuplexCloseWaits: Close asks for the token to release, and gets it from a Read at the other end.
func TestHalfDuplexClose(t *testing.T) {
	l := open(t, transporttest.Options{}, &halfDuplex, &halfDuplex)
	ca, cb := l.a.Conn(), l.b.Conn()
	done := make(chan error, 1)
	go func() {
		_, err := ca.Read(make([]byte, 1))
		done <- err
	}()
	try(t, cb.Close(), "Close")
	if err := <-done; err != io.EOF {
		t.Fatalf("Read: %v", err)
	}
	if _, err := ca.Write([]byte("x")); err != ErrReleased {
		t.Errorf("Write after the peer's release: %v", err)
	}
	try(t, ca.Close(), "Close")
}

// TestHalfDuplexClosed: a Write that waits for its turn ends when its Conn is closed, or the session is aborted.
func TestHalfDuplexClosed(t *testing.T) {
	for _, end := range []func(a *Session, b *Conn){
		func(a *Session, b *Conn) { b.Close() },
		func(a *Session, b *Conn) { a.Abort(nil) },
	} {
		c := halfDuplex
		c.Linger = -1
		l := open(t, transporttest.Options{}, &c, &c)
		cb := l.b.Conn()
		done := make(chan error, 1)
		go func() { done <- writeAll(cb, []byte("x")) }()
		if ind, err := l.a.Receive(context.Background()); err != nil || fmt.Sprint(ind) != "S-TOKEN-PLEASE indication(tokens=data)" {
			t.Fatalf("%v, %v", ind, err)
		}
		end(l.a, cb)
		if err := <-done; err == nil {
			t.Error("it succeeded")
		}
	}
}
