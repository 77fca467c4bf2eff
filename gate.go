package tenuto

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/transport"
)

// A canceller ends a call: a context or a deadline.
type canceller interface {
	Err() error
	Done() <-chan struct{}
}

// A gate lets one caller at a time through, and who waits before it can give up.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) tryLock() bool {
	select {
	case g <- struct{}{}:
		return true
	default:
		return false
	}
}

func (g gate) lock(c canceller) error {
	for {
		select {
		case g <- struct{}{}:
			return nil
		default:
		}
		select {
		case g <- struct{}{}:
			return nil
		case <-c.Done():
			if err := c.Err(); err != nil { // nil if the deadline has been moved meanwhile
				return err
			}
		}
	}
}

func (g gate) unlock() { <-g }

// flags make calls that wait in the transport look at the session again.
const (
	flagLook     uint32 = 1 << iota // there is something for the receiver: an indication, an abort, the end
	flagStopSend                    // nothing can be sent any more
	flagClosed                      // Conn.Close
	flagNotConn                     // the session cannot be a Conn
)

// A waiter is the transport.Cancel of a call: it gives up for the caller's reason, or with errLook because a flag of the
// session is set. Only when the transport is about to wait does it arrange to be woken.
type waiter struct {
	s    *Session
	mask uint32
	c    canceller
	stop func() bool
}

func (w *waiter) Err() error {
	f := w.s.flags.Load() & w.mask
	if f&flagClosed != 0 {
		return ErrClosed
	}
	if f != 0 {
		return errLook
	}
	if ctx, ok := w.c.(context.Context); ok && w.stop == nil && ctx.Done() != nil {
		w.stop = context.AfterFunc(ctx, w.s.tc.Wake)
	}
	return w.c.Err()
}

// begin makes w serve a call; done ends that.
func (w *waiter) begin(c canceller) *waiter {
	w.c = c
	return w
}

func (w *waiter) done() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
	w.c = nil
}

// now is the Cancel of a call that must not wait.
type now struct{}

func (now) Err() error { return errNow }

var _ transport.Cancel = (*waiter)(nil)

// A deadline is the canceller of the calls of a Conn. It can be moved while they wait.
type deadline struct {
	wake  func()
	mu    sync.Mutex
	timer *time.Timer
	ch    chan struct{} // closed when the deadline has passed
}

func newDeadline(wake func()) *deadline {
	return &deadline{wake: wake, ch: make(chan struct{})}
}

func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ch
}

func (d *deadline) Err() error {
	select {
	case <-d.Done():
		return os.ErrDeadlineExceeded
	default:
		return nil
	}
}

// set moves the deadline; the zero time is none.
func (d *deadline) set(t time.Time) {
	if d.reset(t) {
		d.wake()
	}
}

// reset tells whether the deadline has just passed.
func (d *deadline) reset(t time.Time) (passed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.ch // the timer has fired: wait until it has closed the channel
	}
	d.timer = nil
	closed := false
	select {
	case <-d.ch:
		closed = true
	default:
	}
	after := time.Until(t)
	if !t.IsZero() && after <= 0 {
		if !closed {
			close(d.ch)
		}
		return !closed
	}
	if closed {
		d.ch = make(chan struct{})
	}
	if !t.IsZero() {
		ch := d.ch
		d.timer = time.AfterFunc(after, func() {
			close(ch)
			d.wake()
		})
	}
	return false
}
