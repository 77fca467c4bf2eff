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

// Send implements transport.Conn. The caller copies into the ring and, if nobody else is writing, writes from the ring to the
// carrier itself. Small Sends in a row, with no Receive between, are left to a goroutine that gathers them.
func (s *Stream) Send(c transport.Cancel, head, b []byte, f transport.SendFlag) (n int, err error) {
	br := s.br
	br.mu.Lock()
	defer br.unlock()
	if f&transport.NoWait != 0 {
		return s.sendNow(head, b)
	}
	s.streak++
	defer br.leave(&s.sw)
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
		if s.want = len(b) - n; s.room(len(head), s.want) { // the carrier took it all, and the acknowledgement is here already
			continue
		}
		if err := c.Err(); err != nil {
			return n, err
		}
		br.wait(&s.sw)
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
	s.out.grow(need, s.out.len()+transport.MaxNoWait, !s.pinned)
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
	if s.out.room() < bridge.RecordHeader+head+n {
		s.growOut(bridge.RecordHeader + head + n)
	}
	need := bridge.RecordHeader + head + min(n, len(s.out.buf)/4)
	return s.out.room() >= need && int64(s.m.Written-s.m.ReplayFrom()) < int64(s.br.ep.cfg.Limits.StreamBytes)
}

// growOut widens the ring as far as the peer's credit and the memory bounds make it worth.
func (s *Stream) growOut(n int) {
	limit := bridge.MinCredit
	if ahead := int64(s.m.Credit - s.m.Acked); ahead > int64(limit) {
		limit = int(min(ahead, int64(s.br.ep.cfg.Limits.StreamBytes)))
	}
	// The next power of two: the ring cannot be of another size.
	if limit > len(s.out.buf) {
		size := max(len(s.out.buf), minRing)
		for size < limit && size < s.out.len()+n {
			size *= 2
		}
		if more := int64(size - max(len(s.out.buf), bridge.MinCredit)); more <= 0 || s.br.reserve(s, more) {
			s.out.grow(size-s.out.len(), size, !s.pinned)
		}
	}
}

const minRing = 1 << minRingBits

// add puts octets of b into the ring, as many as fit and one record takes, and returns how many.
func (s *Stream) add(head, b []byte, f transport.SendFlag) int {
	room := s.out.room()
	if f&transport.Gather == 0 {
		n := min(len(b), room-bridge.RecordHeader-len(head), bridge.MaxRecord-len(head))
		s.record(head, b[:n], f&transport.End != 0 && n == len(b))
		return n
	}
	if s.gather > 0 && s.gatherAt >= s.m.High && bytes.Equal(s.head[:s.headLen], head) {
		if n := min(len(b), room, gatherMax-s.gather); n > 0 {
			s.out.write(b[:n])
			s.gather += n
			var h [bridge.RecordHeader]byte
			bridge.PutRecord(h[:], s.gather, true)
			s.out.patch(s.gatherAt, h[:])
			s.br.m.Write(s.m, n)
			return n
		}
	}
	n := min(len(b), room-bridge.RecordHeader-len(head), gatherMax-len(head))
	at := s.out.head
	s.record(head, b[:n], true)
	if len(head) <= maxHead {
		s.gather, s.gatherAt, s.headLen = len(head)+n, at, copy(s.head[:], head)
	}
	return n
}

// gatherMax is the most octets that a gathered TSDU has, its head among them: with its record's header it fills one frame.
const gatherMax = bridge.MaxRecord

// record adds one record to the ring.
func (s *Stream) record(head, b []byte, end bool) {
	var h [bridge.RecordHeader]byte
	bridge.PutRecord(h[:], len(head)+len(b), end)
	s.out.write(h[:])
	s.out.write(head)
	s.out.write(b)
	s.open, s.gather = !end, 0
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
	defer br.leave(&s.ew)
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
			s.gather = 0 // what is sent after it must not join what was sent before it
			br.m.WriteExpedited(s.m, len(b))
			br.flushFor(s, false)
			return nil
		}
		if err := c.Err(); err != nil {
			return err
		}
		br.wait(&s.ew)
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
		s.out.head = s.m.Written
		if !s.pinned {
			s.out.tail = s.m.Written
		}
		s.open, s.gather = false, 0
		br.wake(&s.sw)
		br.kick()
	}
}
