package tenuto

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

var bg = context.Background()

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8)
	}
	return b
}

// want receives an indication and compares it.
func want(t *testing.T, s *Session, ind Indication, why string) {
	t.Helper()
	got, err := s.Receive(bg)
	if err != nil {
		t.Fatalf("%s: %v", why, err)
	}
	if fmt.Sprintf("%T%+v", got, got) != fmt.Sprintf("%T%+v", ind, ind) {
		t.Fatalf("%s: got %T%+v, want %T%+v", why, got, got, ind, ind)
	}
}

func wantEnd(t *testing.T, s *Session, target error, why string) {
	t.Helper()
	if got, err := s.Receive(bg); !errors.Is(err, target) {
		t.Fatalf("%s: got %v, %v, want %v", why, got, err, target)
	}
}

// wantAbort receives the end of an aborted session.
func wantAbort(t *testing.T, s *Session, by Source, remote bool, r AbortReason, why string) *AbortError {
	t.Helper()
	got, err := s.Receive(bg)
	var ae *AbortError
	if !errors.As(err, &ae) || ae.By != by || ae.Remote != remote || ae.Reason != r {
		t.Fatalf("%s: got %v, %v", why, got, err)
	}
	return ae
}

// ssdu receives one SSDU.
func ssdu(t *testing.T, s *Session) []byte {
	t.Helper()
	var all []byte
	for {
		ind, err := s.Receive(bg)
		if err != nil {
			t.Fatalf("after %d octets of an SSDU: %v", len(all), err)
		}
		d := ind.(Data)
		if all = append(all, d.B...); d.End {
			return all
		}
	}
}

func try(t *testing.T, err error, why string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", why, err)
	}
}

// TestSSDUs sends SSDUs of all sizes both ways at once, with and without an agreed TSDU size: none is merged, none is split.
func TestSSDUs(t *testing.T) {
	for name, o := range pipes {
		for _, size := range []int{0, 64, 5000} {
			t.Run(fmt.Sprintf("%s/%d", name, size), func(t *testing.T) {
				l := open(t, o, &Config{TSDUSize: size}, &Config{TSDUSize: size})
				sizes := []int{1, 2, 56, 57, 58, 64, 1000, 4993, 4994, 40000, 100001}
				var wg sync.WaitGroup
				for _, p := range [][2]*Session{{l.a, l.b}, {l.b, l.a}} {
					wg.Go(func() {
						for _, n := range sizes {
							if err := p[0].Send(bg, pattern(n)); err != nil {
								t.Errorf("Send of %d octets: %v", n, err)
							}
						}
					})
					wg.Go(func() {
						for _, n := range sizes {
							if got := ssdu(t, p[1]); !bytes.Equal(got, pattern(n)) {
								t.Errorf("SSDU of %d octets: got %d", n, len(got))
							}
						}
					})
				}
				wg.Wait()
			})
		}
	}
}

func TestSendPart(t *testing.T) {
	for _, size := range []int{0, 100} {
		l := open(t, transporttest.Options{}, &Config{TSDUSize: size}, nil)
		for _, part := range []string{"one ", "", "two ", strings.Repeat("long ", 100)} {
			n, err := l.a.SendPart(bg, []byte(part), false)
			if n != len(part) || err != nil {
				t.Fatalf("SendPart: %d, %v", n, err)
			}
		}
		for why, err := range map[string]error{
			"Send":    l.a.Send(bg, []byte("x")),
			"Release": l.a.Release(bg, nil),
		} {
			if err != ErrUnfinished {
				t.Errorf("%s within an SSDU: %v", why, err)
			}
		}
		if _, err := l.a.SendPart(bg, nil, true); err != nil {
			t.Fatal(err)
		}
		if got, want := string(ssdu(t, l.b)), "one two "+strings.Repeat("long ", 100); got != want {
			t.Errorf("got %q", got)
		}
		if err := l.a.Send(bg, nil); err != errEmpty {
			t.Errorf("empty SSDU: %v", err)
		}
		try(t, l.a.Send(bg, []byte("next")), "Send")
		if got := string(ssdu(t, l.b)); got != "next" {
			t.Errorf("got %q", got)
		}
	}
}

