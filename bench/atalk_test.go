package bench

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/llap"
	"github.com/tenuto-session/tenuto/appletalk/ltoudp"
	"github.com/tenuto-session/tenuto/appletalk/memory"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/appletalk/router"
	"github.com/tenuto-session/tenuto/appletalk/rtmp"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// patienceUp is how long a port may take to come up.
const patienceUp = time.Minute

// upRouter makes a router and waits until all its ports are up.
func upRouter(b *testing.B, links []link.Link, configs []router.PortConfig) *router.Router {
	b.Helper()
	r := router.New(router.Config{Seed: 1})
	b.Cleanup(func() { r.Close() })
	for i, l := range links {
		if _, err := r.Add(l, configs[i]); err != nil {
			b.Fatal(err)
		}
	}
	for late := time.Now().Add(patienceUp); ; {
		up := func(p router.PortStatus) bool { return p.State == router.Up }
		if s := r.Status(); !slices.ContainsFunc(s.Ports, func(p router.PortStatus) bool { return !up(p) }) {
			return r
		}
		if time.Now().After(late) {
			b.Fatal("the ports are not up")
		}
		runtime.Gosched()
	}
}

func network(first, last int, zones ...string) router.PortConfig {
	return router.PortConfig{Range: ddp.Range{First: uint16(first), Last: uint16(last)}, Zones: zones}
}

// BenchmarkAtalkForward is a router between two memory links on one core, with who sends and who receives on the same core: bursts of
// datagrams go in, and each of them comes out. The tables have as many networks as the name says.
func BenchmarkAtalkForward(b *testing.B) {
	for _, networks := range []int{2, 10000} {
		b.Run(fmt.Sprint("tenuto-router/", networks), func(b *testing.B) { forward(b, networks) })
	}
}

func forward(b *testing.B, networks int) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const burst = 256
	near, far := memory.NewCable(link.LocalTalk), memory.NewCable(link.LocalTalk)
	upRouter(b, []link.Link{near.Attach(), far.Attach()}, []router.PortConfig{network(1, 1, "Near"), network(2, 2, "Far")})
	in, out := near.Attach(), far.Attach()
	// Another router tells of the other networks; 0x2A is its node.
	d := rtmp.Data{Sender: ddp.Addr{Net: 2, Node: 0x2A}, Range: ddp.Range{First: 2, Last: 2}}
	for i := 3; i <= networks; i++ {
		d.Tuples = append(d.Tuples, rtmp.Tuple{Range: ddp.Range{First: uint16(i), Last: uint16(i)}, Distance: 0})
	}
	for len(d.Tuples) > 0 {
		data, n := d.Append(nil)
		d.Tuples = d.Tuples[n:]
		g := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Net: 0, Node: 255}, Num: 1}, Src: ddp.Socket{Addr: d.Sender, Num: 1}, Type: ddp.TypeRTMP, Data: data}
		short, err := g.AppendShort([]byte{255, 0x2A, byte(llap.TypeShort)})
		if err != nil {
			b.Fatal(err)
		}
		out.WriteFrame(short)
		runtime.Gosched()
	}
	// Half of the datagrams for nodes on the other link, half through the other router, if it has any.
	var frames [][]byte
	for i := range burst {
		net := uint16(2)
		if networks > 2 && i%2 == 0 {
			net = uint16(3 + i*(networks-3)/burst)
		}
		g := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Net: net, Node: 10}, Num: 200}, Src: ddp.Socket{Addr: ddp.Addr{Net: 1, Node: 42}, Num: 200}, Type: ddp.TypeADSP,
			Data: make([]byte, 64)}
		f, err := g.AppendLong([]byte{254, 42, byte(llap.TypeLong)})
		if err != nil {
			b.Fatal(err)
		}
		frames = append(frames, f)
	}
	buf := make([]byte, link.MaxFrame)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		for _, f := range frames {
			in.WriteFrame(f)
		}
		for n := 0; n < burst; {
			k, err := out.ReadFrame(buf)
			if err != nil {
				b.Fatal(err)
			}
			if llap.Type(buf[2]) == llap.TypeLong && k == llap.HeaderSize+ddp.LongHeader+64 { // not the router's own
				n++
			}
		}
	}
	b.ReportMetric(float64(b.N)*burst/b.Elapsed().Seconds(), "datagrams/s")
}

// BenchmarkAtalkZoneList is a node that asks a router over UDP on loopback for all of 1,000 zones, page by page: alone, and while a memory link
// brings the router 100,000 frames a second that are wrong in all ways.
func BenchmarkAtalkZoneList(b *testing.B) {
	for name, hostile := range map[string]int{"quiet": 0, "hostile": 100000} {
		b.Run("tenuto-router/"+name, func(b *testing.B) { zoneList(b, hostile) })
	}
}

