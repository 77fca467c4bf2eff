package rfc1006

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/transport"
)

// leader is who reads the socket: one at a time.
type leader uint8

const (
	nobody    leader = iota
	caller           // Receive, or the handshake
	goroutine        // because somebody must and no caller does
)

// receiver is what has come. The leader alone touches buf and what is chosen for one read.
type receiver struct {
	leader      leader
	reading     bool // the leader reads the socket, or is about to
	interrupted bool // its deadline has passed, to make it look
	woken       bool // it has been made to look, and has not asked its Cancel since
	yield       bool // a Receive wants to lead in the goroutine's place
	armed       bool // handover will fire
	turns, seen int  // how often a caller has led, and when handover was armed
	handover    *time.Timer

	// Of the caller that leads.
	cancel    transport.Cancel
	cancelled error
	dst       []byte
	filled    int  // octets in dst
	ends      bool // they end a TSDU
	stuck     bool // there are octets, and no room in dst
	shaking   bool // it wants no octets, but CR or CC

	buf   *readBuf // octets that were read and not handled, from r to w; nil if there are none
	r, w  int
	eof   bool // the peer sends nothing more, but has to be told something
	large bool // the last DT had many octets: what follows its header is not to be copied

	// One read.
	direct []byte // the part of dst that user data of the TPDU that has begun go to
	ahead  bool   // there is room for all of them
	vec    [2][]byte
	n      int
	fault  error

	isED, eot bool // the user data to come are those of ED, or of a DT that ends a TSDU

	window
	expedited tsdus
}

type readBuf [16 << 10]byte

var readBufs = sync.Pool{New: func() any { return new(readBuf) }}

const (
	// directMin is how many octets of user data make a DT large.
	directMin = 4 << 10
	// headAhead is how much is read ahead of a large DT: its header, most likely, and little of what need not be copied.
	headAhead = 64
	// handoverTime is how long no caller reads before a goroutine does, while a Send waits.
	handoverTime = 2 * time.Millisecond
)

var errMidst = errors.New("rfc1006: TCP connection closed in the midst of a TSDU")

// targets is where the octets of one read go: user data of the TPDU that has begun straight to the Receive that leads, and what follows
// them to the buffer, where it is known that they end the TPDU.
func (in *receiver) targets() (bufs [][]byte, buf *readBuf) {
	bufs = in.vec[:0]
	if len(in.direct) > 0 {
		bufs = append(bufs, in.direct)
		if !in.ahead {
			return bufs, nil
		}
	}
	if buf = in.buf; buf == nil {
		buf = readBufs.Get().(*readBuf)
	}
	limit := len(buf)
	if in.large {
		limit = min(in.w+headAhead, limit)
	}
	return append(bufs, buf[in.w:limit]), buf
}

// got tells where the n octets of one read have gone.
func (in *receiver) got(buf *readBuf, n int) {
	in.n = n
	if buf == nil || in.buf != nil {
		return
	}
	if n > len(in.direct) {
		in.buf = buf
	} else {
		readBufs.Put(buf)
	}
}

// step reads once, and tells whether nothing came: the leader may not wait, or was interrupted. What came is to be handled.
func (c *Conn) step() (none bool) {
	in := &c.in
	if left := c.m.Left; in.leader == caller && left > 0 && !in.isED && in.buf == nil && !c.dropping {
		in.direct = in.dst[in.filled:min(len(in.dst), in.filled+left)]
		in.ahead = len(in.direct) == left && maxVec > 1
	}
	in.reading = true
	c.unlock()
	err := c.readSocket()
	c.mu.Lock()
	in.reading = false
	if in.interrupted {
		in.interrupted, in.woken = false, true
		c.tcp.SetReadDeadline(time.Time{})
	}
	if err == nil {
		err = in.fault
	}
	n := min(in.n, len(in.direct))
	if n > 0 {
		in.filled += n
		c.took(n)
	}
	in.w += in.n - n
	none = in.n == 0
	in.n, in.direct, in.fault = 0, nil, nil
	clear(in.vec[:])
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.lost(err)
	}
	return none
}

// lost is the end of the TCP connection, which is the T-DISCONNECT indication.
func (c *Conn) lost(err error) {
	e := &transport.DisconnectError{Remote: true}
	switch {
	case err == io.EOF && len(c.out.final) > 0: // it may still read our last word
		c.in.eof = true
		return
	case err != io.EOF:
		e.Err = err
		var ne net.Error
		if errors.As(err, &ne) && ne.Timeout() { // nobody answers any more
			e.Remote, e.Reason = false, transport.ReasonExpired
		}
	case c.m.InTSDU || c.m.Left > 0 || c.in.buf != nil:
		e.Err = errMidst
	}
	c.end(e)
}

