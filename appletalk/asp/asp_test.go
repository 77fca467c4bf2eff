package asp

import (
	"bytes"
	"encoding/hex"
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
	epoch       = time.Unix(0, 0)
	workstation = ddp.Addr{Net: 3, Node: 10}
	serverNode  = ddp.Addr{Net: 3, Node: 20}
	sls         = ddp.Socket{Addr: serverNode, Num: 130}
)

const (
	wss = 247
	sss = 133
)

// A site is a workstation and a server with a link between them, in simulated time.
type site struct {
	t    *testing.T
	now  time.Time
	c    *Client
	s    *Server
	air  []flight
	link func(atp.Packet) []time.Duration // when the copies of a packet arrive; nil is 1 ms
	log  []string

	serve    func(s *site, e Event)
	events   []Event
	calls    []*Call
	attended []uint16
}

type flight struct {
	at       time.Time
	from, to ddp.Socket
	b        []byte
}

func newSite(t *testing.T, cfg ServerConfig) *site {
	cfg.SSS = sss
	s := &site{t: t, now: epoch, c: NewClient(sls, wss, 0x10), s: NewServer(cfg, 0x400)}
	s.s.id = 2 // the vectors' session has identifier 3
	return s
}

func (s *site) send(from ddp.Socket, out []atp.Sending) {
	for _, o := range out {
		delays := []time.Duration{time.Millisecond}
		if s.link != nil {
			delays = s.link(o.Packet)
		}
		b := o.Packet.Append(nil)
		s.log = append(s.log, fmt.Sprintf("%d>%d % x", from.Num, o.To.Num, b))
		for _, d := range delays {
			s.air = append(s.air, flight{s.now.Add(d), from, o.To, b})
		}
	}
}

// flush sends what is to be sent, after the users had their say.
func (s *site) flush() {
	for _, e := range s.s.Events() {
		s.events = append(s.events, e)
		if s.serve != nil {
			s.serve(s, e)
		}
	}
	s.calls = append(s.calls, s.c.Done()...)
	s.attended = append(s.attended, s.c.Attentions()...)
	s.send(ddp.Socket{Addr: workstation, Num: wss}, s.c.Drain())
	listening, sessions := s.s.Drain()
	s.send(sls, listening)
	s.send(ddp.Socket{Addr: serverNode, Num: sss}, sessions)
}

// run goes on for a time.
func (s *site) run(d time.Duration) {
	until := s.now.Add(d)
	for steps := 0; ; steps++ {
		if steps > 1_000_000 {
			s.t.Fatal("no end")
		}
		s.flush()
		next := earliest(s.c.Next(), s.s.Next())
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
			switch f.to.Num {
			case wss:
				s.c.Handle(s.now, f.from, p)
			case sss:
				s.s.Handle(s.now, f.from, p)
			default:
				s.s.Listening(s.now, f.from, p)
			}
		}
		for _, m := range []interface {
			Next() time.Time
			Tick(time.Time)
		}{s.c, s.s} {
			if at := m.Next(); !at.IsZero() && !at.After(s.now) {
				m.Tick(s.now)
				if at := m.Next(); !at.IsZero() && !at.After(s.now) {
					s.t.Fatalf("Tick leaves something due at %v", s.now)
				}
			}
		}
	}
}

