package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func parse(t *testing.T, text string) Target {
	t.Helper()
	target, err := NewRegistry().Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// serve runs a server on the network until the test ends.
func serve(t *testing.T, n *network, s *Server) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(ctx, n.toServer); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// forward runs a Forwarder on a listener of its own and returns the address.
func forward(t *testing.T, n *network, service string) string {
	ln := listenTCP(t)
	f := &Forwarder{Dial: func(ctx context.Context) (Conn, error) { return n.dial(ctx, service) }}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f.Serve(ctx, ln); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return ln.Addr().String()
}

func dial(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return guard(t, c)
}

// wantRefused connects, and wants a reset: during the handshake or after it.
func wantRefused(t *testing.T, address string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err == nil {
		wantReset(t, guard(t, c))
	} else if !isReset(err) {
		t.Errorf("dial: %v; want a reset", err)
	}
}

func TestEcho(t *testing.T) {
	n := newNetwork(t)
	serve(t, n, &Server{Services: map[string]Target{"echo": parse(t, "echo")}})
	c := dial(t, forward(t, n, "echo"))
	text := strings.Repeat("0123456789", 100_000)
	go func() {
		io.WriteString(c, text)
		c.CloseWrite()
	}()
	if got, err := io.ReadAll(c); string(got) != text || err != nil {
		t.Errorf("got %d octets, %v; want %d", len(got), err, len(text))
	}
}

func TestDiscard(t *testing.T) {
	n := newNetwork(t)
	serve(t, n, &Server{Services: map[string]Target{"null": parse(t, "discard")}})
	c := dial(t, forward(t, n, "null"))
	mustWrite(t, c, strings.Repeat("x", 1<<20))
	c.CloseWrite()
	wantEOF(t, c)
}

func TestForwardToTCP(t *testing.T) {
	target := listenTCP(t)
	n := newNetwork(t)
	serve(t, n, &Server{Services: map[string]Target{"db": parse(t, target.Addr().String())}})
	address := forward(t, n, "db")
	for i := range 20 {
		c := dial(t, address)
		mustWrite(t, c, fmt.Sprint("request ", i))
		d, err := target.Accept()
		if err != nil {
			t.Fatal(err)
		}
		db := guard(t, d)
		wantRead(t, db, fmt.Sprint("request ", i))
		mustWrite(t, db, "row")
		db.Close()
		wantRead(t, c, "row")
		wantEOF(t, c)
		c.Close()
	}
}

// A target that refuses is a refused session, and a reset of the application's connection.
func TestRefusedTarget(t *testing.T) {
	gone := listenTCP(t)
	gone.Close()
	n := newNetwork(t)
	serve(t, n, &Server{Services: map[string]Target{"db": parse(t, gone.Addr().String())}})
	if _, err := n.dial(t.Context(), "db"); !errors.Is(err, errRefused) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("dial: %v; want a refusal that says why", err)
	}
	wantRefused(t, forward(t, n, "db"))
}

func TestUnknownService(t *testing.T) {
	n := newNetwork(t)
	serve(t, n, &Server{})
	if _, err := n.dial(t.Context(), "nope"); !errors.Is(err, errRefused) {
		t.Errorf("dial: %v; want a refusal", err)
	}
	wantRefused(t, forward(t, n, "nope"))
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"echo":           "echo",
		"discard":        "discard",
		"unix:/run/x":    "unix:/run/x",
		"localhost:80":   "localhost:80",
		"[::1]:80":       "[::1]:80",
		"echo:7":         "echo:7", // a host of that name
		"host.example:1": "host.example:1",
		"unix:":          "",
		"ech":            "",
		":80":            "",
		"localhost:":     "",
		"":               "",
	} {
		target, err := NewRegistry().Parse(text)
		if (err != nil) != (want == "") || err == nil && target.String() != want {
			t.Errorf("Parse(%q) = %v, %v; want %q", text, target, err, want)
		}
	}
	r := NewRegistry()
	r["recv:"] = func(dir string) (Target, error) { return word{"recv " + dir, discard}, nil }
	if target, err := r.Parse("recv:/tmp"); err != nil || target.String() != "recv /tmp" {
		t.Errorf("a new word: %v, %v", target, err)
	}
}

func TestListenAddresses(t *testing.T) {
	ln, err := Listen(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	if a := ln.Addr().(*net.TCPAddr); !a.IP.IsLoopback() {
		t.Errorf("without a host it listens on %v; want loopback", a)
	}
	if _, err := Listen(t.Context(), ln.Addr().String()); err == nil {
		t.Error("a port in use was taken")
	}
	ln.Close()
	if _, err := Listen(t.Context(), "nonsense"); err == nil {
		t.Error("nonsense was taken")
	}
}

func TestListenOnAnOldSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Skip(err)
	}
	if _, err := Listen(t.Context(), "unix:"+path); err == nil {
		t.Error("a socket that answers was taken over")
	}
	old.SetUnlinkOnClose(false) // as when its process is killed
	old.Close()
	ln, err := Listen(t.Context(), "unix:"+path)
	if err != nil {
		t.Fatalf("a socket left over: %v", err)
	}
	ln.Close()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), "unix:"+path); err == nil {
		t.Error("a file that is no socket was removed")
	}
}
