package nsp

import (
	"time"

	"github.com/tenuto-session/tenuto/decnet"
)

// Packet is a message to be sent.
type Packet struct {
	To      decnet.Addr
	Return  bool   // it is to come back if it cannot be delivered
	Again   bool   // it was sent before: another way may be better
	Message []byte // until the next call of the machine
}

// enqueue puts a link where Next finds it.
func (m *Machine) enqueue(p *Port) {
	if !p.queued && p.due() {
		p.queued = true
		m.ready = append(m.ready, p)
	}
}

// due tells whether there is something to send on a link.
func (p *Port) due() bool {
	if p.State == StateCL {
		return false
	}
	if p.ctlDue || p.caDue || p.dcDue {
		return true
	}
	if p.State != StateRUN {
		return false
	}
	o := &p.other
	return o.next < o.end || o.turn != Keep || o.credit > 0 || o.room > 0 || o.probe ||
		p.allowed() || p.in.ack.due || p.otherIn.ack.due
}

// Next takes the next message to send, the links by turns; ok is false if there is none.
func (m *Machine) Next(now time.Time) (k Packet, ok bool) {
	if n := len(m.stray); n > 0 {
		s := m.stray[0]
		m.stray = append(m.stray[:0], m.stray[1:]...)
		k = Packet{To: s.to}
		m.write(&k, &s.m)
		return k, true
	}
	for m.head < len(m.ready) {
		p := m.ready[m.head]
		m.ready[m.head] = nil
		m.head++
		if m.head == len(m.ready) {
			m.ready, m.head = m.ready[:0], 0
		} else if m.head > 64 && 2*m.head > len(m.ready) {
			m.ready = m.ready[:copy(m.ready, m.ready[m.head:])]
			m.head = 0
		}
		p.queued = false
		k = Packet{To: p.Node}
		if !m.nextOf(now, p, &k) {
			continue
		}
		m.enqueue(p)
		m.schedule(p)
		return k, true
	}
	return k, false
}

func (m *Machine) write(k *Packet, msg *Message) {
	b, err := msg.AppendBinary(m.scratch[:0])
	if err != nil {
		panic("BUG: nsp: " + err.Error())
	}
	m.scratch, k.Message = b, b
	m.Counters.Sent++
	if k.Again {
		m.Counters.Retransmissions++
	}
}

// nextOf takes a message of one link: control before interrupts and link services, these before data, and acknowledgements alone if
// nothing carries them.
func (m *Machine) nextOf(now time.Time, p *Port, k *Packet) bool {
	msg := Message{Dst: p.Remote, Src: p.Local}
	switch {
	case p.State == StateCL:
		return false
	case p.caDue:
		p.caDue = false
		msg.Type = TypeConnectAck
	case p.dcDue:
		p.dcDue = false
		msg.Type, msg.Reason = TypeDisconnected, ReasonDisconnected
	case p.ctlDue:
		m.control(now, p, &msg, k)
	case p.State != StateRUN:
		return false
	default:
		return m.nextInLink(now, p, &msg, k)
	}
	m.write(k, &msg)
	return true
}

// control makes the message that brings the link from its state to the next.
func (m *Machine) control(now time.Time, p *Port, msg *Message, k *Packet) {
	p.ctlDue = false
	if p.ctlTries++; p.ctlTries == 1 {
		p.ctlSent = now
	}
	k.Again = p.ctlTries > 1
	p.ctlAt = now.Add(m.wait(p.Node, p.ctlTries))
	msg.Data = p.connectData
	msg.Flow, msg.Info, msg.SegSize = p.opts.Flow, p.opts.Info, uint16(p.opts.SegSize)
	switch p.State {
	case StateCI:
		msg.Type, k.Return = TypeConnect, true
		if k.Again && !m.cfg.PlainRetry {
			msg.Type = TypeConnectAgain
		}
	case StateCC:
		msg.Type = TypeConfirm
	case StateDI, StateDR:
		msg.Type, msg.Reason = TypeDisconnect, p.closeReason
	default:
		panic("BUG: nsp: control message while " + p.State.String())
	}
}

func (m *Machine) nextInLink(now time.Time, p *Port, msg *Message, k *Packet) bool {
	p.services()
	o, s := &p.other, &p.data
	wait := func(tries int) time.Duration { return m.wait(p.Node, tries) }
	switch {
	case o.next < o.end:
		q := o.queue.at(int(o.next - o.base))
		msg.Type, msg.Switch, msg.Interrupts, msg.Credit = q.Type, q.Switch, q.Interrupts, q.Credit
		msg.Data = q.data[:q.n]
		msg.Number, k.Again = o.sending(now, wait, true)
		p.carryAcks(msg, &p.otherIn.ack, p.otherIn.next, &p.in.ack, p.in.next)
	case p.allowed():
		g := s.segs.at(int(s.next - s.base))
		msg.Type, msg.Data = g.flags, s.buf.at(g.offset, g.size)
		msg.Delay = p.mayDelay()
		msg.Number, k.Again = s.sending(now, wait, !msg.Delay)
		p.carryAcks(msg, &p.in.ack, p.in.next, &p.otherIn.ack, p.otherIn.next)
	case p.in.ack.due || p.otherIn.ack.due && p.in.ack.pending() && p.PeerInfo.phase4():
		msg.Type = TypeDataAck
		p.in.ack.due = true
		p.carryAcks(msg, &p.in.ack, p.in.next, &p.otherIn.ack, p.otherIn.next)
	case p.otherIn.ack.due:
		msg.Type = TypeOtherAck
		p.carryAcks(msg, &p.otherIn.ack, p.otherIn.next, &p.in.ack, p.in.next)
	default:
		return false
	}
	m.write(k, msg)
	return true
}

// carryAcks puts what is owed into a message: of its own subchannel, and of the other one if the peer knows of that. (decnet 2.3)
func (p *Port) carryAcks(msg *Message, own *acker, ownNext uint64, cross *acker, crossNext uint64) {
	if own.pending() {
		msg.Acks[0] = Ack{true, QualAck, uint16((ownNext - 1) % numbers)}
		*own = acker{}
	}
	if cross.pending() && p.PeerInfo.phase4() {
		msg.Acks[1] = Ack{true, QualCross, uint16((crossNext - 1) % numbers)}
		*cross = acker{}
	}
}

// mayDelay tells whether the acknowledgement of the next segment may be delayed: nobody waits for it, as far as we know, and little is under
// way.
func (p *Port) mayDelay() bool {
	s := &p.data
	return p.PeerInfo.phase4() && s.next >= s.high && s.next+1-s.base <= uint64(s.limit/2) && !s.blocked && !p.Closing
}
