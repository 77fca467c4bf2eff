package forward

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
)

// client is a running ReverseClient: its registrations as they begin and end, and the end of Run.
type client struct {
	registered chan Conn
	stopped    chan struct{}
	result     chan error
}

func register(t *testing.T, n *network, target Target, isFinal func(error) bool) *client {
	r := &client{make(chan Conn, 10), make(chan struct{}, 10), make(chan error, 1)}
	c := &ReverseClient{
		Service: "web",
		Target:  target,
		IsFinal: isFinal,
		Register: func(ctx context.Context) (Conn, Acceptor, func(), error) {
			s, err := n.dial(ctx, "web")
			if err != nil {
				return nil, nil, nil, err
			}
			ctx, cancel := context.WithCancel(ctx)
			r.registered <- s
			return s, stoppable{n.toClient, ctx}, func() { cancel(); r.stopped <- struct{}{} }, nil
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { r.result <- c.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return r
}

// stoppable is an Acceptor that a stop closes.
type stoppable struct {
	Acceptor
	stopped context.Context
}

func (s stoppable) Next(ctx context.Context) (Incoming, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.stopped, cancel)()
	in, err := s.Acceptor.Next(ctx)
	if s.stopped.Err() != nil {
		return nil, net.ErrClosed
	}
	return in, err
}

// freePort returns an address that nobody listens at.
func freePort(t *testing.T) string {
	ln := listenTCP(t)
	defer ln.Close()
	return ln.Addr().String()
}

func TestReverse(t *testing.T) {
	n, address := newNetwork(t), freePort(t)
	serve(t, n, &Server{Reverse: map[string]string{"web": address}})
	r := register(t, n, parse(t, "echo"), func(error) bool { return true })
	session := <-r.registered
	for range 5 {
		c := dial(t, address)
		mustWrite(t, c, "there and back")
		wantRead(t, c, "there and back")
		c.CloseWrite()
		wantEOF(t, c)
	}
	// A connection outlives the registration it came by.
	c := dial(t, address)
	mustWrite(t, c, "1")
	wantRead(t, c, "1")
	session.CloseWrite()
	<-r.stopped
	mustWrite(t, c, "2")
	wantRead(t, c, "2")
	c.Close()
	if err := <-r.result; !errors.Is(err, errEnded) {
		t.Errorf("Run: %v; want errEnded", err)
	}
}

func TestReverseNotPermitted(t *testing.T) {
	n := newNetwork(t)
	serve(t, n, &Server{})
	r := register(t, n, parse(t, "echo"), nil)
	if err := <-r.result; !errors.Is(err, errRefused) {
		t.Errorf("Run: %v; want the refusal", err)
	}
}

func TestReverseAddressInUse(t *testing.T) {
	n, taken := newNetwork(t), listenTCP(t)
	serve(t, n, &Server{Reverse: map[string]string{"web": taken.Addr().String()}})
	r := register(t, n, parse(t, "echo"), nil)
	if err := <-r.result; !errors.Is(err, errRefused) {
		t.Errorf("Run: %v; want the refusal", err)
	}
}

// The newest registration wins: the client of an older one may be long gone, and only its session lives on.
func TestReverseIsTakenOver(t *testing.T) {
	n, address := newNetwork(t), freePort(t)
	serve(t, n, &Server{Reverse: map[string]string{"web": address}})
	first, err := n.dial(t.Context(), "web")
	if err != nil {
		t.Fatal(err)
	}
	r := register(t, n, parse(t, "echo"), nil)
	<-r.registered
	wantReset(t, first)
	c := dial(t, address)
	mustWrite(t, c, "mine now")
	wantRead(t, c, "mine now")
}
