package scp

import (
	"sync"
	"time"
)

// deadline is a time after which calls end, also those that wait already.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	gone  chan struct{} // closed when it has passed
}

func (d *deadline) init() { d.gone = make(chan struct{}) }

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.gone // it passes just now
	}
	d.timer = nil
	passed := isClosed(d.gone)
	if t.IsZero() {
		if passed {
			d.gone = make(chan struct{})
		}
		return
	}
	if left := time.Until(t); left > 0 {
		if passed {
			d.gone = make(chan struct{})
		}
		gone := d.gone
		d.timer = time.AfterFunc(left, func() { close(gone) })
		return
	}
	if !passed {
		close(d.gone)
	}
}

func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gone
}

func (d *deadline) passed() bool { return isClosed(d.wait()) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
