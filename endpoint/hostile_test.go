package endpoint

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"log/slog"
	"net/url"
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

// logged collects a logger's lines.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// hostile runs f with a pair of endpoints that have an honest stream, and checks afterwards that the stream did not suffer.
func hostile(t *testing.T, f func(t *testing.T, p *pair, nw *memory.Network, log *logged), options ...option) {
	synctest.Test(t, func(t *testing.T) {
		nw, log := memory.New(), &logged{}
		options = append(options, func(_, s *Config) { s.Logger = slog.New(slog.NewTextHandler(log, nil)) })
		p := newPair(t, nw, "memory://server", options...)
		a, b := p.open(t)
		f(t, p, nw, log)
		for range 3 {
			want := bytes.Repeat([]byte("honest"), 20000)
			go a.Send(transport.Never, nil, want, transport.End)
			var got []byte
			for end := false; !end; {
				buf := make([]byte, 1<<16)
				n, e, err := b.Receive(transport.Never, buf)
				if err != nil {
					t.Fatalf("the honest stream: %v", err)
				}
				got, end = append(got, buf[:n]...), e
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("the honest stream: %d octets", len(got))
			}
		}
		if n := p.br.Info().Resumes; n != 0 {
			t.Errorf("the honest bridge lost its carrier %d times", n)
		}
		p.client.Close()
		p.server.Close()
	})
}

// dialRaw opens a carrier to the server and writes to it.
func dialRaw(t *testing.T, p *pair, nw carrier.Network, b ...[]byte) carrier.Conn {
	t.Helper()
	c, err := nw.Dial(t.Context(), p.url)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 {
		return c
	}
	if _, err := c.Write(b...); err != nil {
		t.Fatal(err)
	}
	return c
}

// wantClosed reads until the carrier is closed, and returns what came before.
func wantClosed(t *testing.T, c carrier.Conn) []byte {
	t.Helper()
	var got []byte
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		got = append(got, b[:n]...)
		if err != nil {
			c.Close()
			return got
		}
	}
}

// wantRefused reads a REFUSED with this code.
func wantRefused(t *testing.T, c carrier.Conn, want bridge.Refusal) {
	t.Helper()
	g := &greeter{conn: c}
	mt, body, err := g.message()
	if err != nil || mt != bridge.MessageRefused {
		t.Errorf("got %v, %v, want REFUSED", mt, err)
	} else if e := bridge.ParseRefused(body, nil, nil); e.Refusal != want {
		t.Errorf("got %v, want %v", e, want)
	}
	c.Close()
}

func wantLog(t *testing.T, log *logged, want string) {
	t.Helper()
	synctest.Wait()
	if !strings.Contains(log.String(), want) {
		t.Errorf("the log lacks %q:\n%s", want, log)
	}
}

func TestGarbage(t *testing.T) {
	hostile(t, func(t *testing.T, p *pair, nw *memory.Network, log *logged) {
		for _, garbage := range []string{"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9\r\n", "\x16\x03\x01\x02\x00", "tenut_", "\x00"} {
			wantClosed(t, dialRaw(t, p, nw, []byte(garbage)))
		}
		wantLog(t, log, "does not speak the bridge's protocol")
		wantLog(t, log, `it began with \"GET / HTTP/1.1`)
	})
}

func TestWrongVersion(t *testing.T) {
	hostile(t, func(t *testing.T, p *pair, nw *memory.Network, log *logged) {
		wantRefused(t, dialRaw(t, p, nw, []byte("tenuto\x00\x02")), bridge.RefusedVersion)
		wantLog(t, log, "version 1 is spoken here, not 2")
	})
}

// TestHalfHandshake: a carrier on which nothing more comes is closed in time, and counts against the limit until then.
func TestHalfHandshake(t *testing.T) {
	hostile(t, func(t *testing.T, p *pair, nw *memory.Network, log *logged) {
		synctest.Wait() // the pair's own handshake is over
		hello := append([]byte(bridge.Magic), byte(bridge.MessageHello), 1)
		a := dialRaw(t, p, nw, hello)
		b := dialRaw(t, p, nw)
		synctest.Wait()
		wantClosed(t, dialRaw(t, p, nw)) // the limit is 2
		wantLog(t, log, "too many handshakes")
		start := time.Now()
		wantClosed(t, a)
		wantClosed(t, b)
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("they were closed after %v", d)
		}
		wantLog(t, log, "the handshake took too long")
	}, func(_, s *Config) { s.HandshakeTime, s.Limits.HalfOpen = 3*time.Second, 2 })
}

func TestOversizedMessage(t *testing.T) {
	hostile(t, func(t *testing.T, p *pair, nw *memory.Network, log *logged) {
		wantClosed(t, dialRaw(t, p, nw, []byte(bridge.Magic), []byte{byte(bridge.MessageHello), 0xff, 0xff}))
		wantLog(t, log, "length 65535 exceeds 1024")
	})
}

