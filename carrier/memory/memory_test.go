package memory_test

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/carriertest"
	"github.com/tenuto-session/tenuto/carrier/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCarrier(t *testing.T) { carriertest.Run(t, memory.New(), "memory://x") }

var where = &url.URL{Scheme: memory.Scheme, Host: "x"}

func pair(t *testing.T, nw *memory.Network) (near, far *memory.Conn) {
	t.Helper()
	ln, err := nw.Listen(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := nw.Dial(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	near = c.(*memory.Conn)
	c, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return near, c.(*memory.Conn)
}

// result is where a call in the background leaves its error.
type result struct {
	done bool
	err  error
}

func read(c carrier.Conn) *result {
	r := new(result)
	go func() {
		_, r.err = c.Read(make([]byte, 100))
		r.done = true
	}()
	return r
}

func write(c carrier.Conn, n int) *result {
	r := new(result)
	go func() {
		_, r.err = c.Write(make([]byte, n))
		r.done = true
	}()
	return r
}

func TestCutFailsBothEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nw := memory.New()
		near, far := pair(t, nw)
		if got := nw.Conns(); len(got) != 1 || got[0] != near {
			t.Fatalf("Conns = %v; want the end that dialled", got)
		}
		calls := []*result{read(near), read(far), write(near, 1<<20), write(far, 1<<20)}
		synctest.Wait()
		far.Cut()
		synctest.Wait()
		for i, r := range calls[2:] {
			if !r.done || !errors.Is(r.err, memory.ErrReset) {
				t.Errorf("write %d: %+v; want ErrReset", i, r)
			}
		}
		for _, c := range []carrier.Conn{near, far} {
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, memory.ErrReset) {
				t.Errorf("read: %v; want ErrReset", err)
			}
		}
		if got := nw.Conns(); len(got) != 0 {
			t.Errorf("Conns = %v; want none", got)
		}
	})
}

func TestStallIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pair(t, memory.New())
		if _, err := near.Write([]byte("in flight")); err != nil {
			t.Fatal(err)
		}
		near.Stall()
		reads := []*result{read(near), read(far)}
		n, err := near.TryWrite(make([]byte, 2*memory.BufferSize))
		if want := memory.BufferSize - len("in flight"); n != want || err != nil {
			t.Errorf("TryWrite = %d, %v; want %d, the room left", n, err, want)
		}
		if n, err := near.TryWrite([]byte("x")); n != 0 || err != nil {
			t.Errorf("TryWrite when full = %d, %v; want 0, nil", n, err)
		}
		writes := []*result{write(near, 1), write(far, memory.BufferSize+1)}
		synctest.Wait()
		for i, r := range append(reads, writes...) {
			if r.done {
				t.Errorf("call %d returned: %v", i, r.err)
			}
		}
		// Close is local: the peer hears nothing of it.
		near.Close()
		synctest.Wait()
		if !reads[0].done || !writes[0].done {
			t.Error("Close did not end the calls of its own end")
		}
		if reads[1].done || writes[1].done {
			t.Error("a Close arrived through a stalled carrier")
		}
		far.Close()
	})
}

func TestHalfOpenFailsOneEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pair(t, memory.New())
		reads := []*result{read(near), read(far)}
		synctest.Wait()
		near.HalfOpen()
		synctest.Wait()
		if !reads[0].done || !errors.Is(reads[0].err, memory.ErrReset) {
			t.Errorf("read: %+v; want ErrReset", reads[0])
		}
		if n, err := far.TryWrite([]byte("x")); n != 1 || err != nil || reads[1].done {
			t.Errorf("the other end noticed: TryWrite = %d, %v; Read %+v", n, err, reads[1])
		}
		far.Close()
	})
}

func TestInterruptEndsAWaitingRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, _ := pair(t, memory.New())
		r := read(near)
		synctest.Wait() // it waits
		near.Interrupt()
		synctest.Wait()
		if !r.done || r.err != carrier.ErrInterrupted {
			t.Errorf("read: %+v; want ErrInterrupted", r)
		}
	})
}

func TestFullBacklogWaitsForTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nw := memory.New()
		ln, err := nw.Listen(t.Context(), where)
		if err != nil {
			t.Fatal(err)
		}
		for range memory.Backlog {
			if _, err := nw.Dial(t.Context(), where); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := nw.Dial(ctx, where); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial: %v; want DeadlineExceeded", err)
		}
		// Close resets those that nobody accepted, and refuses who still waits.
		var refused error
		go func() { _, refused = nw.Dial(t.Context(), where) }()
		synctest.Wait()
		ln.Close()
		synctest.Wait()
		if !errors.Is(refused, memory.ErrRefused) {
			t.Errorf("waiting Dial: %v; want ErrRefused", refused)
		}
		if got := nw.Conns(); len(got) != 0 {
			t.Errorf("%d carriers live on without a listener", len(got))
		}
	})
}

func TestNamesAreTakenOnce(t *testing.T) {
	nw := memory.New()
	ln, err := nw.Listen(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nw.Listen(t.Context(), where); !errors.Is(err, memory.ErrInUse) {
		t.Errorf("Listen: %v; want ErrInUse", err)
	}
	if _, err := memory.New().Dial(t.Context(), where); !errors.Is(err, memory.ErrRefused) {
		t.Errorf("Dial on another Network: %v; want ErrRefused", err)
	}
	if _, err := nw.Listen(t.Context(), &url.URL{Scheme: memory.Scheme}); err == nil {
		t.Error("Listen without a name succeeded")
	}
	ln.Close()
	ln, err = nw.Listen(t.Context(), where)
	if err != nil {
		t.Errorf("Listen after Close: %v", err)
	}
	ln.Close()
}
