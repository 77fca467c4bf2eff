package atp

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

// MaxTransactions is how many transactions a requester has at a time.
const MaxTransactions = 256

// Infinite as Tries asks for ever.
const Infinite = -1

// ErrNoResponse is the error of a transaction that was not answered in full.
var ErrNoResponse = errors.New("atp: transaction: no response")

// Request is what a requester asks for.
type Request struct {
	Peer      ddp.Socket
	User      [4]byte
	Data      []byte
	Responses int // packets that are wanted, 0 to MaxResponses
	XO        bool
	Release   Release // with XO
	Interval  time.Duration
	Tries     int // how often it is sent at most, or Infinite
}

// Transaction is a request with what has come of it.
type Transaction struct {
	Request Request
	TID     uint16
	Err     error // when it is over: nil if it is complete

	parts  [MaxResponses]Part
	bitmap uint8 // still wanted
	got    uint8 // received
	tries  int   // left
	at     time.Time
}

// Parts are the packets of the response up to the first that is missing.
func (t *Transaction) Parts() []Part {
	n := 0
	for n < MaxResponses && t.got&(1<<n) != 0 {
		n++
	}
	return t.parts[:n]
}

// Requester is the requesting side of a socket.
//
//	commands   Begin Cancel
//	handlers   Handle Tick
//	getters    Next
//	outputs    Drain
type Requester struct {
	Unasked int // responses that nobody asked for, or a second time

	tid  uint16
	open []*Transaction
	out  []Sending
}

// NewRequester makes a requester whose first transaction has the TID after a number.
func NewRequester(tid uint16) *Requester { return &Requester{tid: tid} }

// Begin sends a request. Its data are kept until the transaction is over.
func (r *Requester) Begin(now time.Time, q Request) (*Transaction, error) {
	switch {
	case q.Responses < 0 || q.Responses > MaxResponses:
		return nil, fmt.Errorf("atp: begin transaction: responses: %d are not 0 to %d", q.Responses, MaxResponses)
	case len(q.Data) > MaxData:
		return nil, fmt.Errorf("atp: begin transaction: data: %d octets exceed %d", len(q.Data), MaxData)
	case q.Interval <= 0 || q.Tries == 0 || q.Tries < Infinite:
		return nil, fmt.Errorf("atp: begin transaction: %d tries each %v", q.Tries, q.Interval)
	case len(r.open) == MaxTransactions:
		return nil, fmt.Errorf("atp: begin transaction: %d are open", MaxTransactions)
	}
	// The next TID that no open transaction has.
	for again := true; again; {
		r.tid++
		again = slices.ContainsFunc(r.open, func(t *Transaction) bool { return t.TID == r.tid })
	}
	t := &Transaction{Request: q, TID: r.tid, bitmap: uint8(1<<q.Responses - 1), tries: q.Tries}
	r.open = append(r.open, t)
	r.send(now, t)
	return t, nil
}

// send sends the request for what is wanted still, and counts a try.
func (r *Requester) send(now time.Time, t *Transaction) {
	if t.tries != Infinite {
		t.tries--
	}
	r.resend(now, t)
}

func (r *Requester) resend(now time.Time, t *Transaction) {
	t.at = now.Add(t.Request.Interval)
	p := Packet{Function: TReq, XO: t.Request.XO, Bitmap: t.bitmap, TID: t.TID, User: t.Request.User, Data: t.Request.Data}
	if p.XO {
		p.Release = t.Request.Release
	}
	r.out = append(r.out, Sending{t.Request.Peer, p})
}

// Cancel ends a transaction.
func (r *Requester) Cancel(t *Transaction) {
	r.open = slices.DeleteFunc(r.open, func(o *Transaction) bool { return o == t })
}

// Handle takes a TResp. It returns the transaction that is complete with it. The data are copied.
func (r *Requester) Handle(now time.Time, from ddp.Socket, p Packet) *Transaction {
	i := slices.IndexFunc(r.open, func(t *Transaction) bool { return t.TID == p.TID && same(t.Request.Peer, from) })
	if p.Function != TResp || i < 0 || r.open[i].bitmap&(1<<p.Bitmap) == 0 {
		r.Unasked++
		return nil
	}
	t := r.open[i]
	t.parts[p.Bitmap] = Part{p.User, slices.Clone(p.Data)}
	t.bitmap &^= 1 << p.Bitmap
	t.got |= 1 << p.Bitmap
	if p.EOM {
		t.bitmap &= 1<<p.Bitmap - 1
	}
	if t.bitmap != 0 {
		if p.STS {
			r.resend(now, t)
		}
		return nil
	}
	if t.Request.XO {
		r.out = append(r.out, Sending{t.Request.Peer, Packet{Function: TRel, TID: t.TID}})
	}
	r.Cancel(t)
	return t
}

// Next is when Tick has something to do; zero if it has nothing.
func (r *Requester) Next() (next time.Time) {
	for _, t := range r.open {
		if next.IsZero() || t.at.Before(next) {
			next = t.at
		}
	}
	return next
}

// Tick sends requests again, and returns the transactions that have failed: their Err says so, and Parts what has come.
func (r *Requester) Tick(now time.Time) (failed []*Transaction) {
	r.open = slices.DeleteFunc(r.open, func(t *Transaction) bool {
		switch {
		case now.Before(t.at):
		case t.tries == 0:
			t.Err = ErrNoResponse
			failed = append(failed, t)
			return true
		default:
			r.send(now, t)
		}
		return false
	})
	return failed
}

// Drain returns what is to be sent since the last time.
func (r *Requester) Drain() []Sending {
	out := r.out
	r.out = nil
	return out
}
