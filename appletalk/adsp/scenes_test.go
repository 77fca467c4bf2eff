package adsp

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// says compares what has been sent since the last time, one packet for each line, without times.
func (p *pair) says(want string) {
	p.t.Helper()
	var got []string
	for _, line := range p.log {
		_, line, _ = strings.Cut(line, " ")
		got = append(got, strings.NewReplacer("conn=4369, ", "", "conn=8738, ", "", "ADSP(", "", ")", "").Replace(line))
	}
	p.log = nil
	lines := strings.Split(strings.TrimSpace(want), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	if want == "" {
		lines = nil
	}
	if !slices.Equal(got, lines) {
		p.t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

// opened is a pair with an open connection.
func opened(t *testing.T, a, b Config) *pair {
	t.Helper()
	p := newPair(t, a, b)
	p.open()
	p.run(10 * time.Millisecond)
	for _, e := range p.ends {
		if e.m.State() != Established {
			t.Fatal(e.m.State())
		}
	}
	p.log = nil
	return p
}

// lose loses the n-th packet that an end sends from now on.
func (p *pair) lose(from int, ns ...int) {
	n := 0
	p.link = func(who int, _ Packet) []time.Duration {
		if who == from {
			if n++; slices.Contains(ns, n) {
				return nil
			}
		}
		return []time.Duration{time.Millisecond}
	}
}

func TestOpening(t *testing.T) {
	const request, both, ack = "A: first=0, next=0, window=4096, open request, version=0100, to=0, message=0",
		"B: first=0, next=0, window=2048, open request+ack, version=0100, to=4369, message=0",
		"A: first=0, next=0, window=4096, open ack, version=0100, to=8738, message=0"
	const request2, ack2 = "B: first=0, next=0, window=2048, open request, version=0100, to=0, message=0",
		"B: first=0, next=0, window=2048, open ack, version=0100, to=4369, message=0"
	const both2 = "A: first=0, next=0, window=4096, open request+ack, version=0100, to=8738, message=0"
	for _, tt := range []struct {
		name  string
		begin func(p *pair)
		want  []string
	}{
		{"in three steps", func(*pair) {}, []string{request, both, ack}},
		{"the request is lost", func(p *pair) { p.lose(0, 1) }, []string{request, request, both, ack}},
		{"the answer is lost", func(p *pair) { p.lose(1, 1) }, []string{request, both, request, both, both, ack, ack}},
		{"the last step is lost", func(p *pair) { p.lose(0, 2) }, []string{request, both, ack, both, ack}},
		{"both call", func(p *pair) { p.ends[1].m.Open(p.now) }, []string{request, request2, ack, ack2}},
		{"both call, and one is not heard", func(p *pair) { p.ends[1].m.Open(p.now); p.lose(0, 1) },
			[]string{request, request2, ack, both2, request2, both2, ack2, ack2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPair(t, Config{Window: 4096}, Config{Window: 2048})
			tt.begin(p)
			p.open()
			p.run(20 * time.Second)
			if a, b := p.ends[0].m, p.ends[1].m; a.State() != Established || b.State() != Established || a.Remote() != b.ID() || b.Remote() != a.ID() {
				t.Errorf("%v and %v, to %d and %d", a.State(), b.State(), a.Remote(), b.Remote())
			}
			p.says(strings.Join(tt.want, "\n"))
		})
	}
}

func TestNotOpened(t *testing.T) {
	p := newPair(t, Config{Interval: time.Second, Tries: 3}, Config{})
	p.lose(0, 1, 2, 3)
	p.open()
	p.run(10 * time.Second)
	if m := p.ends[0].m; m.Err() != ErrNoAnswer || !m.Over() || len(p.log) != 3 {
		t.Errorf("%v after %d tries", m.Err(), len(p.log))
	}

	m := New(Config{}, 7)
	m.Open(epoch)
	request := m.Drain()[0]
	m.Handle(epoch, Packet{Control: true, Code: OpenDenial, Open: Open{Version, 8, 0}}) // another's
	m.Handle(epoch, Packet{ConnID: 9, Control: true, Code: OpenRequestAck, Open: Open{0x0200, 7, 0}})
	if m.State() != Opening || m.Stray != 2 {
		t.Errorf("%v, %d strays", m.State(), m.Stray)
	}
	m.Handle(epoch, Deny(request))
	if m.Err() != ErrDenied || len(m.Drain()) > 0 {
		t.Error(m.Err())
	}
}

// TestHalfOpen: what comes before the connection is open is void, and is sent again when it is.
func TestHalfOpen(t *testing.T) {
	p := newPair(t, Config{}, Config{})
	p.lose(0, 2)
	p.open()
	p.run(10 * time.Millisecond)
	p.ends[0].write([]byte("early"), true)
	p.ends[0].use(p)
	p.run(100 * time.Millisecond)
	if b := p.ends[1].m; b.State() != Accepting || b.Stray != 1 || b.Readable() {
		t.Errorf("%v, %d strays", b.State(), b.Stray)
	}
	p.run(10 * time.Second)
	p.ends[1].wants(t, p.ends[0].sent)
}

// TestConversation is data, acknowledgments, messages and a close, as the book has them.
func TestConversation(t *testing.T) {
	p := opened(t, Config{Window: 4096}, Config{Window: 2048})
	a := p.ends[0]
	a.write([]byte("hello"), false)
	a.use(p)
	p.run(5 * time.Millisecond)
	a.write([]byte("bye"), true)
	a.use(p)
	p.run(5 * time.Millisecond)
	a.write(nil, true)
	a.use(p)
	p.run(5 * time.Millisecond)
	p.says(`
		A: first=0, next=0, window=4096, ack, data=5
		B: first=0, next=5, window=2048, ack
		A: first=5, next=0, window=4096, ack, EOM, data=3
		B: first=0, next=9, window=2048, ack
		A: first=9, next=0, window=4096, ack, EOM, data=0
		B: first=0, next=10, window=2048, ack`)
	p.ends[1].wants(t, []message2{{[]byte("hellobye"), true}, {nil, true}})
	a.closing = true
	a.use(p)
	p.run(time.Minute)
	p.says("A: first=10, next=0, window=4096, close advice")
	if b := p.ends[1].m; b.Err() != ErrPeer || a.m.Err() != ErrClosed {
		t.Error(a.m.Err(), b.Err())
	}
}

// TestWindow: a closed window is probed, and opens when what has come is read.
func TestWindow(t *testing.T) {
	p := opened(t, Config{}, Config{Window: 1000})
	a, b := p.ends[0], p.ends[1]
	b.slow, b.readAt = time.Millisecond, p.now.Add(time.Minute)
	a.write(make([]byte, 2500), false)
	a.use(p)
	p.run(3 * time.Second)
	p.says(`
		A: first=0, next=0, window=32768, data=572
		A: first=572, next=0, window=32768, ack, data=428
		B: first=0, next=1000, window=0, ack
		A: first=1000, next=0, window=32768, probe
		B: first=0, next=1000, window=0, ack
		A: first=1000, next=0, window=32768, probe
		B: first=0, next=1000, window=0, ack
		A: first=1000, next=0, window=32768, probe
		B: first=0, next=1000, window=0, ack`)
	p.run(2 * time.Minute)
	b.wants(t, a.sent)
}

// TestOutOfSequence: what is missing is asked for once three packets have come behind it, and what has come is not lost.
func TestOutOfSequence(t *testing.T) {
	p := opened(t, Config{}, Config{})
	p.lose(0, 1)
	a := p.ends[0]
	a.write(make([]byte, 5*572), true)
	a.use(p)
	p.run(10 * time.Millisecond)
	p.says(`
		A: first=0, next=0, window=32768, data=572
		A: first=572, next=0, window=32768, data=572
		A: first=1144, next=0, window=32768, data=572
		A: first=1716, next=0, window=32768, data=572
		A: first=2288, next=0, window=32768, ack, EOM, data=572
		B: first=0, next=0, window=32768, retransmit advice
		B: first=0, next=0, window=32768, ack
		A: first=0, next=0, window=32768, data=572
		A: first=572, next=0, window=32768, data=572
		A: first=1144, next=0, window=32768, data=572
		A: first=1716, next=0, window=32768, ack, data=572
		B: first=0, next=2861, window=32768, ack`)
	p.run(ProbeTime + time.Second)
	p.ends[1].wants(t, a.sent)
	if n := len(p.ends[1].m.in.ring); n != 0 {
		t.Errorf("an idle end holds %d octets", n)
	}
}

// TestCloseOutOfSequence: a close advice that comes before the last data waits for them.
func TestCloseOutOfSequence(t *testing.T) {
	m := New(Config{}, 7)
	m.Accept(epoch, Packet{ConnID: 9, Window: 4096, Control: true, Code: OpenRequest, Open: Open{Version: Version}})
	m.Handle(epoch, Packet{ConnID: 9, Window: 4096, Control: true, Code: OpenAck, Open: Open{Version, 7, 0}})
	m.Drain()
	advice := Packet{ConnID: 9, First: 3, Window: 4096, Control: true, Code: CloseAdvice}
	m.Handle(epoch, advice)
	if m.State() != Established || len(m.Drain()) != 1 {
		t.Error("it is taken out of sequence, or not answered")
	}
	m.Handle(epoch, Packet{ConnID: 9, Window: 4096, Data: []byte("abc")})
	m.Handle(epoch, advice)
	b := make([]byte, 9)
	if n, _ := m.Read(b); m.Err() != ErrPeer || string(b[:n]) != "abc" {
		t.Errorf("%v, and %q", m.Err(), b[:n])
	}
}

// TestSilence: an end that has gone is noticed within two minutes, and one that has closed says so when it is asked.
func TestSilence(t *testing.T) {
	p := opened(t, Config{}, Config{})
	p.link = func(int, Packet) []time.Duration { return nil }
	p.run(ProbeTime * (Probes - 1))
	if a := p.ends[0].m; a.State() != Established {
		t.Error(a.Err())
	}
	p.run(ProbeTime + time.Second)
	for _, e := range p.ends {
		if e.m.Err() != ErrSilent || e.m.Err() == nil || !e.m.Over() {
			t.Error(e.m.Err())
		}
	}

	p = opened(t, Config{}, Config{})
	p.lose(0, 1) // the close advice
	p.ends[0].m.Close(p.now)
	p.run(ProbeTime + time.Second)
	p.says(`
		A: first=0, next=0, window=32768, close advice
		B: first=0, next=0, window=32768, probe
		A: first=0, next=0, window=32768, close advice`)
	if b := p.ends[1].m; b.Err() != ErrPeer {
		t.Error(b.Err())
	}
	p.run(5 * time.Minute)
	if a := p.ends[0].m; !a.Over() {
		t.Error("it says so for ever")
	}
}

// TestForwardReset: what was not delivered is void at both ends, once, though packets are lost, and the stream goes on behind it.
func TestForwardReset(t *testing.T) {
	p := opened(t, Config{}, Config{})
	a, b := p.ends[0], p.ends[1]
	b.slow, b.readAt = time.Millisecond, p.now.Add(time.Hour)
	a.m.Write(p.now, []byte("void"), true)
	p.run(5 * time.Millisecond)
	p.log = nil
	p.lose(0, 1)
	if err := a.m.ForwardReset(p.now); err != nil || a.m.Room() != 0 {
		t.Error(err, a.m.Room())
	}
	p.run(time.Second)
	p.says(`
		A: first=5, next=0, window=32768, forward reset
		A: first=5, next=0, window=32768, forward reset
		B: first=0, next=5, window=32768, forward reset ack`)
	if !b.m.TakeReset() || b.m.TakeReset() || b.m.Readable() {
		t.Error("the user does not hear of it, or more than once, or what was sent is still there")
	}
	b.m.Handle(p.now, Packet{ConnID: 0x1111, First: 5, Window: 4096, Control: true, Code: ForwardReset}) // late
	if b.m.TakeReset() || b.m.Drain()[0].Code != ForwardResetAck {
		t.Error("one that is repeated is another, or not answered")
	}
	b.m.Handle(p.now, Packet{ConnID: 0x1111, First: 1 << 20, Window: 4096, Control: true, Code: ForwardReset})
	if b.m.TakeReset() || b.m.in.next != 5 {
		t.Error("one beyond the window counts")
	}
	b.m.Drain()
	b.readAt = p.now
	a.write([]byte("whole"), true)
	a.use(p)
	p.run(time.Second)
	b.wants(t, a.sent)
}

// TestAttention: one message at a time, beside a window that is closed, and none is taken while the one before was not.
func TestAttention(t *testing.T) {
	p := opened(t, Config{}, Config{Window: 16})
	a, b := p.ends[0].m, p.ends[1].m
	a.Write(p.now, make([]byte, 100), false)
	p.run(10 * time.Millisecond)
	for _, bad := range []error{a.Attention(p.now, 0xF000, nil), a.Attention(p.now, 1, make([]byte, MaxAttention+1))} {
		if bad == nil {
			t.Error("what is not allowed is")
		}
	}
	if err := a.Attention(p.now, 7, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := a.Attention(p.now, 8, nil); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	for _, e := range p.ends {
		e.reads = nil // nobody uses the ends but this
	}
	deliver := func() {
		for _, pkt := range a.Drain() {
			b.Handle(p.now, pkt)
		}
		for _, pkt := range b.Drain() {
			a.Handle(p.now, pkt)
		}
	}
	deliver()
	if err := a.Attention(p.now, 8, []byte("second")); err != nil {
		t.Fatal(err)
	}
	deliver()
	if !a.busy {
		t.Error("it is acknowledged, and there is no room for it")
	}
	if code, data, ok := b.TakeAttention(); !ok || code != 7 || string(data) != "first" {
		t.Error(code, data, ok)
	}
	p.now = a.message.at
	a.Tick(p.now)
	deliver()
	if code, data, ok := b.TakeAttention(); !ok || code != 8 || string(data) != "second" || a.busy {
		t.Error(code, data, ok)
	}
	if _, _, ok := b.TakeAttention(); ok {
		t.Error("one more than was sent")
	}
}

// TestHostile: what cannot be is counted, and does no harm.
func TestHostile(t *testing.T) {
	p := opened(t, Config{}, Config{Window: 1000})
	m := p.ends[1].m
	good := Packet{ConnID: 0x1111, Window: 4096, Data: []byte("x")}
	for name, change := range map[string]func(p *Packet){
		"another connection":    func(p *Packet) { p.ConnID++ },
		"beyond the window":     func(p *Packet) { p.First = 1000 },
		"far behind":            func(p *Packet) { p.First = 1 << 31 },
		"before":                func(p *Packet) { p.First = 1<<32 - 100 },
		"acknowledges too much": func(p *Packet) { p.Next, p.First = 1, 5000 },
		"opens another": func(p *Packet) {
			*p = Packet{ConnID: 1, Control: true, Code: OpenRequestAck, Open: Open{Version, 0x2222, 0}}
		},
	} {
		pkt := good
		change(&pkt)
		m.Handle(p.now, pkt)
		m.Drain()
		if m.Readable() || m.State() != Established {
			t.Errorf("%s: it counts", name)
		}
	}
	if m.Stray != 3 {
		t.Errorf("%d strays", m.Stray)
	}
	for i := range uint32(100) { // pieces that leave gaps, up to a bound
		m.Handle(p.now, Packet{ConnID: 0x1111, First: 10 + 2*i, Window: 4096, Data: []byte("y")})
	}
	if len(m.in.spans) != maxSpans {
		t.Errorf("%d pieces are kept", len(m.in.spans))
	}
}

// FuzzMachine feeds an end what anybody may send.
func FuzzMachine(f *testing.F) {
	for i := range vectors {
		f.Add(vectors[i].p.Append(nil), uint32(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, n uint32) {
		m, now := New(Config{Window: int(1 + n%2000)}, 0x2222), epoch
		m.Accept(now, Packet{ConnID: 0x1111, Window: 4096, Control: true, Code: OpenRequest, Open: Open{Version: Version}})
		m.Handle(now, Packet{ConnID: 0x1111, Window: 4096, Control: true, Code: OpenAck, Open: Open{Version, 0x2222, 0}})
		m.Write(now, make([]byte, n%700), n%3 == 0)
		for len(b) > 0 {
			k := min(len(b), 1+int(b[0])%40)
			if p, err := Parse(b[:k]); err == nil {
				m.Handle(now, p)
				if p.ConnID = 0x1111; p.Code != OpenDenial {
					m.Handle(now, p)
				}
			}
			b = b[k:]
			now = now.Add(time.Duration(n%5000) * time.Millisecond)
			m.Tick(now)
			if buf := make([]byte, 1+n%100); n%2 == 0 {
				m.Read(buf)
			}
			if in := &m.in; int(in.next-in.read) > m.cfg.Window || len(in.spans) > maxSpans || len(m.Drain()) > 100 {
				t.Fatalf("%d octets, %d pieces", in.next-in.read, len(in.spans))
			}
		}
	})
}
