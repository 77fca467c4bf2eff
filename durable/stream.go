package durable

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/tenuto-session/tenuto"
)

// stream sends what the receiver has not committed, and the activity's end.
func (a *outbound) stream(ctx context.Context) error {
	if a.over {
		return a.end(ctx)
	}
	if err := a.pump.start(a.tally.offset); err != nil {
		return err
	}
	a.snd.logger().Debug("sending", "activity", a.rec.Key.String(), "from", a.tally.offset)
	for {
		c, err := a.next(ctx)
		if err != nil {
			return err
		}
		if err := a.put(ctx, c.buf[:c.n]); err != nil {
			return err
		}
		a.pump.free <- c.buf
		switch {
		case errors.Is(c.err, io.EOF):
			return a.end(ctx)
		case c.err != nil:
			return c.err
		case a.tally.size > 0 && (c.point || a.wait() <= 0):
			if err := a.mark(ctx); err != nil {
				return err
			}
		}
	}
}

// next takes what has been read, and sets a synchronization point when that does not come for a while.
func (a *outbound) next(ctx context.Context) (chunk, error) {
	select {
	case c := <-a.pump.out:
		return c, nil
	default:
	}
	timer := time.NewTimer(a.wait())
	defer timer.Stop()
	for {
		select {
		case c := <-a.pump.out:
			return c, nil
		case <-ctx.Done():
			return chunk{}, context.Cause(ctx)
		case <-timer.C:
			if a.tally.size > 0 {
				if err := a.mark(ctx); err != nil {
					return chunk{}, err
				}
			} else if a.snd.Idle > 0 && a.confirmedAll() {
				return chunk{}, errIdle
			}
			timer.Reset(a.wait())
		}
	}
}

// wait is how long to wait for octets before something else is to be done.
func (a *outbound) wait() time.Duration {
	switch interval := cmp.Or(a.snd.Interval, DefaultInterval); {
	case a.tally.size > 0 && interval > 0 && a.serial < lastSerial:
		return time.Until(a.marked.Add(interval))
	case a.tally.size == 0 && a.snd.Idle > 0:
		return a.snd.Idle
	}
	return math.MaxInt64
}

func (a *outbound) confirmedAll() bool {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	return len(a.pending) == 0
}

// put sends octets, with a synchronization point wherever the distance is reached.
func (a *outbound) put(ctx context.Context, b []byte) error {
	for len(b) > 0 {
		room := int64(math.MaxInt64)
		if a.serial < lastSerial {
			room = distance(cmp.Or(a.snd.Distance, DefaultDistance), a.tally.offset) - a.tally.size
		}
		part := b[:min(room, int64(len(b)))]
		n, err := a.t.s.SendPart(ctx, part, true)
		if err != nil {
			a.unsent = part[n:]
			return err
		}
		a.tally.add(part)
		b = b[len(part):]
		a.t.mu.Lock()
		a.tell(a.tally.offset + a.tally.size)
		a.t.mu.Unlock()
		if room == int64(len(part)) {
			if err := a.mark(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// mark sets a synchronization point, and waits until there may be another.
func (a *outbound) mark(ctx context.Context) error {
	if a.serial > maxPoints {
		return &SourceError{errPoints}
	}
	minor := func(ctx context.Context, data []byte) (uint32, error) {
		return a.t.s.SyncMinor(ctx, tenuto.Explicit, data)
	}
	if err := a.set(ctx, minor); err != nil {
		return err
	}
	window := cmp.Or(a.snd.Window, DefaultWindow)
	return a.t.wait(ctx, func() bool { return len(a.pending) < window })
}

// end sends the activity's end, and waits until it is committed.
func (a *outbound) end(ctx context.Context) error {
	if err := a.set(ctx, a.t.s.EndActivity); err != nil {
		return err
	}
	if err := a.t.wait(ctx, func() bool { return a.t.ended }); err != nil {
		return err
	}
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	a.progress.Note = a.t.note
	a.committed(a.pending[len(a.pending)-1])
	return nil
}

// set makes the request for the next point.
func (a *outbound) set(ctx context.Context, request func(ctx context.Context, data []byte) (uint32, error)) error {
	p := pending{a.serial, a.tally.point}
	if !a.over {
		p.point = a.tally.cut()
	}
	a.t.mu.Lock()
	a.pending = append(a.pending, p)
	a.t.mu.Unlock()
	n, err := request(ctx, p.append(nil))
	if err != nil {
		return err
	}
	if n != a.serial {
		panic(fmt.Sprintf("BUG: synchronization point %d has number %d", a.serial, n))
	}
	a.serial++
	a.marked = time.Now()
	return nil
}
