package scp

import (
	"errors"
	"time"

	"github.com/tenuto-session/tenuto/decnet/nsp"
)

// Event is what has happened to a link, as a set.
type Event uint8

// Events. Those of nsp that concern users have the same names.
const (
	Incoming  Event = 1 << iota // an object is called: Accept or Reject
	Accepted                    // the peer has accepted, or knows that we have
	Readable                    // octets or the end of a message
	Writable                    // there is room again
	Interrupt                   // one has come
	Credit                      // one can be sent
	Over                        // see Link.State
)

// NextEvent returns a link and what has happened; ok is false if there is nothing.
func (m *Machine) NextEvent(now time.Time) (l *Link, e Event, ok bool) {
	for p, pe, ok := m.NSP.NextEvent(); ok; p, pe, ok = m.NSP.NextEvent() {
		if p.State == nsp.StateCL {
			continue // it was released since
		}
		l, _ := p.Owner.(*Link)
		if l == nil {
			if l = m.incoming(now, p); l == nil {
				continue
			}
			e |= Incoming
		}
		if e |= m.event(now, l, pe); e != 0 && !l.forgot {
			return l, e, true
		}
		e = 0
	}
	return nil, 0, false
}

// incoming takes a connect initiate; nil if the link was rejected at once.
func (m *Machine) incoming(now time.Time, p *nsp.Port) *Link {
	if p.State != nsp.StateCR { // its peer has thought better of it
		m.NSP.Release(p)
		return nil
	}
	l := &Link{State: Received, Port: p, Peer: p.Node, started: now}
	p.Owner = l
	c, err := ParseConnect(p.Data)
	if err != nil {
		var pe *ParseError
		errors.As(err, &pe)
		l.forgot = true
		m.Reject(now, l, pe.Reason, nil)
		return nil
	}
	l.Connect = c
	o := m.Lookup(c.Dst)
	r := Normal
	switch {
	case m.Shutdown:
		r = ShuttingDown
	case o == nil:
		r = UnknownObject
	case o.waiting >= m.cfg.Backlog:
		r = ObjectBusy
	}
	if r != Normal {
		l.forgot = true
		m.Reject(now, l, r, nil)
		return nil
	}
	o.waiting++
	l.object = o
	m.NSP.SetTimer(p, now.Add(m.cfg.Incoming))
	return l
}

// Object is the object that a received link is for.
func (l *Link) Object() *Object { return l.object }

// Started is since when there is the link.
func (l *Link) Started() time.Time { return l.started }

var passed = []struct {
	nsp nsp.Events
	scp Event
}{{nsp.EventReadable, Readable}, {nsp.EventWritable, Writable}, {nsp.EventInterrupt, Interrupt}, {nsp.EventCredit, Credit}}

func (m *Machine) event(now time.Time, l *Link, pe nsp.Events) (e Event) {
	for _, v := range passed {
		if pe&v.nsp != 0 {
			e |= v.scp
		}
	}
	if pe&nsp.EventAccepted != 0 {
		switch l.State {
		case Connecting:
			m.NSP.SetTimer(l.Port, time.Time{})
			l.State, l.Accept = Run, l.Port.Accepted
			e |= Accepted
		case Confirming:
			l.State = Run
			e |= Accepted
		}
	}
	if pe&nsp.EventTimer != 0 {
		e |= m.timeout(now, l)
	}
	if pe&nsp.EventEnded != 0 {
		e |= m.ended(now, l)
	}
	return e
}

// timeout ends what nobody has decided in time.
func (m *Machine) timeout(now time.Time, l *Link) Event {
	switch l.State {
	case Received:
		m.Reject(now, l, NoAnswer, nil)
		return Over
	case Disconnecting:
		m.Abort(now, l, Aborted, nil)
	case Connecting:
		l.State, l.Reason, l.Local = Closed, NoAnswer, true
		m.NSP.Release(l.Port) // nothing is said: the peer's end may not be known
		return Over
	}
	return 0
}

// ended notes why a link is over. What was received stays readable until Forget.
func (m *Machine) ended(now time.Time, l *Link) Event {
	p := l.Port
	switch {
	case l.State == Disconnecting || l.State == Rejecting:
		if p.State == nsp.StateDIC || p.State == nsp.StateDRC {
			break // as it was wanted
		}
		l.Reason, l.Local = Reason(p.Reason), true
	default:
		if l.State == Received {
			m.decided(now, l, Closed)
		}
		l.Reason, l.Data = Reason(p.Reason), p.Data
		l.Local = p.State == nsp.StateCN || p.State == nsp.StateNC
	}
	l.State = Closed
	if l.forgot {
		m.NSP.Release(p)
	}
	return Over
}
