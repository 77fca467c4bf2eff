package endpoint

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/carrier/memory"
	"github.com/tenuto-session/tenuto/transport"
)

// parks makes the initiator park after ten minutes, and look in every minute.
func parks(c, _ *Config) { c.Park = 10 * time.Minute }

// never makes it look in never.
func never(c, _ *Config) { c.ParkPoll = -1 }

func send(t *testing.T, s *Stream, text string) {
	t.Helper()
	if _, err := s.Send(transport.Never, nil, []byte(text), transport.End); err != nil {
		t.Fatalf("send %q: %v", text, err)
	}
}

func receive(t *testing.T, s *Stream, text string) {
	t.Helper()
	b := make([]byte, 100)
	if n, _, err := s.Receive(transport.Never, b); err != nil || string(b[:n]) != text {
		t.Fatalf("got %q, %v; want %q", b[:n], err, text)
	}
}

func wantState(t *testing.T, want State, ends ...*Bridge) {
	t.Helper()
	for _, br := range ends {
		if got := br.Info().State; got != want {
			t.Fatalf("%v end is %v; want %v", br.role, got, want)
		}
	}
}

// TestPark: Lesson 17. A carrier on which nothing happens is closed after the time that was asked for, not before; a parked end
// has no goroutine; the initiator's next octet brings a carrier back, at once.
func TestPark(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		synctest.Wait()
		before := goroutines()
		a, b := p.open(t)
		for range 3 {
			time.Sleep(9 * time.Minute)
			wantState(t, StateAttached, a.br, b.br)
			send(t, b, "still here")
			receive(t, a, "still here")
		}
		time.Sleep(10*time.Minute + 2*time.Second)
		synctest.Wait()
		wantState(t, StateParked, a.br, b.br)
		if n := len(nw.Conns()); n != 0 {
			t.Errorf("%d carriers", n)
		}
		if n := goroutines() - before; n != -2 { // those of the two links
			t.Errorf("%d goroutines more", n)
		}
		start := time.Now()
		send(t, a, "wake up")
		receive(t, b, "wake up")
		if d := time.Since(start); d != 0 {
			t.Errorf("waking took %v", d)
		}
		wantState(t, StateAttached, a.br, b.br)
		time.Sleep(10*time.Minute + 2*time.Second)
		wantState(t, StateParked, a.br, b.br)
		if a.br.Info().Cause != nil || b.br.Info().Cause != nil {
			t.Errorf("a parked bridge has lost a carrier: %v, %v", a.br.Info().Cause, b.br.Info().Cause)
		}
	}, parks, never)
}

// TestParkPoll: what a responder writes while it is parked is kept, is no error, and arrives when the initiator looks in. An initiator
// that finds nothing is parked again at once.
func TestParkPoll(t *testing.T) {
	var mu sync.Mutex
	var kinds []EventKind
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		back := make(chan *Stream, 1)
		p.br.Accept(func(s *Stream) bool { back <- s; return true })
		time.Sleep(15*time.Minute + 30*time.Second)
		wantState(t, StateParked, a.br, b.br)
		mu.Lock()
		looks := 0
		for _, k := range kinds {
			if k == Resumed {
				looks++
			}
		}
		mu.Unlock()
		if looks < 4 || looks > 5 {
			t.Errorf("it looked in %d times", looks)
		}
		start := time.Now()
		send(t, b, "news")
		c, err := b.br.Open()
		if err != nil {
			t.Fatal(err)
		}
		send(t, c, "more news")
		receive(t, a, "news")
		if d := time.Since(start); d > time.Minute {
			t.Errorf("it took %v", d)
		}
		receive(t, <-back, "more news")
		wantState(t, StateAttached, a.br, b.br)
		// There was something, so it stays for the whole time again.
		time.Sleep(9 * time.Minute)
		wantState(t, StateAttached, a.br, b.br)
		time.Sleep(90 * time.Second)
		wantState(t, StateParked, a.br, b.br)
	}, parks, func(c, _ *Config) {
		c.Events = func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			kinds = append(kinds, e.Kind)
		}
	})
}

