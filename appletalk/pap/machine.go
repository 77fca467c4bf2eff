package pap

import (
	"errors"
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

// What ends a connection, or an opening.
var (
	ErrNoAnswer = errors.New("pap: open: no answer")
	ErrAnswer   = errors.New("pap: open: an answer that cannot be")
	ErrSilent   = errors.New("pap: the other end has said nothing for two minutes")
	ErrPeer     = errors.New("pap: closed by the other end")
	ErrClosed   = errors.New("pap: the connection is closed")
)

// maxWritten is how many octets wait for the other end to ask for them.
const maxWritten = 8 * Quantum * PacketSize

// Machine is one end of a connection.
//
//	commands   Write Read Close
//	handlers   Handle Tick
//	getters    IsOpen Over Err Status Room Readable Written Next
//	outputs    Drain
type Machine struct {
	Strays   int // packets that were not of the connection, out of sequence, or nobody's
	Refusals int // times that the printer was busy

	id      uint8
	listens ddp.Socket // the printer's listening socket; zero at a printer
	socket  uint8      // of this end
	peer    ddp.Socket // the other end's
	quantum uint8      // packets that the other end takes at a time
	open    bool
	over    bool
	err     error
	began   time.Time // to ask for the connection
	again   time.Time // when a printer that is busy is asked again
	status  string
	heard   time.Time

	opening, closing, tickle, reading *atp.Transaction
	readSeq, writeSeq                 uint16 // of the last SendData, each way
	asked                             *atp.Incoming
	handed                            []atp.Part // the last answer, for who asks once more when ATP has forgotten
	shutting                          bool       // Close was called, and not all is written

	out  []byte
	ends []int // lengths of out where a job ends
	in   []byte
	eof  bool // behind in

	requester *atp.Requester
	responder atp.Responder
}

// begin begins a transaction. It never fails: there are few of them.
func (c *Machine) begin(now time.Time, q atp.Request) *atp.Transaction {
	t, err := c.requester.Begin(now, q)
	if err != nil {
		panic("BUG: pap: " + err.Error())
	}
	return t
}

// Connect makes a workstation's end at one of its sockets, and asks a printer for a connection, again and again while that is busy. The identifier is not
// that of another connection from the node. Transactions have the identifiers after tid.
func Connect(now time.Time, printer ddp.Socket, socket, id uint8, tid uint16) *Machine {
	c := &Machine{id: id, listens: printer, socket: socket, began: now, heard: now, requester: atp.NewRequester(tid)}
	c.ask(now)
	return c
}

// ask asks for the connection. IA2 ch. 10
func (c *Machine) ask(now time.Time) {
	waiting := min(now.Sub(c.began)/time.Second, 0xFFFF)
	c.again = time.Time{}
	c.opening = c.begin(now, atp.Request{Peer: c.listens, User: user(c.id, OpenConn, 0), Responses: 1, XO: true, Interval: retryTime, Tries: tries,
		Data: open{c.socket, Quantum, uint16(waiting)}.append(nil)})
}

// accepted makes a printer's end.
func accepted(now time.Time, id uint8, peer ddp.Socket, quantum uint8, tid uint16) *Machine {
	c := &Machine{id: id, requester: atp.NewRequester(tid)}
	c.opened(now, peer, quantum)
	return c
}

func (c *Machine) opened(now time.Time, peer ddp.Socket, quantum uint8) {
	c.open, c.peer, c.quantum, c.heard = true, peer, quantum, now
	c.tickle = c.begin(now, atp.Request{Peer: peer, User: user(c.id, Tickle, 0), Interval: TickleTime, Tries: atp.Infinite})
	c.want(now)
}

// want asks the other end for data, unless what has come was not read.
func (c *Machine) want(now time.Time) {
	if !c.open || c.reading != nil || len(c.in) > 0 || c.eof || c.shutting {
		return
	}
	if c.readSeq++; c.readSeq == 0 { // which would be one without a number
		c.readSeq = 1
	}
	c.reading = c.begin(now, atp.Request{Peer: c.peer, User: user(c.id, SendData, c.readSeq), Responses: Quantum, XO: true,
		Interval: askTime, Tries: atp.Infinite})
}

// ID is the connection's identifier, and Peer the other end.
func (c *Machine) ID() uint8        { return c.id }
func (c *Machine) Peer() ddp.Socket { return c.peer }

// IsOpen tells whether the connection is open, Over whether it has ended, or could not be opened, and Err why; Status is what the printer said last.
func (c *Machine) IsOpen() bool   { return c.open }
func (c *Machine) Over() bool     { return c.over }
func (c *Machine) Err() error     { return c.err }
func (c *Machine) Status() string { return c.status }

// Room is how many octets Write takes.
func (c *Machine) Room() int {
	if !c.open || c.shutting {
		return 0
	}
	return maxWritten - len(c.out)
}

// Written tells whether all that was written has been handed over to the other end.
func (c *Machine) Written() bool {
	return len(c.out) == 0 && len(c.ends) == 0
}

// Readable tells whether Read has something to return.
func (c *Machine) Readable() bool { return len(c.in) > 0 || c.eof }

// Write takes octets as far as there is room, and if all of them are taken and eof is set, the end of a job behind them.
func (c *Machine) Write(now time.Time, b []byte, eof bool) (n int) {
	n = min(len(b), c.Room())
	c.out = append(c.out, b[:n]...)
	if eof && n == len(b) && c.open && !c.shutting {
		c.ends = append(c.ends, len(c.out))
	}
	c.answer(now)
	return n
}

// Read takes octets that have come, or, by itself, the end of a job.
func (c *Machine) Read(now time.Time, b []byte) (n int, eof bool) {
	if len(c.in) == 0 {
		eof, c.eof = c.eof, false
	} else {
		n = copy(b, c.in)
		c.in = c.in[n:]
	}
	if len(c.in) == 0 && !c.eof {
		c.in = nil
		c.want(now)
	}
	return n, eof
}

// answer hands what was written to the other end, if that has asked. IA2 ch. 10
func (c *Machine) answer(now time.Time) {
	if c.asked != nil && !c.Written() {
		n := min(len(c.out), int(c.quantum)*PacketSize)
		flag := uint16(0)
		if len(c.ends) > 0 && c.ends[0] <= n {
			n, flag = c.ends[0], 0x0100
			c.ends = c.ends[1:]
		}
		var parts []atp.Part
		for b := c.out[:n]; len(parts) == 0 || len(b) > 0; {
			k := min(len(b), PacketSize)
			parts = append(parts, atp.Part{User: user(c.id, Data, flag), Data: slices.Clone(b[:k])})
			b = b[k:]
		}
		c.out = c.out[n:]
		if len(c.out) == 0 {
			c.out = nil
		}
		for i := range c.ends {
			c.ends[i] -= n
		}
		c.respond(now, c.asked, parts...)
		c.asked, c.handed = nil, parts
	}
	if c.shutting && c.Written() && !c.handing() && c.closing == nil {
		c.closing = c.begin(now, atp.Request{Peer: c.peer, User: user(c.id, CloseConn, 0), Responses: 1, XO: true, Interval: retryTime, Tries: tries})
	}
}

// handing tells whether the last answer may not have arrived: its transaction has not been released.
func (c *Machine) handing() bool { return c.responder.Open() > 0 && c.asked == nil }

func (c *Machine) respond(now time.Time, in *atp.Incoming, parts ...atp.Part) {
	if err := c.responder.Respond(now, in, parts); err != nil {
		panic("BUG: pap: " + err.Error())
	}
}

// Close ends the connection when all that was written has been handed over. What comes meanwhile is dropped.
func (c *Machine) Close(now time.Time) {
	switch {
	case c.over || c.shutting:
	case !c.open:
		c.end(ErrClosed)
	default:
		c.shutting = true
		c.in, c.eof = nil, false
		c.answer(now)
	}
}

// Abort ends the connection at once: the other end hears of it, or of nothing more.
func (c *Machine) Abort(now time.Time) {
	c.out, c.ends = nil, nil
	c.Close(now)
	if c.open && c.closing == nil {
		c.closing = c.begin(now, atp.Request{Peer: c.peer, User: user(c.id, CloseConn, 0), Responses: 1, XO: true, Interval: retryTime, Tries: tries})
	}
}

// end ends everything.
func (c *Machine) end(err error) {
	for _, t := range []*atp.Transaction{c.opening, c.closing, c.tickle, c.reading} {
		if t != nil {
			c.requester.Cancel(t)
		}
	}
	c.open, c.over, c.err, c.again, c.asked, c.handed, c.out, c.ends = false, true, err, time.Time{}, nil, nil, nil, nil
}

// Handle takes a packet that has come to this end's socket, from the node of the other end.
func (c *Machine) Handle(now time.Time, from ddp.Socket, p atp.Packet) {
	switch {
	case p.Function == atp.TResp:
		if t := c.requester.Handle(now, from, p); t != nil {
			c.answered(now, t)
		}
	case p.Function == atp.TRel:
		c.responder.Handle(now, from, p)
		c.answer(now)
	case p.User[0] != c.id || !from.Matches(c.peer.Addr) || !c.open && Function(p.User[1]) != CloseConn:
		c.Strays++
	default:
		c.heard = now
		c.requested(now, from, p)
	}
}

// requested takes a request of the other end.
func (c *Machine) requested(now time.Time, from ddp.Socket, p atp.Packet) {
	switch f := Function(p.User[1]); f {
	case Tickle: // is never answered
	case SendData:
		next := c.writeSeq + 1
		if next == 0 {
			next = 1
		}
		seq := arg(p.User)
		again := seq != 0 && seq == c.writeSeq && c.handed != nil && c.asked == nil
		if seq != 0 && seq != next && !again && !c.responder.Knows(from, p.TID) {
			c.Strays++
			return
		}
		in := c.responder.Handle(now, from, p)
		switch {
		case in == nil:
			return
		case again:
			c.respond(now, in, c.handed...)
			return
		case seq != 0:
			c.writeSeq = seq
		}
		in.Data = nil
		c.asked = in
		c.answer(now)
	case CloseConn:
		if in := c.responder.Handle(now, from, p); in != nil {
			c.respond(now, in, atp.Part{User: user(c.id, CloseConnReply, 0)})
			if !c.over {
				c.end(ErrPeer)
			}
		}
	default:
		c.Strays++
	}
}

// answered takes the response to a request of ours.
func (c *Machine) answered(now time.Time, t *atp.Transaction) {
	c.heard = now
	parts := t.Parts()
	switch t {
	case c.opening:
		c.opening = nil
		r, err := parseReply(parts[0].Data)
		switch {
		case err != nil || Function(parts[0].User[1]) != OpenConnReply || parts[0].User[0] != c.id:
			c.end(ErrAnswer)
		case r.busy:
			c.Refusals++
			c.status, c.again = r.status, now.Add(busyTime)
		default:
			c.status = r.status
			peer := c.listens
			peer.Num = r.socket
			c.opened(now, peer, r.quantum)
		}
	case c.closing:
		c.end(ErrClosed)
	case c.reading:
		c.reading = nil
		for _, p := range parts {
			if Function(p.User[1]) != Data || p.User[0] != c.id && p.User[0] != 0 { // some printers say 0
				c.Strays++
				continue
			}
			c.in = append(c.in, p.Data...)
			c.eof = c.eof || p.User[2] != 0
		}
		if c.shutting {
			c.in, c.eof = nil, false
		}
		c.want(now) // if there was nothing in it
	}
}

// Next is when Tick has something to do; zero if it has nothing.
func (c *Machine) Next() time.Time {
	next := earliest(earliest(c.requester.Next(), c.responder.Next()), c.again)
	if c.open {
		next = earliest(next, c.heard.Add(ConnTime))
	}
	return next
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Tick does what is due.
func (c *Machine) Tick(now time.Time) {
	c.responder.Tick(now)
	for _, t := range c.requester.Tick(now) {
		switch t {
		case c.opening:
			c.end(ErrNoAnswer)
		case c.closing: // closed anyway
			c.end(ErrClosed)
		}
	}
	switch {
	case !c.again.IsZero() && !now.Before(c.again):
		c.ask(now)
	case c.open && !now.Before(c.heard.Add(ConnTime)):
		c.end(ErrSilent)
	case c.open:
		c.answer(now)
	}
}

// Forgotten tells that nothing of the connection needs to be remembered any more.
func (c *Machine) Forgotten() bool { return c.over && c.responder.Open() == 0 }

// Drain returns what is to be sent since the last time.
func (c *Machine) Drain() []atp.Sending { return append(c.requester.Drain(), c.responder.Drain()...) }
