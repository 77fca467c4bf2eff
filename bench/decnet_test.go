package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/mirror"
	"github.com/tenuto-session/tenuto/decnet/multinet"
	"github.com/tenuto-session/tenuto/decnet/node"
	"github.com/tenuto-session/tenuto/decnet/nsp"
	"github.com/tenuto-session/tenuto/decnet/scp"
)

// decnetNodes are two nodes in this process, over Multinet on a TCP connection over loopback.
func decnetNodes(b *testing.B, block int, limits nsp.Config) (near, far *node.Node) {
	b.Helper()
	ln, err := multinet.Listen("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	c, err := multinet.Connect(ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	nodes := [2]*node.Node{}
	for i, l := range []*multinet.Link{c, ln} {
		nodes[i], err = node.New(node.Config{Addr: decnet.NewAddr(1, i+1), NSP: limits, Circuits: []node.Circuit{{Name: "MUL-0", Link: l, BlockSize: block}}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { nodes[i].Close() })
	}
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
	defer cancel()
	if err := errors.Join(nodes[0].AwaitCircuit(ctx), nodes[1].AwaitCircuit(ctx), nodes[1].ServeMirror()); err != nil {
		b.Fatal(err)
	}
	return nodes[0], nodes[1]
}

// BenchmarkDecnetBulk sends messages of 64 KiB over a logical link, in blocks of the size that every DECnet node takes, and of larger ones; and over
// TCP alone.
func BenchmarkDecnetBulk(b *testing.B) {
	message := bytes.Repeat([]byte("x"), 64<<10)
	bulk := func(b *testing.B, from, to net.Conn) {
		done := make(chan error)
		go func() {
			_, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{to}, make([]byte, bufferSize))
			done <- err
		}()
		b.SetBytes(int64(len(message)))
		b.ResetTimer()
		for range b.N {
			if _, err := from.Write(message); err != nil {
				b.Fatal(err)
			}
		}
		from.Close()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.Run("tcp/64K", func(b *testing.B) {
		near, far := tcpPair(b)
		bulk(b, near, far)
	})
	for _, block := range []int{576, 1498, 16384} {
		b.Run(fmt.Sprintf("block-%d/64K", block), func(b *testing.B) {
			a, z := decnetNodes(b, block, nsp.Config{})
			near, far := decnetPair(b, a, z)
			bulk(b, near, far)
		})
	}
}

// decnetPair is a link between two nodes.
func decnetPair(b *testing.B, a, z *node.Node) (near, far net.Conn) {
	b.Helper()
	ln, err := z.Listen("200", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		defer close(accepted)
		if c, err := ln.Accept(); err == nil {
			accepted <- c
		}
	}()
	near, err = a.Dial(b.Context(), "1.2::200", nil)
	if err != nil {
		b.Fatal(err)
	}
	return near, <-accepted
}

func tcpPair(b *testing.B) (near, far net.Conn) {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	if near, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		b.Fatal(err)
	}
	if far, err = ln.Accept(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// BenchmarkDecnetRTT has the loopback mirror send an octet back, and an echo over TCP.
func BenchmarkDecnetRTT(b *testing.B) {
	b.Run("tcp", func(b *testing.B) {
		near, far := tcpPair(b)
		go echo(far, make([]byte, 64))
		var octet [1]byte
		for b.Loop() {
			if _, err := near.Write(octet[:]); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(near, octet[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("mirror", func(b *testing.B) {
		a, _ := decnetNodes(b, 0, nsp.Config{})
		c, err := a.Dial(b.Context(), "1.2::MIRROR", nil)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		for b.Loop() {
			if err := mirror.Loop(b.Context(), c, []byte("x")); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkIdleDecnetCycles connects and disconnects 100,000 times, and reports by how much both nodes have grown.
func BenchmarkIdleDecnetCycles(b *testing.B) {
	b.Run("cycles/100000", func(b *testing.B) {
		a, _ := decnetNodes(b, 0, nsp.Config{})
		cycle := func() {
			c, err := a.Dial(b.Context(), "1.2::MIRROR", nil)
			if err != nil {
				b.Fatal(err)
			}
			c.Close()
		}
		for range 10_000 { // all link addresses have been in use
			cycle()
		}
		before := held()
		start := time.Now()
		const count = 100_000
		for range count {
			cycle()
		}
		spent := time.Since(start)
		grown := held().minus(before)
		b.ReportMetric(float64(spent.Nanoseconds())/count, "ns/cycle")
		b.ReportMetric(float64(grown.live), "B-live-grown")
		b.ReportMetric(float64(grown.heap+grown.stack), "B-held-grown")
		b.ReportMetric(float64(grown.goroutines), "goroutines-grown")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkIdleDecnet measures what 5,000 idle links hold at both ends, over which a message has gone each way. Nobody reads them.
func BenchmarkIdleDecnet(b *testing.B) {
	b.Run("links/5000", func(b *testing.B) {
		const count = 5000
		a, z := decnetNodes(b, 0, nsp.Config{Links: 2 * count})
		ln, err := z.Listen("201", nil)
		if err != nil {
			b.Fatal(err)
		}
		accepted := make(chan net.Conn)
		go func() {
			defer close(accepted)
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				accepted <- c
			}
		}()
		before := held()
		var conns []net.Conn
		message, back := bytes.Repeat([]byte("m"), 1000), make([]byte, 1000)
		for range count {
			near, err := a.Dial(b.Context(), "1.2::201", nil)
			if err != nil {
				b.Fatal(err)
			}
			far := <-accepted
			for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
				if _, err := way[0].Write(message); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(way[1], back); err != nil {
					b.Fatal(err)
				}
			}
			conns = append(conns, near, far)
		}
		settle(count)
		each := held().minus(before)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(each.live)/count, "B-live/pair")
		b.ReportMetric(float64(each.heap+each.stack)/count, "B-held/pair")
		b.ReportMetric(float64(each.heap+each.stack)/(1<<20), "MiB-held")
		b.ReportMetric(float64(each.goroutines)/count, "goroutines/pair")
		for _, c := range conns {
			c.(*scp.Conn).Leave()
		}
		ln.Close()
	})
}
