package routing

import (
	"bytes"
	"encoding"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
)

// octetsOf reads hexadecimal with comments: from # to the end of a line is one, and / sets parts apart.
func octetsOf(t testing.TB, s string) []byte {
	t.Helper()
	var clean strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		clean.WriteString(strings.Join(strings.Fields(strings.ReplaceAll(line, "/", "")), ""))
	}
	b, err := hex.DecodeString(clean.String())
	if err != nil {
		t.Fatalf("hex: %v", err)
	}
	return b
}

var (
	node1 = decnet.NewAddr(1, 1)
	node2 = decnet.NewAddr(1, 2)
	node5 = decnet.NewAddr(1, 5)
)

// dataPacket makes Data appendable in one of its forms.
type dataPacket struct {
	Data
	long bool
}

func (p *dataPacket) AppendBinary(b []byte) ([]byte, error) {
	return append(AppendData(b, &p.Data, p.long), p.Payload...), nil
}

// codecTable has the packets that were captured (decnet 6.1, 6.4, 6.5).
var codecTable = []struct {
	name string
	p    encoding.BinaryAppender
	hex  string
}{
	{"init", &Init{Node: node1, Type: EndNodeType, BlockSize: 576, Version: version, Timer: 15}, "01 0104 03 4002 020000 0f00 00"},
	{"init of a router that demands verification", &Init{Node: node2, Type: Router, Verify: true, BlockSize: 576, Version: version, Timer: 20},
		"01 0204 06 4002 020000 1400 00"},
	{"init of an endnode that demands verification", &Init{Node: node5, Type: EndNodeType, Verify: true, BlockSize: 576, Version: version, Timer: 30},
		"01 0504 07 4002 020000 1e00 00"},
	{"verification", &Verification{node2, []byte("OUTPASS")}, "03 0204 07 4f555450415353"},
	{"hello", &Hello{node1, 10}, "05 0104 0a aaaaaaaaaaaaaaaaaaaa"},
	{"hello without test data", &Hello{node1, 0}, "05 0104 00"},
	{"endnode hello", &EndnodeHello{Node: node1, BlockSize: 591, Timer: 5, Test: 50}, "0d 020000 aa0004000104 03 4f02 00 0000000000000000 000000000000 0500 00 32" +
		strings.Repeat("aa", 50)},
	{"router hello", &RouterHello{Node: node2, Type: Router, BlockSize: 591, Priority: 64, Timer: 5, List: make([]byte, 8)},
		"0b 020000 aa0004000204 02 4f02 40 00 0500 00 08 0000000000000000"},
	{"short", &dataPacket{Data{Dst: node2, Src: node1, Return: true, Payload: []byte{0x18, 0, 0}}, false}, "0a 0204 0104 00 18 0000"},
	{"returned", &dataPacket{Data{Dst: node5, Src: decnet.NewAddr(1, 7), Returned: true, Visits: 1, Payload: []byte{0x18}}, false}, "12 0504 0704 01 18"},
	{"long", &dataPacket{Data{Dst: node2, Src: node5, Return: true, Payload: []byte{0x18}}, true}, "2e 0000 aa0004000204 0000 aa0004000504 00 00 00 00 18"},
}

// reparse reads what codecTable has a value of.
func reparse(p encoding.BinaryAppender, b []byte) (any, error) {
	switch v := p.(type) {
	case *Init:
		q, err := ParseInit(b)
		return &q, err
	case *Verification:
		q, err := ParseVerification(b)
		return &q, err
	case *Hello:
		q, err := ParseHello(b)
		return &q, err
	case *EndnodeHello:
		q, err := ParseEndnodeHello(b)
		return &q, err
	case *RouterHello:
		q, err := ParseRouterHello(b)
		return &q, err
	case *dataPacket:
		q, err := ParseData(b)
		return &dataPacket{q, v.long}, err
	}
	panic("no such packet")
}