// mayWaitToRead is asked when the socket has nothing.
func (c *Conn) mayWaitToRead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := &c.in
	if in.leader == goroutine {
		return !in.yield && c.needReader()
	}
	if !c.served() {
		in.cancelled = in.cancel.Err()
	}
	return in.cancelled == nil && !c.served()
}

// handle takes the octets in the buffer, all of them or as many as the leader has use for.
func (c *Conn) handle() {
	in := &c.in
	for in.r < in.w && !c.ended {
		if c.m.Left > 0 {
			if !c.userData() {
				return
			}
			continue
		}
		if c.enough() || c.full() {
			return
		}
		if c.dropping && c.m.State != cotp.Open { // a word is on its way to the peer, and then it is over
			break
		}
		e, n, err := c.m.Handle(in.buf[in.r:in.w])
		if err != nil {
			c.breach(err)
			break
		}
		if n == 0 {
			in.w = copy(in.buf[:], in.buf[in.r:in.w])
			in.r = 0
			return
		}
		in.r += n
		c.effect(e)
	}
	if in.buf != nil {
		readBufs.Put(in.buf)
		in.buf, in.r, in.w = nil, 0, 0
	}
}

// enough tells whether the caller that leads has all that it can take. Normal octets behind an expedited TSDU must not overtake it.
func (c *Conn) enough() bool {
	in := &c.in
	if in.leader != caller {
		return false
	}
	return in.ends || in.stuck || in.expedited.len() > 0 || in.shaking && c.m.State == cotp.Open || len(in.dst) > 0 && in.filled == len(in.dst)
}

// effect does what a TPDU means.
func (c *Conn) effect(e cotp.Effect) {
	in := &c.in
	switch e.Kind {
	case cotp.EffectData:
		in.isED, in.eot, in.large = false, e.End, e.N >= directMin
		if e.N == 0 {
			c.took(0)
		}
	case cotp.EffectExpedited:
		in.isED, in.eot = true, false
		in.expedited.begin(e.N)
	case cotp.EffectUnacceptable:
		c.part(c.m.Refuse(e.Reason), &transport.DisconnectError{Reason: transport.ReasonProtocol, Err: errUnacceptable})
	case cotp.EffectDisconnect:
		c.end(disconnected(e.TPDU))
	}
}

var errUnacceptable = errors.New("rfc1006: a CR that would not do with class 0")

// userData moves octets from the buffer to where they belong. It returns false if they have to wait.
func (c *Conn) userData() bool {
	in := &c.in
	src := in.buf[in.r:min(in.w, in.r+c.m.Left)]
	n := len(src)
	switch {
	case in.isED:
		in.expedited.fill(src)
	case c.dropping:
	case in.leader == caller:
		n = copy(in.dst[in.filled:], src)
		in.filled += n
		in.stuck = n == 0
	default:
		n = max(0, min(n, c.set.Limits.ReceiveWindow-in.held()))
		in.store.grow(n, false)
		in.store.write(src[:n])
		in.last += n
	}
	in.r += n
	if n > 0 {
		c.took(n)
	}
	return n > 0
}

// needReader tells whether somebody must read the socket if no caller does.
func (c *Conn) needReader() bool {
	return !c.ended && !c.in.eof && (c.notify != nil || c.dropping || c.out.waits || !canTry) && !c.full()
}

// ensureReader starts the goroutine that reads, if one is needed and nobody leads.
func (c *Conn) ensureReader() {
	if c.in.leader == nobody && c.needReader() {
		c.in.leader = goroutine
		c.set.start(c.read)
	}
}

// armReader starts it if no caller leads within handoverTime: in a dialogue that goes both ways, one does all the time.
func (c *Conn) armReader() {
	in := &c.in
	if in.leader == goroutine || in.armed {
		return
	}
	in.armed, in.seen = true, in.turns
	if in.handover == nil {
		in.handover = time.AfterFunc(handoverTime, c.checkReader)
	} else {
		in.handover.Reset(handoverTime)
	}
}

func (c *Conn) checkReader() {
	c.mu.Lock()
	defer c.unlock()
	in := &c.in
	in.armed = false
	switch {
	case !c.needReader():
	case in.turns != in.seen:
		c.armReader()
	default:
		c.ensureReader()
	}
}

// read is the goroutine that reads.
func (c *Conn) read() {
	c.mu.Lock()
	defer c.unlock()
	in := &c.in
	for c.needReader() && !in.yield {
		held, urgent := in.held(), in.expedited.len()
		c.handle()
		c.changed.Broadcast()
		if in.held() > held || in.expedited.len() > urgent {
			c.arrived()
		}
		if c.needReader() && !in.yield {
			c.step()
		}
	}
	c.handle()
	in.leader, in.yield = nobody, false
	c.changed.Broadcast()
	if c.needReader() { // a Receive wanted to lead; perhaps it does no more
		c.armReader()
	}
}
