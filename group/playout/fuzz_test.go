package playout

import (
	"math"
	"testing"
	"time"
)

// FuzzMachine: whatever happens in whatever order, the machine does not panic, keeps to its bounds, hands times up in order, and never asks to be called again
// in the past.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 10, 2, 0, 0, 10, 10, 0, 50, 9, 0, 1, 10, 0, 200})
	f.Add([]byte{0, 1, 1, 1, 0, 2, 1, 0, 5, 0, 2, 1, 2, 2, 0, 0, 10, 0, 100, 10, 0, 60, 5, 1, 30, 2, 1, 0, 31, 10, 0, 90})
	f.Fuzz(func(t *testing.T, ops []byte) {
		m := New(Config{Rate: Rate{1000, 1}, Delay: 30 * ms, MaxSkew: 20 * ms, Buffer: MinBuffer, Policy: Wait{Patience: 100 * ms}})
		x := fuzz{t: t, m: m, ops: ops, asked: map[int]Ask{}}
		for len(x.ops) > 0 {
			x.step()
			x.check()
		}
	})
}

type fuzz struct {
	t     *testing.T
	m     *Machine
	ops   []byte
	now   time.Duration
	asked map[int]Ask
	floor int64
	seek  uint32
}

// take is the next octet, 0 when there are none left.
func (x *fuzz) take() byte {
	if len(x.ops) == 0 {
		return 0
	}
	b := x.ops[0]
	x.ops = x.ops[1:]
	return b
}

// time is one near the clock, or one of any kind.
func (x *fuzz) time() int64 {
	switch b := int64(x.take()); b {
	case 255:
		return math.MaxInt64 - int64(x.take())
	case 254:
		return -int64(x.take())
	default:
		return x.m.timeAt(x.m.clock.at(x.now)) + 2*b - 100
	}
}

func (x *fuzz) step() {
	op, n := x.take()%12, int(x.take()%4)
	if op == 0 {
		_ = x.m.Join(n, x.take()%2 == 0)
		return
	}
	s := x.m.streams[n]
	if s == nil || s.state == gone && op < 8 {
		return
	}
	switch op {
	case 1:
		_ = x.m.Start(x.now, n, x.time(), time.Duration(x.take()))
	case 2, 3:
		if x.m.Room(n) {
			_ = x.m.Unit(x.now, n, x.time(), append(x.m.Buffer(n), make([]byte, int(x.take())*17)...))
		}
	case 4:
		_ = x.m.Mark(x.now, n, x.time(), x.now)
	case 5:
		_ = x.m.Resynced(x.now, n, x.time(), x.now, int(x.take()))
	case 6:
		_ = x.m.Moved(x.now, n, x.time(), x.now)
	case 7:
		x.m.Paused(x.now, n)
	case 8:
		x.m.Left(x.now, n, []error{nil, ErrSize}[x.take()%2])
	case 9:
		if a, ok := x.asked[n]; ok && s.state == asking {
			x.m.Missed(x.now, n, a)
		}
	case 10:
		x.now += time.Duration(x.take()) * 3 * ms
	case 11:
		if x.take()%8 == 0 {
			_ = x.m.Seek(x.now, x.time())
		}
		x.m.Forget(n)
	}
}

func (x *fuzz) check() {
	for u, ok := x.m.Next(x.now); ok; u, ok = x.m.Next(x.now) {
		if u.Seek == x.seek && u.Time < x.floor {
			x.t.Fatalf("%d comes after %d", u.Time, x.floor)
		}
		x.floor, x.seek = u.Time, u.Seek
	}
	if at := x.m.Look(x.now); at < x.now && !x.m.clock.pending {
		x.t.Fatalf("at %v: to be called again at %v", x.now, at)
	}
	for _, a := range x.m.Asks() {
		if a.Time < 0 {
			x.t.Fatalf("asks for time %d", a.Time)
		}
		x.asked[a.Stream] = a
	}
	for _, e := range x.m.Events() {
		_ = e.String()
	}
	for _, s := range x.m.Stats(x.now).Streams {
		if s.Waiting > 2*MinBuffer || s.Skew < 0 {
			x.t.Fatalf("%+v", s)
		}
	}
	for n, s := range x.m.streams {
		bit := uint64(1) << n
		if s == nil {
			continue
		}
		if queued := s.queue.n > 0; queued != (x.m.queued&bit != 0) || queued && x.m.heads[n] != s.queue.front().time {
			x.t.Fatalf("stream %d: %d wait", n, s.queue.n)
		}
		if s.size < 0 || s.size == 0 != (s.queue.n == 0) || s.kept > MinBuffer {
			x.t.Fatalf("stream %d: %d octets, %d kept", n, s.size, s.kept)
		}
		if x.m.awaited&bit != 0 && s.state != running && x.m.missing&bit == 0 {
			x.t.Fatalf("stream %d is awaited in state %d", n, s.state)
		}
	}
}
