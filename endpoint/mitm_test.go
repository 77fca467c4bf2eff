package endpoint

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
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

// middle is a network whose carriers have channel bindings and secrets, and with somebody in the middle of each carrier that is dialled.
type middle struct {
	*memory.Network

	mu sync.Mutex
	// bind is the binding of an end of a carrier; nil gives both ends the carrier's name.
	bind func(dialled bool, name string) []byte
	// next is what is done to the carriers that are dialled next, in order; those after them are left alone.
	next []touch
	// seen are all octets that the dialling ends wrote, by carrier.
	seen [][]byte
}

// touch is done once to a carrier, at an octet that the initiator sends (out) or that it receives.
type touch struct {
	out bool
	at  int
	cut bool // the carrier ends there; else the octet is changed
}

func (nw *middle) binding(dialled bool, name string) []byte {
	nw.mu.Lock()
	defer nw.mu.Unlock()
	if nw.bind == nil {
		return []byte(name)
	}
	return nw.bind(dialled, name)
}

func (nw *middle) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	c, err := nw.Network.Dial(ctx, u)
	if err != nil {
		return nil, err
	}
	b := &bound{Conn: c, binding: nw.binding(true, c.LocalAddr().String()), nw: nw}
	nw.mu.Lock()
	defer nw.mu.Unlock()
	if len(nw.next) > 0 {
		b.touch, nw.next = &nw.next[0], nw.next[1:]
	}
	b.index, nw.seen = len(nw.seen), append(nw.seen, nil)
	return b, nil
}

func (nw *middle) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	ln, err := nw.Network.Listen(ctx, u)
	return boundListener{ln, nw}, err
}

type boundListener struct {
	carrier.Listener
	nw *middle
}

func (ln boundListener) Accept() (carrier.Conn, error) {
	c, err := ln.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &far{c, ln.nw.binding(false, c.RemoteAddr().String())}, nil
}

// far is the end that was accepted.
type far struct {
	carrier.Conn
	binding []byte
}

func (c *far) Binding() []byte { return c.binding }
func (c *far) Secret() []byte  { return secret(c.binding) }

// secret is that of carriers with this binding, nil if they have none.
func secret(binding []byte) []byte {
	if binding == nil {
		return nil
	}
	s := sha256.Sum256(binding)
	return s[:]
}

// bound is the end that dialled. It is written by a goroutine of its own, which makes it simple.
type bound struct {
	carrier.Conn
	binding []byte
	nw      *middle
	index   int // in nw.seen
	touch   *touch
	wrote   int // octets; one goroutine writes, and one reads
	read    int
}

func (c *bound) Binding() []byte { return c.binding }
func (c *bound) Secret() []byte  { return secret(c.binding) }

func (c *bound) Features() carrier.Features {
	f := c.Conn.Features()
	f.TryWrite = false
	return f
}

func (c *bound) Write(bufs ...[]byte) (int, error) {
	b := slices.Concat(bufs...)
	c.nw.mu.Lock()
	c.nw.seen[c.index] = append(c.nw.seen[c.index], b...)
	c.nw.mu.Unlock()
	n, cut := c.meddle(true, c.wrote, b)
	c.wrote += len(b)
	if _, err := c.Conn.Write(b[:n]); err != nil {
		return 0, err
	}
	if cut {
		c.Conn.Close()
	}
	return len(b), nil
}

func (c *bound) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	k, cut := c.meddle(false, c.read, b[:n])
	c.read += n
	if cut {
		c.Conn.Close()
		return k, net.ErrClosed
	}
	return n, err
}

// meddle does what is to be done to the octets from an offset on, and tells how many of them go on.
func (c *bound) meddle(out bool, offset int, b []byte) (n int, cut bool) {
	t := c.touch
	if t == nil || t.out != out || t.at < offset || t.at >= offset+len(b) {
		return len(b), false
	}
	if t.cut {
		return t.at - offset, true
	}
	b[t.at-offset] ^= 0x20
	return len(b), false
}

func (nw *middle) touchNext(t ...touch) {
	nw.mu.Lock()
	defer nw.mu.Unlock()
	nw.next = t
}

// written is what the dialling end of the newest carrier wrote.
func (nw *middle) written() []byte {
	nw.mu.Lock()
	defer nw.mu.Unlock()
	return slices.Clone(nw.seen[len(nw.seen)-1])
}

// meddled runs f with a pair of endpoints, somebody between them, and an honest stream over a carrier that is left alone.
func meddled(t *testing.T, f func(t *testing.T, p *pair, nw *middle, log *logged, s honest), options ...option) {
	synctest.Test(t, func(t *testing.T) {
		nw, log := &middle{Network: memory.New()}, &logged{}
		options = append(options, func(c, s *Config) {
			c.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			s.Logger = c.Logger
		})
		p := newPair(t, nw, "memory://server", options...)
		a, b := p.open(t)
		s := honest{a, b}
		f(t, p, nw, log, s)
		s.wantData(t, "at the end")
		p.client.Close()
		p.server.Close()
	})
}

