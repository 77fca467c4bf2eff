package asp

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

// maxQueued is how many calls of a client wait for the one before.
const maxQueued = 64

// A Call is a command or a write, and what has come of it.
type Call struct {
	Block  []byte
	Data   []byte // that are written
	Room   int    // octets of the reply that are wanted
	Result int32  // CmdResult, which the server's user chooses
	Reply  []byte
	Err    error

	function  Function
	seq       uint16
	taken     int // octets of Data that the server has asked for
	forgotten bool
	tr        *atp.Transaction
}

// Taken is how many octets of Data the server has taken.
func (c *Call) Taken() int { return c.taken }

// Client is a workstation's end of a session.
//
//	commands   Open Command Write Close
//	handlers   Handle Tick
//	getters    State Err Next
//	outputs    Drain Done Attentions
type Client struct {
	Strays int // packets that were not of the session, or that nobody asked for

	server  ddp.Socket // SLS
	session ddp.Socket // SSS
	wss     uint8
	id      uint8
	open    bool
	opening *atp.Transaction
	closing *atp.Transaction
	tickle  *atp.Transaction
	over    bool
	err     error // of over
	seq     uint16
	heard   time.Time

	calls      []*Call // in order; the first is under way
	done       []*Call
	attentions []uint16

	requester *atp.Requester
	responder atp.Responder
}

// NewClient makes the end of a session with a server's listening socket, at a socket of the workstation. Transactions have the identifiers after tid.
func NewClient(server ddp.Socket, wss uint8, tid uint16) *Client {
	return &Client{server: server, wss: wss, requester: atp.NewRequester(tid)}
}

// begin begins a transaction of the client's own making.
func begin(r *atp.Requester, now time.Time, q atp.Request) *atp.Transaction {
	if q.Interval == 0 {
		q.Interval = retryTime
	}
	t, err := r.Begin(now, q)
	if err != nil {
		panic("BUG: asp: " + err.Error())
	}
	return t
}

// Open asks for the session. IA2 ch. 11
func (c *Client) Open(now time.Time) {
	c.heard = now
	c.opening = begin(c.requester, now, atp.Request{Peer: c.server, User: user(OpenSess, c.wss, Version), Responses: 1, XO: true, Tries: openTries})
}

// IsOpen tells whether the session is open, and Err what has ended it, or kept it from opening; nil after Close.
func (c *Client) IsOpen() bool { return c.open }
func (c *Client) Err() error   { return c.err }

// Over tells whether the session has ended, or could not be opened.
func (c *Client) Over() bool { return c.over }

// Command asks the server, and Write has it take data. Only one request is under way at a time; others wait in order. The slices are kept until the call
// is among Done.
func (c *Client) Command(now time.Time, block []byte, room int) (*Call, error) {
	return c.call(now, &Call{function: Command, Block: block, Room: room})
}

// Write is a Command with data that the server asks for.
func (c *Client) Write(now time.Time, block, data []byte, room int) (*Call, error) {
	return c.call(now, &Call{function: Write, Block: block, Data: data, Room: room})
}

func (c *Client) call(now time.Time, call *Call) (*Call, error) {
	switch {
	case c.over || !c.open || c.closing != nil:
		return nil, ErrSessClosed
	case len(call.Block) > MaxCommand:
		return nil, ErrSize
	case call.Room < 0 || call.Room > Quantum:
		return nil, ErrParameter
	case len(c.calls) == maxQueued:
		return nil, errors.New("asp: too many requests wait")
	}
	c.calls = append(c.calls, call)
	if len(c.calls) == 1 {
		c.next(now)
	}
	return call, nil
}

// next begins the first of the calls.
func (c *Client) next(now time.Time) {
	if len(c.calls) == 0 {
		return
	}
	call := c.calls[0]
	call.seq = c.seq // from 0 on, as servers in use want it; IA2 has 1
	c.seq++
	call.tr = begin(c.requester, now, atp.Request{Peer: c.session, User: user(call.function, c.id, call.seq), Data: call.Block,
		Responses: packets(call.Room), XO: true, Tries: atp.Infinite})
}

// Forget gives up a call: one that waits is not made, and of the one that is under way the session goes on when it is answered.
func (c *Client) Forget(call *Call) {
	if i := slices.Index(c.calls, call); i > 0 {
		c.calls = slices.Delete(c.calls, i, i+1)
	} else if i == 0 {
		call.forgotten = true
	}
}

// Close ends the session; calls that wait fail.
func (c *Client) Close(now time.Time) {
	switch {
	case c.over || c.closing != nil:
	case !c.open:
		c.end(nil)
	default:
		c.fail(ErrSessClosed)
		c.closing = begin(c.requester, now, atp.Request{Peer: c.session, User: user(CloseSess, c.id, 0), Responses: 1, Tries: closeTries})
	}
}

