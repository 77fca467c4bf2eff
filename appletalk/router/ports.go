package router

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
	"github.com/tenuto-session/tenuto/appletalk/port"
	"github.com/tenuto-session/tenuto/appletalk/rtmp"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// PortConfig says what a port is.
type PortConfig struct {
	// Range and Zones, of which the first is the default zone, make a seed port. Both are empty on a port that learns them from others.
	Range ddp.Range
	Zones []string
	// Hint is the address to ask for first: the node on LocalTalk, both on EtherTalk.
	Hint ddp.Addr
}

// IsSeed reports whether the port has a network to tell others of.
func (c PortConfig) IsSeed() bool { return c.Range != ddp.Range{} }

// Check reports what is wrong with a configuration for a kind of link.
func (c PortConfig) Check(kind link.Kind) error {
	if !c.IsSeed() {
		if len(c.Zones) > 0 {
			return errors.New("router: port: zones: a port without a network range has none of its own")
		}
		return nil
	}
	switch {
	case !c.Range.Valid():
		return fmt.Errorf("router: port: range: %v is not of 1 to %d", c.Range, ddp.LastNetwork)
	case kind == link.LocalTalk && (c.Range.First != c.Range.Last || len(c.Zones) != 1):
		return errors.New("router: port: a nonextended network has one number and one zone")
	case len(c.Zones) < 1 || len(c.Zones) > zip.MaxZones:
		return fmt.Errorf("router: port: zones: %d are not 1 to %d", len(c.Zones), zip.MaxZones)
	}
	for i, z := range c.Zones {
		if err := zip.CheckName(z); err != nil {
			return fmt.Errorf("router: port: %w", err)
		}
		if slices.ContainsFunc(c.Zones[:i], func(o string) bool { return macroman.Equal(o, z) }) {
			return fmt.Errorf("router: port: zones: %q is there twice", macroman.Decode(z))
		}
	}
	return nil
}

// State is how far a port is.
//
//	           address            nobody contradicts, or all agree
//	Acquiring --------> Verifying ------------------------------------> Up     seed
//	    |                   |  a router says something else: as if it had no seed
//	    |                   v
//	    '----------> Discovering -------> Readdressing ----> Learning -> Up    not seed
//	                         a router's range    address in it     zones
//
// On a nonextended network there is no Readdressing. A verifying port that hears a router with its own range goes on in Learning, to
// compare the zones.
type State uint8

// The states.
const (
	Acquiring State = iota
	Verifying
	Discovering
	Readdressing
	Learning
	Up
)

var stateNames = [...]string{"acquiring", "verifying", "discovering", "readdressing", "learning", "up"}

func (s State) String() string { return stateNames[s] }

// How a port asks: quickly at first, then as RTMP does.
const (
	askTries    = 3
	askInterval = time.Second
	learnTries  = 8 // after them a port without a seed looks for another router
)

// maxRouters is how many routers of its cable a port knows.
const maxRouters = 64

// rport is a port of a router.
type rport struct {
	*port.Port
	config   PortConfig
	state    State
	cable    ddp.Range // while Learning and Up, and in Readdressing
	seed     bool      // what the port says is its own
	conflict string    // why a seed port does not use its own
	at       time.Time // when to ask again
	tries    int
	teacher  ddp.Addr   // the router that has told it of the cable
	lesson   *zip.Table // what it has said of the cable
	standard string     // the default zone, once it is known
	routers  map[ddp.Addr]time.Time
	groups   []link.Hardware // the multicast addresses of its zones, on which renamings are told
}

// AddPort adds a port to the router, with a link of its own.
func (m *Machine) AddPort(now time.Time, i int, kind link.Kind, hw link.Hardware, c PortConfig) error {
	if err := c.Check(kind); err != nil {
		return err
	}
	if i < 0 || i >= MaxPorts || m.ports[i] != nil {
		panic("BUG: router: a port that cannot be added")
	}
	p := &rport{Port: port.New(port.Config{Index: i, Kind: kind, Hardware: hw, Server: true, Rand: m.rng}), config: c, routers: map[ddp.Addr]time.Time{}}
	m.ports[i] = p
	p.start(now)
	return nil
}

// startup is the range of provisional addresses.
var startup = ddp.Range{First: ddp.FirstStartup, Last: ddp.LastStartup}

