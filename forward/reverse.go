package forward

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// errReplaced ends a registration whose name another client has taken over.
var errReplaced = errors.New("another client has registered this name")

// errEnded ends a registration that the server has released.
var errEnded = errors.New("the server has ended the registration")

// replaced is the data of the abort that says so, for the client to know.
const replaced = "replaced"

// registration is a listener that lives as long as a client's session does.
type registration struct {
	cancel  context.CancelCauseFunc
	stopped chan struct{} // closed when its address is free again
}

// register serves a registration until the client ends it, or somebody else takes its name.
func (s *Server) register(ctx context.Context, log *slog.Logger, in Incoming, address string) {
	log = log.With("listen", address)
	held, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &registration{cancel: cancel, stopped: make(chan struct{})}
	free := sync.OnceFunc(func() { close(r.stopped) })
	defer free()
	s.take(in.Service(), r)
	defer s.give(in.Service(), r)

	ln, err := Listen(ctx, address)
	if err != nil {
		log.Warn("refused: cannot listen", "cause", err)
		in.Refuse(RefuseTarget, err.Error())
		return
	}
	defer ln.Close()
	session, err := in.Accept(ctx)
	if err != nil {
		log.Info("not accepted", "cause", err)
		return
	}
	log.Info("registered")

	// Connections that were accepted go on when the registration ends: they are sessions of their own.
	f := &Forwarder{
		Dial:   func(ctx context.Context) (Conn, error) { return in.Dial(ctx, in.Service()) },
		Logger: log,
	}
	var accepting sync.WaitGroup
	accepting.Go(func() { f.Serve(ctx, ln) })
	err = hold(held, session)
	ln.Close()
	free()
	log.Info("registration ended", "cause", err)
	accepting.Wait()
}

// take makes r the registration of a name, and waits until an earlier one has given its address up.
func (s *Server) take(service string, r *registration) {
	s.mu.Lock()
	earlier := s.registrations[service]
	if s.registrations == nil {
		s.registrations = make(map[string]*registration)
	}
	s.registrations[service] = r
	s.mu.Unlock()
	if earlier != nil {
		earlier.cancel(errReplaced)
		<-earlier.stopped
	}
}

func (s *Server) give(service string, r *registration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.registrations[service] == r {
		delete(s.registrations, service)
	}
}

// hold waits until the peer ends the session, which is nil, or it fails, or ctx ends, which aborts it.
func hold(ctx context.Context, session Conn) error {
	stop := context.AfterFunc(ctx, func() {
		var why []byte
		if context.Cause(ctx) == errReplaced {
			why = []byte(replaced)
		}
		session.Abort(why)
	})
	defer stop()
	_, err := io.Copy(io.Discard, session)
	if err != nil {
		session.Abort(nil)
	}
	session.Close() // answers the release if there was one
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// ReverseClient keeps a registration at a server, and serves the sessions that come of it.
type ReverseClient struct {
	// Service is the name to register.
	Service string

	// Target is where the sessions are connected to.
	Target Target

	// Register opens the session that is the registration, and what accepts the sessions that the server opens on the
	// same bridge; stop releases the latter.
	Register func(ctx context.Context) (registration Conn, sessions Acceptor, stop func(), err error)

	// IsFinal tells whether the end of a registration means that there should be no other one; nil never does.
	IsFinal func(error) bool

	// Logger hears of sessions; nil is slog.Default.
	Logger *slog.Logger
}

// The wait between registrations after one was lost, at first and at most.
const (
	minRetry = 500 * time.Millisecond
	maxRetry = 30 * time.Second
)

// Run registers, and again whenever the registration is lost, until ctx ends, which is nil. The error of the first
// registration is returned at once, and later an error that IsFinal.
func (r *ReverseClient) Run(ctx context.Context) error {
	log := logger(r.Logger).With("service", r.Service, "target", r.Target.String())
	var serving sync.WaitGroup
	defer serving.Wait()
	retry := minRetry
	for first := true; ; first = false {
		registered, err := r.once(ctx, log, &serving)
		switch {
		case ctx.Err() != nil:
			return nil
		case first && !registered, r.IsFinal != nil && r.IsFinal(err):
			return err
		case registered:
			retry = minRetry
		}
		// Many clients of one server should not come back at the same time.
		wait := retry/2 + rand.N(retry)
		log.Warn("registration lost", "cause", err, "retry", wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		retry = min(2*retry, maxRetry)
	}
}

// once registers, and waits until the registration ends. Sessions that came of it may then still be served.
func (r *ReverseClient) once(ctx context.Context, log *slog.Logger, serving *sync.WaitGroup) (registered bool, err error) {
	registration, sessions, stop, err := r.Register(ctx)
	if err != nil {
		return false, err
	}
	defer stop()
	log.Info("registered")
	s := &Server{Services: map[string]Target{r.Service: r.Target}, Logger: r.Logger}
	serving.Go(func() {
		if err := s.Serve(ctx, sessions); err != nil {
			log.Warn("no more sessions", "cause", err)
		}
	})
	if err := hold(ctx, registration); err != nil {
		return true, err
	}
	return true, errEnded
}
