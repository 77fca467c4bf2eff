// Package routing is the routing layer of DECnet Phase IV, version 2.0, as an end node has it: its packets, and a machine for the
// circuits of a node.
//
//	e := routing.New(routing.Config{Node: node}, []routing.Circuit{{Name: "mul-0"}})
//	e.Up(now, 0)                        // its link is up
//	for o, ok := e.Next(); ok; … { … }  // to be sent, or restarted
//	d, ok := e.Receive(now, 0, mac, packet)
//	way, ok := e.Route(now, to, false)
//	b = e.Header(b, way, to, true)      // and the message
//
// An end node of the specification has one circuit. This one may have several, and uses the best: one to the node itself, else one to a
// router, the cheaper the better.
//
// # Limitations
//
// It forwards nothing and takes no part in routing. Neighbours of Phase III are refused.
package routing

import (
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
)

// Defaults and limits.
const (
	// DefaultBlockSize is the largest packet that everybody takes, with a short header. On an Ethernet as much fits behind a long one.
	DefaultBlockSize = 576
	// MinBlockSize is the least that a neighbour may take.
	MinBlockSize = 64
	// MaxBlockSize is the most: what a length of 16 bits says.
	MaxBlockSize = 65535

	defaultHello         = 15 * time.Second
	defaultEthernetHello = 10 * time.Second
	listenFactor         = 2 // hellos that a neighbour may miss: T3MULT
	ethernetListen       = 3 // BCT3MULT
	cacheTime            = 60 * time.Second
	maxCache             = 1024
	maxRouters           = 32 // on an Ethernet
	helloTest            = 10 // octets of test data
	ethernetTest         = 50
)

// Config is what holds for the node.
type Config struct {
	Node decnet.Addr
}

// Circuit is what one circuit is.
type Circuit struct {
	Name      string
	Ethernet  bool          // many neighbours; else one, point to point
	InPlace   bool          // an init may come at any time, since the link does not tell that the neighbour has begun anew (Multinet)
	BlockSize int           // the largest packet that this end takes, counted with a short header; 0 is DefaultBlockSize
	Hello     time.Duration // between hellos; 0 is 15 s, on an Ethernet 10 s
	Recall    time.Duration // for the neighbour to answer an init; 0 is that between hellos, at most 5 s
	Cost      int
	Verify    []byte // the neighbour must say it; nil is nothing
	Say       []byte // what the neighbour is told if it asks for a verification
}

func (c Circuit) withDefaults() Circuit {
	if c.Hello <= 0 {
		c.Hello = defaultHello
		if c.Ethernet {
			c.Hello = defaultEthernetHello
		}
	}
	if c.BlockSize <= 0 {
		c.BlockSize = DefaultBlockSize
	}
	c.BlockSize = min(max(c.BlockSize, MinBlockSize), MaxBlockSize)
	if c.Recall <= 0 {
		c.Recall = min(c.Hello, 5*time.Second)
	}
	return c
}

// State is that of a circuit. (decnet 3.3)
//
//	    Up            init           verification
//	DS ----> RI ---------------> RV ---------------> RU
//	              `-- none is asked for -----------^
//
// From each, Down and what makes a restart lead to DS. A circuit on an Ethernet goes from DS to RU at once.
type State uint8

// States.
const (
	StateDS State = iota // the link is not up
	StateRI              // init was sent
	StateRV              // the neighbour's verification is waited for
	StateRU              // running
)

var stateNames = [...]string{"DS", "RI", "RV", "RU"}

func (s State) String() string { return stateNames[s] }

// Counters count what a circuit has met.
type Counters struct {
	Received, Sent uint64 // data packets
	Malformed      uint64 // packets that were none
	NotForUs       uint64 // data packets for another node
	Unexpected     uint64 // packets that had no place
	Refused        uint64 // inits that were not agreed to, and verifications that were wrong
	Downs          uint64 // how often it went down
}

// circuit is a circuit at work.
type circuit struct {
	Circuit
	state    State
	counters Counters
	helloAt  time.Time // the next one is to be sent
	listenAt time.Time // the neighbour must have been heard, or have answered
	initLast bool      // an init was the last that was sent, and nothing has come since

	// Point to point.
	neighbour decnet.Addr
	kind      NodeType
	block     int // the neighbour's
	listen    time.Duration

	// Ethernet.
	routers map[decnet.Addr]router
	cache   map[decnet.Addr]cached
}

type router struct {
	priority uint8
	until    time.Time
}

// cached is where packets from a node come from.
type cached struct {
	mac   decnet.MAC
	until time.Time
}

// EndNode is the routing layer of a node.
//
//	getters    Info NextTimeout Route SegSize
//	handlers   Up Down Receive Tick
//	outputs    Next NextEvent Header
//
// It has no lock and no clock: one caller at a time, and the time comes in.
type EndNode struct {
	cfg      Config
	circuits []*circuit
	out      []Output
	events   []Event
}

// Output is a control packet to be sent on a circuit, or that its link is to be restarted.
type Output struct {
	Circuit int
	MAC     decnet.MAC // on an Ethernet
	Packet  []byte
	Restart bool
}

// Event is that a circuit has become usable, or is no longer.
type Event struct {
	Circuit   int
	Up        bool
	Neighbour decnet.Addr // 0 on an Ethernet
	Reason    string      // of one that is down
}

// New makes the routing layer of a node whose circuits' links are not up.
func New(cfg Config, circuits []Circuit) *EndNode {
	e := &EndNode{cfg: cfg}
	for _, c := range circuits {
		e.circuits = append(e.circuits, &circuit{Circuit: c.withDefaults()})
	}
	return e
}

