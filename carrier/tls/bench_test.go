package tls

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"
)

// barePair returns the two ends of a connection of crypto/tls with our configuration.
func barePair(t testing.TB, nw *Network) (near, far *tls.Conn) {
	t.Helper()
	if err := nw.prepare(); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	shaken := make(chan error)
	go func() {
		c, err := ln.Accept()
		if err == nil {
			far = tls.Server(c, nw.server)
			err = far.Handshake()
		}
		shaken <- err
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near = tls.Client(c, nw.client)
	if err := near.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// BenchmarkWrite is the claim that a carrier is no slower than crypto/tls alone.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		payload := make([]byte, size)
		b.Run(fmt.Sprintf("bare/%dK", size>>10), func(b *testing.B) {
			near, far := barePair(b, &Network{})
			stream(b, far, size, func() (int, error) { return near.Write(payload) })
		})
		b.Run(fmt.Sprintf("carrier/%dK", size>>10), func(b *testing.B) {
			near, far := pair(b, &Network{})
			stream(b, far, size, func() (int, error) { return near.Write(payload) })
		})
		// As an endpoint writes: without waiting at first, a header before each payload, two of them at a time.
		b.Run(fmt.Sprintf("frames/%dK", size>>10), func(b *testing.B) {
			near, far := pair(b, &Network{})
			head := make([]byte, 16)
			bufs := [][]byte{head, payload, head, payload}
			total := 2 * (len(head) + size)
			stream(b, far, total, func() (int, error) {
				n, err := near.TryWrite(bufs...)
				if err != nil || n == total {
					return n, err
				}
				var rest [4][]byte
				left := rest[:0]
				for _, p := range bufs {
					k := min(n, len(p))
					n -= k
					left = append(left, p[k:])
				}
				return near.Write(left...)
			})
		})
	}
}

// stream calls write again and again, and counts it when the other end has read what was written.
func stream(b *testing.B, far io.Reader, size int, write func() (int, error)) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	done := make(chan error)
	total := b.N * size
	go func() {
		in := make([]byte, 64<<10)
		for got := 0; got < total; {
			n, err := far.Read(in)
			if err != nil {
				done <- err
				return
			}
			got += n
		}
		done <- nil
	}()
	b.ResetTimer()
	for range b.N {
		if _, err := write(); err != nil {
			b.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// BenchmarkHandshake is what a new carrier costs, both ends together.
func BenchmarkHandshake(b *testing.B) {
	nw := &Network{}
	for b.Loop() {
		near, far := barePair(b, nw)
		near.NetConn().Close()
		far.NetConn().Close()
	}
}
