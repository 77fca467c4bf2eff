package nsp

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
)

// portIn returns a machine with one link in a state, whose peer is addrA with address 0100.
func portIn(t testing.TB, state State) (*Machine, *Port) {
	t.Helper()
	m := New(Config{}, 2)
	receive := func(hex string) {
		t.Helper()
		hex = strings.ReplaceAll(hex, "L", "0120")
		m.Receive(epoch, addrA, strings.HasPrefix(hex, "!"), octetsOf(t, strings.TrimPrefix(hex, "!")))
	}
	var p *Port
	next := func() {
		for _, ok := m.Next(epoch); ok; _, ok = m.Next(epoch) {
		}
	}
	switch state {
	case StateCR, StateDR, StateDRC, StateCC:
		receive("18 0000 0100 01 02 3302")
		p = m.ports[0x2001]
		next()
	default:
		p = m.Connect(epoch, addrA, nil, Options{})
		next()
	}
	confirm := "28 L 0100 01 02 3302 00"
	switch state {
	case StateDR, StateDRC:
		m.Reject(epoch, p, 0, nil)
	case StateCC:
		m.Accept(epoch, p, nil, Options{})
	case StateNR:
		receive("48 L 0000 0100")
	case StateNC:
		receive("!18 0000 L 01 02 3302")
	case StateCD:
		receive("24 L")
	case StateRJ:
		receive("38 L 0100 0400 00")
	case StateRUN, StateDI, StateDIC, StateDN, StateCN:
		receive(confirm)
	}
	next()
	switch state {
	case StateDRC:
		receive("48 L 0100 2a00")
	case StateDI, StateDIC:
		m.Disconnect(epoch, p, 0, nil)
	case StateDN:
		receive("38 L 0100 0000 00")
	case StateCN:
		receive("48 L 0100 2900")
	}
	next()
	if state == StateDIC {
		receive("48 L 0100 2a00")
	}
	for _, _, ok := m.NextEvent(); ok; _, _, ok = m.NextEvent() {
	}
	if state == StateCL {
		m.Release(p)
	}
	if p.State != state {
		t.Fatalf("%v, want %v", p.State, state)
	}
	return m, p
}

// sweepEvents are the messages that may come for a link, and the times that may pass.
var sweepEvents = []struct{ name, hex string }{
	{"CI", "18 0000 0100 01 02 3302"}, {"RCI", "68 0000 0100 01 02 3302"}, {"CI back", "!18 0000 L 01 02 3302"}, {"CA", "24 L"},
	{"CC", "28 L 0100 01 02 3302 00"}, {"DI", "38 L 0100 0000 00"}, {"DC 1", "48 L 0100 0100"}, {"DC 41", "48 L 0100 2900"},
	{"DC 42", "48 L 0100 2a00"}, {"data", "60 L 0100 0100 61"}, {"data-ack", "04 L 0100 0080"}, {"interrupt", "30 L 0100 0100 61"},
	{"LS", "10 L 0100 0100 00 00"}, {"other-ack", "14 L 0100 0080"}, {"NOP", "08"}, {"data of another", "60 L 0200 0100 61"},
	{"59 s", ""},
}

// waitFor lets time pass, and returns how many messages were sent.
func waitFor(m *Machine, d time.Duration) (sent int) {
	for at := m.NextTimeout(); !at.IsZero() && at.Before(epoch.Add(d)); at = m.NextTimeout() {
		m.Tick(at)
		for _, ok := m.Next(at); ok; _, ok = m.Next(at) {
			sent++
		}
	}
	return sent
}