// TestSendCancelled: a cancelled Send ends the call and not the session; its SSDU is gone on with.
func TestSendCancelled(t *testing.T) {
	for _, size := range []int{0, 64, 4096} {
		synctest.Test(t, func(t *testing.T) {
			l := open(t, transporttest.Options{Window: 300}, &Config{TSDUSize: size}, nil)
			ctx, cancel := context.WithTimeout(bg, time.Second)
			defer cancel()
			whole := pattern(2000)
			begin := time.Now()
			err := l.a.Send(ctx, whole)
			if d := time.Since(begin); d != time.Second {
				t.Errorf("cancelled after %v", d)
			}
			var ue *UnfinishedError
			if !errors.As(err, &ue) || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrUnfinished) {
				t.Fatalf("Send: %v", err)
			}
			if err := l.a.Release(bg, nil); err != ErrUnfinished {
				t.Errorf("Release: %v", err)
			}
			done := make(chan error, 1)
			go func() {
				n, err := l.a.SendPart(bg, whole[ue.N:], true)
				if n != len(whole)-ue.N {
					err = fmt.Errorf("%d octets: %w", n, err)
				}
				done <- err
			}()
			if got := ssdu(t, l.b); !bytes.Equal(got, whole) {
				t.Errorf("got %d octets", len(got))
			}
			try(t, <-done, "SendPart")
		})
	}
}

// TestReceiveCancelled: the session goes on, and so does the wait of nobody else.
func TestReceiveCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, transporttest.Options{}, nil, nil)
		ctx, cancel := context.WithCancel(bg)
		done := make(chan error, 2)
		for range 2 { // one waits in the transport, one at the gate
			go func() {
				_, err := l.b.Receive(ctx)
				done <- err
			}()
		}
		synctest.Wait()
		cancel()
		for range 2 {
			if err := <-done; err != context.Canceled {
				t.Errorf("Receive: %v", err)
			}
		}
		try(t, l.a.Send(bg, []byte("x")), "Send")
		// What is there is returned though the context is done.
		if ind, err := l.b.Receive(ctx); err != nil || string(ind.(Data).B) != "x" {
			t.Errorf("Receive: %v, %v", ind, err)
		}
	})
}

func TestRelease(t *testing.T) {
	for name, o := range pipes {
		t.Run(name, func(t *testing.T) {
			l := open(t, o, nil, nil)
			long := pattern(1000)
			released := make(chan error, 1) // it waits where the flow is narrow
			go func() { released <- l.a.Release(bg, long) }()
			want(t, l.b, ReleaseInd{long}, "the request's indication")
			try(t, <-released, "S-RELEASE request")
			if err := l.a.Send(bg, []byte("x")); err != ErrReleased {
				t.Errorf("Send after Release: %v", err)
			}
			if err := l.a.Release(bg, nil); err != ErrReleased {
				t.Errorf("second Release: %v", err)
			}
			try(t, l.b.Send(bg, []byte("still")), "the acceptor goes on sending")
			want(t, l.a, Data{[]byte("still"), true}, "and the requestor receiving")
			try(t, l.b.RespondRelease(bg, []byte("bye")), "S-RELEASE response")
			want(t, l.a, ReleaseCnf{Data: []byte("bye")}, "its confirm")
			for _, s := range []*Session{l.a, l.b} {
				wantEnd(t, s, ErrReleased, "the end")
				if err := s.Send(bg, []byte("x")); err != ErrReleased {
					t.Errorf("Send after the end: %v", err)
				}
				try(t, s.Abort(nil), "Abort after the end does nothing")
			}
			if !l.ta.Ended() {
				t.Error("the receiver of DN has not disconnected the transport (x225 3.7)")
			}
		})
	}
}

