package bench

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/carrier"
)

// hostile is a peer that is admitted and means harm. start returns when the harm is in full effect.
type hostile struct {
	name  string
	start func(network carrier.Network, addr string) (stop func(), err error)
}

// hostiles cost a server memory, or processor time at a rate that is theirs: hostilePace things a second.
var hostiles = []hostile{
	{"never-reads", neverReads},
	{"never-reads-carrier", neverReadsCarrier},
	{"never-acknowledges", neverAcknowledges},
	{"opens-streams", opensStreams},
	{"attaches", attaches},
}

const (
	hostilePace     = 1000 // a second
	hostileSessions = 16   // that a hostile peer has which uses sessions
	starveStreams   = 1024 // that a peer may have
)

// neverReads asks for as much as it can on several sessions, and reads none of what comes: its carrier is read, its sessions are not.
func neverReads(network carrier.Network, addr string) (func(), error) {
	return floods(network, addr, false, nil)
}

// neverReadsCarrier does not even read its carriers, nor those that follow when the server has given one up.
func neverReadsCarrier(network carrier.Network, addr string) (func(), error) {
	spoiled := &spoiledNetwork{Network: network, spoil: func(c spoiledConn) carrier.Conn {
		return &unread{spoiledConn: c, closed: make(chan struct{})}
	}}
	return floods(spoiled, addr, true, spoiled)
}

// neverAcknowledges reads everything, and says so to nobody: no credit, and nothing that the server could forget.
func neverAcknowledges(network carrier.Network, addr string) (func(), error) {
	spoiled := &spoiledNetwork{Network: network, spoil: func(c spoiledConn) carrier.Conn {
		return &unacknowledged{spoiledConn: c, magic: len(bridge.Magic)}
	}}
	return floods(spoiled, addr, true, spoiled)
}

// floods opens sessions with the server's echo and writes to them for as long as anything is taken; reads says whether it reads
// what comes back. Once the sessions stand it arms what spoils their carrier.
func floods(network carrier.Network, addr string, reads bool, spoiled *spoiledNetwork) (stop func(), err error) {
	cfg := endpointConfig(hostileEnd, anyHost{network, addr})
	ep, err := tenuto.NewEndpoint(cfg)
	if err != nil {
		return nil, err
	}
	stop = func() { _ = ep.Close() }
	var written atomic.Int64
	var conns []net.Conn
	for range hostileSessions {
		s, err := ep.Dial(context.Background(), anyHostScheme+"://shared/bench", nil)
		if err != nil {
			stop()
			return nil, err
		}
		if _, err := s.Conn().Write([]byte{serveEcho}); err != nil {
			stop()
			return nil, err
		}
		conns = append(conns, s.Conn())
	}
	if spoiled != nil {
		spoiled.armed.Store(true)
	}
	for _, c := range conns {
		go func() {
			buf := make([]byte, 4<<10) // less than any window: a Write that is not taken as a whole does not return
			for {
				n, err := c.Write(buf)
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		}()
		if reads {
			go func() {
				buf := make([]byte, bufferSize)
				for {
					if _, err := c.Read(buf); err != nil {
						return
					}
				}
			}()
		}
	}
	return stop, awaitFull(&written)
}

// awaitFull waits until nothing more is taken.
func awaitFull(written *atomic.Int64) error {
	last := int64(-1)
	for range 400 {
		<-time.After(25 * time.Millisecond)
		now := written.Load()
		if now > 0 && now == last {
			return nil
		}
		last = now
	}
	return errors.New("what is never read, or never acknowledged, has no end")
}

// hostileEnd is the number of the hostile peer's key.
const hostileEnd = 2

// opensStreams opens as many streams as it may have, and goes on: each one asks for a session.
func opensStreams(network carrier.Network, addr string) (func(), error) {
	c, err := greetRaw(network, addr)
	if err != nil {
		return nil, err
	}
	go c.answer()
	var b []byte
	id := uint32(1)
	for ; err == nil && id < 2*starveStreams; id += 2 {
		b, err = openSession(b, id)
	}
	if err == nil {
		_, err = c.Write(b)
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	stop := pace(func() error {
		b, err := openSession(b[:0], id)
		if err != nil {
			return err
		}
		id += 2
		_, err = c.Write(b)
		return err
	}, c.Close) // which ends a Write that waits
	return stop, nil
}

// attaches takes its own bridge over with another carrier, again and again.
func attaches(network carrier.Network, addr string) (func(), error) {
	c, err := greetRaw(network, addr)
	if err != nil {
		return nil, err
	}
	stop := pace(func() error {
		next, err := c.attachRaw(network, addr)
		if err != nil {
			return fmt.Errorf("attach: %w", err)
		}
		_ = c.Close()
		c = next
		return nil
	}, func() error { return nil })
	return func() {
		stop()
		_ = c.Close()
	}, nil
}

// pace does something hostilePace times a second, until it is stopped; interrupt makes it return if it waits. It panics if that fails
// before: a hostile peer that does no harm would flatter the server.
func pace(do, interrupt func() error) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(time.Second / hostilePace)
		defer t.Stop()
		for {
			select {
			case <-t.C:
			case <-done:
				return
			}
			err := do()
			select {
			case <-done:
				return
			default:
			}
			if err != nil {
				panic(fmt.Sprint("a hostile peer was stopped: ", err))
			}
		}
	})
	return func() {
		close(done)
		_ = interrupt()
		wg.Wait()
	}
}

// knownPeers are the keys of the only peers that there are.
type knownPeers []ed25519.PublicKey

// Verify implements tenuto.Peers.
func (p knownPeers) Verify(_ string, key ed25519.PublicKey) error {
	for _, k := range p {
		if k.Equal(key) {
			return nil
		}
	}
	return errors.New("the peer's key is not one of those expected")
}

// Admit implements tenuto.Peers.
func (p knownPeers) Admit(rawURL string, key ed25519.PublicKey, _ string) error {
	return p.Verify(rawURL, key)
}
