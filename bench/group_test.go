package bench

import (
	"context"
	"encoding/binary"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto"
	tcpcarrier "github.com/tenuto-session/tenuto/carrier/tcp"
	"github.com/tenuto-session/tenuto/group"
	"github.com/tenuto-session/tenuto/group/playout"
)

const (
	groupStreams = 64
	groupRate    = 1000 // units a second of each stream
	groupUnit    = 160  // octets
	groupDelay   = 50 * time.Millisecond
	groupTime    = 3 * time.Second // measured
	groupPath    = 10 * time.Millisecond
)

// BenchmarkMerge measures what a unit costs in the machine of a group of 64 streams, from its coming to its being handed up.
func BenchmarkMerge(b *testing.B) {
	b.Run("playout", func(b *testing.B) {
		m := playout.New(playout.Config{Rate: playout.Nanoseconds, Delay: groupDelay, MaxSkew: 40 * time.Millisecond, Buffer: 1 << 20})
		for n := range groupStreams {
			if err := m.Join(n, true); err != nil {
				b.Fatal(err)
			}
			if err := m.Start(0, n, 0, 0); err != nil {
				b.Fatal(err)
			}
		}
		const apart = time.Second / groupRate / groupStreams
		unit := make([]byte, groupUnit)
		var now time.Duration
		handed, n := 0, 0
		step := func() {
			if err := m.Unit(now, n%groupStreams, int64(now), append(m.Buffer(n%groupStreams), unit...)); err != nil {
				b.Fatal(err)
			}
			n++
			now += apart
			for _, ok := m.Next(now); ok; _, ok = m.Next(now) {
				handed++
			}
		}
		for range 2 * groupStreams * int(groupDelay*groupRate/time.Second) {
			step() // until the delay is full
		}
		m.Events()
		handed = 0
		b.ReportAllocs()
		for b.Loop() {
			step()
		}
		if handed < b.N*9/10 {
			b.Fatalf("%d of %d units were handed up", handed, b.N)
		}
	})
}

// BenchmarkGroup measures groups on TCP on loopback, both ends in one process: 64 streams on one core, and 8 streams of a hundred units a second
// through a path of 1 MB/s with a round trip of 20 ms, each on a bridge. Late is what comes after the delay has passed: from Send to Next, less the
// playout delay. No unit may be lost.
func BenchmarkGroup(b *testing.B) {
	b.Run("streams/64", func(b *testing.B) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		runGroup(b, groupStreams, groupRate, false)
	})
	b.Run("path/8", func(b *testing.B) { runGroup(b, 8, 100, true) })
}

func runGroup(b *testing.B, streams, rate int, far bool) {
	network := &tcpcarrier.Network{}
	server := purgeEndpoint(b, endpointConfig(1, anyHost{network, "127.0.0.1:0"}))
	ln, err := server.Listen(b.Context(), anyHostScheme+"://here", nil)
	if err != nil {
		b.Fatal(err)
	}
	addr := ln.Addr().String()
	if far {
		p, err := newPath(addr, purgeRate, groupPath)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = p.Close() })
		addr = p.Addr().String()
	}
	client := purgeEndpoint(b, endpointConfig(0, anyHost{network, addr}))
	for range b.N {
		var cpu time.Duration
		late := groupOnce(b, ln, client, streams, rate, &cpu)
		slices.Sort(late)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(100*cpu.Seconds()/groupTime.Seconds(), "%cpu")
		b.ReportMetric(late[len(late)/2].Seconds()*1e3, "ms-late-p50")
		b.ReportMetric(late[len(late)*99/100].Seconds()*1e3, "ms-late-p99")
		b.ReportMetric(late[len(late)-1].Seconds()*1e3, "ms-late-max")
	}
}

// groupOnce has a group run for groupTime, and returns how late each unit was.
func groupOnce(b *testing.B, ln *tenuto.Listener, client *tenuto.Endpoint, streams, rate int, cpu *time.Duration) (late []time.Duration) {
	id := group.ID{1}
	rcv, err := group.NewReceiver(&group.ReceiverConfig{Group: id, Rate: group.Nanoseconds, Delay: groupDelay})
	if err != nil {
		b.Fatal(err)
	}
	defer rcv.Close()
	var running sync.WaitGroup
	defer running.Wait()
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	running.Go(func() { _ = rcv.Serve(ctx, ln) })
	snd, err := group.NewSender(&group.SenderConfig{Group: id, Rate: group.Nanoseconds})
	if err != nil {
		b.Fatal(err)
	}
	defer snd.Close()
	joined := make([]*group.Stream, streams)
	for n := range joined {
		joined[n], err = snd.Join(ctx, func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
			return client.Dial(ctx, anyHostScheme+"://shared/group", cfg)
		}, group.Member{Stream: n, Essential: true})
		if err != nil {
			b.Fatal(err)
		}
	}
	begin := time.Now()
	before, err := cpuTime()
	if err != nil {
		b.Skip(err)
	}
	total := int(groupTime.Seconds()) * rate
	running.Go(func() { sendGroup(b, ctx, joined, begin, rate, total) })
	late = make([]time.Duration, 0, total*streams)
	for range total * streams {
		u, err := rcv.Next(ctx)
		if err != nil {
			b.Fatal(err)
		}
		sent := time.Duration(binary.BigEndian.Uint64(u.Data))
		late = append(late, time.Since(begin)-sent-groupDelay)
	}
	after, err := cpuTime()
	if err != nil {
		b.Fatal(err)
	}
	*cpu = after - before
	for _, s := range rcv.Stats().Streams {
		if s.Late > 0 || s.Resyncs > 0 {
			b.Fatalf("%+v", s)
		}
	}
	return late
}

// sendGroup sends a unit of each stream at a time, and a mark with each tenth.
func sendGroup(b *testing.B, ctx context.Context, streams []*group.Stream, begin time.Time, rate, total int) {
	unit := make([]byte, groupUnit)
	for i := range total {
		due := time.Duration(i+1) * time.Second / time.Duration(rate)
		<-time.After(due - time.Since(begin))
		for _, st := range streams {
			binary.BigEndian.PutUint64(unit, uint64(time.Since(begin)))
			err := st.Send(ctx, int64(due), unit)
			if err == nil && i%10 == 0 {
				err = st.Mark(ctx, int64(due))
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	}
	for _, st := range streams { // or the last ones would wait for more
		if err := st.Mark(ctx, int64(time.Hour)); err != nil {
			b.Error(err)
		}
	}
}
