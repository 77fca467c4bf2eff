package bench

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// BenchmarkIdle measures what is held for each pair of ends that is open and idle: bridges (connections) with one session
// (stream) on each, and sessions on one bridge. Who uses them holds no buffer and no goroutine; what a library's way of use asks for is
// counted, such as the goroutine that waits for the streams of each connection. Each is measured in a process of its own.
func BenchmarkIdle(b *testing.B) { idleAll(b, false, 1000, 5000) }

// BenchmarkIdleTwoProcesses measures the same with the ends in two processes each time, whose figures are added.
func BenchmarkIdleTwoProcesses(b *testing.B) { idleAll(b, true, 10_000) }

// settleTime is longer than all that the subjects do by themselves after the last octet: a bridge gives its buffers back a second after
// something last happened on it.
const settleTime = 4500 * time.Millisecond

func idleAll(b *testing.B, apart bool, counts ...int) {
	for _, s := range subjects {
		b.Run(s.name, func(b *testing.B) {
			each := func(form string, counts []int, measure func(b *testing.B, n int)) {
				for _, n := range counts {
					b.Run(fmt.Sprint(form, "/", n), func(b *testing.B) {
						inOwnProcess(b, func(b *testing.B) { measure(b, n) })
					})
				}
			}
			each("bridges", counts, func(b *testing.B, n int) { idleBridges(b, s, apart, n) })
			if !s.muxed {
				return // a stream is a connection, and has been measured
			}
			each("streams", counts, func(b *testing.B, n int) { idleStreams(b, s, apart, n) })
			// Parked bridges have no carrier, so that it is all one which they had.
			if ps, ok := s.subject.(parks); ok && !apart && s.name == "tenuto-tcp" {
				each("parked", []int{parkedCount}, func(b *testing.B, n int) { idleParked(b, s, ps, n) })
			}
		})
	}
}

func idleBridges(b *testing.B, s entry, apart bool, n int) {
	ends := 2 * n
	if apart {
		ends = n
	}
	if err := wantFiles(uint64(ends + 256)); err != nil {
		b.Skip(err)
	}
	for range b.N {
		p := start(b, s, apart)
		open, stop := apartOpener(b, s, p.addr)
		reportIdle(b, p, n, open, settle)
		stop()
		p.stop()
	}
}

func idleStreams(b *testing.B, s entry, apart bool, n int) {
	for range b.N {
		p := start(b, s, apart)
		c, err := s.Connect(p.addr)
		if err != nil {
			b.Fatal(err)
		}
		reportIdle(b, p, n, func(int) (net.Conn, error) { return c.Open() }, settle)
		_ = c.Close()
		p.stop()
	}
}

// parkedCount is how many bridges, with one session on each, are parked at a time.
const parkedCount = 100_000

func idleParked(b *testing.B, s entry, ps parks, n int) {
	if err := wantFiles(20_000); err != nil { // those that are not parked yet
		b.Skip(err)
	}
	for range b.N {
		p := start(b, s, false)
		c, err := ps.ConnectParking(p.addr)
		if err != nil {
			b.Fatal(err)
		}
		reportIdle(b, p, n, c.OpenApart, func(count int) { awaitParked(b, c, count) })
		_ = c.Close()
		p.stop()
	}
}

func awaitParked(b *testing.B, c parking, count int) {
	settle(count)
	for end := time.Now().Add(time.Minute); c.Parked() < count; settle(count) {
		if time.Now().After(end) {
			b.Fatalf("%d of %d bridges are parked", c.Parked(), count)
		}
	}
}

// apartOpener returns what opens streams each on a connection of its own.
func apartOpener(tb testing.TB, s entry, addr string) (open func(i int) (net.Conn, error), stop func()) {
	tb.Helper()
	c, err := s.Connect(addr)
	if err != nil {
		tb.Fatal(err)
	}
	stop = func() { _ = c.Close() }
	if a, ok := c.(apart); ok {
		return a.OpenApart, stop
	}
	if !s.muxed {
		return func(int) (net.Conn, error) { return c.Open() }, stop
	}
	return func(int) (net.Conn, error) {
		own, err := s.Connect(addr)
		if err != nil {
			return nil, err
		}
		conn, err := own.Open()
		if err != nil {
			_ = own.Close()
			return nil, err
		}
		return withClient{conn, own}, nil
	}, stop
}

// withClient is a stream that closes its connection when it is closed.
type withClient struct {
	net.Conn
	client client
}

func (w withClient) Close() error {
	_ = w.Conn.Close()
	return w.client.Close()
}

// reportIdle opens n streams, and reports what each pair of ends holds. The first one is not counted: what is there once for all is not
// any pair's. settle waits until that many streams are as they stay.
func reportIdle(b *testing.B, p process, n int, open func(i int) (net.Conn, error), settle func(count int)) {
	conns := make([]net.Conn, 0, n+1)
	defer func() {
		// At the same time: some wait until the other end has heard of it, which is lazy where nobody reads.
		var closing sync.WaitGroup
		for _, c := range conns {
			closing.Go(func() { _ = c.Close() })
		}
		closing.Wait()
	}()
	var before usage
	for i := range n + 1 {
		c, err := open(i)
		if err != nil {
			b.Fatalf("number %d: %v", i+1, err)
		}
		conns = append(conns, c)
		if err := leaveIdle(c); err != nil {
			b.Fatalf("number %d: %v", i+1, err)
		}
		if i == 0 {
			settle(1)
			before = bothHold(b, p)
		}
	}
	settle(n + 1)
	each := bothHold(b, p).minus(before)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(each.live)/float64(n), "B-live/pair")
	b.ReportMetric(float64(each.heap)/float64(n), "B-heap/pair")
	b.ReportMetric(float64(each.stack)/float64(n), "B-stack/pair")
	b.ReportMetric(float64(each.goroutines)/float64(n), "goroutines/pair")
}

func leaveIdle(c net.Conn) error {
	octet := [1]byte{serveIdle}
	if _, err := c.Write(octet[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(c, octet[:])
	return err
}

func settle(int) { <-time.After(settleTime) }

// bothHold adds up what the processes hold.
func bothHold(b *testing.B, p process) usage {
	other, err := p.usage()
	if err != nil {
		b.Fatal("the server did not say what it holds: ", err)
	}
	return held().plus(other)
}
