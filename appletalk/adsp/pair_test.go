package adsp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// epoch is when simulated time begins.
var epoch = time.Unix(0, 0)

// A pair is two ends with a link between them, in simulated time.
type pair struct {
	t    *testing.T
	now  time.Time
	ends [2]*end
	air  []flight
	link func(from int, p Packet) []time.Duration // when the copies of a packet arrive; nil is 1 ms
	log  []string
}

type flight struct {
	at time.Time
	to int
	b  []byte
}

// An end has a machine and what its user does.
type end struct {
	m       *Machine
	unsent  []message2 // what the user has yet to write
	sent    []message2
	got     []message2
	reads   func(n int) int // how many octets are read at a time
	slow    time.Duration   // between reads
	readAt  time.Time
	asked   []uint16 // attention messages, sent and received
	heard   []uint16
	closing bool // when all was written
}

type message2 struct {
	b    []byte
	done bool // it has ended
}

func newPair(t *testing.T, a, b Config) *pair {
	p := &pair{t: t, now: epoch}
	p.ends[0] = &end{m: New(a, 0x1111), reads: func(n int) int { return n }}
	p.ends[1] = &end{m: New(b, 0x2222), reads: func(n int) int { return n }}
	return p
}

// open has the first end call the second.
func (p *pair) open() {
	p.ends[0].m.Open(p.now)
	p.flush()
}

// flush sends what the machines want sent.
func (p *pair) flush() {
	for i, e := range p.ends {
		for _, pkt := range e.m.Drain() {
			delays := []time.Duration{time.Millisecond}
			if p.link != nil {
				delays = p.link(i, pkt)
			}
			p.log = append(p.log, fmt.Sprintf("%v %c: %v", p.now.Sub(epoch), 'A'+i, pkt))
			for _, d := range delays {
				p.air = append(p.air, flight{p.now.Add(d), 1 - i, pkt.Append(nil)})
			}
		}
	}
}

// step goes on to the next thing that happens; it tells whether there is one before the time.
func (p *pair) step(until time.Time) bool {
	next := until.Add(1)
	for _, f := range p.air {
		if f.at.Before(next) {
			next = f.at
		}
	}
	for _, e := range p.ends {
		if at := e.m.Next(); !at.IsZero() && at.Before(next) {
			next = at
		}
		if e.slow > 0 && e.m.Readable() && e.readAt.Before(next) {
			next = e.readAt
		}
	}
	if next.After(until) {
		return false
	}
	if next.After(p.now) {
		p.now = next
	}
	var due []flight
	p.air = slices.DeleteFunc(p.air, func(f flight) bool {
		if f.at.After(p.now) {
			return false
		}
		due = append(due, f)
		return true
	})
	for _, f := range due {
		pkt, err := Parse(f.b)
		if err != nil {
			p.t.Fatalf("%v: % x", err, f.b)
		}
		m := p.ends[f.to].m
		if m.State() == Opening && m.tries == 0 && m.openAt.IsZero() { // it was not begun: a listener
			if pkt.Code != OpenRequest || !pkt.Control {
				continue
			}
			m.Accept(p.now, pkt)
		} else {
			m.Handle(p.now, pkt)
		}
		clear(f.b) // nothing of it is kept
	}
	for _, e := range p.ends {
		if at := e.m.Next(); !at.IsZero() && !at.After(p.now) {
			e.m.Tick(p.now)
			if at := e.m.Next(); !at.IsZero() && !at.After(p.now) {
				p.t.Fatalf("Tick at %v leaves something due at %v", p.now, at)
			}
		}
		e.use(p)
	}
	p.flush()
	return true
}

// use is what the user does: he reads what he likes and writes what fits.
func (e *end) use(p *pair) {
	for e.m.Readable() && !p.now.Before(e.readAt) {
		b := make([]byte, e.reads(1000))
		n, eom := e.m.Read(b)
		if len(e.got) == 0 || e.got[len(e.got)-1].done {
			e.got = append(e.got, message2{})
		}
		last := &e.got[len(e.got)-1]
		last.b, last.done = append(last.b, b[:n]...), eom
		if e.slow > 0 {
			e.readAt = p.now.Add(e.slow)
		}
	}
	if code, _, ok := e.m.TakeAttention(); ok {
		e.heard = append(e.heard, code)
	}
	for len(e.unsent) > 0 && e.m.Room() > 0 {
		u := &e.unsent[0]
		n, ended := e.m.Write(p.now, u.b, u.done)
		u.b = u.b[n:]
		if len(u.b) > 0 || u.done && !ended {
			break
		}
		e.unsent = e.unsent[1:]
	}
	if e.closing && len(e.unsent) == 0 && e.m.State() == Established {
		e.m.Close(p.now)
	}
}

