package forward

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
)

// Refusal says why a Server refuses a session.
type Refusal uint8

const (
	RefuseUnknown Refusal = iota // no such service
	RefuseTarget                 // the service's target cannot be reached
)

// Incoming is a session that a peer asks for (S-CONNECT indication). One of Accept and Refuse is called, once.
type Incoming interface {
	Service() string
	RemoteAddr() net.Addr
	Accept(ctx context.Context) (Conn, error)

	// Refuse tells the peer why. A text is for its log, and only with RefuseTarget.
	Refuse(why Refusal, text string) error

	// Dial opens a session the other way: on the bridge that this one comes by, to the peer's service of that name.
	Dial(ctx context.Context, service string) (Conn, error)
}

// Acceptor is where sessions come from. Next returns net.ErrClosed when no more will.
type Acceptor interface {
	Next(ctx context.Context) (Incoming, error)
}

// Server connects sessions to targets. A target is connected to before its session is accepted, so that a target that
// refuses is a session refused. Its fields are not changed while it serves.
type Server struct {
	// Services are the targets by service name.
	Services map[string]Target

	// Default is the target of every other service; if it is nil they are refused.
	Default Target

	// Reverse permits registrations: who opens a session to one of these names, and as long as that session lives, gets a
	// session to a service of the same name for each connection accepted at the address. A later registration takes the
	// name over from an earlier one, whose client may be long gone.
	Reverse map[string]string

	// Logger hears of sessions; nil is slog.Default.
	Logger *slog.Logger

	mu            sync.Mutex
	registrations map[string]*registration
}

// Serve serves what comes from the acceptor until that fails or ctx ends, and returns when its last session has ended. The
// error is nil if ctx ended or the acceptor was closed.
func (s *Server) Serve(ctx context.Context, from Acceptor) error {
	var sessions sync.WaitGroup
	defer sessions.Wait()
	for {
		in, err := from.Next(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return err
		}
		sessions.Go(func() { s.serve(ctx, in) })
	}
}

func (s *Server) serve(ctx context.Context, in Incoming) {
	service := in.Service()
	log := logger(s.Logger).With("service", service, "peer", name(in.RemoteAddr()))
	if address, ok := s.Reverse[service]; ok {
		s.register(ctx, log, in, address)
		return
	}
	target, ok := s.Services[service]
	if !ok {
		target = s.Default
	}
	if target == nil {
		log.Warn("refused: unknown service")
		in.Refuse(RefuseUnknown, "")
		return
	}
	log = log.With("target", target.String())
	if t, ok := target.(Taker); ok {
		if i, ok := in.(incomingSession); ok {
			logEnd(log, Counts{}, t.Take(ctx, i.in))
			return
		}
	}
	peer, err := target.Open(ctx)
	if err != nil {
		log.Warn("refused: target not reached", "cause", err)
		in.Refuse(RefuseTarget, err.Error())
		return
	}
	session, err := in.Accept(ctx)
	if err != nil {
		log.Info("not accepted", "cause", err)
		peer.Reset()
		return
	}
	log.Debug("opened")
	counts, err := peer.Join(ctx, session)
	logEnd(log, counts, err)
}
