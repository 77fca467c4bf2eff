package durable

import (
	"context"
	"sync"

	"github.com/tenuto-session/tenuto"
)

// A talk is what a sender hears from the receiver while it sends an activity. A goroutine receives, and ends what waits when the receiver says
// something that the sender has to answer.
type talk struct {
	s    *tenuto.Session
	ctx  context.Context // ends with the caller's, and when there is something to answer
	quit func()          // of the goroutine
	done chan struct{}

	confirm func(serial uint32) error // runs in the goroutine, as points are confirmed

	mu        sync.Mutex
	changed   chan struct{}
	resync    *tenuto.ResyncInd
	exception *tenuto.ExceptionInd
	ended     bool // S-ACTIVITY-END was confirmed,
	note      string
	cleared   bool // or S-ACTIVITY-INTERRUPT, or -DISCARD
	err       error
}

// listen starts to listen. hangUp ends that.
func listen(ctx context.Context, s *tenuto.Session, confirm func(serial uint32) error) *talk {
	t := &talk{s: s, confirm: confirm, done: make(chan struct{}), changed: make(chan struct{}, 1)}
	var stop context.CancelFunc
	t.ctx, stop = context.WithCancel(ctx)
	receiving, quit := context.WithCancel(context.WithoutCancel(ctx))
	t.quit = quit
	go func() {
		defer close(t.done)
		defer stop()
		for t.hear(receiving) {
			if t.answer() {
				stop()
			}
		}
	}()
	return t
}

func (t *talk) hangUp() {
	t.quit()
	<-t.done
}

// hear takes the next indication, and tells whether another may come.
func (t *talk) hear(ctx context.Context) bool {
	ind, err := t.s.Receive(ctx)
	if i, ok := ind.(tenuto.SyncMinorCnf); ok && err == nil {
		err = t.confirm(i.Serial)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch i := ind.(type) {
	case tenuto.ResyncInd:
		t.resync = &i
	case tenuto.ExceptionInd:
		t.exception = &i
	case tenuto.ActivityEndCnf:
		t.ended, t.note = true, string(i.Data)
	case tenuto.ActivityInterruptCnf, tenuto.ActivityDiscardCnf:
		t.cleared = true
	}
	t.err = err
	select {
	case t.changed <- struct{}{}:
	default:
	}
	return err == nil
}

// answer tells whether the sender can not go on as it does.
func (t *talk) answer() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.exception != nil
}

// wait waits until what the receiver has said makes cond true. The session's end ends it, and the context.
func (t *talk) wait(ctx context.Context, cond func() bool) error {
	for {
		t.mu.Lock()
		ok, err := cond(), t.err
		t.mu.Unlock()
		switch {
		case ok:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-t.changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
