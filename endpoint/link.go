package endpoint

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/transport"
)

// link is one carrier of a bridge and who reads it.
//
// At any time at most one goroutine, the leader, reads: a caller that waits for something the carrier may bring, or else the
// link's own goroutine. A caller gets what it waits for without a hand-over between goroutines, and large payloads straight
// into its buffer; the link's goroutine takes over when no caller has read for a moment.
type link struct {
	br            *Bridge
	conn          carrier.Conn
	since         time.Time
	interruptible bool

	// guarded by br.mu
	reading  bool // the leader is in conn.Read, or about to be
	stopped  bool
	parting  bool    // who reads is to let the carrier end
	wanted   bool    // the link's goroutine is to read
	armed    bool    // handover will fire
	idle     bool    // no data came for a while
	leader   *waiter // who reads; &own is the link's goroutine
	own      waiter
	broken   error // why nothing can be written any more
	handover *time.Timer
	turns    int       // how often the lead was left
	seen     int       // turns when handover was armed
	swept    time.Time // when something had happened last as empty buffers were given back

	buf  []byte // octets read, from r to w
	r, w int
	cur  payload
	out  batch
}

// payload is the part of a DATA or EXPEDITED frame that is to come.
type payload struct {
	stream *Stream // nil: drop
	drop   int     // octets to drop first
	left   int     // octets to come
	exp    bool
	seq    uint64
}

const (
	smallBuf = 256      // of a link on which little comes
	largeBuf = 16 << 10 // of one on which much comes
	// directMin is the least number of octets worth to be read straight into a user's buffer.
	directMin = 4 << 10
	// handoverTime is how long nobody reads before the link's goroutine does.
	handoverTime = 2 * time.Millisecond
)

var largeBufs = sync.Pool{New: func() any { b := make([]byte, largeBuf); return &b }}

// newLink takes a carrier whose handshake is over; rest is what was read beyond it.
func newLink(br *Bridge, c carrier.Conn, rest []byte) *link {
	l := &link{br: br, conn: c, interruptible: c.Features().Interruptible, since: time.Now(), wanted: true}
	l.buf = make([]byte, max(smallBuf, len(rest)))
	l.w = copy(l.buf, rest)
	l.own.cond.L = &br.mu
	return l
}

// stop makes all who read the link leave it; its carrier is closed by the caller.
func (l *link) stop() {
	l.stopped = true
	l.own.cond.Signal()
	if l.handover != nil {
		l.handover.Stop()
	}
}

// interrupt makes the leader's Read return.
func (l *link) interrupt() { l.br.later(l.conn.Interrupt) }

// passLead finds somebody who reads when the leader has left. If it will not come back soon, the link's goroutine reads at once.
func (l *link) passLead(back bool) {
	l.turns++
	if l.stopped {
		return
	}
	if !back && l.br.waiters == nil {
		l.takeLead()
		return
	}
	if p := l.br.waiters; p != nil && l.interruptible {
		l.br.unwait(p)
		p.cond.Signal()
	}
	if !l.armed {
		l.armed, l.seen = true, l.turns
		if l.handover == nil {
			l.handover = time.AfterFunc(handoverTime, l.checkLead)
		} else {
			l.handover.Reset(handoverTime)
		}
	}
}

// takeLead lets the link's goroutine read.
func (l *link) takeLead() {
	l.wanted = true
	l.own.cond.Signal() // also if it was wanted before: a caller may have led until now
}

// checkLead lets the link's goroutine read if no caller has for a moment.
func (l *link) checkLead() {
	l.br.mu.Lock()
	defer l.br.mu.Unlock()
	switch {
	case l.stopped || l.leader != nil:
		l.armed = false // whoever leads arms it again when leaving
	case l.turns == l.seen:
		l.armed = false
		l.takeLead()
	default:
		l.seen = l.turns
		l.handover.Reset(handoverTime)
	}
}