// honest is both ends of a stream.
type honest struct{ a, b *Stream }

// wantData sends a TSDU each way.
func (h honest) wantData(t *testing.T, why string) {
	t.Helper()
	for _, way := range [][2]*Stream{{h.a, h.b}, {h.b, h.a}} {
		want := bytes.Repeat([]byte(why), 500)
		if _, err := way[0].Send(transport.Never, nil, want, transport.End); err != nil {
			t.Fatalf("%s: the honest stream: %v", why, err)
		}
		var got []byte
		for end := false; !end; {
			buf := make([]byte, 1<<14)
			n, e, err := way[1].Receive(transport.Never, buf)
			if err != nil {
				t.Fatalf("%s: the honest stream: %v", why, err)
			}
			got, end = append(got, buf[:n]...), e
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%s: the honest stream: %d octets, want %d", why, len(got), len(want))
		}
	}
}

// keys is a copy of the keys of an end, as nobody else has it.
func keys(br *Bridge) bridge.Keys {
	br.mu.Lock()
	defer br.mu.Unlock()
	return br.m.Keys
}

// TestMiddleChangesHandshake changes every octet of a first handshake, and cuts the carrier at every octet: the server never has a bridge,
// no handshake stays half open, and the client is told.
func TestMiddleChangesHandshake(t *testing.T) {
	meddled(t, func(t *testing.T, p *pair, nw *middle, log *logged, s honest) {
		dial := func(touches ...touch) (wrote int, err error) {
			client := New(Config{Key: newKey(t), Carriers: []carrier.Network{nw}, Verify: func(*url.URL, ed25519.PublicKey) error { return nil }})
			defer client.Close()
			nw.touchNext(touches...)
			_, err = client.Dial(t.Context(), p.url)
			if err == nil && len(touches) == 0 {
				synctest.Wait() // for the PROOF
				_, _, hello, _ := bridge.ParseMessage(nw.written()[len(bridge.Magic):])
				_, _, proof, _ := bridge.ParseMessage(nw.written()[len(bridge.Magic)+hello:])
				return len(bridge.Magic) + hello + proof, nil
			}
			synctest.Wait()
			if n := len(p.server.Bridges()); n != 1 {
				t.Fatalf("%+v: the server has %d bridges", touches, n)
			}
			return 0, err
		}
		sent, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		proof := sent - 3 - 64 - 32
		for at := range sent {
			for _, cut := range []bool{false, true} {
				_, err := dial(touch{out: true, at: at, cut: cut})
				// The PROOF is the initiator's last word: it learns from the carrier, which is closed, that it was not believed.
				if (err == nil) != (at >= proof) {
					t.Fatalf("octet %d from the client, cut %v: %v", at, cut, err)
				}
				var refused *bridge.RefusedError
				if at == len(bridge.Magic)-1 && !cut && (!errors.As(err, &refused) || refused.Refusal != bridge.RefusedVersion) {
					t.Errorf("another version: %v", err)
				}
			}
		}
		for at := 0; at < 3+32+1+32+16; at++ { // the settings, the signature and the MAC: TestHandshakeChanged in package bridge
			if _, err := dial(touch{at: at, cut: true}); err == nil {
				t.Fatalf("cut after %d octets from the server: no error", at)
			}
			if at == 1 || at == 2 {
				continue // a length: more is awaited than comes
			}
			var h *bridge.HandshakeError
			if _, err := dial(touch{at: at}); !errors.As(err, &h) {
				t.Fatalf("octet %d from the server: %v", at, err)
			}
		}
		wantLog(t, log, "version 1 is spoken here, not 33")
		if n := halfOpen(p.server); n != 0 {
			t.Errorf("%d handshakes are half open", n)
		}
	})
}

func halfOpen(ep *Endpoint) int {
	ep.mu.Lock()
	defer ep.mu.Unlock()
	return ep.halfOpen
}

