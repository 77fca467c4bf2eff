package nsp

import (
	"time"

	"github.com/tenuto-session/tenuto/decnet"
)

// State is that of a link. The names are the specification's, in its order.
//
//	 Connect           CA           CC
//	---------> CI ----------> CD ----------> RUN <---------- CC <-------- CR <--- connect initiate
//	            |  `---CC-----+--------------^  any message     Accept    |
//	            |             |               |                           | Reject
//	  returned: NC,  DI: RJ, DC: NR           |                           v
//	                                          |                          DR ---> DRC (answered, or given up)
//	          DI from the peer: DN; no link: CN; Disconnect: DI ---> DIC (answered), CN (given up)
//
// From each of them Release leads to CL.
type State uint8

// States.
const (
	StateCL  State = iota // closed
	StateCR               // connect initiate received: to be accepted or rejected
	StateDR               // rejected, which the peer has not confirmed
	StateDRC              // reject complete
	StateCC               // accepted, which the peer has not confirmed
	StateCI               // connect initiate sent
	StateNR               // the peer has no resources
	StateNC               // the peer cannot be reached
	StateCD               // connect initiate acknowledged
	StateRJ               // rejected by the peer
	StateRUN              // running
	StateDI               // disconnect initiate sent
	StateDIC              // disconnect complete
	StateDN               // disconnected by the peer
	StateCN               // the peer does not know the link, or does not answer
	stateCount
)

var stateNames = [stateCount]string{"CL", "CR", "DR", "DRC", "CC", "CI", "NR", "NC", "CD", "RJ", "RUN", "DI", "DIC", "DN", "CN"}

func (s State) String() string { return stateNames[s] }

// Over tells whether nothing can become of the link but that it is released.
func (s State) Over() bool {
	switch s {
	case StateCL, StateDRC, StateNR, StateNC, StateRJ, StateDIC, StateDN, StateCN:
		return true
	}
	return false
}

// Reasons that NSP itself gives, in DC or to its user. (decnet 1.3)
const (
	ReasonNoResources  = 1
	ReasonUnreachable  = 39
	ReasonNoLink       = 41
	ReasonDisconnected = 42
)

// Port is one end of a logical link.
type Port struct {
	State    State
	Local    uint16      // this end's address
	Remote   uint16      // the peer's; 0 while it is not known
	Node     decnet.Addr // the peer
	PeerInfo Info
	PeerFlow FlowControl // how the peer wants to be fed
	SegSize  int         // of what is sent
	Reason   uint16      // why the link is over: of DI or DC, or ReasonUnreachable
	Data     []byte      // what came with CI or DI
	Accepted []byte      // what came with CC
	Closing  bool        // Disconnect was called
	Owner    any         // the user's

	opts        Options
	connectData []byte // of CI, CC or DI that is sent
	closeReason uint16

	ctlDue   bool      // CI, CC or DI is to be sent
	ctlAt    time.Time // it is to be sent again
	ctlTries int
	ctlSent  time.Time // for the first time
	caDue    bool      // CA is to be sent
	dcDue    bool      // DC is to be sent

	data            dataSender
	other           otherSender
	interruptCredit int // interrupts that the peer takes
	in              receiver
	otherIn         otherReceiver

	heard  time.Time // something came from the peer
	used   time.Time // a buffer was used
	timer  time.Time // the user's
	noted  Events
	queued bool // in Machine.ready
	at     time.Time
	heap   int // place in the timers, from 1; 0 is none
}

// setState is the only writer of State.
func (m *Machine) setState(p *Port, to State) {
	if p.State == StateCR {
		m.pending--
	}
	if to == StateCR {
		m.pending++
	}
	p.State = to
	p.ctlDue, p.ctlAt, p.ctlTries = false, time.Time{}, 0
	if to != StateRUN {
		p.data.at, p.other.at = time.Time{}, time.Time{}
	}
}

// end brings a link to its end.
func (m *Machine) end(p *Port, to State, reason uint16, data []byte) {
	p.Reason, p.Data = reason, append([]byte(nil), data...)
	m.setState(p, to)
	m.note(p, EventEnded)
}

// say makes the control message of the port's state due.
func (m *Machine) say(p *Port) {
	p.ctlDue = true
	m.enqueue(p)
}

// Events is a set of what has happened to a link.
type Events uint8

// Events.
const (
	EventConnect   Events = 1 << iota // CI came: Accept or Reject
	EventAccepted                     // CC came
	EventReadable                     // octets came, or the end of a message
	EventWritable                     // there is room again, after Write has taken less than it was given
	EventInterrupt                    // an interrupt came
	EventCredit                       // an interrupt can be sent again
	EventEnded                        // see Port.State and Port.Reason
	EventTimer                        // of SetTimer
)

func (m *Machine) note(p *Port, e Events) {
	if p.noted == 0 {
		m.changed = append(m.changed, p)
	}
	p.noted |= e
}

// NextEvent returns a link and what has happened to it since; ok is false if there is none.
func (m *Machine) NextEvent() (p *Port, e Events, ok bool) {
	if len(m.changed) == 0 {
		return nil, 0, false
	}
	last := len(m.changed) - 1
	p = m.changed[last]
	m.changed[last] = nil
	m.changed = m.changed[:last]
	e, p.noted = p.noted, 0
	return p, e, true
}