// run is the link's goroutine.
func (l *link) run() {
	br := l.br
	br.mu.Lock()
	defer br.unlock()
	for used := false; !l.stopped; used = true {
		if l.leader == nil && (l.idle || !l.wanted) {
			l.shrink()
		}
		if l.idle && used {
			// A goroutine's stack that has grown stays so; to wait takes half as much.
			br.ep.wg.Go(l.run)
			return
		}
		if !l.wanted || l.leader != nil {
			l.own.cond.Wait()
			continue
		}
		l.leader = &l.own
		turns := l.turns
		l.step(&l.own)
		l.leader = nil
		if l.interruptible && br.waiters == nil && l.turns != turns {
			// A caller was served: it may want to lead from now on.
			l.wanted = false
			l.passLead(true)
		}
		br.drain()
	}
}

// step reads once, and handles all that came, or as much as the leader needs.
func (l *link) step(w *waiter) {
	br := l.br
	if l.handle(w) || l.stopped {
		return
	}
	br.kick() // the answer to what was handled, which may have come with the handshake
	if br.drain() || l.stopped {
		return
	}
	dst := l.room(w)
	l.reading = true
	br.arm()
	br.mu.Unlock()
	n, err := l.conn.Read(dst.b)
	br.mu.Lock()
	l.reading = false
	if l.stopped { // what came belongs to a carrier that is no longer ours
		if l.parting {
			l.parting = false
			br.later(l.part)
		}
		return
	}
	if n > 0 {
		br.received += int64(n)
		br.m.HeardAt(time.Now())
		l.came(dst, n)
	}
	if err != nil && !errors.Is(err, carrier.ErrInterrupted) {
		l.handle(w)
		if err == io.EOF {
			err = errPeerClosed
		}
		br.lose(l, err)
		return
	}
	l.handle(w)
	if l.w == l.r && n == len(l.buf) && len(l.buf) < largeBuf {
		l.buf = *largeBufs.Get().(*[]byte)
		l.r, l.w = 0, 0
	}
	br.kick()
}

// giveBuffers gives back what a carrier that is in use needs. The link's goroutine sees to its buffer and its stack.
func (l *link) giveBuffers() {
	l.out.hdr, l.out.bufs = nil, nil
	if l.handover != nil && !l.armed {
		l.handover = nil
	}
	l.idle = true
	if l.leader == &l.own && l.reading && l.interruptible {
		l.interrupt()
	}
}

func (l *link) shrink() {
	if l.w != l.r || len(l.buf) != largeBuf {
		return
	}
	b := l.buf
	largeBufs.Put(&b)
	l.buf, l.r, l.w = make([]byte, smallBuf), 0, 0
}

// target is where a Read puts its octets: the link's buffer, or the buffer of a stream's Receive.
type target struct {
	b      []byte
	stream *Stream
}

// room finds where the next octets go.
func (l *link) room(w *waiter) target {
	if s := l.cur.stream; s != nil && w == s.rw && l.r == l.w && l.cur.drop == 0 && !l.cur.exp && w.dst != nil && w.got == 0 &&
		s.in != nil && !s.in.holds() && s.in.rec.ready {
		if n := min(len(w.dst), s.in.rec.left, l.cur.left); n >= directMin {
			return target{w.dst[:n], s}
		}
	}
	if l.r == l.w {
		l.r, l.w = 0, 0
	} else if l.r > 0 && len(l.buf)-l.w < bridge.HeaderSize*2 {
		l.w = copy(l.buf, l.buf[l.r:l.w])
		l.r = 0
	}
	return target{b: l.buf[l.w:]}
}

// came takes n octets that were read.
func (l *link) came(t target, n int) {
	s := t.stream
	if s == nil {
		l.w += n
		return
	}
	l.cur.left -= n
	w := s.rw // who has read
	w.got = n
	if s.in != nil { // else the stream was closed meanwhile
		w.end = s.in.rec.took(n)
	}
	l.br.m.Advance(s.m, n)
	s.consumed(n)
}

