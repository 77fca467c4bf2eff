package endpoint

import (
	"context"
	"errors"
	"time"

	"github.com/tenuto-session/tenuto/bridge"
)

// park gives up a carrier that both ends agreed to do without.
func (br *Bridge) park(l *link) {
	if br.link != l {
		return
	}
	br.unlink(l, nil)
	br.lookIn = br.ep.cfg.ParkPoll
	br.giveBuffers()
	br.later(func() {
		br.ep.event(Event{Kind: Parked, Bridge: br, Carrier: l.conn.RemoteAddr()})
		if br.role == bridge.InitiatorRole {
			l.conn.Close()
			return
		}
		l.conn.Interrupt()
	})
	if br.role == bridge.ResponderRole {
		// The initiator closes the carrier when it has read PARKED. A close here might overtake that, so the carrier is read
		// until then, by who reads no more for the bridge.
		if l.parting = l.reading; !l.parting {
			br.later(l.part)
		}
	}
	br.redial() // for what was submitted meanwhile
}

// part waits for the peer to close a carrier that is not in use any more, and closes it.
func (l *link) part() {
	begun := l.br.ep.Go(func() {
		stop := context.AfterFunc(l.br.ep.ctx, func() { l.conn.Close() })
		t := time.AfterFunc(byeTime, func() { l.conn.Close() })
		finish(l.conn)
		t.Stop()
		stop()
		l.conn.Close()
	})
	if !begun {
		l.conn.Close()
	}
}

// looks tells whether the parked bridge looks in at its responder by itself.
func (br *Bridge) looks() bool {
	return br.m.Parked && br.role == bridge.InitiatorRole && br.ep.cfg.ParkPoll > 0 && !br.unused()
}

// look makes a carrier for a parked bridge, to find out what the responder has kept.
func (br *Bridge) look(now time.Time) {
	br.lookIn = now.Sub(br.lostAt) + br.ep.cfg.ParkPoll
	if br.dialling {
		return
	}
	br.dialling = true
	br.m.Glance()
	br.later(func() {
		look := func() {
			ctx, stop := br.dialContext()
			defer stop()
			br.dialOnce(ctx, br.ep.cfg.HandshakeTime)
		}
		if !br.ep.Go(look) {
			br.mu.Lock()
			defer br.unlock()
			br.dialling = false
		}
	})
}

// dialOnce makes one attempt to get a carrier. If it comes to nothing the bridge is parked as before.
func (br *Bridge) dialOnce(ctx context.Context, limit time.Duration) {
	err := br.attach(ctx, limit)
	br.mu.Lock()
	defer br.unlock()
	br.refused(err)
	br.endDial()
}

// bye makes a carrier for a parked bridge that is being closed: the responder would keep it for long.
func (br *Bridge) bye() {
	br.dialling = true
	ctx := context.WithoutCancel(br.ep.ctx) // the endpoint may be closing
	br.later(func() { br.ep.wg.Go(func() { br.dialOnce(ctx, byeTime) }) })
}

// refused ends the bridge if an attempt has shown that it cannot be attached to any more.
func (br *Bridge) refused(err error) {
	if f, ok := errors.AsType[*finalError](err); ok {
		br.end((&refusal{code: f.Refusal}).reason(), true, f.RefusedError)
	}
}
