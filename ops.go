package tenuto

import (
	"errors"
	"slices"

	"github.com/tenuto-session/tenuto/transport"
)

// An op is something that whoever has the send gate is to do.
type op struct {
	kind   opKind
	tsdu   []byte // what is left of it
	traced bool
	user   bool // of a request: it waits for flow control, and a purge cancels it
	joins  bool // it may share a TSDU (Cork)
	anchor bool // the peer has to get it: no purge withdraws it
	keep   bool // opPurge: only an unfinished TSDU is withdrawn
	moot   bool // opPurge: the peer drops what it has of it
	abort  bool // opPurge: all is withdrawn
}

type opKind uint8

const (
	opSend            opKind = iota // past flow control, if it is no request's
	opExpedited                     // AB or its PREPARE: if it goes at once, else on the normal flow, or PREPARE not at all
	opBarrier                       // what is on the expedited list goes first
	opPurge                         // withdraw what was sent
	opDisconnectAfter               // TIM
)

// queue adds ops. mu is held.
func (s *Session) queue(ops ...op) {
	s.ops = append(s.ops, ops...)
	s.fresh = true
}

// queueFirst adds an op that goes before all others, in the middle of an SSDU too. mu is held.
func (s *Session) queueFirst(o op) {
	s.ops = append([]op{o}, s.ops...)
	s.fresh = true
}

// blocked tells whether the ops have to wait for the end of an SSDU that is being sent in parts. mu is held, and the send gate.
func (s *Session) blocked() bool { return s.tx.open && s.ops[0].kind != opPurge }

// run does what is to go out, in order, for who has the send gate. What waits for flow control waits by w; a nil w does not wait, and
// leaves what a request has still to send where something has to wait.
func (s *Session) run(w *waiter) error {
	for {
		s.mu.Lock()
		if len(s.ops) == 0 || s.blocked() || s.holding() {
			s.mu.Unlock()
			return nil
		}
		o, purges := s.join(), s.purges
		hurry := slices.ContainsFunc(s.ops, func(o op) bool { return !o.user }) // an answer of the machine waits behind it
		s.mu.Unlock()
		if err := s.do(&o, w, hurry); err != nil {
			s.mu.Lock()
			if s.purges == purges || o.anchor {
				s.ops = append([]op{o}, s.ops...)
			}
			s.mu.Unlock()
			return err
		}
	}
}

// openSendGate does what is to go out and can go at once, and lets the next sender in.
func (s *Session) openSendGate() {
	for {
		s.mu.Lock()
		if len(s.ops) == 0 || !s.fresh || s.blocked() || s.holding() {
			s.sendGate.unlock() // under mu: who adds an op now finds the gate open
			left := s.left()
			s.mu.Unlock()
			if left != nil {
				left.left()
			}
			return
		}
		s.fresh = false
		s.mu.Unlock()
		s.run(nil) // what is left goes with the next call that can wait
	}
}

// do does one op, or what can be done of it. That the connection has ended is no error: the receiver hears of it.
func (s *Session) do(o *op, w *waiter, hurry bool) error {
	switch o.kind {
	case opSend:
		if !o.traced {
			o.traced = true
			s.traceSent(o.tsdu, false)
		}
		if !o.user || w == nil && hurry {
			s.tc.Send(transport.Never, nil, o.tsdu, transport.End|transport.NoWait)
			if o.anchor {
				s.anchor()
			}
			return nil
		}
		return s.submit(o, w)
	case opExpedited:
		err := s.tc.SendExpedited(now{}, o.tsdu)
		if errors.Is(err, errNow) && !isPrepare(o.tsdu) {
			return s.do(&op{kind: opSend, tsdu: o.tsdu}, w, hurry)
		} else if err == nil {
			s.traceSent(o.tsdu, true)
		}
	case opBarrier:
		return s.sendExpedited(w)
	case opPurge:
		s.flags.And(^flagPurge)
		if s.tx.open && o.moot && !s.cuts {
			s.tc.Send(transport.Never, nil, nil, transport.End|transport.NoWait) // cutting it would end the connection
		}
		switch {
		case o.abort:
			s.tc.Purge()
		case s.tx.open || !o.keep:
			s.withdraw()
		}
		s.tx.torn = s.tx.torn || s.tx.ssdu
		s.tx.open, s.tx.ssdu, s.tx.owed = false, false, 0
	case opDisconnectAfter:
		d := tim
		if s.declined { // the peer believes that it is kept, and does not disconnect
			d = 0
		}
		s.tc.DisconnectAfter(d)
	}
	return nil
}

// submit sends what is left of a request's TSDU.
func (s *Session) submit(o *op, w *waiter) error {
	if w != nil && o.anchor { // a purge does not end it
		defer func(mask uint32) { w.mask = mask }(w.mask)
		w.mask &^= flagPurge
	}
	for {
		var c transport.Cancel = now{}
		if w != nil {
			c = w
		}
		n, err := s.tc.Send(c, nil, o.tsdu, transport.End)
		o.tsdu = o.tsdu[n:]
		switch {
		case err == nil:
			if o.anchor {
				s.anchor()
			}
			return nil
		case w == nil && err == errNow:
			return err
		case w == nil && err != transport.ErrExpedited:
			return nil // the end, of which the receiver hears
		}
		if w == nil {
			s.takeExpedited()
			continue
		}
		if err := s.sendError(w, err); err != nil {
			if len(o.tsdu) == 0 && isEnd(err) {
				return nil // it was sent before the end, of which the next call hears
			}
			return err
		}
	}
}
