package bridge

// Stream is what the machine knows of one stream: numbers of octets, never octets. Its fields are the machine's; others read them.
//
// Offsets count a direction's octets from 0, records' headers among them, and a purge counts as one octet. In the sending
// direction Acked <= Sent <= Written and Sent <= High; in the receiving direction Consumed <= Next <= Granted.
type Stream struct {
	ID      uint32
	Local   bool // opened by this end
	Simplex bool // the session on it is simplex
	Reason  uint64
	// Closing: CLOSE was or will be sent and CLOSED has not come. Nothing else matters then.
	Closing bool
	// Known: the peer has seen the stream, for a frame of it came. Until then each carrier begins with OPEN again.
	Known bool

	Acked   uint64 // the peer has received the octets before it
	Sent    uint64 // the octets before it are on the current carrier, or the peer has them
	High    uint64 // the octets before it have been on some carrier
	Written uint64 // the octets before it were submitted
	Credit  uint64 // the peer takes octets before it
	Skip    uint64 // the last purge withdrew the octets from Acked up to it

	ExpAcked   uint64 // expedited TSDUs that the peer's user has taken
	ExpSent    uint64 // on the current carrier
	ExpWritten uint64 // submitted
	ExpSize    [MaxExpeditedQueue]uint8

	Next        uint64 // octets before it were received
	Consumed    uint64 // octets before it were taken by the user, or skipped
	Window      uint64 // how far Granted may be ahead of Consumed
	Granted     uint64 // the credit that was last announced
	ExpNext     uint64 // expedited TSDUs received
	ExpConsumed uint64 // taken by the user

	// Owner is the driver's own record of the stream.
	Owner any `json:"-"`

	announced uint64 // Next in the last ACK on this carrier
	synced    bool   // the peer's position on this carrier is known
	openDue   bool
	openSent  bool // on this carrier
	ackDue    bool
	closeDue  bool
	inControl bool // in Machine.control
	inData    bool // in Machine.data
	inLazy    bool // in Machine.lazy
	busy      bool // counted in Machine.busy
	gone      bool // not in Machine.Streams any more
}

// MaxExpeditedQueue is how many expedited TSDUs of a stream and direction may be on their way, up to the peer's user.
const MaxExpeditedQueue = 8

// ReplayFrom is the offset from which on the octets must be kept for a replay: those before it were acknowledged or purged.
func (s *Stream) ReplayFrom() uint64 { return max(s.Acked, s.Skip) }

// ExpeditedRoom tells whether another expedited TSDU may be submitted.
func (s *Stream) ExpeditedRoom() bool { return s.ExpWritten-s.ExpAcked < MaxExpeditedQueue }

// skipDue tells whether a SKIP must go out before anything else of the normal flow.
func (s *Stream) skipDue() bool { return s.synced && !s.Closing && s.Sent < s.Skip }

// canSend tells whether a DATA frame can go out now.
func (s *Stream) canSend() bool {
	return s.synced && !s.Closing && s.Sent < s.Written && s.Sent < s.Credit && s.Sent >= s.Skip
}

// controlDue tells whether a frame other than DATA can go out now.
func (s *Stream) controlDue() bool {
	return s.ackDue || s.openDue || s.closeDue || s.skipDue() || s.expeditedDue()
}

// expeditedDue tells whether an EXPEDITED frame can go out now.
func (s *Stream) expeditedDue() bool { return s.synced && !s.Closing && s.ExpSent < s.ExpWritten }

// limit is the credit that could be announced now.
func (s *Stream) limit() uint64 { return s.Consumed + s.Window }

// outstanding tells whether the peer owes an answer: an acknowledgement or a CLOSED.
func (s *Stream) outstanding() bool {
	return !s.gone && (s.Closing || s.Acked < s.Sent || s.ExpAcked < s.ExpSent)
}

// forgotten tells whether the peer does not know the stream any more, once its positions have been stated. If it was closed here, that is
// as good as the CLOSED, which was lost with a carrier.
func (s *Stream) forgotten() bool { return !s.synced && s.Known && !s.openSent }

// endCarrier forgets what was on the carrier.
func (s *Stream) endCarrier() {
	s.synced, s.openDue, s.openSent, s.ackDue, s.inControl, s.inData, s.inLazy = false, false, false, false, false, false, false
	s.closeDue = s.Closing
	s.Sent, s.ExpSent = s.Acked, s.ExpAcked
	s.announced = s.Next
}

// position takes the peer's word of what it has received, the first on this carrier or a later one.
func (s *Stream) position(f Frame) error {
	switch {
	case f.Arg < s.Acked || f.Arg > s.High:
		return protocolErr(f, "acknowledges outside of %d to %d", s.Acked, s.High)
	case f.Expedited < s.ExpAcked || f.Expedited > s.ExpWritten:
		return protocolErr(f, "acknowledges expedited outside of %d to %d", s.ExpAcked, s.ExpWritten)
	}
	s.Acked, s.ExpAcked = f.Arg, f.Expedited
	s.Credit = max(s.Credit, f.Credit)
	s.synced = true
	s.Sent, s.ExpSent = max(s.Sent, s.Acked), max(s.ExpSent, s.ExpAcked)
	return nil
}
