package netns

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ethertalk"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/link/linktest"
	"github.com/tenuto-session/tenuto/appletalk/ltoudp"
)

// newCable makes a host with a bridge, and n interfaces that are connected to it.
func newCable(t *testing.T, n int) (h host, names []string) {
	t.Helper()
	l := newHosts(t, nil)
	h = l.near
	h.ip(t, "link", "set", "lo", "up")
	h.ip(t, "link", "add", "cable", "type", "bridge", "mcast_snooping", "0")
	h.ip(t, "link", "set", "cable", "addrgenmode", "none", "up")
	for i := range n {
		name, end := fmt.Sprintf("station%d", i), fmt.Sprintf("end%d", i)
		h.ip(t, "link", "add", name, "type", "veth", "peer", "name", end)
		h.ip(t, "link", "set", end, "master", "cable")
		for _, device := range []string{name, end} {
			h.ip(t, "link", "set", device, "addrgenmode", "none", "up")
		}
		names = append(names, name)
	}
	// What is sent before an interface has a carrier is lost.
	for _, name := range names {
		l.eventually(name+" is up", func() bool {
			return strings.Contains(run(t, "ip", "-n", h.namespace, "link", "show", name), "state UP")
		})
	}
	return h, names
}

// TestEtherTalk runs the suite of links on interfaces that a bridge connects.
func TestEtherTalk(t *testing.T) {
	linktest.Run(t, func(t *testing.T, n int) (links []link.Link) {
		h, names := newCable(t, n)
		for _, name := range names {
			if err := h.in(func() error {
				l, err := ethertalk.Open("ethertalk://" + name)
				if err == nil {
					links = append(links, l)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		return links
	})
}

// TestEtherTalkOneInterface: programs of one host on one interface hear each other.
func TestEtherTalkOneInterface(t *testing.T) {
	h, names := newCable(t, 1)
	var links []*ethertalk.Link
	for range 2 {
		if err := h.in(func() error {
			l, err := ethertalk.Open("ethertalk://" + names[0])
			links = append(links, l)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	want := make([]byte, 60)
	copy(want, "\x09\x00\x07\xff\xff\xff\x08\x00\x07\x01\x02\x03\x00\x08\xaa\xaa\x03\x08\x00\x07\x80\x9b")
	if err := links[0].WriteFrame(want); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, link.MaxFrame)
	defer time.AfterFunc(maxEvent, func() { links[1].Close() }).Stop()
	if n, err := links[1].ReadFrame(got); err != nil || string(got[:n]) != string(want) {
		t.Errorf("read % x, %v", got[:n], err)
	}
	for _, l := range links {
		l.Close()
	}
}

// TestLToUDPInterfaces: on loopback and on all interfaces with multicast at once, others of this host are heard once, whichever they use.
func TestLToUDPInterfaces(t *testing.T) {
	h, names := newCable(t, 2)
	for i, name := range names {
		h.ip(t, "addr", "add", fmt.Sprintf("192.0.2.%d/24", i+1), "dev", name)
	}
	var links []*ltoudp.Link
	for _, url := range []string{"ltoudp://", "ltoudp://", "ltoudp://lo", "ltoudp://station1"} {
		if err := h.in(func() error {
			l, err := ltoudp.Open(url)
			links = append(links, l)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		defer links[len(links)-1].Close()
	}
	if n := len(links[0].Interfaces()); n < 3 {
		t.Fatalf("joined on %v", links[0].Interfaces())
	}
	b := make([]byte, link.MaxFrame)
	for i, from := range links {
		for j := range 3 {
			if err := from.WriteFrame([]byte{byte(i), byte(j), 0x81}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for k, to := range links {
		// What is sent on one interface is heard by those who are on it; what is sent on all, by all. The last two share none.
		var want []string
		for i := range links {
			for j := range 3 {
				if k != i && i+k != 5 {
					want = append(want, fmt.Sprint(i, j))
				}
			}
		}
		late := time.AfterFunc(maxEvent, func() { to.Close() })
		heard := map[string]int{}
		for range want {
			n, err := to.ReadFrame(b)
			if err != nil || n != 3 {
				t.Fatal(n, err)
			}
			heard[fmt.Sprint(b[0], b[1])]++
		}
		late.Stop()
		for _, w := range want {
			if heard[w] != 1 {
				t.Errorf("link %d heard %s %d times", k, w, heard[w])
			}
		}
	}
}
