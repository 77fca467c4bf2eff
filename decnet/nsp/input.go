package nsp

import (
	"time"

	"github.com/tenuto-session/tenuto/decnet"
)

// Receive takes a message from a node; returned says that it is one of ours, which routing could not deliver. It keeps nothing of b.
// (decnet 2.7)
func (m *Machine) Receive(now time.Time, from decnet.Addr, returned bool, b []byte) {
	m.Counters.Received++
	msg, err := Parse(b)
	if err != nil {
		m.Counters.Malformed++
		return
	}
	switch t := msg.Type.base(); {
	case returned:
		m.returned(from, &msg)
	case t == TypeNop:
	case t == TypeConnect || t == TypeConnectAgain:
		m.connect(now, from, &msg)
	case t == TypeConnectAck:
		if p := m.ports[msg.Dst]; p != nil && p.Node == from && p.State == StateCI {
			p.heard = now
			if p.ctlTries == 1 {
				m.measured(from, now.Sub(p.ctlSent))
			}
			m.setState(p, StateCD)
			m.schedule(p)
		} else {
			m.Counters.Unexpected++
		}
	default:
		m.addressed(now, from, &msg)
	}
}

// returned takes back what could not be delivered, which only concerns a connect initiate.
func (m *Machine) returned(from decnet.Addr, msg *Message) {
	t := msg.Type.base()
	p := m.ports[msg.Src]
	if t != TypeConnect && t != TypeConnectAgain || p == nil || p.State != StateCI || p.Node != from {
		m.Counters.Unexpected++
		return
	}
	m.end(p, StateNC, ReasonUnreachable, nil)
}

// connect takes a connect initiate.
func (m *Machine) connect(now time.Time, from decnet.Addr, msg *Message) {
	if p := m.remotes[remote{from, msg.Src}]; p != nil {
		if p.State != StateCR && p.State != StateCC {
			m.Counters.Unexpected++
			return
		}
		m.Counters.Duplicates++
		p.heard = now
		p.caDue = true
		m.enqueue(p)
		return
	}
	var p *Port
	if msg.Info != Info31 && m.pending < m.cfg.Pending {
		p = m.newPort(from)
	}
	if p == nil {
		m.Counters.NoResources++
		m.answer(from, Message{Type: TypeDisconnected, Dst: msg.Src, Reason: ReasonNoResources})
		return
	}
	m.Counters.Connects++
	p.heard = now
	m.know(p, msg.Src)
	p.agree(msg)
	p.Data = append([]byte(nil), msg.Data...)
	m.setState(p, StateCR)
	p.caDue = true
	m.enqueue(p)
	m.note(p, EventConnect)
}

// agree notes what CI or CC says.
func (p *Port) agree(msg *Message) {
	p.PeerInfo, p.PeerFlow, p.SegSize = msg.Info, msg.Flow, int(msg.SegSize)
}

// answer sends what belongs to no link.
func (m *Machine) answer(to decnet.Addr, msg Message) {
	if len(m.stray) < maxStray {
		m.stray = append(m.stray, stray{to, msg})
	}
}

// addressed finds the link that a message is for.
func (m *Machine) addressed(now time.Time, from decnet.Addr, msg *Message) {
	p := m.ports[msg.Dst]
	if p == nil || p.Node != from || !p.takes(msg) {
		switch msg.Type.base() {
		case TypeConfirm, TypeDisconnect, TypeData, TypeInterrupt, TypeLinkService:
			m.Counters.Strays++
			m.answer(from, Message{Type: TypeDisconnected, Dst: msg.Src, Src: msg.Dst, Reason: ReasonNoLink})
		default:
			m.Counters.Unexpected++
		}
		return
	}
	p.heard = now
	switch msg.Type.base() {
	case TypeConfirm:
		m.confirmed(now, p, msg)
	case TypeDisconnect:
		m.disconnectInitiate(p, msg)
	case TypeDisconnected:
		m.disconnectConfirm(p, msg)
	default:
		m.inLink(now, p, msg)
	}
	m.schedule(p)
}

