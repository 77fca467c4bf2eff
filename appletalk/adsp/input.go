package adsp

import (
	"slices"
	"time"
)

const (
	maxSpans    = 16 // pieces that came before what is missing
	adviseAfter = 3  // packets out of sequence, until retransmission is advised
	adviseAgain = 16 // and again
)

// input is what has come.
type input struct {
	slots
	read   uint32 // the first number that was not read
	next   uint32 // RecvSeq: the first that has not come
	spans  []span // behind it, in order; no two touch
	astray int    // packets out of sequence since one was not
	told   uint16 // the window that was sent last
	owed   bool   // an acknowledgment is
}

type span struct{ from, to uint32 }

// window is how many octets there is room for: RecvWdw.
func (m *Machine) window() uint16 {
	m.in.told = uint16(m.cfg.Window - int(m.in.next-m.in.read))
	return m.in.told
}

// taken takes the data of a packet. IA2 ch. 12
func (m *Machine) taken(p Packet) {
	in := &m.in
	from, to := p.First, p.First+uint32(len(p.Data))
	if p.EOM {
		to++
	}
	switch {
	case from == to:
		return
	case !before(in.next, to): // a duplicate: the other end has not heard
		in.owed = true
		return
	case before(in.read+uint32(m.cfg.Window), to):
		in.owed = true // and has not heard how much room there is
		return
	}
	in.grow(in.read, to)
	if before(from, in.next) {
		p.Data = p.Data[min(len(p.Data), int(in.next-from)):]
		from = in.next
	}
	if from != in.next && !in.keep(span{from, to}) {
		return
	}
	in.put(from, p.Data)
	if p.EOM {
		in.end(to - 1)
	}
	if from == in.next {
		in.next, in.astray = to, 0
		in.absorb()
		return
	}
	if in.astray++; in.astray == adviseAfter || in.astray%adviseAgain == 0 {
		m.control(RetransmitAdvice)
	}
}

// keep notes a piece that is not next; it tells whether there was room.
func (in *input) keep(s span) bool {
	i, _ := slices.BinarySearchFunc(in.spans, s.from, func(o span, from uint32) int { return order(o.to, from) })
	j := i
	for ; j < len(in.spans) && !before(s.to, in.spans[j].from); j++ {
		if before(in.spans[j].from, s.from) {
			s.from = in.spans[j].from
		}
		if before(s.to, in.spans[j].to) {
			s.to = in.spans[j].to
		}
	}
	if i == j && len(in.spans) == maxSpans {
		return false
	}
	in.spans = slices.Replace(in.spans, i, j, s)
	return true
}

// absorb goes on over what had come before.
func (in *input) absorb() {
	for len(in.spans) > 0 && !before(in.next, in.spans[0].from) {
		if before(in.next, in.spans[0].to) {
			in.next = in.spans[0].to
		}
		in.spans = slices.Delete(in.spans, 0, 1)
	}
}

// Readable tells whether Read has something to return.
func (m *Machine) Readable() bool { return m.in.read != m.in.next }

// Read takes octets that have come, not beyond the end of a message; eom says that a message ends behind them. Both are zero if nothing has come.
func (m *Machine) Read(b []byte) (n int, eom bool) {
	in := &m.in
	end := in.nextEnd(in.read, in.next)
	n = min(len(b), int(end-in.read))
	in.get(in.read, b[:n])
	in.read += uint32(n)
	if in.read == end && end != in.next {
		in.read++
		eom = true
	}
	in.drop(in.read)
	// The other end hears of the room when it is a half, or when there was none for a packet.
	if room := m.cfg.Window - int(in.next-in.read); m.state == Established || m.state == Flushing {
		if grown := room - int(in.told); grown >= m.cfg.Window/2 || grown > 0 && in.told < MaxData && room >= MaxData {
			in.owed = true
		}
	}
	return n, eom
}

// resetBy takes a forward reset: what has not been read is void. IA2 ch. 12
func (m *Machine) resetBy(p Packet) {
	in := &m.in
	if p.First == in.next || before(in.next, p.First) && !before(in.read+uint32(m.cfg.Window), p.First) {
		if p.First != in.next || in.read != in.next || !m.seen || m.last != p.First {
			m.happened = true
		}
		m.seen, m.last = true, p.First
		in.next, in.read = p.First, p.First
		in.spans = nil
		in.free()
	}
	m.control(ForwardResetAck)
}

// reset is what there is of forward resets.
type reset struct {
	pending  bool      // ours is not acknowledged
	at       time.Time // when it is sent again
	seen     bool      // the other's
	last     uint32    // and its number: one that is repeated is none
	happened bool      // and the user has not heard of it
}

// TakeReset tells whether the other end has reset the stream since the last call: what it had sent and was not read is void.
func (m *Machine) TakeReset() bool {
	was := m.happened
	m.happened = false
	return was
}