func zoneList(b *testing.B, hostile int) {
	const ports, zones = 4, 250
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	url := fmt.Sprintf("ltoudp://lo:%d", c.LocalAddr().(*net.UDPAddr).Port)
	c.Close()
	l, err := ltoudp.Open(url)
	if err != nil {
		b.Fatal(err)
	}
	bad := memory.NewCable(link.LocalTalk)
	links, configs := []link.Link{l, bad.Attach()}, []router.PortConfig{network(1, 1, "Home"), network(2, 2, "Bad")}
	for i := range ports {
		var names []string
		for j := range zones {
			names = append(names, fmt.Sprintf("Zone %d of cable %d", j, i))
		}
		links, configs = append(links, memory.NewCable(link.EtherTalk).Attach()), append(configs, network(100*(i+1), 100*(i+1)+9, names...))
	}
	upRouter(b, links, configs)
	asks, err := ltoudp.Open(url)
	if err != nil {
		b.Fatal(err)
	}
	n := node.New(asks, node.Config{Seed: 2})
	defer n.Close()
	if err := n.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	stop := flood(bad.Attach(), hostile)
	var took []time.Duration
	b.ResetTimer()
	for range b.N {
		began := time.Now()
		all, err := n.Zones(b.Context())
		if err != nil || len(all) != ports*zones+2 {
			b.Fatalf("%d zones, %v", len(all), err)
		}
		took = append(took, time.Since(began))
	}
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/list")
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
	if hostile > 0 {
		b.ReportMetric(stop(), "hostile/s")
	} else {
		stop()
	}
}

// flood writes so many wrong frames a second to a link, and says how many it were when it is stopped.
func flood(l link.Link, each int) (stop func() float64) {
	frames := [][]byte{
		{0xfe, 0xfe, byte(llap.TypeENQ)},
		{0xfe, 0x2a, 7, 0, 5, 0},
		{0xfe, 0x2a, 1, 0, 0xff, 6, 0x82, 3, 0x40},
		{0xfe, 0x2a, 2, 0, 0x13, 0x12, 0x34, 0, 3, 0, 4, 10, 77, 4, 0x81, 4, 1, 'h', 'e', 'l', 'l', 'o'},
		{0xff, 5, 1, 0, 0x12, 1, 1, 1, 0, 1, 8, 5, 0, 0, 0x82, 0, 4, 0x80, 0, 9, 0x82},
		{0xfe, 5, 1, 0, 0x0d, 6, 6, 6, byte(zip.FunctionReply), 1, 0, 99, 3, 'E', 'v', 'l'},
		{0xfe, 5, 1, 0, 0x12, 2, 2, 2, 0x31, 7, 0, 1, 5, 0xfd, 0, 1, 'A', 1, 'B', 1, 'C'},
		{0xfe, 5, 1, 0, 9, 6, 6, 6, 1, 2, 0, 3},
	}
	done, sent, began := make(chan struct{}), 0, time.Now()
	var running sync.WaitGroup
	if each > 0 {
		running.Go(func() {
			const period = time.Millisecond
			tick := time.NewTicker(period)
			defer tick.Stop()
			for {
				select {
				case <-done:
					return
				case <-tick.C:
				}
				// What is due by now, so that a late tick makes up for it.
				for due := int(time.Since(began).Seconds() * float64(each)); sent < due; sent++ {
					l.WriteFrame(frames[sent%len(frames)])
				}
			}
		})
	}
	return func() float64 {
		close(done)
		running.Wait()
		return float64(sent) / time.Since(began).Seconds()
	}
}

// BenchmarkAtalkTables is what 10,000 networks take, each with a zone of its own with a name of 32 octets: routes and zones.
func BenchmarkAtalkTables(b *testing.B) {
	b.Run("tenuto-router", func(b *testing.B) { inOwnProcess(b, tables) })
}

func tables(b *testing.B) {
	const networks = 10000
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	var routes rtmp.Table
	zones := zip.NewTable()
	for i := range networks {
		r := ddp.Range{First: uint16(1 + i), Last: uint16(1 + i)}
		routes.Update(0, ddp.Addr{Net: 1, Node: 1}, rtmp.Tuple{Range: r, Extended: true, Distance: 1})
		zones.Learn(ddp.Addr{Net: 1, Node: 1}, zones.Add(r, true), zip.Reply{}, []string{fmt.Sprintf("%032d", i)})
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
	runtime.KeepAlive(&routes)
	runtime.KeepAlive(zones)
}
