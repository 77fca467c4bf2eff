package rfc1006

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/transport"
)

const (
	// gatherBelow is the size of a Send, in octets, below which a second one in a row leaves its octets to be gathered.
	gatherBelow = 16 << 10
	// maxHead is the largest head of a Send, in octets: it fits in any TPDU.
	maxHead = 64
	// canDirect: a Send's octets can be written from where they are, behind headers.
	canDirect = canTry && maxVec > 1
)

// call is a Send.
type call struct {
	cancel    transport.Cancel
	head, b   []byte
	flags     transport.SendFlag
	n         int  // octets of b that are accepted
	headIn    bool // head is
	ended     bool // the end is, or there is none
	cancelled error
}

// piece is a TPDU made of a Send's octets.
type piece struct {
	size, n   int // octets altogether, and of the Send's b
	head, eot bool
}

func (k *call) done() bool { return k.n == len(k.b) && k.headIn && k.ended }

// begun tells whether something was accepted.
func (k *call) begun() bool { return k.n > 0 || k.headIn && len(k.head) > 0 }

// next makes a TPDU of the octets that are not accepted.
func (k *call) next(m *cotp.Machine) (p piece, head []byte) {
	gather := k.flags&transport.Gather != 0
	if p.head = !k.headIn || gather; p.head {
		head = k.head
	}
	p.n, p.eot = m.Segment(len(k.b)-k.n+len(head), k.flags&transport.End != 0)
	p.size = cotp.HeaderSize + p.n
	p.n -= len(head)
	p.eot = p.eot || gather
	return p, head
}

func (k *call) accept(p piece) {
	k.n += p.n
	k.headIn = true
	k.ended = k.ended || k.n == len(k.b)
}

// Send implements transport.Conn. The caller writes from b to the socket, and waits for it; what is left of a TPDU that has begun when
// it gives up is kept here. Small Sends with Gather in a row, with no Receive between, are left to a goroutine that gathers them.
func (c *Conn) Send(cancel transport.Cancel, head, b []byte, f transport.SendFlag) (n int, err error) {
	c.mu.Lock()
	defer c.unlock()
	o := &c.out
	if len(head) > maxHead {
		return 0, fmt.Errorf("rfc1006: send: a head of %d octets exceeds %d", len(head), maxHead)
	}
	k := &o.call
	*k = call{cancel: cancel, head: head, b: b, flags: f, headIn: len(head) == 0, ended: f&transport.End == 0}
	defer func() { *k = call{} }()
	if f&transport.NoWait != 0 {
		return c.sendNow(k)
	}
	o.streak++
	small := f&transport.Gather != 0 && len(b) < gatherBelow && o.streak > 1
	for {
		if err := c.maySend(); err != nil {
			return k.n, err
		}
		if c.in.expedited.len() > 0 {
			return k.n, transport.ErrExpedited
		}
		if k.done() {
			return k.n, nil
		}
		if o.writer == idle && canDirect && !small {
			return c.sendDirect(k)
		}
		if c.enqueue(k); k.done() {
			if o.writer == idle {
				c.leave()
			}
			return k.n, nil
		}
		if o.writer == idle && o.pending() {
			c.leave()
		}
		if err := cancel.Err(); err != nil {
			return k.n, err
		}
		o.waits = true
		c.armReader()
		c.changed.Wait()
		o.waits = false
	}
}

// maySend tells why nothing can be sent. Before another TSDU begins, it ends one that was cut by Purge.
func (c *Conn) maySend() error {
	o := &c.out
	for o.purging && c.err == nil && o.err == nil { // for as long as a write takes that does not wait
		c.changed.Wait()
	}
	switch {
	case c.err != nil:
		return c.err
	case o.err != nil:
		return o.err
	case o.cut && !o.told:
		c.end(&transport.DisconnectError{Err: errTorn})
		return c.err
	case o.cut:
		o.cut = false
		o.put(piece{size: cotp.HeaderSize, eot: true}, nil, nil)
	}
	return nil
}

var errTorn = errors.New("rfc1006: a TSDU was withdrawn when a part of it had been sent, and nothing told the peer so")

// sendDirect writes the octets of a Send.
func (c *Conn) sendDirect(k *call) (n int, err error) {
	o := &c.out
	o.writer = sending
	for k.cancelled == nil && c.err == nil && o.err == nil && (!k.done() || o.pending()) {
		c.write()
	}
	c.leave()
	switch {
	case k.done():
		return k.n, nil
	case k.cancelled != nil:
		return k.n, k.cancelled
	case c.err != nil:
		return k.n, c.err
	}
	return k.n, o.err
}

// room is how many octets the queue takes yet.
func (c *Conn) room() int { return c.set.Limits.SendQueue - c.out.q.len() - markSize*len(c.out.recs) }

// enqueue puts the octets of a Send in the queue, if all fit: else they had better wait until they can be written from where they are.
func (c *Conn) enqueue(k *call) {
	o := &c.out
	c.join(k)
	all := len(k.b) - k.n + len(k.head)
	if canDirect && all+(all/c.m.MaxData()+1)*(cotp.HeaderSize+markSize) > c.room() {
		return
	}
	for !k.done() {
		p, head := k.next(c.m)
		if p.size+markSize > c.room() {
			return
		}
		o.put(p, head, k.b[k.n:k.n+p.n])
		k.accept(p)
	}
	if o.gather = k.flags&transport.Gather != 0; o.gather {
		o.head = append(o.head[:0], k.head...)
	}
}

