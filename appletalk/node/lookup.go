package node

import (
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
	"github.com/tenuto-session/tenuto/appletalk/port"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// Lookup finds names. IA2 ch. 7
type Lookup struct {
	call
	Entity   nbp.Entity
	Tries    int           // 0: nbp.Tries
	Interval time.Duration // 0: nbp.Interval
	Limit    int           // it is over when so many are found; 0: no limit
	At       ddp.Addr      // if its node is not 0, this node alone is asked: that confirms that it has the name still

	lookup *nbp.Lookup
}

// Found are the names that were found, each with its address.
func (l *Lookup) Found() []nbp.Tuple {
	if l.lookup == nil {
		return nil
	}
	return l.lookup.Found()
}

func (l *Lookup) begin(m *Machine, now time.Time, out *link.Output) error {
	if l.Tries == 0 {
		l.Tries = nbp.Tries
	}
	if l.Interval == 0 {
		l.Interval = nbp.Interval
	}
	// A node on an extended network writes its real zone: a router drops the other.
	if m.Extended() && l.Entity.IsOwnZone() && m.zone != zip.Own {
		l.Entity.Zone = m.zone
	}
	if m.cable.Router.Node == 0 && !l.Entity.IsOwnZone() && l.At.Node == 0 {
		return fmt.Errorf("node: look up %v: only the zone * can be reached: %w", l.Entity, ErrNoRouter)
	}
	m.id++
	l.lookup = nbp.NewLookup(m.id, ddp.Socket{Addr: m.Addr(), Num: l.socket}, l.Entity, l.Tries, l.Interval)
	l.tick(m, now, out)
	return nil
}

func (l *Lookup) tick(m *Machine, now time.Time, out *link.Output) {
	p, ok := l.lookup.Tick(now)
	if ok {
		l.send(m, now, p, out)
	}
	if l.at = l.lookup.Next(); l.lookup.Done() {
		l.end(nil)
	}
}

// send asks a router, which asks all; without one the cable is asked.
func (l *Lookup) send(m *Machine, now time.Time, p nbp.Packet, out *link.Output) {
	to := l.At
	if to.Node == 0 {
		if m.cable.Router.Node == 0 {
			m.broadcast(now, l.socket, ddp.SocketNBP, ddp.TypeNBP, p.Append(nil), out)
			return
		}
		p.Function, to = nbp.BrRq, m.cable.Router
	}
	d := ddp.Datagram{Dst: ddp.Socket{Addr: to, Num: ddp.SocketNBP}, Src: ddp.Socket{Num: l.socket}, Type: ddp.TypeNBP, Data: p.Append(nil)}
	if err := m.Send(now, &d, out); err != nil {
		m.Drop(now, port.NoRoute, out)
	}
}

func (l *Lookup) datagram(m *Machine, now time.Time, d *ddp.Datagram, out *link.Output) {
	p, err := nbp.Parse(d.Data)
	if d.Type != ddp.TypeNBP || err != nil || !l.lookup.Handle(p) {
		m.Drop(now, port.Unasked, out, "protocol", "NBP")
		return
	}
	if l.Limit > 0 && len(l.Found()) >= l.Limit {
		l.lookup.Stop()
		l.end(nil)
	}
}

// Register gives one of the user's sockets a name, if nobody in the zone has it.
type Register struct {
	Lookup
	Socket uint8
}

func (r *Register) begin(m *Machine, now time.Time, out *link.Output) error {
	if r.Entity.IsPattern() {
		return fmt.Errorf("node: register %v: a name has no wildcards", r.Entity)
	}
	if !r.Entity.IsOwnZone() {
		return fmt.Errorf("node: register %v: a name is in the zone of its node", r.Entity)
	}
	if m.names.Has(r.Entity) {
		return fmt.Errorf("node: register %v: this node has it already", r.Entity)
	}
	r.Limit = 1
	err := r.Lookup.begin(m, now, out)
	r.judge(m)
	return err
}

func (r *Register) datagram(m *Machine, now time.Time, d *ddp.Datagram, out *link.Output) {
	r.Lookup.datagram(m, now, d, out)
	r.judge(m)
}

func (r *Register) tick(m *Machine, now time.Time, out *link.Output) {
	r.Lookup.tick(m, now, out)
	r.judge(m)
}

// judge decides when the lookup is over.
func (r *Register) judge(m *Machine) {
	switch found := r.Found(); {
	case !r.done:
	case len(found) > 0:
		r.err = fmt.Errorf("node: register %v: %v has it", r.Entity, found[0].Addr)
	default:
		r.err = m.names.Add(r.Entity, r.Socket)
	}
}
