package tenuto

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenuto-session/tenuto/transport"
)

// A canceller ends a call: a context or a deadline.
type canceller interface {
	Err() error
	Done() <-chan struct{}
}

// A gate lets one caller at a time through, and who waits before it can give up. The zero gate is open.
type gate struct {
	mu    sync.Mutex
	shut  bool
	first int32         // how many wait by lockFirst
	wake  chan struct{} // closed when the gate opens; nil while nobody waits
}

func (g *gate) tryLock() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.shut = true
	return true
}

func (g *gate) lock(c canceller) error { return g.wait(c, false) }

// lockFirst is lock for who goes before all that wait by lock, or come again and again.
func (g *gate) lockFirst(c canceller) error {
	g.mu.Lock()
	g.first++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.first--; !g.shut {
			g.call()
		}
	}()
	return g.wait(c, true)
}

func (g *gate) wait(c canceller, first bool) error {
	for {
		opened := g.tryAs(first)
		if opened == nil {
			return nil
		}
		select {
		case <-opened:
		case <-c.Done():
			if err := c.Err(); err != nil { // nil if the deadline has been moved meanwhile
				return err
			}
		}
	}
}

// enter waits as long as it takes.
func (g *gate) enter() {
	for opened := g.try(); opened != nil; opened = g.try() {
		<-opened
	}
}

// try goes through the gate, or returns what is closed when it is worth trying again.
func (g *gate) try() (opened <-chan struct{}) { return g.tryAs(false) }

func (g *gate) tryAs(first bool) (opened <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut && (first || g.first == 0) {
		g.shut = true
		return nil
	}
	if g.wake == nil {
		g.wake = make(chan struct{})
	}
	return g.wake
}

func (g *gate) unlock() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = false
	g.call()
}

// call wakes who waits. mu is held.
func (g *gate) call() {
	if g.wake != nil {
		close(g.wake)
		g.wake = nil
	}
}

// flags make calls that wait in the transport look at the session again.
const (
	flagLook     uint32 = 1 << iota // there is something for the receiver: an indication, an abort, the end
	flagStopSend                    // nothing can be sent any more
	flagClosed                      // Conn.Close
	flagNotConn                     // the session cannot be a Conn
	flagPurge                       // what is being sent is to be withdrawn
	flagDrop                        // what is being received has no effect any more

	flagsWake = flagLook | flagStopSend | flagClosed | flagPurge
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

// waiters are those of calls that send: who is idle has none.
var waiters = sync.Pool{New: func() any { return new(waiter) }}

// enterSend goes through the send gate, and returns what the call waits by. leaveSend ends both: defers of a function that has many and
// returns often are slow.
func (s *Session) enterSend(c canceller) (*waiter, error) {
	if err := s.sendGate.lock(c); err != nil {
		return nil, err
	}
	return s.sending(c), nil
}

func (s *Session) leaveSend(w *waiter) {
	w.done()
	waiters.Put(w)
	s.openSendGate()
}

// enterReceive goes through the receive gate, and returns what the call waits by. leaveReceive ends that.
func (s *Session) enterReceive(c canceller) (*waiter, error) {
	if err := s.recvGate.lock(c); err != nil {
		return nil, err
	}
	return s.receiving(c), nil
}

func (s *Session) leaveReceive(w *waiter) {
	w.done()
	s.openReceiveGate()
}

func (s *Session) openReceiveGate() {
	s.rx.leave()
	s.recvGate.unlock()
}

// sending returns what a call waits by that has the send gate.
func (s *Session) sending(c canceller) *waiter {
	mask := flagStopSend | flagClosed
	if s.cuts {
		mask |= flagPurge
	}
	return waiters.Get().(*waiter).begin(s, mask, c)
}

// receiving returns what a call waits by that has the receive gate.
func (s *Session) receiving(c canceller) *waiter {
	s.rx.begin()
	return s.rx.waiter.begin(s, flagLook|flagClosed, c)
}

// begin makes w serve a call; done ends that.
func (w *waiter) begin(s *Session, mask uint32, c canceller) *waiter {
	w.s, w.mask, w.c = s, mask, c
	return w
}

func (w *waiter) done() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
	w.s, w.c = nil, nil
}

// now is the Cancel of a call that must not wait.
type now struct{}

func (now) Err() error { return errNow }

var _ transport.Cancel = (*waiter)(nil)

// A deadline is the canceller of the calls of a Conn. It can be moved while they wait. The zero deadline is none.
type deadline struct {
	moment atomic.Pointer[moment] // nil until there is one, or somebody waits for one
}

// A moment is when a deadline passes.
type moment struct {
	mu     sync.Mutex
	timer  *time.Timer
	serial uint32 // of timer: one before it may fire in the moment in which it is stopped
	passed bool
	ch     chan struct{} // closed when the deadline has passed; nil while nobody waits for it
}

// made makes the moment if there is none.
func (d *deadline) made() *moment {
	if d.moment.Load() == nil {
		d.moment.CompareAndSwap(nil, new(moment))
	}
	return d.moment.Load()
}

func (d *deadline) Done() <-chan struct{} { return d.made().done() }

func (d *deadline) Err() error {
	if m := d.moment.Load(); m != nil && m.over() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// set moves the deadline; the zero time is none. wake is called when it passes.
func (d *deadline) set(t time.Time, wake func()) {
	if t.IsZero() && d.moment.Load() == nil {
		return
	}
	if d.made().reset(t, wake) {
		wake()
	}
}

func (m *moment) done() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ch == nil {
		m.ch = make(chan struct{})
		if m.passed {
			close(m.ch)
		}
	}
	return m.ch
}

func (m *moment) over() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.passed
}

// reset tells whether the deadline has just passed.
func (m *moment) reset(t time.Time, wake func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
		m.serial++
	}
	before := m.passed
	after := time.Until(t)
	switch {
	case !t.IsZero() && after <= 0:
		m.pass()
		return !before
	case before:
		m.passed, m.ch = false, nil
	}
	if !t.IsZero() {
		serial := m.serial
		m.timer = time.AfterFunc(after, func() {
			if m.fire(serial) {
				wake()
			}
		})
	}
	return false
}

// fire tells whether the timer is the one that counts.
func (m *moment) fire(serial uint32) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.serial != serial {
		return false
	}
	m.serial++
	m.timer = nil
	m.pass()
	return true
}

// pass says that the deadline has passed.
func (m *moment) pass() {
	if !m.passed && m.ch != nil {
		close(m.ch)
	}
	m.passed = true
}
