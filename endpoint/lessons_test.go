package endpoint

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
	"github.com/tenuto-session/tenuto/transport"
)

// Each test of this file shows that a rule holds which others have paid for; docs/conformance/lessons.txt lists them all.

// lesson runs f in a bubble with a pair of endpoints over a memory carrier.
func lesson(t *testing.T, f func(t *testing.T, p *pair, nw *memory.Network), options ...option) {
	synctest.Test(t, func(t *testing.T) {
		nw := memory.New()
		p := newPair(t, nw, "memory://server", options...)
		f(t, p, nw)
		p.client.Close()
		p.server.Close()
	})
}

// noCuts is for transmit where carriers are not cut at random.
func noCuts() {}

// look calls f with the lock of the stream's bridge held.
func look(s *Stream, f func()) {
	s.br.mu.Lock()
	defer s.br.mu.Unlock()
	f()
}

// relisten makes the server take carriers again.
func (p *pair) relisten(t *testing.T) {
	t.Helper()
	var err error
	if p.ln, err = p.server.Listen(t.Context(), p.url, func(*Stream) bool { return false }); err != nil {
		t.Fatal(err)
	}
}

// TestFullReplayBuffer: Lesson 1. A full replay buffer makes the writer wait, for minutes if need be; it ends nothing, nothing of it is
// dropped, and all arrives when there is a carrier again.
func TestFullReplayBuffer(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		const size = 3 << 20
		p.ln.Close()
		nw.Conns()[0].Cut()
		var wg sync.WaitGroup
		wg.Go(func() { transmit(t, a, size, 1, noCuts) })
		time.Sleep(5 * time.Minute)
		look(a, func() {
			held := int(a.m.Written - a.m.Acked)
			if held < bridge.MinCredit*3/4 || held > a.br.ep.cfg.Limits.StreamBytes || a.out.len() != held {
				t.Errorf("after 5 min %d octets are held, %d of them in the ring", held, a.out.len())
			}
			if a.err != nil || a.br.over != nil {
				t.Errorf("the stream has ended: %v, %v", a.err, a.br.over)
			}
		})
		p.relisten(t)
		collect(t, b, size, 1)
		wg.Wait()
	})
}

// TestWindow: Lesson 2. A stream's window begins small, grows while its user takes all that comes, up to the cap, and the buffers of a
// silent bridge are given back.
func TestWindow(t *testing.T) {
	const most = 128 << 10
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		look(b, func() {
			if b.m.Window != bridge.MinCredit || len(b.receives().buf) > bridge.MinCredit {
				t.Errorf("at first: a window of %d, a buffer of %d", b.m.Window, len(b.in.buf))
			}
		})
		var wg sync.WaitGroup
		wg.Go(func() { transmit(t, a, 4<<20, 1, noCuts) })
		collect(t, b, 4<<20, 1)
		wg.Wait()
		look(b, func() {
			if b.m.Window != most || len(b.in.buf) > most {
				t.Errorf("after 4 MiB: a window of %d, a buffer of %d", b.m.Window, len(b.in.buf))
			}
		})
		look(a, func() {
			if n := len(a.out.buf); n < minRing || n > most {
				t.Errorf("after 4 MiB: a replay buffer of %d octets", n)
			}
		})
		time.Sleep(time.Minute)
		for _, s := range []*Stream{a, b} {
			look(s, func() {
				if s.in != nil || s.out != nil {
					t.Errorf("idle: it holds %v and %v", s.in, s.out)
				}
			})
		}
	}, func(c, s *Config) { c.Limits.StreamBytes, s.Limits.StreamBytes = most, most })
}

// recorder is a kind of carrier that keeps what the dialling end writes, carrier by carrier.
type recorder struct {
	*memory.Network
	mu   sync.Mutex
	sent []*bytes.Buffer
}

type recorded struct {
	carrier.Conn
	r *recorder
	b *bytes.Buffer
}

func (r *recorder) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	c, err := r.Network.Dial(ctx, u)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, new(bytes.Buffer))
	return &recorded{c, r, r.sent[len(r.sent)-1]}, nil
}

func (c *recorded) keep(n int, bufs [][]byte) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	for _, b := range bufs {
		k := min(n, len(b))
		c.b.Write(b[:k])
		n -= k
	}
}

func (c *recorded) Write(bufs ...[]byte) (int, error) {
	n, err := c.Conn.Write(bufs...)
	c.keep(n, bufs)
	return n, err
}

