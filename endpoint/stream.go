package endpoint

import (
	"net"
	"time"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/transport"
)

// Stream is a transport connection over a bridge. It implements transport.Conn.
type Stream struct {
	br *Bridge
	// All below is guarded by br.mu.
	m          *bridge.Stream
	next, prev *Stream // in Bridge.streams

	open   bool  // a TSDU was begun and is not ended
	fresh  bool  // opened by the peer, and not yet handed to who accepts streams
	closed bool  // by Disconnect or DisconnectAfter
	streak uint8 // Sends since the last Receive; 2 are any more

	// What only few streams have at a time, or ever; nil if there is none.
	out           *sending
	in            *receiving
	expOut, expIn *expedited
	rw, sw, ew    *waiter // of a Receive, a Send (or Drain) and a SendExpedited that wait

	err      error // why no more comes from the peer or can be sent to it
	reserved int64 // octets of the budgets
	linger   *time.Timer
	after    time.Duration // of DisconnectAfter; 0 before it
	notify   func()
}

// expedited holds the expedited TSDUs of a direction. Few streams ever have one.
type expedited struct {
	tsdu [bridge.MaxExpeditedQueue][bridge.MaxExpedited]byte
	len  [bridge.MaxExpeditedQueue]uint8
}

// put stores a TSDU under its sequence number, and makes the place for it if there is none.
func put(e **expedited, seq uint64, tsdu []byte) {
	if *e == nil {
		*e = new(expedited)
	}
	i := seq % bridge.MaxExpeditedQueue
	(*e).len[i] = uint8(copy((*e).tsdu[i][:], tsdu))
}

func newStream(br *Bridge, m *bridge.Stream) *Stream {
	s := &Stream{br: br, m: m, reserved: 2 * bridge.MinCredit}
	m.Owner = s
	return s
}

var _ transport.Conn = (*Stream)(nil)

// Bridge is the bridge that carries the stream.
func (s *Stream) Bridge() *Bridge { return s.br }

// HasExpedited is true: every stream has an expedited flow.
func (s *Stream) HasExpedited() bool { return true }

// LocalAddr names the bridge at this end.
func (s *Stream) LocalAddr() net.Addr { return Addr{"tenuto:" + s.br.ID().String()[:16]} }

// RemoteAddr names the bridge at the other end.
func (s *Stream) RemoteAddr() net.Addr { return s.br.remote }

// Receive implements transport.Conn.
func (s *Stream) Receive(c transport.Cancel, b []byte) (n int, end bool, err error) {
	br := s.br
	br.mu.Lock()
	defer br.unlock()
	s.streak = 0
	defer s.leave(&s.rw)
	for {
		switch {
		case s.closed:
			return 0, false, net.ErrClosed
		case s.m.ExpConsumed < s.m.ExpNext:
			return 0, false, transport.ErrExpedited
		}
		if n, end, err = s.takeStored(b); n > 0 || end || err != nil {
			br.kick()
			return n, end, err
		}
		if s.err != nil {
			return 0, false, s.err
		}
		if err := c.Err(); err != nil {
			return 0, false, err
		}
		w := s.begin(&s.rw)
		w.dst, w.got, w.end = b, 0, false
		br.wait(w)
		n, end, w.dst = w.got, w.end, nil
		if n > 0 || end {
			return n, end, nil
		}
	}
}

// takeStored takes octets of one TSDU out of the ring.
func (s *Stream) takeStored(b []byte) (n int, end bool, err error) {
	for r := s.in; r.holds(); {
		limit := r.len()
		if len(r.resets) > 0 {
			limit = int(r.resets[0] - r.tail)
			if limit == 0 {
				if n > 0 {
					return n, false, nil
				}
				r.resets = r.resets[1:]
				if r.rec.cut() {
					return 0, false, transport.ErrPurged
				}
				continue
			}
		}
		src, _ := r.slices(r.tail, limit)
		used, put, e, bad := r.rec.take(b[n:], src)
		if bad {
			return n, false, s.br.breach(s, "record of more than the largest size")
		}
		r.tail += uint64(used)
		s.consumed(used)
		n += put
		if e {
			return n, true, nil
		}
		if n == len(b) || used == 0 {
			break
		}
	}
	return n, false, nil
}

// consumed gives the peer credit for n octets, and perhaps a wider window.
func (s *Stream) consumed(n int) {
	if s.m.Closing {
		return
	}
	s.br.m.Consumed(s.m, n)
	s.in.grown.consumed(s, n)
}

// stored takes octets that came from the carrier: into the waiting Receive's b, and what does not fit into the ring.
// It returns how many it took: fewer than all only if the Receive of a leader is satisfied.
func (s *Stream) stored(src []byte, leads bool) int {
	n := 0
	r := s.receives()
	if w := s.rw; w != nil && w.dst != nil && !r.holds() && s.m.ExpConsumed == s.m.ExpNext {
		for n < len(src) && w.got < len(w.dst) && !w.end {
			used, put, end, bad := r.rec.take(w.dst[w.got:], src[n:])
			if bad {
				s.br.breach(s, "record of more than the largest size")
				return len(src)
			}
			n += used
			w.got += put
			w.end = end
			s.br.m.Advance(s.m, used)
			s.consumed(used)
			if used == 0 {
				break
			}
		}
		if leads && w.satisfied() {
			return n
		}
	}
	if rest := src[n:]; len(rest) > 0 {
		r.grow(len(rest), 1<<maxRingBits, true)
		r.write(rest)
		s.br.m.Advance(s.m, len(rest))
		if s.closed {
			s.drain()
		}
	}
	s.wakeReceive()
	return len(src)
}

