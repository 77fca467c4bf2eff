package tenuto

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/spdu"
)

func TestSimplex(t *testing.T) {
	for _, onTCP := range []bool{false, true} {
		e := newEndpoints(t, onTCP, nil)
		a, b := e.openBoth(t, &Config{Simplex: true}, &Config{Units: Duplex | HalfDuplex})
		if !a.Simplex() || !b.Simplex() || !a.Parameters().Simplex || a.Units() != HalfDuplex || b.Units() != HalfDuplex {
			t.Fatalf("simplex %v, %v, units %v, %v", a.Simplex(), b.Simplex(), a.Units(), b.Units())
		}
		try(t, a.Send(bg, []byte("one way")), "data")
		gets(t, b, Data{[]byte("one way"), true})
		refused(t, b.Send(bg, []byte("x")), "S-DATA request: the peer has the data token")
		for _, err := range []error{a.GiveTokens(bg, DataToken, nil), b.PleaseTokens(bg, DataToken, nil)} {
			if err != ErrSimplex {
				t.Errorf("a request to move the data token: %v", err)
			}
		}
		try(t, a.Release(bg, nil), "release")
		gets(t, b, ReleaseInd{})
		try(t, b.RespondRelease(bg, nil), "response")
		gets(t, a, ReleaseCnf{})
	}
}

// TestSimplexDown: the responder may be the one that sends.
func TestSimplexDown(t *testing.T) {
	e := newEndpoints(t, true, nil)
	a, b := e.openBoth(t, &Config{Simplex: true, Tokens: TokenSettings{There: DataToken}}, &Config{Units: HalfDuplex})
	refused(t, a.Send(bg, []byte("x")), "S-DATA request: the peer has the data token")
	try(t, b.Send(bg, []byte("down")), "data")
	gets(t, a, Data{[]byte("down"), true})
}

// TestSimplexResync: a resynchronization leaves the data token where it is.
func TestSimplexResync(t *testing.T) {
	e := newEndpoints(t, true, nil)
	c := &Config{Simplex: true, Units: HalfDuplex | MinorSync | Resync}
	a, b := e.openBoth(t, c, &Config{Units: allUnits})
	if err := b.Resynchronize(bg, Abandon, 0, TokenSettings{Here: DataToken}, nil); err != ErrSimplex {
		t.Errorf("to this side: %v", err)
	}
	if err := a.Resynchronize(bg, Abandon, 0, TokenSettings{Choose: DataToken}, nil); err != ErrSimplex {
		t.Errorf("as the peer likes: %v", err)
	}
	try(t, b.Resynchronize(bg, Abandon, 0, TokenSettings{Here: MinorToken}, nil), "another token")
	gets(t, a, ResyncInd{Abandon, 0, TokenSettings{Here: DataToken, There: MinorToken}, nil})
	try(t, a.RespondResync(bg, 0, 0, nil), "response")
	gets(t, b, ResyncCnf{0, MinorToken, nil})
}

// TestSimplexBroken: a peer that moves the data token all the same is aborted.
func TestSimplexBroken(t *testing.T) {
	for _, p := range []spdu.SPDU{spdu.GT{Tokens: DataToken}, spdu.PT{Tokens: DataToken}} {
		e := newEndpoints(t, true, nil)
		a, b := e.openBoth(t, &Config{Simplex: true}, &Config{Units: HalfDuplex})
		s, to := a, b
		if _, ok := p.(spdu.PT); ok {
			s, to = b, a
		}
		s.simplex = false // it forgets
		if _, ok := p.(spdu.PT); ok {
			try(t, s.PleaseTokens(bg, DataToken, nil), "please")
		} else {
			try(t, s.GiveTokens(bg, DataToken, nil), "give")
		}
		wantAbort(t, to, Provider, false, ReasonProtocolError, "its breach")
	}
}

func TestSimplexConn(t *testing.T) {
	e := newEndpoints(t, true, nil)
	a, b := e.openBoth(t, &Config{Simplex: true}, &Config{Units: HalfDuplex})
	ca, cb := a.Conn(), b.Conn()
	go func() {
		writeAll(ca, pattern(100_000))
		ca.CloseWrite()
	}()
	if all, err := io.ReadAll(cb); err != nil || string(all) != string(pattern(100_000)) {
		t.Fatalf("%d octets, %v", len(all), err)
	}
	if _, err := cb.Write([]byte("x")); !errors.Is(err, ErrReleased) && !errors.Is(err, ErrSimplex) {
		t.Errorf("Write: %v", err)
	}
	try(t, cb.Close(), "Close")
	if _, err := ca.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("Read: %v", err)
	}
	try(t, ca.Close(), "Close")

	// Who only receives may leave, which is an abort.
	a, b = e.openBoth(t, &Config{Simplex: true}, &Config{Units: HalfDuplex})
	ca, cb = a.Conn(), b.Conn()
	if _, err := cb.Write([]byte("x")); err != ErrSimplex {
		t.Errorf("Write: %v", err)
	}
	try(t, cb.CloseWrite(), "CloseWrite of nothing")
	cb.Close()
	ca.SetReadDeadline(time.Now().Add(20 * time.Second))
	var ae *AbortError
	if _, err := ca.Read(make([]byte, 1)); !errors.As(err, &ae) {
		t.Errorf("Read after the receiver has left: %v", err)
	}
}

// TestNoSimplex: it is not to be had where nothing below the session can say it, or with whom does not know it.
func TestNoSimplex(t *testing.T) {
	ep, ln := osiEndpoint(t, nil, nil)
	if _, err := ep.Dial(bg, ln.URL(), &Config{Simplex: true}); err != ErrNoSimplex {
		t.Errorf("over RFC 1006: %v", err)
	}
	e := newEndpoints(t, true, nil)
	go e.ln.Accept(bg) // duplex alone
	var re *RefusedError
	if _, err := e.client.Dial(bg, e.url+"/x", &Config{Simplex: true}); !errors.As(err, &re) {
		t.Errorf("with who is duplex alone: %v", err)
	}
	for _, c := range []Config{{Units: Duplex | HalfDuplex}, {Units: HalfDuplex | Activity}, {Tokens: TokenSettings{Choose: DataToken}}} {
		c.Simplex = true
		if _, err := e.client.Dial(bg, e.url+"/x", &c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}