// TestSweep gives each message to a link in each state, and compares with the table in testdata, which was read row by row against
// (decnet 2.6, 2.7). go test -run TestSweep with TENUTO_REWRITE=1 writes it anew.
func TestSweep(t *testing.T) {
	var b strings.Builder
	b.WriteString("# What comes, the state before, the state after if it is another one, what the user hears, what is sent.\n")
	for _, e := range sweepEvents {
		for s := range stateCount {
			m, p := portIn(t, s)
			now := epoch
			line := fmt.Sprintf("%-16s %-4v ", e.name, s)
			if e.hex == "" {
				line += fmt.Sprintf("(sent %d more) ", waitFor(m, 59*time.Second))
			} else {
				hex := strings.ReplaceAll(e.hex, "L", "0120")
				m.Receive(now, addrA, strings.HasPrefix(hex, "!"), octetsOf(t, strings.TrimPrefix(hex, "!")))
			}
			if p.State != s {
				line += "-> " + p.State.String()
			}
			for q, ev, ok := m.NextEvent(); ok; q, ev, ok = m.NextEvent() {
				line += "; " + eventText(q, ev)
			}
			for k, ok := m.Next(now); ok; k, ok = m.Next(now) {
				msg, err := Parse(k.Message)
				if err != nil {
					t.Fatal(err)
				}
				line += "; " + msg.String()
			}
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	const name = "testdata/sweep.txt"
	if os.Getenv("TENUTO_REWRITE") != "" {
		if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	wants := strings.Split(string(want), "\n")
	for i, line := range strings.Split(b.String(), "\n") {
		if i >= len(wants) || line != wants[i] {
			t.Errorf("line %d:\n%s", i+1, line)
		}
	}
}

// FuzzMachine feeds a machine any messages, in each state: it does not panic, says only what can be parsed, and holds no more than it may.
func FuzzMachine(f *testing.F) {
	var all []byte
	for _, e := range sweepEvents {
		if e.hex != "" {
			b := octetsOf(f, strings.ReplaceAll(strings.TrimPrefix(e.hex, "!"), "L", "0120"))
			all = append(append(all, byte(len(b))), b...)
		}
	}
	for s := range uint8(stateCount) {
		f.Add(s, all)
	}
	f.Fuzz(func(t *testing.T, state uint8, b []byte) {
		m, p := portIn(t, State(state%uint8(stateCount)))
		now := epoch
		for len(b) > 1 {
			n := min(int(b[0]), len(b)-1)
			from := addrA
			if b[0] == 0xff {
				from = addrB
			}
			m.Receive(now, from, b[0]&0x80 != 0, b[1:1+n])
			b = b[1+n:]
			switch {
			case p.State == StateCR && n&1 == 0:
				m.Accept(now, p, nil, Options{Flow: FlowControl(n >> 1 % 3)})
			case p.State == StateRUN && !p.Closing:
				m.Write(now, p, []byte("hello"), n&1 == 0)
				m.Interrupt(now, p, []byte("x"))
				m.Read(p, make([]byte, n))
			}
			now = now.Add(time.Duration(n) * 50 * time.Millisecond)
			m.Tick(now)
			for k, ok := m.Next(now); ok; k, ok = m.Next(now) {
				if _, err := Parse(k.Message); err != nil {
					t.Fatal(err)
				}
			}
			for _, _, ok := m.NextEvent(); ok; _, _, ok = m.NextEvent() {
			}
			if err := (&simEnd{m: m}).check(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A link address is not given away again until all others were.
func TestAddresses(t *testing.T) {
	m := New(Config{Links: 3}, 7)
	seen := map[uint16]bool{}
	var last *Port
	for i := range 12 {
		p := m.Connect(epoch, addrA, nil, Options{})
		if p == nil || p.Local == 0 || seen[p.Local] {
			t.Fatalf("connection %d: %+v", i, p)
		}
		seen[p.Local] = true
		if last != nil {
			m.Release(last)
		}
		last = p
	}
	for range 2 {
		if m.Connect(epoch, addrA, nil, Options{}) == nil {
			t.Fatal("no address")
		}
	}
	if m.Connect(epoch, addrA, nil, Options{}) != nil {
		t.Error("a fourth link of three")
	}
}

// A round trip is estimated for a node, as the fact sheet has the formula, and bounded.
func TestRoundTrip(t *testing.T) {
	m := New(Config{}, 1)
	if d := m.timeout(addrA); d != 2*time.Second {
		t.Errorf("first timeout %v", d)
	}
	m.measured(addrA, 2*time.Second)
	m.measured(addrA, 4*time.Second)
	if d, ok := m.RoundTrip(addrA); d != 2500*time.Millisecond || !ok {
		t.Errorf("estimate %v; want 2s + (4s - 2s)/4", d)
	}
	if d := m.timeout(addrA); d != 5*time.Second {
		t.Errorf("timeout %v", d)
	}
	m.measured(addrB, time.Millisecond)
	if d := m.timeout(addrB); d != time.Second {
		t.Errorf("least timeout %v", d)
	}
	for i := range 2000 {
		m.measured(decnet.Addr(i+1), time.Minute)
	}
	if d := m.timeout(decnet.Addr(2000)); d != 10*time.Second || len(m.nodes) > maxNodes {
		t.Errorf("most timeout %v, %d nodes", d, len(m.nodes))
	}
}

// Numbers go around: 4096 segments and more.
func TestNumbersGoAround(t *testing.T) {
	m, p := portIn(t, StateRUN)
	for i := range 5000 {
		if n, err := m.Write(epoch, p, []byte("x"), true); n != 1 || err != nil {
			t.Fatal(i, n, err)
		}
		k, _ := m.Next(epoch)
		msg, err := Parse(k.Message)
		if want := uint16((i + 1) % 4096); err != nil || msg.Number != want {
			t.Fatalf("%v, %v; want number %d", &msg, err, want)
		}
		in := Message{Type: BOM | EOM, Dst: p.Local, Src: p.Remote, Acks: [2]Ack{{true, QualAck, msg.Number}}, Number: msg.Number, Data: []byte("y")}
		b, err := in.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		m.Receive(epoch, addrA, false, b)
		if n := m.Read(p, make([]byte, 9)); n != 1 {
			t.Fatalf("segment %d: read %d", i, n)
		}
		m.Next(epoch) // the acknowledgement
	}
	if c := m.Counters; c.Duplicates+c.BadAcks+c.Early > 0 {
		t.Errorf("%+v", c)
	}
}

// The data path allocates nothing.
func TestAllocations(t *testing.T) {
	m, p := portIn(t, StateRUN)
	data, read := make([]byte, 500), make([]byte, 1000)
	in := Message{Type: BOM | EOM, Dst: p.Local, Src: p.Remote, Data: data}
	var b []byte
	number := uint16(0)
	step := func() {
		number = (number + 1) % 4096
		m.Write(epoch, p, data, true)
		m.Next(epoch)
		in.Acks[0], in.Number = Ack{true, QualAck, number}, number
		b, _ = in.AppendBinary(b[:0])
		m.Receive(epoch, addrA, false, b)
		m.Read(p, read)
		m.Next(epoch)
		for _, _, ok := m.NextEvent(); ok; _, _, ok = m.NextEvent() {
		}
	}
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
