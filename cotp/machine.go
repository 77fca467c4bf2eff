// Package cotp is the connection-oriented transport protocol of ISO 8073 (X.224), class 0, as RFC 1006 carries it over TCP: the
// packets (TPKT) with TPDUs in them, and a machine for one end of one transport connection.
//
// The machine is plain data. It sees the headers of DT and ED and the lengths of their user data, not the octets, so that a TSDU of
// any size flows through in parts:
//
//	m := cotp.NewInitiator(1, cotp.Offer{Called: []byte{0, 1}})
//	packet, err := m.Connect().AppendBinary(nil) // to be sent
//	e, n, err := m.Handle(received)              // EffectConfirm; n octets of received are done with
//	k, end := m.Segment(len(b), true)            // the next DT takes k octets of b
//	cotp.PutHeader(header, cotp.TypeDT, k, end)
//
// # Limitations
//
// Classes 1 to 4 are not spoken, also not class 2 as RFC 2126 has it over TCP; a CR that prefers one and would do with class 0 is
// confirmed with class 0. Class 0 has no release of an open connection but that of the network connection, no checksum, and no
// reassignment; ED and user data in CR and CC are RFC 1006's additions to it.
package cotp

import "fmt"

// Role tells the two ends of a connection apart.
type Role uint8

const (
	Initiator Role = iota // sends CR
	Responder             // answers it
)

// State is what a machine waits for.
//
//	           Connect             CC
//	Idle ----------------> AwaitCC ---------------------> Open ---> Closed
//	           CR                        Accept            |
//	AwaitCR -------------> AwaitResponse -----------------'
//
// From each of them DR, ER, Refuse, Close and a protocol error lead to Closed.
type State uint8

const (
	Idle          State = iota // the initiator has said nothing yet
	AwaitCC                    // X.224 Annex A: WFCC
	AwaitCR                    // the responder has heard nothing yet
	AwaitResponse              // of the user, by Accept or Refuse. X.224 Annex A: WFTRESP
	Open
	Closed
)

var stateNames = [...]string{"idle", "awaiting CC", "awaiting CR", "awaiting response", "open", "closed"}

func (s State) String() string { return stateNames[s] }

// Offer is what one end wants of a connection.
type Offer struct {
	Calling, Called []byte // TSAP selectors, of an initiator
	Size            Size   // the largest TPDU that this end takes; 0 is Size65531
	Expedited       bool   // the initiator asks for expedited data; the responder agrees to it
}

// Machine is one end of a transport connection.
//
//	commands   Connect Accept Refuse Close Segment Took
//	handlers   Handle
//	outputs    what commands return, and Answer
//
// A machine has no lock and no clock: one caller at a time.
type Machine struct {
	Role  Role
	State State
	Offer Offer
	Ref   uint16 // of this end, not 0: some responders do not take that (x225 7)

	Peer      Connect // CR or CC of the peer
	Size      Size    // of the largest TPDU to send: agreed
	Expedited bool    // both ends want it

	InTSDU bool // octets of a TSDU have come, and its end has not
	Left   int  // octets of user data that are to come before the next header
}

// NewInitiator makes the machine of the end that asks for the connection.
func NewInitiator(ref uint16, o Offer) *Machine {
	return &Machine{Role: Initiator, State: Idle, Ref: ref, Offer: o}
}

// NewResponder makes the machine of the end that is asked.
func NewResponder(ref uint16, o Offer) *Machine {
	return &Machine{Role: Responder, State: AwaitCR, Ref: ref, Offer: o}
}

// EffectKind says what came.
type EffectKind uint8

const (
	EffectNone         EffectKind = iota
	EffectIndication              // CR: the user decides by Accept or Refuse. Machine.Peer has it
	EffectUnacceptable            // CR that cannot be accepted: Refuse with Effect.Reason
	EffectConfirm                 // CC: the connection is open
	EffectData                    // DT: N octets of user data follow, and End tells whether the TSDU ends with them
	EffectExpedited               // ED: N octets of user data follow, which are a whole TSDU
	EffectDisconnect              // DR or ER, which is in TPDU
)

