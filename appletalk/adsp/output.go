package adsp

import "time"

const (
	leastRetransmit = 200 * time.Millisecond
	firstRetransmit = time.Second
	mostRetransmit  = 10 * time.Second
	// askEvery is after how many packets an acknowledgment is asked for, beside the last one that may be sent.
	askEvery = 16
)

// output is what was written and has not been acknowledged.
type output struct {
	slots
	first uint32 // FirstRtmtSeq: the oldest that is not acknowledged
	next  uint32 // what is sent next: less than sent while something is sent again
	sent  uint32 // SendSeq: what has never been sent
	last  uint32 // behind what was written
	limit uint32 // behind what the other end has room for: SendWdwSeq + 1

	at      time.Time // when what is not acknowledged is sent again, or a closed window probed
	backoff uint      // how often that was done in vain
	asked   int       // packets since an acknowledgment was asked for
	pace
}

// pace estimates the round trip, and how much may be on the way without loss.
type pace struct {
	rtt, deviation time.Duration
	timed          bool
	number         uint32 // whose acknowledgment is timed
	began          time.Time
	packets        int // that may be on the way
	lostAt         time.Time
}

const (
	leastPackets = 2
	firstPackets = 8
	mostPackets  = MaxWindow/MaxData + 1
)

func (p *pace) init() { p.packets = firstPackets }

// sample takes a round trip.
func (p *pace) sample(d time.Duration) {
	if p.rtt == 0 {
		p.rtt, p.deviation = d, d/2
		return
	}
	diff := d - p.rtt
	p.rtt += diff / 8
	p.deviation += (diff.Abs() - p.deviation) / 4
}

// interval is the retransmission interval.
func (o *output) interval() time.Duration {
	d := firstRetransmit
	if o.rtt > 0 {
		d = max(o.rtt+4*o.deviation, leastRetransmit)
	}
	return min(d<<min(o.backoff, 6), mostRetransmit)
}

// lost takes note of a loss: less may be on the way. Several within a round trip are one.
func (o *output) lost(now time.Time) {
	if now.Sub(o.lostAt) >= o.rtt {
		o.packets, o.lostAt = max(leastPackets, o.packets/2), now
	}
	o.timed = false // an acknowledgment does not say of which copy it is
}

// rewind sends again from the oldest that is not acknowledged.
func (o *output) rewind() { o.next = o.first }

// clear drops everything.
func (o *output) clear() {
	o.first, o.next, o.last = o.sent, o.sent, o.sent
	o.free()
	o.at, o.timed = time.Time{}, false
}

// Room is how many octets Write takes: none unless the connection is established.
func (m *Machine) Room() int {
	if m.state != Established || m.reset.pending {
		return 0
	}
	return m.cfg.Window - int(m.out.last-m.out.first)
}

// Write takes octets as far as there is room, and with eom, if all of them are taken, the end of a message behind them; that takes the room of
// one octet. IA2 ch. 12
func (m *Machine) Write(now time.Time, b []byte, eom bool) (n int, ended bool) {
	o := &m.out
	room := m.Room()
	n = min(len(b), room)
	ended = eom && n == len(b) && n < room
	end := o.last + uint32(n)
	if ended {
		end++
	}
	if end == o.last {
		return 0, false
	}
	o.grow(o.first, end)
	o.put(o.last, b[:n])
	if ended {
		o.end(end - 1)
	}
	o.last = end
	m.push(now)
	return n, ended
}

// Flushed tells whether all that was written has been acknowledged.
func (m *Machine) Flushed() bool { return m.out.first == m.out.last && !m.reset.pending }

// acknowledged takes what any packet says of what has arrived and of the room there is.
func (m *Machine) acknowledged(now time.Time, p Packet) {
	o := &m.out
	if before(p.Next, o.first) || before(o.sent, p.Next) {
		if before(o.sent, p.Next) {
			m.Stray++
		}
		return
	}
	if limit := p.Next + uint32(p.Window); before(o.limit, limit) {
		o.limit = limit
	}
	if o.timed && !before(p.Next, o.number) {
		o.timed = false
		o.sample(now.Sub(o.began))
	}
	if p.Next == o.first {
		return
	}
	n := int(p.Next-o.first)/MaxData + 1
	o.packets = min(o.packets+min(n, 2), mostPackets)
	o.first, o.backoff = p.Next, 0
	if before(o.next, o.first) {
		o.next = o.first
	}
	o.drop(o.first)
	o.at = time.Time{} // from now on
}

// push sends what may be sent, and does what follows when nothing is left.
func (m *Machine) push(now time.Time) {
	o := &m.out
	if m.state < Established || m.state == Closed || m.reset.pending {
		return
	}
	most := o.first + uint32(o.packets*MaxData)
	for before(o.next, o.last) && before(o.next, o.limit) && before(o.next, most) {
		m.packet(now, most)
	}
	if m.state == Flushing && m.Flushed() && !m.busy {
		m.control(CloseAdvice)
		m.close(now, ErrClosed)
		return
	}
	switch waits := o.first != o.last; {
	case !waits:
		o.at = time.Time{}
	case o.at.IsZero():
		o.at = now.Add(o.interval())
	}
}

// packet sends the next packet.
func (m *Machine) packet(now time.Time, most uint32) {
	o := &m.out
	limit := o.last
	if before(o.limit, limit) {
		limit = o.limit
	}
	end := o.nextEnd(o.next, limit)
	n := min(int(end-o.next), MaxData)
	at := len(m.data)
	m.data = append(m.data, make([]byte, n)...)
	p := Packet{ConnID: m.id, First: o.next, Next: m.in.next, Window: m.window(), Data: m.data[at : at+n : at+n]}
	o.get(o.next, p.Data)
	o.next += uint32(n)
	if o.next == end && end != limit {
		p.EOM = true
		o.next++
	}
	if before(o.sent, o.next) {
		o.sent = o.next
		if !o.timed {
			o.timed, o.number, o.began = true, o.next, now
		}
	}
	o.asked++
	if p.AckRequest = o.asked >= askEvery || !before(o.next, o.last) || !before(o.next, o.limit) || !before(o.next, most); p.AckRequest {
		o.asked = 0
	}
	m.in.owed = false
	m.packets = append(m.packets, p)
}

// expired sends again what has not been acknowledged in time, or probes a window that is closed.
func (m *Machine) expired(now time.Time) {
	o := &m.out
	o.backoff++
	o.at = now.Add(o.interval())
	if o.first == o.sent && !before(o.first, o.limit) {
		m.probe()
		return
	}
	o.lost(now)
	o.rewind()
	o.packets = leastPackets
	m.push(now)
}
