package endpoint

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/transport"
)

// Config is what an endpoint is made with. New replaces zero values by the defaults named here.
type Config struct {
	// Key is the endpoint's identity.
	Key ed25519.PrivateKey
	// Carriers are the kinds of carriers that Dial and Listen know, by the scheme of their URLs.
	Carriers []carrier.Network
	// Verify decides, before anything is sent, whether the responder's key is the one that belongs to a dialled URL. Nil takes
	// any on carriers that stay on this machine, and none on others.
	Verify func(u *url.URL, peer ed25519.PublicKey) error
	// Admit decides whether an initiator's key may have a bridge by the listener at this URL, with an empty service, at each
	// attach; and a service, when Bridge.Admit asks. Nil admits any on carriers that stay on this machine, and none on others.
	Admit func(listen *url.URL, peer ed25519.PublicKey, service string) error

	// Window is how long an initiator tries to get a lost bridge another carrier. Default 10 min; it is shortened below what
	// the responder retains.
	Window time.Duration
	// Retention is how long a responder keeps a bridge without a carrier. Default 15 min.
	Retention time.Duration
	// Heartbeat is the longest silence on an idle carrier. Default 20 s.
	Heartbeat time.Duration
	// Park is how long nothing may happen on a bridge until an initiator closes its carrier; what happens next brings another
	// one. 0 is never.
	Park time.Duration
	// ParkPoll is how often an initiator looks in at the responder of a parked bridge. Default 60 s; below 0 never.
	ParkPoll time.Duration
	// ParkRetention is how long a responder keeps a parked bridge that nobody looks in at. Default 7 days; below 0 it parks none.
	ParkRetention time.Duration
	// HandshakeTime is how long a carrier may take until it is attached. Default 10 s.
	HandshakeTime time.Duration
	// Limits bound what peers can make this endpoint hold.
	Limits Limits
	// Directory says which endpoint owns a bridge. Default: a map.
	Directory Directory

	// CloseWhenIdle closes the endpoint when the last stream has ended.
	CloseWhenIdle bool

	// Logger hears what is refused, lost and ended. Default: nobody.
	Logger *slog.Logger
	// Events hears of carriers that come and go. It must not wait.
	Events func(Event)
}

// Limits bound what peers can make an endpoint hold. A zero value means the default.
type Limits struct {
	HalfOpen     int   // carriers in their handshake; default 256
	Bridges      int   // per peer key; default 64
	Streams      int   // per bridge, opened by the peer; default 8192
	StreamBytes  int   // per stream and direction, in octets; default 4 MiB, at most 16 MiB
	BridgeBytes  int64 // per bridge, in octets; default 512 MiB
	ProcessBytes int64 // per endpoint, in octets; default 1 GiB
}