func (c *recorded) TryWrite(bufs ...[]byte) (int, error) {
	n, err := c.Conn.TryWrite(bufs...)
	c.keep(n, bufs)
	return n, err
}

var text5 = []byte("what is said once and sent twice")

// TestRingHoldsPlaintext: Lesson 5. What is kept for a replay is the user's octets and nothing of the carrier that took them before: a
// new carrier gets a handshake of its own, with a nonce that no other had, and then the same octets. (No carrier encrypts yet: the
// keys of TLS come with its carrier, below all this.)
func TestRingHoldsPlaintext(t *testing.T) {
	r := &recorder{Network: memory.New()}
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, r, "memory://server")
		a, b := p.open(t)
		r.Conns()[0].Stall()
		text := text5
		if _, err := a.Send(transport.Never, nil, text, transport.End); err != nil {
			t.Fatal(err)
		}
		look(a, func() {
			if held, _ := a.out.slices(a.out.tail, a.out.len()); !bytes.HasSuffix(held, text) {
				t.Errorf("the ring holds %q", held)
			}
		})
		got := make([]byte, 100)
		if n, _, err := b.Receive(transport.Never, got); err != nil || !bytes.Equal(got[:n], text) {
			t.Errorf("got %q, %v", got[:n], err)
		}
		p.client.Close()
		p.server.Close()
	})
	if len(r.sent) != 2 || !bytes.Contains(r.sent[0].Bytes(), text5) || !bytes.Contains(r.sent[1].Bytes(), text5) {
		t.Fatalf("%d carriers; the octets are not on both", len(r.sent))
	}
	if first, second := r.sent[0].Bytes()[:100], r.sent[1].Bytes(); bytes.Contains(second, first[len(bridge.Magic)+3:][:32]) {
		t.Error("the second handshake repeats the first one's nonce")
	}
}

// TestSlowReader: Lesson 6. Who does not read stops its own stream alone. What has come and what was taken are two numbers: all is
// acknowledged, and so the sender's buffer is free, but there is no credit for more.
func TestSlowReader(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		slow, unread := p.open(t)
		quick, read := p.open(t)
		ctx, cancel := context.WithCancel(t.Context())
		context.AfterFunc(ctx, slow.Wake)
		var wg sync.WaitGroup
		wg.Go(func() {
			for b := make([]byte, 1000); ; {
				if _, err := slow.Send(ctx, nil, b, transport.End); err != nil {
					return
				}
			}
		})
		wg.Go(func() { transmit(t, quick, 2<<20, 1, noCuts) })
		collect(t, read, 2<<20, 1)
		time.Sleep(time.Second)
		look(slow, func() {
			if slow.m.Acked != slow.m.Credit || slow.m.Written <= slow.m.Credit {
				t.Errorf("acknowledged %d, credit %d, written %d", slow.m.Acked, slow.m.Credit, slow.m.Written)
			}
		})
		look(unread, func() {
			if unread.in.len() > bridge.MinCredit {
				t.Errorf("%d octets are held for who does not read", unread.in.len())
			}
		})
		cancel()
		wg.Wait()
	})
}

// TestInterruptOvertakes: Lesson 8. An expedited TSDU, and a small one of another stream, do not wait behind a download whose reader has
// stopped, nor behind what is written already but for one batch in the carrier.
func TestInterruptOvertakes(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		c, d := p.open(t)
		ctx, cancel := context.WithCancel(t.Context())
		context.AfterFunc(ctx, b.Wake)
		var wg sync.WaitGroup
		wg.Go(func() { // the download, from the server
			for buf := make([]byte, 1<<20); ; {
				if _, err := b.Send(ctx, nil, buf, transport.End); err != nil {
					return
				}
			}
		})
		synctest.Wait()
		start := time.Now()
		if err := b.SendExpedited(transport.Never, []byte("^C")); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Send(transport.Never, nil, []byte("small"), transport.End); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := make([]byte, 100)
		if _, _, err := a.Receive(transport.Never, got); !errors.Is(err, transport.ErrExpedited) {
			t.Errorf("the download is received first: %v", err)
		}
		if n, ok := a.ReceiveExpedited(got); !ok || string(got[:n]) != "^C" {
			t.Errorf("got %q", got[:n])
		}
		if n, _, err := c.Receive(transport.Never, got); err != nil || string(got[:n]) != "small" {
			t.Errorf("got %q, %v", got[:n], err)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %v", d)
		}
		cancel()
		wg.Wait()
	})
}

