// Package node is a DECnet Phase IV end node in user space: circuits, routing, logical links and session control, with the objects MIRROR and
// NML, and connections as net.Conn.
//
//	l, err := multinet.Connect("hub.example.net:700")
//	n, err := node.New(node.Config{Addr: decnet.NewAddr(1, 13), Name: "TENUTO", Circuits: []node.Circuit{{Name: "MUL-0", Link: l}}})
//	defer n.Close()
//	c, err := n.Dial(ctx, "1.14::MIRROR", nil)
//	ln, err := n.Listen("200", nil)
//
// Names are only this node's: Phase IV has no protocol for them.
//
// # Limitations
//
// DECnet has no security of its own. Whoever reaches a circuit can be any node; passwords go over it in clear. Bind circuits to loopback, and
// run them inside of something that protects them.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/link"
	"github.com/tenuto-session/tenuto/decnet/nsp"
	"github.com/tenuto-session/tenuto/decnet/routing"
	"github.com/tenuto-session/tenuto/decnet/scp"
)

// Config is what a node is.
type Config struct {
	Addr     decnet.Addr
	Name     string                 // of the node, may be empty
	Names    map[string]decnet.Addr // of other nodes
	Circuits []Circuit
	NSP      nsp.Config
	Session  scp.Config
	Flow     nsp.FlowControl // how links of this node want to be fed, unless they are asked for otherwise
	Logger   *slog.Logger    // hears of circuits; nil is nobody
	Seed     uint64          // decides which link addresses come first; 0 is at random
}

// Circuit is one circuit of a node, which owns its link from New on.
type Circuit struct {
	Name      string
	Link      link.Link
	BlockSize int           // the largest packet that this node takes; 0 is 576, which everybody knows
	Hello     time.Duration // between hellos; 0 is 15 s, on an Ethernet 10 s
	Cost      int           // of two ways to a node the cheaper one is taken
	Verify    []byte        // the neighbour must say it; nil is nothing
	Say       []byte        // what the neighbour is told if it asks for a verification
	Retry     time.Duration // at least, between attempts to bring the link up: 1 s
}

// Node is a node. Its methods may be called at any time by anyone.
type Node struct {
	cfg      Config
	log      *slog.Logger
	names    map[string]decnet.Addr
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
	circuits []*circuit

	mu      sync.Mutex
	routing *routing.EndNode // guarded by mu, as is all below
	session *scp.Machine
	conns   map[*scp.Conn]struct{}
	dials   map[*scp.Link]*dialling
	waiting map[*scp.Link]*Request
	timer   *time.Timer
	timerAt time.Time
	told    []routing.Event // to be logged
	up      signal          // a circuit has become usable
	closed  bool
	started time.Time
}

// dialling is a Dial that waits.
type dialling struct{ done chan struct{} }

// New makes a node and brings its circuits up, again and again until Close.
func New(cfg Config) (*Node, error) {
	n := &Node{cfg: cfg, log: cfg.Logger, names: map[string]decnet.Addr{}, conns: map[*scp.Conn]struct{}{}, dials: map[*scp.Link]*dialling{},
		waiting: map[*scp.Link]*Request{}, started: time.Now()}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	if err := n.check(); err != nil {
		for _, c := range cfg.Circuits {
			c.Link.Close()
		}
		return nil, err
	}
	var circuits []routing.Circuit
	for i, c := range cfg.Circuits {
		p := c.Link.Properties()
		circuits = append(circuits, routing.Circuit{Name: c.Name, Ethernet: p.Ethernet, InPlace: !p.Restarts, BlockSize: min(c.BlockSize, maxBlock(p)), Hello: c.Hello,
			Cost: c.Cost, Verify: c.Verify, Say: c.Say})
		n.circuits = append(n.circuits, newCircuit(n, i, c))
	}
	n.routing = routing.New(routing.Config{Node: cfg.Addr}, circuits)
	seed := cfg.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	n.session = scp.New(cfg.Session, nsp.New(cfg.NSP, seed))
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.timer = time.AfterFunc(time.Hour, n.tick)
	n.timer.Stop()
	for _, c := range n.circuits {
		n.running.Go(c.run)
	}
	return n, nil
}

