package endpoint

import (
	"bytes"
	"net"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/transport"
)

// gatherBelow is the size of a Send, in octets, below which a second one in a row leaves its octets to be gathered. Larger ones fill
// frames by themselves.
const gatherBelow = 64 << 10

// maxHead is the largest head of a gathered TSDU, in octets.
const maxHead = 16

// sending is what a stream has of what was sent, until the peer has it and nothing has happened for a while. The ring's offsets are the
// stream's.
type sending struct {
	ring
	pin      uint64
	pinned   bool          // octets from pin on are being written to a carrier, and must stay where they are
	gather   int           // octets of the TSDU at the end of the ring that may grow, its head among them; 0 if it may not
	gatherAt uint64        // where that TSDU's record begins
	start    [maxHead]byte // the TSDU's head
	startLen int
}

// sends makes the stream's sending if there is none.
func (s *Stream) sends() *sending {
	if s.out == nil {
		s.out = &sending{ring: ring{tail: s.m.Written, head: s.m.Written}}
	}
	return s.out
}

// giveOut gives back what a stream that sends nothing does not need.
func (s *Stream) giveOut() {
	if s.out != nil && s.out.len() == 0 && !s.out.pinned {
		s.releaseOut()
	}
}

func (s *Stream) releaseOut() {
	if s.out != nil {
		s.out.release(!s.out.pinned)
		s.out = nil
	}
}

// Send implements transport.Conn. The caller copies into the ring and, if nobody else is writing, writes from the ring to the
// carrier itself. Small Sends in a row, with no Receive between, are left to a goroutine that gathers them.
func (s *Stream) Send(c transport.Cancel, head, b []byte, f transport.SendFlag) (n int, err error) {
	br := s.br
	br.mu.Lock()
	defer br.unlock()
	if f&transport.NoWait != 0 {
		return s.sendNow(head, b)
	}
	s.streak = min(s.streak+1, 2)
	defer s.leave(&s.sw)
	for headIn := len(head) == 0; ; {
		switch {
		case s.closed:
			return n, net.ErrClosed
		case s.err != nil:
			return n, s.err
		case s.m.ExpConsumed < s.m.ExpNext:
			return n, transport.ErrExpedited
		}
		for (n < len(b) || !headIn) && s.room(len(head), len(b)-n) {
			h := head
			if headIn && f&transport.Gather == 0 {
				h = nil
			}
			n += s.add(h, b[n:], f)
			headIn = true
		}
		if n == len(b) && headIn && (f&transport.End == 0 || !s.open || s.endOpen()) {
			br.flushFor(s, len(b) < gatherBelow && s.streak > 1)
			return n, nil
		}
		br.flushFor(s, false)
		if s.room(len(head), len(b)-n) { // the carrier took it all, and the acknowledgement is here already
			continue
		}
		if err := c.Err(); err != nil {
			return n, err
		}
		w := s.begin(&s.sw)
		w.want = len(b) - n
		br.wait(w)
	}
}

// sendNow adds a whole TSDU past the bounds.
func (s *Stream) sendNow(head, b []byte) (int, error) {
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case s.err != nil:
		return 0, s.err
	}
	need := bridge.RecordHeader + len(head) + len(b)
	o := s.sends()
	o.grow(need, o.len()+transport.MaxNoWait, !o.pinned)
	for rest := b; ; head = nil {
		part := rest[:min(len(rest), bridge.MaxRecord-len(head))]
		rest = rest[len(part):]
		s.record(head, part, len(rest) == 0)
		if len(rest) == 0 {
			break
		}
	}
	s.br.flushFor(s, false)
	return len(b), nil
}

// room tells whether octets can be added: a record's header, the head and all of n, or a quarter of the ring at least, so that a Send that
// has to wait does not end in a record and a frame for what was left over. It lets the ring grow.
func (s *Stream) room(head, n int) bool {
	o := s.sends()
	if o.room() < bridge.RecordHeader+head+n {
		s.growOut(bridge.RecordHeader + head + n)
	}
	need := bridge.RecordHeader + head + min(n, len(o.buf)/4)
	return o.room() >= need && int64(s.m.Written-s.m.ReplayFrom()) < int64(s.br.ep.cfg.Limits.StreamBytes)
}