// greetRaw makes a bridge of its own by hand, and returns its carrier.
func greetRaw(t *testing.T, p *pair, nw carrier.Network, key ed25519.PrivateKey) (carrier.Conn, *greeter, bridge.Result) {
	t.Helper()
	hs, hello := bridge.NewInitiator(key, p.client.settings, bridge.Channel{}, random(bridge.SeedSize))
	c := dialRaw(t, p, nw, []byte(bridge.Magic), hello)
	g := &greeter{conn: c}
	mt, body, err := g.message()
	if err != nil || mt != bridge.MessageWelcome {
		t.Fatalf("%v, %v", mt, err)
	}
	proof, res, err := hs.Welcome(body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(proof); err != nil {
		t.Fatal(err)
	}
	return c, g, res
}

// TestOversizedFrame: who breaks the rules of frames loses its bridge, and nobody else's suffers.
func TestOversizedFrame(t *testing.T) {
	hostile(t, func(t *testing.T, p *pair, nw *memory.Network, log *logged) {
		for _, frame := range [][]byte{
			{byte(bridge.FrameData), 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0},
			{0xee, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0},
			{byte(bridge.FrameData), 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 'x'}, // never opened
		} {
			c, _, _ := greetRaw(t, p, nw, newKey(t))
			c.Write(frame)
			wantClosed(t, c)
		}
		wantLog(t, log, "length 16777215 exceeds")
		wantLog(t, log, "unknown type")
		wantLog(t, log, "never opened")
	})
}

// TestBadRecord: a record that is too long ends the bridge that sent it.
func TestBadRecord(t *testing.T) {
	hostile(t, func(t *testing.T, p *pair, nw *memory.Network, log *logged) {
		c, _, _ := greetRaw(t, p, nw, newKey(t))
		open := bridge.Frame{Type: bridge.FrameOpen, Stream: 1, Arg: bridge.MinCredit}
		data := bridge.Frame{Type: bridge.FrameData, Stream: 1, Length: 8}
		b, _ := open.AppendBinary(nil)
		b, _ = data.AppendBinary(b)
		c.Write(b, []byte{0x7f, 0xff, 0xff, 0xff, 'x', 'x', 'x', 'x'})
		s := <-p.accepted
		_, _, err := s.Receive(transport.Never, make([]byte, 10))
		var d *transport.DisconnectError
		if !errors.As(err, &d) || d.Reason != transport.ReasonProtocol {
			t.Errorf("got %v", err)
		}
		s.Disconnect(transport.ReasonNormal)
		wantClosed(t, c)
	})
}

// TestForgedAttach: B3, Lesson 13. An ATTACH that was changed, replayed, or made up is refused, and the honest carrier lives on.
func TestForgedAttach(t *testing.T) {
	hostile(t, func(t *testing.T, p *pair, nw *memory.Network, log *logged) {
		key := newKey(t)
		c, _, res := greetRaw(t, p, nw, key)
		keys := bridge.NewKeys(res)
		msg := keys.Attach(nil, random(32))
		for at := range len(msg) - 3 {
			forged := bytes.Clone(msg)
			forged[3+at] ^= 0x40
			f := dialRaw(t, p, nw, []byte(bridge.Magic), forged)
			if at < 16 {
				wantRefused(t, f, bridge.RefusedUnknown) // another bridge's ID
			} else {
				wantClosed(t, f)
			}
		}
		wantLog(t, log, "does not hold the bridge's secret")
		// The honest one is accepted, and its replay is fenced.
		good := dialRaw(t, p, nw, []byte(bridge.Magic), msg)
		g := &greeter{conn: good}
		if mt, _, err := g.message(); err != nil || mt != bridge.MessageAttached {
			t.Errorf("the honest ATTACH: %v, %v", mt, err)
		}
		wantClosed(t, c) // taken over
		wantRefused(t, dialRaw(t, p, nw, []byte(bridge.Magic), msg), bridge.RefusedFenced)
		good.Close()
	})
}

// TestUnknownBridge: Lesson 14. An ATTACH for a bridge that is not there is refused with a signature.
func TestUnknownBridge(t *testing.T) {
	hostile(t, func(t *testing.T, p *pair, nw *memory.Network, log *logged) {
		keys := bridge.Keys{ID: bridge.ID{1, 2, 3}}
		msg := keys.Attach(nil, random(32))
		c := dialRaw(t, p, nw, []byte(bridge.Magic), msg)
		g := &greeter{conn: c}
		_, body, err := g.message()
		if err != nil {
			t.Fatal(err)
		}
		e := bridge.ParseRefused(body, nil, msg[3:])
		if e.Refusal != bridge.RefusedUnknown || !e.Key.Equal(p.br.Peer()) {
			t.Errorf("got %+v", e)
		}
		c.Close()
		wantLog(t, log, "bridge unknown")
	})
}

// TestUnauthorized: Lesson 13. Each handshake asks whether the key is admitted.
func TestUnauthorized(t *testing.T) {
	var mu sync.Mutex
	var admitted ed25519.PublicKey
	hostile(t, func(t *testing.T, p *pair, nw *memory.Network, log *logged) {
		c, g, _ := greetRaw(t, p, nw, newKey(t))
		wantBye(t, g, transport.ReasonNotAdmitted)
		c.Close()
		wantLog(t, log, "not on the list")
	}, func(c, s *Config) {
		admitted = c.Key.Public().(ed25519.PublicKey)
		s.Admit = func(_ *url.URL, peer ed25519.PublicKey, _ string) error {
			mu.Lock()
			defer mu.Unlock()
			if !peer.Equal(admitted) {
				return errors.New("not on the list")
			}
			return nil
		}
	})
}

// wantBye wants the next frame to be a BYE.
func wantBye(t *testing.T, g *greeter, want transport.Reason) {
	t.Helper()
	if err := g.fill(bridge.HeaderSize); err != nil {
		t.Fatal(err)
	}
	if f, _, err := bridge.ParseFrame(g.buf); err != nil || f.Type != bridge.FrameBye || transport.Reason(f.Arg) != want {
		t.Errorf("got %v, %v; want a BYE for %v", f, err, want)
	}
}

// TestManyBridges: a key has at most as many bridges as the limit says.
func TestManyBridges(t *testing.T) {
	hostile(t, func(t *testing.T, p *pair, nw *memory.Network, log *logged) {
		key := newKey(t)
		var conns []carrier.Conn
		for range 3 {
			c, _, _ := greetRaw(t, p, nw, key)
			conns = append(conns, c)
		}
		synctest.Wait()
		c, g, _ := greetRaw(t, p, nw, key)
		wantBye(t, g, transport.ReasonCongestion)
		for _, c := range append(conns, c) {
			c.Close()
		}
		wantLog(t, log, "the key has 3 bridges")
	}, func(_, s *Config) { s.Limits.Bridges = 3 })
}

// TestManyStreams: streams beyond the limit are refused one by one.
func TestManyStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, memory.New(), "memory://server", func(_, s *Config) { s.Limits.Streams = 3 })
		for range 3 {
			p.open(t)
		}
		var d *transport.DisconnectError
		if _, err := p.br.Open(); !errors.As(err, &d) || d.Reason != transport.ReasonCongestion {
			t.Errorf("the fourth: %v", err)
		}
		p.client.Close()
		p.server.Close()
	})
}

