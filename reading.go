package tenuto

import (
	"sync"

	"github.com/tenuto-session/tenuto/spdu"
)

// A flow is one of the two kinds of SSDUs that come in parts.
type flow uint8

const (
	normal flow = iota // of S-DATA
	typed              // of S-TYPED-DATA
	numFlows
)

// A receiver is what receiving keeps between calls. The receive gate guards it.
type receiver struct {
	*reading      // nil while nobody receives and no TSDU has begun
	inData   bool // the user information of a DT or TD is being received
	discard  bool // and the machine delivers none of it
	eof      bool // the Conn has come to the end of its stream
	flow     flow
	enc      spdu.Enclosure
	ssdu     [numFlows]bool     // an SSDU is unfinished
	buf      *[receiveSize]byte // of Session.Receive
}

// A reading is the TSDU that is being received, and what the call waits by that receives it.
type reading struct {
	waiter waiter
	head   [64]byte  // the first octets of a TSDU
	tsdu   []byte    // those octets, or all of a TSDU without user information; aliases head while it is short
	want   int       // how long tsdu is to become before it is looked at
	over   []byte    // user information that was read with the head
	ended  bool      // and the TSDU ends with it
	after  spdu.SPDU // the GT or PT whose tokens count when the TSDU has been received
	leads  []byte    // the head that it leads
}

var readings = sync.Pool{New: func() any { return new(reading) }}

// begin makes r ready for a call that receives.
func (r *receiver) begin() {
	if r.reading == nil {
		r.reading = readings.Get().(*reading)
		r.reset()
	}
}

// leave gives back what an idle session has no use for.
func (r *receiver) leave() {
	if d := r.reading; d != nil && len(d.tsdu) == 0 && d.after == nil {
		d.tsdu = nil
		r.reading = nil
		readings.Put(d)
	}
}

// reset begins another TSDU.
func (r *receiver) reset() {
	r.tsdu, r.want, r.inData, r.over = r.head[:0], len(spdu.WholeHead), false, nil
}
