package routing

import (
	"crypto/subtle"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
)

// initialize sends an init and waits for the neighbour's.
func (e *EndNode) initialize(now time.Time, i int) {
	c := e.circuits[i]
	c.state, c.neighbour, c.kind, c.helloAt = StateRI, 0, 0, time.Time{}
	c.listenAt = now.Add(c.Recall)
	e.send(i, decnet.MAC{}, &Init{Node: e.cfg.Node, Type: EndNodeType, Verify: c.Verify != nil, BlockSize: uint16(c.BlockSize),
		Version: version, Timer: seconds(c.Hello)})
}

// Receive takes a packet from a circuit; mac is where it came from on an Ethernet. It returns the data packet that is for this node; ok is
// false if it is none. The payload aliases packet.
func (e *EndNode) Receive(now time.Time, i int, mac decnet.MAC, packet []byte) (d Data, ok bool) {
	c := e.circuits[i]
	if c.state == StateDS {
		return d, false
	}
	k, b, err := KindOf(packet)
	if err != nil {
		c.counters.Malformed++
		return d, false
	}
	if k == KindData {
		return e.data(now, c, mac, b)
	}
	if c.Ethernet {
		e.ethernetControl(now, i, mac, k, b)
		return d, false
	}
	e.control(now, i, k, b)
	if k != KindInit {
		c.initLast = false
	}
	return d, false
}

func (e *EndNode) data(now time.Time, c *circuit, mac decnet.MAC, b []byte) (d Data, ok bool) {
	if c.state != StateRU { // the neighbour has not noticed yet that we begin anew
		c.counters.Unexpected++
		return d, false
	}
	d, err := ParseData(b)
	switch {
	case err != nil:
		c.counters.Malformed++
		return d, false
	case d.Dst != e.cfg.Node:
		c.counters.NotForUs++
		return d, false
	case d.Src == e.cfg.Node && !d.Returned:
		c.counters.Unexpected++
		return d, false
	}
	c.counters.Received++
	c.initLast = false
	if c.Ethernet {
		c.remember(now, d.Src, mac)
	} else {
		c.listenAt = now.Add(c.listen)
	}
	return d, true
}

// remember notes where a node's packets come from. (decnet 3.4)
func (c *circuit) remember(now time.Time, node decnet.Addr, mac decnet.MAC) {
	if _, ok := c.cache[node]; !ok && len(c.cache) >= maxCache {
		clear(c.cache) // they are learnt again
	}
	c.cache[node] = cached{mac, now.Add(cacheTime)}
}

func (e *EndNode) ethernetControl(now time.Time, i int, mac decnet.MAC, k Kind, b []byte) {
	c := e.circuits[i]
	switch k {
	case KindRouterHello:
		h, err := ParseRouterHello(b)
		switch {
		case err != nil:
			c.counters.Malformed++
		case h.Node.Area() != e.cfg.Node.Area() || h.Node == e.cfg.Node || h.Node.MAC() != mac:
			c.counters.Refused++ // another area's routers are not ours
		case len(c.routers) < maxRouters || c.routers[h.Node].until != (time.Time{}):
			c.routers[h.Node] = router{h.Priority, now.Add(ethernetListen * time.Duration(max(h.Timer, 1)) * time.Second)}
		}
	case KindEndnodeHello, KindLevel1, KindLevel2: // for routers
	default:
		c.counters.Unexpected++
	}
}

// control takes a control packet of a point-to-point circuit.
func (e *EndNode) control(now time.Time, i int, k Kind, b []byte) {
	c := e.circuits[i]
	switch k {
	case KindInit:
		e.inited(now, i, b)
	case KindVerification:
		e.verified(now, i, b)
	case KindHello:
		h, err := ParseHello(b)
		switch {
		case c.state != StateRU: // of before we began anew
			c.counters.Unexpected++
		case err != nil:
			c.counters.Malformed++
			e.restart(now, i, "%v", err)
		case h.Node != c.neighbour:
			c.counters.Refused++
			e.restart(now, i, "hello of %v, the neighbour is %v", h.Node, c.neighbour)
		default:
			c.listenAt = now.Add(c.listen)
		}
	case KindLevel1, KindLevel2: // nothing for an end node, but a sign of life
		if c.state == StateRU {
			c.listenAt = now.Add(c.listen)
		}
	default:
		c.counters.Unexpected++
		e.restart(now, i, "a packet of kind %v", k)
	}
}

