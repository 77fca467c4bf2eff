// Package drive runs a machine of a protocol above DDP on sockets of a node: it hands it the datagrams that come, runs its timers, and sends what it wants
// sent, in that order. One mutex guards the machine; who waits for it to change is woken after each of these.
package drive

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/node"
)

// Machine is what is driven.
type Machine interface {
	// Datagram takes what has come to one of the sockets, by its place among them.
	Datagram(now time.Time, socket int, d *ddp.Datagram)
	Next() time.Time // zero if there is nothing to wait for
	Tick(now time.Time)
	// Flush calls send for what is to be sent.
	Flush(send Send)
}

// Send sends data from one of the sockets, and does not keep them.
type Send func(socket int, to ddp.Socket, t ddp.Type, data []byte)

// Driver drives a machine until it is closed, or its node is.
type Driver struct {
	sockets []*node.Socket
	running sync.WaitGroup
	stop    context.CancelFunc

	mu      sync.Mutex // guards what follows, and the machine
	changed sync.Cond
	m       Machine
	timer   *time.Timer
	armed   time.Time
	closed  bool
}

// New starts to drive a machine. It has a goroutine for each socket until Close, which closes them.
func New(m Machine, sockets ...*node.Socket) *Driver {
	ctx, stop := context.WithCancel(context.Background())
	d := &Driver{m: m, sockets: sockets, stop: stop}
	d.changed.L = &d.mu
	d.timer = time.AfterFunc(time.Hour, d.tick)
	d.timer.Stop()
	for i, s := range sockets {
		d.running.Go(func() { d.receive(ctx, i, s) })
	}
	return d
}

func (d *Driver) receive(ctx context.Context, i int, s *node.Socket) {
	for {
		g, err := s.Receive(ctx)
		if err != nil {
			d.end()
			return
		}
		d.mu.Lock()
		d.m.Datagram(time.Now(), i, &g)
		d.settle()
		d.mu.Unlock()
	}
}

// end says that nothing comes any more.
func (d *Driver) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.timer.Stop()
	d.changed.Broadcast()
}

func (d *Driver) tick() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed = time.Time{}
	if now := time.Now(); !d.closed {
		if next := d.m.Next(); !next.IsZero() && !now.Before(next) {
			d.m.Tick(now)
		}
		d.settle()
	}
}

// settle sends what is to be sent, sets the timer, and wakes who waits. mu is held, so that nothing overtakes.
func (d *Driver) settle() {
	d.m.Flush(d.send)
	if next := d.m.Next(); !next.Equal(d.armed) && !d.closed {
		d.armed = next
		if next.IsZero() {
			d.timer.Stop()
		} else {
			d.timer.Reset(max(time.Until(next), 0))
		}
	}
	d.changed.Broadcast()
}

// send leaves it to the machine's timers to send again what has no way just now.
func (d *Driver) send(socket int, to ddp.Socket, t ddp.Type, data []byte) {
	_ = d.sockets[socket].Send(to, t, data)
}

// Do lets f use the machine. Once the driver is closed f is called still, but nothing is sent.
func (d *Driver) Do(f func(now time.Time)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(time.Now())
	d.settle()
}

// ErrClosed is what Wait returns once the driver is closed.
var ErrClosed = errors.New("drive: closed")

// Wait waits until f reports true. f may use the machine, and changes it only then. It returns ErrClosed, and the context's error, when that is not to be.
func (d *Driver) Wait(ctx context.Context, f func(now time.Time) bool) error {
	defer context.AfterFunc(ctx, d.Wake)()
	return d.Until(func(now time.Time) (bool, error) {
		return f(now), context.Cause(ctx)
	})
}

// Until waits until f reports true, or returns an error; it changes the machine only then. Wake has it called again.
func (d *Driver) Until(f func(now time.Time) (bool, error)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		done, err := f(time.Now())
		if done || err != nil {
			d.settle()
			return err
		}
		if d.closed {
			return ErrClosed
		}
		d.changed.Wait()
	}
}

// Wake has those who wait look again.
func (d *Driver) Wake() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changed.Broadcast()
}

// Close ends the driver, closes its sockets, and waits for its goroutines. What the machine wants sent is lost.
func (d *Driver) Close() {
	d.end()
	d.stop()
	for _, s := range d.sockets {
		s.Close()
	}
	d.running.Wait()
}
