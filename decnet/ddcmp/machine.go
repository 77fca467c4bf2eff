// Package ddcmp is the Digital Data Communications Message Protocol: messages with checksums on a line of two ends, numbered and sent again
// until they arrive; here over TCP and UDP, as simulators of DEC's machines have it. It has the messages, a machine for one end, and links.
//
//	l, err := ddcmp.Connect("127.0.0.1:7001")                      // or Listen
//	l, err := ddcmp.Datagrams("127.0.0.1:7001", "127.0.0.1:7002")
//
// # Limitations
//
// Full duplex between two ends: no multipoint, no half duplex. Maintenance messages are dropped.
package ddcmp

import "time"

// State is that of a line.
//
//	            STRT: STACK             STACK, ACK 0, data that answer 0
//	Starting ---------------> Answered --------------------------------> Running
//	   `--- STACK: ACK -------------------------------------------------^
//
// An STRT while Running leads to Over: the other end begins anew.
type State uint8

// States. The specification's names are ISTRT, ASTRT, RUNNING and HALTED.
const (
	Starting State = iota
	Answered
	Running
	Over
)

var stateNames = [...]string{"starting", "answered", "running", "over"}

func (s State) String() string { return stateNames[s] }

const (
	// Window is how many messages are under way.
	Window = 64
	// startTime is how long an answer to STRT or STACK is waited for.
	startTime = 3 * time.Second
	// replyTime is how long an acknowledgement is waited for, until REP asks; each time without an answer it doubles, up to maxReplyTime.
	replyTime    = time.Second
	maxReplyTime = 30 * time.Second
	// maxReps is how often it is asked before the line is given up.
	maxReps = 7
)

// Machine is one end of a line.
//
//	getters    State Room NextTimeout
//	commands   Send
//	handlers   Receive Tick
//	outputs    Out, what Receive returns
type Machine struct {
	State State
	Cause string // why it is over
	Out   []byte // messages to be sent; the caller empties it

	sent     uint8    // number of the last message
	acked    uint8    // the last one that has arrived
	waiting  [][]byte // from acked+1 on
	received uint8    // the last number that has come in order
	ackDue   bool
	at       time.Time
	wait     time.Duration
	reps     int
}

// NewMachine makes an end and begins.
func NewMachine(now time.Time) *Machine {
	m := &Machine{}
	m.say(Message{Kind: KindStart})
	m.at = now.Add(startTime)
	return m
}

func (m *Machine) say(msg Message) { m.Out = msg.Append(m.Out) }

// Room is how many messages Send takes.
func (m *Machine) Room() int {
	if m.State != Running {
		return 0
	}
	return Window - len(m.waiting)
}

// Send sends a message with data, of which there must be room for.
func (m *Machine) Send(now time.Time, data []byte) {
	if m.Room() <= 0 {
		panic("BUG: ddcmp: Send without room")
	}
	m.sent++
	m.waiting = append(m.waiting, append([]byte(nil), data...))
	m.say(Message{Kind: KindData, Num: m.sent, Resp: m.received, Data: data})
	m.ackDue = false
	if m.at.IsZero() {
		m.wait, m.reps = replyTime, 0
		m.at = now.Add(m.wait)
	}
}

// Receive takes a message; damaged is what Scan says. It returns the data that have come in order, which alias the message.
func (m *Machine) Receive(now time.Time, msg *Message, damaged uint8) (data []byte) {
	switch m.State {
	case Starting, Answered:
		if damaged == 0 {
			m.starting(now, msg)
		}
		if m.State != Running || msg.Kind != KindData {
			return nil
		}
	case Over:
		return nil
	}
	if damaged != 0 {
		m.say(Message{Kind: KindNak, Reason: damaged, Resp: m.received})
		return nil
	}
	switch msg.Kind {
	case KindStart:
		m.end("the other end begins anew")
	case KindStack:
		m.say(Message{Kind: KindAck, Resp: m.received})
	case KindAck:
		m.arrived(now, msg.Resp)
	case KindNak:
		m.arrived(now, msg.Resp)
		m.again()
	case KindRep:
		if msg.Num == m.received {
			m.say(Message{Kind: KindAck, Resp: m.received})
		} else {
			m.say(Message{Kind: KindNak, Reason: nakRep, Resp: m.received})
		}
	case KindData:
		m.arrived(now, msg.Resp)
		if msg.Num == m.received+1 {
			m.received++
			m.ackDue = true
			return msg.Data
		}
	}
	return nil
}

// starting goes towards Running. (decnet 4.2)
func (m *Machine) starting(now time.Time, msg *Message) {
	switch {
	case msg.Kind == KindStart:
		m.State = Answered
		m.say(Message{Kind: KindStack})
		m.at = now.Add(startTime)
	case msg.Kind == KindStack:
		m.run()
		m.say(Message{Kind: KindAck})
	case m.State == Answered && (msg.Kind == KindAck || msg.Kind == KindData) && msg.Resp == 0:
		m.run()
	}
}

func (m *Machine) run() { m.State, m.at = Running, time.Time{} }

// Acknowledge says ACK if one is owed and no data have carried it: after a batch of messages.
func (m *Machine) Acknowledge() {
	if m.ackDue {
		m.ackDue = false
		m.say(Message{Kind: KindAck, Resp: m.received})
	}
}

// arrived takes the number of the last message that has arrived.
func (m *Machine) arrived(now time.Time, resp uint8) {
	n := int(resp - m.acked)
	if n > len(m.waiting) {
		return // an old one
	}
	clear(m.waiting[:n])
	m.waiting = append(m.waiting[:0], m.waiting[n:]...)
	m.acked = resp
	switch {
	case len(m.waiting) == 0:
		m.at = time.Time{}
	case n > 0:
		m.wait, m.reps = replyTime, 0
		m.at = now.Add(m.wait)
	}
}

// again sends all that has not arrived.
func (m *Machine) again() {
	for i, data := range m.waiting {
		m.say(Message{Kind: KindData, Num: m.acked + 1 + uint8(i), Resp: m.received, Data: data})
	}
}

func (m *Machine) end(cause string) { m.State, m.Cause, m.at = Over, cause, time.Time{} }

// NextTimeout is when Tick must be called; zero is never.
func (m *Machine) NextTimeout() time.Time { return m.at }

// Tick does what is due.
func (m *Machine) Tick(now time.Time) {
	if m.at.IsZero() || m.at.After(now) {
		return
	}
	switch m.State {
	case Starting:
		m.say(Message{Kind: KindStart})
		m.at = now.Add(startTime)
	case Answered:
		m.say(Message{Kind: KindStack})
		m.at = now.Add(startTime)
	case Running:
		if m.reps++; m.reps > maxReps {
			m.end("the other end does not answer")
			return
		}
		m.say(Message{Kind: KindRep, Num: m.sent})
		m.wait = min(2*m.wait, maxReplyTime)
		m.at = now.Add(m.wait)
	}
}
