package tls

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/internal/socket"
)

// acceptFrom lets a client that is none of ours do something, and returns what a Read of the accepted carrier says.
func acceptFrom(t *testing.T, client func(addr string)) error {
	t.Helper()
	ln, _ := listen(t, &Network{})
	done := make(chan struct{})
	go func() { defer close(done); client(ln.Addr().String()) }()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Read(make([]byte, 1))
	if b, s := c.Binding(), c.Secret(); b != nil || s != nil {
		t.Errorf("no handshake, and the binding %x and secret %x", b, s)
	}
	if n, werr := c.TryWrite([]byte("x")); n != 0 || socket.CanTryWrite && werr != err {
		t.Errorf("TryWrite = %d, %v; want the error of the handshake", n, werr)
	}
	c.Close()
	<-done
	return err
}

func TestWrongClients(t *testing.T) {
	send := func(octets string) func(string) {
		return func(addr string) {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			io.WriteString(c, octets)
			c.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, c)
		}
	}
	shake := func(config *tls.Config) func(string) {
		return func(addr string) {
			config.InsecureSkipVerify = true
			c, err := tls.Dial("tcp", addr, config)
			if err == nil {
				c.Read(make([]byte, 1))
				c.Close()
			}
		}
	}
	for _, tt := range []struct {
		name   string
		client func(addr string)
		want   error
		text   string
	}{
		{"TLS 1.2", shake(&tls.Config{MaxVersion: tls.VersionTLS12, NextProtos: []string{Protocol}}), ErrOldTLS, "1.3"},
		{"no ALPN", shake(&tls.Config{}), ErrProtocol, "tenuto/1"},
		{"a browser", shake(&tls.Config{NextProtos: []string{"h2", "http/1.1"}}), ErrProtocol, "http/1.1"},
		{"plaintext Tenuto", send("tenuto\x00\x01and so on"), ErrPlaintext, "tenuto://"},
		{"SSH", send("SSH-2.0-client\r\n"), ErrNoTLS, `"SSH-2"`},
		{"nothing", send(""), ErrHungUp, "closed"},
		{"a little", send("\x16\x03"), ErrHungUp, "closed"},
		{"part of a hello", send("\x16\x03\x01\x01\x00\x01"), ErrHungUp, "closed"},
		{"a wrong certificate", shake(&tls.Config{NextProtos: []string{Protocol}, VerifyConnection: func(tls.ConnectionState) error {
			return errors.New("not mine")
		}}), nil, "bad certificate"},
	} {
		err := acceptFrom(t, tt.client)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v; want %v, with %q", tt.name, err, tt.want, tt.text)
		}
	}
}

func TestPlainHTTPIsAnswered(t *testing.T) {
	for _, cookie := range []int{0, 20_000} { // octets, more than is read before the answer
		err := acceptFrom(t, func(addr string) {
			req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+addr+"/", nil)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Cookie", strings.Repeat("x", cookie))
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			resp, err := client.Do(req)
			if err != nil {
				t.Errorf("a cookie of %d octets: %v", cookie, err)
				return
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "Tenuto over TLS") {
				t.Errorf("answered %s, %q", resp.Status, body)
			}
		})
		if !errors.Is(err, ErrPlainHTTP) {
			t.Errorf("Read: %v; want ErrPlainHTTP", err)
		}
	}
}

func TestWrongServers(t *testing.T) {
	cert, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	shake := func(config *tls.Config) func(net.Conn) {
		return func(c net.Conn) {
			config.Certificates = []tls.Certificate{cert}
			s := tls.Server(c, config)
			s.Handshake()
			s.Read(make([]byte, 1))
		}
	}
	for _, tt := range []struct {
		name   string
		server func(net.Conn)
		want   error
	}{
		{"TLS 1.2", shake(&tls.Config{MaxVersion: tls.VersionTLS12, NextProtos: []string{Protocol}}), ErrOldTLS},
		{"no ALPN", shake(&tls.Config{}), ErrProtocol},
		{"another ALPN", shake(&tls.Config{NextProtos: []string{"h2"}}), ErrProtocol},
		{"a banner", func(c net.Conn) { io.WriteString(c, "SSH-2.0-server\r\n"); io.Copy(io.Discard, c) }, ErrNoTLS},
		{"plaintext", func(c net.Conn) { c.Read(make([]byte, 5)) }, ErrHungUp}, // a reset: the rest of the hello is unread
		{"nothing", func(c net.Conn) { c.Read(make([]byte, 1<<16)) }, ErrHungUp},
	} {
		_, err := dialTo(t, t.Context(), tt.server)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v; want %v", tt.name, err, tt.want)
		}
	}
}

