package rfc1006

import (
	"errors"
	"os"
	"time"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/transport"
)

// writer is who writes to the socket: one at a time.
type writer uint8

const (
	idle     writer = iota
	sending         // a Send, which may wait for the socket
	trying          // a call that may not
	flushing        // a goroutine that writes what others have left
)

// sender is what has not been written to the socket. Written are, in this order: the rest of a TPDU that was written in part, the EDs, the
// queue, and then the octets of the Send that writes.
type sender struct {
	writer      writer
	inWrite     bool // the writer is at the socket, or about to be
	interrupted bool // its deadline has passed, to make it look
	inCall      bool // what batch covers is being written, and must stay where it is
	waits       bool // a Send or Drain waits: the socket must be read
	err         error

	q      fifo
	recs   []record // in q
	few    [2]record
	queued uint64 // how many recs there were
	first  int    // octets of the first of recs that are written, and not in q any more
	ed     []byte // EDs; of the first, edDone octets are written
	edDone int
	edLen  int    // how many there are
	final  []byte // a last word, in place of all but what was written in part

	torn    bool // octets of a TSDU are written, and its last TPDU has not begun to be
	purging bool // the first purge of recs are to be withdrawn
	purge   int
	cut     bool   // the TSDU that is torn is to be ended before another begins
	told    bool   // an expedited TSDU was sent since the last Purge
	streak  int    // Sends since the last Receive
	gather  bool   // the last of recs may grow by octets sent with the same head
	head    []byte // that head

	call  call
	batch batch
	vec   [maxVec][]byte
	hdr   [maxDirect][cotp.HeaderSize]byte
}

// record is a TPDU in the queue.
type record struct {
	size int  // in octets, TPKT and all
	eot  bool // it ends a TSDU
}

// maxDirect is how many TPDUs of a Send go out with one write.
const maxDirect = 2

// batch is what one write is about: how many octets of each source.
type batch struct {
	rest, ed, final, q int
	direct             [maxDirect]piece
	n                  int // of direct
}

// pending tells whether there is something to write, apart from the Send's own octets.
func (o *sender) pending() bool { return o.q.len() > 0 || len(o.ed) > 0 || len(o.final) > 0 }

// drop forgets all that has not been written.
func (o *sender) drop() {
	o.q.release(o.inCall)
	o.recs, o.first, o.ed, o.edDone, o.edLen, o.final = nil, 0, nil, 0, 0, nil
	o.gather, o.purging, o.purge = false, false, 0
}

// firstED is the size of the first ED.
func (o *sender) firstED() int { return int(o.ed[2])<<8 | int(o.ed[3]) }

// collect chooses what is written next.
func (c *Conn) collect() (bufs [][]byte, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := &c.out
	b := &o.batch
	*b = batch{}
	if c.ended || o.err != nil {
		return nil, 0
	}
	bufs = o.vec[:0]
	add := func(p []byte) int {
		if len(p) == 0 || len(bufs) == maxVec {
			return 0
		}
		bufs = append(bufs, p)
		size += len(p)
		return len(p)
	}
	q := o.q.octets()
	if o.first > 0 {
		b.rest = add(q[:o.recs[0].size-o.first])
	}
	switch {
	case len(o.final) > 0:
		if o.edDone > 0 {
			b.ed = add(o.ed[o.edDone:o.firstED()])
		}
		b.final = add(o.final)
	default:
		if o.edLen > 0 {
			b.ed = add(o.ed[o.edDone:])
		}
		b.q = add(q[b.rest:o.whole(len(q))])
		if o.writer == sending && b.rest+b.q == len(q) {
			c.direct(add)
		}
	}
	o.inCall = size > 0
	return bufs, size
}

// whole is how many of the n octets in the queue go out with one write: where writes wait, those of one TPDU, so that expedited ones
// and Purge find the others here.
func (o *sender) whole(n int) int {
	if canTry || n == 0 {
		return n
	}
	return o.recs[0].size
}

// direct adds TPDUs made of the Send's octets.
func (c *Conn) direct(add func([]byte) int) {
	o := &c.out
	k := o.call
	for i := 0; i < maxDirect && !k.done(); i++ {
		p, head := k.next(c.m)
		cotp.PutHeader(o.hdr[i][:], cotp.TypeDT, p.size-cotp.HeaderSize, p.eot)
		add(o.hdr[i][:])
		add(head)
		add(k.b[k.n : k.n+p.n])
		o.batch.direct[i], o.batch.n = p, i+1
		k.accept(p)
	}
}

