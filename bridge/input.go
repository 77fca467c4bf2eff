package bridge

import "time"

// EffectKind says what a frame means to the driver.
type EffectKind uint8

const (
	EffectNone    EffectKind = iota
	EffectOpened             // Stream was opened by the peer
	EffectData               // Frame.Length octets follow: drop the first Drop, give the others to Stream by Advance
	EffectExpect             // Frame.Length octets of an expedited TSDU follow: give all to Stream by AdvanceExpedited
	EffectAcked              // Stream may have room for more octets or expedited TSDUs
	EffectSkipped            // the octets that Stream received since its last record began will not be completed
	EffectClosed             // the peer has closed Stream: Reason
	EffectGone               // Stream, which was closed here, is forgotten
	EffectSynced             // the peer has stated its positions: the carrier is in full use
	EffectBye                // the peer has ended the bridge: Reason
	EffectParked             // the carrier is to be closed, and no other one made until Wanting
)

// Effect is what a frame means to the driver.
type Effect struct {
	Kind   EffectKind
	Stream *Stream // nil with EffectData and EffectExpect: drop all octets
	Drop   int
	Reason uint64
	Lost   []*Stream // with EffectSynced: streams that the peer does not know; they are forgotten
}

// maxClosed is how many CLOSED may wait to be sent: as many as the peer may have streams, and some.
const maxClosed = 1 << 16

// Handle takes a frame that came on the current carrier. An error is a *ProtocolError.
func (m *Machine) Handle(now time.Time, f Frame) (e Effect, err error) {
	if !m.Attached() {
		panic("BUG: bridge: Handle without a carrier")
	}
	m.live.received(now)
	if m.ctl.over {
		return dropped(f), nil
	}
	m.happened(now, f.Type)
	switch f.Type {
	case FramePark, FrameParked:
		return m.handlePark(f)
	case FrameReady:
		return m.handleReady(f)
	case FrameDone:
		if m.Role == InitiatorRole {
			return e, protocolErr(f, "from the responder")
		}
		m.Keys.Done()
		return e, nil
	case FramePing:
		m.ctl.pong, m.ctl.pongArg = true, f.Arg
		return e, nil
	case FramePong:
		m.live.pong(now, f.Arg)
		return e, nil
	case FrameBye:
		return Effect{Kind: EffectBye, Reason: f.Arg}, nil
	case FrameOpen, FrameSimplex:
		return m.handleOpen(f)
	}
	s := m.Streams[f.Stream]
	if s == nil {
		return m.handleUnknown(f)
	}
	e.Stream, s.Known = s, true
	switch f.Type {
	case FrameData:
		return m.handleData(s, f)
	case FrameExpedited:
		return m.handleExpedited(s, f)
	case FrameAck:
		if s.Closing {
			s.synced = true // the peer still knows it, and will answer CLOSED
			return Effect{}, nil
		}
		if err := s.position(f); err != nil {
			return e, err
		}
		m.account(s)
		m.enqueue(s)
		e.Kind = EffectAcked
	case FrameSkip:
		return m.handleSkip(s, f)
	case FrameClose:
		m.answerClose(f)
		e.Kind, e.Reason = EffectClosed, f.Arg
		if s.Closing {
			s.synced = true
			e.Kind = EffectNone // CLOSED is on its way here too
			return e, nil
		}
		m.remove(s)
	case FrameClosed:
		if !s.Closing {
			return e, protocolErr(f, "no CLOSE was sent")
		}
		m.remove(s)
		e.Kind = EffectGone
	}
	return e, err
}

func (m *Machine) answerClose(f Frame) { m.closed = append(m.closed, f.Stream) }

// mine tells whether a stream of this number is opened here.
func (m *Machine) mine(id uint32) bool { return (id&1 == 1) == (m.Role == InitiatorRole) }

// handleUnknown takes a frame of a stream that is not, or no longer, there: it may have crossed our CLOSE.
func (m *Machine) handleUnknown(f Frame) (e Effect, err error) {
	if m.mine(f.Stream) && f.Stream >= m.NextID || !m.mine(f.Stream) && f.Stream > m.PeerHighest {
		return e, protocolErr(f, "stream was never opened")
	}
	if f.Type == FrameClose {
		if len(m.closed) >= maxClosed {
			return e, protocolErr(f, "more than %d streams closed at once", maxClosed)
		}
		m.answerClose(f)
	}
	return dropped(f), nil
}

// dropped is the effect of a frame that means nothing: its octets are dropped.
func dropped(f Frame) (e Effect) {
	switch f.Type {
	case FrameData:
		e.Kind = EffectData
	case FrameExpedited:
		e.Kind = EffectExpect
	}
	return e
}

