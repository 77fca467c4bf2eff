package netns

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
	decnetether "github.com/tenuto-session/tenuto/decnet/ethernet"
	"github.com/tenuto-session/tenuto/decnet/link"
	"github.com/tenuto-session/tenuto/decnet/link/linktest"
	"github.com/tenuto-session/tenuto/decnet/node"
)

// stations makes Ethernets for two nodes on interfaces that a bridge connects.
func stations(t *testing.T, macs ...decnet.MAC) (links []link.Link) {
	h, names := newCable(t, len(macs))
	for i, name := range names {
		if err := h.in(func() error {
			l, err := decnetether.Interface(macs[i], name)
			if err == nil {
				links = append(links, l)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return links
}

// TestDECnetEthernet runs the suite of links on interfaces that a bridge connects.
func TestDECnetEthernet(t *testing.T) {
	linktest.Run(t, func(t *testing.T) (a, b link.Link) {
		links := stations(t, linktest.MacA, linktest.MacB)
		return links[0], links[1]
	})
}

// TestDECnetNodes: a link between two nodes on an Ethernet, with what is more than one segment.
func TestDECnetNodes(t *testing.T) {
	addrs := []decnet.Addr{decnet.NewAddr(1, 1), decnet.NewAddr(1, 2)}
	var nodes []*node.Node
	for i, l := range stations(t, addrs[0].MAC(), addrs[1].MAC()) {
		n, err := node.New(node.Config{Addr: addrs[i], Circuits: []node.Circuit{{Name: "ETH-0", Link: l}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		nodes = append(nodes, n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ln, err := nodes[1].Listen("200", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if c, err := ln.Accept(); err == nil {
			_, _ = io.Copy(c, c)
			c.Close()
		}
	}()
	if err := nodes[0].AwaitCircuit(ctx); err != nil {
		t.Fatal(err)
	}
	c, err := nodes[0].Dial(ctx, "1.2::200", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want := strings.Repeat("over an Ethernet ", 1000)
	go io.WriteString(c, want)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Error(err)
	}
}