// drain drops what came in, and gives credit for it.
func (s *Stream) drain() {
	n := 0
	if r := s.in; r != nil {
		n = r.len()
		r.tail, r.resets = r.head, nil
	}
	if n > 0 && !s.m.Closing {
		s.br.m.Consumed(s.m, n)
	}
	for !s.m.Closing && s.m.ExpConsumed < s.m.ExpNext {
		s.br.m.ConsumedExpedited(s.m)
	}
}

// ReceiveExpedited implements transport.Conn.
func (s *Stream) ReceiveExpedited(b []byte) (n int, ok bool) {
	br := s.br
	br.mu.Lock()
	defer br.unlock()
	if s.closed || s.m.ExpConsumed == s.m.ExpNext {
		return 0, false
	}
	i := s.m.ExpConsumed % bridge.MaxExpeditedQueue
	n = copy(b, s.expIn.tsdu[i][:s.expIn.len[i]])
	if s.m.Closing {
		s.m.ExpConsumed++
	} else {
		br.m.ConsumedExpedited(s.m)
		br.kick()
	}
	return n, true
}

// Disconnect implements transport.Conn.
func (s *Stream) Disconnect(r transport.Reason) {
	s.br.mu.Lock()
	defer s.br.unlock()
	s.disconnect(r)
}

func (s *Stream) disconnect(r transport.Reason) {
	s.closed = true
	if s.linger != nil {
		s.linger.Stop()
	}
	if s.err == nil {
		s.err = net.ErrClosed
		s.br.m.Close(s.m, uint64(r))
		s.br.kick()
	}
	s.release()
	s.wakeAll()
	s.noLead()
}

// noLead lets the link's goroutine read: the stream's user will not.
func (s *Stream) noLead() {
	if l := s.br.link; l != nil && l.leader == nil && s.br.waiters == nil {
		l.takeLead()
	}
}

// fail ends the stream with an error for its user: the peer's, or the bridge's.
func (s *Stream) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	if s.linger != nil {
		s.linger.Stop()
	}
	if s.fresh { // nobody will ever close it
		s.closed, s.fresh = true, false
	}
	if s.closed {
		s.release()
	} else {
		s.releaseOut()
	}
	s.wakeAll()
}

// release gives back what the stream holds.
func (s *Stream) release() {
	s.releaseOut()
	s.releaseIn()
	s.br.giveBack(s.reserved)
	s.reserved = 0
	s.br.forget(s)
}

// DisconnectAfter implements transport.Conn.
func (s *Stream) DisconnectAfter(d time.Duration) {
	s.br.mu.Lock()
	defer s.br.unlock()
	if s.closed {
		return
	}
	if s.err != nil {
		s.disconnect(transport.ReasonNormal)
		return
	}
	s.closed, s.after = true, d
	s.drain()
	s.settle()
	s.wakeAll()
	s.noLead()
	s.br.kick()
}

// arrived tells whether the peer's end of the bridge has all that was sent. Of an expedited TSDU it is known only that it left.
func (s *Stream) arrived() bool {
	return s.m.Acked == s.m.Written && s.m.ExpSent == s.m.ExpWritten && s.br.m.Synced()
}

// settle begins the wait of DisconnectAfter, once all has arrived.
func (s *Stream) settle() {
	if s.after == 0 || s.err != nil || s.linger != nil || !s.arrived() {
		return
	}
	s.linger = time.AfterFunc(s.after, func() {
		s.br.mu.Lock()
		defer s.br.unlock()
		s.linger = nil
		if s.arrived() {
			s.disconnect(transport.ReasonNormal)
		}
		// Otherwise a carrier was lost and an expedited TSDU goes out again.
	})
}

// Drain implements transport.Conn.
func (s *Stream) Drain(c transport.Cancel) error {
	br := s.br
	br.mu.Lock()
	defer br.unlock()
	defer s.leave(&s.sw)
	for {
		switch {
		case s.closed:
			return net.ErrClosed
		case s.err != nil:
			return s.err
		case s.m.Acked == s.m.Written:
			return nil
		}
		if err := c.Err(); err != nil {
			return err
		}
		w := s.begin(&s.sw)
		w.drains = true
		br.wait(w)
	}
}

// Notify implements transport.Conn.
func (s *Stream) Notify(f func()) {
	s.br.mu.Lock()
	defer s.br.unlock()
	s.notify = f
	if f != nil {
		go f()
	}
}

// Wake implements transport.Conn.
func (s *Stream) Wake() {
	s.br.mu.Lock()
	defer s.br.unlock()
	s.wakeAll()
}

func (s *Stream) wakeAll() {
	s.wakeReceive()
	s.br.wake(s.sw)
	s.br.wake(s.ew)
}

// Simplex tells whether the stream was opened for a simplex session.
func (s *Stream) Simplex() bool { return s.m.Simplex }
