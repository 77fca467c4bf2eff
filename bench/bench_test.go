package bench

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"testing"
)

func BenchmarkBulk(b *testing.B)              { bulkAll(b, false) }
func BenchmarkBulkTwoProcesses(b *testing.B)  { bulkAll(b, true) }
func BenchmarkRTT(b *testing.B)               { rttAll(b, false) }
func BenchmarkRTTTwoProcesses(b *testing.B)   { rttAll(b, true) }
func BenchmarkSSDUs(b *testing.B)             { ssdusAll(b, false) }
func BenchmarkSSDUsTwoProcesses(b *testing.B) { ssdusAll(b, true) }
func BenchmarkSetup(b *testing.B)             { setupAll(b, false) }
func BenchmarkSetupTwoProcesses(b *testing.B) { setupAll(b, true) }

var sizes = []struct {
	name   string
	octets int
}{{"1K", 1 << 10}, {"16K", 16 << 10}, {"64K", 64 << 10}, {"256K", 256 << 10}}

// bulkAll measures one direction in writes of a size, until the reader has everything.
func bulkAll(b *testing.B, apart bool) {
	each(b, subjects, apart, func(b *testing.B, c client) {
		s := open(b, c, serveBulk)
		for _, size := range sizes {
			b.Run(size.name, func(b *testing.B) { bulkOf(b, s, size.octets) })
		}
	})
}

// ssdusAll measures one direction in SSDUs of 64 KiB.
func ssdusAll(b *testing.B, apart bool) {
	each(b, ssduSubjects, apart, func(b *testing.B, c client) { bulkOf(b, open(b, c, serveBulk), 64<<10) })
}

func bulkOf(b *testing.B, s net.Conn, octets int) {
	buf := make([]byte, octets)
	b.SetBytes(int64(octets))
	b.ResetTimer()
	if err := sendBulk(s, buf, b.N); err != nil {
		b.Fatal(err)
	}
}

func sendBulk(s net.Conn, buf []byte, times int) error {
	count := binary.BigEndian.AppendUint64(nil, uint64(len(buf))*uint64(times))
	if _, err := s.Write(count); err != nil {
		return err
	}
	for range times {
		if _, err := s.Write(buf); err != nil {
			return err
		}
	}
	_, err := io.ReadFull(s, count[:1])
	return err
}

// rttAll measures 1 and 64 octets to and fro.
func rttAll(b *testing.B, apart bool) {
	each(b, subjects, apart, func(b *testing.B, c client) {
		s := open(b, c, serveEcho)
		var buf [64]byte
		if _, err := s.Read(buf[:1]); err != nil {
			b.Fatal(err)
		}
		for _, size := range []int{1, len(buf)} {
			b.Run(fmt.Sprint(size), func(b *testing.B) {
				for range b.N {
					if err := pingPong(s, buf[:size]); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

func pingPong(s net.Conn, buf []byte) error {
	if _, err := s.Write(buf); err != nil {
		return err
	}
	_, err := io.ReadFull(s, buf)
	return err
}

// setupAll measures opening a stream, an octet each way, and closing it.
func setupAll(b *testing.B, apart bool) {
	each(b, subjects, apart, func(b *testing.B, c client) {
		for range b.N {
			if err := setup(c); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func setup(c client) error {
	s, err := c.Open()
	if err != nil {
		return err
	}
	return exchange(s)
}

// each runs measure as a benchmark of every subject, with a client that lasts for all its rounds.
func each(b *testing.B, subjects []entry, apart bool, measure func(*testing.B, client)) {
	for _, s := range subjects {
		c, stop := pair(b, s, apart)
		runtime.GC() // what the one before left is not this one's to collect
		b.Run(s.name, func(b *testing.B) { measure(b, c) })
		stop()
	}
}

func open(tb testing.TB, c client, first byte) net.Conn {
	tb.Helper()
	s, err := c.Open()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	if _, err := s.Write([]byte{first}); err != nil {
		tb.Fatal(err)
	}
	return s
}

// pair starts a server, in this process or in one apart, and connects a client to it; stop ends both.
func pair(tb testing.TB, s entry, apart bool) (c client, stop func()) {
	tb.Helper()
	p := start(tb, s, apart)
	c, err := s.Connect(p.addr)
	if err != nil {
		tb.Fatal(err)
	}
	return c, func() {
		_ = c.Close()
		p.stop()
	}
}

func start(tb testing.TB, s entry, apart bool) process {
	tb.Helper()
	if apart {
		return twoProcesses(tb, s.name)
	}
	return oneProcess(tb, s)
}

// TestSubjects shows that each subject does what the benchmarks take for granted.
func TestSubjects(t *testing.T) {
	for _, s := range slices.Concat(bridgeSubjects(), ssduSubjects[1:]) {
		for _, apart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/apart=%v", s.name, apart), func(t *testing.T) {
				c, stop := pair(t, s, apart)
				t.Cleanup(stop) // after the streams' own
				for range 3 {
					if err := setup(c); err != nil {
						t.Fatal("setup:", err)
					}
				}
				if err := sendBulk(open(t, c, serveBulk), make([]byte, 100_000), 50); err != nil {
					t.Fatal("bulk:", err)
				}
				e := open(t, c, serveEcho)
				var buf [64]byte
				if _, err := e.Read(buf[:1]); err != nil || buf[0] != serveEcho {
					t.Fatal("echo:", buf[0], err)
				}
				copy(buf[:], "held for its full value")
				want := buf
				if err := pingPong(e, buf[:]); err != nil || buf != want {
					t.Fatalf("echo: %q, %v", buf, err)
				}
			})
		}
	}
}

func TestMain(m *testing.M) {
	// quic-go tells how to raise the kernel's limits; we measure what a machine has.
	if err := os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true"); err != nil {
		panic(err)
	}
	if name := os.Getenv(serverEnv); name != "" {
		os.Exit(serveProcess(name))
	}
	os.Exit(m.Run())
}
