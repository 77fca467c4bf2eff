package bench

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// BenchmarkBridge measures connections that are new: each is made with all that its handshakes ask for, carries one stream (session)
// with an octet each way, and is closed. Nothing is resumed, and no end waits for the other to close.
//
// What is asked of Tenuto is a rate over TLS of at least 0.8 of bare TLS handshakes. Both include what an application needs before its
// first octet is answered: a TCP connection and a TLS handshake; with Tenuto also the bridge's handshake and S-CONNECT. A bridge's
// handshake proves who both ends are, and a bare TLS handshake here proves nothing: the certificate is not checked. Therefore
// tls-mutual stands beside it, where both ends show an ed25519 key and check the other's, as TLS would be used in a bridge's place.
//
// serial makes one after the other, so that waiting counts; parallel makes four at a time for each processor, which leaves
// nothing but the work. Both ends are in one process: the processors do both ends' work either way.
func BenchmarkBridge(b *testing.B) {
	for _, s := range bridgeSubjects() {
		p := start(b, s, false)
		open, stop := apartOpener(b, s, p.addr)
		var made atomic.Int64
		bridge := func() error {
			c, err := open(int(made.Add(1)))
			if err != nil {
				return err
			}
			return exchange(c)
		}
		b.Run(s.name, func(b *testing.B) {
			b.Run("serial", func(b *testing.B) {
				for range b.N {
					if err := bridge(); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("parallel", func(b *testing.B) {
				b.SetParallelism(4)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := bridge(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		})
		stop()
		p.stop()
	}
}

// exchange sends an octet each way and closes the stream.
func exchange(c net.Conn) error {
	defer c.Close()
	octet := [1]byte{serveOne}
	if _, err := c.Write(octet[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(c, octet[:])
	return err
}
