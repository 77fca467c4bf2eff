package ddcmp

import (
	"net"
	"testing"

	"github.com/tenuto-session/tenuto/decnet/link"
	"github.com/tenuto-session/tenuto/decnet/link/linktest"
)

func freePort(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

func TestLink(t *testing.T) {
	t.Run("TCP", func(t *testing.T) {
		linktest.Run(t, func(t *testing.T) (a, b link.Link) {
			ln, err := Listen("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			c, err := Connect(ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			return c, ln
		})
	})
	t.Run("UDP", func(t *testing.T) {
		linktest.Run(t, func(t *testing.T) (a, b link.Link) {
			pa, pb := freePort(t), freePort(t)
			a, err := Datagrams(pa, pb)
			if err != nil {
				t.Fatal(err)
			}
			b, err = Datagrams(pb, pa)
			if err != nil {
				t.Fatal(err)
			}
			return a, b
		})
	})
}

func TestErrors(t *testing.T) {
	if _, err := Connect("nowhere"); err == nil {
		t.Error("an address without a port")
	}
	if _, err := Listen("256.0.0.1:1"); err == nil {
		t.Error("listens at 256.0.0.1")
	}
	if _, err := Datagrams("127.0.0.1:0", "x"); err == nil {
		t.Error("datagrams to x")
	}
}