// growOut widens the ring as far as the peer's credit and the memory bounds make it worth.
func (s *Stream) growOut(n int) {
	limit := bridge.MinCredit
	if ahead := int64(s.m.Credit - s.m.Acked); ahead > int64(limit) {
		limit = int(min(ahead, int64(s.br.ep.cfg.Limits.StreamBytes)))
	}
	// The next power of two: the ring cannot be of another size.
	if o := s.out; limit > len(o.buf) {
		size := max(len(o.buf), minRing)
		for size < limit && size < o.len()+n {
			size *= 2
		}
		if more := int64(size - max(len(o.buf), bridge.MinCredit)); more <= 0 || s.br.reserve(s, more) {
			o.grow(size-o.len(), size, !o.pinned)
		}
	}
}

const minRing = 1 << minRingBits

// add puts octets of b into the ring, as many as fit and one record takes, and returns how many.
func (s *Stream) add(head, b []byte, f transport.SendFlag) int {
	o := s.out
	room := o.room()
	if f&transport.Gather == 0 {
		n := min(len(b), room-bridge.RecordHeader-len(head), bridge.MaxRecord-len(head))
		s.record(head, b[:n], f&transport.End != 0 && n == len(b))
		return n
	}
	if o.gather > 0 && o.gatherAt >= s.m.High && bytes.Equal(o.start[:o.startLen], head) {
		if n := min(len(b), room, gatherMax-o.gather); n > 0 {
			o.write(b[:n])
			o.gather += n
			var h [bridge.RecordHeader]byte
			bridge.PutRecord(h[:], o.gather, true)
			o.patch(o.gatherAt, h[:])
			s.br.m.Write(s.m, n)
			return n
		}
	}
	n := min(len(b), room-bridge.RecordHeader-len(head), gatherMax-len(head))
	at := o.head
	s.record(head, b[:n], true)
	if len(head) <= maxHead {
		o.gather, o.gatherAt, o.startLen = len(head)+n, at, copy(o.start[:], head)
	}
	return n
}

// gatherMax is the most octets that a gathered TSDU has, its head among them: with its record's header it fills one frame.
const gatherMax = bridge.MaxRecord

// record adds one record to the ring.
func (s *Stream) record(head, b []byte, end bool) {
	var h [bridge.RecordHeader]byte
	bridge.PutRecord(h[:], len(head)+len(b), end)
	o := s.out
	o.write(h[:])
	o.write(head)
	o.write(b)
	s.open, o.gather = !end, 0
	s.br.m.Write(s.m, len(h)+len(head)+len(b))
}

// endOpen ends a TSDU whose octets are all there, if there is room.
func (s *Stream) endOpen() bool {
	if !s.room(0, 0) {
		return false
	}
	s.record(nil, nil, true)
	return true
}

// SendExpedited implements transport.Conn.
func (s *Stream) SendExpedited(c transport.Cancel, b []byte) error {
	br := s.br
	br.mu.Lock()
	defer br.unlock()
	defer s.leave(&s.ew)
	for {
		switch {
		case len(b) < 1 || len(b) > bridge.MaxExpedited:
			return errExpeditedSize
		case s.closed:
			return net.ErrClosed
		case s.err != nil:
			return s.err
		case s.m.ExpeditedRoom():
			put(&s.expOut, s.m.ExpWritten, b)
			if s.out != nil {
				s.out.gather = 0 // what is sent after it must not join what was sent before it
			}
			br.m.WriteExpedited(s.m, len(b))
			br.flushFor(s, false)
			return nil
		}
		if err := c.Err(); err != nil {
			return err
		}
		br.wait(s.begin(&s.ew))
	}
}

// Position implements transport.Conn.
func (s *Stream) Position() (sent, settled uint64) {
	s.br.mu.Lock()
	defer s.br.unlock()
	return s.m.Written, s.m.Acked
}

// Purge implements transport.Conn.
func (s *Stream) Purge() {
	br := s.br
	br.mu.Lock()
	defer br.unlock()
	if s.closed || s.err != nil {
		return
	}
	if br.m.Purge(s.m, s.open) {
		if o := s.out; o != nil {
			o.head, o.gather = s.m.Written, 0
			if !o.pinned {
				o.tail = s.m.Written
			}
		}
		s.open = false
		br.wake(s.sw)
		br.kick()
	}
}