func (m *Machine) handleOpen(f Frame) (e Effect, err error) {
	switch {
	case m.mine(f.Stream):
		return e, protocolErr(f, "stream has the other end's parity")
	case f.Stream <= m.PeerHighest && m.Streams[f.Stream] != nil:
		return e, m.handleReopen(m.Streams[f.Stream], f)
	case f.Stream <= m.PeerHighest:
		return e, nil // closed since; its opener's CLOSE follows
	case f.Arg < MinCredit:
		return e, protocolErr(f, "credit below %d", MinCredit)
	}
	if int(m.PeerStreams) >= 2*m.Limits.Streams {
		m.forgetClosed(f.Stream)
	}
	if int(m.PeerStreams) >= 2*m.Limits.Streams { // a peer that keeps to the limit can reach that for a moment, after a cut
		return e, protocolErr(f, "more than %d streams", m.Limits.Streams)
	}
	if f.Type == FrameSimplex && !m.Local.Simplex {
		return e, protocolErr(f, "of which nothing was said in the handshake")
	}
	s := m.newStream(f.Stream, false)
	m.PeerHighest = f.Stream
	m.PeerStreams++
	s.Credit, s.synced, s.Known = f.Arg, true, true
	s.Simplex = f.Type == FrameSimplex
	return Effect{Kind: EffectOpened, Stream: s}, nil
}

// handleReopen takes an OPEN repeated on a new carrier, by an opener to which nothing of the stream has come yet: that is its position.
func (m *Machine) handleReopen(s *Stream, f Frame) error {
	if s.synced || s.Simplex != (f.Type == FrameSimplex) {
		return protocolErr(f, "stream is open")
	}
	if err := s.position(f.position()); err != nil {
		return err
	}
	m.account(s)
	m.enqueue(s)
	return nil
}

// position reads an OPEN as an ACK of nothing.
func (f Frame) position() Frame { return Frame{Type: f.Type, Stream: f.Stream, Credit: f.Arg} }

// TooMany tells whether the peer has more streams than the limit; the driver closes the one that was opened last. Those that are
// closing do not count: the peer may have forgotten them already.
func (m *Machine) TooMany() bool { return int(m.PeerStreams-m.PeerClosing) > m.Limits.Streams }

func (m *Machine) handleData(s *Stream, f Frame) (e Effect, err error) {
	if s.Closing {
		return Effect{Kind: EffectData}, nil
	}
	end := f.Arg + uint64(f.Length)
	switch {
	case f.Arg > s.Next:
		return e, protocolErr(f, "octets from %d on are missing", s.Next)
	case end > s.Granted:
		return e, protocolErr(f, "exceeds the credit of %d", s.Granted)
	case end <= s.Next:
		return Effect{Kind: EffectData}, nil
	}
	m.live.came(f.Length)
	return Effect{Kind: EffectData, Stream: s, Drop: int(s.Next - f.Arg)}, nil
}

// Advance says that n octets of the stream's DATA frame have come and are the driver's.
func (m *Machine) Advance(s *Stream, n int) {
	s.Next += uint64(n)
	m.acknowledge(s)
}

func (m *Machine) handleExpedited(s *Stream, f Frame) (e Effect, err error) {
	switch {
	case s.Closing || f.Arg < s.ExpNext:
		return Effect{Kind: EffectExpect}, nil
	case f.Arg > s.ExpNext:
		return e, protocolErr(f, "expedited TSDU %d is missing", s.ExpNext)
	case s.ExpNext-s.ExpConsumed >= MaxExpeditedQueue:
		return e, protocolErr(f, "more than %d expedited TSDUs", MaxExpeditedQueue)
	}
	return Effect{Kind: EffectExpect, Stream: s}, nil
}

// AdvanceExpedited says that the stream's expedited TSDU has come, and is the driver's. Until all of it is there it counts as not received: the carrier
// may be lost in its middle.
func (m *Machine) AdvanceExpedited(s *Stream) { s.ExpNext++ }

func (m *Machine) handleSkip(s *Stream, f Frame) (e Effect, err error) {
	switch {
	case s.Closing || f.Arg <= s.Next:
		return e, nil
	case f.Arg > s.Granted+1:
		return e, protocolErr(f, "exceeds the credit of %d", s.Granted)
	}
	s.Consumed += f.Arg - s.Next
	s.Next = f.Arg
	m.acknowledge(s)
	return Effect{Kind: EffectSkipped, Stream: s}, nil
}

// handleReady ends the peer's positions. A stream that it did not name has not been seen by it, if it was opened here and nothing of
// it has come back, or else was forgotten.
func (m *Machine) handleReady(f Frame) (e Effect, err error) {
	if m.ctl.synced {
		return e, protocolErr(f, "for the second time")
	}
	m.ctl.synced = true
	if m.glance {
		m.glance, m.active = false, m.live.heard.Add(-m.ParkAfter)
	}
	e.Kind = EffectSynced
	for _, id := range m.ids() {
		s := m.Streams[id]
		switch {
		case s.forgotten():
			if !s.Closing {
				e.Lost = append(e.Lost, s)
			}
			m.remove(s)
		case !s.synced && !s.Closing:
			s.synced = true
			m.enqueue(s)
		}
	}
	return e, nil
}

// forgetClosed removes the peer's streams that were closed here and of which it has not stated a position, though it has come to
// a later one: the CLOSED was lost with a carrier. At READY that is done for all streams; a peer whose carriers are lost before
// their READY again and again must not come to the limit by it.
func (m *Machine) forgetClosed(before uint32) {
	for _, id := range m.ids() {
		if s := m.Streams[id]; id < before && !s.Local && s.Closing && !m.ctl.synced && s.forgotten() {
			m.remove(s)
		}
	}
}
