package atp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("hex: %v", err)
	}
	return b
}

// codecTable has the vectors of the fact sheet's section 9.6, and some of 9.4 and 9.7.
var codecTable = []struct {
	p        Packet
	str, hex string
}{
	{Packet{Function: TReq, XO: true, Release: Release2m, Bitmap: 0xff, TID: 1, Data: []byte("DATA")},
		"ATPTReq(tid=0001, bitmap=ff, XO, release=2m0s, user=00000000, data=4)", "62 ff 00 01 00 00 00 00 44 41 54 41"},
	{Packet{Function: TResp, TID: 1, Data: []byte("part0")}, "ATPTResp(tid=0001, seq=0, user=00000000, data=5)", "80 00 00 01 00 00 00 00 70 61 72 74 30"},
	{Packet{Function: TResp, STS: true, Bitmap: 1, TID: 1, Data: []byte("x")}, "ATPTResp(tid=0001, seq=1, STS, user=00000000, data=1)", "88 01 00 01 00 00 00 00 78"},
	{Packet{Function: TResp, EOM: true, Bitmap: 1, TID: 1, Data: []byte("last")}, "ATPTResp(tid=0001, seq=1, EOM, user=00000000, data=4)",
		"90 01 00 01 00 00 00 00 6c 61 73 74"},
	{Packet{Function: TRel, TID: 1}, "ATPTRel(tid=0001)", "c0 00 00 01 00 00 00 00"},
	{Packet{Function: TReq, XO: true, Bitmap: 4, TID: 1}, "ATPTReq(tid=0001, bitmap=04, XO, release=30s, user=00000000, data=0)", "60 04 00 01 00 00 00 00"},
	{Packet{Function: TReq, Bitmap: 1, TID: 0x1234, User: [4]byte{8, 0, 0, 1}}, "ATPTReq(tid=1234, bitmap=01, user=08000001, data=0)", "40 01 12 34 08 00 00 01"},
	{Packet{Function: TReq, TID: 0x14, User: [4]byte{5, 3}}, "ATPTReq(tid=0014, bitmap=00, user=05030000, data=0)", "40 00 00 14 05 03 00 00"},
}

func TestCodec(t *testing.T) {
	for _, row := range codecTable {
		b := octets(t, row.hex)
		p, err := Parse(b)
		if err != nil || p.String() != row.str || !bytes.Equal(row.p.Append(nil), b) {
			t.Errorf("%s is %v, %v, and back % x", row.hex, p, err, row.p.Append(nil))
		}
		for n := range HeaderSize {
			if _, err := Parse(b[:n]); err == nil {
				t.Errorf("%d octets parse", n)
			}
		}
	}
	for _, b := range []string{"00 00 00 00 00 00 00 00", "80 08 00 01 00 00 00 00", "40 01 00 01 00 00 00 00" + strings.Repeat("00", 579)} {
		if p, err := Parse(octets(t, b)); err == nil {
			t.Errorf("%.30s is %v", b, p)
		}
	}
	for code, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 30 * time.Second} {
		if got := Release(code).Duration(); got != want {
			t.Errorf("code %d is %v", code, got)
		}
	}
}

var (
	start = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	peer  = ddp.Socket{Addr: ddp.Addr{Net: 1, Node: 254}, Num: 6}
	self  = ddp.Socket{Addr: ddp.Addr{Net: 1, Node: 42}, Num: 130}
)

func drain(out []Sending) string {
	var all []string
	for _, s := range out {
		all = append(all, s.Packet.String())
	}
	return strings.Join(all, "\n")
}

