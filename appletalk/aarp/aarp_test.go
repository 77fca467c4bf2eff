package aarp

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/elap"
	"github.com/tenuto-session/tenuto/appletalk/link"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("hex: %v", err)
	}
	return b
}

var (
	own   = link.Hardware{0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}
	other = link.Hardware{0x08, 0x00, 0x07, 0x01, 0x02, 0x03}
	start = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
)

// codecTable has the probe, the request and the response that were captured.
var codecTable = []struct {
	p        Packet
	str, hex string
}{
	{Packet{Probe, own, ddp.Addr{Net: 4, Node: 236}, link.Hardware{}, ddp.Addr{Net: 4, Node: 236}},
		"AARP(probe, 4.236 02:aa:bb:cc:dd:ee to 4.236 00:00:00:00:00:00)",
		"00 01 80 9b 06 04 00 03 02 aa bb cc dd ee 00 00 04 ec 00 00 00 00 00 00 00 00 04 ec"},
	{Packet{Request, other, ddp.Addr{Net: 4, Node: 77}, link.Hardware{}, ddp.Addr{Net: 4, Node: 236}},
		"AARP(request, 4.77 08:00:07:01:02:03 to 4.236 00:00:00:00:00:00)",
		"00 01 80 9b 06 04 00 01 08 00 07 01 02 03 00 00 04 4d 00 00 00 00 00 00 00 00 04 ec"},
	{Packet{Response, own, ddp.Addr{Net: 4, Node: 236}, other, ddp.Addr{Net: 4, Node: 77}},
		"AARP(response, 4.236 02:aa:bb:cc:dd:ee to 4.77 08:00:07:01:02:03)",
		"00 01 80 9b 06 04 00 02 02 aa bb cc dd ee 00 00 04 ec 08 00 07 01 02 03 00 00 04 4d"},
}

func TestCodec(t *testing.T) {
	for _, row := range codecTable {
		b := octets(t, row.hex)
		p, err := Parse(b)
		if err != nil || p != row.p || p.String() != row.str || !bytes.Equal(p.Append(nil), b) {
			t.Errorf("%s is %v, %v", row.hex, p, err)
		}
		for n := range b {
			if _, err := Parse(b[:n]); err == nil {
				t.Errorf("%d octets parse", n)
			}
		}
		for _, at := range []int{1, 3, 4, 5, 6, 7, 8} {
			wrong := bytes.Clone(b)
			wrong[at] ^= 0x19
			if p, err := Parse(wrong); err == nil {
				t.Errorf("octet %d is %02x: %v", at, wrong[at], p)
			}
		}
	}
}

func newMachine() *Machine { return New(own, rand.New(rand.NewPCG(1, 2))) }

// acquire lets time pass until the machine has an address, while others hold some.
func acquire(t *testing.T, m *Machine, now time.Time, held func(ddp.Addr) bool) (probes int, at time.Time) {
	t.Helper()
	for range 20000 {
		if m.Addr().Node != 0 {
			return probes, now
		}
		now = m.Next()
		m.Tick(now)
		for _, f := range m.Drain() {
			if f.Dst != elap.Broadcast || f.Packet.Function != Probe || f.Packet.Src != f.Packet.Dst {
				t.Fatalf("sent %v to %v", f.Packet, f.Dst)
			}
			probes++
			if held(f.Packet.Dst) {
				m.Handle(now, Packet{Response, other, f.Packet.Dst, own, f.Packet.Dst})
			}
		}
	}
	t.Fatal("no address")
	return 0, now
}

func TestAcquire(t *testing.T) {
	free := func(ddp.Addr) bool { return false }
	m := newMachine()
	m.Acquire(start, ddp.Range{First: 3, Last: 5}, ddp.Addr{Net: 4, Node: 236})
	if n, at := acquire(t, m, start, free); n != Probes || at.Sub(start) != 2*time.Second || m.Addr() != (ddp.Addr{Net: 4, Node: 236}) {
		t.Errorf("%v after %d probes and %v", m.Addr(), n, at.Sub(start))
	}
	m.Acquire(start, ddp.Range{First: 3, Last: 5}, ddp.Addr{Net: 9, Node: 1})
	if acquire(t, m, start, free); !(ddp.Range{First: 3, Last: 5}).Has(m.Addr().Net) {
		t.Errorf("%v is not of the range", m.Addr())
	}
	m.Acquire(start, ddp.Range{First: 7, Last: 7}, ddp.Addr{})
	if acquire(t, m, start, func(a ddp.Addr) bool { return a.Node != 200 }); m.Addr() != (ddp.Addr{Net: 7, Node: 200}) {
		t.Errorf("%v, want the only one that is free", m.Addr())
	}
	m.Acquire(start, ddp.Range{First: 7, Last: 7}, ddp.Addr{})
	all := 0
	_, at := acquire(t, m, start, func(ddp.Addr) bool { all++; return all <= 253 })
	if at.Sub(start) < pause {
		t.Errorf("no address was free, and one is after %v", at.Sub(start))
	}
}

// TestProbing: while probing, nothing is answered, and somebody else's probe of the same address wins.
func TestProbing(t *testing.T) {
	m := newMachine()
	want := ddp.Addr{Net: 3, Node: 9}
	m.Acquire(start, ddp.Range{First: 3, Last: 3}, want)
	m.Tick(start)
	m.Drain()
	m.Handle(start, Packet{Request, other, ddp.Addr{Net: 3, Node: 1}, link.Hardware{}, want})
	m.Handle(start, Packet{Probe, own, want, link.Hardware{}, want}) // our own, come back
	if len(m.Drain()) != 0 || m.candidate != want {
		t.Errorf("candidate %v", m.candidate)
	}
	m.Handle(start, Packet{Probe, other, want, link.Hardware{}, want})
	if m.candidate == want || m.Taken != 1 {
		t.Errorf("candidate %v", m.candidate)
	}
}

