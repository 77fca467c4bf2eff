package tenuto

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
	"github.com/tenuto-session/tenuto/spdu"
)

// endpoints is a dialling and a listening endpoint on one network.
type endpoints struct {
	client, server *Endpoint
	ln             *Listener
	nw             *memory.Network // nil: TCP
	url            string
	resumed        atomic.Int64
}

func newEndpoints(t testing.TB, onTCP bool, change func(client, server *EndpointConfig)) *endpoints {
	t.Helper()
	e := &endpoints{}
	var cc, sc EndpointConfig
	listen := "tenuto+tcp://127.0.0.1:0"
	if !onTCP {
		e.nw = memory.New()
		cc.Carriers, sc.Carriers = []carrier.Network{e.nw}, []carrier.Network{e.nw}
		listen = "memory://server"
	}
	if testing.Verbose() {
		h := slog.NewTextHandler(t.Output(), nil)
		cc.Logger, sc.Logger = slog.New(h).With("end", "client"), slog.New(h).With("end", "server")
	}
	cc.Events = func(ev Event) {
		if ev.Kind == Resumed {
			e.resumed.Add(1)
		}
	}
	if change != nil {
		change(&cc, &sc)
	}
	var err error
	if e.client, err = NewEndpoint(&cc); err != nil {
		t.Fatal(err)
	}
	if e.server, err = NewEndpoint(&sc); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.client.Close(); e.server.Close() })
	if e.ln, err = e.server.Listen(t.Context(), listen, nil); err != nil {
		t.Fatal(err)
	}
	e.url = e.ln.URL()
	return e
}

// carriers are the kinds that an endpoint needs beyond its own.
func (e *endpoints) carriers() []carrier.Network { return []carrier.Network{e.nw} }

// open opens a session and returns both its ends.
func (e *endpoints) open(t testing.TB) (a, b *Session) { return e.openWith(t, nil) }

func (e *endpoints) openWith(t testing.TB, cfg *Config) (a, b *Session) {
	return e.openBoth(t, cfg, cfg)
}

func (e *endpoints) openBoth(t testing.TB, ca, cb *Config) (a, b *Session) {
	t.Helper()
	e.ln.cfg = cb
	accepted := make(chan *Session, 1)
	go func() {
		in, err := e.ln.Next(context.Background())
		if err != nil {
			t.Error(err)
			return
		}
		s, err := in.Accept(context.Background(), cb)
		if err != nil {
			t.Error(err)
		}
		accepted <- s
	}()
	a, err := e.client.Dial(t.Context(), e.url+"/test", ca)
	if err != nil {
		t.Fatal(err)
	}
	return a, <-accepted
}

// cutAtRandom breaks the memory carriers again and again until the test ends. The bridge is there before: one that has never been attached is not
// tried again.
func (e *endpoints) cutAtRandom(t testing.TB) {
	t.Helper()
	if _, err := e.client.Bridge(t.Context(), e.url+"/test"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		rng := rand.New(rand.NewPCG(1, 1))
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Duration(1+rng.IntN(10)) * time.Millisecond):
			}
			for _, c := range e.nw.Conns() {
				c.Cut()
			}
		}
	}()
}

// connPipe makes pairs of Conns. nettest closes the end that wrote first, with nobody reading at the other: then Close waits for linger.
func connPipe(e *endpoints, t *testing.T, linger time.Duration) nettest.MakePipe {
	return func() (c1, c2 net.Conn, stop func(), err error) {
		a, b := e.openWith(t, &Config{Linger: linger})
		c1, c2 = a.Conn(), b.Conn()
		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	}
}

// Lesson 18: the Conn is a net.Conn on every carrier, and on one that is cut.
func TestConnOverBridge(t *testing.T) {
	t.Run("Memory", func(t *testing.T) { nettest.TestConn(t, connPipe(newEndpoints(t, false, nil), t, 20*time.Millisecond)) })
	t.Run("TCP", func(t *testing.T) { nettest.TestConn(t, connPipe(newEndpoints(t, true, nil), t, 20*time.Millisecond)) })
	t.Run("Cut", func(t *testing.T) {
		e := newEndpoints(t, false, nil)
		e.cutAtRandom(t)
		nettest.TestConn(t, connPipe(e, t, time.Second)) // on a busy machine it takes some cuts until all has arrived
		if e.resumed.Load() == 0 {
			t.Error("nothing was cut")
		}
	})
}