// TestMiddleEndsTLS: with other bindings at the two ends, or one that is hidden from one end, no bridge comes to be and none is
// resumed.
func TestMiddleEndsTLS(t *testing.T) {
	meddled(t, func(t *testing.T, p *pair, nw *middle, log *logged, s honest) {
		for name, bind := range map[string]func(dialled bool, name string) []byte{
			"two":              func(dialled bool, name string) []byte { return fmt.Appendf(nil, "%s %v", name, dialled) },
			"none at the near": func(dialled bool, name string) []byte { return map[bool][]byte{false: []byte(name)}[dialled] },
			"none at the far":  func(dialled bool, name string) []byte { return map[bool][]byte{true: []byte(name)}[dialled] },
		} {
			nw.mu.Lock()
			nw.bind = bind
			nw.mu.Unlock()
			client := New(Config{Key: newKey(t), Carriers: []carrier.Network{nw}})
			_, err := client.Dial(t.Context(), p.url)
			var h *bridge.HandshakeError
			var r *bridge.RefusedError
			if name == "two" && !errors.As(err, &h) || name != "two" && !(errors.As(err, &r) && r.Refusal == bridge.RefusedBinding) ||
				!strings.Contains(err.Error(), "binding") {
				t.Errorf("%s: %v", name, err)
			}
			client.Close()
			// The holder of the secret attaches through the middle: what it proves is of another carrier.
			k := keys(p.br)
			c, err := nw.Dial(t.Context(), p.url)
			if err != nil {
				t.Fatal(err)
			}
			c.Write([]byte(bridge.Magic), k.Attach(c.Binding(), random(32)))
			wantClosed(t, c)
			wantLog(t, log, "does not hold the bridge's secret")
		}
		nw.mu.Lock()
		nw.bind = nil
		nw.mu.Unlock()
		wantUntouched(t, p)
	})
}

// wantUntouched checks that the honest bridge has its first carrier.
func wantUntouched(t *testing.T, p *pair) {
	t.Helper()
	synctest.Wait()
	if n := p.br.Info().Resumes; n != 0 {
		t.Errorf("the honest bridge lost its carrier %d times", n)
	}
	for _, br := range p.server.Bridges() {
		if i := br.Info(); i.ID == p.br.ID() && i.Epoch != 1 {
			t.Errorf("the server has seen epoch %d", i.Epoch)
		}
	}
}

// TestMiddleHasKey: who has a key of its own on either side is not taken for somebody else.
func TestMiddleHasKey(t *testing.T) {
	unknown := errors.New("not the key that belongs here")
	meddled(t, func(t *testing.T, p *pair, nw *middle, log *logged, s honest) {
		between := New(Config{Key: newKey(t), Carriers: []carrier.Network{nw}})
		defer between.Close()
		u := parse(t, "memory://between")
		if _, err := between.Listen(t.Context(), u, func(*Stream) bool { return false }); err != nil {
			t.Fatal(err)
		}
		if _, err := p.client.Dial(t.Context(), u); !errors.Is(err, unknown) {
			t.Errorf("towards the client: %v", err)
		}
		// Towards the server the refusal comes after the PROOF, and ends the bridge that the middle thinks it has.
		if br, err := between.Dial(t.Context(), p.url); err == nil {
			select {
			case <-br.Done():
			case <-time.After(time.Minute):
				t.Error("the server keeps the middle's bridge")
			}
		}
		synctest.Wait()
		if n := len(p.server.Bridges()); n != 1 {
			t.Errorf("the server has %d bridges", n)
		}
		wantLog(t, log, unknown.Error())
		wantUntouched(t, p)
	}, func(c, s *Config) {
		only := func(key ed25519.PrivateKey, peer ed25519.PublicKey) error {
			if !peer.Equal(key.Public()) {
				return unknown
			}
			return nil
		}
		client, server := c.Key, s.Key
		c.Verify = func(_ *url.URL, peer ed25519.PublicKey) error { return only(server, peer) }
		s.Admit = func(_ *url.URL, peer ed25519.PublicKey, _ string) error { return only(client, peer) }
	})
}

// TestMiddleForgesAttach sends the server an ATTACH with each octet changed, those of its header among them; the carrier's binding
// and all else are right.
func TestMiddleForgesAttach(t *testing.T) {
	meddled(t, func(t *testing.T, p *pair, nw *middle, log *logged, s honest) {
		size := 1
		for at := 0; at < size; at++ {
			k := keys(p.br)
			c, err := nw.Dial(t.Context(), p.url)
			if err != nil {
				t.Fatal(err)
			}
			msg := k.Attach(c.Binding(), random(32))
			size = len(msg)
			msg[at] ^= 0x20
			c.Write([]byte(bridge.Magic), msg)
			if at >= 3 && at < 3+16 {
				wantRefused(t, c, bridge.RefusedUnknown) // of another bridge
			} else {
				wantClosed(t, c)
			}
		}
		if size != 3+16+8+32+32 {
			t.Errorf("ATTACH has %d octets", size)
		}
		wantUntouched(t, p)
		s.wantData(t, "after forgeries")
		// Left alone, the client's own is taken: it was the change that was refused.
		nw.Conns()[0].Cut()
		s.wantData(t, "after a cut")
		if n := p.br.Info().Resumes; n != 1 {
			t.Errorf("%d resumes", n)
		}
	})
}

