package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/engine"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
	"github.com/tenuto-session/tenuto/appletalk/rtmp"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// ErrClosed is what a node returns that was closed.
var ErrClosed = errors.New("node: closed")

// maxInbox is how many datagrams wait for the reader of a socket; others are lost.
const maxInbox = 256

// Config is what a node is told.
type Config struct {
	Settings
	Logger *slog.Logger // nil: nothing is logged
	Seed   uint64       // of the choice of addresses; 0: at random
}

// Node is a node on a real link. Its methods may be called at any time.
type Node struct {
	e      *engine.Engine
	driven *driven
	closed chan struct{}
	once   sync.Once
}

// driven is the machine with what waits for it. All of it is used in the engine alone.
type driven struct {
	*Machine
	ready   chan struct{} // closed when the node is ready
	was     bool
	waiting map[Call]chan struct{}
	sockets map[uint8]*Socket
}

// Frame, Tick and after are the machine's, after which those are told who wait.
func (d *driven) Frame(now time.Time, port int, b []byte, out *link.Output) {
	d.Machine.Frame(now, port, b, out)
	d.after()
}

func (d *driven) Tick(now time.Time, out *link.Output) {
	d.Machine.Tick(now, out)
	d.after()
}

func (d *driven) after() {
	if d.state == Ready && !d.was {
		d.was = true
		close(d.ready)
	}
	for _, c := range d.Done() {
		close(d.waiting[c])
		delete(d.waiting, c)
	}
	for _, g := range d.Inbox() {
		if s := d.sockets[g.Dst.Num]; s != nil {
			s.put(g)
		}
	}
}

// New starts a node on a link, which it closes in the end. It has two goroutines until Close.
func New(l link.Link, c Config) *Node {
	seed := c.Seed
	if seed == 0 {
		var b [8]byte
		rand.Read(b[:])
		seed = binary.BigEndian.Uint64(b[:])
	}
	d := &driven{ready: make(chan struct{}), waiting: map[Call]chan struct{}{}, sockets: map[uint8]*Socket{},
		Machine: NewMachine(time.Now(), l.Kind(), l.Hardware(), c.Settings, mathrand.New(mathrand.NewPCG(seed, 0)))}
	n := &Node{driven: d, closed: make(chan struct{}), e: engine.New(d, c.Logger)}
	n.e.Attach(0, l)
	return n
}

// Ready waits until the node has an address, and has found a router or given up to look for one.
func (n *Node) Ready(ctx context.Context) error {
	select {
	case <-n.driven.ready:
		return nil
	case <-n.closed:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Status is what the node is now.
func (n *Node) Status() (s Status) {
	n.e.Do(func(time.Time, *link.Output) { s = n.driven.Snapshot() })
	return s
}

// Do makes a call when the node is ready, and waits for its end.
func (n *Node) Do(ctx context.Context, c Call) error {
	if err := n.Ready(ctx); err != nil {
		return err
	}
	done := make(chan struct{})
	var err error
	if !n.e.Do(func(now time.Time, out *link.Output) {
		n.driven.waiting[c] = done
		if err = n.driven.Start(now, c, out); err != nil {
			delete(n.driven.waiting, c)
		}
		n.driven.after()
	}) {
		return ErrClosed
	}
	if err != nil {
		return err
	}
	select {
	case <-done:
		return c.Err()
	case <-n.closed:
		return ErrClosed
	case <-ctx.Done():
		n.e.Do(func(time.Time, *link.Output) {
			n.driven.Cancel(c)
			delete(n.driven.waiting, c)
		})
		return context.Cause(ctx)
	}
}

// Zones are the zones of the internet, as MacRoman octets.
func (n *Node) Zones(ctx context.Context) ([]string, error) {
	return n.list(ctx, zip.FunctionGetZoneList)
}

// LocalZones are the zones of the node's cable.
func (n *Node) LocalZones(ctx context.Context) ([]string, error) {
	return n.list(ctx, zip.FunctionGetLocalZones)
}

// MyZone is the zone of a node on LocalTalk; empty if its router does not know.
func (n *Node) MyZone(ctx context.Context) (string, error) {
	zones, err := n.list(ctx, zip.FunctionGetMyZone)
	if err != nil || len(zones) == 0 {
		return "", err
	}
	return zones[0], nil
}

func (n *Node) list(ctx context.Context, f zip.Function) ([]string, error) {
	l := &List{Function: f}
	err := n.Do(ctx, l)
	return l.Zones(), err
}

// NetInfo is what the cable's routers say of it and of a zone; an empty one asks for the default zone.
func (n *Node) NetInfo(ctx context.Context, zone string) (zip.NetInfo, ddp.Addr, error) {
	i := &NetInfo{Zone: zone}
	err := n.Do(ctx, i)
	return i.Info, i.From, err
}

// Lookup finds names.
func (n *Node) Lookup(ctx context.Context, e nbp.Entity) ([]nbp.Tuple, error) {
	l := &Lookup{Entity: e}
	err := n.Do(ctx, l)
	return l.Found(), err
}

// Confirm asks one node whether it has a name still, and returns what it has of it.
func (n *Node) Confirm(ctx context.Context, e nbp.Entity, at ddp.Addr) ([]nbp.Tuple, error) {
	l := &Lookup{Entity: e, At: at, Limit: 1}
	err := n.Do(ctx, l)
	return l.Found(), err
}

// Register gives a socket a name, if nobody in the zone has it.
func (n *Node) Register(ctx context.Context, e nbp.Entity, s *Socket) error {
	return n.Do(ctx, &Register{Lookup: Lookup{Entity: e}, Socket: s.num})
}

// Unregister takes a name away.
func (n *Node) Unregister(e nbp.Entity) {
	n.e.Do(func(time.Time, *link.Output) { n.driven.Unregister(e) })
}

// Ping sends an echo request to a node and waits for the answer, at most so long.
func (n *Node) Ping(ctx context.Context, to ddp.Addr, data []byte, wait time.Duration) (time.Duration, error) {
	e := &Echo{To: to, Data: data, Wait: wait}
	err := n.Do(ctx, e)
	return e.Took, err
}

// Routes is the whole routing table of the node's router.
func (n *Node) Routes(ctx context.Context) (rtmp.Data, error) {
	r := &Routes{}
	err := n.Do(ctx, r)
	return r.Data, err
}

// Close gives up the node's address, closes the link, and waits for all goroutines. Calls that wait return ErrClosed.
func (n *Node) Close() error {
	n.once.Do(func() { close(n.closed) })
	return n.e.Close(nil)
}