// TestHTTPWhileCut: net/http, unchanged, over sessions whose carrier is cut all the time.
func TestHTTPWhileCut(t *testing.T) {
	e := newEndpoints(t, false, nil)
	body := make([]byte, 8<<20)
	rand.NewChaCha8([32]byte{1}).Read(body)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		io.Copy(h, r.Body)
		w.Header().Set("X-Sum", hex.EncodeToString(h.Sum(nil)))
		w.Write(body)
	})}
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(NetListener(e.ln)) }()
	defer func() { srv.Close(); <-done }()
	// A dial whose own carrier is cut says so; what is to survive is what comes after it.
	if _, err := e.client.Bridge(t.Context(), e.url+"/http"); err != nil {
		t.Fatal(err)
	}
	e.cutAtRandom(t)
	tr := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return e.client.DialContext(ctx, network, e.url+"/http")
	}}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	for range 3 {
		res, err := c.Post("http://server/", "application/octet-stream", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || !bytes.Equal(got, body) {
			t.Fatalf("%d octets, %v", len(got), err)
		}
		if sum := sha256.Sum256(body); res.Header.Get("X-Sum") != hex.EncodeToString(sum[:]) {
			t.Fatal("the upload differs")
		}
	}
	t.Logf("%d resumes", e.resumed.Load())
	if e.resumed.Load() == 0 {
		t.Error("nothing was cut")
	}
}

// Arith is the service of TestRPCWhileCut.
type Arith struct{}

// Add adds.
func (Arith) Add(args [2]int, sum *int) error {
	*sum = args[0] + args[1]
	return nil
}

func TestRPCWhileCut(t *testing.T) {
	e := newEndpoints(t, false, nil)
	srv := rpc.NewServer()
	srv.Register(Arith{})
	done := make(chan struct{})
	go func() { defer close(done); srv.Accept(NetListener(e.ln)) }()
	defer func() { e.ln.Close(); <-done }()
	e.cutAtRandom(t)
	conn, err := e.client.DialContext(t.Context(), "", e.url+"/rpc")
	if err != nil {
		t.Fatal(err)
	}
	c := rpc.NewClient(conn)
	defer c.Close()
	for i := 0; i < 2000 || (e.resumed.Load() < 3 && i < 200000); i++ {
		var sum int
		if err := c.Call("Arith.Add", [2]int{i, 1}, &sum); err != nil || sum != i+1 {
			t.Fatalf("call %d: %d, %v", i, sum, err)
		}
	}
	if e.resumed.Load() == 0 {
		t.Error("nothing was cut")
	}
}

func TestRefuseOverBridge(t *testing.T) {
	e := newEndpoints(t, false, nil)
	go func() {
		in, err := e.ln.Next(context.Background())
		if err != nil || in.Service() != "nothing" || string(in.UserData()) != "hello" {
			t.Errorf("%v: %+v", err, in)
			return
		}
		in.Refuse(spdu.RefusedSelectorUnknown, nil)
	}()
	_, err := e.client.Dial(t.Context(), e.url+"/nothing", &Config{UserData: []byte("hello")})
	var r *RefusedError
	if !errors.As(err, &r) || r.Reason != spdu.RefusedSelectorUnknown {
		t.Errorf("got %v", err)
	}
}

// TestOverflow: the user data of S-CONNECT do not fit into CN, which takes a round trip more.
func TestOverflowOverBridge(t *testing.T) {
	e := newEndpoints(t, false, nil)
	data := bytes.Repeat([]byte("x"), 30000)
	go func() {
		in, err := e.ln.Next(context.Background())
		if err != nil || !bytes.Equal(in.UserData(), data) {
			t.Errorf("%v: %d octets", err, len(in.UserData()))
			return
		}
		in.Accept(context.Background(), nil)
	}()
	s, err := e.client.Dial(t.Context(), e.url+"/test", &Config{UserData: data})
	if err != nil {
		t.Fatal(err)
	}
	s.Abort(nil)
}

// TestReverse: the responder opens sessions on the initiator's bridge.
func TestReverse(t *testing.T) {
	e := newEndpoints(t, false, nil)
	br, err := e.client.Bridge(t.Context(), e.url)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := br.Listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	a, b := e.open(t)
	defer a.Abort(nil)
	accepted := make(chan *Session, 1)
	go func() {
		s, err := ln.Accept(context.Background())
		if err != nil {
			t.Error(err)
		}
		accepted <- s
	}()
	back, err := b.Bridge().Dial(t.Context(), "back", nil)
	if err != nil {
		t.Fatal(err)
	}
	s := <-accepted
	if s.Service() != "back" || s.Bridge().ID() != br.ID() {
		t.Errorf("service %q on bridge %s", s.Service(), s.Bridge().ID())
	}
	back.Abort(nil)
	s.Abort(nil)
}

// TestShortSessions: many short sessions, one after the other, and nobody forgets to read the carrier.
func TestShortSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEndpoints(t, false, nil)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				s, err := e.ln.Accept(context.Background())
				if err != nil {
					return
				}
				go func() {
					c := s.Conn()
					io.Copy(c, c)
					c.Close()
				}()
			}
		}()
		start := time.Now()
		for range 1000 {
			c, err := e.client.DialContext(t.Context(), "", e.url+"/echo")
			if err != nil {
				t.Fatal(err)
			}
			c.Write([]byte("x"))
			if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
		// In the bubble time passes only while everybody waits: a millisecond for each session would be a pause of somebody's.
		if d := time.Since(start); d > time.Second {
			t.Errorf("1000 sessions waited for %v", d)
		}
		if n := e.resumed.Load(); n > 0 {
			t.Errorf("the carrier was taken for dead %d times", n)
		}
		e.client.Close()
		e.server.Close()
		<-done
	})
}

