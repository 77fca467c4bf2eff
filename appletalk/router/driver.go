package router

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/engine"
	"github.com/tenuto-session/tenuto/appletalk/link"
)

// ErrClosed is what a router returns that was closed.
var ErrClosed = errors.New("router: closed")

// Config is what a router is told.
type Config struct {
	Logger *slog.Logger // nil: nothing is logged
	Seed   uint64       // of the choice of addresses; 0: at random
}

// Router is a router on real links. Its methods may be called at any time.
type Router struct {
	e *engine.Engine
	m *Machine // in e.Do alone

	mu    sync.Mutex // held while ports come and go
	links [MaxPorts]link.Link
}

// New starts a router without ports. It has one goroutine until Close, and one more for each port.
func New(c Config) *Router {
	seed := c.Seed
	if seed == 0 {
		var b [8]byte
		rand.Read(b[:])
		seed = binary.BigEndian.Uint64(b[:])
	}
	m := NewMachine(time.Now(), mathrand.New(mathrand.NewPCG(seed, 0)))
	return &Router{m: m, e: engine.New(m, c.Logger)}
}

// Add gives the router a port on a link, which it closes in the end. The port's number is free until then.
func (r *Router) Add(l link.Link, c PortConfig) (port int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	port = slices.Index(r.links[:], nil)
	if port < 0 {
		return 0, fmt.Errorf("router: add port: there are %d", MaxPorts)
	}
	if err := c.Check(l.Kind()); err != nil {
		return 0, err
	}
	// The link comes first: what the machine sends goes there.
	r.e.Attach(port, l)
	if !r.e.Do(func(now time.Time, _ *link.Output) { err = r.m.AddPort(now, port, l.Kind(), l.Hardware(), c) }) {
		err = ErrClosed
	}
	if err != nil {
		return 0, errors.Join(err, r.e.Detach(port))
	}
	r.links[port] = l
	return port, nil
}

// Remove takes a port away, after telling the other routers.
func (r *Router) Remove(port int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if port < 0 || port >= MaxPorts || r.links[port] == nil {
		return fmt.Errorf("router: remove port: there is no port %d", port)
	}
	if !r.e.Do(func(now time.Time, out *link.Output) { r.m.RemovePort(now, port, out) }) {
		return ErrClosed
	}
	r.links[port] = nil
	return r.e.Detach(port)
}

// Configure gives a port another configuration; see Machine.Configure.
func (r *Router) Configure(port int, c PortConfig) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if port < 0 || port >= MaxPorts || r.links[port] == nil {
		return fmt.Errorf("router: configure port: there is no port %d", port)
	}
	if !r.e.Do(func(now time.Time, out *link.Output) { err = r.m.Configure(now, port, c, out) }) {
		return ErrClosed
	}
	return err
}

// Status is what the router is now.
func (r *Router) Status() (s Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.e.Do(func(time.Time, *link.Output) { s = r.m.Snapshot() })
	for i := range s.Ports {
		s.Ports[i].Link = r.links[s.Ports[i].Index].String()
	}
	return s
}

// Close tells the other routers that this one goes, closes the links, and waits for all goroutines.
func (r *Router) Close() error {
	return r.e.Close(func(now time.Time, out *link.Output) { r.m.Close(now, out) })
}
