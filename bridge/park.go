package bridge

import "time"

// Parking: the initiator closes a carrier on which nothing has happened for ParkAfter, and makes another one when there is something
// to say. PARK asks for it, and PARKED agrees; both are the last that their sender says on the carrier unless the other one does
// not agree. A responder with anything to send, or to be acknowledged, does not answer: what it has comes instead.

// Wanting tells whether a bridge without a carrier has something that the peer must get.
func (m *Machine) Wanting() bool { return !m.Attached() && m.wanted }

// Wake says that a parked bridge needs a carrier again; from now on it is one that has lost its carrier.
func (m *Machine) Wake() { m.Parked, m.glance = false, false }

// Glance says that the carrier of the next Attach is to be given up as soon as nothing is left to be said.
func (m *Machine) Glance() { m.glance = true }

// due tells whether there is something of the stream that the peer must get, or has not acknowledged.
func (s *Stream) due() bool {
	return s.Closing || s.Written > s.Acked || s.ExpWritten > s.ExpAcked || s.Local && !s.Known
}

func (m *Machine) anyDue() bool {
	for _, s := range m.Streams {
		if s.due() {
			return true
		}
	}
	return false
}

// idle tells whether the carrier can be given up: each side knows all that the other one has done, as far as this side can tell.
func (m *Machine) idle() bool {
	return m.Synced() && m.control.len()+m.data.len()+len(m.closed)+len(m.lazy) == 0 && !m.bye && !m.anyDue()
}

// happened says that a frame which means something to a user has come or goes out.
func (m *Machine) happened(now time.Time, t FrameType) {
	switch t {
	case FrameOpen, FrameSimplex, FrameData, FrameExpedited, FrameSkip, FrameClose:
		m.active = now
	}
}

// parkAt is when the carrier has been idle for long enough, zero for never.
func (m *Machine) parkAt() time.Time {
	if m.Role != InitiatorRole || m.ParkAfter <= 0 || m.Peer.Parked <= 0 || !m.Synced() {
		return time.Time{}
	}
	return m.active.Add(m.ParkAfter)
}

func (m *Machine) tickPark(now time.Time) {
	at := m.parkAt()
	if at.IsZero() || now.Before(at) {
		return
	}
	m.active = now
	if m.idle() {
		m.ctl.park = true
	}
}

// handlePark takes PARK at the responder, and PARKED at the initiator.
func (m *Machine) handlePark(f Frame) (e Effect, err error) {
	switch {
	case (f.Type == FramePark) != (m.Role == ResponderRole):
		return e, protocolErr(f, "from the wrong end")
	case f.Type == FramePark:
		m.ctl.parked = m.Local.Parked > 0 && m.idle()
	case !m.ctl.asked:
		return e, protocolErr(f, "no PARK was sent")
	default:
		m.Parked, m.ctl.over = true, true
		e.Kind = EffectParked
	}
	return e, nil
}

// nextPark takes PARK or PARKED, if nothing has happened since it was decided on.
func (m *Machine) nextPark() (f Frame, ok bool) {
	c := &m.ctl
	switch {
	case c.park:
		c.park = false
		if m.idle() {
			c.asked = true
			return Frame{Type: FramePark}, true
		}
	case c.parked:
		c.parked = false
		if m.idle() {
			m.Parked, c.over = true, true
			return Frame{Type: FrameParked}, true
		}
	}
	return f, false
}