// Info is what there is to tell about a circuit.
type Info struct {
	Name      string
	Ethernet  bool
	State     State
	Neighbour decnet.Addr // point to point; on an Ethernet the designated router; 0 if there is none
	Type      NodeType    // of the neighbour, 0 if there is none
	BlockSize int         // the neighbour's
	Cost      int
	Counters  Counters
}

// Info tells about a circuit.
func (e *EndNode) Info(i int) Info {
	c := e.circuits[i]
	info := Info{Name: c.Name, Ethernet: c.Ethernet, State: c.state, Cost: c.Cost, Counters: c.counters}
	if c.state != StateRU {
		return info
	}
	info.Neighbour, info.Type, info.BlockSize = c.neighbour, c.kind, c.block
	if c.Ethernet {
		info.BlockSize = c.BlockSize
		if r := c.designated(); r != 0 {
			info.Neighbour, info.Type = r, Router
		}
	}
	return info
}

// Circuits is how many there are.
func (e *EndNode) Circuits() int { return len(e.circuits) }

// Next takes the next thing to do.
func (e *EndNode) Next() (o Output, ok bool) {
	if len(e.out) == 0 {
		return o, false
	}
	o = e.out[0]
	e.out = append(e.out[:0], e.out[1:]...)
	return o, true
}

// NextEvent takes the next event.
func (e *EndNode) NextEvent() (v Event, ok bool) {
	if len(e.events) == 0 {
		return v, false
	}
	v = e.events[0]
	e.events = append(e.events[:0], e.events[1:]...)
	return v, true
}

func (e *EndNode) send(i int, mac decnet.MAC, p interface {
	AppendBinary([]byte) ([]byte, error)
}) {
	b, err := p.AppendBinary(nil)
	if err != nil {
		panic("BUG: routing: " + err.Error())
	}
	e.circuits[i].initLast = Kind(b[0]) == KindInit
	e.out = append(e.out, Output{Circuit: i, MAC: mac, Packet: b})
}

// Up says that a circuit's link is up.
func (e *EndNode) Up(now time.Time, i int) {
	c := e.circuits[i]
	if c.Ethernet {
		c.routers, c.cache = map[decnet.Addr]router{}, map[decnet.Addr]cached{}
		c.state = StateRU
		e.events = append(e.events, Event{Circuit: i, Up: true})
		e.hello(now, i)
		return
	}
	e.initialize(now, i)
}

// Down says that a circuit's link is lost.
func (e *EndNode) Down(now time.Time, i int, reason string) {
	c := e.circuits[i]
	if c.state == StateRU {
		c.counters.Downs++
		e.events = append(e.events, Event{Circuit: i, Neighbour: c.neighbour, Reason: reason})
	}
	c.state, c.neighbour, c.kind = StateDS, 0, 0
	c.helloAt, c.listenAt = time.Time{}, time.Time{}
}

// restart gives the neighbour up and asks for the link anew.
func (e *EndNode) restart(now time.Time, i int, format string, args ...any) {
	c := e.circuits[i]
	reason := fmt.Sprintf(format, args...)
	if c.state != StateRU { // nobody has heard that it was up
		e.events = append(e.events, Event{Circuit: i, Neighbour: c.neighbour, Reason: reason})
	}
	e.Down(now, i, reason)
	e.out = append(e.out, Output{Circuit: i, Restart: true})
}

// NextTimeout is when Tick must be called; zero is never.
func (e *EndNode) NextTimeout() (at time.Time) {
	for _, c := range e.circuits {
		for _, t := range [...]time.Time{c.helloAt, c.listenAt} {
			if !t.IsZero() && (at.IsZero() || t.Before(at)) {
				at = t
			}
		}
	}
	return at
}

// Tick does what is due.
func (e *EndNode) Tick(now time.Time) {
	is := func(t time.Time) bool { return !t.IsZero() && !t.After(now) }
	for i, c := range e.circuits {
		if is(c.listenAt) {
			switch {
			case c.state == StateRU:
				e.restart(now, i, "nothing was heard of %v", c.neighbour)
			case c.InPlace && c.state == StateRI:
				e.initialize(now, i)
			default:
				e.restart(now, i, "the neighbour did not answer")
			}
		}
		if is(c.helloAt) {
			e.hello(now, i)
		}
	}
}

func (e *EndNode) hello(now time.Time, i int) {
	c := e.circuits[i]
	c.helloAt = now.Add(c.Hello)
	if !c.Ethernet {
		e.send(i, decnet.MAC{}, &Hello{Node: e.cfg.Node, Test: helloTest})
		return
	}
	for a, r := range c.routers {
		if !r.until.After(now) {
			delete(c.routers, a)
		}
	}
	h := &EndnodeHello{Node: e.cfg.Node, BlockSize: uint16(min(c.BlockSize+LongHeader-ShortHeader, MaxBlockSize)), Timer: seconds(c.Hello), Test: ethernetTest}
	if d := c.designated(); d != 0 {
		h.Router = d.MAC()
	}
	e.send(i, AllRouters, h)
}

// designated is the router that packets for unknown nodes go to: the one of the highest priority, and of these the highest address.
func (c *circuit) designated() (best decnet.Addr) {
	for a, r := range c.routers {
		if b := c.routers[best]; best == 0 || r.priority > b.priority || r.priority == b.priority && a > best {
			best = a
		}
	}
	return best
}