// join adds octets of a Send with Gather to the TSDU before, if that waits for the socket and has the same head.
func (c *Conn) join(k *call) {
	o := &c.out
	if !o.gather || k.flags&transport.Gather == 0 || o.inCall || len(o.recs) == 0 || len(o.recs) == 1 && o.first > 0 || !bytes.Equal(o.head, k.head) {
		return
	}
	r := &o.recs[len(o.recs)-1]
	n := min(len(k.b)-k.n, c.room(), c.m.MaxData()+cotp.HeaderSize-r.size)
	if n <= 0 {
		return
	}
	o.q.grow(n, false)
	o.q.write(k.b[k.n : k.n+n])
	k.n += n
	if k.n == len(k.b) {
		k.headIn, k.ended = true, true
	}
	r.size += n
	cotp.PutHeader(o.q.octets()[o.q.len()-r.size:], cotp.TypeDT, r.size-cotp.HeaderSize, r.eot)
}

// put adds a TPDU to the queue.
func (o *sender) put(p piece, head, b []byte) {
	o.gather = false
	o.q.grow(p.size, o.inCall)
	var h [cotp.HeaderSize]byte
	cotp.PutHeader(h[:], cotp.TypeDT, p.size-cotp.HeaderSize, p.eot)
	o.q.write(h[:])
	o.q.write(head)
	o.q.write(b)
	o.recs = append(o.recs, record{p.size, p.eot})
	o.queued++
}

// sendNow adds a whole TSDU past the bounds of the queue. A peer that asks for more answers than fit there, and takes none, is
// disconnected.
func (c *Conn) sendNow(k *call) (n int, err error) {
	if err := c.maySend(); err != nil {
		return 0, err
	}
	if len(k.b) > transport.MaxNoWait {
		return 0, fmt.Errorf("rfc1006: send: %d octets past flow control exceed %d", len(k.b), transport.MaxNoWait)
	}
	if len(k.b)-c.room() > transport.MaxNoWait+cotp.MaxTPDU {
		c.end(&transport.DisconnectError{Reason: transport.ReasonCongestion, Err: errAnswers})
		return 0, c.err
	}
	for !k.done() {
		p, head := k.next(c.m)
		c.out.put(p, head, k.b[k.n:k.n+p.n])
		k.accept(p)
	}
	c.flushNow()
	return len(k.b), nil
}

var errAnswers = errors.New("rfc1006: the peer does not take what answers it")

// control sends a TPDU of the connection's establishment.
func (c *Conn) control(p cotp.TPDU) error {
	b, err := p.AppendBinary(nil)
	if err != nil {
		return fmt.Errorf("rfc1006: %w", err)
	}
	o := &c.out
	o.q.grow(len(b), o.inCall)
	o.q.write(b)
	o.recs = append(o.recs, record{len(b), true})
	o.queued++
	c.flushNow()
	return nil
}

var errNoExpedited = errors.New("rfc1006: send: no expedited data on this connection")

// SendExpedited implements transport.Conn. An ED goes out before all that has not begun to be written.
func (c *Conn) SendExpedited(cancel transport.Cancel, b []byte) error {
	c.mu.Lock()
	defer c.unlock()
	o := &c.out
	switch {
	case len(b) < 1 || len(b) > transport.MaxExpedited:
		return fmt.Errorf("rfc1006: send: an expedited TSDU has 1 to %d octets, not %d", transport.MaxExpedited, len(b))
	case c.err == nil && !c.m.Expedited:
		return errNoExpedited
	}
	for {
		switch {
		case c.err != nil:
			return c.err
		case o.err != nil:
			return o.err
		case o.edLen < maxExpeditedQueue:
			var h [cotp.HeaderSize]byte
			cotp.PutHeader(h[:], cotp.TypeED, len(b), true)
			o.ed = append(append(o.ed, h[:]...), b...)
			o.edLen++
			o.told = true
			c.flushNow()
			return nil
		}
		if err := cancel.Err(); err != nil {
			return err
		}
		c.changed.Wait()
	}
}

// Position implements transport.Conn: it counts TPDUs that were not written at once.
func (c *Conn) Position() (sent, settled uint64) {
	c.mu.Lock()
	defer c.unlock()
	return c.out.queued, c.out.queued - uint64(len(c.out.recs))
}

// Purge implements transport.Conn. While a Send goes on of which something was accepted, nothing is withdrawn.
func (c *Conn) Purge() {
	c.mu.Lock()
	defer c.unlock()
	o := &c.out
	if c.err != nil || o.err != nil || o.writer == sending || o.call.begun() {
		return
	}
	o.told = false
	o.purging, o.purge = true, len(o.recs)
	if !o.inCall || !canTry {
		o.withdraw()
	}
}

// withdraw takes the TPDUs that Purge is about out of the queue, but for the rest of a TSDU that is torn if all of it is there.
func (o *sender) withdraw() {
	keep, torn := 0, o.torn
	switch {
	case o.first > 0:
		keep = 1
	case o.inCall && o.batch.q > 0: // a write that waits: it will be done
		keep, torn = 1, !o.recs[0].eot
	}
	if torn {
		end := keep
		for end < o.purge && !o.recs[end].eot {
			end++
		}
		if end < o.purge {
			keep = end + 1
		} else {
			o.cut = true
		}
	}
	if keep < o.purge {
		size := func(recs []record) (n int) {
			for _, r := range recs {
				n += r.size
			}
			return n
		}
		from := size(o.recs[:keep]) - min(o.first, size(o.recs[:keep]))
		o.q.cut(from, from+size(o.recs[keep:o.purge]))
		o.recs = append(o.recs[:keep], o.recs[o.purge:]...)
		o.gather = false
	}
	if o.q.len() == 0 {
		o.q.release(false)
	}
	o.purging, o.purge = false, 0
}