// wrote says that n octets of what collect chose are written, that the socket is full, or that it has failed. It tells whether the
// writer goes on: if the socket is full, when it has room.
func (c *Conn) wrote(n int, full bool, err error) (again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := &c.out
	o.inCall = false
	b := &o.batch
	if c.ended { // meanwhile; what a Send has sent by then was sent all the same
		n -= b.rest + b.ed + b.final + b.q
		for _, p := range b.direct[:b.n] {
			if n -= p.size; n >= 0 {
				o.call.accept(p)
			}
		}
		return false
	}
	some := func(of int) int {
		k := min(n, of)
		n -= k
		return k
	}
	o.wroteQueue(some(b.rest))
	o.wroteED(some(b.ed))
	if k := some(b.final); k > 0 {
		if o.final = o.final[k:]; len(o.final) == 0 {
			c.shut, o.err = true, c.err
			if c.in.eof {
				c.end(c.err)
			}
		}
	}
	o.wroteQueue(some(b.q))
	for i, p := range b.direct[:b.n] {
		k := some(p.size)
		if k == 0 {
			break
		}
		if k < p.size {
			o.putRest(o.hdr[i][:], p, k)
		}
		o.torn = !p.eot
		o.call.accept(p)
	}
	if o.purging {
		o.withdraw()
	}
	c.changed.Broadcast()
	switch {
	case err != nil:
		c.broken(err)
		return false
	case full:
		return c.mayWaitToWrite()
	}
	return true
}

func (o *sender) wroteQueue(n int) {
	o.q.skip(n)
	for n > 0 {
		r := o.recs[0]
		o.torn = !r.eot
		if left := r.size - o.first; n < left {
			o.first += n
			return
		} else {
			n -= left
		}
		o.first = 0
		o.recs = o.recs[1:]
		if o.purge > 0 {
			o.purge--
		}
	}
	if o.q.len() == 0 {
		o.q.release(false)
		o.recs, o.gather = o.few[:0], false
	}
}

func (o *sender) wroteED(n int) {
	o.edDone += n
	for o.edLen > 0 && o.edDone >= o.firstED() {
		k := o.firstED()
		o.ed, o.edDone, o.edLen = o.ed[k:], o.edDone-k, o.edLen-1
	}
	if o.edLen == 0 {
		o.ed = nil
	}
}

// putRest moves the rest of a TPDU of which done octets are written from a Send to the queue, which is empty: it is accepted.
func (o *sender) putRest(hdr []byte, p piece, done int) {
	if o.q.len() > 0 {
		panic("BUG: rfc1006: a Send overtook the queue")
	}
	parts := [...][]byte{hdr, nil, o.call.b[o.call.n : o.call.n+p.n]}
	if p.head {
		parts[1] = o.call.head
	}
	o.q.grow(p.size-done, false)
	o.recs, o.first = append(o.few[:0], record{p.size, p.eot}), done
	for _, part := range parts {
		skip := min(done, len(part))
		done -= skip
		o.q.write(part[skip:])
	}
}

// mayWaitToWrite is asked when the socket is full.
func (c *Conn) mayWaitToWrite() bool {
	o := &c.out
	k := &o.call
	switch {
	case o.writer == trying:
		return false
	case o.writer == flushing:
		return true
	case c.err != nil:
		return false
	case c.in.expedited.len() > 0:
		k.cancelled = transport.ErrExpedited
		return false
	}
	if k.cancelled = k.cancel.Err(); k.cancelled != nil {
		return false
	}
	o.waits = true
	c.armReader()
	return true
}

// write writes all that is due, as far as the writer may wait. mu is free meanwhile.
func (c *Conn) write() {
	o := &c.out
	o.inWrite = true
	c.unlock()
	err := c.writeSocket()
	c.mu.Lock()
	o.inWrite = false
	if o.writer == sending {
		o.waits = false
	}
	if o.interrupted {
		o.interrupted = false
		c.tcp.SetWriteDeadline(time.Time{})
	}
	clear(o.vec[:])
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !c.ended {
		c.broken(err)
	}
}

// broken says that nothing can be written any more. What came before may still be read, and a reader finds the end.
func (c *Conn) broken(err error) {
	o := &c.out
	if o.err == nil {
		o.err = &transport.DisconnectError{Remote: true, Err: err}
	}
	o.drop()
	c.changed.Broadcast()
	if c.dropping {
		c.end(o.err)
	}
}

// leave ends the writing of a call; a goroutine goes on where it leaves something behind.
func (c *Conn) leave() {
	o := &c.out
	if o.pending() && !c.ended && o.err == nil {
		o.writer = flushing
		c.set.start(c.flush)
		return
	}
	o.writer = idle
	c.changed.Broadcast()
	c.settle()
}

// flushNow writes what there is without waiting, if nobody writes.
func (c *Conn) flushNow() {
	if c.out.writer != idle || c.ended {
		return
	}
	if canTry {
		c.out.writer = trying
		c.write()
	}
	c.leave()
}

// flush is the goroutine that writes.
func (c *Conn) flush() {
	c.mu.Lock()
	defer c.unlock()
	for c.out.pending() && !c.ended && c.out.err == nil {
		c.write()
	}
	c.out.writer = idle
	c.changed.Broadcast()
	c.settle()
}
