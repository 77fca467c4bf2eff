package tenuto

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/tcp"
	"github.com/tenuto-session/tenuto/carrier/tls"
	"github.com/tenuto-session/tenuto/carrier/unix"
	"github.com/tenuto-session/tenuto/endpoint"
	"github.com/tenuto-session/tenuto/identity"
	"github.com/tenuto-session/tenuto/transport"
)

// EndpointConfig is what an endpoint is made with. The zero EndpointConfig, and nil, are usable.
type EndpointConfig struct {
	// Key is the endpoint's identity; nil makes one for the process.
	Key ed25519.PrivateKey
	// Carriers are kinds of carriers beyond tenuto:// (TLS), tenuto+tcp:// and tenuto+unix://, such as a *memory.Network.
	Carriers []carrier.Network
	// AllowPlaintext lets plaintext carriers leave the loopback.
	AllowPlaintext bool
	// NoBinding says that a proxy between the endpoints ends TLS and begins it anew. Both endpoints must say so; whoever runs
	// the proxy can then read and change what passes.
	NoBinding bool
	// Peers decides who the peers may be, by their keys. Nil takes any on carriers that stay on this machine, where there is
	// nothing to verify, and nobody on others.
	Peers Peers

	// Window is how long an endpoint that dials tries to get a lost bridge another carrier; 0 is 10 min. It is always shorter
	// than what the listening endpoint retains.
	Window time.Duration
	// Retention is how long an endpoint that listens keeps a bridge without a carrier; 0 is 15 min.
	Retention time.Duration
	// Heartbeat is the longest silence on an idle carrier; 0 is 20 s.
	Heartbeat time.Duration
	// Park is how long nothing may happen on a bridge until a dialling endpoint closes its carrier; the next octet that this end
	// sends brings another one. 0 is never.
	Park time.Duration
	// ParkPoll is how often a dialling endpoint looks in at the other end of a parked bridge, which keeps what it has to send until then;
	// 0 is 60 s, less is never.
	ParkPoll time.Duration
	// ParkRetention is how long a listening endpoint keeps a parked bridge that nobody looks in at; 0 is 7 days, less parks none.
	ParkRetention time.Duration
	// HandshakeTime is how long a carrier may take until it is attached; 0 is 10 s.
	HandshakeTime time.Duration
	// Backlog is how many sessions may wait for Accept or Next at a listener; 0 is 256. Those beyond are refused.
	Backlog int
	// Limits bound what peers can make the endpoint hold.
	Limits Limits
	// OSI is about sessions over RFC 1006. AllowPlaintext lets their listeners leave the loopback.
	OSI OSIConfig
	// Directory says which endpoint owns a bridge; nil is a map.
	Directory endpoint.Directory

	// Logger hears what is refused, lost and ended; nil is nobody.
	Logger *slog.Logger
	// Events hears of carriers that come and go. It is called from the endpoint's goroutines and must not wait.
	Events func(Event)
}

// Peers decides by their keys who the peers of an endpoint may be. Its methods are called by many goroutines at once, and wait for
// nothing but the disk. identity.Store is one that keeps files, as SSH does.
type Peers interface {
	// Verify returns nil if the key is the one that belongs to the URL that was dialled, without its service.
	Verify(rawURL string, key ed25519.PublicKey) error
	// Admit returns nil if an initiator may have a service by the listener at the URL. With an empty service it is asked at
	// each attach of a carrier whether the initiator may have any.
	Admit(rawURL string, key ed25519.PublicKey, service string) error
}

// Limits bound what peers can make an endpoint hold.
type Limits = endpoint.Limits

// Event is something that happened to a bridge.
type Event struct {
	Kind    EventKind
	Bridge  *Bridge
	Carrier string    // the carrier's remote address; empty where there is no carrier
	Cause   error     // why the last carrier was lost; nil if none was
	Time    time.Time // when
}

// EventKind says what happened to a bridge.
type EventKind = endpoint.EventKind

// The kinds of events.
const (
	Attached = endpoint.Attached // its first carrier
	Detached = endpoint.Detached // it has lost its carrier
	Resumed  = endpoint.Resumed  // it has another carrier
	Parked   = endpoint.Parked   // it has given up its carrier, because nothing happened
	Expired  = endpoint.Expired  // it had none for too long, or the peer does not know it any more: its sessions are aborted
)

// Endpoint owns bridges, listeners, and every goroutine that they have. Its methods may be called at any time by anyone.
type Endpoint struct {
	ep        *endpoint.Endpoint
	backlog   int
	key       ed25519.PublicKey
	log       *slog.Logger
	plaintext bool

	pool *pool
	osi  sync.WaitGroup // of the goroutines of sessions over RFC 1006
}

// defaultBacklog is the number of sessions that may wait for Accept or Next.
const defaultBacklog = 256