// start begins with the port's own address.
func (p *rport) start(now time.Time) {
	p.state, p.seed, p.conflict, p.at, p.cable, p.Net = Acquiring, p.config.IsSeed(), "", time.Time{}, ddp.Range{}, 0
	nets := startup
	if p.seed {
		nets = p.config.Range
	}
	p.Acquire(now, nets, p.config.Hint)
}

// RemovePort takes a port away, after telling its network and the others that what it led to is not reached any more.
func (m *Machine) RemovePort(now time.Time, i int, out *link.Output) {
	p := m.ports[i]
	if p == nil {
		return
	}
	m.farewell(now, p, out)
	m.ports[i] = nil
	m.forget(m.routes.Disconnect(i), out)
}

// enter begins a state in which the port asks for something.
func (m *Machine) enter(now time.Time, p *rport, s State, out *link.Output) {
	p.state, p.tries, p.at = s, 0, now
	if s == Learning {
		p.lesson, p.standard = zip.NewTable(), ""
		p.lesson.Add(p.cable, p.Extended())
	}
	m.portTick(now, p, out)
}

// portTick does what is due for a port that is not up.
func (m *Machine) portTick(now time.Time, p *rport, out *link.Output) {
	switch p.state {
	case Acquiring:
		switch {
		case !p.Ready():
		case p.seed:
			m.enter(now, p, Verifying, out)
		default:
			m.enter(now, p, Discovering, out)
		}
	case Readdressing:
		if p.Ready() {
			m.enter(now, p, Learning, out)
		}
	case Verifying, Discovering, Learning:
		if now.Before(p.at) {
			return
		}
		if p.tries >= askTries && p.seed {
			m.up(now, p, p.config.Zones, out) // nobody says anything else
			return
		}
		if p.state == Learning && p.tries == learnTries && !p.known() {
			p.Net, p.cable = 0, ddp.Range{}
			m.enter(now, p, Discovering, out)
			return
		}
		p.tries++
		p.at = now.Add(askInterval)
		if p.tries > askTries {
			p.at = now.Add(rtmp.SendTime)
		}
		m.ask(now, p, out)
	case Up:
	}
}

// ask asks the routers of the cable what the port wants to know.
func (m *Machine) ask(now time.Time, p *rport, out *link.Output) {
	if p.state != Learning {
		m.broadcast(now, p, ddp.SocketRTMP, ddp.TypeRTMPRequest, []byte{byte(rtmp.RequestNetwork)}, out)
		return
	}
	n := p.lesson.Find(p.cable.First)
	if p.known() {
		m.learned(now, p, out) // its network could not be connected then
		return
	}
	if !n.Complete() {
		n.Tries++
		m.broadcast(now, p, ddp.SocketZIP, ddp.TypeZIP, zip.Query{Nets: []uint16{p.cable.First}}.Append(nil), out)
	}
	if p.Extended() && p.standard == "" {
		m.broadcast(now, p, ddp.SocketZIP, ddp.TypeZIP, zip.GetNetInfo{}.Append(nil), out)
	}
}

// broadcast sends to all on the port's cable, to and from a socket.
func (m *Machine) broadcast(now time.Time, p *rport, socket uint8, t ddp.Type, data []byte, out *link.Output) {
	d := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Node: ddp.Broadcast}, Num: socket}, Src: ddp.Socket{Addr: p.Addr(), Num: socket}, Type: t, Data: data}
	p.Send(now, &d, port.ToAll(), out)
}

// heard is what a port that is not up makes of what a router says of itself.
func (m *Machine) heard(now time.Time, p *rport, d *rtmp.Data, out *link.Output) {
	switch p.state {
	case Acquiring, Readdressing, Up:
	case Verifying:
		if d.Range != p.config.Range {
			m.disagree(now, p, fmt.Sprintf("router %v says that the cable is %v", d.Sender, d.Range), out)
			m.adopt(now, p, d, out)
			return
		}
		p.cable, p.teacher, p.Net = d.Range, d.Sender, d.Sender.Net
		m.enter(now, p, Learning, out)
	case Discovering:
		m.adopt(now, p, d, out)
	case Learning:
		if d.Range != p.cable {
			p.Drop(now, port.RangeConflict, out, "router", d.Sender, "range", d.Range.String())
		}
	}
}