func (n *Node) check() error {
	if !n.cfg.Addr.Valid() {
		return fmt.Errorf("node: address %v", n.cfg.Addr)
	}
	for name, a := range n.cfg.Names {
		upper, err := decnet.ParseName(name)
		if err == nil && !a.Valid() {
			err = fmt.Errorf("node: name %s: address %v", name, a)
		}
		if err != nil {
			return err
		}
		n.names[upper] = a
	}
	if n.cfg.Name != "" {
		upper, err := decnet.ParseName(n.cfg.Name)
		if err != nil {
			return err
		}
		n.cfg.Name = upper
		n.names[upper] = n.cfg.Addr
	}
	for _, c := range n.cfg.Circuits {
		if block, most := c.BlockSize, maxBlock(c.Link.Properties()); block != 0 && (block < routing.MinBlockSize || block > most) {
			return fmt.Errorf("node: circuit %s: block size %d is not %d to %d", c.Name, block, routing.MinBlockSize, most)
		}
	}
	return nil
}

// maxBlock is the largest block size of a link, which is counted with a short header also on an Ethernet.
func maxBlock(p link.Properties) int {
	if p.Ethernet {
		return p.MaxBlock - (routing.LongHeader - routing.ShortHeader)
	}
	return p.MaxBlock
}

// Addr is the node's address.
func (n *Node) Addr() decnet.Addr { return n.cfg.Addr }

// Name is the node's name, in upper case; it may be empty.
func (n *Node) Name() string { return n.cfg.Name }

// NameOf is the name that this node has for an address; empty if it has none.
func (n *Node) NameOf(a decnet.Addr) string {
	best := ""
	for name, b := range n.names {
		if a == b && (best == "" || name < best) {
			best = name
		}
	}
	return best
}

// Resolve finds the address of a node by its name, or as it stands; 0 is this node.
func (n *Node) Resolve(s string) (decnet.Addr, error) {
	if s == "0" {
		return n.cfg.Addr, nil
	}
	if a, err := decnet.ParseAddr(s); err == nil {
		return a, nil
	}
	name, err := decnet.ParseName(s)
	if err != nil {
		return 0, &scp.Error{Reason: scp.BadNodeName, Local: true, Data: []byte(s)}
	}
	if a, ok := n.names[name]; ok {
		return a, nil
	}
	return 0, &scp.Error{Reason: scp.UnknownNode, Local: true, Data: []byte(s)}
}

// Lock is for the connections of the node: scp.Host.
func (n *Node) Lock() { n.mu.Lock() }

// Machine is for the connections of the node: scp.Host.
func (n *Node) Machine() *scp.Machine { return n.session }

// Now is for the connections of the node: scp.Host.
func (n *Node) Now() time.Time { return time.Now() }

// Forgotten is for the connections of the node: scp.Host.
func (n *Node) Forgotten(c *scp.Conn) { delete(n.conns, c) }

// Unlock is for the connections of the node: scp.Host. What the machines have to say goes out.
func (n *Node) Unlock() {
	now := time.Now()
	n.work(now)
	n.arm(now)
	told := n.told
	n.told = nil
	n.mu.Unlock()
	for _, e := range told {
		n.tell(e)
	}
}

func (n *Node) tell(e routing.Event) {
	name := n.circuits[e.Circuit].Name
	switch {
	case n.ctx.Err() != nil: // by Close
	case e.Up && e.Neighbour != 0:
		n.log.Info("circuit up", "circuit", name, "neighbour", e.Neighbour.String())
	case e.Up:
		n.log.Info("circuit up", "circuit", name)
	default:
		n.log.Warn("circuit down", "circuit", name, "cause", e.Reason)
	}
}

// arm sets the timer to the next thing that is due.
func (n *Node) arm(now time.Time) {
	at := n.session.NSP.NextTimeout()
	if r := n.routing.NextTimeout(); at.IsZero() || !r.IsZero() && r.Before(at) {
		at = r
	}
	if at.Equal(n.timerAt) {
		return
	}
	if n.timerAt = at; at.IsZero() || n.closed {
		n.timer.Stop()
		return
	}
	n.timer.Reset(max(at.Sub(now), 0))
}

