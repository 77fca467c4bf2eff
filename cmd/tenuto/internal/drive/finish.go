package drive

import (
	"context"
	"errors"
	"slices"

	"github.com/tenuto-session/tenuto"
)

// finish ends the session as Play says.
func (p *Player) finish() error {
	p.lines.Wait()
	select {
	case err := <-p.failed:
		p.Close()
		return err
	default:
	}
	ctx, cancel := context.WithTimeout(p.ctx, p.o.Timeout)
	defer cancel()
	defer p.Close()
	if err := p.answerOwed(ctx); err != nil {
		return err
	}
	if p.o.Next != nil {
		p.untilEnd(ctx) // the peer's script goes first
	}
	if s := p.session; s != nil && s.Release(ctx, nil) == nil {
		p.show(true, "S-RELEASE request()")
		if err := p.awaitConfirm(ctx, "release"); err != nil {
			return err
		}
		p.answerRelease(ctx, s)
	}
	p.untilEnd(ctx)
	for _, e := range p.queue {
		if e.abort && !e.passed {
			return errors.New(e.text)
		}
	}
	return nil
}

// answerOwed answers a release that no line has answered, and from now on everything.
func (p *Player) answerOwed(ctx context.Context) error {
	p.mu.Lock()
	p.finishing = true
	release := !p.o.Manual && slices.Contains(p.owed, "release-response")
	p.mu.Unlock()
	if s := p.session; release && s != nil {
		if err := s.RespondRelease(ctx, nil); err != nil {
			return err
		}
		p.show(true, "S-RELEASE response()")
	}
	return nil
}

// untilEnd takes what comes until the session has ended, or nothing more comes.
func (p *Player) untilEnd(ctx context.Context) {
	for p.session != nil && p.next(ctx) == nil {
	}
}

// answerRelease answers the peer's own release, which has met this side's.
func (p *Player) answerRelease(ctx context.Context, s *tenuto.Session) {
	for i := range p.queue {
		if e := &p.queue[i]; e.name == "release" && e.kind == "indication" && !e.passed {
			e.passed = true
			if s.RespondRelease(ctx, nil) == nil {
				p.show(true, "S-RELEASE response()")
			}
		}
	}
}

// Close ends what is there by an abort, and waits for it.
func (p *Player) Close() {
	if p.in != nil {
		p.in.Refuse(tenuto.RefusedByUser, nil)
		p.in = nil
	}
	if s := p.session; s != nil {
		p.show(true, "S-U-ABORT request()")
		s.Abort(nil)
	}
	for p.session != nil && p.next(context.Background()) == nil {
	}
	p.lines.Wait()
	p.receivers.Wait()
}

// Idle tells whether there is no session.
func (p *Player) Idle() bool { return p.session == nil }
