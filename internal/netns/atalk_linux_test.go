package netns

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/ethertalk"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/ltoudp"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/appletalk/router"
)

// openIn opens a link in a host.
func openIn(t *testing.T, h host, open func() (link.Link, error)) (l link.Link) {
	t.Helper()
	if err := h.in(func() (err error) { l, err = open(); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func ethernet(t *testing.T, h host, name string) link.Link {
	t.Helper()
	return openIn(t, h, func() (link.Link, error) { return ethertalk.Open("ethertalk://" + name) })
}

func loopback(t *testing.T, h host) link.Link {
	t.Helper()
	return openIn(t, h, func() (link.Link, error) { return ltoudp.Open("ltoudp://lo") })
}

// TestAppleTalk has two routers on an Ethernet, one of which learns it, each with LocalTalk on a host of its own behind it, and nodes on
// all of them. One node is on the Ethernet interface of its router.
func TestAppleTalk(t *testing.T) {
	h, names := newCable(t, 3)
	l := newHosts(t, nil)
	far := l.near // only its loopback is used: the second router has a link in each of two hosts
	far.ip(t, "link", "set", "lo", "up")
	ctx, cancel := context.WithTimeout(t.Context(), 2*maxEvent)
	defer cancel()

	seed := router.PortConfig{Range: ddp.Range{First: 3, Last: 5}, Zones: []string{"Office", "Third"}}
	home := router.PortConfig{Range: ddp.Range{First: 1, Last: 1}, Zones: []string{"Home"}}
	attic := router.PortConfig{Range: ddp.Range{First: 20, Last: 20}, Zones: []string{"Attic"}}
	for _, ports := range []map[link.Link]router.PortConfig{
		{ethernet(t, h, names[0]): seed, loopback(t, h): home},
		{ethernet(t, h, names[1]): {}, loopback(t, far): attic},
	} {
		r := router.New(router.Config{})
		defer r.Close()
		for l, c := range ports {
			if _, err := r.Add(l, c); err != nil {
				t.Fatal(err)
			}
		}
		l.eventually("a router is up with all it can know", func() bool {
			for _, p := range r.Status().Ports {
				if p.State != router.Up {
					return false
				}
			}
			return true
		})
	}
	var nodes []*node.Node
	for _, at := range []link.Link{loopback(t, h), ethernet(t, h, names[2]), ethernet(t, h, names[0]), loopback(t, far)} {
		n := node.New(at, node.Config{})
		defer n.Close()
		nodes = append(nodes, n)
	}
	for i, n := range nodes {
		l.eventually(fmt.Sprintf("node %d knows all zones", i), func() bool {
			short, cancel := context.WithTimeout(ctx, 15*time.Second)
			defer cancel()
			zones, err := n.Zones(short)
			return err == nil && len(zones) == 4
		})
		s, err := n.Open(0)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Register(ctx, nbp.Entity{Object: fmt.Sprint("Node ", i), Type: "Test", Zone: "*"}, s); err != nil {
			t.Errorf("node %d: %v", i, err)
		}
	}
	for i, n := range nodes {
		for j, zone := range []string{"Home", "Office", "Office", "Attic"} {
			name := nbp.Entity{Object: fmt.Sprint("node ", j), Type: "test", Zone: zone}
			lookup := &node.Lookup{Entity: name, Limit: 1}
			err := n.Do(ctx, lookup)
			found := lookup.Found()
			if err != nil || len(found) != 1 || found[0].Addr.Addr != nodes[j].Status().Addr {
				t.Errorf("node %d finds %v: %v, %v", i, name, found, err)
				continue
			}
			if _, err := n.Ping(ctx, found[0].Addr.Addr, []byte("hello"), 5*time.Second); err != nil {
				t.Errorf("node %d: %v", i, err)
			}
		}
	}
}