// TestReleaseCollision: both have the indication, and the T-responder answers after its confirm only (x225 4.9).
func TestReleaseCollision(t *testing.T) {
	l := open(t, transporttest.Options{}, nil, nil)
	try(t, l.a.Release(bg, []byte("a")), "a's request")
	try(t, l.b.Release(bg, []byte("b")), "b's request")
	want(t, l.a, ReleaseInd{[]byte("b")}, "a's indication")
	want(t, l.b, ReleaseInd{[]byte("a")}, "b's indication")
	if err := l.b.RespondRelease(bg, nil); err == nil {
		t.Error("the T-responder answered before its confirm")
	}
	try(t, l.a.RespondRelease(bg, []byte("c")), "a's response")
	want(t, l.b, ReleaseCnf{Data: []byte("c")}, "b's confirm")
	try(t, l.b.RespondRelease(bg, nil), "b's response")
	want(t, l.a, ReleaseCnf{}, "a's confirm")
	wantEnd(t, l.a, ErrReleased, "a's end")
	wantEnd(t, l.b, ErrReleased, "b's end")
}

// TestAbort: an abort drops what was not delivered, and everybody hears of it.
func TestAbort(t *testing.T) {
	for name, o := range pipes {
		for _, n := range []int{0, 9, 10, 10240} {
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				o.Delivered = true
				l := open(t, o, nil, nil)
				try(t, l.a.Send(bg, pattern(100)), "Send")
				if got := ssdu(t, l.b); len(got) != 100 {
					t.Fatalf("got %d octets", len(got))
				}
				data := pattern(n)
				try(t, l.a.Abort(data), "Abort")
				e := wantAbort(t, l.b, User, true, ReasonUser, "the abort's indication")
				if !bytes.Equal(e.Data, data) || e.Received != 100 || e.Consumed != 100 || e.Sent != 0 {
					t.Errorf("%v: %d octets, sent %d received %d consumed %d", e, len(e.Data), e.Sent, e.Received, e.Consumed)
				}
				e = wantAbort(t, l.a, User, false, ReasonUser, "the own abort")
				if e.Sent != 100 || e.Received != 0 {
					t.Errorf("sent %d received %d", e.Sent, e.Received)
				}
				if err := l.b.Send(bg, []byte("x")); !errors.As(err, &e) {
					t.Errorf("Send after the abort: %v", err)
				}
			})
		}
	}
	l := open(t, transporttest.Options{}, nil, nil)
	if err := l.a.Abort(pattern(10241)); err == nil {
		t.Error("too much user data")
	}
}

// TestAbortFreesSender: who waits for flow control hears of the peer's abort, though nobody receives.
func TestAbortFreesSender(t *testing.T) {
	for _, n := range []int{0, 5000} { // AB overtakes; PREPARE does
		synctest.Test(t, func(t *testing.T) {
			l := open(t, transporttest.Options{Window: 500}, nil, nil)
			done := make(chan error, 1)
			go func() { done <- l.a.Send(bg, pattern(10000)) }()
			synctest.Wait()
			begin := time.Now()
			try(t, l.b.Abort(pattern(n)), "Abort")
			var ue *UnfinishedError
			var ae *AbortError
			if err := <-done; !errors.As(err, &ue) || !errors.As(err, &ae) || !ae.Remote || len(ae.Data) != n {
				t.Errorf("Send: %v", err)
			}
			if d := time.Since(begin); d > 10*time.Millisecond {
				t.Errorf("after %v", d)
			}
		})
	}
}

// TestAbortWithinSSDU: the own abort frees who sends, and nothing of the SSDU comes behind it.
func TestAbortWithinSSDU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, transporttest.Options{Window: 500, NoExpedited: true}, nil, nil)
		done := make(chan error, 1)
		go func() { done <- l.a.Send(bg, pattern(10000)) }()
		synctest.Wait()
		try(t, l.a.Abort([]byte("enough")), "Abort")
		if err := <-done; !errors.As(err, new(*AbortError)) {
			t.Errorf("Send: %v", err)
		}
		if e := wantAbort(t, l.b, User, true, ReasonUser, "the abort"); string(e.Data) != "enough" {
			t.Errorf("data %q", e.Data)
		}
	})
}