func (c *Config) defaults() {
	setDefault(&c.Window, 10*time.Minute)
	setDefault(&c.Retention, 15*time.Minute)
	setDefault(&c.Heartbeat, 20*time.Second)
	setDefault(&c.ParkPoll, time.Minute)
	setDefault(&c.ParkRetention, 7*24*time.Hour)
	setDefault(&c.HandshakeTime, 10*time.Second)
	l := &c.Limits
	setDefault(&l.HalfOpen, 256)
	setDefault(&l.Bridges, 64)
	setDefault(&l.Streams, 8192)
	setDefault(&l.StreamBytes, 4<<20)
	l.StreamBytes = max(bridge.MinCredit, min(l.StreamBytes, 1<<maxRingBits))
	setDefault(&l.BridgeBytes, 512<<20)
	setDefault(&l.ProcessBytes, 1<<30)
	if c.Directory == nil {
		c.Directory = NewDirectory()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// EventKind says what happened to a bridge.
type EventKind uint8

const (
	Attached EventKind = iota // its first carrier
	Detached                  // it has lost its carrier
	Resumed                   // it has another carrier
	Parked                    // it has given up its carrier, because nothing happened
	Expired                   // it had none for too long, or the peer does not know it any more: its streams are gone
)

func (k EventKind) String() string {
	return [...]string{"attached", "detached", "resumed", "parked", "expired"}[k]
}

// Event is something that happened to a bridge.
type Event struct {
	Kind    EventKind
	Bridge  *Bridge
	Carrier fmt.Stringer // the carrier's remote address, nil where there is no carrier
	Cause   error        // why the last carrier was lost
}

// Endpoint owns bridges, listeners, and every goroutine that they have.
type Endpoint struct {
	cfg    Config
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	timers timers
	used   budget
	owner  string

	settings bridge.Settings // of its end of all bridges

	mu        sync.Mutex
	closed    bool
	bridges   map[bridge.ID]*Bridge
	ofKey     map[string]int // responder's bridges by their peer's key
	dialled   map[string]*dialled
	listeners map[*Listener]struct{}
	halfOpen  int
}

var (
	errClosing       = errors.New("endpoint: closed")
	errSilent        = errors.New("nothing came for too long")
	errMemory        = errors.New("endpoint: memory limit reached")
	errStreams       = errors.New("endpoint: the peer takes no more streams")
	errNobody        = errors.New("nobody is admitted here from other machines")
	errTakenOver     = errors.New("taken over by a newer carrier")
	errExpeditedSize = fmt.Errorf("endpoint: an expedited TSDU has 1 to %d octets", bridge.MaxExpedited)
)

// New makes an endpoint. It starts no goroutine until it dials or listens.
func New(cfg Config) *Endpoint {
	cfg.defaults()
	ep := &Endpoint{cfg: cfg, settings: cfg.settings(), bridges: map[bridge.ID]*Bridge{}, ofKey: map[string]int{}, dialled: map[string]*dialled{}, listeners: map[*Listener]struct{}{}}
	ep.ctx, ep.cancel = context.WithCancel(context.Background())
	ep.used.limit = cfg.Limits.ProcessBytes
	ep.timers.began = time.Now()
	ep.timers.slept = ep.Nudge
	ep.owner = fmt.Sprintf("%x", random(8))
	return ep
}

// Close ends all bridges and listeners, and returns when every goroutine has ended.
func (ep *Endpoint) Close() error {
	ep.mu.Lock()
	ep.closed = true
	var bridges []*Bridge
	for _, br := range ep.bridges {
		bridges = append(bridges, br)
	}
	var listeners []*Listener
	for ln := range ep.listeners {
		listeners = append(listeners, ln)
	}
	ep.mu.Unlock()
	for _, ln := range listeners {
		ln.Close()
	}
	for _, br := range bridges {
		br.Close(transport.ReasonShutdown)
	}
	ep.cancel()
	ep.wg.Wait()
	ep.timers.stop()
	return nil
}

// Go runs f in a goroutine that Close waits for. It returns false if the endpoint is closed already.
func (ep *Endpoint) Go(f func()) bool {
	ep.mu.Lock()
	defer ep.mu.Unlock()
	if ep.closed {
		return false
	}
	ep.wg.Go(f)
	return true
}

// Done is closed when Close was called.
func (ep *Endpoint) Done() <-chan struct{} { return ep.ctx.Done() }

// Bridges lists the bridges that there are.
func (ep *Endpoint) Bridges() []*Bridge {
	ep.mu.Lock()
	defer ep.mu.Unlock()
	var all []*Bridge
	for _, br := range ep.bridges {
		all = append(all, br)
	}
	return all
}

// Nudge says that carriers may have died unnoticed, or may be had again: the network has changed, or the machine has slept. Each
// carrier is probed at once, and each attempt to get one that waits for its turn is made. An endpoint that was asleep notices that
// by itself as soon as its clocks disagree.
func (ep *Endpoint) Nudge() {
	now := time.Now()
	for _, br := range ep.Bridges() {
		br.nudge(now)
	}
}

func (ep *Endpoint) event(e Event) {
	if ep.cfg.Events != nil {
		ep.cfg.Events(e)
	}
}

// Check tells whether there is a kind of carrier for a URL.
func (ep *Endpoint) Check(u *url.URL) error {
	_, err := ep.network(u)
	return err
}

// network finds the kind of carrier of a URL.
func (ep *Endpoint) network(u *url.URL) (carrier.Network, error) {
	var known []string
	for _, nw := range ep.cfg.Carriers {
		if nw.Scheme() == u.Scheme {
			return nw, nil
		}
		known = append(known, nw.Scheme()+"://")
	}
	return nil, fmt.Errorf("endpoint: no carrier for %s://; there are %s", u.Scheme, strings.Join(known, ", "))
}

// settings are what an endpoint tells of itself in the handshake of each bridge.
func (c *Config) settings() bridge.Settings {
	return bridge.Settings{Credit: bridge.MinCredit, Heartbeat: c.Heartbeat, Retention: c.Retention, Streams: uint32(c.Limits.Streams),
		Parked: max(0, c.ParkRetention), Simplex: true}
}

// addBridge makes the driver of a bridge whose first handshake is over.
func (ep *Endpoint) addBridge(role bridge.Role, r bridge.Result, remote Addr) (*Bridge, error) {
	br := &Bridge{ep: ep, role: role, peer: [ed25519.PublicKeySize]byte(r.Peer), remote: remote, timerIdx: -1}
	limits := bridge.Limits{Streams: ep.cfg.Limits.Streams, Window: bridge.MinCredit}
	br.m = bridge.New(role, bridge.NewKeys(r), &ep.settings, r.Settings, limits)
	if role == bridge.InitiatorRole {
		br.m.ParkAfter = ep.cfg.Park
	}
	ep.mu.Lock()
	defer ep.mu.Unlock()
	if ep.closed {
		return nil, errClosing
	}
	if role == bridge.ResponderRole {
		n := ep.ofKey[string(r.Peer)]
		if n >= ep.cfg.Limits.Bridges {
			return nil, &refusal{bridge.RefusedCongestion, fmt.Sprintf("the key has %d bridges", n)}
		}
		ep.ofKey[string(r.Peer)] = n + 1
	}
	ep.bridges[r.ID] = br
	return br, nil
}

func (ep *Endpoint) removeBridge(br *Bridge) {
	ep.timers.remove(br)
	ep.cfg.Directory.Release(br.ID(), ep.owner)
	ep.forget(br)
	ep.mu.Lock()
	defer ep.mu.Unlock()
	if ep.bridges[br.ID()] != br {
		return
	}
	delete(ep.bridges, br.ID())
	if br.role == bridge.ResponderRole {
		key := string(br.peer[:])
		if ep.ofKey[key]--; ep.ofKey[key] == 0 {
			delete(ep.ofKey, key)
		}
	}
}

// forget makes the next Dial to the bridge's host make another bridge.
func (ep *Endpoint) forget(br *Bridge) {
	ep.mu.Lock()
	defer ep.mu.Unlock()
	if d := ep.dialled[br.remote.name]; d != nil && d.br == br {
		delete(ep.dialled, br.remote.name)
	}
}

// Addr names an end of a bridge.
type Addr struct{ name string }

// Network is "tenuto".
func (a Addr) Network() string { return "tenuto" }

// String is the URL that was dialled, the first carrier's address, or the bridge's identifier.
func (a Addr) String() string { return a.name }