// handle takes the frames in the buffer, all of them or up to the one that satisfies the leader. It tells whether the leader has
// what it waits for.
func (l *link) handle(w *waiter) (satisfied bool) {
	br := l.br
	if l.r == l.w && l.cur.left == 0 {
		return w.served(l)
	}
	now := time.Now()
	for !l.stopped {
		if l.cur.left > 0 {
			if l.r == l.w || (l.cur.exp && l.w-l.r < l.cur.left) {
				break
			}
			l.payload(w)
			if w.s != nil && w == w.s.rw && w.satisfied() {
				return true
			}
			continue
		}
		f, n, err := bridge.ParseFrame(l.buf[l.r:l.w])
		if n == 0 && err == nil {
			break
		}
		l.r += n
		var e bridge.Effect
		if err == nil {
			e, err = br.m.Handle(now, f)
		}
		if err != nil {
			br.end(transport.ReasonProtocol, false, err)
			return true
		}
		l.effect(f, e)
	}
	return w.served(l)
}

// served tells whether the leader has got something, so that it should look.
func (w *waiter) served(l *link) bool {
	s := w.s
	switch {
	case s == nil:
		return false
	case l.stopped || s.closed || s.err != nil || s.m.ExpConsumed < s.m.ExpNext:
		return true
	case w == s.rw:
		return w.got > 0 || w.end || s.in.holds()
	case w == s.ew:
		return s.m.ExpeditedRoom()
	case w.drains:
		return s.m.Acked == s.m.Written
	}
	return s.room(maxHead, w.want)
}

// payload moves octets of the current frame from the buffer to its stream.
func (l *link) payload(w *waiter) {
	src := l.buf[l.r:min(l.w, l.r+l.cur.left)]
	s := l.cur.stream
	switch {
	case s == nil || s.m.Closing:
	case l.cur.exp:
		put(&s.expIn, l.cur.seq, src)
		l.br.m.AdvanceExpedited(s.m)
		if s.closed {
			s.drain()
		}
		s.wakeAll()
	case l.cur.drop > 0:
		src = src[:min(len(src), l.cur.drop)]
		l.cur.drop -= len(src)
	default:
		leads := w == s.rw
		src = src[:s.stored(src, leads)]
		if s.fresh {
			l.br.offer(s)
		}
	}
	l.r += len(src)
	l.cur.left -= len(src)
}

// effect does what a frame means.
func (l *link) effect(f bridge.Frame, e bridge.Effect) {
	br := l.br
	s := owner(e.Stream)
	switch e.Kind {
	case bridge.EffectOpened:
		br.opened(e.Stream)
	case bridge.EffectData:
		l.idle = false
		l.cur = payload{stream: s, drop: e.Drop, left: f.Length}
	case bridge.EffectExpect:
		l.cur = payload{stream: s, left: f.Length, exp: true, seq: f.Arg}
	case bridge.EffectAcked:
		if s != nil {
			s.acked()
		}
	case bridge.EffectSkipped:
		if s != nil {
			if s.closed {
				break
			}
			r := s.receives()
			r.resets = append(r.resets, r.head)
			s.wakeReceive()
		}
	case bridge.EffectClosed:
		if s != nil {
			s.fail(&transport.DisconnectError{Reason: transport.Reason(e.Reason), Remote: true})
			br.forget(s)
		}
	case bridge.EffectSynced:
		for _, m := range e.Lost {
			if s := owner(m); s != nil {
				s.fail(&transport.DisconnectError{Reason: transport.ReasonUnknown, Err: br.lastErr})
				br.forget(s)
			}
		}
	case bridge.EffectBye:
		br.end(transport.Reason(e.Reason), true, nil)
	case bridge.EffectParked:
		br.park(l)
	}
}

// owner is the stream that a machine's stream belongs to, nil if it has none: it was refused, or is not of interest any more.
func owner(m *bridge.Stream) *Stream {
	if m == nil {
		return nil
	}
	s, _ := m.Owner.(*Stream)
	return s
}

// acked frees what the peer has received, and wakes who waits for room.
func (s *Stream) acked() {
	switch o := s.out; {
	case o == nil:
	case !o.pinned:
		o.trim(s.m.ReplayFrom())
	default:
		o.trim(min(o.pin, s.m.ReplayFrom()))
	}
	s.settle()
	s.br.wake(s.sw)
	if s.m.ExpeditedRoom() {
		s.br.wake(s.ew)
	}
}
