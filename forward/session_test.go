package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
)

// endpoints returns two endpoints on a network of their own; far listens at memory://far and runs the server.
func endpoints(t *testing.T, s *Server) (near *tenuto.Endpoint, nw *memory.Network) {
	t.Helper()
	nw = memory.New()
	open := func() *tenuto.Endpoint {
		ep, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Carriers: []carrier.Network{nw}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ep.Close() })
		return ep
	}
	near, far := open(), open()
	ln, err := far.Listen(t.Context(), "memory://far", Dialogues)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := s.Serve(ctx, Listener(ln, nil)); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); serving.Wait(); ln.Close() })
	return near, nw
}

// forwardURL runs a Forwarder to the URL and returns its address.
func forwardURL(t *testing.T, ep *tenuto.Endpoint, url string) string {
	ln := listenTCP(t)
	f := &Forwarder{Dial: DialURL(ep, url, nil)}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { f.Serve(ctx, ln) })
	t.Cleanup(func() { cancel(); serving.Wait() })
	return ln.Addr().String()
}

// Lesson 19: release and abort stay apart. // What TCP connections mean they mean over sessions, too, though their carrier is cut meanwhile.
func TestSessionsKeepTheMeaningOfTCP(t *testing.T) {
	target := listenTCP(t)
	near, nw := endpoints(t, &Server{Services: map[string]Target{"db": parse(t, target.Addr().String())}})
	address := forwardURL(t, near, "memory://far/db")
	open := func() (app, db *net.TCPConn) {
		app = dial(t, address)
		c, err := target.Accept()
		if err != nil {
			t.Fatal(err)
		}
		db = guard(t, c)
		mustWrite(t, app, "x")
		wantRead(t, db, "x")
		return app, db
	}
	cut := func() {
		for _, c := range nw.Conns() {
			c.Cut()
		}
	}

	app, db := open()
	cut()
	app.CloseWrite()
	wantEOF(t, db)
	text := strings.Repeat("0123456789", 300_000)
	go func() {
		io.WriteString(db, text)
		db.Close()
	}()
	cut()
	if got, err := io.ReadAll(app); string(got) != text || err != nil {
		t.Errorf("got %d octets, %v; want %d", len(got), err, len(text))
	}

	app, db = open()
	db.CloseWrite()
	wantEOF(t, app)
	mustWrite(t, app, "more")
	wantRead(t, db, "more")
	app.Close()
	wantEOF(t, db)

	app, db = open()
	app.SetLinger(0)
	app.Close()
	wantReset(t, db)

	app, db = open()
	db.SetLinger(0)
	db.Close()
	wantReset(t, app)
}

func TestRefusedSessionSaysWhy(t *testing.T) {
	gone := listenTCP(t)
	gone.Close()
	near, _ := endpoints(t, &Server{Services: map[string]Target{"db": parse(t, gone.Addr().String())}})

	_, err := DialURL(near, "memory://far/db", nil)(t.Context())
	if _, ok := errors.AsType[*tenuto.RefusedError](err); !ok || !strings.Contains(err.Error(), gone.Addr().String()) {
		t.Errorf("dial: %v; want a RefusedError that names the target", err)
	}
	wantRefused(t, forwardURL(t, near, "memory://far/db"))

	_, err = DialURL(near, "memory://far/nope", nil)(t.Context())
	if refused, ok := errors.AsType[*tenuto.RefusedError](err); !ok || refused.Reason != tenuto.RefusedServiceUnknown {
		t.Errorf("dial: %v; want a RefusedError for an unknown selector", err)
	}
}

func TestReverseOverSessions(t *testing.T) {
	address := freePort(t)
	near, _ := endpoints(t, &Server{Reverse: map[string]string{"web": address}})
	registrations := make(chan struct{}, 10)
	run := func(ctx context.Context) error {
		register := RegisterURL(near, "memory://far/web", nil)
		c := &ReverseClient{
			Service: "web",
			Target:  parse(t, "echo"),
			Register: func(ctx context.Context) (Conn, Acceptor, func(), error) {
				s, a, stop, err := register(ctx)
				registrations <- struct{}{}
				return s, a, stop, err
			},
			IsFinal: IsReplaced,
		}
		return c.Run(ctx)
	}
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 2)
	go func() { results <- run(ctx) }()
	<-registrations
	c := dial(t, address)
	mustWrite(t, c, "there and back")
	wantRead(t, c, "there and back")
	c.CloseWrite()
	wantEOF(t, c)

	// The second registration ends the first, and that for good.
	go func() { results <- run(ctx) }()
	if err := <-results; !IsReplaced(err) {
		t.Errorf("Run: %v; want one that IsReplaced", err)
	}
	cancel()
	if err := <-results; err != nil {
		t.Errorf("Run: %v; want nil after a cancel", err)
	}
}

// A dialogueTarget takes one activity of each session.
type dialogueTarget struct{ took chan string }

func (d dialogueTarget) String() string                     { return "dialogue" }
func (d dialogueTarget) Open(context.Context) (Peer, error) { panic("opened") }

func (d dialogueTarget) Take(ctx context.Context, in *tenuto.Incoming) error {
	s, err := in.Accept(ctx, &tenuto.Config{Units: tenuto.HalfDuplex | tenuto.Activity})
	if err != nil {
		return err
	}
	ind, err := s.Receive(ctx)
	if i, ok := ind.(tenuto.ActivityStartInd); ok {
		d.took <- string(i.ID)
	}
	return errors.Join(err, s.Abort(nil))
}

// TestTaker: a target that wants more than a connection gets the session, with the functional units that it likes.
func TestTaker(t *testing.T) {
	d := dialogueTarget{make(chan string, 1)}
	near, _ := endpoints(t, &Server{Services: map[string]Target{"work": d}})
	s, err := near.Dial(t.Context(), "memory://far/work", &tenuto.Config{Units: tenuto.HalfDuplex | tenuto.Activity})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.StartActivity(t.Context(), []byte("one"), nil); err != nil {
		t.Fatal(err)
	}
	if got := <-d.took; got != "one" {
		t.Errorf("took %q", got)
	}
}
