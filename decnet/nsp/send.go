package nsp

import (
	"errors"
	"fmt"
	"time"
)

const (
	firstWindow = 16  // segments under way on a new link
	maxQueued   = 512 // segments of a link, sent or not, beyond which Write takes nothing
	maxOther    = 8   // interrupts and link services under way or waiting
	// maxGrant is the most requests that may be outstanding. (decnet 2.4)
	maxGrant = 127
)

var (
	// ErrClosing is the error of what cannot be done on a link that ends, or has not begun.
	ErrClosing = errors.New("nsp: the link is not running")
	// ErrNoCredit is the error of Interrupt while the peer takes none; EventCredit comes when it does.
	ErrNoCredit = errors.New("nsp: the peer takes no interrupt yet")
	// ErrFull is the error of Write when it did not take all; EventWritable comes when it takes more.
	ErrFull = errors.New("nsp: there is no room for more")
)

// dataSender is the sending end of the data subchannel.
type dataSender struct {
	window
	limit, most int // segments under way, now and at most
	segs        ring[segment]
	buf         fifo
	granted     uint64 // segments or messages that the peer has asked for, by its flow control
	stopped     bool   // by XOFF
	messages    uint64 // begun
	open        bool   // the last message has no end yet
	blocked     bool   // Write took less than it was given
}

// segment is a data segment that is not acknowledged.
type segment struct {
	offset  uint64 // of its octets
	message uint64 // its message's number
	size    int
	flags   Type
}

func (s *dataSender) init(most int) {
	s.window.init()
	s.most, s.limit = most, min(firstWindow, most)
}

// Room is how many octets Write takes.
func (m *Machine) Room(p *Port) int {
	if p.Closing || p.State != StateRUN && p.State != StateCC || p.data.segs.len() >= maxQueued {
		return 0
	}
	return max(m.cfg.SendBuffer-p.data.buf.len(), 0)
}

// Write takes octets of a message, which may have been begun before; end says that it ends with the last of them. With ErrFull it has taken
// n of them and not the end. Nothing and the end is a message, or the end of one.
func (m *Machine) Write(now time.Time, p *Port, b []byte, end bool) (n int, err error) {
	if p.Closing || p.State != StateRUN && p.State != StateCC {
		return 0, ErrClosing
	}
	s, room := &p.data, m.Room(p)
	for {
		k := min(len(b)-n, p.SegSize)
		last := n+k == len(b)
		if s.segs.len() >= maxQueued || k > room {
			s.blocked, err = true, ErrFull
			break
		}
		if k == 0 && !end {
			break
		}
		m.queueSegment(p, b[n:n+k], last && end)
		n += k
		room -= k
		if last {
			break
		}
	}
	p.used = now
	m.enqueue(p)
	m.schedule(p)
	return n, err
}

func (m *Machine) queueSegment(p *Port, b []byte, end bool) {
	s := &p.data
	g := segment{offset: s.buf.end(), size: len(b)}
	if !s.open {
		g.flags |= BOM
		s.messages++
		s.open = true
	}
	if end {
		g.flags |= EOM
		s.open = false
	}
	g.message = s.messages
	s.segs.push(g)
	s.buf.push(b)
	s.end++
}

// CutMessage ends the message that was begun, if there is one, where it is: its reader gets a shorter one.
func (m *Machine) CutMessage(p *Port) {
	s := &p.data
	if !s.open || p.State != StateRUN && p.State != StateCC {
		return
	}
	if last := s.segs.len() - 1; last >= 0 && s.end > s.high {
		s.segs.at(last).flags |= EOM
		s.open = false
		return
	}
	m.queueSegment(p, nil, true)
	m.enqueue(p)
}

// allowed tells whether the peer and the window let the next segment go. (decnet 2.4)
func (p *Port) allowed() bool {
	s := &p.data
	if s.next == s.end || s.stopped || s.next-s.base >= uint64(s.limit) {
		return false
	}
	switch p.PeerFlow {
	case FlowSegment:
		return s.next <= s.granted
	case FlowMessage:
		return s.segs.at(int(s.next-s.base)).message <= s.granted
	}
	return true
}

// ackData takes an acknowledgement of data segments.
func (m *Machine) ackData(now time.Time, p *Port, a Ack) {
	s := &p.data
	count, ok := s.acked(a.Number)
	if !ok {
		m.Counters.BadAcks++
		return
	}
	for range count {
		s.buf.drop(s.segs.pop().size)
	}
	if count > 0 {
		s.limit = min(s.limit+count, s.most)
		m.acknowledged(now, p, &s.window)
		if s.blocked && m.Room(p) >= m.cfg.SendBuffer/2 {
			s.blocked = false
			m.note(p, EventWritable)
		}
		m.flushed(p)
	}
	if a.Qual&QualNak != 0 && s.next > s.base {
		s.goBack() // it asks for the next one at once
	}
	m.enqueue(p)
}

// acknowledged does what follows from progress on either subchannel.
func (m *Machine) acknowledged(now time.Time, p *Port, w *window) {
	if d, ok := w.sample(now); ok {
		m.measured(p.Node, d)
	}
	w.restart(now, m.timeout(p.Node))
}

