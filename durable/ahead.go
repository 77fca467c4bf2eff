package durable

import (
	"context"
	"slices"
	"sync"

	"github.com/tenuto-session/tenuto"
)

const (
	// aheadSize is how many octets are received ahead into one buffer, and handed up together.
	aheadSize = 512 << 10

	// maxBuffers is how many of them a session has: one is filled while the other is written.
	maxBuffers = 2

	// maxAhead is how many indications wait, buffers among them.
	maxAhead = 64
)

// An ahead receives from a session, in a goroutine of its own, while what came before is written and committed.
type ahead struct {
	s *tenuto.Session

	mu       sync.Mutex
	changed  sync.Cond
	queue    []heard // guarded by mu, as all below
	buffers  int     // that are filled, or given out
	out      *buffer // the one that next has given out
	finished bool
}

// heard is an indication, some data, or the session's end.
type heard struct {
	ind  tenuto.Indication
	data *buffer
	err  error
}

type buffer struct {
	n int
	b [aheadSize]byte
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// receiveAhead begins to receive. finish ends that.
func receiveAhead(ctx context.Context, s *tenuto.Session) (a *ahead, finish func()) {
	a = &ahead{s: s}
	a.changed.L = &a.mu
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			ind, err := s.Receive(ctx)
			if !a.put(ind, err) {
				return
			}
		}
	}()
	return a, func() {
		a.mu.Lock()
		a.finished = true
		a.changed.Broadcast()
		a.mu.Unlock()
		cancel()
		<-done
	}
}

// put takes what was received, and tells whether more is wanted. It waits while there is enough.
func (a *ahead) put(ind tenuto.Indication, err error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d, ok := ind.(tenuto.Data); ok && err == nil {
		return a.fill(d.B)
	}
	return a.push(heard{ind: ind, err: err}) && err == nil
}

// fill takes octets. The lock is held.
func (a *ahead) fill(b []byte) bool {
	for len(b) > 0 {
		buf := a.last()
		if buf == nil {
			for a.buffers == maxBuffers && !a.finished {
				a.changed.Wait()
			}
			buf = buffers.Get().(*buffer)
			buf.n = 0
			a.buffers++
			if !a.push(heard{data: buf}) {
				return false
			}
		}
		n := copy(buf.b[buf.n:], b)
		buf.n += n
		b = b[n:]
	}
	return true
}

// last is the buffer that the next octets go to, if there is one with room. The lock is held.
func (a *ahead) last() *buffer {
	if len(a.queue) == 0 {
		return nil
	}
	if buf := a.queue[len(a.queue)-1].data; buf != nil && buf.n < aheadSize {
		return buf
	}
	return nil
}

// push waits for a place in the queue. The lock is held.
func (a *ahead) push(h heard) bool {
	for len(a.queue) == maxAhead && !a.finished {
		a.changed.Wait()
	}
	a.queue = append(a.queue, h)
	a.changed.Broadcast()
	return !a.finished
}

// next waits for the next indication. Data that it returns are valid until the next call.
func (a *ahead) next() (tenuto.Indication, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.out != nil {
		buffers.Put(a.out)
		a.out = nil
		a.buffers--
		a.changed.Broadcast()
	}
	for len(a.queue) == 0 {
		a.changed.Wait()
	}
	h := a.queue[0]
	a.queue = slices.Delete(a.queue, 0, 1)
	a.changed.Broadcast()
	if h.data != nil {
		a.out = h.data
		return tenuto.Data{B: h.data.b[:h.data.n]}, nil
	}
	return h.ind, h.err
}

// left tells whether the sender has left the activity, or the session has ended: that is next, and what the sender is told of the activity is too late.
func (a *ahead) left() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.queue, func(h heard) bool {
		switch h.ind.(type) {
		case tenuto.ActivityInterruptInd, tenuto.ActivityDiscardInd:
			return true
		}
		return h.err != nil
	})
}