// TestNeverAttachedAlready: Lesson 11. The initiator has lost a carrier that the responder still takes for good: its ATTACH takes over at
// once, and is not refused.
func TestNeverAttachedAlready(t *testing.T) {
	var mu sync.Mutex
	var causes []error
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		server := b.Bridge()
		for k := range 3 {
			start := time.Now()
			if _, err := a.Send(transport.Never, nil, []byte("before"), transport.End); err != nil {
				t.Fatal(err)
			}
			nw.Conns()[0].HalfOpen()
			if server.Info().State != StateAttached {
				t.Fatal("the responder has noticed")
			}
			got := make([]byte, 10)
			if n, _, err := b.Receive(transport.Never, got); err != nil || string(got[:n]) != "before" {
				t.Errorf("got %q, %v", got[:n], err)
			}
			synctest.Wait()
			if d := time.Since(start); d > time.Second || p.br.Info().Resumes != k+1 || server.Info().Resumes != k+1 {
				t.Errorf("after %v: %d and %d resumes", d, p.br.Info().Resumes, server.Info().Resumes)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, err := range causes {
			if !errors.Is(err, errTakenOver) {
				t.Errorf("the responder lost a carrier: %v", err)
			}
		}
		if len(causes) != 3 {
			t.Errorf("%d carriers were taken over", len(causes))
		}
	}, func(_, s *Config) {
		s.Events = func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == Detached && e.Bridge.Err() == nil {
				causes = append(causes, e.Cause)
			}
		}
	})
}

// TestWindowBelowRetention: Lesson 12. The initiator gives up before the responder does, with a margin, whatever it was configured to.
func TestWindowBelowRetention(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		p.ln.Close()
		start := time.Now()
		nw.Conns()[0].Cut()
		var ended [2]time.Duration
		for k, s := range []*Stream{a, b} {
			<-s.Bridge().Done()
			ended[k] = time.Since(start)
			s.Disconnect(transport.ReasonNormal)
		}
		if ended[0] > 9*time.Minute || ended[1] < 10*time.Minute {
			t.Errorf("the initiator gave up after %v, the responder after %v", ended[0], ended[1])
		}
	}, func(c, s *Config) { c.Window, s.Retention = time.Hour, 10*time.Minute })
}

// frames takes apart what was written to a carrier: handshake messages, then frames.
func frames(t *testing.T, b []byte) (all []string) {
	t.Helper()
	for first := true; len(b) > 0; first = false {
		if first {
			mt, _, n, err := bridge.ParseMessage(b)
			if err != nil || n == 0 {
				t.Fatalf("no message: %v", err)
			}
			all, b = append(all, mt.String()), b[n:]
			continue
		}
		f, n, err := bridge.ParseFrame(b)
		if err != nil || n == 0 {
			t.Fatalf("no frame: %v", err)
		}
		all, b = append(all, f.Type.String()), b[n+f.Length:]
	}
	return all
}

// TestOneRoundTrip: Lesson 14. The responder's data follow its ATTACHED at once, before the initiator has said another word; those of the
// initiator go out with its DONE.
func TestOneRoundTrip(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		// An initiator by hand, so that what comes without an answer can be counted.
		key := newKey(t)
		c, _, res := greetRaw(t, p, nw, key)
		keys := bridge.NewKeys(res)
		m := bridge.New(bridge.InitiatorRole, keys, &p.client.settings, res.Settings, bridge.Limits{Streams: 10, Window: bridge.MinCredit})
		m.Attach(time.Now())
		s := m.Open()
		m.Write(s, bridge.RecordHeader+1)
		var b []byte
		for f, _, ok := m.Next(time.Now()); ok; f, _, ok = m.Next(time.Now()) {
			b, _ = f.AppendBinary(b)
		}
		c.Write(b, []byte{0x80, 0, 0, 1, 'x'})
		peer := <-p.accepted
		c.Close()
		synctest.Wait()
		if _, err := peer.Send(transport.Never, nil, []byte("missed"), transport.End); err != nil {
			t.Fatal(err)
		}
		msg := m.Keys.Attach(nil, random(32))
		for _, f := range []bridge.Frame{{Type: bridge.FrameAck, Stream: s.ID, Credit: bridge.MinCredit}, {Type: bridge.FrameReady}} {
			msg, _ = f.AppendBinary(msg)
		}
		c = dialRaw(t, p, nw, []byte(bridge.Magic), msg)
		synctest.Wait()
		got := make([]byte, 1000)
		n, err := c.Read(got)
		if err != nil {
			t.Fatal(err)
		}
		if all := frames(t, got[:n]); all[0] != "ATTACHED" || !slices.Contains(all, "DATA") {
			t.Errorf("before any further word of the initiator came %v", all)
		} else {
			t.Log(all)
		}
		c.Close()
		synctest.Wait()
		peer.Disconnect(transport.ReasonNormal)
	})
}