// NewEndpoint makes an endpoint. Close ends it.
func NewEndpoint(cfg *EndpointConfig) (*Endpoint, error) { return newEndpoint(cfg, false) }

func newEndpoint(cfg *EndpointConfig, private bool) (*Endpoint, error) {
	if cfg == nil {
		cfg = &EndpointConfig{}
	}
	key := cfg.Key
	if key == nil {
		var err error
		if _, key, err = ed25519.GenerateKey(nil); err != nil {
			return nil, fmt.Errorf("tenuto: %w", err)
		}
	}
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("tenuto: a key has %d octets, not %d", ed25519.PrivateKeySize, len(key))
	}
	ep := &Endpoint{backlog: cfg.Backlog, key: key.Public().(ed25519.PublicKey), log: cfg.Logger}
	if ep.log == nil {
		ep.log = slog.New(slog.DiscardHandler)
	}
	if ep.backlog == 0 {
		ep.backlog = defaultBacklog
	}
	c := endpoint.Config{Key: key, Window: cfg.Window, Retention: cfg.Retention, Heartbeat: cfg.Heartbeat, Park: cfg.Park,
		ParkPoll: cfg.ParkPoll, ParkRetention: cfg.ParkRetention, HandshakeTime: cfg.HandshakeTime,
		Limits: cfg.Limits, Directory: cfg.Directory, Logger: ep.log, CloseWhenIdle: private}
	c.Carriers = append([]carrier.Network{&tls.Network{NoBinding: cfg.NoBinding}, &tcp.Network{AllowAnywhere: cfg.AllowPlaintext},
		&unix.Network{}}, cfg.Carriers...)
	if p := cfg.Peers; p != nil {
		c.Verify = func(u *url.URL, key ed25519.PublicKey) error { return p.Verify(u.String(), key) }
		c.Admit = func(u *url.URL, key ed25519.PublicKey, service string) error {
			return p.Admit(u.String(), key, service)
		}
	}
	if cfg.Events != nil {
		c.Events = func(e endpoint.Event) {
			ev := Event{Kind: e.Kind, Bridge: &Bridge{ep, e.Bridge}, Cause: e.Cause, Time: time.Now()}
			if e.Carrier != nil {
				ev.Carrier = e.Carrier.String()
			}
			cfg.Events(ev)
		}
	}
	ep.ep = endpoint.New(c)
	ep.pool, ep.plaintext = newPool(cfg.OSI), cfg.AllowPlaintext
	if private {
		ep.pool.empty = func() { ep.Close() }
	}
	return ep, nil
}

// Close ends all bridges and listeners: sessions that live are aborted. It returns when every goroutine of the endpoint has ended.
func (ep *Endpoint) Close() error {
	err := ep.ep.Close()
	ep.pool.close()
	ep.osi.Wait()
	return err
}

// Nudge says that connections may have died unnoticed, or may be had again: the network has changed, say, or the machine has slept.
// What there is is probed at once, and what is sought is tried at once.
func (ep *Endpoint) Nudge() { ep.ep.Nudge() }

// Bridges lists the bridges that there are.
func (ep *Endpoint) Bridges() []*Bridge {
	var all []*Bridge
	for _, br := range ep.ep.Bridges() {
		all = append(all, &Bridge{ep, br})
	}
	return all
}

// Dial opens a session to a URL such as tenuto://host:7225/service: S-CONNECT. All sessions to one host share a bridge. It returns a
// *RefusedError if the peer refused, and an *UnknownPeerError if there is nobody to decide on the peer's key.
func (ep *Endpoint) Dial(ctx context.Context, rawURL string, cfg *Config) (*Session, error) {
	if u, err := url.Parse(rawURL); err == nil && u.Scheme == SchemeOSI {
		return ep.dialOSI(ctx, u, cfg)
	}
	u, service, err := parseDial(rawURL)
	if err != nil {
		return nil, err
	}
	for again := false; ; again = true {
		br, err := ep.ep.Dial(ctx, u)
		if err != nil {
			return nil, ep.dialError(err)
		}
		s, err := (&Bridge{ep, br}).Dial(ctx, service, cfg)
		if err != nil && !again && stale(err) {
			continue // the bridge was lost before; a new one may be had
		}
		return s, ep.sessionError(err, service)
	}
}

// stale tells whether a session could not be opened because its bridge was over.
func stale(err error) bool {
	var d *transport.DisconnectError
	return errors.As(err, &d) && (d.Reason == transport.ReasonUnknown || d.Reason == transport.ReasonExpired || d.Reason == transport.ReasonShutdown)
}

// UnknownPeerError says that nobody decides whether a responder's key belongs to the URL that was dialled: EndpointConfig.Peers is nil.
type UnknownPeerError struct {
	URL string
	Key ed25519.PublicKey
}

