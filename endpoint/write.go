package endpoint

import (
	"time"

	"github.com/tenuto-session/tenuto/bridge"
)

const (
	// maxBatch is about how many octets go out with one write.
	maxBatch = 128 << 10
	// maxFrames is how many frames go out with one write.
	maxFrames = 32
	// ownRounds is how many batches a caller writes before it leaves the rest to a goroutine: it also writes for others.
	ownRounds = 4
)

// batch is what goes out with one write: headers, and between them octets in the streams' rings.
type batch struct {
	hdr    []byte
	bufs   [][]byte
	first  []byte // goes out before the first frame
	pinned []*Stream
	bye    bool
	parked bool // PARKED is among them

	fewHdr  [2 * maxHeader]byte // hdr and bufs of a bridge on which little happens
	fewBufs [4][]byte
}

// maxHeader is the size of the largest frame without octets of a ring.
const maxHeader = bridge.HeaderSize + bridge.MaxExpedited // an ACK has as many octets

// kick writes what is due, without waiting.
func (br *Bridge) kick() {
	switch {
	case br.link == nil:
		br.redial()
	case br.link.broken == nil && !br.writing && (br.m.Want() || br.link.out.first != nil):
		br.writing = true
		br.write(br.link)
	}
}

// flushFor writes for a Send. If it is one of several small ones, a goroutine writes: while it begins, more can be gathered.
func (br *Bridge) flushFor(s *Stream, gather bool) {
	if br.link == nil {
		br.redial()
		return
	}
	if br.link.broken != nil || br.writing || !br.m.Want() {
		return
	}
	br.writing = true
	if gather || !br.link.conn.Features().TryWrite {
		br.writeLater(br.link, nil)
		return
	}
	br.write(br.link)
}

// write writes batches as long as the carrier takes them at once. Who calls it has set br.writing, and mu is free meanwhile.
func (br *Bridge) write(l *link) {
	if !l.conn.Features().TryWrite {
		br.writeLater(l, nil)
		return
	}
	for range ownRounds {
		size := br.collect(l)
		if size == 0 {
			br.writing = false
			return
		}
		br.mu.Unlock()
		n, err := l.conn.TryWrite(l.out.bufs...)
		br.mu.Lock()
		if err == nil && n < size {
			br.writeLater(l, skip(l.out.bufs, n))
			return
		}
		if !br.wrote(l, err) {
			return
		}
	}
	if br.m.Want() && br.link == l {
		br.writeLater(l, nil)
		return
	}
	br.writing = false
}

// writeLater lets a goroutine write rest, which was collected, and then all that is due.
func (br *Bridge) writeLater(l *link, rest [][]byte) {
	br.ep.wg.Go(func() { br.writeAll(l, rest) })
}

func (br *Bridge) writeAll(l *link, rest [][]byte) {
	br.mu.Lock()
	defer br.unlock()
	for {
		if rest == nil && br.collect(l) == 0 {
			br.writing = false
			return
		}
		if rest == nil {
			rest = l.out.bufs
		}
		br.arm()
		br.mu.Unlock()
		_, err := l.conn.Write(rest...)
		br.mu.Lock()
		rest = nil
		if !br.wrote(l, err) {
			return
		}
	}
}

// wrote ends the writing of a batch. It returns false if the writer must stop, and has seen to who goes on.
func (br *Bridge) wrote(l *link, err error) bool {
	for i, s := range l.out.pinned {
		s.unpin()
		l.out.pinned[i] = nil
	}
	l.out.pinned = l.out.pinned[:0]
	clear(l.out.bufs)
	switch {
	case err != nil:
		br.broken(l, err)
	case l.out.parked:
		br.park(l)
	}
	if l.out.bye && br.link == l && l.leader == nil {
		l.takeLead() // until the peer has closed the carrier
	}
	if br.link == l && l.broken == nil {
		return true
	}
	br.writing = false
	br.kick() // a new carrier may be there, and waited for this writer to leave the rings
	return false
}

