package socket

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// failing is an listener that has run out of something.
type failing struct {
	calls  int
	closed bool
}

func (f *failing) Accept() (net.Conn, error) {
	f.calls++
	if f.closed {
		return nil, net.ErrClosed
	}
	return nil, syscall.EMFILE
}
func (f *failing) Close() error   { f.closed = true; return nil }
func (f *failing) Addr() net.Addr { return &net.TCPAddr{} }

func TestAcceptPausesAfterErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{}
		ln := NewListener(f, "test", nil)
		began := time.Now()
		for range 100 {
			if _, err := ln.Accept(); !errors.Is(err, syscall.EMFILE) {
				t.Fatalf("Accept: %v; want EMFILE", err)
			}
		}
		if took := time.Since(began); took < 80*maxPause {
			t.Errorf("100 errors within %v", took)
		}
		var err error
		go func() { _, err = ln.Accept() }()
		synctest.Wait()
		began = time.Now()
		ln.Close()
		synctest.Wait()
		if err != net.ErrClosed || time.Since(began) > 0 {
			t.Errorf("Close during a pause: %v after %v; want net.ErrClosed at once", err, time.Since(began))
		}
	})
}