// TestOrphan: a closed session whose peer never answers does not stay for ever.
func TestOrphan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEndpoints(t, false, nil)
		a, b := e.open(t)
		br := a.Bridge()
		if err := a.Conn().Close(); err != nil {
			t.Fatal(err)
		}
		if n := br.Info().Streams; n != 1 {
			t.Errorf("%d streams after Close", n)
		}
		if ind, err := b.Receive(t.Context()); err != nil {
			t.Errorf("%v, %v", ind, err)
		}
		time.Sleep(orphanTime + time.Second)
		if n := br.Info().Streams; n != 0 {
			t.Errorf("%d streams after %v", n, orphanTime)
		}
		e.client.Close()
		e.server.Close()
	})
}

// TestStalledCarrier: a deadline, a cancel and Close are honoured though the carrier is full and silent (lessons 16 and 18).
func TestStalledCarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEndpoints(t, false, func(c, _ *EndpointConfig) { c.Heartbeat = time.Hour })
		const late = 10 * time.Millisecond
		within := func(what string, want time.Duration, f func()) {
			t.Helper()
			start := time.Now()
			f()
			if d := time.Since(start) - want; d < 0 || d > late {
				t.Errorf("%s: %v after it was due", what, d)
			}
		}
		a, _ := e.open(t)
		b, _ := e.open(t)
		e.ln.Close() // and no other carrier
		e.nw.Conns()[0].Stall()
		ca, cb := a.Conn(), b
		junk := make([]byte, 64<<20)
		ca.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		within("write deadline", 50*time.Millisecond, func() {
			if _, err := ca.Write(junk); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Write: %v", err)
			}
		})
		ca.SetReadDeadline(time.Now().Add(70 * time.Millisecond))
		within("read deadline", 70*time.Millisecond, func() {
			if _, err := ca.Read(junk); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Read: %v", err)
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		within("cancelled Send", 30*time.Millisecond, func() {
			if err := cb.Send(ctx, junk); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Send: %v", err)
			}
		})
		// A Read that waits ends with Close; Close itself waits for Linger, as what was written has not arrived.
		ca.SetDeadline(time.Time{})
		done := make(chan error)
		go func() {
			_, err := ca.Read(junk)
			done <- err
		}()
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- ca.Close() }()
		within("Read when closed", 0, func() {
			if err := <-done; !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read: %v", err)
			}
		})
		within("Close", defaultLinger, func() {
			var ae *AbortError
			if err := <-closed; !errors.As(err, &ae) || ae.Reason != ReasonLinger {
				t.Errorf("Close: %v", err)
			}
		})
		e.client.Close()
		e.server.Close()
	})
}

// TestPrivateEndpoints: package-level Dial and Listen close what they made.
func TestPrivateEndpoints(t *testing.T) {
	ln, err := Listen(t.Context(), "tenuto+tcp://127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s, err := ln.Accept(context.Background())
		if err != nil {
			t.Error(err)
			return
		}
		io.Copy(s.Conn(), s.Conn())
		s.Conn().Close()
	}()
	s, err := Dial(t.Context(), ln.URL()+"/echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Conn()
	io.WriteString(c, "hello")
	c.CloseWrite()
	if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	c.Close()
	<-done
	ln.Close()
}

// TestURLs: what is wrong with a URL is said.
func TestURLs(t *testing.T) {
	ep, err := NewEndpoint(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ep.Close()
	for url, want := range map[string]string{
		"tenuto+tcp://127.0.0.1:1":                   "names no service",
		"tenuto+tcp://127.0.0.1:1/":                  "names no service",
		"tenuto+tcp://127.0.0.1:1/seventeen-octets-": "exceed 16",
		"tenuto+tcp://127.0.0.1:1/a/b":               "only the name of a service",
		"ftp://127.0.0.1:1/x":                        "no carrier for ftp://",
		"tenuto+tcp://192.0.2.1:1/x":                 "loopback",
		"%":                                          "invalid URL",
		"127.0.0.1":                                  "is no URL such as",
	} {
		if _, err := ep.Dial(t.Context(), url, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
		if _, err := ep.Check(url); want != "loopback" && want != "only the name of a service" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("Check %s: %v, want %q", url, err, want)
		}
	}
	if _, err := ep.Listen(t.Context(), "tenuto+tcp://127.0.0.1:0/echo", nil); err == nil {
		t.Error("listening at a URL with a service")
	}
}
