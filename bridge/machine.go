package bridge

import (
	"slices"
	"time"
)

// Role tells the two ends of a bridge apart.
type Role uint8

const (
	InitiatorRole Role = iota // makes the carriers
	ResponderRole             // accepts them
)

// Limits bound what a peer can make a machine hold.
type Limits struct {
	Streams int    // opened by the peer and not closed
	Window  uint64 // of a new stream, in octets; at least MinCredit
}

// Machine is one end of a bridge: what has been sent, received and acknowledged on each stream, and what must go out next. It sees
// numbers of octets; the driver holds the octets.
//
//	getters    Streams Attached Synced Busy Wanting NextTimeout RTT
//	commands   Open Write WriteExpedited Purge Close Consumed ConsumedExpedited Grow Bye Wake Glance Doubt
//	carriers   Attach Answered Detach
//	handlers   Handle Advance Tick
//	outputs    Next Want
//
// A machine has no lock and no clock: one caller at a time, and the time comes in.
type Machine struct {
	Role Role
	// Parked: there is no carrier because both ends want none. Wake ends it, or the next carrier.
	Parked  bool
	Limits  Limits
	Local   *Settings // shared by all machines of an end that has many
	Peer    Settings
	Keys    Keys
	Streams map[uint32]*Stream

	NextID      uint32 // of the next stream opened here
	PeerHighest uint32 // the highest stream that the peer has opened
	PeerStreams uint32 // of those, how many exist
	PeerClosing uint32 // of those, how many are closing

	// ParkAfter is how long nothing may happen on a carrier until the initiator parks the bridge; 0 is for ever.
	ParkAfter time.Duration

	*attachment        // nil while there is no carrier
	past        past   // what was learnt on the carriers before
	busy        uint32 // streams of which the peer owes an answer
	glance      bool   // the next carrier is to be parked soon
	wanted      bool   // while there is no carrier: something is due
	bye         bool   // to send BYE
	byeReason   uint64
}

// attachment is what belongs to the current carrier. A bridge without one does not need its memory.
type attachment struct {
	control queue // streams with frames other than DATA
	data    queue // streams with DATA
	lazy    []*Stream
	closed  []uint32 // CLOSED to send
	ctl     carrierControl
	live    liveness
	active  time.Time // when something last happened on the carrier
}

// carrierControl is what is due on the current carrier for the bridge as a whole.
type carrierControl struct {
	done, ready, synced bool // to send DONE, to send READY, READY has come
	pong                bool
	pongArg             uint64
	park, parked        bool // to send PARK, PARKED
	asked               bool // PARK was sent
	over                bool // PARKED was sent, or has come: nothing is said or heard any more
}

// New makes the machine of a bridge whose first handshake is over; its carrier is attached by Attach. It keeps local, which must not change.
func New(role Role, keys Keys, local *Settings, peer Settings, limits Limits) *Machine {
	m := &Machine{Role: role, Keys: keys, Local: local, Peer: peer, Limits: limits, Streams: map[uint32]*Stream{}}
	m.NextID = 1
	if role == ResponderRole {
		m.NextID = 2
	}
	return m
}

// Attached tells whether there is a carrier.
func (m *Machine) Attached() bool { return m.attachment != nil }

// Synced tells whether the peer has stated its positions on the current carrier.
func (m *Machine) Synced() bool { return m.Attached() && m.ctl.synced }

// Busy tells whether the peer owes an answer to something sent.
func (m *Machine) Busy() bool { return m.busy > 0 }

// Open opens a stream. It costs no round trip: OPEN goes out with the stream's first frames. It returns nil when the peer takes no
// more streams.
func (m *Machine) Open() *Stream {
	if len(m.Streams)-int(m.PeerStreams) >= int(m.Peer.Streams) {
		return nil
	}
	s := m.newStream(m.NextID, true)
	m.NextID += 2
	s.Credit = uint64(m.Peer.Credit)
	s.synced = m.Synced()
	s.openDue = m.Attached()
	m.enqueue(s)
	return s
}

func (m *Machine) newStream(id uint32, local bool) *Stream {
	s := &Stream{ID: id, Local: local, Window: m.Limits.Window}
	s.Granted = s.Window
	m.Streams[id] = s
	return s
}

// Write says that n octets were added to the stream.
func (m *Machine) Write(s *Stream, n int) {
	s.Written += uint64(n)
	m.enqueue(s)
}

// WriteExpedited says that an expedited TSDU of n octets was added; the caller has asked ExpeditedRoom.
func (m *Machine) WriteExpedited(s *Stream, n int) {
	if n < 1 || n > MaxExpedited || !s.ExpeditedRoom() {
		panic("BUG: bridge: WriteExpedited without room")
	}
	s.ExpSize[s.ExpWritten%MaxExpeditedQueue] = uint8(n)
	s.ExpWritten++
	m.enqueue(s)
}

