package tcp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/url"
	"runtime"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/carriertest"
	"github.com/tenuto-session/tenuto/carrier/internal/socket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCarrier(t *testing.T) {
	carriertest.Run(t, &Network{}, "tenuto+tcp://127.0.0.1:0")
}

func TestCarrierIPv6(t *testing.T) {
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 loopback")
	}
	ln.Close()
	carriertest.Run(t, &Network{}, "tenuto+tcp://[::1]:0")
}

func pair(t *testing.T) (near, far carrier.Conn) {
	t.Helper()
	nw := &Network{}
	ln, err := nw.Listen(t.Context(), &url.URL{Scheme: Scheme, Host: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	near, err = nw.Dial(t.Context(), &url.URL{Scheme: Scheme, Host: ln.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	far, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

func TestPlaintextStaysOnLoopback(t *testing.T) {
	for _, host := range []string{"192.0.2.1:7225", "[2001:db8::1]:7225", "0.0.0.0:0", ":0", "[::]:0", "[::ffff:192.0.2.1]:1"} {
		u := &url.URL{Scheme: Scheme, Host: host}
		if _, err := (&Network{}).Listen(t.Context(), u); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("listen %s: %v; want ErrNotLoopback", host, err)
		}
	}
	for _, host := range []string{"192.0.2.1:7225", "[2001:db8::1]:7225", "192.0.2.1"} {
		u := &url.URL{Scheme: Scheme, Host: host}
		if _, err := (&Network{}).Dial(t.Context(), u); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("dial %s: %v; want ErrNotLoopback", host, err)
		}
	}
}

func TestAllowAnywhere(t *testing.T) {
	nw := &Network{AllowAnywhere: true}
	ln, err := nw.Listen(t.Context(), &url.URL{Scheme: Scheme, Host: ":0"})
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
}

func TestLocal(t *testing.T) {
	near, far := pair(t)
	if !near.Features().Local || !far.Features().Local {
		t.Error("a carrier on loopback is not local")
	}
	for _, a := range []net.Addr{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, &net.TCPAddr{}, &net.UnixAddr{}} {
		if isLoopback(a) {
			t.Errorf("%v is loopback", a)
		}
	}
}

func TestURL(t *testing.T) {
	for in, want := range map[string]string{
		"tenuto+tcp://127.0.0.1/":     "127.0.0.1:7225",
		"tenuto+tcp://[::1]:9":        "[::1]:9",
		"tenuto+tcp://:7":             ":7",
		"tenuto+tcp://[fe80::1%25lo]": "[fe80::1%lo]:7225",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := hostPort(u); got != want || err != nil {
			t.Errorf("hostPort(%s) = %s, %v; want %s", in, got, err, want)
		}
	}
	for _, u := range []*url.URL{{Scheme: "tenuto", Host: "x"}, {Scheme: Scheme, Host: "x", Path: "/a"}, {Scheme: Scheme, Host: "x", RawQuery: "mode=660"}} {
		if addr, err := hostPort(u); err == nil {
			t.Errorf("hostPort(%s) = %s; want an error", u, addr)
		}
	}
}

func TestWriteAndReadAllocateNothing(t *testing.T) {
	near, far := pair(t)
	bufs := [][]byte{bytes.Repeat([]byte("h"), 12), bytes.Repeat([]byte("p"), 5000), []byte("t")}
	in := make([]byte, 12+5000+1)
	for name, write := range map[string]func(...[]byte) (int, error){"TryWrite": near.TryWrite, "Write": near.Write} {
		if name == "TryWrite" && !socket.CanTryWrite {
			continue
		}
		for slices := 1; slices <= len(bufs); slices++ {
			got := testing.AllocsPerRun(200, func() {
				n, err := write(bufs[:slices]...)
				if err != nil || n == 0 {
					t.Fatalf("%s = %d, %v", name, n, err)
				}
				for n > 0 {
					k, err := far.Read(in[:n])
					if err != nil {
						t.Fatal(err)
					}
					n -= k
				}
			})
			if got != 0 {
				t.Errorf("%s of %d slices and Read: %v allocations; want 0", name, slices, got)
			}
		}
	}
}

func TestErrorsAreTold(t *testing.T) {
	near, far := pair(t)
	if _, err := near.Write([]byte("unread")); err != nil {
		t.Fatal(err)
	}
	far.Close() // with octets unread, which is a reset
	if _, err := near.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) && runtime.GOOS != "windows" {
		t.Errorf("Read after a reset: %v; want ECONNRESET", err)
	}
	if !socket.CanTryWrite {
		return
	}
	_, err := near.TryWrite([]byte("x"))
	if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "write" || !errors.Is(err, syscall.EPIPE) {
		t.Errorf("TryWrite after a reset: %v; want EPIPE in a net.OpError", err)
	}
	near.Close()
	if _, err := near.TryWrite([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("TryWrite after Close: %v; want net.ErrClosed", err)
	}
	if _, err := near.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Close: %v; want net.ErrClosed", err)
	}
}

// An orderly end at the peer is an io.EOF.
func TestCloseIsEOF(t *testing.T) {
	near, far := pair(t)
	far.Close()
	if _, err := near.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("Read: %v; want io.EOF", err)
	}
}
