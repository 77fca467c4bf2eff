package forward

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Target is where a server connects the sessions of a service to.
type Target interface {
	// Open prepares for one session that is not accepted yet. Its error refuses the session.
	Open(ctx context.Context) (Peer, error)

	// String is the target as Parse reads it.
	String() string
}

// Peer is what a Target has opened. Either Join or Reset is called, once.
type Peer interface {
	// Join serves the session until it has ended, and closes it.
	Join(ctx context.Context, session Conn) (Counts, error)

	// Reset gives up: the session did not come to be.
	Reset()
}

// Registry says how targets are written. A key that ends with a colon is the beginning of a target, any other one a whole
// target; the function gets what follows the key.
type Registry map[string]func(rest string) (Target, error)

// NewRegistry returns a Registry of what every server can do: unix:PATH, and the words echo and discard.
func NewRegistry() Registry {
	return Registry{
		unixPrefix: func(path string) (Target, error) {
			if path == "" {
				return nil, fmt.Errorf("forward: target %s has no path", unixPrefix)
			}
			return dialTarget{"unix", path}, nil
		},
		"echo":    func(string) (Target, error) { return word{"echo", echo}, nil },
		"discard": func(string) (Target, error) { return word{"discard", discard}, nil },
	}
}

// Parse reads a target: an entry of the registry, or else host:port.
func (r Registry) Parse(text string) (Target, error) {
	if make, ok := r[text]; ok && !strings.HasSuffix(text, ":") {
		return make("")
	}
	if first, rest, ok := strings.Cut(text, ":"); ok {
		if make, ok := r[first+":"]; ok {
			return make(rest)
		}
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("forward: target %q is neither host:port nor one of %s", text,
			strings.Join(slices.Sorted(maps.Keys(r)), ", "))
	}
	return dialTarget{"tcp", text}, nil
}

// dialTimeout bounds how long a session waits for its target.
const dialTimeout = 10 * time.Second

// dialTarget is a socket to connect to.
type dialTarget struct{ network, address string }

func (t dialTarget) String() string {
	if t.network == "unix" {
		return unixPrefix + t.address
	}
	return t.address
}

func (t dialTarget) Open(ctx context.Context) (Peer, error) {
	d := net.Dialer{Timeout: dialTimeout}
	c, err := d.DialContext(ctx, t.network, t.address)
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	return socketPeer{c.(Local)}, nil
}

type socketPeer struct{ socket Local }

func (p socketPeer) Join(ctx context.Context, session Conn) (Counts, error) {
	return Join(ctx, p.socket, session)
}
func (p socketPeer) Reset() { reset(p.socket) }

// DialTarget returns a Forwarder's Dial that connects to host:port or unix:PATH, in place of a session.
func DialTarget(address string) (func(context.Context) (Conn, error), error) {
	t, err := NewRegistry().Parse(address)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (Conn, error) {
		p, err := t.Open(ctx)
		if err != nil {
			return nil, err
		}
		s, ok := p.(socketPeer)
		if !ok {
			return nil, fmt.Errorf("forward: %s is no address", address)
		}
		return socketConn{s.socket.(halfCloser)}, nil
	}, nil
}

// halfCloser is what net.TCPConn and net.UnixConn are.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// socketConn is a socket where a session could be.
type socketConn struct{ halfCloser }

func (c socketConn) Abort([]byte) error {
	reset(c.halfCloser)
	return nil
}

// word is a target inside the server, which serves a session until the session's data have ended, or fails.
type word struct {
	name  string
	serve func(session Conn, c *Counts) error
}

func (w word) String() string                     { return w.name }
func (w word) Open(context.Context) (Peer, error) { return w, nil }
func (w word) Reset()                             {}

func (w word) Join(ctx context.Context, session Conn) (c Counts, err error) {
	stop := context.AfterFunc(ctx, func() { session.Abort(nil) })
	defer stop()
	if err = w.serve(session, &c); err != nil {
		session.Abort(nil)
	} else if err = session.CloseWrite(); err != nil {
		session.Abort(nil)
	}
	if cerr := session.Close(); err == nil {
		err = cerr
	}
	return c, err
}

// echo sends back what it gets.
func echo(session Conn, c *Counts) error {
	var n atomic.Int64
	rerr, werr := copyOctets(session, session, &n)
	c.ToSession, c.FromSession = n.Load(), n.Load()
	if werr != nil {
		return werr
	}
	return orderly(rerr)
}

// discard reads to the end.
func discard(session Conn, c *Counts) error {
	var n atomic.Int64
	rerr, _ := copyOctets(io.Discard, session, &n)
	c.FromSession = n.Load()
	return orderly(rerr)
}

// orderly is the error of a read at which the data ended: none at their end.
func orderly(rerr error) error {
	if rerr == io.EOF {
		return nil
	}
	return rerr
}