func TestCodec(t *testing.T) {
	for _, row := range codecTable {
		want := octetsOf(t, row.hex)
		got, err := row.p.AppendBinary([]byte("x"))
		if err != nil || !bytes.Equal(got[1:], want) {
			t.Errorf("%s: appended % x, %v; want % x", row.name, got[1:], err, want)
		}
		p, err := reparse(row.p, want)
		if err != nil || fmt.Sprintf("%+v", p) != fmt.Sprintf("%+v", row.p) {
			t.Errorf("%s: parsed %+v, %v; want %+v", row.name, p, err, row.p)
		}
		padded := append([]byte{0x83, 0, 0}, want...)
		if k, b, err := KindOf(padded); err != nil || !bytes.Equal(b, want) || k != KindData && k != Kind(want[0]) {
			t.Errorf("%s: with padding %v, % x, %v", row.name, k, b, err)
		}
		for n := range len(want) {
			if p, err := reparse(row.p, want[:n:n]); err == nil && n < ShortHeader && want[0] != byte(KindHello) {
				t.Errorf("%s: %d octets are taken for %+v", row.name, n, p)
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, row := range []struct{ name, hex, want string }{
		{"node 0", "01 0004 03 4002 020000 0f00 00", "routing: parse init: SRCNODE: 1.0"},
		{"blocking", "01 0104 0b 4002 020000 0f00 00", "routing: parse init: TIINFO: blocking is asked for"},
		{"no type", "01 0104 00 4002 020000 0f00 00", "routing: parse init: TIINFO: node type 0"},
		{"init cut short", "01 0104 03 4002 020000 0f", "routing: parse init: TIMER: 1 octets are left of 2"},
		{"reserved too long", "01 0104 03 4002 020000 0f00 41", "routing: parse init: RESERVED: length 65 exceeds 64"},
		{"verification too long", "03 0104 41", "routing: parse verification: FCNVAL: length 65 exceeds 64"},
		{"test data", "05 0104 02 aaab", "routing: parse hello: TESTDATA: ab is not aa"},
		{"too much test data", "05 0104 81", "routing: parse hello: TESTDATA: length 129 exceeds 128"},
		{"a foreign address", "0b 020000 010203040506 02 4f02 40 00 0500 00 00", "routing: parse router hello: ID: 01-02-03-04-05-06 is no node's"},
		{"an endnode's router hello", "0b 020000 aa0004000204 03 4f02 40 00 0500 00 00", "routing: parse router hello: IINFO: endnode"},
		{"a long packet to a foreign address", "26 0000 010203040506 0000 aa0004000504 00 00 00 00 18", "routing: parse data: D-ID: 01-02-03-04-05-06 is no node's"},
		{"another version", "42 0204 0104 00", "routing: parse data: flags: 42 is of another version"},
		{"neither short nor long", "04 0204 0104 00", "routing: parse data: flags: 04 is no data packet"},
		{"to node 0", "02 0004 0104 00", "routing: parse data: node 0: 1.1 to 1.0"},
	} {
		b := octetsOf(t, row.hex)
		var err error
		switch Kind(b[0]) {
		case KindInit:
			_, err = ParseInit(b)
		case KindVerification:
			_, err = ParseVerification(b)
		case KindHello:
			_, err = ParseHello(b)
		case KindRouterHello:
			_, err = ParseRouterHello(b)
		default:
			_, err = ParseData(b)
		}
		if err == nil || err.Error() != row.want {
			t.Errorf("%s: %v; want %s", row.name, err, row.want)
		}
	}
	for _, text := range []string{"", "80", "81", "85 00 00", "82 00 81 02"} {
		if k, b, err := KindOf(octetsOf(t, text)); err == nil {
			t.Errorf("%s is taken for %v, % x", text, k, b)
		}
	}
}

// FuzzParse: no panic, and what was parsed can be sent and parses to the same.
func FuzzParse(f *testing.F) {
	for _, row := range codecTable {
		f.Add(octetsOf(f, row.hex))
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		k, b, err := KindOf(packet)
		if err != nil {
			return
		}
		values := map[Kind]encoding.BinaryAppender{KindInit: &Init{}, KindVerification: &Verification{}, KindHello: &Hello{},
			KindEndnodeHello: &EndnodeHello{}, KindRouterHello: &RouterHello{}, KindData: &dataPacket{long: b[0]&7 == longData}}
		p := values[k]
		if p == nil {
			return
		}
		q, err := reparse(p, b)
		if err != nil {
			return
		}
		if i, ok := q.(*Init); ok && i.Version[0] < 2 {
			return // of Phase III: not sent
		}
		again, err := q.(encoding.BinaryAppender).AppendBinary(nil)
		if err != nil {
			t.Fatalf("%+v cannot be sent: %v", q, err)
		}
		back, err := reparse(p, again)
		if err != nil || fmt.Sprintf("%+v", back) != fmt.Sprintf("%+v", q) {
			t.Fatalf("%+v came back as %+v, %v", q, back, err)
		}
	})
}

// FuzzEndNode feeds circuits any packets: no panic, and what it says can be parsed.
func FuzzEndNode(f *testing.F) {
	var all []byte
	for _, row := range codecTable {
		b := octetsOf(f, row.hex)
		all = append(append(all, byte(len(b))), b...)
	}
	f.Add(uint8(0), all)
	f.Add(uint8(1), all)
	f.Add(uint8(6), all)
	f.Fuzz(func(t *testing.T, options uint8, b []byte) {
		c := Circuit{Ethernet: options&1 != 0, InPlace: options&2 != 0}
		if options&4 != 0 {
			c.Verify = []byte("OUTPASS")
		}
		e, now := New(Config{Node: node1}, []Circuit{c}), epoch
		e.Up(now, 0)
		for len(b) > 0 {
			n := min(int(b[0]), len(b)-1)
			packet := b[1 : 1+n]
			b = b[1+n:]
			if d, ok := e.Receive(now, 0, node2.MAC(), packet); ok && d.Dst != node1 {
				t.Fatalf("%+v is not for us", d)
			}
			now = now.Add(time.Second)
			e.Tick(now)
			for o, ok := e.Next(); ok; o, ok = e.Next() {
				if o.Restart {
					e.Up(now, 0)
				} else if _, _, err := KindOf(o.Packet); err != nil {
					t.Fatal(err)
				}
			}
			for _, ok := e.NextEvent(); ok; _, ok = e.NextEvent() {
			}
		}
	})
}