// collect takes the frames that are due and returns how many octets they are.
func (br *Bridge) collect(l *link) (size int) {
	o := &l.out
	if o.hdr == nil {
		o.hdr, o.bufs = o.fewHdr[:], o.fewBufs[:]
	}
	o.hdr, o.bufs = o.hdr[:0], o.bufs[:0]
	if br.link != l {
		return 0
	}
	if o.first != nil {
		o.bufs, size = append(o.bufs, o.first), len(o.first)
		o.first = nil
	}
	now := time.Now()
	from := 0 // the headers from here on are in no buf yet
	for range maxFrames {
		if size >= maxBatch {
			break
		}
		f, m, ok := br.m.Next(now)
		if !ok {
			break
		}
		if len(o.hdr)+maxHeader > cap(o.hdr) {
			// Headers must not move once bufs point at them.
			if from < len(o.hdr) {
				o.bufs = append(o.bufs, o.hdr[from:])
				size += len(o.hdr) - from
			}
			o.hdr, from = make([]byte, 0, maxFrames*maxHeader), 0
		}
		o.hdr, _ = f.AppendBinary(o.hdr)
		switch f.Type {
		case bridge.FrameData:
			s := owner(m)
			a, b := s.out.slices(f.Arg, f.Length)
			o.bufs = append(o.bufs, o.hdr[from:len(o.hdr):len(o.hdr)], a)
			if len(b) > 0 {
				o.bufs = append(o.bufs, b)
			}
			size += len(o.hdr) - from + f.Length
			from = len(o.hdr)
			if !s.out.pinned {
				s.out.pinned, s.out.pin = true, f.Arg
				o.pinned = append(o.pinned, s)
			}
		case bridge.FrameExpedited:
			o.hdr = append(o.hdr, owner(m).expOut.tsdu[f.Arg%bridge.MaxExpeditedQueue][:f.Length]...)
		case bridge.FrameBye:
			o.bye = true
		case bridge.FrameParked:
			o.parked = true
		}
	}
	if from < len(o.hdr) {
		o.bufs = append(o.bufs, o.hdr[from:])
		size += len(o.hdr) - from
	}
	br.sent += int64(size)
	return size
}

// unpin says that the octets being written are written, or never will be.
func (s *Stream) unpin() {
	if o := s.out; o != nil { // else they were released
		o.pinned = false
		o.trim(s.m.ReplayFrom())
	}
	s.br.wake(s.sw)
}

// skip leaves out the first n octets of bufs.
func skip(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n > 0 {
		bufs[0] = bufs[0][n:]
	}
	return bufs
}

// growth decides when a stream's window is too small: when its user takes a whole window within two round trips, then the window
// and not the user is what the peer waits for.
type growth struct {
	taken int64
	since time.Time
}

const (
	// growthFloor stands in for round trips too short to measure well.
	growthFloor = 100 * time.Microsecond
	// growthRate is faster than any path, in octets per second: a window wider than the shortest round trip times this
	// fills queues and not the path.
	growthRate = 5e9
	// cacheWindow is a window that every path may have. Both rings of one so wide stay in a core's cache.
	cacheWindow = 512 << 10
)

func (g *growth) consumed(s *Stream, n int) {
	g.taken += int64(n)
	w := s.m.Window
	if g.taken < int64(w) {
		return
	}
	now := time.Now()
	rtt := s.br.m.LeastRTT()
	quick := now.Sub(g.since) < 2*max(rtt, growthFloor)
	g.taken, g.since = 0, now
	limit := min(uint64(s.br.ep.cfg.Limits.StreamBytes), max(cacheWindow, uint64(rtt.Seconds()*growthRate)))
	if quick && w*2 <= limit && s.br.reserve(s, int64(w)) {
		s.br.m.Grow(s.m, w*2)
	}
}