// TestMemoryLimit: B4, Lesson 2. A stream is refused when its guarantee cannot be given, and those that are there keep theirs.
func TestMemoryLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, memory.New(), "memory://server", func(c, s *Config) { s.Limits.BridgeBytes = 5 * 2 * bridge.MinCredit })
		var ends [][2]*Stream
		for range 5 {
			a, b := p.open(t)
			ends = append(ends, [2]*Stream{a, b})
		}
		s, err := p.br.Open()
		if err != nil {
			t.Fatal(err)
		}
		s.Send(transport.Never, nil, []byte("x"), transport.End)
		var d *transport.DisconnectError
		if _, _, err := s.Receive(transport.Never, make([]byte, 1)); !errors.As(err, &d) || d.Reason != transport.ReasonCongestion || !d.Remote {
			t.Errorf("the sixth: %v", err)
		}
		// Full means wait: each takes its guarantee, and no more.
		for _, e := range ends {
			n := 0
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			stop := context.AfterFunc(ctx, e[0].Wake)
			for buf := make([]byte, 1000); ; {
				k, err := e[0].Send(ctx, nil, buf, transport.End)
				if n += k; err != nil {
					break
				}
			}
			stop()
			cancel()
			if n < bridge.MinCredit*9/10 {
				t.Errorf("only %d octets were accepted", n)
			}
			if held := e[1].in.len(); held > bridge.MinCredit {
				t.Errorf("%d octets are held at the receiver", held)
			}
		}
		p.client.Close()
		p.server.Close()
	})
}

// TestFullListener: who has no room refuses the stream, and the peer hears why.
func TestFullListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nw := memory.New()
		key := newKey(t)
		server := New(Config{Key: key, Carriers: []carrier.Network{nw}})
		u := parse(t, "memory://server")
		if _, err := server.Listen(t.Context(), u, func(*Stream) bool { return false }); err != nil {
			t.Fatal(err)
		}
		client := New(Config{Key: newKey(t), Carriers: []carrier.Network{nw}})
		br, err := client.Dial(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		s, err := br.Open()
		if err != nil {
			t.Fatal(err)
		}
		s.Send(transport.Never, nil, []byte("x"), transport.End)
		var d *transport.DisconnectError
		if _, _, err := s.Receive(transport.Never, make([]byte, 1)); !errors.As(err, &d) || d.Reason != transport.ReasonCongestion {
			t.Errorf("got %v", err)
		}
		client.Close()
		server.Close()
	})
}

// TestPeerCloses: io.EOF from a carrier has a name in the log.
func TestPeerCloses(t *testing.T) {
	hostile(t, func(t *testing.T, p *pair, nw *memory.Network, log *logged) {
		dialRaw(t, p, nw, []byte("tenu")).Close()
		wantLog(t, log, "closed by the peer")
		if strings.Contains(log.String(), io.EOF.Error()+"\"") {
			t.Errorf("the log says EOF:\n%s", log)
		}
	})
}