// TestDeadCarrier: Lesson 16. The carrier is what dies, not the session: with something owed its silence is noticed within half a second
// where the round trip is short, idle within the heartbeat and a quarter of a second.
func TestDeadCarrier(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		for _, test := range []struct {
			idle, within time.Duration
			send         bool
		}{{0, 500 * time.Millisecond, true}, {5 * time.Minute, 500 * time.Millisecond, true}, {5 * time.Minute, 20*time.Second + 250*time.Millisecond, false}} {
			time.Sleep(test.idle)
			synctest.Wait() // the round trips of the carrier have been measured
			before := p.br.Info().Resumes
			nw.Conns()[0].Stall()
			start := time.Now()
			if test.send {
				a.Send(transport.Never, nil, []byte("x"), transport.End)
			}
			for p.br.Info().Resumes == before {
				time.Sleep(time.Millisecond)
			}
			if d := time.Since(start); d > test.within+2*time.Millisecond {
				t.Errorf("idle for %v, sending %v: noticed after %v, want %v", test.idle, test.send, d, test.within)
			}
			if test.send {
				b.Receive(transport.Never, make([]byte, 1))
			}
		}
	})
}

// TestDetachedCostsNothing: B6. A bridge without a carrier keeps its state, and
// has no goroutine at the responder; nothing goes over the network, and its one timer is the end of its retention.
func TestDetachedCostsNothing(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		synctest.Wait()
		before := goroutines()
		c, g, _ := greetRaw(t, p, nw, newKey(t))
		if err := g.fill(1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := goroutines() - before; n != 1 {
			t.Errorf("a bridge with a carrier has %d goroutines", n)
		}
		c.Close()
		synctest.Wait()
		if n := goroutines() - before; n != 0 {
			t.Errorf("a bridge without a carrier has %d goroutines", n)
		}
		for _, br := range p.server.Bridges() {
			br.mu.Lock()
			if br.link == nil && !br.deadline().Equal(br.lostAt.Add(br.ep.cfg.Retention)) {
				t.Errorf("the timer rings %v after the loss", br.deadline().Sub(br.lostAt))
			}
			br.mu.Unlock()
		}
		if n := len(p.server.Bridges()); n != 2 {
			t.Errorf("%d bridges are left", n)
		}
	})
}

// TestEventsAreTold: Lesson 20. Who asks hears of each carrier that comes and goes, and of the end, each with its cause.
func TestEventsAreTold(t *testing.T) {
	var mu sync.Mutex
	var kinds []EventKind
	var causes []error
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, _ := p.open(t)
		nw.Conns()[0].Cut()
		synctest.Wait()
		time.Sleep(time.Second)
		p.ln.Close()
		nw.Conns()[0].Stall()
		<-p.br.Done()
		synctest.Wait()
		a.Disconnect(transport.ReasonNormal)
		mu.Lock()
		defer mu.Unlock()
		if want := []EventKind{Attached, Detached, Resumed, Detached, Expired}; !slices.Equal(kinds, want) {
			t.Fatalf("got %v, want %v", kinds, want)
		}
		var d *transport.DisconnectError
		for k, ok := range []bool{causes[0] == nil, errors.Is(causes[1], memory.ErrReset), errors.Is(causes[2], memory.ErrReset),
			errors.Is(causes[3], errSilent), errors.As(causes[4], &d) && d.Reason == transport.ReasonExpired && errors.Is(d.Err, errSilent)} {
			if !ok {
				t.Errorf("%v: %v", kinds[k], causes[k])
			}
		}
	}, func(c, _ *Config) {
		c.Events = func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			kinds, causes = append(kinds, e.Kind), append(causes, e.Cause)
		}
	})
}

// TestGoroutines: Lesson 22. An attached bridge has one goroutine at each end, and a thousand idle streams add none.
func TestGoroutines(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		synctest.Wait()
		synctest.Wait()
		before := goroutines()
		for range 1000 {
			p.open(t)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := goroutines() - before; n != 0 {
			t.Errorf("1000 idle streams have %d goroutines", n)
		}
		p.ln.Close() // before the cut, which the client mends at once while it can
		nw.Conns()[0].Cut()
		time.Sleep(time.Minute)
		for _, br := range p.server.Bridges() {
			if br.Info().State == StateAttached {
				t.Error("the server's bridge is still attached")
			}
		}
		// The listener's goroutine and both links' are gone; that which makes carriers has come.
		if n := goroutines() - before; n != -2 {
			t.Errorf("without a carrier there are %d goroutines more", n)
		}
	})
}