func begin(t *testing.T, r *Requester, q Request) *Transaction {
	t.Helper()
	q.Peer, q.Interval, q.Tries = peer, 2*time.Second, 3
	tr, err := r.Begin(start, q)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestRequester loses and repeats packets of an exactly-once response, as the book's example does.
func TestRequester(t *testing.T) {
	r := NewRequester(0)
	tr := begin(t, r, Request{Responses: 8, XO: true, Release: Release2m, Data: []byte("DATA")})
	if got := drain(r.Drain()); got != codecTable[0].str {
		t.Errorf("sent %s", got)
	}
	steps := []struct {
		p    Packet
		want string
		done bool
	}{
		{Packet{Function: TResp, TID: 1, Data: []byte("part0")}, "", false},
		{Packet{Function: TResp, TID: 1, Data: []byte("again")}, "", false}, // dropped
		{Packet{Function: TResp, TID: 2, Bitmap: 2}, "", false},             // another's
		{Packet{Function: TResp, STS: true, Bitmap: 1, TID: 1, Data: []byte("x")},
			"ATPTReq(tid=0001, bitmap=fc, XO, release=2m0s, user=00000000, data=4)", false},
		{Packet{Function: TResp, EOM: true, Bitmap: 3, TID: 1, Data: []byte("last")}, "", false},
		{Packet{Function: TResp, Bitmap: 5, TID: 1}, "", false}, // beyond the end
		{Packet{Function: TResp, Bitmap: 2, TID: 1, Data: []byte("y")}, "ATPTRel(tid=0001)", true},
	}
	for i, s := range steps {
		done := r.Handle(start, peer, s.p)
		if got := drain(r.Drain()); got != s.want || (done == tr) != s.done {
			t.Errorf("step %d: sent %q, done %v", i, got, done)
		}
	}
	var data []string
	for _, p := range tr.Parts() {
		data = append(data, string(p.Data))
	}
	if fmt.Sprint(data) != "[part0 x y last]" || r.Unasked != 3 || tr.Err != nil {
		t.Errorf("%q, %d unasked, %v", data, r.Unasked, tr.Err)
	}
}

// TestResponsesFrom: socket and node are to match, and the network where both know it.
func TestResponsesFrom(t *testing.T) {
	for _, tt := range []struct {
		from ddp.Socket
		want bool
	}{
		{peer, true}, {ddp.Socket{Addr: ddp.Addr{Net: 0, Node: 254}, Num: 6}, true}, {ddp.Socket{Addr: ddp.Addr{Net: 2, Node: 254}, Num: 6}, false},
		{ddp.Socket{Addr: ddp.Addr{Net: 1, Node: 253}, Num: 6}, false}, {ddp.Socket{Addr: ddp.Addr{Net: 1, Node: 254}, Num: 7}, false},
	} {
		r := NewRequester(0)
		tr := begin(t, r, Request{Responses: 1})
		if done := r.Handle(start, tt.from, Packet{Function: TResp, TID: tr.TID}); (done != nil) != tt.want {
			t.Errorf("from %v: %v", tt.from, done)
		}
	}
}

func TestRetries(t *testing.T) {
	r := NewRequester(0)
	tr := begin(t, r, Request{Responses: 2})
	r.Handle(start, peer, Packet{Function: TResp, TID: 1})
	var sent []string
	for {
		at := r.Next()
		failed := r.Tick(at)
		if len(failed) > 0 {
			if failed[0] != tr || !errors.Is(tr.Err, ErrNoResponse) || at.Sub(start) != 6*time.Second || len(tr.Parts()) != 1 {
				t.Errorf("%v after %v, with %d parts", tr.Err, at.Sub(start), len(tr.Parts()))
			}
			break
		}
		for _, s := range r.Drain() {
			sent = append(sent, fmt.Sprintf("%02x", s.Packet.Bitmap))
		}
	}
	if fmt.Sprint(sent) != "[03 02 02]" || !r.Next().IsZero() {
		t.Errorf("asked for %v", sent)
	}
	// Tickles are sent for ever, and nothing answers them.
	tickle, err := r.Begin(start, Request{Peer: peer, Interval: 30 * time.Second, Tries: Infinite})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if failed := r.Tick(r.Next()); failed != nil {
			t.Fatalf("%v", failed)
		}
	}
	if n := len(r.Drain()); n != 101 {
		t.Errorf("%d tickles", n)
	}
	r.Cancel(tickle)
}

func TestBegin(t *testing.T) {
	r := NewRequester(0xfffe)
	for name, q := range map[string]Request{
		"nine responses": {Responses: 9, Interval: 1, Tries: 1}, "579 octets": {Data: make([]byte, 579), Interval: 1, Tries: 1},
		"no tries": {Interval: 1}, "no interval": {Tries: 1}, "fewer than no tries": {Interval: 1, Tries: -2},
	} {
		if _, err := r.Begin(start, q); err == nil {
			t.Errorf("%s", name)
		}
	}
	// TIDs go round, and pass over those that are in use.
	if got := []uint16{begin(t, r, Request{}).TID, begin(t, r, Request{}).TID}; fmt.Sprint(got) != "[65535 0]" {
		t.Errorf("TIDs %v", got)
	}
	r.tid = 0xfffe
	if got := begin(t, r, Request{}).TID; got != 1 {
		t.Errorf("TID %d", got)
	}
	for len(r.open) < MaxTransactions {
		begin(t, r, Request{})
	}
	if _, err := r.Begin(start, Request{Interval: 1, Tries: 1}); err == nil {
		t.Error("there is no limit")
	}
}

