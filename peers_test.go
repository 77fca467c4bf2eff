package tenuto

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tenuto-session/tenuto/identity"
)

// testPeers knows one server and admits one client to some services.
type testPeers struct {
	mu       sync.Mutex
	server   ed25519.PublicKey
	client   ed25519.PublicKey
	services []string
	asked    []string
}

func (p *testPeers) Verify(url string, key ed25519.PublicKey) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, "verify "+url)
	if !key.Equal(p.server) {
		return errors.New("not the server")
	}
	return nil
}

func (p *testPeers) Admit(url string, key ed25519.PublicKey, service string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, "admit "+url+" "+service)
	if !key.Equal(p.client) {
		return errors.New("not the client")
	}
	for _, s := range append(p.services, "") {
		if s == service {
			return nil
		}
	}
	return fmt.Errorf("no %s for you", service)
}

// secured is a pair of endpoints over TLS that know each other.
func secured(t *testing.T, change func(client, server *EndpointConfig, p *testPeers)) (client *Endpoint, url string, p *testPeers) {
	t.Helper()
	p = &testPeers{services: []string{"echo"}}
	cc, sc := EndpointConfig{Peers: p}, EndpointConfig{Peers: p}
	for _, c := range []*EndpointConfig{&cc, &sc} {
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Key = key
	}
	p.client, p.server = cc.Key.Public().(ed25519.PublicKey), sc.Key.Public().(ed25519.PublicKey)
	if change != nil {
		change(&cc, &sc, p)
	}
	client = newEndpointFor(t, &cc)
	return client, serveEcho(t, newEndpointFor(t, &sc), "tenuto://127.0.0.1:0"), p
}

func newEndpointFor(t *testing.T, cfg *EndpointConfig) *Endpoint {
	t.Helper()
	ep, err := NewEndpoint(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ep.Close() })
	return ep
}

// serveEcho sends back what sessions bring, and returns the URL.
func serveEcho(t *testing.T, ep *Endpoint, listen string) (url string) {
	t.Helper()
	ln, err := ep.Listen(t.Context(), listen, nil)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { ep.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			c, err := NetListener(ln).Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				io.Copy(c, c)
				c.Close()
			})
		}
	})
	return ln.URL()
}

// echo sends a text to the service of that URL and wants it back.
func echo(t *testing.T, ep *Endpoint, url string) error {
	t.Helper()
	s, err := ep.Dial(t.Context(), url, nil)
	if err != nil {
		return err
	}
	c := s.Conn()
	defer c.Close()
	io.WriteString(c, "hello")
	c.CloseWrite()
	if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
		return fmt.Errorf("%q, %w", got, err)
	}
	return nil
}

func TestPeersAreAsked(t *testing.T) {
	client, url, p := secured(t, nil)
	if err := echo(t, client, url+"/echo"); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("verify %[1]s, admit tenuto://127.0.0.1:0 , admit tenuto://127.0.0.1:0 echo", url)
	p.mu.Lock()
	got := strings.Join(p.asked, ", ")
	p.mu.Unlock()
	if got != want {
		t.Errorf("asked %q; want %q", got, want)
	}
	var refused *RefusedError
	if err := echo(t, client, url+"/db"); !errors.As(err, &refused) || !errors.Is(err, ErrNotAdmitted) || !strings.Contains(err.Error(), "not admitted to the service") {
		t.Errorf("a service that is not for this key: %v", err)
	}
}

// Whose key is not admitted hears so from Dial, with the line that would admit it.
func TestNotAdmitted(t *testing.T) {
	client, url, _ := secured(t, func(c, s *EndpointConfig, p *testPeers) { p.client = p.server })
	for range 3 {
		err := echo(t, client, url+"/echo")
		if !errors.Is(err, ErrNotAdmitted) || !strings.Contains(err.Error(), "ed25519 ") {
			t.Fatalf("Dial: %v; want ErrNotAdmitted with the key's line", err)
		}
	}
}