// write has the user write a message.
func (e *end) write(b []byte, done bool) {
	e.unsent = append(e.unsent, message2{b, done})
	e.sent = append(e.sent, message2{b, done})
}

// run goes on for a time.
func (p *pair) run(d time.Duration) {
	p.flush()
	until := p.now.Add(d)
	for steps := 0; p.step(until); steps++ {
		if steps > 1_000_000 {
			p.t.Fatalf("no end by %v:\n%s", p.now.Sub(epoch), strings.Join(p.log[len(p.log)-50:], "\n"))
		}
	}
	p.now = until
}

// idle tells whether all has arrived and is read.
func (e *end) idle() bool { return len(e.unsent) == 0 && e.m.Flushed() && !e.m.Readable() && !e.m.busy }

// wants compares what has arrived with what was sent.
func (e *end) wants(t *testing.T, sent []message2) {
	t.Helper()
	var want []message2
	for _, m := range sent {
		if len(want) > 0 && !want[len(want)-1].done {
			last := &want[len(want)-1]
			last.b, last.done = append(bytes.Clone(last.b), m.b...), m.done
			continue
		}
		want = append(want, m)
	}
	if len(e.got) != len(want) {
		t.Errorf("%d messages arrived, and %d were sent", len(e.got), len(want))
		return
	}
	for i := range want {
		if !bytes.Equal(e.got[i].b, want[i].b) || e.got[i].done != want[i].done {
			t.Errorf("message %d: %d octets and end %v arrived; want %d and %v", i, len(e.got[i].b), e.got[i].done, len(want[i].b), want[i].done)
		}
	}
}

// simSeeds is how many seeds run: TENUTO_SEEDS, or 100.
func simSeeds(t *testing.T) int {
	if v := os.Getenv("TENUTO_SEEDS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 100
}

// TestSimulation: over links that lose, double and reorder up to a fifth of the packets, streams arrive whole with their messages, attention messages
// once and in order, and both ends come to know of the close.
func TestSimulation(t *testing.T) {
	for seed := range simSeeds(t) {
		r := rand.New(rand.NewPCG(uint64(seed), 12))
		p := newPair(t, Config{Window: 16 + r.IntN(MaxWindow-16)}, Config{Window: 16 + r.IntN(8192)})
		bad := r.Float64() / 5
		p.link = func(int, Packet) (delays []time.Duration) {
			for range 2 {
				d := time.Duration(1+r.IntN(3)) * time.Millisecond
				if r.Float64() < bad {
					d += time.Duration(r.IntN(200)) * time.Millisecond
				}
				if r.Float64() >= bad {
					delays = append(delays, d)
				}
				if r.Float64() >= bad { // it is not doubled
					break
				}
			}
			return delays
		}
		if r.IntN(4) == 0 { // both call
			p.ends[1].m.Open(p.now)
		}
		for _, e := range p.ends {
			for range r.IntN(30) {
				b := make([]byte, r.IntN(1<<r.IntN(14)))
				for i := range b {
					b[i] = byte(r.Uint32())
				}
				e.write(b, r.IntN(3) > 0 || len(b) == 0)
			}
			e.reads = func(int) int { return 1 + r.IntN(3000) }
			e.slow = time.Duration(r.IntN(2)*r.IntN(30)) * time.Millisecond
		}
		closer := r.IntN(2)
		p.open()
		for range 20 {
			p.run(time.Duration(r.IntN(2000)) * time.Millisecond)
			for _, e := range p.ends {
				code := uint16(len(e.asked))
				if r.IntN(2) == 0 && e.m.Attention(p.now, code, []byte{1}) == nil {
					e.asked = append(e.asked, code)
				}
			}
		}
		a, b := p.ends[0], p.ends[1]
		for minute := 0; minute < 60 && !(a.idle() && b.idle()); minute++ {
			p.run(time.Minute)
		}
		p.ends[closer].closing = true
		p.ends[closer].use(p)
		p.run(20 * time.Second)
		bad = 0
		p.run(10 * time.Minute)
		a.wants(t, b.sent)
		b.wants(t, a.sent)
		if !slices.Equal(a.asked, b.heard) || !slices.Equal(b.asked, a.heard) {
			t.Errorf("attention: %v became %v, %v became %v", a.asked, b.heard, b.asked, a.heard)
		}
		if c, o := p.ends[closer].m, p.ends[1-closer].m; c.State() != Closed || o.State() != Closed || c.Err() != ErrClosed || o.Err() != ErrPeer || !c.Over() {
			t.Errorf("%v, %v and %v, %v", c.State(), c.Err(), o.State(), o.Err())
		}
		if t.Failed() {
			t.Logf("seed %d: a fault rate of %.3f", seed, bad)
			for _, line := range p.log[max(0, len(p.log)-60):] {
				t.Log(line)
			}
			return
		}
	}
}
