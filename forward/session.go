package forward

import (
	"context"
	"errors"
	"net"
	"net/url"
	"path"

	"github.com/tenuto-session/tenuto"
)

// DialURL returns a Forwarder's Dial that opens sessions to a URL; those of one endpoint share the bridge to that server.
func DialURL(ep *tenuto.Endpoint, rawURL string, cfg *tenuto.Config) func(context.Context) (Conn, error) {
	return func(ctx context.Context) (Conn, error) {
		s, err := ep.Dial(ctx, rawURL, cfg)
		return conn(s, err)
	}
}

// sessionConn is a session as this package needs it.
type sessionConn struct {
	*tenuto.Conn
	session *tenuto.Session
}

func (c sessionConn) Abort(data []byte) error { return c.session.Abort(data) }

func conn(s *tenuto.Session, err error) (Conn, error) {
	if err != nil {
		return nil, err
	}
	return sessionConn{s.Conn(), s}, nil
}

// Dialogues is the configuration of a server that takes every kind of stream: duplex, half-duplex and simplex.
var Dialogues = &tenuto.Config{Units: tenuto.Duplex | tenuto.HalfDuplex}

// Listener returns the sessions of a listener for a Server, which accepts them with cfg.
func Listener(ln *tenuto.Listener, cfg *tenuto.Config) Acceptor { return acceptor{ln, cfg} }

type acceptor struct {
	ln  *tenuto.Listener
	cfg *tenuto.Config
}

func (a acceptor) Next(ctx context.Context) (Incoming, error) {
	in, err := a.ln.Next(ctx)
	if err != nil {
		return nil, err
	}
	return incomingSession{in, a.cfg}, nil
}

type incomingSession struct {
	in  *tenuto.Incoming
	cfg *tenuto.Config
}

func (i incomingSession) Service() string      { return i.in.Service() }
func (i incomingSession) RemoteAddr() net.Addr { return i.in.RemoteAddr() }

func (i incomingSession) Accept(ctx context.Context) (Conn, error) {
	return conn(i.in.Accept(ctx, i.cfg))
}

// A Taker is a Target that takes sessions as they are, for what is more than a connection.
type Taker interface {
	Target

	// Take accepts or refuses the session, and returns when it has ended. The error is nil after a release.
	Take(ctx context.Context, in *tenuto.Incoming) error
}

// maxRefusal bounds the text of a refusal, in octets.
const maxRefusal = 512

func (i incomingSession) Refuse(why Refusal, text string) error {
	if why == RefuseUnknown {
		return i.in.Refuse(tenuto.RefusedServiceUnknown, nil)
	}
	return i.in.Refuse(tenuto.RefusedWithData, []byte(text[:min(len(text), maxRefusal)]))
}

func (i incomingSession) Dial(ctx context.Context, service string) (Conn, error) {
	return conn(i.in.Bridge().Dial(ctx, service, i.cfg))
}

// RegisterURL returns a ReverseClient's Register: the registration is a session to the URL, and the sessions are those that
// the server opens on the same bridge.
func RegisterURL(ep *tenuto.Endpoint, rawURL string, cfg *tenuto.Config) func(context.Context) (Conn, Acceptor, func(), error) {
	return func(ctx context.Context) (Conn, Acceptor, func(), error) {
		u, err := url.Parse(rawURL)
		if err != nil {
			return nil, nil, nil, err
		}
		b, err := ep.Bridge(ctx, rawURL)
		if err != nil {
			return nil, nil, nil, err
		}
		// The listener is there first: the server may open sessions as soon as it has accepted the registration.
		ln, err := b.Listen(cfg)
		if err != nil {
			return nil, nil, nil, err
		}
		s, err := conn(b.Dial(ctx, path.Base(u.Path), cfg))
		if err != nil {
			ln.Close()
			return nil, nil, nil, err
		}
		return s, acceptor{ln, cfg}, func() { ln.Close() }, nil
	}
}

// IsReplaced tells whether a registration ended because another client took its name over. To register again would end
// that client's in turn.
func IsReplaced(err error) bool {
	a, ok := errors.AsType[*tenuto.AbortError](err)
	return ok && a.Remote && string(a.Data) == replaced
}