// A key that is struck off the list while its bridge lives is refused at the next attach, and its sessions end.
func TestAdmissionEnds(t *testing.T) {
	client, url, p := secured(t, nil)
	address, cut := relay(t, strings.TrimPrefix(url, "tenuto://"))
	s, err := client.Dial(t.Context(), "tenuto://"+address+"/echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Conn()
	io.WriteString(c, "x")
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.client = p.server
	p.mu.Unlock()
	cut()
	var aborted *AbortError
	if _, err := c.Read(make([]byte, 1)); !errors.As(err, &aborted) || !strings.Contains(err.Error(), "not admitted") {
		t.Errorf("Read: %v; want an abort because the key is not admitted", err)
	}
}

// relay passes TCP connections on to an address, until cut closes those that there are.
func relay(t *testing.T, to string) (address string, cut func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu      sync.Mutex
		conns   []net.Conn
		copying sync.WaitGroup
	)
	cut = func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			c.Close()
		}
		conns = nil
	}
	t.Cleanup(func() { ln.Close(); cut(); copying.Wait() })
	copying.Go(func() {
		for {
			a, err := ln.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, a, b)
			mu.Unlock()
			copying.Go(func() { io.Copy(a, b); a.Close() })
			copying.Go(func() { io.Copy(b, a); b.Close() })
		}
	})
	return ln.Addr().String(), cut
}

func TestWrongServer(t *testing.T) {
	client, url, _ := secured(t, func(c, s *EndpointConfig, p *testPeers) { p.server = p.client })
	if err := echo(t, client, url+"/echo"); err == nil || !strings.Contains(err.Error(), "not the server") {
		t.Errorf("Dial: %v", err)
	}
}

// Without Peers there is nobody to say which keys are right: on carriers that leave the machine nothing is sent.
func TestNobodyDecides(t *testing.T) {
	client, url, p := secured(t, func(c, s *EndpointConfig, p *testPeers) { c.Peers = nil })
	var unknown *UnknownPeerError
	if err := echo(t, client, url+"/echo"); !errors.As(err, &unknown) || unknown.Fingerprint() != identity.Fingerprint(p.server) {
		t.Errorf("Dial: %v; want an UnknownPeerError with the server's fingerprint", err)
	}
	client, url, _ = secured(t, func(c, s *EndpointConfig, p *testPeers) { s.Peers = nil })
	if err := echo(t, client, url+"/echo"); !errors.Is(err, ErrNotAdmitted) {
		t.Errorf("Dial of a server without Peers: %v; want ErrNotAdmitted", err)
	}
}

// TestBindingStripped: one end alone believes that a proxy ends TLS. Their handshakes do not fit.
func TestBindingStripped(t *testing.T) {
	for name, change := range map[string]func(c, s *EndpointConfig, p *testPeers){
		"by the client": func(c, s *EndpointConfig, p *testPeers) { c.NoBinding = true },
		"by the server": func(c, s *EndpointConfig, p *testPeers) { s.NoBinding = true },
	} {
		client, url, _ := secured(t, change)
		if err := echo(t, client, url+"/echo"); err == nil || !strings.Contains(err.Error(), "binding") {
			t.Errorf("%s: %v", name, err)
		}
	}
	client, url, _ := secured(t, func(c, s *EndpointConfig, p *testPeers) { c.NoBinding, s.NoBinding = true, true })
	if err := echo(t, client, url+"/echo"); err != nil {
		t.Errorf("by both: %v", err)
	}
}

// A Unix socket needs no configuration.
func TestUnix(t *testing.T) {
	server, client := newEndpointFor(t, nil), newEndpointFor(t, nil)
	path := filepath.Join(t.TempDir(), "t.sock")
	url := serveEcho(t, server, "tenuto+unix://"+path)
	if want := "tenuto+unix://" + path; url != want {
		t.Errorf("URL %s; want %s", url, want)
	}
	if err := echo(t, client, url+"/echo"); err != nil {
		t.Error(err)
	}
}
