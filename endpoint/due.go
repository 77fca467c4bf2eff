package endpoint

import (
	"time"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/transport"
)

// deadline is when tick must run next.
func (br *Bridge) deadline() time.Time {
	switch {
	case br.over != nil:
		return time.Time{}
	case br.link != nil:
		next := br.m.NextTimeout()
		if at := br.m.Active().Add(sweepTime); !br.writing && !br.m.Active().Equal(br.link.swept) && at.Before(next) {
			next = at
		}
		return next
	case br.lostAt.IsZero():
		return time.Time{}
	}
	at := br.lostAt.Add(br.patience())
	if look := br.lostAt.Add(br.lookIn); br.looks() && look.Before(at) {
		at = look
	}
	return at
}

// patience is how long the bridge lives without a carrier: the initiator's window, the responder's retention.
func (br *Bridge) patience() time.Duration {
	switch {
	case br.m.Parked && br.role == bridge.ResponderRole:
		return br.ep.cfg.ParkRetention
	case br.m.Parked:
		return br.m.Peer.Parked
	case br.role == bridge.ResponderRole:
		return br.ep.cfg.Retention
	}
	// The initiator gives up first, so that it never finds its bridge gone.
	if kept := br.m.Peer.Retention; kept > 0 {
		return min(br.ep.cfg.Window, kept-kept/10)
	}
	return br.ep.cfg.Window
}

// arm sets the endpoint's timer, if it must ring earlier than it would.
func (br *Bridge) arm() {
	next := br.deadline()
	if next.IsZero() {
		return
	}
	if at := br.ep.timers.when(next); br.armed == 0 || at < br.armed {
		br.armed = at
		br.ep.timers.set(br, at)
	}
}

// tick does what is due by time.
func (br *Bridge) tick(now time.Time) {
	br.mu.Lock()
	defer br.unlock()
	br.armed = 0
	switch {
	case br.over != nil:
	case br.link != nil:
		if br.m.Tick(now) {
			br.lose(br.link, errSilent)
			return
		}
		br.kick()
		br.sweep(now)
	case br.lostAt.IsZero():
	case !now.Before(br.lostAt.Add(br.patience())):
		br.end(transport.ReasonExpired, false, br.lastErr)
	case br.looks() && !now.Before(br.lostAt.Add(br.lookIn)):
		br.look(now)
	}
}

// sweep gives back the buffers that hold nothing, once after a bridge has fallen silent.
func (br *Bridge) sweep(now time.Time) {
	if br.link == nil || br.writing || br.m.Active().Equal(br.link.swept) || now.Sub(br.m.Active()) < sweepTime {
		return
	}
	br.link.swept = br.m.Active()
	br.giveBuffers()
	br.link.giveBuffers()
}

// giveBuffers gives back the streams' buffers that hold nothing.
func (br *Bridge) giveBuffers() {
	for s := br.streams.first; s != nil; s = s.next {
		s.giveOut()
		s.giveIn()
	}
}

const sweepTime = time.Second
