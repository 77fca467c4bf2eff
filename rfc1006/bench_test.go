package rfc1006

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/tenuto-session/tenuto/transport"
)

// BenchmarkThroughput sends TSDUs one way, and BenchmarkRaw the same octets over TCP alone.
func BenchmarkThroughput(b *testing.B) {
	for _, size := range []int{100, 1 << 10, 16 << 10, 64 << 10, 256 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			tx, rx := pair(b, nil, nil)
			head, data := []byte{1, 0, 1, 0}, make([]byte, size)
			b.SetBytes(int64(size))
			done := make(chan struct{})
			go func() {
				defer close(done)
				buf := make([]byte, 64<<10)
				for n := 0; n < b.N; {
					_, end, err := rx.Receive(transport.Never, buf)
					if err != nil {
						b.Error(err)
						return
					}
					if end {
						n++
					}
				}
			}()
			for range b.N {
				if _, err := tx.Send(transport.Never, head, data, transport.End); err != nil {
					b.Fatal(err)
				}
			}
			<-done
		})
	}
}

// BenchmarkGather is the same with small Sends that may be gathered.
func BenchmarkGather(b *testing.B) {
	const size = 1 << 10
	tx, rx := pair(b, nil, nil)
	head, data := []byte{1, 0, 1, 0}, make([]byte, size)
	b.SetBytes(size)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 64<<10)
		for n, start := 0, true; n < b.N*size; {
			m, end, err := rx.Receive(transport.Never, buf)
			if err != nil {
				b.Error(err)
				return
			}
			if n += m; start {
				n -= len(head)
			}
			start = end
		}
	}()
	for range b.N {
		if _, err := tx.Send(transport.Never, head, data, transport.End|transport.Gather); err != nil {
			b.Fatal(err)
		}
	}
	<-done
}

// BenchmarkRoundTrip sends a small TSDU to and fro.
func BenchmarkRoundTrip(b *testing.B) {
	tx, rx := pair(b, nil, nil)
	data := make([]byte, 64)
	go func() {
		buf := make([]byte, 100)
		for {
			n, _, err := rx.Receive(transport.Never, buf)
			if err != nil {
				return
			}
			rx.Send(transport.Never, nil, buf[:n], transport.End)
		}
	}()
	buf := make([]byte, 100)
	b.ReportAllocs()
	for range b.N {
		tx.Send(transport.Never, nil, data, transport.End)
		if n, end, err := tx.Receive(transport.Never, buf); n != 64 || !end || err != nil {
			b.Fatal(n, end, err)
		}
	}
}

func rawPair(b *testing.B) (tx, rx net.Conn) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	if tx, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		b.Fatal(err)
	}
	if rx, err = ln.Accept(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { tx.Close(); rx.Close() })
	return tx, rx
}

func BenchmarkRaw(b *testing.B) {
	for _, size := range []int{100, 1 << 10, 16 << 10, 64 << 10, 256 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			tx, rx := rawPair(b)
			data := make([]byte, size)
			b.SetBytes(int64(size))
			done := make(chan struct{})
			go func() {
				defer close(done)
				buf := make([]byte, 64<<10)
				for n := 0; n < b.N*size; {
					m, err := rx.Read(buf)
					if err != nil {
						b.Error(err)
						return
					}
					n += m
				}
			}()
			for range b.N {
				if _, err := tx.Write(data); err != nil {
					b.Fatal(err)
				}
			}
			<-done
		})
	}
}

func BenchmarkRawRoundTrip(b *testing.B) {
	tx, rx := rawPair(b)
	data := make([]byte, 64)
	go io.Copy(rx, rx)
	for range b.N {
		tx.Write(data)
		if _, err := io.ReadFull(tx, data); err != nil {
			b.Fatal(err)
		}
	}
}