// TestMiddleForgesPast attaches with what was right at another time or elsewhere: lower and equal epochs, a secret that was replaced,
// an ATTACH that was recorded, and the name of another bridge.
func TestMiddleForgesPast(t *testing.T) {
	meddled(t, func(t *testing.T, p *pair, nw *middle, log *logged, s honest) {
		first := keys(p.br)
		nw.Conns()[0].Cut()
		s.wantData(t, "after a cut") // epoch 2, and the secret is another one
		recorded := nw.written()[len(bridge.Magic):]
		_, _, n, err := bridge.ParseMessage(recorded)
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		other := New(Config{Key: newKey(t), Carriers: []carrier.Network{nw}})
		defer other.Close()
		elsewhere, err := other.Dial(t.Context(), p.url)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		epoch := keys(p.br).Epoch
		forge := func(name string, change func(k *bridge.Keys)) carrier.Conn {
			k := keys(p.br)
			change(&k)
			c, err := nw.Dial(t.Context(), p.url)
			if err != nil {
				t.Fatal(name, err)
			}
			c.Write([]byte(bridge.Magic), k.Attach(c.Binding(), random(32)))
			return c
		}
		wantRefused(t, forge("a lower epoch", func(k *bridge.Keys) { k.Epoch = 0 }), bridge.RefusedFenced)
		wantRefused(t, forge("the same epoch", func(k *bridge.Keys) { k.Epoch-- }), bridge.RefusedFenced)
		wantClosed(t, forge("the first secret", func(k *bridge.Keys) { k.Secret, k.Epoch = first.Secret, 100 }))
		wantClosed(t, forge("another bridge's name", func(k *bridge.Keys) { k.ID = elsewhere.ID() }))
		wantClosed(t, forge("another bridge's secret", func(k *bridge.Keys) { k.Secret = keys(elsewhere).Secret }))
		wantClosed(t, dialRaw(t, p, nw, []byte(bridge.Magic), recorded[:n]))
		wantLog(t, log, "fenced by a later carrier")
		if i := p.br.Info(); i.Resumes != 1 || i.Epoch != epoch {
			t.Errorf("the honest bridge has resumed %d times, and has epoch %d", i.Resumes, i.Epoch)
		}
		if i := elsewhere.Info(); i.State != StateAttached || i.Epoch != 1 {
			t.Errorf("the other bridge: %+v", i)
		}
	})
}

// TestMiddleForgesAttached changes every octet of the server's ATTACHED, and cuts before every one: the client does not believe it, and
// comes back with the secret of before on a carrier that is left alone.
func TestMiddleForgesAttached(t *testing.T) {
	meddled(t, func(t *testing.T, p *pair, nw *middle, log *logged, s honest) {
		resumes := 0
		for at := range 3 + 32 + 32 {
			for _, cut := range []bool{false, true} {
				nw.touchNext(touch{at: at, cut: cut})
				nw.Conns()[0].Cut()
				s.wantData(t, fmt.Sprintf("octet %d of ATTACHED, cut %v", at, cut))
				resumes++
				if n := p.br.Info().Resumes; n != resumes {
					t.Fatalf("octet %d of ATTACHED, cut %v: %d resumes, want %d", at, cut, n, resumes)
				}
			}
		}
		wantLog(t, log, "the responder does not hold the bridge's secret")
	})
}

// TestMiddleKeepsDone cuts each carrier right behind the ATTACH, and behind each octet of what follows it, the DONE among that: the server
// cannot know whether its ATTACHED was believed, and takes the client back.
func TestMiddleKeepsDone(t *testing.T) {
	meddled(t, func(t *testing.T, p *pair, nw *middle, log *logged, s honest) {
		attach := len(bridge.Magic) + 3 + 16 + 8 + 32 + 32
		for more := range 8 * bridge.HeaderSize {
			nw.touchNext(touch{out: true, at: attach + more, cut: true})
			nw.Conns()[0].Cut()
			s.wantData(t, fmt.Sprintf("cut %d octets behind ATTACH", more))
		}
		// Three times in a row.
		same := touch{out: true, at: attach, cut: true}
		nw.touchNext(same, same, same)
		nw.Conns()[0].Cut()
		s.wantData(t, "cut three times behind ATTACH")
		if done := (&bridge.Frame{Type: bridge.FrameDone}); !bytes.Contains(nw.written(), frame(t, done)) {
			t.Error("the last carrier brought no DONE")
		}
	})
}

func frame(t *testing.T, f *bridge.Frame) []byte {
	t.Helper()
	b, err := f.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