// adopt takes the cable's range from a router.
func (m *Machine) adopt(now time.Time, p *rport, d *rtmp.Data, out *link.Output) {
	p.cable, p.teacher = d.Range, d.Sender
	if !p.Extended() {
		p.Net = d.Sender.Net
		m.enter(now, p, Learning, out)
		return
	}
	hint := p.Addr()
	p.state, p.at = Readdressing, time.Time{}
	if !p.cable.Has(hint.Net) {
		p.Acquire(now, p.cable, ddp.Addr{Net: p.cable.First, Node: hint.Node})
	}
	m.portTick(now, p, out)
}

// disagree makes a seed port go on without its own network: the first one up wins. IA2 ch. 8
func (m *Machine) disagree(now time.Time, p *rport, why string, out *link.Output) {
	p.seed, p.conflict = false, why
	p.Counts[port.RangeConflict]++
	out.Warn(p.Index, "the seed is not used: the cable has another one", "cause", why)
}

// known reports whether a Learning port knows all.
func (p *rport) known() bool {
	return p.lesson.Find(p.cable.First).Complete() && (!p.Extended() || p.standard != "")
}

// learned looks whether a Learning port knows all now.
func (m *Machine) learned(now time.Time, p *rport, out *link.Output) {
	if !p.known() {
		return
	}
	n := p.lesson.Find(p.cable.First)
	if p.standard != "" && !n.Default(p.standard) {
		p.Drop(now, port.RangeConflict, out, "router", p.teacher, "default", macroman.Decode(p.standard))
		m.enter(now, p, Learning, out) // a zone list without the default zone: ask again
		p.at = now.Add(rtmp.SendTime)
		return
	}
	zones := n.Zones()
	if p.seed {
		if why := differ(p.config.Zones, zones); why != "" {
			m.disagree(now, p, why, out)
		} else {
			zones = p.config.Zones
		}
	}
	m.up(now, p, zones, out)
}

// differ says in what the zones of a cable are not those of a seed, the first of which is the default one.
func differ(seed, cable []string) string {
	has := func(all []string, z string) bool {
		return slices.ContainsFunc(all, func(o string) bool { return macroman.Equal(o, z) })
	}
	for _, z := range seed {
		if !has(cable, z) {
			return fmt.Sprintf("zone %q is none of the cable's", macroman.Decode(z))
		}
	}
	for _, z := range cable {
		if !has(seed, z) {
			return fmt.Sprintf("the cable's zone %q is none of the seed's", macroman.Decode(z))
		}
	}
	if !macroman.Equal(seed[0], cable[0]) {
		return fmt.Sprintf("the default zone is %q", macroman.Decode(cable[0]))
	}
	return ""
}

// up puts a port into operation.
func (m *Machine) up(now time.Time, p *rport, zones []string, out *link.Output) {
	cable := p.cable
	if p.seed {
		cable = p.config.Range
	}
	if !m.routes.Connect(p.Index, cable, p.Extended()) {
		p.Drop(now, port.RangeConflict, out, "range", cable.String())
		p.at = now.Add(rtmp.SendTime) // the other one may go
		return
	}
	p.cable, p.state, p.at, p.lesson = cable, Up, time.Time{}, nil
	if !p.Extended() {
		p.Net = cable.First
	}
	m.zones.Seed(cable, p.Extended(), zones)
	m.join(p, out)
	out.Note(p.Index, "port up", "address", p.Addr().String(), "range", cable.String(), "seed", p.seed, "zones", decoded(zones))
	m.sendRoutes(now, p, out)
}

func decoded(zones []string) []string {
	all := make([]string, len(zones))
	for i, z := range zones {
		all[i] = macroman.Decode(z)
	}
	return all
}

// join listens on the multicast addresses of the cable's zones, and no more on others.
func (m *Machine) join(p *rport, out *link.Output) {
	var groups []link.Hardware
	for _, z := range m.zones.Find(p.cable.First).Zones() {
		groups = append(groups, zip.Multicast(z))
	}
	for _, hw := range groups {
		p.Join(hw, out)
	}
	for _, hw := range p.groups {
		p.Leave(hw, out)
	}
	p.groups = groups
}
