package multinet

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"net"
	"testing"

	"github.com/tenuto-session/tenuto/decnet/link"
	"github.com/tenuto-session/tenuto/decnet/link/linktest"
)

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
		linktest.Run(t, func(t *testing.T) (a, b link.Link) { return udpPair(t) })
	})
}

// freePort finds a UDP port that is free.
func freePort(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

func udpPair(t *testing.T) (a, b link.Link) {
	t.Helper()
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
}

func octetsOf(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What goes over TCP is what was captured (decnet 6.1); octets may come in any pieces, and an empty packet is none.
func TestStream(t *testing.T) {
	ln, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	raw, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	c, err := ln.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, second := octetsOf(t, "0101040340020200000f0000"), octetsOf(t, "02010402040024f025")
	if err := c.Send([]link.Packet{{Data: first}, {Data: second}}); err != nil {
		t.Fatal(err)
	}
	wire := octetsOf(t, "0c0000000101040340020200000f000009000000"+"02010402040024f025")
	got := make([]byte, len(wire))
	if _, err := io.ReadFull(raw, got); err != nil || !bytes.Equal(got, wire) {
		t.Fatalf("% x, %v", got, err)
	}
	wire = append([]byte{0, 0, 0, 0}, wire...)
	go func() {
		for i := range wire {
			raw.Write(wire[i : i+1])
		}
		raw.Close()
	}()
	var all [][]byte
	for {
		ps, err := c.Receive()
		if err != nil {
			break
		}
		for _, p := range ps {
			all = append(all, bytes.Clone(p.Data))
		}
	}
	if len(all) != 2 || !bytes.Equal(all[0], first) || !bytes.Equal(all[1], second) {
		t.Errorf("% x", all)
	}
}

// Datagrams count, and only those of the neighbour are taken.
func TestDatagrams(t *testing.T) {
	peer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	stranger, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	l, err := Datagrams("127.0.0.1:0", peer.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := l.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send([]link.Packet{{Data: []byte("a")}, {Data: []byte("b")}}); err != nil {
		t.Fatal(err)
	}
	var from net.Addr
	for _, want := range []string{"\x00\x00\x00\x00a", "\x01\x00\x00\x00b"} {
		b := make([]byte, 100)
		n, addr, err := peer.ReadFrom(b)
		if err != nil || string(b[:n]) != want {
			t.Fatalf("% x, %v", b[:n], err)
		}
		from = addr
	}
	for _, d := range []struct {
		c net.PacketConn
		b string
	}{{stranger, "\x00\x00\x00\x00bad"}, {peer, "\x00\x00\x00\x00"}, {peer, "\x00"}, {peer, "\x09\x00\x00\x00good"}} {
		if _, err := d.c.WriteTo([]byte(d.b), from); err != nil {
			t.Fatal(err)
		}
	}
	ps, err := c.Receive()
	if err != nil || len(ps) != 1 || string(ps[0].Data) != "good" {
		t.Errorf("%q, %v", ps, err)
	}
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
	l, err := Connect(freePort(t))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := l.Open(context.Background()); err == nil {
		t.Errorf("%v: nobody listens", c)
	}
}
