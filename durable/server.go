package durable

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/identity"
)

// Units are the functional units of sessions with activities.
const Units = tenuto.HalfDuplex | tenuto.MinorSync | tenuto.Resync | tenuto.Exceptions | tenuto.Activity

// A Server takes activities from sessions. It is safe for concurrent use; its fields are not changed once it is in use.
type Server struct {
	Receiver Receiver
	Logger   *slog.Logger // nil is slog.Default
}

// Serve accepts the sessions of a listener, whose Config has Units, and takes their activities, until the context or the listener ends; those that have
// begun are aborted then, for their senders to come again. It waits for them.
func (srv *Server) Serve(ctx context.Context, ln *tenuto.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var sessions sync.WaitGroup
	defer sessions.Wait()
	defer cancel()
	for {
		s, err := ln.Accept(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return err
		}
		sessions.Go(func() { _ = srv.Take(ctx, s) })
	}
}

// Take takes the activities of one session until that ends. When the context ends it aborts the session. The error is that of the session; it is nil
// after a release.
func (srv *Server) Take(ctx context.Context, s *tenuto.Session) error {
	log := srv.Logger
	if log == nil {
		log = slog.Default()
	}
	ahead, finish := receiveAhead(ctx, s)
	in := &inbound{srv: srv, s: s, ahead: ahead, log: log.With("peer", s.RemoteAddr().String())}
	defer finish()
	defer in.forget()
	for {
		ind, err := ahead.next()
		if err == nil {
			err = in.handle(ctx, ind)
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, tenuto.ErrReleased):
			return nil
		}
		if _, aborted := errors.AsType[*tenuto.AbortError](err); !aborted {
			_ = s.Abort(nil)
		}
		in.log.Warn("session lost", "cause", err)
		return err
	}
}

// inbound is a session that brings activities, and the one that it brings now.
type inbound struct {
	srv   *Server
	s     *tenuto.Session
	ahead *ahead
	log   *slog.Logger

	activity Activity
	sink     Sink // nil while there is none, or it is of no use any more
	rec      checkpoint.Record
	t        *tally
	opened   bool // the activity is ours, though its sink may be of no use any more
	mute     bool // the sender has been told of an exception: nothing counts until it has interrupted or discarded
}

// handle does what an indication asks for. An error ends the session.
func (in *inbound) handle(ctx context.Context, ind tenuto.Indication) error {
	switch i := ind.(type) {
	case tenuto.ActivityStartInd:
		return in.begin(ctx, Activity{Key: in.key(i.ID, nil)}, i.Data)
	case tenuto.ActivityResumeInd:
		return in.begin(ctx, Activity{Key: in.key(i.Resume.ID, i.Resume.On.Calling), Resumed: true}, i.Data)
	case tenuto.Data:
		return in.data(ctx, i.B)
	case tenuto.SyncMinorInd:
		return in.point(ctx, i.Serial, i.Data, checkpoint.Running, in.s.ConfirmSync)
	case tenuto.ActivityEndInd:
		return in.point(ctx, i.Serial, i.Data, checkpoint.Ended, func(ctx context.Context, _ uint32, note []byte) error {
			return in.s.RespondEnd(ctx, note)
		})
	case tenuto.ActivityInterruptInd:
		in.leave(ctx, checkpoint.Interrupted)
		return in.s.RespondInterrupt(ctx, nil)
	case tenuto.ActivityDiscardInd:
		in.leave(ctx, checkpoint.Discarded)
		return in.s.RespondDiscard(ctx, nil)
	case tenuto.ReleaseInd:
		return in.s.RespondRelease(ctx, nil)
	case tenuto.ResyncCnf, tenuto.TokenPleaseInd, tenuto.TokenGiveInd:
		return nil
	}
	return fmt.Errorf("durable: the sender made an indication that has no place here: %v", ind)
}

// key is that of an activity. Where the peer has no key, the user's name for its session connections has to do: that of the one on which the activity
// ran before, or this one's.
func (in *inbound) key(id, calling []byte) checkpoint.Key {
	k := checkpoint.Key{Role: checkpoint.Receiver, ID: string(id)}
	if b := in.s.Bridge(); b != nil {
		if peer := b.Info().Peer; peer != nil {
			k.Initiator = identity.Fingerprint(peer)
		}
	} else {
		if len(calling) == 0 {
			calling = in.s.Parameters().Reference.Calling
		}
		k.Initiator = fmt.Sprintf("osi:%x", calling)
	}
	return k
}

// begin opens the sink of an activity, and sets the sender of one that is resumed to where that is.
func (in *inbound) begin(ctx context.Context, a Activity, data []byte) (err error) {
	in.forget()
	if a.Header, err = parseHeader(data); err != nil {
		return in.trouble(ctx, err)
	}
	a.Peer = in.s.RemoteAddr().String()
	in.activity = a
	if in.sink, in.rec, err = in.srv.Receiver.Open(ctx, &a); err != nil {
		return in.trouble(ctx, err)
	}
	if in.rec.State == checkpoint.Discarded {
		return in.trouble(ctx, fmt.Errorf("%w: it was discarded", checkpoint.ErrNotFound))
	}
	p := pointOf(&in.rec)
	in.opened, in.t = true, newTally(p)
	if !a.Resumed {
		return nil
	}
	return in.said(in.s.Resynchronize(ctx, tenuto.Set, in.rec.Serial+1, tenuto.TokenSettings{}, p.append(nil)))
}

