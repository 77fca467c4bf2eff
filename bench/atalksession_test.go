package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/adsp"
	"github.com/tenuto-session/tenuto/appletalk/asp"
	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/drive"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/ltoudp"
	"github.com/tenuto-session/tenuto/appletalk/memory"
	"github.com/tenuto-session/tenuto/appletalk/node"
)

// readyNodes makes nodes on links, and waits until they are ready.
func readyNodes(b *testing.B, open func() link.Link, n int) (all []*node.Node) {
	b.Helper()
	for i := range n {
		all = append(all, node.New(open(), node.Config{Seed: uint64(i + 1)}))
	}
	b.Cleanup(func() {
		for _, n := range all {
			n.Close()
		}
	})
	for _, n := range all {
		if err := n.Ready(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	return all
}

// loopback opens links of one LocalTalk over UDP.
func loopback(b *testing.B) func() link.Link {
	b.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	url := fmt.Sprintf("ltoudp://lo:%d", c.LocalAddr().(*net.UDPAddr).Port)
	c.Close()
	return func() link.Link {
		l, err := ltoudp.Open(url)
		if err != nil {
			b.Fatal(err)
		}
		return l
	}
}

// BenchmarkAtalkStream is what goes one way between two nodes of one process, over UDP on loopback: datagrams of the size that ADSP's have, of which so many
// are on the way as ADSP may have, and a stream.
func BenchmarkAtalkStream(b *testing.B) {
	n := readyNodes(b, loopback(b), 2)
	b.Run("raw", func(b *testing.B) {
		near, err := n[0].Open(0)
		far, err2 := n[1].Open(0)
		if err := errors.Join(err, err2); err != nil {
			b.Fatal(err)
		}
		defer near.Close()
		defer far.Close()
		const window = adsp.MaxWindow / adsp.MaxData
		credit := make(chan bool, window)
		ctx, stop := context.WithCancel(b.Context())
		defer stop()
		go func() {
			for {
				if _, err := far.Receive(ctx); err != nil {
					return
				}
				<-credit
			}
		}()
		data, to := make([]byte, adsp.HeaderSize+adsp.MaxData), far.Addr()
		b.SetBytes(adsp.MaxData)
		for b.Loop() {
			select {
			case credit <- true:
			case <-time.After(time.Second):
				b.Fatal("datagrams were lost")
			}
			if err := near.Send(to, ddp.TypeADSP, data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("adsp", func(b *testing.B) {
		near, far := streams(b, n)
		go io.Copy(io.Discard, far)
		data := make([]byte, 64*adsp.MaxData)
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := near.Write(data); err != nil {
				b.Fatal(err)
			}
		}
		near.Close()
		<-near.Done()
	})
}

// streams opens a stream between two nodes.
func streams(b *testing.B, n []*node.Node) (near, far *adsp.Conn) {
	b.Helper()
	cfg := adsp.Config{Window: adsp.MaxWindow}
	l, err := adsp.Listen(b.Context(), n[1], "", cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if near, err = adsp.Dial(b.Context(), n[0], l.Addr().String(), cfg); err != nil {
		b.Fatal(err)
	}
	if far, err = l.AcceptContext(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { near.Abort(); far.Abort() })
	return near, far
}

// BenchmarkAtalkTransactions is exactly-once transactions with an answer of one packet, over UDP on loopback, so many at a time as the name says.
func BenchmarkAtalkTransactions(b *testing.B) {
	n := readyNodes(b, loopback(b), 2)
	for _, at := range []int{1, 64} {
		b.Run(fmt.Sprintf("atp/%d", at), func(b *testing.B) {
			server, err := drive.OpenTransactions(n[1], 200)
			if err != nil {
				b.Fatal(err)
			}
			defer server.Close()
			client, err := drive.OpenTransactions(n[0], 0)
			if err != nil {
				b.Fatal(err)
			}
			defer client.Close()
			go func() {
				for {
					in, err := server.Receive(b.Context())
					if err != nil {
						return
					}
					_ = server.Respond(in, []atp.Part{{Data: in.Data}})
				}
			}()
			q := atp.Request{Peer: ddp.Socket{Addr: n[1].Status().Addr, Num: 200}, Data: make([]byte, 64), Responses: 1, XO: true, Interval: time.Second, Tries: 10}
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var all sync.WaitGroup
			for range at {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := client.Request(b.Context(), q); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "transactions/s")
		})
	}
}

// BenchmarkAtalkIdle is what 5,000 sessions of 20 ASP servers hold that nothing happens on, and how many goroutines there are for them.
func BenchmarkAtalkIdle(b *testing.B) {
	b.Run("asp", func(b *testing.B) { inOwnProcess(b, idleSessions) })
}

func idleSessions(b *testing.B) {
	const servers, each = 20, 250
	cable := memory.NewCable(link.LocalTalk)
	n := readyNodes(b, func() link.Link { return cable.Attach() }, 2)
	used := func() (heap int64, goroutines int) {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse), runtime.NumGoroutine()
	}
	client, err := n[0].Open(0)
	if err != nil {
		b.Fatal(err)
	}
	heap, goroutines := used()
	var open sync.WaitGroup
	open.Add(servers * each)
	for range servers {
		l, err := asp.Listen(b.Context(), n[1], "", asp.ServerConfig{PerNode: each}, idleHandler{&open})
		if err != nil {
			b.Fatal(err)
		}
		for i := range each {
			p := atp.Packet{Function: atp.TReq, XO: true, Bitmap: 1, TID: uint16(i), User: [4]byte{byte(asp.OpenSess), byte(1 + i), 1, 0}}
			if err := client.Send(l.Addr(), ddp.TypeATP, p.Append(nil)); err != nil {
				b.Fatal(err)
			}
			if _, err := client.Receive(b.Context()); err != nil { // the answer, which is released
				b.Fatal(err)
			}
			p = atp.Packet{Function: atp.TRel, TID: uint16(i)}
			if err := client.Send(l.Addr(), ddp.TypeATP, p.Append(nil)); err != nil {
				b.Fatal(err)
			}
		}
	}
	open.Wait()
	heap2, goroutines2 := used()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(heap2-heap)/(1<<20), "MiB")
	b.ReportMetric(float64(goroutines2-goroutines), "goroutines")
}

type idleHandler struct{ open *sync.WaitGroup }

func (h idleHandler) Opened(*asp.ServerConn)                        { h.open.Done() }
func (idleHandler) Closed(*asp.ServerConn, error)                   {}
func (idleHandler) Command(*asp.ServerConn, []byte) (int32, []byte) { return 0, nil }
func (idleHandler) Write(*asp.ServerConn, []byte, func(int) ([]byte, error)) (int32, []byte) {
	return 0, nil
}

// BenchmarkAtalkLoss is a stream whose cable loses all for five seconds: how long after them it takes until octets come again.
func BenchmarkAtalkLoss(b *testing.B) { b.Run("adsp", loss) }

func loss(b *testing.B) {
	cable := memory.NewCable(link.LocalTalk)
	n := readyNodes(b, func() link.Link { return cable.Attach() }, 2)
	near, far := streams(b, n)
	var lost atomic.Bool
	cable.Disturb(func([]byte) int {
		if lost.Load() {
			return 0
		}
		return 1
	})
	var came atomic.Int64
	go func() {
		buf := make([]byte, 64<<10)
		for {
			if _, err := far.Read(buf); err != nil {
				return
			}
			came.Store(time.Now().UnixNano())
		}
	}()
	go func() {
		for data := make([]byte, 4096); ; {
			if _, err := near.Write(data); err != nil {
				return
			}
		}
	}()
	var sum time.Duration
	for range b.N {
		time.Sleep(100 * time.Millisecond)
		lost.Store(true)
		time.Sleep(5 * time.Second)
		lost.Store(false)
		back := time.Now()
		for came.Load() < back.UnixNano() {
			time.Sleep(time.Millisecond)
		}
		sum += time.Unix(0, came.Load()).Sub(back)
	}
	b.ReportMetric(float64(sum.Milliseconds())/float64(b.N), "ms-after")
}