func TestResponder(t *testing.T) {
	var r Responder
	parts := []Part{{Data: []byte("one")}, {Data: []byte("two")}, {Data: []byte("three")}}
	request := Packet{Function: TReq, XO: true, Release: Release1m, Bitmap: 0xff, TID: 9}
	in := r.Handle(start, self, request)
	if in == nil || r.Handle(start, self, request) != nil || len(r.Drain()) != 0 {
		t.Fatal("a request that is worked on is delivered twice, or answered")
	}
	if err := r.Respond(start, in, parts); err != nil {
		t.Fatal(err)
	}
	if got, want := drain(r.Drain()), "ATPTResp(tid=0009, seq=0, user=00000000, data=3)\nATPTResp(tid=0009, seq=1, user=00000000, data=3)\n"+
		"ATPTResp(tid=0009, seq=2, EOM, user=00000000, data=5)"; got != want {
		t.Errorf("sent %s", got)
	}
	request.Bitmap = 2
	if r.Handle(start.Add(50*time.Second), self, request) != nil || drain(r.Drain()) != "ATPTResp(tid=0009, seq=1, user=00000000, data=3)" {
		t.Error("what was asked for again")
	}
	// The timer began anew then. When it has run out, the request is a new one.
	if r.Tick(start.Add(109 * time.Second)); len(r.records) != 1 || r.Next() != start.Add(110*time.Second) {
		t.Errorf("%d records, next %v", len(r.records), r.Next())
	}
	if r.Tick(start.Add(110 * time.Second)); len(r.records) != 0 {
		t.Error("a record is kept")
	}
	if in = r.Handle(start, self, request); in == nil {
		t.Error("it is not executed again")
	}
	if r.Handle(start, self, Packet{Function: TRel, TID: 9}); len(r.records) != 0 {
		t.Error("a released record is kept")
	}
	// At-least-once requests come each time.
	request.XO = false
	for range 2 {
		if r.Handle(start, self, request) == nil || len(r.records) != 0 {
			t.Error("at least once")
		}
	}
	for _, wrong := range [][]Part{nil, make([]Part, 9), {{Data: make([]byte, 579)}}} {
		if err := r.Respond(start, &Incoming{}, wrong); err == nil {
			t.Errorf("%d parts", len(wrong))
		}
	}
	request.XO = true
	for i := range MaxRecords + 1 {
		request.TID = uint16(i)
		r.Handle(start, self, request)
	}
	if len(r.records) != MaxRecords || r.Dropped != 1 {
		t.Errorf("%d records, %d dropped", len(r.records), r.Dropped)
	}
}

// TestSimulation has exactly-once transactions over a link that loses and repeats packets, in order: each is executed once, and its
// response is whole.
func TestSimulation(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 1))
		requester, responder := NewRequester(uint16(rng.Uint32())), Responder{}
		now, executed := start, map[string]int{}
		lost := func() int { return rng.IntN(3) } // 0: lost, 1: once, 2: twice
		for i := range 20 {
			name := fmt.Sprint(i)
			tr, err := requester.Begin(now, Request{Peer: peer, Data: []byte(name), Responses: 1 + rng.IntN(8), XO: true, Interval: time.Second, Tries: Infinite})
			if err != nil {
				t.Fatal(err)
			}
			want := 1 + rng.IntN(tr.Request.Responses)
			for done := false; !done; {
				for _, s := range requester.Drain() {
					for range lost() {
						if in := responder.Handle(now, self, s.Packet); in != nil {
							executed[string(in.Data)]++
							responder.Respond(now, in, make([]Part, want))
						}
					}
				}
				for _, s := range responder.Drain() {
					for range lost() {
						done = requester.Handle(now, peer, s.Packet) == tr || done
					}
				}
				if !done {
					now = requester.Next()
					requester.Tick(now)
				}
			}
			requester.Drain() // its release is lost
			if executed[name] != 1 || len(tr.Parts()) != want {
				t.Fatalf("seed %d: transaction %d was executed %d times, %d of %d parts", seed, i, executed[name], len(tr.Parts()), want)
			}
		}
	}
}

func FuzzMachines(f *testing.F) {
	for _, row := range codecTable {
		f.Add(octets(f, row.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		q, err := Parse(p.Append(nil))
		if err != nil || p.String() != q.String() {
			t.Fatalf("%v came back as %v, %v", p, q, err)
		}
		r := NewRequester(p.TID - 1)
		r.Begin(start, Request{Peer: peer, Responses: 8, XO: true, Interval: 1, Tries: 1})
		r.Handle(start, peer, p)
		var s Responder
		if in := s.Handle(start, self, p); in != nil {
			s.Respond(start, in, make([]Part, 3))
			s.Handle(start, self, p)
		}
		for _, out := range append(r.Drain(), s.Drain()...) {
			out.Packet.Append(nil)
		}
	})
}