// said returns the error of a request or response about the activity, but for one that came too late: when the sender has left the activity meanwhile, it
// learns where the receiver is when it resumes.
func (in *inbound) said(err error) error {
	if _, refused := errors.AsType[*tenuto.NotAllowedError](err); refused && in.ahead.left() {
		return nil
	}
	return err
}

func (in *inbound) data(ctx context.Context, b []byte) error {
	if in.mute {
		return nil
	}
	if in.sink == nil || in.rec.State == checkpoint.Ended {
		return errors.New("durable: the sender has sent octets where no activity wants them")
	}
	in.t.add(b)
	if _, err := in.sink.Write(b); err != nil {
		return in.trouble(ctx, err)
	}
	return nil
}

// point commits what has come, and confirms it.
func (in *inbound) point(ctx context.Context, serial uint32, data []byte, st checkpoint.State, confirm func(context.Context, uint32, []byte) error) error {
	if in.mute {
		return nil
	}
	p, err := parsePoint(data)
	if err != nil {
		return in.trouble(ctx, err)
	}
	ended := in.t != nil && in.rec.State == checkpoint.Ended
	switch {
	case ended && st == checkpoint.Ended: // the sender has not heard
		return in.said(confirm(ctx, serial, nil))
	case in.sink == nil || ended:
		return errors.New("durable: the sender has set a synchronization point where no activity wants it")
	}
	switch got := in.t.cut(); {
	case got.offset != p.offset:
		return in.trouble(ctx, fmt.Errorf("durable: the synchronization point is at octet %d, and %d have come", p.offset, got.offset))
	case got.digest != p.digest:
		return in.trouble(ctx, fmt.Errorf("durable: the octets before %d are not those that were sent: their digest differs", p.offset))
	}
	rec := in.rec
	rec.Serial, rec.Offset, rec.Digest, rec.State = serial, in.t.offset, in.t.digest, st
	if err := in.sink.Commit(ctx, rec); err != nil {
		return in.trouble(ctx, err)
	}
	in.log.Debug("committed", "activity", in.activity.Key.String(), "from", in.rec.Offset, "to", rec.Offset, "serial", serial)
	in.rec = rec
	var note string
	if st == checkpoint.Ended {
		if n, ok := in.sink.(Noter); ok {
			note = n.Note()
		}
		in.closeSink()
	}
	return in.said(confirm(ctx, serial, []byte(note[:min(len(note), maxText)])))
}

// trouble tells the sender that this side can not go on, and waits for it to interrupt or discard the activity.
func (in *inbound) trouble(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, checkpoint.ErrFenced) {
		return err // whoever has taken the activity over has the sender, or will have it
	}
	in.log.Warn("exception", "activity", in.activity.Key.String(), "cause", err)
	in.closeSink()
	in.mute = true
	r := tenuto.ReceivingJeopardized
	switch {
	case errors.Is(err, checkpoint.ErrNotFound), errors.Is(err, checkpoint.ErrExists):
		r = tenuto.UserSequenceError
	case errors.Is(err, ErrRefused):
		r = tenuto.UnrecoverableError
	}
	text := err.Error()
	return in.said(in.s.ReportException(ctx, r, []byte(text[:min(len(text), maxText)])))
}

// maxText is the most that a receiver says of an exception or an end, in octets.
const maxText = 1 << 10

// leave commits that the activity rests at its last point, or is discarded.
func (in *inbound) leave(ctx context.Context, st checkpoint.State) {
	defer in.forget()
	if !in.opened || in.rec.State == checkpoint.Ended {
		return
	}
	var err error
	if in.t.size > 0 && st == checkpoint.Interrupted {
		in.closeSink() // which forgets what is behind the last point
	}
	if in.sink == nil { // or it has failed
		a := in.activity
		a.Resumed = true
		in.sink, in.rec, err = in.srv.Receiver.Open(ctx, &a)
	}
	if err == nil {
		in.rec.State = st
		err = in.sink.Commit(ctx, in.rec)
	}
	if err != nil {
		in.log.Warn("not recorded", "activity", in.activity.Key.String(), "state", st.String(), "cause", err)
	}
}

// forget ends with the activity that there is, if there is one.
func (in *inbound) forget() {
	in.closeSink()
	in.t, in.rec, in.opened, in.mute = nil, checkpoint.Record{}, false, false
}

func (in *inbound) closeSink() {
	if in.sink == nil {
		return
	}
	if err := in.sink.Close(); err != nil {
		in.log.Warn("close", "activity", in.activity.Key.String(), "cause", err)
	}
	in.sink = nil
}