// dialTo dials a server that is none of ours, until that has returned.
func dialTo(t *testing.T, ctx context.Context, server func(net.Conn)) (carrier.Conn, error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	done := make(chan struct{})
	defer func() { <-done }()
	go func() {
		defer close(done)
		c, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		server(c)
	}()
	c, err := new(Network).Dial(ctx, &url.URL{Scheme: Scheme, Host: ln.Addr().String()})
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

func TestDialEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := dialTo(t, ctx, func(c net.Conn) {
		c.Read(make([]byte, 1)) // the handshake has begun
		cancel()
		io.Copy(io.Discard, c)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Dial: %v; want Canceled", err)
	}
}

// Behind a proxy that ends TLS, ALPN may be missing; another protocol is refused all the same.
func TestNoBindingTakesMissingALPN(t *testing.T) {
	for protocol, want := range map[string]error{"": nil, "h2": ErrProtocol} {
		ln, _ := listen(t, &Network{NoBinding: true})
		config := &tls.Config{InsecureSkipVerify: true}
		if protocol != "" {
			config.NextProtos = []string{protocol}
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if c, err := tls.Dial("tcp", ln.Addr().String(), config); err == nil {
				io.WriteString(c, "x")
				c.Close()
			}
		}()
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, want) {
			t.Errorf("%q: %v; want %v", protocol, err, want)
		}
		c.Close()
		<-done
	}
}

// An end that says NoBinding and one that does not have nothing in common, and the bridge's handshake will not verify.
func TestNoBindingWantsBothEnds(t *testing.T) {
	ln, u := listen(t, &Network{NoBinding: true})
	done := make(chan []byte)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			t.Error(err)
			done <- nil
			return
		}
		defer c.Close()
		done <- c.Binding()
	}()
	near, err := new(Network).Dial(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	if far := <-done; bytes.Equal(near.Binding(), far) {
		t.Errorf("both ends have %x", far)
	}
}

// An Interrupt leaves the handshake alone, and ends the Read that comes with it.
func TestInterruptBeforeTheHandshake(t *testing.T) {
	ln, u := listen(t, &Network{})
	done := make(chan error, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			done <- err
			return
		}
		defer c.Close()
		if n, err := c.TryWrite([]byte("x")); n != 0 || err != nil {
			t.Errorf("TryWrite before the handshake = %d, %v; want 0, nil", n, err)
		}
		c.Interrupt()
		b := make([]byte, 5)
		n, err := c.Read(b) // what came with the handshake may be told with the interruption
		if !errors.Is(err, carrier.ErrInterrupted) {
			t.Errorf("Read = %d, %v; want ErrInterrupted", n, err)
		}
		_, err = io.ReadFull(c, b[n:])
		if err == nil && string(b) != "whole" {
			err = fmt.Errorf("read %q", b)
		}
		done <- err
	}()
	near, err := new(Network).Dial(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	if _, err := near.Write([]byte("whole")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Close ends a handshake that the peer keeps waiting.
func TestCloseEndsTheHandshake(t *testing.T) {
	ln, _ := listen(t, &Network{})
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 1))
		done <- err
	}()
	c.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read: %v; want net.ErrClosed", err)
	}
}

// Whatever comes first, a listener survives it and says what is wrong.
func FuzzFirstOctets(f *testing.F) {
	for _, seed := range []string{"", "GET / HTTP/1.1\r\n\r\n", "tenuto\x00\x01", "SSH-2.0-x\r\n", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
		"\x16\x03\x01\xff\xff", "\x80\x2e\x01\x00\x02", "\x15\x03\x03\x00\x02\x02\x28", "\x14\x03\x03\x00\x01\x01"} {
		f.Add([]byte(seed))
	}
	f.Add(clientHello(f))
	ln, u := listen(f, &Network{})
	f.Fuzz(func(t *testing.T, b []byte) {
		peer, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		peer.Write(b)
		peer.(*net.TCPConn).CloseWrite()
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		defer c.(*conn).inner.SetLinger(0) // a reset: thousands of connections must leave no port taken
		n, err := c.Read(make([]byte, 100))
		if n != 0 || err == nil || len(err.Error()) < len("carrier/tls: and something") || !strings.HasPrefix(err.Error(), "carrier/tls: ") {
			t.Errorf("Read after %q = %d, %v", b, n, err)
		}
	})
}

// clientHello returns what a client of ours sends first.
func clientHello(t testing.TB) []byte {
	t.Helper()
	nw := &Network{}
	if err := nw.prepare(); err != nil {
		t.Fatal(err)
	}
	client, server := net.Pipe()
	go func() { tls.Client(client, nw.client).Handshake() }()
	b := make([]byte, 1<<14)
	n, err := server.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	return b[:n]
}
