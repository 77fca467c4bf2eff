package nsp

import "time"

const (
	// maxEarly is how many segments that came before their turn are kept for a link.
	maxEarly = 256
)

// acker is what is owed to the peer of a subchannel.
type acker struct {
	due bool      // at once
	at  time.Time // at the latest; zero is never
}

func (a *acker) pending() bool { return a.due || !a.at.IsZero() }

// receiver is the receiving end of the data subchannel, and what there is to read.
type receiver struct {
	next  uint64 // the number that comes next
	ack   acker
	early map[uint64]earlySegment
	kept  int // octets of early

	buf  fifo
	ends ring[uint64] // offsets behind the last octet of each message that has ended

	granted  uint64 // segments or messages that were asked for
	messages uint64 // that have ended
	xoff     bool   // the peer was stopped

	interruptRoom int // interrupts that the peer may send
	interrupts    ring[[]byte]
}

type earlySegment struct {
	data []byte
	end  bool
}

// segment takes a data segment.
func (m *Machine) segment(now time.Time, p *Port, s *Message) {
	in := &p.in
	ahead := uint64(s.Number-uint16(in.next)) % numbers
	switch {
	case ahead >= numbers/2:
		m.Counters.Duplicates++
		in.ack.due = true
	case m.full(p, len(s.Data)):
		m.Counters.Overruns++ // it comes again
		return
	case ahead > 0:
		m.Counters.Early++
		if _, ok := in.early[in.next+ahead]; ok || ahead > maxEarly {
			return
		}
		if in.early == nil {
			in.early = map[uint64]earlySegment{}
		}
		in.early[in.next+ahead] = earlySegment{append([]byte(nil), s.Data...), s.Type&EOM != 0}
		in.kept += len(s.Data)
		return
	default:
		in.take(s.Data, s.Type&EOM != 0)
		for len(in.early) > 0 {
			e, ok := in.early[in.next]
			if !ok {
				break
			}
			delete(in.early, in.next)
			in.kept -= len(e.data)
			in.take(e.data, e.end)
		}
		if !s.Delay || !p.PeerInfo.phase4() {
			in.ack.due = true
		} else if in.ack.at.IsZero() {
			in.ack.at = now.Add(m.cfg.AckDelay)
		}
		p.used = now
		m.note(p, EventReadable)
		m.feed(p)
	}
	m.enqueue(p)
}

// full tells whether there is no room for so many octets. With flow control by segments there always is, for a peer that obeys; one that
// was stopped by XOFF may have a window under way, for which there is as much room again.
func (m *Machine) full(p *Port, n int) bool {
	return p.in.buf.len()+p.in.kept+n > m.hardLimit(p) || p.in.ends.len() >= maxEnds
}

// maxEnds is how many messages nobody has read a link may have.
const maxEnds = 16384

func (m *Machine) hardLimit(p *Port) int {
	return 2*m.cfg.ReceiveBuffer + maxGrant*p.opts.SegSize
}

func (in *receiver) take(b []byte, end bool) {
	in.next++
	in.buf.push(b)
	if end {
		in.ends.push(in.buf.end())
		in.messages++
	}
}

// feed asks the peer for more, or stops it, as the room is.
func (m *Machine) feed(p *Port) {
	if p.State != StateRUN && p.State != StateCC {
		return
	}
	in, o := &p.in, &p.other
	held := in.buf.len()
	crowded := in.ends.len() >= maxEnds/4
	switch {
	case !in.xoff && (held >= m.cfg.ReceiveBuffer || crowded):
		in.xoff, o.turn = true, Xoff
		m.enqueue(p)
	case in.xoff && held <= m.cfg.ReceiveBuffer/4 && !crowded:
		in.xoff, o.turn = false, Xon
		m.enqueue(p)
	}
	switch p.opts.Flow {
	case FlowSegment:
		want := min(max((m.cfg.ReceiveBuffer-held)/p.opts.SegSize, 0), maxGrant)
		m.grant(p, in.next-1, want)
	case FlowMessage:
		want := maxMessages - in.ends.len()
		m.grant(p, in.messages, max(want, 0))
	}
}

// maxMessages is how many messages are asked for at a time, by flow control of messages.
const maxMessages = 8

// grant asks for more when less than half of what is wanted is outstanding.
func (m *Machine) grant(p *Port, received uint64, want int) {
	outstanding := int(int64(p.in.granted) - int64(received))
	if outstanding > want/2 || want <= outstanding {
		return
	}
	p.other.credit += want - outstanding
	p.in.granted += uint64(want - outstanding)
	m.enqueue(p)
}

// Readable tells how many octets can be read, and whether there is the end of a message.
func (p *Port) Readable() (n int, end bool) { return p.in.buf.len(), p.in.ends.len() > 0 }

// Read reads octets, across the ends of messages.
func (m *Machine) Read(p *Port, b []byte) (n int) {
	in := &p.in
	n = copy(b, in.buf.at(in.buf.base, min(len(b), in.buf.len())))
	in.buf.drop(n)
	for in.ends.len() > 0 && *in.ends.at(0) <= in.buf.base {
		in.ends.pop()
	}
	m.feed(p)
	return n
}

// ReadMessage reads octets of one message; end says that it is read to its end. Nothing and no end means that there is nothing yet.
func (m *Machine) ReadMessage(p *Port, b []byte) (n int, end bool) {
	in := &p.in
	n = min(len(b), in.buf.len())
	if in.ends.len() > 0 {
		n = min(n, int(*in.ends.at(0)-in.buf.base))
	}
	copy(b, in.buf.at(in.buf.base, n))
	in.buf.drop(n)
	if in.ends.len() > 0 && *in.ends.at(0) == in.buf.base {
		in.ends.pop()
		end = true
	}
	m.feed(p)
	return n, end
}

// otherReceiver is the receiving end of the other subchannel.
type otherReceiver struct {
	next uint64
	ack  acker
}

// otherData takes an interrupt or a link service. One that comes before its turn is dropped: it comes again.
func (m *Machine) otherData(p *Port, s *Message) {
	o := &p.otherIn
	ahead := uint64(s.Number-uint16(o.next)) % numbers
	if ahead > 0 && ahead < numbers/2 {
		m.Counters.Early++
		return
	}
	o.ack.due = true
	m.enqueue(p)
	if ahead > 0 {
		m.Counters.Duplicates++
		return
	}
	o.next++
	if s.Type == TypeLinkService {
		m.serviced(p, s)
		return
	}
	if p.in.interruptRoom == 0 {
		m.Counters.FlowViolations++
		return
	}
	p.in.interruptRoom--
	p.in.interrupts.push(append([]byte{}, s.Data...))
	m.note(p, EventInterrupt)
}

// ReadInterrupt returns the oldest interrupt that was not read, and lets the peer send another one.
func (m *Machine) ReadInterrupt(p *Port) (b []byte, ok bool) {
	in := &p.in
	if in.interrupts.len() == 0 {
		return nil, false
	}
	b = in.interrupts.pop()
	if p.State == StateRUN {
		in.interruptRoom++
		p.other.room++
		m.enqueue(p)
	}
	return b, true
}