// inited takes an init.
func (e *EndNode) inited(now time.Time, i int, b []byte) {
	c := e.circuits[i]
	p, err := ParseInit(b)
	if err != nil {
		c.counters.Malformed++
		e.restart(now, i, "%v", err)
		return
	}
	if c.state == StateRU || c.state == StateRV {
		if !c.InPlace {
			e.restart(now, i, "the neighbour begins anew")
			return
		}
		again := c.initLast // our init is what it answers: nothing has come since
		e.Down(now, i, "the neighbour begins anew")
		if again {
			c.state = StateRI
		} else {
			e.initialize(now, i)
		}
	}
	var wrong string
	switch {
	case p.Version[0] != version[0]:
		wrong = "another version of routing"
	case p.Node == e.cfg.Node:
		wrong = "the address is our own"
	case p.Node.Area() != e.cfg.Node.Area() && p.Type != AreaRouter:
		wrong = "another area"
	case int(p.BlockSize) < MinBlockSize:
		wrong = "the block size is too small"
	}
	if wrong != "" {
		c.counters.Refused++
		e.restart(now, i, "init of %v: %s", p.Node, wrong)
		return
	}
	c.neighbour, c.kind, c.block = p.Node, p.Type, int(p.BlockSize)
	c.listen = listenFactor * time.Duration(max(p.Timer, 1)) * time.Second
	if p.Verify {
		e.send(i, decnet.MAC{}, &Verification{Node: e.cfg.Node, Value: c.Say})
	}
	if c.Verify != nil {
		c.state, c.listenAt = StateRV, now.Add(c.Recall)
		return
	}
	e.up(now, i)
}

func (e *EndNode) up(now time.Time, i int) {
	c := e.circuits[i]
	c.state = StateRU
	c.helloAt, c.listenAt = now.Add(c.Hello), now.Add(c.listen)
	e.events = append(e.events, Event{Circuit: i, Up: true, Neighbour: c.neighbour})
}

// verified takes a verification.
func (e *EndNode) verified(now time.Time, i int, b []byte) {
	c := e.circuits[i]
	p, err := ParseVerification(b)
	switch {
	case c.state != StateRV:
		c.counters.Unexpected++
		e.restart(now, i, "a verification that was not asked for")
	case err != nil:
		c.counters.Malformed++
		e.restart(now, i, "%v", err)
	case p.Node != c.neighbour || subtle.ConstantTimeCompare(p.Value, c.Verify) != 1:
		c.counters.Refused++
		e.restart(now, i, "the verification of %v is wrong", c.neighbour)
	default:
		e.up(now, i)
	}
}

// Way is how a packet leaves: a circuit, and on an Ethernet the address there.
type Way struct {
	Circuit int
	MAC     decnet.MAC
}

// Route finds the way to a node: a circuit that leads to it, else one to a router, else an Ethernet where it may be. Again says that
// packets sent before were not answered, so that what was learnt from its packets is not relied on. ok is false if there is no way.
func (e *EndNode) Route(now time.Time, to decnet.Addr, again bool) (w Way, ok bool) {
	best := -1
	for i, c := range e.circuits {
		if c.state != StateRU {
			continue
		}
		mac, rank := e.reaches(now, c, to, again)
		if rank < 0 {
			continue
		}
		if rank = rank<<16 | min(max(c.Cost, 0), 0xffff); best < 0 || rank < best {
			best, w, ok = rank, Way{i, mac}, true
		}
	}
	return w, ok
}

// reaches tells how well a circuit leads to a node: 0 directly, 1 by a router, 2 perhaps, -1 not at all.
func (e *EndNode) reaches(now time.Time, c *circuit, to decnet.Addr, again bool) (mac decnet.MAC, rank int) {
	if !c.Ethernet {
		switch {
		case c.neighbour == to:
			return mac, 0
		case c.kind == EndNodeType:
			return mac, -1
		}
		return mac, 1
	}
	if k, ok := c.cache[to]; ok && !again && k.until.After(now) {
		return k.mac, 0
	}
	for a, r := range c.routers {
		if !r.until.After(now) {
			delete(c.routers, a)
		}
	}
	if d := c.designated(); d != 0 {
		return d.MAC(), 1
	}
	if to.Area() != e.cfg.Node.Area() {
		return mac, -1
	}
	return to.MAC(), 2
}

// Header appends the header of a data packet to a node, by a way that Route has found.
func (e *EndNode) Header(b []byte, w Way, to decnet.Addr, back bool) []byte {
	c := e.circuits[w.Circuit]
	c.counters.Sent++
	c.initLast = false
	return AppendData(b, &Data{Dst: to, Src: e.cfg.Node, Return: back}, c.Ethernet)
}

// SegSize is how many octets of user data a segment to or from a node may have, if headers of so many octets come before them.
// What lies behind a neighbour is taken to have blocks of DefaultBlockSize.
func (e *EndNode) SegSize(now time.Time, to decnet.Addr, headers int) int {
	block := DefaultBlockSize
	if w, ok := e.Route(now, to, true); ok {
		c := e.circuits[w.Circuit]
		switch {
		case c.Ethernet:
			block = min(c.BlockSize, block)
		case c.neighbour == to:
			block = min(c.BlockSize, c.block)
		default:
			block = min(c.BlockSize, c.block, block)
		}
	}
	return block - ShortHeader - headers
}
