package pap

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

var (
	epoch   = time.Unix(0, 0)
	printer = ddp.Socket{Addr: ddp.Addr{Net: 3, Node: 20}, Num: 130}
)

const (
	jobs = 0x85 // the socket of a printer's connections
	own  = 0xF7 // of a workstation's
)

// A shop is a printer and workstations with a link between them, in simulated time. What the printer reads is in got, by connection.
type shop struct {
	t    *testing.T
	now  time.Time
	l    *Server
	at   []*Machine // at the printer
	from []*Machine // at workstations, of nodes 100 and up
	got  map[*Machine]*job
	air  []flight
	link func(atp.Packet) []time.Duration // when the copies of a packet arrive; nil is 1 ms
	log  []string

	answers []byte // what the printer says when a job has ended
	deaf    bool   // it does not read
}

type job struct {
	b    []byte
	ends []int
	said bool
}

type flight struct {
	at       time.Time
	from, to ddp.Socket
	b        []byte
}

func newShop(t *testing.T, n int) *shop {
	return &shop{t: t, now: epoch, l: NewServer(jobs, n, "idle", 0x100), got: map[*Machine]*job{}}
}

func (s *shop) node(i int) ddp.Socket {
	return ddp.Socket{Addr: ddp.Addr{Net: 3, Node: uint8(100 + i)}, Num: own}
}

// dial adds a workstation that asks for a connection.
func (s *shop) dial(id uint8) *Machine {
	c := Connect(s.now, printer, own, id, 0x20)
	s.from = append(s.from, c)
	return c
}

func (s *shop) send(from ddp.Socket, out []atp.Sending) {
	for _, o := range out {
		delays := []time.Duration{time.Millisecond}
		if s.link != nil {
			delays = s.link(o.Packet)
		}
		b := o.Packet.Append(nil)
		s.log = append(s.log, fmt.Sprintf("%x>%x % x", from.Num, o.To.Num, b))
		for _, d := range delays {
			s.air = append(s.air, flight{s.now.Add(d), from, o.To, b})
		}
	}
}

// work is what the printer does, and all send what is to be sent.
func (s *shop) work() {
	s.send(printer, s.l.Drain())
	for _, c := range s.l.Accepted() {
		s.at = append(s.at, c)
		s.got[c] = &job{}
	}
	for _, c := range s.at {
		j := s.got[c]
		for !s.deaf && c.Readable() {
			b := make([]byte, 700)
			n, eof := c.Read(s.now, b)
			if j.b = append(j.b, b[:n]...); eof {
				j.ends = append(j.ends, len(j.b))
			}
		}
		if s.answers != nil && len(j.ends) > 0 && !j.said && c.IsOpen() {
			j.said = true
			c.Write(s.now, s.answers, true)
		}
		s.send(ddp.Socket{Addr: printer.Addr, Num: jobs}, c.Drain())
	}
	for i, c := range s.from {
		s.send(s.node(i), c.Drain())
	}
}

// run goes on for a time.
func (s *shop) run(d time.Duration) {
	until := s.now.Add(d)
	for steps := 0; ; steps++ {
		if steps > 1_000_000 {
			s.t.Fatal("no end")
		}
		s.work()
		type machine interface {
			Next() time.Time
			Tick(time.Time)
		}
		machines := []machine{s.l}
		for _, c := range append(slices.Clone(s.at), s.from...) {
			machines = append(machines, c)
		}
		var next time.Time
		for _, m := range machines {
			next = earliest(next, m.Next())
		}
		for _, f := range s.air {
			next = earliest(next, f.at)
		}
		if next.IsZero() || next.After(until) {
			s.now = until
			return
		}
		if next.After(s.now) {
			s.now = next
		}
		s.arrive()
		for _, m := range machines {
			if at := m.Next(); !at.IsZero() && !at.After(s.now) {
				m.Tick(s.now)
				if at := m.Next(); !at.IsZero() && !at.After(s.now) {
					s.t.Fatalf("Tick of %T leaves something due at %v", m, s.now)
				}
			}
		}
	}
}

func (s *shop) arrive() {
	var due []flight
	s.air = slices.DeleteFunc(s.air, func(f flight) bool {
		if f.at.After(s.now) {
			return false
		}
		due = append(due, f)
		return true
	})
	for _, f := range due {
		p, err := atp.Parse(bytes.Clone(f.b))
		if err != nil {
			s.t.Fatal(err)
		}
		switch {
		case f.to == printer:
			s.l.Handle(s.now, f.from, p)
		case f.to.Num == jobs:
			for _, c := range s.at {
				if c.Peer().Matches(f.from.Addr) && (p.Function != atp.TReq || p.User[0] == c.ID()) {
					c.Handle(s.now, f.from, p)
				}
			}
		default:
			s.from[f.to.Node-100].Handle(s.now, f.from, p)
		}
	}
}

