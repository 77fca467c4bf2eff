package bridge

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// frameTests: struct, notation, octets with the names of the fields.
var frameTests = []struct {
	f    Frame
	s    string
	wire string
}{
	{Frame{Type: FrameOpen, Stream: 1, Arg: 32768}, "OPEN(1, credit=32768)",
		"01 000000 00000001 0000000000008000"}, // Type Length Stream Arg
	{Frame{Type: FrameSimplex, Stream: 1, Arg: 32768}, "SIMPLEX(1, credit=32768)",
		"0f 000000 00000001 0000000000008000"},
	{Frame{Type: FrameData, Stream: 3, Length: 65536 + 64, Arg: 7}, "DATA(3, 7+65600)",
		"02 010040 00000003 0000000000000007"},
	{Frame{Type: FrameExpedited, Stream: 2, Length: 16, Arg: 9}, "EXPEDITED(2, seq=9, 16)",
		"03 000010 00000002 0000000000000009"},
	{Frame{Type: FrameAck, Stream: 1, Arg: 100, Credit: 4096, Expedited: 2}, "ACK(1, received=100, credit=4096, expedited=2)",
		"04 000010 00000001 0000000000000064 0000000000001000 0000000000000002"}, // … Credit Expedited
	{Frame{Type: FrameSkip, Stream: 1, Arg: 101}, "SKIP(1, to=101)",
		"05 000000 00000001 0000000000000065"},
	{Frame{Type: FrameClose, Stream: 1, Arg: 2}, "CLOSE(1, reason=2)",
		"06 000000 00000001 0000000000000002"},
	{Frame{Type: FrameClosed, Stream: 1}, "CLOSED(1)",
		"07 000000 00000001 0000000000000000"},
	{Frame{Type: FrameReady}, "READY()",
		"08 000000 00000000 0000000000000000"},
	{Frame{Type: FrameDone}, "DONE()",
		"09 000000 00000000 0000000000000000"},
	{Frame{Type: FramePing, Arg: 5}, "PING(5)",
		"0a 000000 00000000 0000000000000005"},
	{Frame{Type: FramePong, Arg: 5}, "PONG(5)",
		"0b 000000 00000000 0000000000000005"},
	{Frame{Type: FrameBye, Arg: 6}, "BYE(reason=6)",
		"0c 000000 00000000 0000000000000006"},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFrames(t *testing.T) {
	for _, test := range frameTests {
		want := unhex(t, test.wire)
		got, err := test.f.AppendBinary(nil)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: appended % x, %v, want % x", test.s, got, err, want)
		}
		if len(want) != test.f.Size() {
			t.Errorf("%s: size %d, want %d", test.s, test.f.Size(), len(want))
		}
		if test.f.String() != test.s {
			t.Errorf("notation %s, want %s", test.f, test.s)
		}
		for i := range want {
			if f, n, err := ParseFrame(want[:i]); n != 0 || err != nil {
				t.Errorf("%s cut to %d octets: %v, %d, %v", test.s, i, f, n, err)
			}
		}
		f, n, err := ParseFrame(append(want, 0xff))
		if f != test.f || n != len(want) || err != nil {
			t.Errorf("%s: parsed %v, %d octets, %v", test.s, f, n, err)
		}
	}
}

func TestBadFrames(t *testing.T) {
	for wire, want := range map[string]string{
		"00 000000 00000000 0000000000000000": "unknown type",
		"10 000000 00000000 0000000000000000": "unknown type",
		"02 010041 00000001 0000000000000000": "length 65601 exceeds 65600",
		"02 000000 00000001 0000000000000000": "no octets",
		"02 000001 00000000 0000000000000000": "stream 0 does not exist",
		"02 000001 00000001 4000000000000000": "number exceeds",
		"03 000011 00000001 0000000000000000": "length 17 exceeds 16",
		"04 00000f 00000001 0000000000000000": "length 15 is not 16",
		"08 000000 00000001 0000000000000000": "stream 1 in a frame of the bridge",
		"05 000001 00000001 0000000000000000": "length 1 exceeds 0",
	} {
		_, _, err := ParseFrame(unhex(t, wire))
		var p *ProtocolError
		if !errors.As(err, &p) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", wire, err, want)
		}
	}
}

func TestRecord(t *testing.T) {
	var b [RecordHeader]byte
	for _, test := range []struct {
		n   int
		end bool
		ok  bool
	}{{0, true, true}, {0, false, false}, {1, false, true}, {MaxRecord, true, true}, {MaxRecord + 1, true, false}, {1<<31 - 1, false, false}} {
		PutRecord(b[:], test.n, test.end)
		if n, end, ok := ParseRecord(b[:]); n != test.n || end != test.end || ok != test.ok {
			t.Errorf("record of %d, %v: parsed %d, %v, %v", test.n, test.end, n, end, ok)
		}
	}
}

func FuzzFrame(f *testing.F) {
	for _, test := range frameTests {
		f.Add(unhex(f, test.wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g, n, err := ParseFrame(b)
		if err != nil || n == 0 {
			return
		}
		again, err := g.AppendBinary(nil)
		if err != nil || string(again) != string(b[:n]) {
			t.Fatalf("%v: % x appends as % x, %v", g, b[:n], again, err)
		}
	})
}

func TestFramesAllocateNothing(t *testing.T) {
	m, peer := attachedPair(t)
	s := m.Open()
	buf := make([]byte, 0, 64)
	step := func() {
		m.Write(s, 100)
		for f, _, ok := m.Next(simStart); ok; f, _, ok = m.Next(simStart) {
			buf, _ = f.AppendBinary(buf[:0])
			g, _, _ := ParseFrame(buf)
			if e, err := peer.Handle(simStart, g); err != nil {
				t.Fatal(err)
			} else if e.Kind == EffectData {
				peer.Advance(e.Stream, g.Length-e.Drop)
				peer.Consumed(e.Stream, g.Length-e.Drop)
			}
		}
		for f, _, ok := peer.Next(simStart); ok; f, _, ok = peer.Next(simStart) {
			if _, err := m.Handle(simStart, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	step()
	if n := testing.AllocsPerRun(1000, step); n > 0 {
		t.Errorf("%v allocations for a DATA frame sent, received and acknowledged", n)
	}
}