// TestParkOffline: a parked bridge does not notice that there is no network, unless there is something to say.
func TestParkOffline(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		time.Sleep(11 * time.Minute)
		p.ln.Close()
		time.Sleep(72 * time.Hour)
		wantState(t, StateParked, a.br, b.br)
		ln, err := p.server.Listen(t.Context(), p.url, func(*Stream) bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		send(t, b, "hello")
		receive(t, a, "hello")

		// With something to say the window counts, from then on.
		time.Sleep(10*time.Minute + 30*time.Second)
		wantState(t, StateParked, a.br, b.br)
		ln.Close()
		time.Sleep(24 * time.Hour)
		start := time.Now()
		send(t, a, "anyone?")
		<-a.br.Done()
		if d := time.Since(start); d < 10*time.Minute || d > 11*time.Minute {
			t.Errorf("it was given up after %v", d)
		}
	}, parks)
}

// TestParkRetention: a parked bridge that nobody looks in at ends at both ends, at about the same time.
func TestParkRetention(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		start := time.Now()
		var ended [2]time.Duration
		for k, s := range []*Stream{a, b} {
			<-s.Bridge().Done()
			ended[k] = time.Since(start)
			var d *transport.DisconnectError
			if !errors.As(s.br.Err(), &d) || d.Reason != transport.ReasonExpired {
				t.Errorf("%v: %v", s.br.role, s.br.Err())
			}
		}
		for _, d := range ended {
			if d < 3*time.Hour+10*time.Minute || d > 3*time.Hour+11*time.Minute {
				t.Errorf("ended after %v", ended)
			}
		}
	}, parks, never, func(_, s *Config) { s.ParkRetention = 3 * time.Hour })
}

// TestParkRefused: a responder that parks nothing keeps its carriers, and so does one whose initiator did not ask for parking.
func TestParkRefused(t *testing.T) {
	for name, options := range map[string][]option{
		"by the responder": {parks, func(_, s *Config) { s.ParkRetention = -1 }},
		"not asked for":    {},
	} {
		t.Run(name, func(t *testing.T) {
			lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
				a, b := p.open(t)
				time.Sleep(24 * time.Hour)
				wantState(t, StateAttached, a.br, b.br)
				if a.br.Info().Resumes != 0 {
					t.Error("it has had another carrier")
				}
			}, options...)
		})
	}
}

// TestParkBye: a parked bridge, or a stream of one, that the initiator closes is closed at the responder too; nothing of it stays there for days.
func TestParkBye(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		time.Sleep(11 * time.Minute)
		wantState(t, StateParked, a.br, b.br)
		a.Disconnect(transport.ReasonNormal)
		var d *transport.DisconnectError
		if _, _, err := b.Receive(transport.Never, make([]byte, 1)); !errors.As(err, &d) || !d.Remote {
			t.Errorf("the responder's end of the stream: %v", err)
		}
		_, c := p.open(t)
		time.Sleep(11 * time.Minute)
		wantState(t, StateParked, a.br, b.br)
		p.client.Close()
		synctest.Wait()
		if _, _, err := c.Receive(transport.Never, make([]byte, 1)); !errors.As(err, &d) || d.Reason != transport.ReasonShutdown {
			t.Errorf("the responder's end of the bridge: %v", err)
		}
	}, parks, never)
}

// TestParkRestarted: a server that was restarted while the bridge was parked is found out when the initiator looks in.
func TestParkRestarted(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		time.Sleep(10*time.Minute + 10*time.Second)
		wantState(t, StateParked, a.br, b.br)
		cfg := p.server.cfg
		p.server.Close()
		server := New(Config{Key: cfg.Key, Carriers: cfg.Carriers})
		defer server.Close()
		if _, err := server.Listen(t.Context(), p.url, func(*Stream) bool { return false }); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var d *transport.DisconnectError
		if _, _, err := a.Receive(transport.Never, make([]byte, 1)); !errors.As(err, &d) || d.Reason != transport.ReasonUnknown {
			t.Errorf("Receive: %v", err)
		}
		if d := time.Since(start); d > time.Minute {
			t.Errorf("it took %v", d)
		}
		p.client.Close()
	}, parks)
}

// TestCloseDetached: a stream that is closed while there is no carrier is closed at the peer when one is back, though nobody uses the
// bridge any more.
func TestCloseDetached(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		p.ln.Close()
		nw.Conns()[0].Cut()
		synctest.Wait()
		a.Disconnect(transport.ReasonNormal)
		time.Sleep(time.Minute)
		if _, err := p.server.Listen(t.Context(), p.url, func(*Stream) bool { return false }); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var d *transport.DisconnectError
		if _, _, err := b.Receive(transport.Never, make([]byte, 1)); !errors.As(err, &d) || !d.Remote {
			t.Errorf("Receive: %v", err)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}