func (s *shop) says(want string) {
	s.t.Helper()
	lines := strings.Split(strings.TrimSpace(want), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	if !slices.Equal(s.log, lines) {
		s.t.Errorf("got\n%s\nwant\n%s", strings.Join(s.log, "\n"), strings.Join(lines, "\n"))
	}
	s.log = nil
}

// TestConversation is a job as the book has it, octet for octet.
func TestConversation(t *testing.T) {
	s := newShop(t, 1)
	s.answers = []byte("ok")
	c := s.dial(0xa5)
	s.run(10 * time.Millisecond)
	s.says(`
		f7>82 60 01 00 21 a5 01 00 00 f7 08 00 00
		82>f7 90 00 00 21 a5 02 00 00 85 08 00 00 04 69 64 6c 65
		85>f7 40 00 02 01 a5 05 00 00
		85>f7 60 ff 02 02 a5 03 00 01
		f7>82 c0 00 00 21 00 00 00 00
		f7>85 40 00 00 22 a5 05 00 00
		f7>85 60 ff 00 23 a5 03 00 01`)
	if n := c.Write(s.now, []byte("%!PS"), true); n != 4 || c.Status() != "idle" {
		t.Error(n, c.Status())
	}
	s.run(10 * time.Millisecond)
	s.says(`
		f7>85 90 00 02 02 a5 04 01 00 25 21 50 53
		85>f7 c0 00 02 02 00 00 00 00
		85>f7 60 ff 02 03 a5 03 00 02
		85>f7 90 00 00 23 a5 04 01 00 6f 6b
		f7>85 c0 00 00 23 00 00 00 00`)
	b := make([]byte, 10)
	if n, eof := c.Read(s.now, b); string(b[:n]) != "ok" || eof {
		t.Errorf("%q, %v", b[:n], eof)
	}
	if n, eof := c.Read(s.now, b); n != 0 || !eof {
		t.Errorf("%q, %v", b[:n], eof)
	}
	c.Close(s.now)
	s.run(10 * time.Millisecond)
	s.says(`
		f7>85 60 ff 00 24 a5 03 00 02
		f7>85 60 01 00 25 a5 06 00 00
		85>f7 90 00 00 25 a5 07 00 00
		f7>85 c0 00 00 25 00 00 00 00`)
	if at := s.at[0]; c.Err() != ErrClosed || at.Err() != ErrPeer {
		t.Error(c.Err(), at.Err())
	}
	if s.run(time.Hour); !c.Forgotten() || !s.at[0].Forgotten() {
		t.Error("something is remembered for ever")
	}
}

// status asks a printer for its status.
func (s *shop) status(t *testing.T) string {
	t.Helper()
	q := atp.NewRequester(0x24)
	if _, err := q.Begin(s.now, atp.Request{Peer: printer, User: StatusRequest(), Responses: 1, Interval: retryTime, Tries: 1}); err != nil {
		t.Fatal(err)
	}
	s.l.Handle(s.now, s.node(9), q.Drain()[0].Packet)
	tr := q.Handle(s.now, printer, s.l.Drain()[0].Packet)
	got, err := ParseStatus(tr.Parts()[0])
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestBusy: a printer that is busy says so, and of those that have waited meanwhile takes the one that has waited longest.
func TestBusy(t *testing.T) {
	s := newShop(t, 1)
	s.l.SetStatus("status: idle" + strings.Repeat("x", 300))
	if got := s.status(t); !strings.HasPrefix(got, "status: idle") || len(got) != MaxStatus {
		t.Errorf("%q", got)
	}
	s.l.SetStatus("status: busy")
	first := s.dial(1)
	s.run(10 * time.Millisecond)
	long := s.dial(2)
	s.run(20 * time.Second)
	short := s.dial(3)
	s.run(5 * time.Second)
	if !first.IsOpen() || long.IsOpen() || short.IsOpen() || long.Over() || long.Status() != "status: busy" {
		t.Fatal(first.Status(), long.Status(), short.Status())
	}
	first.Close(s.now)
	s.run(10 * time.Second)
	if !long.IsOpen() || short.IsOpen() {
		t.Error("who has waited longest does not come first")
	}
	short.Close(s.now)
	if !short.Over() {
		t.Error("it does not give up")
	}
	if s.run(time.Minute); len(s.at) != 2 {
		t.Errorf("%d connections", len(s.at))
	}
}

func TestErrors(t *testing.T) {
	s := newShop(t, 1)
	s.link = func(atp.Packet) []time.Duration { return nil }
	c := s.dial(1)
	s.run(time.Minute)
	if c.Err() != ErrNoAnswer || !c.Forgotten() || c.Write(s.now, []byte("x"), true) != 0 {
		t.Error(c.Err())
	}

	for name, b := range map[string][]byte{"short": {1, 2, 0}, "socket 0": {0, 8, 0, 0, 0}, "quantum 0": {5, 0, 0, 0, 0}, "status": {5, 8, 0, 0, 5, 'a'}} {
		c := Connect(epoch, printer, own, 7, 0)
		c.Handle(epoch, printer, atp.Packet{Function: atp.TResp, EOM: true, TID: 1, User: user(7, OpenConnReply, 0), Data: b})
		if c.Err() != ErrAnswer {
			t.Errorf("%s: %v", name, c.Err())
		}
	}
	for name, b := range map[string][]byte{"short": {0xf7, 8, 0}, "socket 0": {0, 8, 0, 0}, "quantum 0": {5, 0, 0, 0}} {
		l := NewServer(jobs, 1, "", 0)
		l.Handle(epoch, s.node(0), atp.Packet{Function: atp.TReq, XO: true, Bitmap: 1, TID: 1, User: user(7, OpenConn, 0), Data: b})
		if l.Strays != 1 || len(l.Accepted())+len(l.Drain()) > 0 {
			t.Errorf("%s: it is taken", name)
		}
	}
	if _, err := ParseStatus(atp.Part{User: user(0, Status, 0), Data: []byte{0, 0, 0, 0, 9}}); err == nil {
		t.Error("a status that is cut short")
	}
}

// TestSilence: an end that has gone is noticed, tickles keep a connection alive, and one end's abort reaches the other.
func TestSilence(t *testing.T) {
	s := newShop(t, 1)
	c := s.dial(1)
	s.run(time.Hour)
	if !c.IsOpen() {
		t.Fatal(c.Err())
	}
	s.link = func(atp.Packet) []time.Duration { return nil }
	s.run(ConnTime + TickleTime)
	if at := s.at[0]; c.Err() != ErrSilent || at.Err() != ErrSilent {
		t.Error(c.Err(), at.Err())
	}

	s = newShop(t, 1)
	c = s.dial(1)
	s.deaf = true
	s.run(10 * time.Millisecond)
	written := 0
	for range 10 {
		for c.Room() > 0 {
			written += c.Write(s.now, make([]byte, 1000), false)
		}
		s.run(time.Minute)
	}
	if taken := written - maxWritten; taken < 1 || taken > Quantum*PacketSize {
		t.Errorf("a printer that does not read has taken %d octets", taken)
	}
	c.Abort(s.now)
	s.run(time.Second)
	if at := s.at[0]; c.Err() != ErrClosed || at.Err() != ErrPeer {
		t.Error(c.Err(), at.Err())
	}
}

// TestSequence: a request for data counts if it follows the last one, or has no number.
func TestSequence(t *testing.T) {
	s := newShop(t, 1)
	c := s.dial(1)
	s.run(10 * time.Millisecond)
	c.writeSeq = 65534
	tid := uint16(900)
	for i, tt := range []struct {
		seq  uint16
		want bool
	}{{65534, false}, {0, true}, {2, false}, {65535, true}, {0, true}, {2, false}, {1, true}, {1, false}} {
		tid++
		c.asked = nil
		c.Handle(s.now, s.at[0].Peer(), atp.Packet{}) // of nobody
		c.Handle(s.now, ddp.Socket{Addr: printer.Addr, Num: jobs}, atp.Packet{Function: atp.TReq, XO: true, Bitmap: 0xff, TID: tid, User: user(1, SendData, tt.seq)})
		if (c.asked != nil) != tt.want {
			t.Errorf("request %d with %d: taken is not %v", i, tt.seq, tt.want)
		}
	}
}

// simSeeds is how many seeds run: TENUTO_SEEDS, or 100.
func simSeeds(t *testing.T) int {
	if v := os.Getenv("TENUTO_SEEDS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 100
}

// TestSimulation: over a link that loses, doubles and reorders up to a fifth of the packets, jobs arrive whole, with their ends, and so do answers.
func TestSimulation(t *testing.T) {
	for seed := range simSeeds(t) {
		r := rand.New(rand.NewPCG(uint64(seed), 10))
		s := newShop(t, 2)
		s.answers = []byte("printed")
		bad := r.Float64() / 5
		s.link = func(atp.Packet) (delays []time.Duration) {
			for range 2 {
				d := time.Duration(1+r.IntN(3)) * time.Millisecond
				if r.Float64() < bad {
					d += time.Duration(r.IntN(300)) * time.Millisecond
				}
				if r.Float64() >= bad {
					delays = append(delays, d)
				}
				if r.Float64() >= bad {
					break
				}
			}
			return delays
		}
		var conns []*Machine
		var sent []*job
		for i := range uint8(1 + r.IntN(2)) {
			conns, sent = append(conns, s.dial(10+i)), append(sent, &job{})
		}
		left := len(conns)
		for minute := 0; minute < 200 && left > 0; minute++ {
			s.run(time.Duration(r.IntN(5000)) * time.Millisecond)
			for i, c := range conns {
				switch j := sent[i]; {
				case c.Over() && !c.open && len(j.b) == 0 && c.Err() == ErrNoAnswer: // by chance
					t.Skip("no connection")
				case j.said || !c.IsOpen():
				case len(j.b) > 20000 || len(j.ends) > 3:
					if n := c.Write(s.now, nil, true); n == 0 && c.Room() >= 0 {
						j.ends, j.said = append(j.ends, len(j.b)), true
						left--
					}
				default:
					b := make([]byte, r.IntN(6000))
					for k := range b {
						b[k] = byte(r.Uint32())
					}
					eof := r.IntN(4) == 0 && c.Room() >= len(b)
					n := c.Write(s.now, b, eof)
					if j.b = append(j.b, b[:n]...); eof {
						j.ends = append(j.ends, len(j.b))
					}
				}
			}
		}
		s.run(20 * time.Minute)
		for i, c := range conns {
			var at *Machine
			for _, o := range s.at {
				if o.ID() == c.ID() {
					at = o
				}
			}
			b := make([]byte, 100)
			n, _ := c.Read(s.now, b)
			_, eof := c.Read(s.now, nil)
			if got := s.got[at]; !bytes.Equal(got.b, sent[i].b) || !slices.Equal(got.ends, sent[i].ends) || !c.Written() || string(b[:n]) != "printed" || !eof {
				t.Errorf("seed %d: %d octets of %d, ends %v of %v, answer %q", seed, len(got.b), len(sent[i].b), got.ends, sent[i].ends, b[:n])
			}
			bad = 0
			c.Close(s.now)
		}
		s.run(time.Minute)
		for _, c := range append(conns, s.at...) {
			if !c.Over() {
				t.Errorf("seed %d: connection %d is open", seed, c.ID())
			}
		}
		if t.Failed() {
			for _, line := range s.log[max(0, len(s.log)-80):] {
				t.Log(line[:min(len(line), 60)])
			}
			return
		}
	}
}

// FuzzMachine feeds an end and a listening socket what anybody may send.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{12, 0x60, 1, 0, 0x21, 5, 1, 0, 0, 0xf7, 8, 0, 0, 8, 0x60, 0xff, 0, 0x22, 5, 3, 0, 1, 8, 0x40, 0, 0, 0x23, 5, 5, 0, 0})
	f.Add([]byte{8, 0x40, 1, 0, 0x25, 0, 8, 0, 0, 10, 0x90, 0, 2, 2, 5, 4, 1, 0, 1, 2, 8, 0x60, 1, 0, 0x24, 5, 6, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newShop(t, 3)
		c := accepted(s.now, 5, s.node(0), 8, 0x200)
		for len(b) > 0 {
			k := min(len(b)-1, int(b[0])%64)
			if p, err := atp.Parse(b[1 : 1+k]); err == nil {
				s.l.Handle(s.now, s.node(0), p)
				c.Handle(s.now, s.node(0), p)
			}
			b = b[1+k:]
			s.at = append(s.at, s.l.Accepted()...)
			c.Write(s.now, []byte("out"), len(b)%2 == 0)
			if len(b)%3 == 0 {
				c.Read(s.now, make([]byte, 100))
			}
			s.now = s.now.Add(3 * time.Second)
			s.l.Tick(s.now)
			c.Tick(s.now)
			if len(c.in) > Quantum*atp.MaxData || len(s.at) > 3 {
				t.Fatalf("%d octets, %d connections", len(c.in), len(s.at))
			}
			c.Drain()
			s.l.Drain()
		}
		for range 3 {
			s.now = s.now.Add(time.Hour)
			c.Tick(s.now)
			s.l.Tick(s.now)
		}
		if !c.Forgotten() || s.l.responder.Open() > 0 {
			t.Error("something is held for ever")
		}
	})
}

// TestDoubled: a request that was doubled on the way, and comes after ATP has forgotten the first, opens no second connection.
func TestDoubled(t *testing.T) {
	s := newShop(t, 2)
	request := atp.Packet{Function: atp.TReq, XO: true, Bitmap: 1, TID: 1, User: user(7, OpenConn, 0), Data: open{own, 8, 0}.append(nil)}
	s.l.Handle(epoch, s.node(0), request)
	s.l.Handle(epoch, s.node(0), atp.Packet{Function: atp.TRel, TID: 1})
	s.l.Handle(epoch, s.node(0), request)
	if conns, out := s.l.Accepted(), s.l.Drain(); len(conns) != 1 || len(out) != 2 || !bytes.Equal(out[0].Packet.Append(nil), out[1].Packet.Append(nil)) {
		t.Errorf("%d connections, %v", len(conns), out)
	}
}
