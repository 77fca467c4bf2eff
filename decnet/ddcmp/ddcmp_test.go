package ddcmp

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func octetsOf(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// codecTable has the messages that were captured (decnet 6.6), and those of 4.2.
var codecTable = []struct{ hex, want string }{
	{"0506c00000017595", "STRT"},
	{"0507c00000014855", "STACK"},
	{"050100000001fc55", "ACK(resp=0)"},
	{"050100010001ad95", "ACK(resp=1)"},
	{"810c00000101ce40 0102040340020200000f0000 b54f", "DATA(num=1, resp=0, 12 octets)"},
	{"810c00000101ce40 0101040340020200000f0000 ba0b", "DATA(num=1, resp=0, 12 octets)"},
	{"811b00010201eb73 0a0204010400180000760f01023302001901000654455354455200 e21c", "DATA(num=2, resp=1, 27 octets)"},
}

func TestCodec(t *testing.T) {
	for _, row := range codecTable {
		b := octetsOf(t, row.hex)
		m, n, ok, damaged := Scan(b)
		if !ok || n != len(b) || damaged != 0 || m.String() != row.want {
			t.Errorf("%s: %v, %d, %v, %d; want %s", row.hex, &m, n, ok, damaged, row.want)
			continue
		}
		if again := m.Append(nil); !bytes.Equal(again, b) {
			t.Errorf("%s: came back as %x", row.hex, again)
		}
		for n := range len(b) {
			if m, _, ok, _ := Scan(b[:n]); ok {
				t.Errorf("%s: %d octets are taken for %v", row.hex, n, &m)
			}
		}
	}
	for _, m := range []Message{{Kind: KindNak, Reason: 3, Resp: 7}, {Kind: KindRep, Num: 9}, {Kind: KindMaint, Data: []byte("boot")},
		{Kind: KindData, Num: 255, Resp: 255, Data: make([]byte, MaxData)}} {
		got, n, ok, damaged := Scan(m.Append(nil))
		if !ok || damaged != 0 || n != len(m.Append(nil)) || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", m) {
			t.Errorf("%v came back as %v, %v, %d", &m, &got, ok, damaged)
		}
	}
}

// Between messages there may be anything: it is passed over until a header is right.
func TestScan(t *testing.T) {
	start, ack := octetsOf(t, "0506c00000017595"), octetsOf(t, "050100000001fc55")
	data := (&Message{Kind: KindData, Num: 1, Data: []byte("hello")}).Append(nil)
	m, n, ok, damaged := Scan(append([]byte{0x96, 0x96, 0xff, 0x05, 0x81}, start...))
	if !ok || n != 13 || m.Kind != KindStart || damaged != 0 {
		t.Errorf("%v %d %v %d", &m, n, ok, damaged)
	}
	bad := bytes.Clone(data)
	bad[len(bad)-3] ^= 1
	if m, n, ok, damaged := Scan(append(bad, ack...)); !ok || n != len(bad) || damaged != nakData || m.Data != nil {
		t.Errorf("wrong data: %v %d %v %d", &m, n, ok, damaged)
	}
	bad = bytes.Clone(data)
	bad[4] ^= 1
	if m, _, ok, _ := Scan(append(bad, ack...)); !ok || m.Kind != KindAck {
		t.Errorf("wrong header: %v %v", &m, ok)
	}
	if _, n, ok, _ := Scan([]byte{0x96, 0xff, 0x96}); ok || n != 3 {
		t.Errorf("%d octets of nothing are taken, %v", n, ok)
	}
}

// exchange gives one machine what the other says.
func exchange(now time.Time, from, to *Machine) (got [][]byte) {
	b := from.Out
	from.Out = nil
	for {
		m, n, ok, damaged := Scan(b)
		b = b[n:]
		if !ok {
			return got
		}
		if d := to.Receive(now, &m, damaged); d != nil {
			got = append(got, bytes.Clone(d))
		}
	}
}