// says compares the packets since the last time: hex, after "from>to".
func (s *site) says(want string) {
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

func open(t *testing.T, cfg ServerConfig) *site {
	t.Helper()
	s := newSite(t, cfg)
	s.c.Open(s.now)
	s.run(10 * time.Millisecond)
	if !s.c.IsOpen() {
		t.Fatal(s.c.Err())
	}
	s.log, s.events = nil, nil
	return s
}

// TestConversation is a session as the book has it, octet for octet.
func TestConversation(t *testing.T) {
	s := newSite(t, ServerConfig{})
	s.c.Open(s.now)
	s.run(10 * time.Millisecond)
	s.says(`
		247>130 60 01 00 11 04 f7 01 00
		130>247 90 00 00 11 85 03 00 00
		247>130 c0 00 00 11 00 00 00 00
		247>130 40 00 00 12 05 03 00 00`)

	s.serve = func(s *site, e Event) {
		if e.Kind == Requested && e.Request.Function == Command {
			if err := s.s.Reply(s.now, e.Request, -5019, nil); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := s.c.Command(s.now, []byte{0x10, 0}, 0); err != nil {
		t.Fatal(err)
	}
	s.run(10 * time.Millisecond)
	s.says(`
		247>133 60 01 00 13 02 03 00 00 10 00
		133>247 90 00 00 13 ff ff ec 65
		247>133 c0 00 00 13 00 00 00 00`)
	if len(s.calls) != 1 || s.calls[0].Result != -5019 || s.calls[0].Err != nil {
		t.Errorf("%+v", s.calls)
	}

	data := bytes.Repeat([]byte{0xAB}, 1024)
	s.serve = func(s *site, e Event) {
		var err error
		switch e.Kind {
		case Requested:
			err = s.s.Continue(s.now, e.Request, 1024)
		case Written:
			if !bytes.Equal(e.Data, data) {
				t.Errorf("%d octets were written", len(e.Data))
			}
			err = s.s.Reply(s.now, e.Request, 0, nil)
		}
		if err != nil {
			t.Error(err)
		}
	}
	call, err := s.c.Write(s.now, []byte{0x21, 0, 0, 1, 0, 0, 0, 0}, data, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.run(10 * time.Millisecond)
	ab := func(n int) string { return hex.EncodeToString(data[:n]) }
	for i := range s.log {
		s.log[i] = strings.ReplaceAll(s.log[i], " ", "")
	}
	s.says(strings.ReplaceAll(`
		247>133 60 01 00 14 06 03 00 01 21 00 00 01 00 00 00 00
		133>247 60 03 04 01 07 03 00 01 04 00
		247>133 80 00 04 01 00 00 00 00 `+ab(578)+`
		247>133 90 01 04 01 00 00 00 00 `+ab(446)+`
		133>247 c0 00 04 01 00 00 00 00
		133>247 90 00 00 14 00 00 00 00
		247>133 c0 00 00 14 00 00 00 00`, " ", ""))
	if call.Taken() != 1024 || call.Err != nil {
		t.Errorf("%+v", call)
	}

	if err := s.s.Attention(s.now, s.s.Sessions()[0], 0x2001); err != nil {
		t.Fatal(err)
	}
	s.run(10 * time.Millisecond)
	s.says(`
		133>247 40 01 04 02 08 03 20 01
		247>133 90 00 04 02 00 00 00 00`)
	if !slices.Equal(s.attended, []uint16{0x2001}) || s.events[len(s.events)-1].Kind != Noted {
		t.Errorf("%x", s.attended)
	}
	s.c.Close(s.now)
	s.run(10 * time.Millisecond)
	s.says(`
		247>133 40 01 00 15 01 03 00 00
		133>247 90 00 00 15 00 00 00 00`)
	if e := s.events[len(s.events)-1]; !s.c.Over() || s.c.Err() != nil || e.Kind != Closed || e.Err != nil {
		t.Error(s.c.Err(), e)
	}
}

func TestStatusAndRefusals(t *testing.T) {
	status := bytes.Repeat([]byte("st"), 400)
	s := newSite(t, ServerConfig{Status: status, Sessions: 3, PerNode: 2})
	q := atp.NewRequester(0x0F)
	ask := func(from ddp.Addr, req atp.Request) (parts []atp.Part) {
		t.Helper()
		req.Peer, req.Tries = sls, 1
		begin(q, s.now, req)
		for _, out := range q.Drain() {
			s.s.Listening(s.now, ddp.Socket{Addr: from, Num: 250}, out.Packet)
		}
		listening, _ := s.s.Drain()
		for _, out := range listening {
			if tr := q.Handle(s.now, sls, out.Packet); tr != nil {
				return tr.Parts()
			}
		}
		t.Fatal("no answer")
		return nil
	}
	if got := join(ask(workstation, atp.Request{User: user(GetStatus, 0, 0), Responses: 8})); !bytes.Equal(got, status) {
		t.Errorf("%d octets of status", len(got))
	}
	other := ddp.Addr{Net: 3, Node: 11}
	for i, tt := range []struct {
		from    ddp.Addr
		version uint16
		want    Error
	}{
		{workstation, 0x0200, ErrVersion}, {workstation, Version, 0}, {workstation, Version, 0}, {workstation, Version, ErrBusy},
		{other, Version, 0}, {other, Version, ErrBusy},
	} {
		if got := Error(arg(ask(tt.from, atp.Request{User: user(OpenSess, uint8(200+i), tt.version), Responses: 1, XO: true})[0].User)); got != tt.want {
			t.Errorf("opening %d: %d, want %d", i, got, tt.want)
		}
	}
	if len(s.s.Sessions()) != 3 || s.s.Busy != 2 {
		t.Errorf("%d sessions, %d refused", len(s.s.Sessions()), s.s.Busy)
	}
	for text, e := range map[string]error{"version": ErrVersion, "no more": ErrBusy} {
		if !strings.Contains(e.Error(), text) {
			t.Error(e)
		}
	}
	for _, bad := range []ServerConfig{{Status: make([]byte, MaxStatus+1)}, {Sessions: 257}, {PerNode: -1}} {
		if bad.Check() == nil {
			t.Errorf("%+v", bad)
		}
	}
}

func TestNoServer(t *testing.T) {
	s := newSite(t, ServerConfig{})
	s.link = func(atp.Packet) []time.Duration { return nil }
	s.c.Open(s.now)
	s.run(time.Minute)
	if s.c.Err() != ErrNoServer || len(s.log) != openTries {
		t.Error(s.c.Err(), len(s.log))
	}
	if _, err := s.c.Command(s.now, nil, 0); err != ErrSessClosed {
		t.Error(err)
	}
}

// TestRoom: a reply that is larger than the room for it is cut, and the error says so.
func TestRoom(t *testing.T) {
	s := open(t, ServerConfig{})
	var size int
	s.serve = func(s *site, e Event) {
		if e.Kind == Requested {
			_ = s.s.Reply(s.now, e.Request, 7, make([]byte, size))
		}
	}
	for _, tt := range []struct{ room, size, want int }{
		{0, 0, 0}, {0, 1, 0}, {100, 100, 100}, {100, 578, 100}, {578, 578, 578}, {578, 579, 578}, {Quantum, Quantum, Quantum}, {1000, 4000, 1000},
	} {
		size = tt.size
		call, err := s.c.Command(s.now, nil, tt.room)
		if err != nil {
			t.Fatal(err)
		}
		s.run(time.Second)
		if len(call.Reply) != tt.want || (call.Err == ErrBuffer) != (tt.size > tt.room) || call.Result != 7 {
			t.Errorf("%d of %d: %d octets, %v", tt.room, tt.size, len(call.Reply), call.Err)
		}
	}
	for _, bad := range []error{
		second(s.c.Command(s.now, make([]byte, MaxCommand+1), 0)), second(s.c.Command(s.now, nil, Quantum+1)),
	} {
		if bad == nil {
			t.Error("what is not allowed is")
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestSilence: a session whose other end has gone is over after two minutes, and tickles keep one alive.
func TestSilence(t *testing.T) {
	s := open(t, ServerConfig{})
	s.run(10 * time.Minute)
	if !s.c.IsOpen() || len(s.s.Sessions()) != 1 {
		t.Fatal("tickles do not keep it alive")
	}
	call, err := s.c.Command(s.now, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.link = func(atp.Packet) []time.Duration { return nil }
	s.run(SessionTime + TickleTime)
	if s.c.Err() != ErrSessClosed || call.Err != ErrSessClosed || len(s.s.Sessions()) != 0 {
		t.Errorf("%v, %v, %d sessions", s.c.Err(), call.Err, len(s.s.Sessions()))
	}
}

// TestServerCloses: the workstation hears of it, and its calls fail; a workstation that has gone holds nothing.
func TestServerCloses(t *testing.T) {
	for _, gone := range []bool{false, true} {
		s := open(t, ServerConfig{})
		call, _ := s.c.Write(s.now, nil, []byte("data"), 0)
		s.run(10 * time.Millisecond)
		ss := s.s.Sessions()[0]
		r := ss.pending[0]
		if err := s.s.Continue(s.now, r, 100); err != nil {
			t.Fatal(err)
		}
		if gone {
			s.link = func(atp.Packet) []time.Duration { return nil }
		}
		s.s.Close(s.now, ss)
		s.run(20 * time.Second)
		if len(s.s.Sessions()) != 0 || len(s.s.asks) != 0 || s.s.Reply(s.now, r, 0, nil) != ErrSessClosed || s.s.Continue(s.now, r, 1) == nil ||
			s.s.Attention(s.now, ss, 1) != ErrSessClosed {
			t.Errorf("gone %v: something is left", gone)
		}
		if !gone && (s.c.Err() != ErrSessClosed || call.Err != ErrSessClosed) {
			t.Error(s.c.Err(), call.Err)
		}
	}
}

// TestSequence: the server takes 0 or 1 first, then what follows, and nothing twice or out of turn.
func TestSequence(t *testing.T) {
	for _, first := range []uint16{0, 1, 65535} {
		s := open(t, ServerConfig{})
		tid := uint16(1000)
		send := func(seq uint16, from ddp.Addr, id uint8) bool {
			tid++
			s.s.Events()
			s.s.Handle(s.now, ddp.Socket{Addr: from, Num: wss}, atp.Packet{Function: atp.TReq, XO: true, Bitmap: 1, TID: tid, User: user(Command, id, seq)})
			return len(s.s.Events()) == 1
		}
		for i, tt := range []struct {
			seq  uint16
			from ddp.Addr
			id   uint8
			want bool
		}{
			{first, ddp.Addr{Net: 3, Node: 99}, 3, false}, {first, workstation, 4, false}, {first, workstation, 3, true}, {first, workstation, 3, false},
			{first + 2, workstation, 3, false}, {first + 1, workstation, 3, true}, {first + 2, ddp.Addr{Node: 10}, 3, true},
		} {
			if send(tt.seq, tt.from, tt.id) != tt.want {
				t.Errorf("first %d, request %d: taken is not %v", first, i, tt.want)
			}
		}
	}
}

// TestStrays: what nobody asked for, or belongs to nobody, does nothing but count.
func TestStrays(t *testing.T) {
	s := open(t, ServerConfig{})
	there := ddp.Socket{Addr: serverNode, Num: sss}
	for i, u := range [][4]byte{user(WriteContinue, 3, 0), user(Attention, 4, 1), user(Function(99), 3, 0), user(CloseSess, 9, 0)} {
		s.c.Handle(s.now, there, atp.Packet{Function: atp.TReq, XO: true, Bitmap: 1, TID: uint16(2000 + i), User: u, Data: []byte{1, 0}})
	}
	s.c.Handle(s.now, ddp.Socket{Addr: ddp.Addr{Net: 3, Node: 77}, Num: sss}, atp.Packet{Function: atp.TReq, TID: 1, User: user(CloseSess, 3, 0)})
	if s.c.Strays != 5 || !s.c.IsOpen() {
		t.Errorf("%d at the workstation", s.c.Strays)
	}
	s.s.Listening(s.now, ddp.Socket{Addr: ddp.Addr{Net: 3, Node: 77}, Num: wss}, atp.Packet{Function: atp.TReq, TID: 1, User: user(Tickle, 3, 0)})
	s.s.Listening(s.now, ddp.Socket{Addr: workstation, Num: wss}, atp.Packet{Function: atp.TReq, TID: 2, User: user(Attention, 3, 1)})
	s.s.Handle(s.now, ddp.Socket{Addr: workstation, Num: wss}, atp.Packet{Function: atp.TReq, TID: 3, User: user(Tickle, 3, 0)})
	if s.s.Strays != 3 {
		t.Errorf("%d at the server", s.s.Strays)
	}
	listening, sessions := s.s.Drain()
	if n := len(listening) + len(sessions); n != 0 {
		t.Errorf("%d answers", n)
	}
	s.s.Handle(s.now, ddp.Socket{Addr: workstation, Num: wss}, atp.Packet{Function: atp.TReq, Bitmap: 1, TID: 4, User: user(CloseSess, 99, 0)})
	if _, sessions := s.s.Drain(); len(sessions) != 1 || !s.c.IsOpen() {
		t.Error("who closes a session that is over already does not hear of it")
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

// TestSimulation: over a link that loses, doubles and reorders up to a fifth of the packets, each request is executed once and in order, and its reply
// and its data arrive whole.
func TestSimulation(t *testing.T) {
	for seed := range simSeeds(t) {
		r := rand.New(rand.NewPCG(uint64(seed), 11))
		s := newSite(t, ServerConfig{})
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
		octets := func(n int) []byte {
			b := make([]byte, r.IntN(n))
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			return b
		}
		var executed []byte
		replies, written := map[byte][]byte{}, map[byte][]byte{}
		s.serve = func(s *site, e Event) {
			var err error
			reply := func() {
				n := e.Request.Block[0]
				replies[n] = octets(Quantum)
				err = s.s.Reply(s.now, e.Request, int32(n), replies[n])
			}
			switch {
			case e.Kind == Requested && e.Request.Function == Write:
				executed = append(executed, e.Request.Block[0])
				if r.IntN(5) == 0 { // it wants no data
					reply()
				} else {
					err = s.s.Continue(s.now, e.Request, 1+r.IntN(Quantum))
				}
			case e.Kind == Requested:
				executed = append(executed, e.Request.Block[0])
				reply()
			case e.Kind == Written:
				written[e.Request.Block[0]] = e.Data
				reply()
			}
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
		for s.c.Open(s.now); !s.c.IsOpen(); {
			if s.run(time.Second); s.c.Over() {
				s.c = NewClient(sls, wss, uint16(r.Uint32())) // by chance
				s.c.Open(s.now)
			}
		}
		var calls []*Call
		for i := range byte(r.IntN(20)) {
			var call *Call
			var err error
			if r.IntN(2) == 0 {
				call, err = s.c.Command(s.now, []byte{i}, Quantum)
			} else {
				call, err = s.c.Write(s.now, []byte{i}, octets(2*Quantum), Quantum)
			}
			if err != nil {
				t.Fatal(err)
			}
			calls = append(calls, call)
			s.run(time.Duration(r.IntN(3000)) * time.Millisecond)
		}
		for minute := 0; minute < 30 && len(s.calls) < len(calls) && !s.c.Over(); minute++ {
			s.run(time.Minute)
		}
		for i, call := range calls {
			if call.Err != nil || !bytes.Equal(call.Reply, replies[byte(i)]) || call.Result != int32(i) || !bytes.Equal(call.Data[:call.Taken()], written[byte(i)]) {
				t.Errorf("seed %d: call %d: %v, %d octets of %d, %d taken of %d", seed, i, call.Err, len(call.Reply), len(replies[byte(i)]), call.Taken(), len(written[byte(i)]))
			}
		}
		if !slices.IsSorted(executed) || len(executed) != len(calls) {
			t.Errorf("seed %d: executed %v", seed, executed)
		}
		if t.Failed() {
			return
		}
	}
}

// FuzzServer feeds a server what anybody may send.
func FuzzServer(f *testing.F) {
	f.Add([]byte{8, 0x60, 1, 0, 1, 4, 247, 1, 0, 8, 0x60, 1, 0, 2, 2, 3, 0, 0, 10, 0x60, 1, 0, 3, 6, 3, 0, 1, 1, 2})
	f.Add([]byte{8, 0x40, 0xff, 0, 1, 3, 0, 0, 0, 8, 0x40, 0, 0, 1, 5, 3, 0, 0, 8, 0xc0, 0, 0, 1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newSite(t, ServerConfig{Status: make([]byte, 600)})
		for len(b) > 0 {
			k := min(len(b)-1, int(b[0])%64)
			p, err := atp.Parse(b[1 : 1+k])
			if err == nil {
				from := ddp.Socket{Addr: workstation, Num: wss}
				s.s.Listening(s.now, from, p)
				s.s.Handle(s.now, from, p)
				s.c.Handle(s.now, sls, p)
			}
			b = b[1+k:]
			for _, e := range s.s.Events() {
				if e.Kind == Requested && s.s.Continue(s.now, e.Request, 600) != nil {
					_ = s.s.Reply(s.now, e.Request, 0, nil)
				}
			}
			s.now = s.now.Add(3 * time.Second)
			s.s.Tick(s.now)
			s.s.Drain()
		}
		s.now = s.now.Add(time.Hour)
		for range 3 {
			s.s.Tick(s.now)
		}
		if len(s.s.Sessions()) > 0 || len(s.s.asks) > 0 {
			t.Error("something is held for ever")
		}
	})
}

// TestDoubled: a request that was doubled on the way, and comes after ATP has forgotten the first, opens no second session.
func TestDoubled(t *testing.T) {
	s := newSite(t, ServerConfig{})
	from := ddp.Socket{Addr: workstation, Num: wss}
	request := atp.Packet{Function: atp.TReq, XO: true, Bitmap: 1, TID: 1, User: user(OpenSess, wss, Version)}
	s.s.Listening(epoch, from, request)
	s.s.Listening(epoch, from, atp.Packet{Function: atp.TRel, TID: 1})
	s.s.Listening(epoch, from, request)
	if out, _ := s.s.Drain(); len(s.s.Sessions()) != 1 || len(out) != 2 || out[0].Packet.User != out[1].Packet.User {
		t.Errorf("%d sessions, %v", len(s.s.Sessions()), out)
	}
}
