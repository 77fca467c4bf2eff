package ltoudp

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/link/linktest"
)

// freePort is a port that nobody else uses: the tests are not to hear the emulators of this machine.
func freePort(t testing.TB) uint16 {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

func open(t testing.TB, url string) *Link {
	t.Helper()
	l, err := Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestLink(t *testing.T) {
	linktest.Run(t, func(t *testing.T, n int) (links []link.Link) {
		url := fmt.Sprintf("ltoudp://lo:%d", freePort(t))
		for range n {
			links = append(links, open(t, url))
		}
		return links
	})
}

func TestURL(t *testing.T) {
	for in, want := range map[string]Target{
		"ltoudp://": {"", 1954}, "ltoudp://lo": {"lo", 1954}, "ltoudp://eth0:1955": {"eth0", 1955}, "ltoudp://lo/": {"lo", 1954}, "ltoudp://:7": {"", 7},
		"ltoudp:": {"", 1954}, "udp://lo": {}, "ltoudp://lo:0": {}, "ltoudp://lo:99999": {}, "ltoudp://lo/x": {}, "ltoudp://lo?x": {}, "ltoudp:lo": {}, "ltoudp://a@lo": {},
	} {
		got, err := ParseURL(in)
		if (err != nil) != (want.Port == 0) || err == nil && got != want {
			t.Errorf("%s is %+v, %v", in, got, err)
		}
		if err == nil {
			if again, err := ParseURL(got.String()); err != nil || again != got {
				t.Errorf("%v came back as %v, %v", got, again, err)
			}
		}
	}
	for _, url := range []string{"ltoudp://no-such-interface", "ltoudp://192.0.2.99"} {
		if l, err := Open(url); err == nil {
			l.Close()
			t.Errorf("%s", url)
		}
	}
	byName, byAddress := open(t, fmt.Sprint("ltoudp://lo:", freePort(t))), open(t, fmt.Sprint("ltoudp://127.0.0.1:", freePort(t)))
	if got, want := fmt.Sprint(byAddress.Interfaces()), fmt.Sprint(byName.Interfaces()); got != want {
		t.Errorf("by its address %s, by its name %s", got, want)
	}
}

// TestWire has what is sent: from and to the port, the sender's number in front, for this network alone.
func TestWire(t *testing.T) {
	port := freePort(t)
	url := fmt.Sprintf("ltoudp://lo:%d", port)
	l, peer := open(t, url), open(t, url)
	if err := l.WriteFrame([]byte{0x2a, 0x2a, 0x81}); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	peer.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, from, err := peer.conn.(*net.UDPConn).ReadFromUDPAddrPort(b)
	if err != nil || from.Port() != port {
		t.Fatalf("from %v, %v", from, err)
	}
	want := []byte{byte(l.id >> 24), byte(l.id >> 16), byte(l.id >> 8), byte(l.id), 0x2a, 0x2a, 0x81}
	if !bytes.Equal(b[:n], want) {
		t.Errorf("sent % x, want % x", b[:n], want)
	}
	if ttl, err := l.p.MulticastTTL(); err != nil || ttl != 1 {
		t.Errorf("TTL %d, %v", ttl, err)
	}
	if on, err := l.p.MulticastLoopback(); err != nil || !on {
		t.Errorf("loop %v, %v", on, err)
	}
}

// TestForeign: datagrams that are none of LToUDP are passed over, whoever sends them.
func TestForeign(t *testing.T) {
	port := freePort(t)
	url := fmt.Sprintf("ltoudp://lo:%d", port)
	l, peer := open(t, url), open(t, url)
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
	own := []byte{byte(l.id >> 24), byte(l.id >> 16), byte(l.id >> 8), byte(l.id), 0x2b, 0x2b, 0x81}
	for _, b := range [][]byte{{}, {1, 2, 3, 4, 5, 6}, make([]byte, 608), own} {
		if _, err := c.WriteTo(b, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := peer.WriteFrame([]byte{0x2a, 0x2a, 0x81}); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, link.MaxFrame)
	l.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if n, err := l.ReadFrame(b); err != nil || !bytes.Equal(b[:n], []byte{0x2a, 0x2a, 0x81}) {
		t.Errorf("read % x, %v", b[:n], err)
	}
	l.conn.SetReadDeadline(time.Now())
	if _, err := l.ReadFrame(b); err == nil || errors.Is(err, link.ErrClosed) {
		t.Errorf("nothing is left: %v", err)
	}
}

// TestDoubles: a frame that comes on two interfaces is one, and a frame that was sent twice is two.
func TestDoubles(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		came string // of each copy the interface, in order
		want int
	}{
		{"once on each", "123", 1}, {"twice on each, in turns", "1212", 2}, {"twice on each, in a row", "1122", 2}, {"twice on one", "11", 2},
		{"one interface misses one", "112", 2}, {"three times", "121212", 3},
	} {
		d, passed := newDoubles(), 0
		for _, index := range tt.came {
			if d.pass(now, []byte(tt.name), int(index)) {
				passed++
			}
		}
		if passed != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, passed, tt.want)
		}
		if !d.pass(now.Add(doubleTime), []byte(tt.name), 1) || !d.pass(now, []byte("another"), 1) {
			t.Errorf("%s: what comes later is taken for the same", tt.name)
		}
	}
}

// TestAllInterfaces joins on all that there are, loopback among them; what is heard comes once.
func TestAllInterfaces(t *testing.T) {
	lo := open(t, "ltoudp://lo:"+fmt.Sprint(freePort(t)))
	name := lo.Interfaces()[0]
	target, err := ParseURL(lo.String())
	if err != nil {
		t.Fatal(err)
	}
	all, err := interfaces("")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, i := range all {
		found = found || i.Name == name
	}
	if !found || target.Interface != "lo" {
		t.Errorf("%v has no %s", all, name)
	}
}