func (n *Node) tick() {
	n.mu.Lock()
	n.timerAt = time.Time{}
	if n.closed {
		n.mu.Unlock()
		return
	}
	now := time.Now()
	n.session.NSP.Tick(now)
	n.routing.Tick(now)
	n.Unlock()
}

// work does what has become due: events go to their connections, packets to circuits, until nothing is left.
func (n *Node) work(now time.Time) {
	for n.events(now) || n.packets(now) {
	}
	for e, ok := n.routing.NextEvent(); ok; e, ok = n.routing.NextEvent() {
		n.told = append(n.told, e)
		if e.Up {
			n.up.fire()
			n.session.NSP.Resume()
			n.packets(now)
		}
	}
	for o, ok := n.routing.Next(); ok; o, ok = n.routing.Next() {
		c := n.circuits[o.Circuit]
		if o.Restart {
			c.restart()
			continue
		}
		c.put(o.MAC, func(b []byte) []byte { return append(b, o.Packet...) })
	}
	for _, c := range n.circuits {
		c.wake()
	}
}

// packets moves what NSP has to say to circuits, or back where it cannot go.
func (n *Node) packets(now time.Time) (moved bool) {
	m := n.session.NSP
	for k, ok := m.Next(now); ok; k, ok = m.Next(now) {
		moved = true
		if k.To == n.cfg.Addr { // to ourselves
			m.Receive(now, k.To, false, append([]byte(nil), k.Message...))
			continue
		}
		w, ok := n.routing.Route(now, k.To, k.Again)
		if !ok {
			if k.Return {
				m.Receive(now, k.To, true, append([]byte(nil), k.Message...))
			}
			continue // it is sent again, when there is perhaps a way
		}
		n.circuits[w.Circuit].put(w.MAC, func(b []byte) []byte { return append(n.routing.Header(b, w, k.To, k.Return), k.Message...) })
	}
	return moved
}

// events tells connections what has happened to their links.
func (n *Node) events(now time.Time) (moved bool) {
	for l, e, ok := n.session.NextEvent(now); ok; l, e, ok = n.session.NextEvent(now) {
		moved = true
		if e&scp.Incoming != 0 {
			n.incoming(now, l)
		}
		if d := n.dials[l]; d != nil && (l.State == scp.Run || l.State == scp.Closed || e&scp.Accepted != 0) {
			delete(n.dials, l)
			if e&scp.Accepted != 0 {
				n.newConn(l)
			}
			close(d.done)
		}
		switch owner := l.Owner.(type) {
		case *scp.Conn:
			owner.Notify(e)
		case *Request:
			if e&scp.Over != 0 {
				owner.over(now)
			}
		}
	}
	return moved
}

func (n *Node) newConn(l *scp.Link) *scp.Conn {
	own := l.Connect.Src
	if !l.Caller {
		own = l.Connect.Dst
	}
	c := scp.NewConn(n, l, scp.Addr{Node: n.cfg.Addr, Object: own.String()})
	l.Owner = c
	n.conns[c] = struct{}{}
	return c
}

// Close ends all links, whose peers are told that the node shuts down, and the circuits.
func (n *Node) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		n.running.Wait()
		return nil
	}
	n.session.Shutdown = true
	now := time.Now()
	for c := range n.conns {
		n.session.Abort(now, c.Link(), scp.ShuttingDown, nil)
	}
	for _, r := range n.waiting {
		n.session.Reject(now, r.link, scp.ShuttingDown, nil)
	}
	n.Unlock()
	n.drain()
	n.mu.Lock()
	n.closed = true
	n.timer.Stop()
	n.mu.Unlock()
	n.cancel()
	var errs []error
	for _, c := range n.circuits {
		errs = append(errs, c.Link.Close())
	}
	n.running.Wait()
	n.mu.Lock()
	for c := range n.conns {
		c.Notify(scp.Over)
	}
	n.mu.Unlock()
	return errors.Join(errs...)
}

// drainTime is how long Close waits until last words have gone out.
const drainTime = 200 * time.Millisecond

func (n *Node) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	for _, c := range n.circuits {
		select {
		case <-c.drained():
		case <-ctx.Done():
		}
	}
}