// end ends everything at once.
func (c *Client) end(err error) {
	c.fail(ErrSessClosed)
	for _, t := range []*atp.Transaction{c.opening, c.closing, c.tickle} {
		if t != nil {
			c.requester.Cancel(t)
		}
	}
	c.open, c.over, c.err = false, true, err
}

// fail fails all calls.
func (c *Client) fail(err error) {
	for _, call := range c.calls {
		if call.tr != nil {
			c.requester.Cancel(call.tr)
		}
		call.Err = err
	}
	c.done = append(c.done, c.calls...)
	c.calls = nil
}

// Handle takes a packet that has come to the workstation's socket.
func (c *Client) Handle(now time.Time, from ddp.Socket, p atp.Packet) {
	switch {
	case c.over && (p.Function == atp.TResp || Function(p.User[0]) != CloseSess):
		c.Strays++
	case p.Function == atp.TResp:
		if t := c.requester.Handle(now, from, p); t != nil {
			c.answered(now, t)
		}
	case !from.Matches(c.server.Addr):
		c.Strays++
	default:
		if in := c.responder.Handle(now, from, p); in != nil {
			c.asked(now, in)
		}
	}
}

// answered takes the response to a request of ours.
func (c *Client) answered(now time.Time, t *atp.Transaction) {
	c.heard = now
	first := t.Parts()[0]
	switch {
	case t == c.opening:
		c.opened(now, first.User)
	case t == c.closing:
		c.end(nil)
	case len(c.calls) > 0 && t == c.calls[0].tr:
		call := c.calls[0]
		c.calls = slices.Delete(c.calls, 0, 1)
		call.Result = int32(binary.BigEndian.Uint32(first.User[:]))
		if call.Reply = join(t.Parts()); len(call.Reply) > call.Room {
			call.Reply, call.Err = call.Reply[:call.Room], ErrBuffer
		}
		if !call.forgotten {
			c.done = append(c.done, call)
		}
		c.next(now)
	}
}

// opened takes the answer to OpenSess: the session's socket and identifier, and an error.
func (c *Client) opened(now time.Time, u [4]byte) {
	c.opening = nil
	switch code := arg(u); {
	case Error(code) == ErrVersion:
		c.end(ErrVersion)
	case code != 0: // ErrBusy, in either order of octets
		c.end(ErrBusy)
	default:
		c.session, c.id, c.open = c.server, u[1], true
		c.session.Num = u[0]
		c.tickle = begin(c.requester, now, atp.Request{Peer: c.server, User: user(Tickle, c.id, 0), Interval: TickleTime, Tries: atp.Infinite})
	}
}

// asked takes a request of the server's. IA2 ch. 11
func (c *Client) asked(now time.Time, in *atp.Incoming) {
	if c.session.Num == 0 || in.User[1] != c.id {
		c.Strays++
		return
	}
	c.heard = now
	respond := func(parts ...atp.Part) {
		if err := c.responder.Respond(now, in, parts); err != nil {
			panic("BUG: asp: " + err.Error())
		}
	}
	switch Function(in.User[0]) {
	case Tickle: // is never answered
	case WriteContinue:
		if len(c.calls) == 0 || c.calls[0].function != Write || c.calls[0].seq != arg(in.User) || len(in.Data) < 2 {
			c.Strays++
			return
		}
		call := c.calls[0]
		call.taken = min(len(call.Data), int(binary.BigEndian.Uint16(in.Data)), Quantum)
		respond(split(0, call.Data[:call.taken])...)
	case Attention:
		if code := arg(in.User); code != 0 && len(c.attentions) < maxQueued {
			c.attentions = append(c.attentions, code)
		}
		respond(atp.Part{})
	case CloseSess:
		respond(atp.Part{})
		if !c.over {
			c.end(ErrSessClosed)
		}
	default:
		c.Strays++
	}
}

// Next is when Tick has something to do; zero if it has nothing.
func (c *Client) Next() time.Time {
	next := earliest(c.requester.Next(), c.responder.Next())
	if c.open {
		next = earliest(next, c.heard.Add(SessionTime))
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
func (c *Client) Tick(now time.Time) {
	c.responder.Tick(now)
	for _, t := range c.requester.Tick(now) {
		switch t {
		case c.opening:
			c.end(ErrNoServer)
		case c.closing: // after a few tries it is closed anyway
			c.end(nil)
		}
	}
	if c.open && !now.Before(c.heard.Add(SessionTime)) {
		c.end(ErrSessClosed)
	}
}

// Drain returns what is to be sent since the last time.
func (c *Client) Drain() []atp.Sending { return append(c.requester.Drain(), c.responder.Drain()...) }

// Done returns the calls that were answered, or have failed, since the last time.
func (c *Client) Done() []*Call {
	done := c.done
	c.done = nil
	return done
}

// Attentions returns the attention codes that have come since the last time.
func (c *Client) Attentions() []uint16 {
	a := c.attentions
	c.attentions = nil
	return a
}
