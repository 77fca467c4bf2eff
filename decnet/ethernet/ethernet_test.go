package ethernet

import (
	"bytes"
	"encoding/hex"
	"net"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/decnet"
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
	linktest.Run(t, func(t *testing.T) (a, b link.Link) {
		pa, pb := freePort(t), freePort(t)
		la, err := Bridge(linktest.MacA, pa, pb)
		if err != nil {
			t.Fatal(err)
		}
		lb, err := Bridge(linktest.MacB, pb, pa)
		if err != nil {
			t.Fatal(err)
		}
		return la, lb
	})
}

func octetsOf(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Frames that were captured (decnet 6.5); the sender pads with 42, which we do not.
func TestFrame(t *testing.T) {
	packet := octetsOf(t, "2e 0000 aa0004000204 0000 aa0004000104 00 00 00 00 18 0000 3bf8 01 02 3302 0019 01 00 06 544553544552 00")
	frame := octetsOf(t, "aa0004000204 aa0004000104 6003 2a00"+hex.EncodeToString(packet)+"4242")
	a, b := decnet.NewAddr(1, 1).MAC(), decnet.NewAddr(1, 2).MAC()
	dst, src, got, ok := ParseFrame(frame)
	if !ok || dst != b || src != a || !bytes.Equal(got, packet) {
		t.Errorf("%v %v % x %v", dst, src, got, ok)
	}
	copy(frame[len(frame)-2:], []byte{0, 0})
	if got := AppendFrame(nil, b, a, packet); !bytes.Equal(got, frame) {
		t.Errorf("appended % x", got)
	}
	for n := range header + len(packet) {
		if _, _, p, ok := ParseFrame(frame[:n]); ok {
			t.Errorf("%d octets are taken for % x", n, p)
		}
	}
	for _, change := range []struct {
		at int
		to byte
	}{{12, 0x08}, {13, 0x02}, {6, 0xab}, {15, 1}} {
		bad := bytes.Clone(frame)
		bad[change.at] = change.to
		if _, _, p, ok := ParseFrame(bad); ok {
			t.Errorf("octet %d is %02x: taken for % x", change.at, change.to, p)
		}
	}
	frame[14], frame[15] = 0, 0
	if _, _, p, ok := ParseFrame(frame); ok {
		t.Errorf("an empty packet is taken for % x", p)
	}
}

// Only what is for the node is taken: not its own frames, others', or strangers'.
func TestFilter(t *testing.T) {
	bridge, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer bridge.Close()
	l, err := Bridge(linktest.MacA, freePort(t), bridge.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := l.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	routers := decnet.MAC{0xab, 0, 0, 3, 0, 0}
	for _, f := range [][]byte{
		AppendFrame(nil, linktest.MacA, linktest.MacA, []byte("own")),
		AppendFrame(nil, linktest.MacB, linktest.MacB, []byte("another's")),
		AppendFrame(nil, routers, linktest.MacB, []byte("the routers'")),
		AppendFrame(nil, allEndnodes, linktest.MacB, []byte("all")),
		AppendFrame(nil, linktest.MacA, linktest.MacB, []byte("ours")),
	} {
		if _, err := bridge.WriteTo(f, l.sock.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"all", "ours"} {
		ps, err := c.Receive()
		if err != nil || len(ps) != 1 || string(ps[0].Data) != want || ps[0].MAC != linktest.MacB {
			t.Fatalf("%q, %v; want %s", ps, err, want)
		}
	}
}

// FuzzParseFrame: no panic, and what was parsed can be sent and parses to the same.
func FuzzParseFrame(f *testing.F) {
	f.Add(AppendFrame(nil, linktest.MacA, linktest.MacB, []byte("hello")))
	f.Fuzz(func(t *testing.T, b []byte) {
		dst, src, packet, ok := ParseFrame(b)
		if !ok {
			return
		}
		d, s, p, ok := ParseFrame(AppendFrame(nil, dst, src, packet))
		if !ok || d != dst || s != src || !bytes.Equal(p, packet) {
			t.Fatalf("%v %v % x came back as %v %v % x", dst, src, packet, d, s, p)
		}
	})
}
