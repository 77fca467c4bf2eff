package bridge

import "time"

// Want tells whether Next has a frame.
func (m *Machine) Want() bool {
	if !m.Attached() || m.ctl.over {
		return false
	}
	c := &m.ctl
	return c.park || c.parked || m.control.len() > 0 || m.data.len() > 0 || len(m.closed) > 0 || c.done || c.ready || c.pong || m.live.pingDue || (m.bye && c.synced)
}

// Next takes the next frame to send on the current carrier; ok is false if there is none. The caller sends all that it takes, in
// this order: positions first after an attach, then control before expedited before normal data, and the streams by turns.
func (m *Machine) Next(now time.Time) (f Frame, s *Stream, ok bool) {
	if !m.Attached() || m.ctl.over {
		return f, nil, false
	}
	c := &m.ctl
	if c.done {
		c.done = false
		m.live.accepted(now)
		return Frame{Type: FrameDone}, nil, true
	}
	if m.live.measures() && m.control.len()+m.data.len() > 0 {
		m.live.probe(now)
	}
	if !c.ready {
		if f, ok := m.nextControl(now); ok {
			return f, nil, true
		}
	}
	for m.control.len() > 0 {
		s := m.control.pop()
		s.inControl = false
		if f, ok := m.nextOfStream(s); ok {
			m.happened(now, f.Type)
			m.enqueue(s)
			m.account(s)
			m.live.sent(now, m.busy > 0)
			return f, s, true
		}
	}
	if c.ready {
		c.ready = false
		m.live.probe(now) // the round trip is measured once on each carrier
		return Frame{Type: FrameReady}, nil, true
	}
	for m.data.len() > 0 {
		s := m.data.pop()
		s.inData = false
		if !s.canSend() {
			continue
		}
		if s.Next != s.announced { // the acknowledgement rides with the data
			m.enqueue(s)
			return m.ack(s), s, true
		}
		n := min(s.Written-s.Sent, s.Credit-s.Sent, MaxData)
		f := Frame{Type: FrameData, Stream: s.ID, Length: int(n), Arg: s.Sent}
		s.Sent += n
		s.High = max(s.High, s.Sent)
		m.live.moved += f.Length
		m.enqueue(s)
		m.account(s)
		m.happened(now, f.Type)
		m.live.sent(now, m.busy > 0)
		return f, s, true
	}
	f, ok = m.nextPark()
	return f, nil, ok
}

// NextPosition is Next for the initiator that has sent an ATTACH and not yet got the answer: it may state its positions, and no more.
func (m *Machine) NextPosition(now time.Time) (f Frame, s *Stream, ok bool) {
	if !m.Attached() || !m.ctl.ready {
		return f, nil, false
	}
	return m.Next(now)
}

// nextControl takes a frame of the bridge as a whole.
func (m *Machine) nextControl(now time.Time) (f Frame, ok bool) {
	c := &m.ctl
	switch {
	case c.pong:
		c.pong = false
		return Frame{Type: FramePong, Arg: c.pongArg}, true
	case m.live.pingDue:
		return Frame{Type: FramePing, Arg: m.live.ping(now)}, true
	case len(m.closed) > 0:
		id := m.closed[0]
		m.closed = m.closed[1:]
		return Frame{Type: FrameClosed, Stream: id}, true
	case m.bye && c.synced && m.control.len() == 0 && m.data.len() == 0:
		m.bye = false
		return Frame{Type: FrameBye, Arg: m.byeReason}, true
	}
	return f, false
}

// nextOfStream takes a frame other than DATA of one stream, in the order in which the peer must see them.
func (m *Machine) nextOfStream(s *Stream) (f Frame, ok bool) {
	switch {
	case s.openDue:
		s.openDue, s.openSent = false, true
		f := Frame{Type: FrameOpen, Stream: s.ID, Arg: s.Granted}
		if s.Simplex {
			f.Type = FrameSimplex
		}
		return f, true
	case s.closeDue:
		s.closeDue = false
		return Frame{Type: FrameClose, Stream: s.ID, Arg: s.Reason}, true
	case s.Closing:
		return f, false
	case s.ackDue:
		return m.ack(s), true
	case s.skipDue():
		s.Sent = s.Skip
		s.High = max(s.High, s.Sent)
		return Frame{Type: FrameSkip, Stream: s.ID, Arg: s.Skip}, true
	case s.expeditedDue():
		f := Frame{Type: FrameExpedited, Stream: s.ID, Arg: s.ExpSent, Length: int(s.ExpSize[s.ExpSent%MaxExpeditedQueue])}
		s.ExpSent++
		return f, true
	}
	return f, false
}

func (m *Machine) ack(s *Stream) Frame {
	s.ackDue, s.announced = false, s.Next
	s.Granted = max(s.Granted, s.limit())
	return Frame{Type: FrameAck, Stream: s.ID, Arg: s.Next, Credit: s.Granted, Expedited: s.ExpConsumed}
}
