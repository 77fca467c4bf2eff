package endpoint

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/carrier/memory"
	"github.com/tenuto-session/tenuto/carrier/tcp"
	"github.com/tenuto-session/tenuto/transport"
)

// TestCuts sends both ways on several streams while carriers are cut, stalled and left half open at random.
func TestCuts(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) { testCuts(t, rand.New(rand.NewPCG(seed, 2))) })
	}
}

func testCuts(t *testing.T, rng *rand.Rand) {
	nw := memory.New()
	var resumed atomic.Int64
	p := newPair(t, nw, "memory://server", func(c, _ *Config) {
		c.Events = func(e Event) {
			if e.Kind == Resumed {
				resumed.Add(1)
			}
		}
	})
	defer p.server.Close()
	defer p.client.Close()
	var mu sync.Mutex // of rng
	cut := func() {
		mu.Lock()
		defer mu.Unlock()
		conns := nw.Conns()
		if len(conns) == 0 {
			return
		}
		switch c := conns[rng.IntN(len(conns))]; rng.IntN(4) {
		case 0:
			c.Cut()
		case 1:
			c.Stall()
		case 2:
			c.HalfOpen()
		case 3:
			c.Peer().HalfOpen()
		}
	}
	var wg sync.WaitGroup
	for range 3 {
		a, b := p.open(t)
		mu.Lock()
		size, seed := 2<<20+rng.IntN(1<<20), rng.Uint64()
		mu.Unlock()
		for _, ends := range [][2]*Stream{{a, b}, {b, a}} {
			wg.Go(func() { transmit(t, ends[0], size, seed, cut) })
			wg.Go(func() { collect(t, ends[1], size, seed) })
		}
	}
	wg.Wait()
	if resumed.Load() < 3 {
		t.Errorf("%d resumes: too few to have tested anything", resumed.Load())
	}
}

// octets is a stream of random octets that both ends can make.
func octets(seed uint64) *rand.ChaCha8 {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	return rand.NewChaCha8(key)
}

func transmit(t *testing.T, s *Stream, size int, seed uint64, cut func()) {
	rng, src := rand.New(rand.NewPCG(seed, 3)), octets(seed)
	for size > 0 {
		b := make([]byte, min(size, 1+rng.IntN([]int{10, 1000, 100000}[rng.IntN(3)])))
		src.Read(b)
		size -= len(b)
		if rng.IntN(40) == 0 {
			cut()
		}
		f := transport.End
		if rng.IntN(2) == 0 {
			f |= transport.Gather
		}
		if n, err := s.Send(transport.Never, []byte("head"), b, f); n != len(b) || err != nil {
			t.Errorf("Send: %d of %d, %v", n, len(b), err)
			return
		}
	}
}

// collect reads TSDUs, each with its head, and compares what is in them.
func collect(t *testing.T, s *Stream, size int, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 4))
	want, got := sha256.New(), sha256.New()
	src := octets(seed)
	for rest := size; rest > 0; {
		b := make([]byte, min(rest, 1<<16))
		src.Read(b)
		want.Write(b)
		rest -= len(b)
	}
	head := 0
	for n := 0; n < size; {
		b := make([]byte, 1+rng.IntN(100000))
		k, end, err := s.Receive(transport.Never, b)
		if err != nil {
			t.Errorf("Receive after %d octets: %v", n, err)
			return
		}
		h := min(k, 4-head)
		if !bytes.Equal(b[:h], []byte("head")[head:head+h]) {
			t.Errorf("head is %q at octet %d", b[:h], n)
			return
		}
		head += h
		got.Write(b[h:k])
		n += k - h
		if end {
			head = 0
		}
	}
	if !bytes.Equal(want.Sum(nil), got.Sum(nil)) {
		t.Error("the octets differ")
	}
}

// TestExpired: a bridge without a carrier for longer than its window ends, and its streams say so.
func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nw := memory.New()
		p := newPair(t, nw, "memory://server", func(c, s *Config) {
			c.Window, s.Retention = time.Minute, 2*time.Minute
		})
		a, b := p.open(t)
		p.ln.Close()
		start := time.Now()
		nw.Conns()[0].Cut()
		for _, s := range []*Stream{a, b} {
			_, _, err := s.Receive(transport.Never, make([]byte, 1))
			var d *transport.DisconnectError
			if !errors.As(err, &d) || d.Reason != transport.ReasonExpired {
				t.Errorf("Receive: %v", err)
			}
			s.Disconnect(transport.ReasonNormal)
			t.Logf("after %v: %v", time.Since(start), err)
		}
		if d := time.Since(start); d < 2*time.Minute || d > 2*time.Minute+time.Second {
			t.Errorf("it took %v", d)
		}
		p.client.Close()
		p.server.Close()
	})
}