// Purge withdraws all octets that the peer has not acknowledged. cut says that a record or TSDU was begun and will not be ended,
// which the peer must hear of even if it has everything else. The stream's next octet has offset s.Written then; Purge reports
// whether anything changed.
func (m *Machine) Purge(s *Stream, cut bool) bool {
	if s.High <= s.Skip { // nothing has been sent since the last purge, or ever
		changed := s.Written > s.Skip
		s.Written = s.Skip
		return changed
	}
	if s.Written == s.Acked && !cut {
		return false
	}
	s.Skip = s.High + 1
	s.Written = s.Skip
	m.enqueue(s)
	return true
}

// Close ends the stream both ways; what is in flight is discarded. The stream is gone when the peer has answered.
func (m *Machine) Close(s *Stream, reason uint64) {
	if s.Closing {
		return
	}
	s.Closing, s.Reason, s.closeDue = true, reason, true
	if !s.Local {
		m.PeerClosing++
	}
	m.account(s)
	m.enqueue(s)
}

// Consumed says that the user has taken n octets.
func (m *Machine) Consumed(s *Stream, n int) {
	s.Consumed += uint64(n)
	m.acknowledge(s)
}

// ConsumedExpedited says that the user has taken an expedited TSDU.
func (m *Machine) ConsumedExpedited(s *Stream) {
	s.ExpConsumed++
	s.ackDue = true
	m.enqueue(s)
}

// Grow widens the stream's window; a smaller one is ignored.
func (m *Machine) Grow(s *Stream, window uint64) {
	s.Window = max(s.Window, window)
	m.acknowledge(s)
}

// Bye ends the bridge at the peer.
func (m *Machine) Bye(reason uint64) { m.bye, m.byeReason = true, reason }

// acknowledge makes an ACK due after a quarter of the window, else before ackDelay has passed.
func (m *Machine) acknowledge(s *Stream) {
	if s.Closing || !m.Attached() {
		return
	}
	quarter := s.Window / 4
	switch {
	case s.Next-s.announced >= quarter || s.limit() >= s.Granted+quarter:
		s.ackDue = true
		m.enqueue(s)
	case s.Next != s.announced && !s.inLazy:
		if len(m.lazy) == 0 {
			m.live.ackAt = m.live.heard.Add(ackDelay)
		}
		s.inLazy = true
		m.lazy = append(m.lazy, s)
	}
}

// enqueue puts the stream where Next finds it.
func (m *Machine) enqueue(s *Stream) {
	if !m.Attached() {
		m.wanted = m.wanted || s.due()
		return
	}
	if !s.inControl && s.controlDue() {
		s.inControl = true
		m.control.push(s)
	}
	if !s.inData && s.canSend() {
		s.inData = true
		m.data.push(s)
	}
}

// account keeps the number of streams that wait for an answer.
func (m *Machine) account(s *Stream) {
	if o := s.outstanding(); o != s.busy {
		s.busy = o
		if o {
			m.busy++
		} else {
			m.busy--
		}
	}
}

// remove forgets a stream.
func (m *Machine) remove(s *Stream) {
	if !s.Local {
		m.PeerStreams--
		if s.Closing {
			m.PeerClosing--
		}
	}
	s.Closing, s.gone = true, true
	m.account(s)
	delete(m.Streams, s.ID)
}

// Attach begins the use of a new carrier: the positions of all streams are due. The old carrier's reader must have stopped for good:
// what it still delivers would be delivered twice.
func (m *Machine) Attach(now time.Time) {
	m.Detach()
	m.attachment = &attachment{active: now, ctl: carrierControl{ready: true}}
	first := m.Keys.Epoch == 1
	if first { // neither side can have a position
		m.ctl = carrierControl{synced: true}
	}
	if m.Role == ResponderRole {
		m.Parked = false
	}
	m.live.begin(now, m.past, min(m.Local.Heartbeat, m.Peer.Heartbeat))
	m.live.again = first
	for _, id := range m.ids() {
		s := m.Streams[id]
		s.openDue, s.synced = !s.Known, first
		s.ackDue = s.Known && !s.Closing
		m.account(s)
		m.enqueue(s)
	}
}

// Accepted says that the responder's proof was good: the initiator tells it so.
func (m *Machine) Accepted() { m.ctl.done, m.Parked = true, false }

// Detach says that the carrier is gone.
func (m *Machine) Detach() {
	if m.Attached() {
		m.past = m.live.past
		m.attachment = nil
	}
	for _, s := range m.Streams {
		s.endCarrier()
		m.account(s)
	}
	m.wanted = m.anyDue()
}

func (m *Machine) ids() []uint32 {
	ids := make([]uint32, 0, len(m.Streams))
	for id := range m.Streams {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// queue is a FIFO of streams.
type queue struct {
	s    []*Stream
	head int
}

func (q *queue) len() int { return len(q.s) - q.head }

func (q *queue) push(s *Stream) {
	if q.head > 0 && q.head == len(q.s) {
		q.s, q.head = q.s[:0], 0
	}
	q.s = append(q.s, s)
}

func (q *queue) pop() *Stream {
	s := q.s[q.head]
	q.s[q.head] = nil
	q.head++
	if q.head > 64 && q.head*2 > len(q.s) {
		q.s = append(q.s[:0], q.s[q.head:]...)
		q.head = 0
	}
	return s
}