// takes tells whether a message with this source may be for the link. Until the peer's address is known, CC, DI and DC tell it.
func (p *Port) takes(msg *Message) bool {
	if p.Remote != 0 {
		return p.Remote == msg.Src
	}
	switch msg.Type.base() {
	case TypeConfirm, TypeDisconnect, TypeDisconnected:
		return p.State == StateCI || p.State == StateCD
	}
	return false
}

// confirmed takes a connect confirm.
func (m *Machine) confirmed(now time.Time, p *Port, msg *Message) {
	switch p.State {
	case StateCI, StateCD:
		if p.State == StateCI && p.ctlTries == 1 {
			m.measured(p.Node, now.Sub(p.ctlSent))
		}
		m.know(p, msg.Src)
		p.agree(msg)
		p.SegSize = min(p.SegSize, p.opts.SegSize)
		p.Accepted = append([]byte(nil), msg.Data...)
		m.setState(p, StateRUN)
		m.running(p)
		m.note(p, EventAccepted)
	case StateRUN: // ours that said so was lost
		m.Counters.Duplicates++
	default:
		m.Counters.Unexpected++
		return
	}
	p.in.ack.due = true
	m.enqueue(p)
}

// running begins the data phase.
func (m *Machine) running(p *Port) {
	m.feed(p)
	m.flushed(p)
	m.enqueue(p)
}

// disconnectInitiate takes a DI.
func (m *Machine) disconnectInitiate(p *Port, msg *Message) {
	switch p.State {
	case StateCI, StateCD:
		m.know(p, msg.Src)
		m.end(p, StateRJ, msg.Reason, msg.Data)
	case StateCR, StateCC, StateRUN:
		m.end(p, StateDN, msg.Reason, msg.Data)
	case StateDI: // it crosses ours
		m.end(p, StateDIC, msg.Reason, msg.Data)
	case StateDR:
		m.end(p, StateDRC, msg.Reason, msg.Data)
	case StateRJ, StateDN, StateDIC, StateDRC:
		m.Counters.Duplicates++
	case StateCL, StateNR, StateNC, StateCN:
		m.Counters.Unexpected++
		return
	}
	p.dcDue = true
	m.enqueue(p)
}

// disconnectConfirm takes a DC.
func (m *Machine) disconnectConfirm(p *Port, msg *Message) {
	switch p.State {
	case StateCI, StateCD:
		m.end(p, StateNR, msg.Reason, nil)
	case StateCR, StateCC, StateRUN:
		if msg.Reason != ReasonNoLink {
			m.Counters.Unexpected++
			return
		}
		m.end(p, StateCN, ReasonNoLink, nil)
	case StateDI:
		m.end(p, StateDIC, msg.Reason, nil)
	case StateDR:
		if msg.Reason == ReasonNoLink {
			m.end(p, StateCN, msg.Reason, nil)
			return
		}
		m.end(p, StateDRC, msg.Reason, nil)
	default:
		m.Counters.Unexpected++
	}
}

// inLink takes what belongs to the data phase.
func (m *Machine) inLink(now time.Time, p *Port, msg *Message) {
	switch p.State {
	case StateCC: // the peer has got our CC
		if p.ctlTries == 1 {
			m.measured(p.Node, now.Sub(p.ctlSent))
		}
		m.setState(p, StateRUN)
		m.running(p)
		m.note(p, EventAccepted)
	case StateRUN:
	case StateDI, StateDIC, StateDN, StateCN: // under way when the link ended
		return
	default:
		m.Counters.Unexpected++
		return
	}
	t := msg.Type.base()
	other := t == TypeLinkService || t == TypeInterrupt || t == TypeOtherAck
	for _, a := range msg.Acks {
		switch {
		case !a.Present:
		case (a.Qual >= QualCross) != other:
			m.ackOther(now, p, a)
		default:
			m.ackData(now, p, a)
		}
	}
	if p.State != StateRUN { // the acknowledgement let Disconnect go on
		return
	}
	switch t {
	case TypeData:
		m.segment(now, p, msg)
	case TypeLinkService, TypeInterrupt:
		m.otherData(p, msg)
	}
}
