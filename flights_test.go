package tenuto

import (
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A weir is a TCP proxy that can keep back what the server says, and does when CC has passed.
type weir struct {
	ln     net.Listener
	target string

	mu      sync.Mutex
	changed sync.Cond
	closed  bool // what the server says stays here
	first   bool // CC has passed
	conns   []net.Conn
}

func newWeir(t *testing.T, target string) *weir {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	try(t, err, "Listen")
	w := &weir{ln: ln, target: target}
	w.changed.L = &w.mu
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", target)
			if err != nil {
				c.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, c, s)
			w.mu.Unlock()
			running.Go(func() {
				io.Copy(s, c)
				s.Close()
			})
			running.Go(func() {
				w.pass(c, s)
				c.Close()
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		w.set(false)
		for _, c := range w.conns {
			c.Close()
		}
		running.Wait()
	})
	return w
}

func (w *weir) pass(to, from net.Conn) {
	b := make([]byte, 1<<16)
	for {
		n, err := from.Read(b)
		w.mu.Lock()
		for w.closed {
			w.changed.Wait()
		}
		if !w.first {
			w.first, w.closed = true, true
		}
		w.mu.Unlock()
		if n > 0 {
			to.Write(b[:n])
		}
		if err != nil {
			return
		}
	}
}

func (w *weir) set(closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = closed
	w.changed.Broadcast()
}

// TestFlights: a session with one message costs one round trip for S-CONNECT and one for S-RELEASE, and no other: the message goes with the release.
// While nothing that the server says gets through, the server has what belongs to the round trip. Before that come, over RFC 1006, the handshake of
// TCP, and CR and CC, and the attach of a bridge that is not there yet.
func TestFlights(t *testing.T) {
	both := &Config{Units: Duplex | HalfDuplex}
	ep, osi := osiEndpoint(t, nil, both)
	e := newEndpoints(t, true, nil)
	bridges, err := e.server.Listen(bg, "tenuto+tcp://127.0.0.1:0", both)
	try(t, err, "Listen")
	for name, row := range map[string]struct {
		ep      *Endpoint
		ln      *Listener
		simplex bool
	}{
		"osi":            {ep, osi, false},
		"bridge":         {e.client, bridges, false},
		"bridge/simplex": {e.client, bridges, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWeir(t, row.ln.Addr().String())
			scheme, _, _ := strings.Cut(row.ln.URL(), "://")
			url := scheme + "://" + w.ln.Addr().String() + "/x"
			if row.ln == bridges {
				w.mu.Lock()
				w.first = true
				w.mu.Unlock()
				first := make(chan *Session, 1)
				go func() {
					s, _ := row.ln.Accept(bg)
					first <- s
				}()
				s, err := row.ep.Dial(bg, url, nil)
				try(t, err, "Dial")
				try(t, s.Send(bg, []byte("x")), "Send")
				gets(t, <-first, Data{[]byte("x"), true})
				w.set(true)
			}
			var mu sync.Mutex
			var trace []string
			cfg := Config{Simplex: row.simplex, Trace: func(t Trace) {
				mu.Lock()
				defer mu.Unlock()
				name, _, _ := strings.Cut(t.SPDU.String(), "(")
				trace = append(trace, map[bool]string{true: "> ", false: "< "}[t.Sent]+name)
			}}
			dialled := make(chan *Session, 1)
			go func() {
				s, err := row.ep.Dial(bg, url, &cfg)
				if err != nil {
					t.Errorf("Dial: %v", err)
				}
				dialled <- s
			}()
			in, err := row.ln.Next(bg) // CN is here, and only CC has gone back
			try(t, err, "Next")
			b, err := in.Accept(bg, both)
			try(t, err, "Accept")
			w.set(false)
			a := <-dialled
			w.set(true)
			try(t, a.Send(bg, []byte("message")), "Send")
			try(t, a.Release(bg, nil), "Release")
			gets(t, b, Data{[]byte("message"), true}, ReleaseInd{})
			try(t, b.RespondRelease(bg, nil), "RespondRelease")
			w.set(false)
			gets(t, a, ReleaseCnf{})
			mu.Lock()
			defer mu.Unlock()
			if want := []string{"> CN", "< AC", "> DT", "> FN", "< DN"}; !slices.Equal(trace, want) {
				t.Errorf("SPDUs %q, want %q", trace, want)
			}
		})
	}
}