// Fingerprint is what people compare keys by.
func (e *UnknownPeerError) Fingerprint() string { return identity.Fingerprint(e.Key) }

func (e *UnknownPeerError) Error() string {
	return fmt.Sprintf("tenuto: %s shows the key %s, and nobody decides whether that is the right one (EndpointConfig.Peers)", e.URL, e.Fingerprint())
}

// dialError says what can be done about an error.
func (ep *Endpoint) dialError(err error) error {
	if e, ok := errors.AsType[*endpoint.UnknownPeerError](err); ok {
		return &UnknownPeerError{e.URL.Redacted(), e.Key}
	}
	if d, ok := errors.AsType[*transport.DisconnectError](err); ok && d.Reason == transport.ReasonNotAdmitted {
		return ep.notAdmitted()
	}
	return fmt.Errorf("tenuto: dial: %w", err)
}

// sessionError says what can be done about a session that did not come to be.
func (ep *Endpoint) sessionError(err error, service string) error {
	if errors.Is(err, ErrNotAdmitted) {
		return fmt.Errorf("%w; to admit it, add to the server's authorized_keys the line: services=%q %s", err, service, ep.line())
	}
	if d, ok := errors.AsType[*transport.DisconnectError](err); ok && d.Reason == transport.ReasonNotAdmitted {
		return ep.notAdmitted()
	}
	return err
}

func (ep *Endpoint) notAdmitted() error {
	return fmt.Errorf("tenuto: dial: %w by the server; to admit it, add to the server's authorized_keys the line: %s", ErrNotAdmitted, ep.line())
}

// line is this endpoint's key as authorized_keys has it.
func (ep *Endpoint) line() string { return identity.FormatPublic(ep.key, identity.DefaultComment()) }

// DialContext opens a session and returns it as a net.Conn, in the form that http.Transport and others want: addr is a URL, or
// host:port/service on a carrier with TLS; network is not looked at.
func (ep *Endpoint) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if !strings.Contains(addr, "://") {
		addr = tls.Scheme + "://" + addr
	}
	s, err := ep.Dial(ctx, addr, nil)
	if err != nil {
		return nil, err
	}
	return s.Conn(), nil
}

// Bridge returns the bridge that Dial would use for a URL, making it if there is none. The service is not looked at.
func (ep *Endpoint) Bridge(ctx context.Context, rawURL string) (*Bridge, error) {
	u, _, err := splitDial(rawURL)
	if err != nil {
		return nil, err
	}
	br, err := ep.ep.Dial(ctx, u)
	if err != nil {
		return nil, ep.dialError(err)
	}
	return &Bridge{ep, br}, nil
}

// Dial opens a session with an endpoint of its own, which closes with it.
func Dial(ctx context.Context, rawURL string, cfg *Config) (*Session, error) {
	ep, err := newEndpoint(nil, true)
	if err != nil {
		return nil, err
	}
	s, err := ep.Dial(ctx, rawURL, cfg)
	if err != nil {
		ep.Close()
	}
	return s, err
}

// Check tells what is wrong with a URL for Dial as far as that can be known without dialling, and else which service it names.
func (ep *Endpoint) Check(rawURL string) (service string, err error) {
	if u, err := url.Parse(rawURL); err == nil && u.Scheme == SchemeOSI {
		a, err := parseOSI(u)
		return string(a.called), err
	}
	u, _, err := splitDial(rawURL)
	if err != nil {
		return "", err
	}
	if err := ep.ep.Check(u); err != nil {
		return "", fmt.Errorf("tenuto: %w", err)
	}
	_, service, err = parseDial(rawURL)
	return service, err
}

// parseDial takes a dial URL apart, and wants it to name a service.
func parseDial(rawURL string) (u *url.URL, service string, err error) {
	u, service, err = splitDial(rawURL)
	switch {
	case err != nil:
	case service == "":
		err = fmt.Errorf("tenuto: %s names no service: add /NAME", rawURL)
	case len(service) > MaxService:
		err = fmt.Errorf("tenuto: service %q: %d octets exceed %d", service, len(service), MaxService)
	}
	return u, service, err
}

// splitDial takes a dial URL apart: the service is the last element of its path, and what is before it is the carrier's.
func splitDial(rawURL string) (u *url.URL, service string, err error) {
	u, err = url.Parse(rawURL)
	if err != nil {
		return nil, "", fmt.Errorf("tenuto: %w", err)
	}
	if u.Scheme == "" || u.Host == "" && u.Path == "" {
		return nil, "", fmt.Errorf("tenuto: %q is no URL such as tenuto://host:7225/service", rawURL)
	}
	i := strings.LastIndexByte(u.Path, '/')
	service = u.Path[i+1:]
	u.Path, u.RawPath = u.Path[:max(i, 0)], ""
	return u, service, nil
}
