package pap

import (
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

// maxWaiting is how many workstations' requests are compared before one is accepted.
const maxWaiting = 64

// Server is a printer's listening socket.
//
//	handlers   Handle Tick
//	commands   SetStatus
//	getters    Next
//	outputs    Drain Accepted
type Server struct {
	Strays int // packets that no listening socket is sent
	Busy   int // requests that were refused

	socket  uint8 // of the connections
	most    int   // connections at a time
	conns   []*Machine
	status  string
	tid     uint16
	refused bool // somebody, since a connection was accepted: others may have waited longer
	until   time.Time
	waiting []*waiter
	opened  []*Machine

	responder atp.Responder
}

// waiter is a workstation that wants a connection.
type waiter struct {
	in   *atp.Incoming
	open open
}

// socket is the workstation's end.
func (w *waiter) socket() ddp.Socket {
	s := w.in.From
	s.Num = w.open.socket
	return s
}

// NewServer makes the listening socket of a printer that takes n connections at a time, all at another socket. Their transactions have the identifiers
// after tid.
func NewServer(socket uint8, n int, status string, tid uint16) *Server {
	l := &Server{socket: socket, most: n, tid: tid}
	l.SetStatus(status)
	return l
}

// SetStatus is what the printer says of itself, in MacRoman; what exceeds MaxStatus is cut.
func (l *Server) SetStatus(s string) { l.status = s[:min(len(s), MaxStatus)] }

// free tells whether another connection is accepted.
func (l *Server) free() bool {
	l.conns = slices.DeleteFunc(l.conns, (*Machine).Over)
	return len(l.conns) < l.most
}

// Handle takes a packet that has come to the listening socket. IA2 ch. 10
func (l *Server) Handle(now time.Time, from ddp.Socket, p atp.Packet) {
	in := l.responder.Handle(now, from, p)
	if in == nil {
		return
	}
	switch Function(in.User[1]) {
	case SendStatus:
		l.respond(now, in, atp.Part{User: user(0, Status, 0), Data: appendStatus(make([]byte, 4), l.status)})
	case OpenConn:
		o, err := parseOpen(in.Data)
		if err != nil {
			l.Strays++
			return
		}
		in.Data = nil
		l.consider(now, &waiter{in, o})
	default:
		l.Strays++
	}
}

// consider accepts a workstation, refuses it, or has it wait for others to be heard.
func (l *Server) consider(now time.Time, w *waiter) {
	free := l.free()
	i := slices.IndexFunc(l.conns, func(c *Machine) bool { return c.id == w.in.User[0] && c.peer == w.socket() })
	switch {
	case i >= 0: // it was doubled on the way, and comes after ATP has forgotten the first
		l.say(now, w)
	case !free:
		l.refuse(now, w)
	case !l.refused && l.until.IsZero():
		l.accept(now, w)
	case len(l.waiting) == maxWaiting:
		l.refuse(now, w)
	default:
		l.waiting = append(l.waiting, w)
		if l.until.IsZero() {
			l.until = now.Add(ArbiterTime)
		}
	}
}

func (l *Server) respond(now time.Time, in *atp.Incoming, part atp.Part) {
	if err := l.responder.Respond(now, in, []atp.Part{part}); err != nil {
		panic("BUG: pap: " + err.Error())
	}
}

func (l *Server) refuse(now time.Time, w *waiter) {
	l.Busy++
	l.refused = true
	l.respond(now, w.in, atp.Part{User: user(w.in.User[0], OpenConnReply, 0), Data: reply{busy: true, status: l.status}.append(nil)})
}

func (l *Server) accept(now time.Time, w *waiter) {
	l.tid += 0x100
	c := accepted(now, w.in.User[0], w.socket(), w.open.quantum, l.tid)
	l.conns, l.opened = append(l.conns, c), append(l.opened, c)
	l.say(now, w)
}

// say tells a workstation that it has its connection.
func (l *Server) say(now time.Time, w *waiter) {
	l.respond(now, w.in, atp.Part{User: user(w.in.User[0], OpenConnReply, 0), Data: reply{socket: l.socket, quantum: Quantum, status: l.status}.append(nil)})
}

// arbitrate accepts those that have waited longest, and refuses the others.
func (l *Server) arbitrate(now time.Time) {
	waiting := l.waiting
	l.waiting, l.until, l.refused = nil, time.Time{}, false
	slices.SortStableFunc(waiting, func(a, b *waiter) int { return int(b.open.waiting) - int(a.open.waiting) })
	for _, w := range waiting {
		if l.free() {
			l.accept(now, w)
		} else {
			l.refuse(now, w)
		}
	}
}

// Next is when Tick has something to do; zero if it has nothing.
func (l *Server) Next() time.Time { return earliest(l.responder.Next(), l.until) }

// Tick does what is due.
func (l *Server) Tick(now time.Time) {
	l.responder.Tick(now)
	if !l.until.IsZero() && !now.Before(l.until) {
		l.arbitrate(now)
	}
}

// Accepted returns the connections that were accepted since the last time.
func (l *Server) Accepted() []*Machine {
	c := l.opened
	l.opened = nil
	return c
}

// Drain returns what is to be sent since the last time.
func (l *Server) Drain() []atp.Sending { return l.responder.Drain() }