// TestProviderAbort: what the peer's machine cannot understand ends the session for both.
func TestProviderAbort(t *testing.T) {
	for _, tsdu := range []string{
		"\xfe\x00", "\x01\x00\x31\x00", "\x0a\x00", "\x01\x03\x10\x01\x01", "\x01\x00\x01\x03\x19\x01\x00x", "\x07\x03\x18\x01\x04",
		"\x01\x00\x31\x03\x2a\x01\x36", "\x01\x00\x31\x03\x2a\x01\x36\x01\x00x", "\x05\x00x", "\x21\x00x", "\x15\x00", // units not selected
	} {
		l := open(t, transporttest.Options{NoExpedited: true}, nil, nil)
		if _, err := l.ta.Send(transport.Never, nil, []byte(tsdu), transport.End); err != nil {
			t.Fatal(err)
		}
		e := wantAbort(t, l.b, Provider, false, ReasonProtocolError, "the receiver")
		if e.Err == nil {
			t.Errorf("%x: no cause", tsdu)
		}
		wantAbort(t, l.a, Provider, true, ReasonProtocolError, "the sender")
	}
}

func TestTransportLost(t *testing.T) {
	l := open(t, transporttest.Options{}, nil, nil)
	try(t, l.a.Send(bg, []byte("last")), "Send")
	l.ta.Break(transport.ReasonExpired)
	want(t, l.b, Data{[]byte("last"), true}, "data before the end")
	e := wantAbort(t, l.b, Provider, false, ReasonTransport, "the end")
	var de *transport.DisconnectError
	if !errors.As(e, &de) || de.Reason != transport.ReasonExpired {
		t.Errorf("cause: %v", e.Err)
	}
	if err := l.a.Send(bg, []byte("x")); !errors.As(err, &de) {
		t.Errorf("Send: %v", err)
	}
}

// TestClosedTransport: somebody else disconnects the transport, as an endpoint that closes.
func TestClosedTransport(t *testing.T) {
	l := open(t, transporttest.Options{}, nil, nil)
	l.ta.Disconnect(transport.ReasonShutdown)
	wantEnd(t, l.a, ErrClosed, "Receive")
	if err := l.a.Send(bg, []byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Send: %v", err)
	}
	try(t, l.a.Conn().Close(), "Close")
	e := wantAbort(t, l.b, Provider, true, ReasonTransport, "the peer")
	if !strings.Contains(e.Error(), "shutdown") {
		t.Error(e)
	}
}

// TestCloseFreesCalls: Conn.Close ends the session's own calls, too.
func TestCloseFreesCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, transporttest.Options{Window: 100}, &Config{Linger: time.Second}, nil)
		done := make(chan error, 4)
		for range 2 {
			go func() {
				_, err := l.a.Receive(bg)
				done <- err
			}()
			go func() { done <- l.a.Send(bg, pattern(1000)) }()
		}
		synctest.Wait()
		begin := time.Now()
		go l.a.Conn().Close()
		for range 4 {
			if err := <-done; !errors.Is(err, ErrClosed) {
				t.Errorf("ended by %v", err)
			}
		}
		if d := time.Since(begin); d > 10*time.Millisecond {
			t.Errorf("after %v", d)
		}
		synctest.Wait()
		wantAbort(t, l.b, User, true, ReasonUser, "the SSDU cannot be finished")
	})
}

// TestNotConn: a session with a token that matters is no stream.
func TestNotConn(t *testing.T) {
	l := open(t, transporttest.Options{}, nil, nil)
	l.a.raise(flagNotConn)
	if _, err := l.a.Conn().Write([]byte("x")); err != ErrNotConn {
		t.Errorf("Write: %v", err)
	}
	if _, err := l.a.Conn().Read(make([]byte, 1)); err != ErrNotConn {
		t.Errorf("Read: %v", err)
	}
}