// Effect is what octets from the peer mean.
type Effect struct {
	Kind   EffectKind
	N      int
	End    bool
	Reason Reason
	TPDU   TPDU
}

// Handle takes the packet that b begins with, of DT and ED the header alone, and returns how many octets that was: 0 if b holds too
// few. Of the user data that follow, Took is told before the next header is handled. An error is a *ProtocolError, and the machine is
// closed; Answer has what the peer is told.
func (m *Machine) Handle(b []byte) (e Effect, n int, err error) {
	if m.Left > 0 {
		panic("BUG: cotp: Handle in the midst of user data")
	}
	h, n, err := ParseHeader(b)
	if err == nil && n == 0 {
		return e, 0, nil
	}
	if err == nil {
		e, err = m.handle(h, b[:n])
	}
	if err != nil {
		if pe, ok := err.(*ProtocolError); ok && m.Peer.SrcRef == 0 {
			m.Peer.SrcRef = pe.srcRef
		}
		m.State = Closed
		return Effect{}, 0, err
	}
	return e, n, nil
}

func (m *Machine) handle(h Header, packet []byte) (e Effect, err error) {
	if m.State == Open {
		switch h.Type {
		case TypeDT:
			m.Left, m.InTSDU = h.Data, !h.EOT
			return Effect{Kind: EffectData, N: h.Data, End: h.EOT}, nil
		case TypeED:
			if !m.Expedited {
				return e, m.unexpected(packet, "expedited data was not agreed")
			}
			m.Left = h.Data
			return Effect{Kind: EffectExpedited, N: h.Data}, nil
		}
	}
	p, err := Parse(packet)
	if err != nil {
		return e, err
	}
	switch m.State {
	case AwaitCR:
		if cr, ok := p.(CR); ok {
			return m.requested(Connect(cr)), nil
		}
	case AwaitCC:
		if cc, ok := p.(CC); ok {
			return m.confirmed(Connect(cc), packet)
		}
		fallthrough
	case AwaitResponse, Open:
		switch p.(type) {
		case DR, ER:
			// In an open connection class 0 has no DR. ISODE and iec61850bean send it all the same before they close
			// (x225 5.3: T-DISCONNECT indication is the TCP connection's end, or DR). Its references are not looked at.
			m.State = Closed
			return Effect{Kind: EffectDisconnect, TPDU: p}, nil
		}
	case Idle, Closed:
		panic("BUG: cotp: Handle while " + m.State.String())
	}
	return e, m.unexpected(packet, fmt.Sprintf("while %v", m.State))
}

// unexpected is the error that a TPDU is which has no place here.
func (m *Machine) unexpected(packet []byte, text string) error {
	return wrong(packet[tpktSize:], 1, CauseType, "%s", text)
}

// Took says that n octets of user data have been taken.
func (m *Machine) Took(n int) {
	if n < 0 || n > m.Left {
		panic("BUG: cotp: more user data than the TPDU has")
	}
	m.Left -= n
}

// Segment says how the next DT is made of a TSDU of which n octets are left: it takes k of them, and eot tells whether it ends the
// TSDU, which end says that the n octets do. X.224 (11/95) 6.3
func (m *Machine) Segment(n int, end bool) (k int, eot bool) {
	k = min(n, m.MaxData())
	return k, end && k == n
}

// MaxData is the most octets of user data that a DT to the peer has.
func (m *Machine) MaxData() int { return m.Size.Octets() - dataHeader }

// Close says that the network connection has ended, or is being ended: that is how class 0 releases an open connection.
// X.224 (11/95) 6.7.1
func (m *Machine) Close() { m.State = Closed }

// Answer is what the peer is told of its own error before the network connection is ended; nil if there is nothing to say.
// X.224 (11/95) 6.22
func (m *Machine) Answer(err error) TPDU {
	e, ok := err.(*ProtocolError)
	if !ok || e.Framing || e.Type == TypeER || e.Type == TypeDR {
		return nil // one ER would be answered by another
	}
	return ER{DstRef: m.Peer.SrcRef, Cause: e.Cause, Invalid: e.Invalid}
}
