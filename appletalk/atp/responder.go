package atp

import (
	"fmt"
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

// MaxRecords is how many exactly-once transactions a responder knows at a time. Requests beyond are dropped: they come again.
const MaxRecords = 256

// Incoming is a request that has come.
type Incoming struct {
	From ddp.Socket
	TID  uint16
	XO   bool
	User [4]byte
	Data []byte

	bitmap   uint8
	answered bool
	release  time.Duration
	until    time.Time
	parts    []Part
}

// Responder is the responding side of a socket.
//
//	handlers   Handle Tick
//	commands   Respond
//	getters    Next
//	outputs    Drain
type Responder struct {
	Dropped int // requests for which there was no room

	records []*Incoming // exactly once
	out     []Sending
}

// Knows tells whether a request is one of exactly once that has come before.
func (r *Responder) Knows(from ddp.Socket, tid uint16) bool { return r.find(from, tid) >= 0 }

// Open is how many requests of exactly once are known.
func (r *Responder) Open() int { return len(r.records) }

func (r *Responder) find(from ddp.Socket, tid uint16) int {
	return slices.IndexFunc(r.records, func(in *Incoming) bool { return in.TID == tid && in.From == from })
}

// Handle takes a TReq or a TRel. It returns the request that the client is to answer with Respond, or nil: a request that is to be
// executed once is returned once, and again only if it comes when its record is gone. Its data are part of p's.
func (r *Responder) Handle(now time.Time, from ddp.Socket, p Packet) *Incoming {
	i := r.find(from, p.TID)
	switch {
	case p.Function == TRel:
		if i >= 0 {
			r.records = slices.Delete(r.records, i, i+1)
		}
		return nil
	case p.Function != TReq:
		return nil
	case !p.XO:
		return &Incoming{From: from, TID: p.TID, User: p.User, Data: p.Data, bitmap: p.Bitmap}
	case i >= 0:
		in := r.records[i]
		if in.answered {
			in.bitmap = p.Bitmap
			in.until = now.Add(in.release)
			r.send(in)
		}
		return nil
	case len(r.records) == MaxRecords:
		r.Dropped++
		return nil
	}
	in := &Incoming{From: from, TID: p.TID, XO: true, User: p.User, Data: p.Data, bitmap: p.Bitmap, release: p.Release.Duration()}
	in.until = now.Add(in.release)
	r.records = append(r.records, in)
	return in
}

// Respond answers a request with up to MaxResponses parts, of which those are sent that are wanted. The parts of an exactly-once one
// are kept as they are.
func (r *Responder) Respond(now time.Time, in *Incoming, parts []Part) error {
	if len(parts) < 1 || len(parts) > MaxResponses {
		return fmt.Errorf("atp: respond: %d parts are not 1 to %d", len(parts), MaxResponses)
	}
	for _, part := range parts {
		if len(part.Data) > MaxData {
			return fmt.Errorf("atp: respond: data: %d octets exceed %d", len(part.Data), MaxData)
		}
	}
	in.parts, in.answered = parts, true
	in.until = now.Add(in.release)
	r.send(in)
	return nil
}

func (r *Responder) send(in *Incoming) {
	for i, part := range in.parts {
		if in.bitmap&(1<<i) != 0 {
			r.out = append(r.out, Sending{in.From, Packet{Function: TResp, EOM: i == len(in.parts)-1, Bitmap: uint8(i), TID: in.TID,
				User: part.User, Data: part.Data}})
		}
	}
}

// Next is when Tick has something to do; zero if it has nothing.
func (r *Responder) Next() (next time.Time) {
	for _, in := range r.records {
		if next.IsZero() || in.until.Before(next) {
			next = in.until
		}
	}
	return next
}

// Tick forgets what was kept for long enough.
func (r *Responder) Tick(now time.Time) {
	r.records = slices.DeleteFunc(r.records, func(in *Incoming) bool { return !now.Before(in.until) })
}

// Drain returns what is to be sent since the last time.
func (r *Responder) Drain() []Sending {
	out := r.out
	r.out = nil
	return out
}