// otherSender is the sending end of the other subchannel.
type otherSender struct {
	window
	queue ring[otherMessage]

	// Link services that are due; they are put together until there is room for them.
	turn    Switch // XOFF or XON
	credit  int    // data requests
	room    int    // interrupt requests
	probe   bool   // no change: to hear from the peer
	wanting bool   // Interrupt was refused for want of credit
}

// otherMessage is an interrupt or a link service that is not acknowledged.
type otherMessage struct {
	Message
	data [MaxInterrupt]byte
	n    int
}

// interrupts tells whether one is under way.
func (o *otherSender) interrupts() bool {
	for i := range o.queue.len() {
		if o.queue.at(i).Type == TypeInterrupt {
			return true
		}
	}
	return false
}

func (o *otherSender) push(m otherMessage) {
	o.queue.push(m)
	o.end++
}

// Interrupt sends an interrupt of at most MaxInterrupt octets.
func (m *Machine) Interrupt(now time.Time, p *Port, b []byte) error {
	switch {
	case len(b) > MaxInterrupt:
		return fmt.Errorf("nsp: interrupt: length %d exceeds %d", len(b), MaxInterrupt)
	case p.Closing || p.State != StateRUN && p.State != StateCC:
		return ErrClosing
	case p.interruptCredit == 0 || p.other.queue.len() >= maxOther:
		p.other.wanting = true
		return ErrNoCredit
	}
	p.interruptCredit--
	o := otherMessage{Message: Message{Type: TypeInterrupt}, n: len(b)}
	copy(o.data[:], b)
	p.other.push(o)
	m.enqueue(p)
	return nil
}

// services turns link services that are due into messages. One message counts data or interrupts, not both.
func (p *Port) services() {
	o := &p.other
	for o.queue.len() < maxOther && (o.turn != Keep || o.credit > 0 || o.room > 0 || o.probe) {
		s := Message{Type: TypeLinkService, Switch: o.turn}
		if o.room > 0 {
			s.Interrupts, s.Credit = true, int8(min(o.room, maxGrant))
			o.room -= int(s.Credit)
		} else {
			s.Credit = int8(min(o.credit, maxGrant))
			o.credit -= int(s.Credit)
		}
		o.turn, o.probe = Keep, false
		o.push(otherMessage{Message: s})
	}
}

// ackOther takes an acknowledgement of interrupts and link services.
func (m *Machine) ackOther(now time.Time, p *Port, a Ack) {
	o := &p.other
	count, ok := o.acked(a.Number)
	if !ok {
		m.Counters.BadAcks++
		return
	}
	for range count {
		o.queue.pop()
	}
	if count > 0 {
		m.acknowledged(now, p, &o.window)
		m.credited(p)
		m.flushed(p)
	}
	if a.Qual&QualNak != 0 && o.next > o.base {
		o.goBack()
	}
	m.enqueue(p)
}

// credited tells the user that an interrupt can be sent, if it has wanted to know.
func (m *Machine) credited(p *Port) {
	if p.other.wanting && p.interruptCredit > 0 && p.other.queue.len() < maxOther {
		p.other.wanting = false
		m.note(p, EventCredit)
	}
}

// begun is how many messages have been sent, at least in part. What the peer has received is not more; how much of that is not known, since its
// acknowledgements may be lost.
func (s *dataSender) begun() uint64 {
	switch {
	case s.high > s.base:
		return s.segs.at(int(s.high - 1 - s.base)).message
	case !s.empty():
		return s.segs.at(0).message - 1
	}
	return s.messages
}

// serviced does what a link service of the peer says. What goes against the rules has no effect. (decnet 2.4)
func (m *Machine) serviced(p *Port, ls *Message) {
	if ls.Reserved {
		m.Counters.FlowViolations++
		return
	}
	s := &p.data
	switch ls.Switch {
	case Xoff:
		s.stopped = true
	case Xon:
		s.stopped = false
	}
	credit := int(ls.Credit)
	switch {
	case ls.Interrupts:
		if credit < 0 || p.interruptCredit+credit > maxGrant {
			m.Counters.FlowViolations++
			return
		}
		p.interruptCredit += credit
		m.credited(p)
	case p.PeerFlow == FlowSegment:
		granted := int64(s.granted) + int64(credit)
		if granted < int64(s.base-1) || granted-int64(s.high-1) > maxGrant {
			m.Counters.FlowViolations++
			return
		}
		s.granted = uint64(granted)
	case p.PeerFlow == FlowMessage:
		if credit < 0 || int64(s.granted)+int64(credit)-int64(s.begun()) > maxGrant {
			m.Counters.FlowViolations++
			return
		}
		s.granted += uint64(credit)
	case credit != 0:
		m.Counters.FlowViolations++ // nothing was to be asked for
	}
	m.enqueue(p)
}

// Unacknowledged is how many octets that were written have not arrived, as far as is known.
func (p *Port) Unacknowledged() int { return p.data.buf.len() }