// TestRestarted: a responder that was restarted says so at once. It is believed with its old key, and with another one if that
// would be accepted for a new bridge.
func TestRestarted(t *testing.T) {
	for name, test := range map[string]struct {
		sameKey, verify bool
		want            transport.Reason
		within          time.Duration
	}{
		"same key":               {true, true, transport.ReasonUnknown, time.Second},
		"another key, any taken": {false, false, transport.ReasonUnknown, time.Second},
		"another key, refused":   {false, true, transport.ReasonExpired, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testRestarted(t, test.sameKey, test.verify, test.want, test.within) })
		})
	}
}

func testRestarted(t *testing.T, sameKey, verify bool, want transport.Reason, within time.Duration) {
	nw := memory.New()
	key := newKey(t)
	p := newPair(t, nw, "memory://server", func(c, s *Config) {
		s.Key = key
		if verify {
			c.Verify = func(_ *url.URL, peer ed25519.PublicKey) error {
				if !peer.Equal(key.Public()) {
					return errors.New("not the server's key")
				}
				return nil
			}
		}
	})
	a, b := p.open(t)
	b.Disconnect(transport.ReasonNormal)
	a.Disconnect(transport.ReasonNormal)
	a, _ = p.open(t)

	conn := nw.Conns()[0]
	conn.Stall() // so that the old server's BYE does not arrive
	p.server.Close()
	again := key
	if !sameKey {
		again = newKey(t)
	}
	server := New(Config{Key: again, Carriers: p.server.cfg.Carriers})
	defer server.Close()
	if _, err := server.Listen(t.Context(), p.url, func(*Stream) bool { return false }); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	conn.Cut()
	_, _, err := a.Receive(transport.Never, make([]byte, 1))
	var d *transport.DisconnectError
	if !errors.As(err, &d) || d.Reason != want {
		t.Errorf("Receive: %v", err)
	}
	if d := time.Since(start); d > within {
		t.Errorf("it took %v", d)
	}
	p.client.Close()
}

// TestReadOnAfterReset: a BYE that came before the carrier was reset is read, though a write has failed by then.
func TestReadOnAfterReset(t *testing.T) {
	for range 30 {
		p := newPair(t, &tcp.Network{}, "tenuto+tcp://127.0.0.1:0")
		a, b := p.open(t)
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				if _, err := a.Send(transport.Never, nil, make([]byte, 5000), transport.End); err != nil {
					return
				}
			}
		})
		if _, _, err := b.Receive(transport.Never, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		p.server.Close()
		var d *transport.DisconnectError
		if _, _, err := a.Receive(transport.Never, make([]byte, 1)); !errors.As(err, &d) || d.Reason != transport.ReasonShutdown {
			t.Errorf("got %v", err)
		}
		wg.Wait()
		p.client.Close()
	}
}

// TestDoneAndCut: what was sent before DisconnectAfter arrives though the carrier is cut, for longer than it waits.
func TestDoneAndCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nw := memory.New()
		p := newPair(t, nw, "memory://server")
		a, b := p.open(t)
		conn := nw.Conns()[0]
		conn.Stall()
		want := bytes.Repeat([]byte("abc"), 10000)
		if _, err := a.Send(transport.Never, nil, want, transport.End); err != nil {
			t.Fatal(err)
		}
		a.DisconnectAfter(100 * time.Millisecond)
		var got []byte
		for end := false; !end; {
			buf := make([]byte, 5000)
			n, e, err := b.Receive(transport.Never, buf)
			if err != nil {
				t.Fatalf("after %d octets: %v", len(got), err)
			}
			got, end = append(got, buf[:n]...), e
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d octets arrived", len(got))
		}
		_, _, err := b.Receive(transport.Never, make([]byte, 1))
		var d *transport.DisconnectError
		if !errors.As(err, &d) || d.Reason != transport.ReasonNormal {
			t.Errorf("got %v", err)
		}
		p.client.Close()
		p.server.Close()
	})
}

// Who is told of a bridge's end may dial again before the bridge is forgotten, and gets a new one.
func TestDialAfterEnd(t *testing.T) {
	p := newPair(t, memory.New(), "memory://server")
	p.br.mu.Lock()
	p.br.end(transport.ReasonUnknown, true, errors.New("cut"))
	after := p.br.after
	p.br.after = nil
	p.br.mu.Unlock()
	br, err := p.client.Dial(t.Context(), p.url)
	if err != nil || br == p.br {
		t.Fatalf("Dial = %p, %v; want another bridge than %p", br, err, p.br)
	}
	for _, f := range after {
		f()
	}
	if again, err := p.client.Dial(t.Context(), p.url); err != nil || again != br {
		t.Errorf("Dial = %p, %v when the old bridge is forgotten; want %p", again, err, br)
	}
}
