package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto"
)

// Relay makes a far session for each near one. Its fields are not changed while it serves.
type Relay struct {
	// Dial opens a far session with what cfg proposes, which is all that the near peer does but for the session selectors: Dial sees to them. An
	// error refuses the near session: a *tenuto.RefusedError for its reason, with its data.
	Dial func(ctx context.Context, near *tenuto.Incoming, cfg *tenuto.Config) (*tenuto.Session, error)

	// Logger hears of sessions; nil is slog.Default.
	Logger *slog.Logger
}

// Units are the functional units that a relay can pass on, for the Config of the listener that it serves.
const Units = tenuto.HalfDuplex | tenuto.Duplex | tenuto.Expedited | tenuto.TypedData | tenuto.CapabilityData | tenuto.MinorSync | tenuto.DataSeparation |
	tenuto.MajorSync | tenuto.Resync | tenuto.Exceptions | tenuto.Activity | tenuto.NegotiatedRelease

// Acceptor is where near sessions come from, a *tenuto.Listener. Next returns net.ErrClosed when no more will.
type Acceptor interface {
	Next(ctx context.Context) (*tenuto.Incoming, error)
}

// Serve relays what comes from the acceptor until that fails or ctx ends, and returns when its last session has ended. The error is nil if ctx
// ended or the acceptor was closed.
func (r *Relay) Serve(ctx context.Context, from Acceptor) error {
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
		sessions.Go(func() { _ = r.Pass(ctx, in) })
	}
}

// Pass relays one session, and returns when it has ended at both sides, or could not be joined: then it was refused. The error says why, but after a
// release.
func (r *Relay) Pass(ctx context.Context, in *tenuto.Incoming) error {
	log := r.Logger
	if log == nil {
		log = slog.Default()
	}
	log = log.With("peer", in.RemoteAddr().String())
	near, far, err := r.connect(ctx, in)
	if err != nil {
		log.Warn("not joined", "cause", err)
		return err
	}
	log = log.With("far", far.RemoteAddr().String())
	log.Info("joined", "units", far.Units().String())
	if err := Join(ctx, near, far); err != nil {
		log.Info("aborted", "cause", err)
		return err
	}
	log.Info("released")
	return nil
}

// connect opens the far session and answers for the near one.
func (r *Relay) connect(ctx context.Context, in *tenuto.Incoming) (near, far *tenuto.Session, err error) {
	far, err = r.dial(ctx, in)
	if err != nil {
		refuse(in, err)
		return nil, nil, err
	}
	near, err = in.Accept(ctx, answer(far))
	if err != nil {
		far.Break()
		return nil, nil, err
	}
	return near, far, nil
}

// dial opens the far session while the near peer waits.
func (r *Relay) dial(ctx context.Context, in *tenuto.Incoming) (*tenuto.Session, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		if err := in.Wait(ctx); ctx.Err() == nil {
			cancel(fmt.Errorf("relay: the near peer did not wait: %w", err))
		}
	}()
	far, err := r.Dial(ctx, in, proposal(in))
	gone := context.Cause(ctx)
	cancel(nil)
	<-waited
	if gone != nil {
		if err == nil {
			far.Break()
		}
		return nil, gone
	}
	return far, err
}

// refuse refuses the near session as the far peer refused, or because that cannot be reached.
func refuse(in *tenuto.Incoming, err error) {
	reason := tenuto.RefusedServiceNotThere
	var data []byte
	if refused, ok := errors.AsType[*tenuto.RefusedError](err); ok {
		if reason, data = refused.Reason, refused.Data; len(data) == 0 && reason == tenuto.RefusedWithData {
			reason = tenuto.RefusedByUser
		}
	}
	_ = in.Refuse(reason, data) // an error says that nobody waits for it any more
}

// Join passes on what comes from either session to the other, until both have ended. Both were made with Config.Relay. The error says why they were
// aborted; it is nil after a release.
func Join(ctx context.Context, near, far *tenuto.Session) error {
	stop := context.AfterFunc(ctx, func() {
		_ = near.Abort(nil)
		_ = far.Abort(nil)
	})
	defer stop()
	ways := [2]way{{from: near, to: far}, {from: far, to: near}}
	ended := make(chan error, len(ways))
	for i := range ways {
		go func() { ended <- ways[i].run() }()
	}
	err := <-ended
	timer := time.AfterFunc(grace, func() {
		near.Break()
		far.Break()
	})
	defer timer.Stop()
	return errors.Join(err, <-ended)
}

// grace is how long the second of two sessions may take to end once the first has.
const grace = 30 * time.Second
