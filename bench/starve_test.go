package bench

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
	tcpcarrier "github.com/tenuto-session/tenuto/carrier/tcp"
)

// BenchmarkStarve measures what an honest stream keeps of its throughput beside a hostile peer of the same server, who has a key and
// a bridge of its own. The stream sends in writes of 64 KiB; at least 0.9 is asked for.
//
// In turns it is measured alone, beside the hostile peer, and with the hostile peer at another endpoint of the same process, where it
// costs the same processor time and can do no other harm:
//
//   - ratio is what is kept beside the hostile peer, of what the stream has alone.
//   - ratio-elsewhere is what is kept with the hostile peer elsewhere. What this lacks to 1 is the price of the hostile
//     peer's own work and of what is done for it: all is in one process, and the processors are shared.
//   - ratio-protocol is the former by the latter: what the protocol and the server's limits let it take away.
//
// Who never reads or never acknowledges costs no processor time once everything is full. Streams and attaches cost some; they come a thousand
// a second.
func BenchmarkStarve(b *testing.B) {
	for _, h := range hostiles {
		b.Run(h.name, func(b *testing.B) { starve(b, h) })
	}
}

const (
	starveOctets = 192 << 20 // of one measurement
	warmOctets   = 32 << 20  // before each
	starveRounds = 5         // of the three measurements, in one step of the benchmark
)

func starve(b *testing.B, h hostile) {
	network := &tcpcarrier.Network{}
	addr, elsewhere := starveServer(b, network), starveServer(b, network)
	c, err := tenutoOver{network}.Connect(addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	s := open(b, c, serveBulk)
	beside := func(addr string) time.Duration {
		stop, err := h.start(network, addr)
		if err != nil {
			b.Fatal(err)
		}
		defer stop()
		return honest(b, s)
	}
	var kept, keptElsewhere []float64
	b.ResetTimer()
	for range b.N * starveRounds {
		alone := honest(b, s)
		kept = append(kept, float64(alone)/float64(beside(addr)))
		keptElsewhere = append(keptElsewhere, float64(alone)/float64(beside(elsewhere)))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middle(kept), "ratio")
	b.ReportMetric(middle(keptElsewhere), "ratio-elsewhere")
	b.ReportMetric(middle(kept)/middle(keptElsewhere), "ratio-protocol")
}

// honest tells how long the stream takes, once it has its buffers: it has lost them if it was silent before.
func honest(b *testing.B, s net.Conn) time.Duration {
	buf := make([]byte, 64<<10)
	var begin time.Time
	for _, octets := range []int{warmOctets, starveOctets} {
		begin = time.Now()
		if err := sendBulk(s, buf, octets/len(buf)); err != nil {
			b.Fatal("the honest stream: ", err)
		}
	}
	return time.Since(begin)
}

// starveServer is a server with the limits that endpoints have by themselves, but for the number of streams, which is reached sooner.
func starveServer(b *testing.B, network carrier.Network) (addr string) {
	cfg := endpointConfig(1, nil)
	cfg.Limits = tenuto.Limits{Streams: starveStreams}
	srv, err := tenutoOver{network}.listen(cfg, serve)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = srv.Close() })
	return srv.Addr()
}

func middle(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return s[len(s)/2]
}
