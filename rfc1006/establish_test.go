package rfc1006

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/transport"
)

// TestParameters: what the two ends agree on, and who they are to each other.
func TestParameters(t *testing.T) {
	for _, tt := range []struct {
		name         string
		dial, listen Config
		size         int
		expedited    bool
	}{
		{"nothing", Config{}, Config{}, 65531, false},
		{"expedited data", Config{Expedited: true}, Config{Expedited: true}, 65531, true},
		{"expedited data not agreed to", Config{Expedited: true}, Config{}, 65531, false},
		{"expedited data not asked for", Config{}, Config{Expedited: true}, 65531, false},
		{"the initiator's size", Config{MaxTPDU: 1024}, Config{MaxTPDU: 8192}, 1024, false},
		{"the responder's size", Config{}, Config{MaxTPDU: 8192}, 8192, false},
		{"a size between two", Config{MaxTPDU: 5000}, Config{}, 4096, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.dial.Calling, tt.dial.Called = []byte("client"), []byte{0, 1}
			a, b := pair(t, &tt.dial, &tt.listen)
			for _, c := range []*Conn{a, b} {
				if c.MaxTPDU() != tt.size || c.HasExpedited() != tt.expedited {
					t.Errorf("size %d, expedited %v", c.MaxTPDU(), c.HasExpedited())
				}
			}
			if got, want := a.LocalAddr().String(), b.RemoteAddr().String(); got != want || !strings.HasSuffix(got, "/636c69656e74") {
				t.Errorf("the one that dialled is %s and %s", got, want)
			}
			if got, want := b.LocalAddr().String(), a.RemoteAddr().String(); got != want || !strings.HasSuffix(got, "/0001") {
				t.Errorf("the one that accepted is %s and %s", got, want)
			}
			exchange(t, a, b)
			exchange(t, b, a)
			if err := a.SendExpedited(transport.Never, []byte("x")); (err == nil) != tt.expedited {
				t.Errorf("SendExpedited: %v", err)
			}
		})
	}
}

func TestAddr(t *testing.T) {
	a := Addr{HostPort: "[::1]:102"}
	if a.Network() != "osi" || a.String() != "[::1]:102" {
		t.Errorf("%s %s", a.Network(), &a)
	}
	for in, want := range map[string]string{"host": "host:102", "host:7": "host:7", "::1": "[::1]:102", "[::1]": "[::1]:102", "[::1]:7": "[::1]:7", "": ":102"} {
		if got := withPort(in); got != want {
			t.Errorf("withPort(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestIPv6(t *testing.T) {
	ln, err := Listen(t.Context(), "[::1]:0", nil)
	if err != nil {
		t.Skip("no IPv6 loopback")
	}
	defer ln.Close()
	a, b := connect(t, ln, nil)
	exchange(t, a, b)
}

func TestListensOnLoopback(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0"} {
		if _, err := Listen(t.Context(), addr, nil); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("%s: %v; want ErrNotLoopback", addr, err)
		}
	}
	ln, err := Listen(t.Context(), "0.0.0.0:0", &Config{Anywhere: true})
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
}

func TestConfigErrors(t *testing.T) {
	for _, cfg := range []Config{{Calling: make([]byte, 33)}, {Called: make([]byte, 33)}, {MaxTPDU: 127}, {MaxTPDU: -1}} {
		if _, err := Listen(t.Context(), "127.0.0.1:0", &cfg); err == nil || !strings.HasPrefix(err.Error(), "rfc1006: configuration: ") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	if _, err := Dial(t.Context(), "127.0.0.1:1", &Config{MaxTPDU: 1}); err == nil || !strings.HasPrefix(err.Error(), "rfc1006: configuration: ") {
		t.Errorf("Dial: %v", err)
	}
}

// TestAcceptOnce: an indication is answered once, and the connection is none the worse for it.
func TestAcceptOnce(t *testing.T) {
	ln := listen(t, nil)
	answered := make(chan *Conn, 1)
	go func() {
		defer close(answered)
		in, err := ln.Next(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		c, err := in.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		in.Refuse(cotp.ReasonCongestion)
		if _, err := in.Accept(); err != errAnswered {
			t.Errorf("accepted again: %v", err)
		}
		answered <- c
	}()
	a, err := Dial(t.Context(), ln.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Disconnect(transport.ReasonNormal)
	b := <-answered
	defer b.Disconnect(transport.ReasonNormal)
	exchange(t, a, b)
}

// TestRefuse: the user of a listener decides, and the initiator hears why not.
func TestRefuse(t *testing.T) {
	ln := listen(t, nil)
	refused := make(chan error, 1)
	go func() {
		in, err := ln.Next(t.Context())
		if err == nil {
			if string(in.Called()) != "\x00\x09" || string(in.Calling()) != "me" || in.RemoteAddr().Network() != "osi" {
				err = errors.New("not who it is")
			}
			in.Refuse(cotp.ReasonNotAttached)
			in.Refuse(cotp.ReasonCongestion) // nothing
			if _, err := in.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("accepted after all: %v", err)
			}
		}
		refused <- err
	}()
	_, err := Dial(t.Context(), ln.Addr().String(), &Config{Called: []byte{0, 9}, Calling: []byte("me")})
	var de *transport.DisconnectError
	if !errors.As(err, &de) || de.Reason != transport.ReasonNoListener || !de.Remote {
		t.Errorf("%v", err)
	}
	if err := <-refused; err != nil {
		t.Error(err)
	}
}

// TestTSAPs: a listener serves those TSAPs that it is told to, and a CR that names none.
func TestTSAPs(t *testing.T) {
	ln := listen(t, &Config{TSAPs: [][]byte{{0, 1}, {0, 2}}})
	for _, called := range [][]byte{{0, 1}, {0, 2}, nil} {
		a, b := connect(t, ln, &Config{Called: called})
		exchange(t, a, b)
	}
	_, err := Dial(t.Context(), ln.Addr().String(), &Config{Called: []byte{0, 3}})
	var r *RefusedError
	if !errors.As(err, &r) {
		t.Fatal(err)
	}
	if dr, ok := r.TPDU.(cotp.DR); !ok || dr.Reason != cotp.ReasonAddressUnknown {
		t.Errorf("%v", r)
	}
}

// TestListenerClose: who waits for Accept hears of it, who waits to be accepted is refused, and who was accepted goes on.
func TestListenerClose(t *testing.T) {
	var group sync.WaitGroup
	ln := listen(t, &Config{Group: &group})
	a, b := connect(t, ln, nil)
	waiting := dialTCP(t, ln)
	if _, err := waiting.Write(octets(t, "03 00 00 0B 06 E0 00 00 00 07 00")); err != nil {
		t.Fatal(err)
	}
	in, err := ln.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ln.queue <- in // as if nobody had taken it
	silent := dialTCP(t, ln)
	accepted := make(chan error, 1)
	if err := ln.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	go func() {
		_, err := ln.Accept(t.Context())
		accepted <- err
	}()
	if err := <-accepted; err != net.ErrClosed {
		t.Errorf("Accept: %v", err)
	}
	if got, err := io.ReadAll(waiting); string(got) != string(octets(t, "03 00 00 0B 06 80 00 07 00 00 02")) {
		t.Errorf("who waits gets % x, %v", got, err)
	}
	waiting.Close()
	if got, _ := io.ReadAll(silent); len(got) > 0 {
		t.Errorf("who says nothing gets % x", got)
	}
	exchange(t, a, b)
	a.Disconnect(transport.ReasonNormal)
	b.Disconnect(transport.ReasonNormal)
	group.Wait()
	if err := ln.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}