// TestNoHandover: Lesson 23. An echo is served by the callers themselves: each leads the reading while it waits, and the links' own
// goroutines sleep.
func TestNoHandover(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		var wg sync.WaitGroup
		const rounds = 1000
		wg.Go(func() {
			buf := make([]byte, 100)
			for range rounds {
				n, _, err := b.Receive(transport.Never, buf)
				if err == nil {
					_, err = b.Send(transport.Never, nil, buf[:n], transport.End)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
		own := 0 // how often a call found that a link's goroutine led
		buf := make([]byte, 100)
		for range rounds {
			if _, err := a.Send(transport.Never, nil, []byte("ping"), transport.End); err != nil {
				t.Fatal(err)
			}
			if _, _, err := a.Receive(transport.Never, buf); err != nil {
				t.Fatal(err)
			}
			for _, s := range []*Stream{a, b} {
				look(s, func() {
					if l := s.br.link; l.leader == &l.own {
						own++
					}
				})
			}
		}
		if own > 10 {
			t.Errorf("in %d of %d round trips a link's goroutine read the carrier", own, rounds)
		}
		wg.Wait()
	})
}

// TestInterleavings: Lesson 26. What broke others: an acknowledgement that arrives during a replay, back-pressure that blocks the replay
// itself, and a new attach between two messages of an older one. TestSimulation tries them all in any order; here each is made on purpose.
func TestInterleavings(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		const size = 1 << 20
		var wg sync.WaitGroup
		for _, ends := range [][2]*Stream{{a, b}, {b, a}} { // acknowledgements come both ways while octets are sent again
			wg.Go(func() { transmit(t, ends[0], size, 1, noCuts) })
		}
		for range 20 {
			time.Sleep(600 * time.Millisecond) // nobody reads: the replay itself stops where credit ends
			if c := nw.Conns(); len(c) > 0 {
				c[0].Stall()
			}
			time.Sleep(600 * time.Millisecond)
			if c := nw.Conns(); len(c) > 0 {
				c[len(c)-1].HalfOpen() // perhaps in the middle of its attach
			}
		}
		for _, ends := range [][2]*Stream{{a, b}, {b, a}} {
			wg.Go(func() { collect(t, ends[1], size, 1) })
		}
		wg.Wait()
		if n := p.br.Info().Resumes; n < 20 {
			t.Errorf("%d resumes", n)
		}
	})
	// A new attach between ATTACHED and DONE of an older one, and the older one's DONE afterwards.
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		_, _, res := greetRaw(t, p, nw, newKey(t))
		synctest.Wait() // the responder has the PROOF
		keys := bridge.NewKeys(res)
		var conns []carrier.Conn
		for range 3 {
			nonce := random(32)
			c := dialRaw(t, p, nw, []byte(bridge.Magic), keys.Attach(nil, nonce))
			g := &greeter{conn: c}
			mt, body, err := g.message()
			if err != nil || mt != bridge.MessageAttached {
				t.Fatalf("%v, %v", mt, err)
			}
			if conns = append(conns, c); len(conns) == 2 {
				continue // this one's answer is lost
			}
			if err := keys.Attached(nil, nonce, body); err != nil {
				t.Fatal(err)
			}
		}
		done := bridge.Frame{Type: bridge.FrameDone}
		b, _ := done.AppendBinary(nil)
		for _, c := range conns {
			c.Write(b)
		}
		synctest.Wait()
		for _, c := range conns[:2] {
			wantClosed(t, c)
		}
		br := func() *Bridge {
			p.server.mu.Lock()
			defer p.server.mu.Unlock()
			return p.server.bridges[res.ID]
		}()
		br.mu.Lock()
		got := br.m.Keys
		br.mu.Unlock()
		if got.Secret != keys.Secret || got.Unsure || got.Epoch != 4 {
			t.Errorf("the responder's keys: epoch %d, unsure %v", got.Epoch, got.Unsure)
		}
		conns[2].Close()
	})
}

// goroutines counts those that run code of this package, and none of its tests'.
func goroutines() (n int) {
	buf := make([]byte, 4<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "tenuto/endpoint.(*") && !strings.Contains(g, "_test.go") {
			n++
		}
	}
	return n
}
