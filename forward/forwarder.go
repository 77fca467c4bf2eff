package forward

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Forwarder makes a session of every connection that a listener accepts.
type Forwarder struct {
	// Dial opens a session. It is called at the same time for connections that come at the same time.
	Dial func(ctx context.Context) (Conn, error)

	// Logger hears of connections; nil is slog.Default.
	Logger *slog.Logger
}

// Serve accepts on ln, which it closes, until ln is closed or ctx ends. It returns when its last connection has ended, nil if
// ctx or a Close ended it. A connection for which there is no session is reset.
func (f *Forwarder) Serve(ctx context.Context, ln net.Listener) error {
	var conns sync.WaitGroup
	defer conns.Wait()
	defer ln.Close()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()

	log := logger(f.Logger)
	var pause pause
	for {
		c, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			log.Warn("accept", "listener", ln.Addr().String(), "cause", err)
			if pause.wait(ctx) != nil {
				return nil
			}
			continue
		}
		pause = 0
		conns.Go(func() { f.serve(ctx, c) })
	}
}

func (f *Forwarder) serve(ctx context.Context, c net.Conn) {
	log := logger(f.Logger).With("from", name(c.RemoteAddr()))
	local, ok := c.(Local)
	if !ok {
		panic("BUG: a listener whose connections have no CloseWrite")
	}
	s, err := f.Dial(ctx)
	if err != nil {
		log.Warn("no session", "cause", err)
		reset(local)
		return
	}
	log.Debug("opened", "session", name(s.RemoteAddr()))
	counts, err := Join(ctx, local, s)
	logEnd(log, counts, err)
}

// logEnd says how a connection ended. Aborts are the applications' business, and so no warning.
func logEnd(log *slog.Logger, c Counts, err error) {
	if err != nil {
		log.Info("aborted", "sent", c.ToSession, "received", c.FromSession, "cause", err)
		return
	}
	log.Debug("closed", "sent", c.ToSession, "received", c.FromSession)
}

func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.Default()
	}
	return l
}

// name is an address for the log; those who connect to a Unix socket have none.
func name(a net.Addr) string {
	if a == nil || a.String() == "" {
		return "-"
	}
	return a.String()
}

// pause is how long the last wait after a failure was; the next one is twice as long.
type pause time.Duration

const (
	minPause = pause(5 * time.Millisecond)
	maxPause = pause(time.Second)
)

func (p *pause) wait(ctx context.Context) error {
	*p = min(max(2**p, minPause), maxPause)
	timer := time.NewTimer(time.Duration(*p))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