func ready(t *testing.T) *Machine {
	m := newMachine()
	m.Acquire(start, ddp.Range{First: 4, Last: 4}, ddp.Addr{Net: 4, Node: 236})
	acquire(t, m, start, func(ddp.Addr) bool { return false })
	return m
}

// TestDefend answers as the captured station does, and for its own address alone.
func TestDefend(t *testing.T) {
	m := ready(t)
	m.Handle(start, codecTable[1].p)
	if out := m.Drain(); len(out) != 1 || out[0].Dst != other || out[0].Packet != codecTable[2].p {
		t.Errorf("answered %v", out)
	}
	m.Handle(start, Packet{Probe, other, m.addr, link.Hardware{}, m.addr})
	if out := m.Drain(); len(out) != 1 || out[0].Packet.Function != Response || out[0].Packet.Src != m.addr {
		t.Errorf("a probe is answered %v", out)
	}
	m.Handle(start, Packet{Request, other, ddp.Addr{Net: 4, Node: 77}, link.Hardware{}, ddp.Addr{Net: 4, Node: 237}})
	m.Handle(start, Packet{Request, other, ddp.Addr{Net: 4, Node: 77}, link.Hardware{}, ddp.Addr{Net: 4, Node: 255}})
	m.Handle(start, Packet{Response, other, m.addr, own, ddp.Addr{Net: 4, Node: 77}})
	if out := m.Drain(); len(out) != 0 || m.Conflicts != 1 {
		t.Errorf("answered %v, with %d conflicts", out, m.Conflicts)
	}
}

func TestResolve(t *testing.T) {
	m := ready(t)
	far := ddp.Addr{Net: 4, Node: 77}
	for _, d := range []string{"one", "two", "three", "four", "five"} {
		if hw, ok := m.Resolve(start, far, []byte(d)); ok {
			t.Fatalf("%v", hw)
		}
	}
	if out := m.Drain(); len(out) != 1 || out[0].Packet != (Packet{Function: Request, SrcHW: own, Src: m.addr, Dst: far}) {
		t.Fatalf("sent %v", out)
	}
	m.Tick(m.Next())
	if out := m.Drain(); len(out) != 1 {
		t.Fatalf("sent %v", out)
	}
	m.Handle(start, Packet{Response, other, far, own, m.addr})
	var got []string
	for _, f := range m.Drain() {
		got = append(got, string(f.Datagram)+f.Dst.String())
	}
	if want := "one@ two@ three@ four@"; strings.Join(got, " ") != strings.ReplaceAll(want, "@", other.String()) || m.Dropped != 1 {
		t.Errorf("sent %q, dropped %d", got, m.Dropped)
	}
	if hw, ok := m.Resolve(start, far, nil); !ok || hw != other || !m.Next().IsZero() {
		t.Errorf("%v, %v, next %v", hw, ok, m.Next())
	}
	// A probe for an address makes it forgotten, and so does time.
	m.Handle(start, Packet{Probe, own, far, link.Hardware{}, far})
	if hw, ok := m.Resolve(start, far, nil); ok {
		t.Errorf("%v after a probe", hw)
	}
	m.Handle(start, Packet{Response, other, far, own, m.addr})
	if hw, ok := m.Resolve(start.Add(entryTime), far, nil); ok {
		t.Errorf("%v after %v", hw, entryTime)
	}
}

func TestUnresolved(t *testing.T) {
	m := ready(t)
	m.Resolve(start, ddp.Addr{Net: 4, Node: 1}, []byte("lost"))
	requests := 0
	for !m.Next().IsZero() {
		m.Tick(m.Next())
		requests += len(m.Drain())
	}
	if requests != requestTries || m.Dropped != 1 {
		t.Errorf("%d requests, %d dropped", requests, m.Dropped)
	}
	for i := range 2 * maxPending {
		m.Resolve(start, ddp.Addr{Net: 5, Node: uint8(i)}, nil)
	}
	if len(m.pending) != maxPending || m.Dropped != 1+maxPending {
		t.Errorf("%d addresses are asked for, %d datagrams dropped", len(m.pending), m.Dropped)
	}
	m.Handle(start, Packet{Response, other, ddp.Addr{Net: 9, Node: 9}, own, m.addr})
	if m.Unasked != 1 || len(m.entries) != 0 {
		t.Errorf("%d unasked responses, %d mappings", m.Unasked, len(m.entries))
	}
}

func FuzzMachine(f *testing.F) {
	var all []byte
	for _, row := range codecTable {
		f.Add(octets(f, row.hex))
		all = append(all, octets(f, row.hex)...)
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, have := range []bool{false, true} {
			m := newMachine()
			m.Acquire(start, ddp.Range{First: 4, Last: 4}, ddp.Addr{Net: 4, Node: 236})
			if have {
				m = ready(t)
			}
			for rest := b; len(rest) >= Size; rest = rest[Size:] {
				p, err := Parse(rest)
				if err != nil {
					continue
				}
				if again := p.Append(nil); again[14] != 0 || again[24] != 0 || len(again) != Size {
					t.Fatalf("% x", again)
				}
				m.Resolve(start, p.Dst, b)
				m.Handle(start, p)
				m.Tick(start)
				for _, f := range m.Drain() {
					if f.Dst.IsZero() {
						t.Fatalf("%v to nobody", f)
					}
				}
			}
			if len(m.entries) > maxEntries || len(m.pending) > maxPending || len(m.tried) > maxTried {
				t.Fatal("limits")
			}
		}
	})
}
