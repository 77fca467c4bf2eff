// Package engine drives an AppleTalk machine: it reads frames of links, runs the machine's timers, and does what the machine wants done.
// One mutex guards the machine; frames are written, groups joined and notes logged when it is free.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/link"
)

// Machine is what an engine drives.
type Machine interface {
	Frame(now time.Time, port int, b []byte, out *link.Output)
	Tick(now time.Time, out *link.Output)
	Next() time.Time // zero if there is nothing to wait for
}

// Times.
const (
	errorPause  = 100 * time.Millisecond // before a link is read again that has failed
	logInterval = time.Minute            // between two lines about failures of one link
)

// Engine drives a machine until it is closed.
type Engine struct {
	log     *slog.Logger
	wake    chan struct{} // the machine's next time has changed
	done    chan struct{}
	running sync.WaitGroup
	links   atomic.Pointer[map[int]*attached]

	mu     sync.Mutex // guards what follows, and the machine
	m      Machine
	armed  time.Time // what the timer waits for
	closed bool
}

// attached is a link with what reads it.
type attached struct {
	link.Link
	read   chan struct{} // closed when nobody reads it any more
	mu     sync.Mutex
	logged time.Time // guarded by mu
}

// New starts an engine without links. It has a goroutine until Close, and one more for each link.
func New(m Machine, log *slog.Logger) *Engine {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{m: m, log: log, wake: make(chan struct{}, 1), done: make(chan struct{})}
	e.links.Store(&map[int]*attached{})
	e.running.Go(e.timer)
	return e
}

// Attach lets the machine have a link as one of its ports. The engine closes it.
func (e *Engine) Attach(port int, l link.Link) {
	a := &attached{Link: l, read: make(chan struct{})}
	e.change(func(links map[int]*attached) { links[port] = a })
	e.running.Go(func() { e.reader(port, a) })
}

// Detach closes a port's link and waits until nobody reads it.
func (e *Engine) Detach(port int) error {
	a := (*e.links.Load())[port]
	if a == nil {
		return nil
	}
	e.change(func(links map[int]*attached) { delete(links, port) })
	err := a.Close()
	<-a.read
	return err
}

// change replaces the map of links by one that f has changed.
func (e *Engine) change(f func(map[int]*attached)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	links := map[int]*attached{}
	for port, a := range *e.links.Load() {
		links[port] = a
	}
	f(links)
	e.links.Store(&links)
}

// Do lets f use the machine, and does what it wants done. It reports false, and does not call f, if the engine is closed.
func (e *Engine) Do(f func(now time.Time, out *link.Output)) bool {
	var out link.Output
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return false
	}
	f(time.Now(), &out)
	sooner := e.sooner()
	e.mu.Unlock()
	e.perform(&out, sooner)
	return true
}

// sooner reports whether the timer has to be woken: the machine waits for something earlier than it does.
func (e *Engine) sooner() bool {
	next := e.m.Next()
	return !next.IsZero() && (e.armed.IsZero() || next.Before(e.armed))
}

// perform does what the machine wants done.
func (e *Engine) perform(out *link.Output, sooner bool) {
	links := *e.links.Load()
	for _, j := range out.Joins {
		if a := links[j.Port]; a != nil {
			do := a.Join
			if j.Leave {
				do = a.Leave
			}
			e.failed(a, "join", do(j.Address))
		}
	}
	for port, b := range out.Frames() {
		if a := links[port]; a != nil {
			if err := a.WriteFrame(b); err != nil {
				e.failed(a, "write", err)
			}
		}
	}
	for _, n := range out.Notes {
		e.note(links, &n)
	}
	out.Reset()
	if sooner {
		select {
		case e.wake <- struct{}{}:
		default: // it is being woken
		}
	}
}

func (e *Engine) note(links map[int]*attached, n *link.Note) {
	level := [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn}[n.Level-link.Debug]
	if !e.log.Enabled(context.Background(), level) {
		return
	}
	args := n.Args
	if a := links[n.Port]; a != nil {
		args = append([]any{"link", a.String()}, args...)
	}
	e.log.Log(context.Background(), level, n.Text, args...)
}

// failed logs that a link has failed, not too often.
func (e *Engine) failed(a *attached, what string, err error) {
	if err == nil || errors.Is(err, link.ErrClosed) {
		return
	}
	a.mu.Lock()
	now := time.Now()
	quiet := !a.logged.IsZero() && now.Sub(a.logged) < logInterval
	if !quiet {
		a.logged = now
	}
	a.mu.Unlock()
	if !quiet {
		e.log.Warn("link failed", "link", a.String(), "operation", what, "error", err)
	}
}

func (e *Engine) reader(port int, a *attached) {
	defer close(a.read)
	var out link.Output
	b := make([]byte, link.MaxFrame)
	for {
		n, err := a.ReadFrame(b)
		if errors.Is(err, link.ErrClosed) {
			return
		}
		if err != nil {
			e.failed(a, "read", err)
			select {
			case <-time.After(errorPause):
			case <-e.done:
			}
			continue
		}
		e.mu.Lock()
		if e.closed {
			e.mu.Unlock()
			return
		}
		e.m.Frame(time.Now(), port, b[:n], &out)
		sooner := e.sooner()
		e.mu.Unlock()
		e.perform(&out, sooner)
	}
}

// timer calls the machine's Tick when it is time.
func (e *Engine) timer() {
	var out link.Output
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-e.done:
			return
		case <-e.wake:
		case <-timer.C:
		}
		e.mu.Lock()
		if e.closed {
			e.mu.Unlock()
			return
		}
		now := time.Now()
		if next := e.m.Next(); !next.IsZero() && !now.Before(next) {
			e.m.Tick(now, &out)
		}
		e.armed = e.m.Next()
		next := e.armed
		e.mu.Unlock()
		e.perform(&out, false)
		timer.Stop()
		if !next.IsZero() {
			timer.Reset(max(time.Until(next), 0))
		}
	}
}

// Close lets the machine say farewell, closes all links, and waits for the engine's goroutines. It may be called twice.
func (e *Engine) Close(farewell func(now time.Time, out *link.Output)) error {
	var out link.Output
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		e.running.Wait()
		return nil
	}
	if farewell != nil {
		farewell(time.Now(), &out)
	}
	e.closed = true
	e.mu.Unlock()
	e.perform(&out, false)
	close(e.done)
	var errs []error
	for _, a := range *e.links.Load() {
		errs = append(errs, a.Close())
	}
	e.running.Wait()
	return errors.Join(errs...)
}
