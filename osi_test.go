package tenuto

import (
	"testing"
)

// openOSI connects two sessions over RFC 1006; query is added to the URL that is dialled.
func openOSI(t *testing.T, ec *EndpointConfig, query string, ca, cb *Config) (a, b *Session) {
	t.Helper()
	ep, ln := osiEndpoint(t, ec, cb)
	return dialOSI(t, ep, ln, query, ca)
}

func osiEndpoint(t *testing.T, ec *EndpointConfig, cb *Config) (*Endpoint, *Listener) {
	t.Helper()
	ep, err := NewEndpoint(ec)
	try(t, err, "NewEndpoint")
	t.Cleanup(func() { ep.Close() })
	ln, err := ep.Listen(bg, "osi://127.0.0.1:0", cb)
	try(t, err, "Listen")
	return ep, ln
}

func dialOSI(t *testing.T, ep *Endpoint, ln *Listener, query string, ca *Config) (a, b *Session) {
	t.Helper()
	accepted := make(chan *Session, 1)
	go func() {
		s, err := ln.Accept(bg)
		if err != nil {
			t.Errorf("Accept: %v", err)
		}
		accepted <- s
	}()
	a, err := ep.Dial(bg, ln.URL()+query, ca)
	try(t, err, "Dial")
	return a, <-accepted
}

func TestOSIAddresses(t *testing.T) {
	ep, ln := osiEndpoint(t, nil, &Config{})
	a, b := dialOSI(t, ep, ln, "/?tsel=0x0001&ssel=0x0002&ctsel=mine&cssel=ours&tpdu=8192", nil)
	if p := b.Parameters(); p.Called != "\x00\x02" || p.Calling != "ours" || b.Service() != "\x00\x02" {
		t.Errorf("parameters %+v", p)
	}
	if got, want := a.RemoteAddr().String(), ln.Addr().String()+"/0001"; got != want {
		t.Errorf("remote address %s, want %s", got, want)
	}
	for _, q := range []string{"/?tsel=0x0", "/?nonsense=1", "/a?ssel=b", "/?tpdu=1", "/?tpdu=x", "/?cssel=12345678901234567", "/?tsel=a&tsel=b", "/?ssel=a&ssel=b"} {
		if _, err := ep.Dial(bg, ln.URL()+q, nil); err == nil {
			t.Errorf("%s was dialled", q)
		} else {
			t.Log(err)
		}
	}
	for _, u := range []string{"osi://0.0.0.0:0", "osi://127.0.0.1:0/service", "osi://127.0.0.1:0/?ssel=x"} {
		if ln, err := ep.Listen(bg, u, nil); err == nil {
			t.Errorf("%s was listened at", u)
			ln.Close()
		} else {
			t.Log(err)
		}
	}
}

// TestReuse: after a release the transport connection carries the next session, and a refusal leaves it too.
func TestReuse(t *testing.T) {
	ep, ln := osiEndpoint(t, &EndpointConfig{OSI: OSIConfig{Reuse: true, Kept: 2}}, nil)
	var local string
	for i := range 3 {
		a, b := dialOSI(t, ep, ln, "", nil)
		if i > 0 && a.LocalAddr().String() != local {
			t.Fatalf("session %d is at %v, the one before at %s", i, a.LocalAddr(), local)
		}
		local = a.LocalAddr().String()
		try(t, a.Send(bg, []byte("ping")), "data")
		gets(t, b, Data{[]byte("ping"), true})
		try(t, a.Release(bg, nil), "release")
		gets(t, b, ReleaseInd{})
		try(t, b.RespondRelease(bg, nil), "response")
		gets(t, a, ReleaseCnf{})
		wantEnd(t, a, ErrReleased, "the end")
		if err := a.Send(bg, []byte("x")); err != ErrReleased {
			t.Errorf("Send after the end: %v", err)
		}
		a.Abort(nil)
	}
	// By Conns as well.
	a, b := dialOSI(t, ep, ln, "", nil)
	if a.LocalAddr().String() != local {
		t.Error("not the same connection")
	}
	ca, cb := a.Conn(), b.Conn()
	try(t, ca.CloseWrite(), "CloseWrite")
	if _, err := cb.Read(make([]byte, 1)); err == nil {
		t.Error("no end")
	}
	try(t, cb.Close(), "Close")
	if _, err := ca.Read(make([]byte, 1)); err == nil {
		t.Error("no end")
	}
	try(t, ca.Close(), "Close")
	a, b = dialOSI(t, ep, ln, "", nil)
	if a.LocalAddr().String() != local {
		t.Error("not the same connection after Conns")
	}
	// An abort does not keep it.
	try(t, a.Abort(nil), "abort")
	wantAbort(t, b, User, true, ReasonUser, "the abort")
	a, b = dialOSI(t, ep, ln, "", nil)
	if a.LocalAddr().String() == local {
		t.Error("the connection outlived an abort that nobody has answered")
	}
	// A connection that the listener does not keep is not used again.
	local = a.LocalAddr().String()
	try(t, a.Release(bg, nil), "release")
	gets(t, b, ReleaseInd{})
	try(t, b.RespondRelease(bg, nil), "response")
	gets(t, a, ReleaseCnf{})
	ln.Close()
	ln2, err := ep.Listen(bg, ln.URL(), nil)
	try(t, err, "Listen again")
	a, _ = dialOSI(t, ep, ln2, "", nil)
	if a.LocalAddr().String() == local {
		t.Error("a connection was kept beyond its listener")
	}
}

// TestReuseRefused: who does not keep connections says so, and both know it.
func TestReuseRefused(t *testing.T) {
	_, ln := osiEndpoint(t, nil, nil)
	ep, err := NewEndpoint(&EndpointConfig{OSI: OSIConfig{Reuse: true}})
	try(t, err, "NewEndpoint")
	defer ep.Close()
	for range 2 {
		a, b := dialOSI(t, ep, ln, "", nil)
		try(t, a.Release(bg, nil), "release")
		gets(t, b, ReleaseInd{})
		try(t, b.RespondRelease(bg, nil), "response")
		gets(t, a, ReleaseCnf{})
	}
}