// The start that was captured, byte for byte.
func TestStart(t *testing.T) {
	a, b := NewMachine(epoch), NewMachine(epoch)
	var wire string
	step := func(name string, from, to *Machine) {
		wire += name + hex.EncodeToString(from.Out) + "\n"
		exchange(epoch, from, to)
	}
	step("A ", a, b)
	step("B ", b, a)
	step("A ", a, b)
	step("B ", b, a)
	want := "A 0506c00000017595\nB 0506c000000175950507c00000014855\nA 0507c00000014855050100000001fc55\nB 050100000001fc55\n"
	if wire != want || a.State != Running || b.State != Running {
		t.Errorf("%v, %v:\n%swant\n%s", a.State, b.State, wire, want)
	}
	// One end begins anew: the other is told by STRT.
	a = NewMachine(epoch)
	if exchange(epoch, a, b); b.State != Over || b.Cause == "" {
		t.Errorf("%v after STRT", b.State)
	}
}

func simSeeds(t *testing.T) uint64 {
	n := uint64(100)
	if v := os.Getenv("TENUTO_SEEDS"); v != "" {
		var err error
		if n, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestSimulation joins two machines by a line that loses and spoils octets: all data arrive once and in order, or the line is over.
func TestSimulation(t *testing.T) {
	var whole, over, octets int
	for seed := range simSeeds(t) {
		rng := rand.New(rand.NewPCG(seed, 1))
		now := epoch
		ends := [2]*Machine{NewMachine(now), NewMachine(now)}
		var wire [2][]byte // to each
		var sent, got [2]int
		bad := 2 + rng.IntN(40)
		for step := 0; step < 5000 && ends[0].State != Over && ends[1].State != Over; step++ {
			if step > 3000 {
				bad = 1 << 30 // the line is good again
			}
			for i, m := range ends {
				for m.Room() > 0 && sent[i] < 300 && rng.IntN(3) == 0 {
					m.Send(now, fmt.Appendf(nil, "%d message %d", i, sent[i]))
					sent[i]++
				}
				for _, o := range m.Out {
					if rng.IntN(bad*20) == 0 {
						continue
					}
					if rng.IntN(bad*20) == 0 {
						o ^= 1 << rng.IntN(8)
					}
					wire[1-i] = append(wire[1-i], o)
				}
				m.Out = nil
				for {
					msg, n, ok, damaged := Scan(wire[i])
					wire[i] = wire[i][n:]
					if !ok {
						break
					}
					if d := m.Receive(now, &msg, damaged); d != nil {
						if want := fmt.Sprintf("%d message %d", 1-i, got[i]); string(d) != want {
							t.Fatalf("seed %d: got %q, want %q", seed, d, want)
						}
						got[i]++
						octets += len(d)
					}
				}
				m.Acknowledge()
				if len(m.waiting) > Window {
					t.Fatalf("seed %d: %d messages are under way", seed, len(m.waiting))
				}
			}
			now = now.Add(300 * time.Millisecond)
			for i, m := range ends {
				m.Tick(now)
				if len(wire[i]) > 0 && rng.IntN(10) == 0 && len(wire[i]) > MaxData {
					wire[i] = nil // the rest of a message that a wrong length has asked for never comes
				}
			}
		}
		if ends[0].State == Over || ends[1].State == Over {
			over++
			continue
		}
		if whole++; sent != [2]int{got[1], got[0]} {
			t.Fatalf("seed %d: sent %v, got %v", seed, sent, got)
		}
	}
	t.Logf("%d whole, %d over, %d octets", whole, over, octets)
	if whole == 0 {
		t.Error("no line has lived")
	}
}

// FuzzScan: no panic, progress, and what was found comes back.
func FuzzScan(f *testing.F) {
	for _, row := range codecTable {
		f.Add(octetsOf(f, row.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a := NewMachine(epoch)
		a.State = Running
		for len(b) > 0 {
			m, n, ok, damaged := Scan(b)
			if n < 0 || n > len(b) || ok && n == 0 {
				t.Fatalf("%d of %d octets", n, len(b))
			}
			if !ok {
				return
			}
			if damaged == 0 {
				if again, _, ok, d := Scan(m.Append(nil)); kindNames[m.Kind] != "" && (!ok || d != 0 || again.Kind != m.Kind || !bytes.Equal(again.Data, m.Data)) {
					t.Fatalf("%v came back as %v", &m, &again)
				}
			}
			a.Receive(epoch, &m, damaged)
			a.Out = nil
			b = b[n:]
		}
	})
}
