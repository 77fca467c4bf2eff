package cotp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// octets reads hexadecimal with comments: from # to the end of a line is one.
func octets(t testing.TB, s string) []byte {
	t.Helper()
	var clean strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		clean.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(clean.String())
	if err != nil {
		t.Fatalf("hex: %v", err)
	}
	return b
}

// codecTable has one row for each TPDU and shape: the value, its notation, its octets. User data of DT and ED are not among them.
var codecTable = []struct {
	name string
	tpdu TPDU
	str  string
	hex  string
}{{
	name: "CR as libiec61850 sends it, but for the order of the parameters", // x225 5.4
	tpdu: CR{SrcRef: 1, Size: Size8192, Called: []byte{0, 1}, Calling: []byte{0, 1}},
	str:  `CR(src=0001, calling=0001, called=0001, size=8192)`,
	hex: `03 00 00 16       # TPKT: version, reserved, length 22
		  11 E0             # LI 17, CR
		  00 00 00 01 00    # DST-REF, SRC-REF, class 0
		  C0 01 0D          # TPDU size
		  C1 02 00 01       # calling TSAP selector
		  C2 02 00 01       # called TSAP selector`,
}, {
	name: "CR with nothing",
	tpdu: CR{SrcRef: 0x1234},
	str:  `CR(src=1234)`,
	hex:  `03 00 00 0B 06 E0 00 00 12 34 00`,
}, {
	name: "CR with everything",
	tpdu: CR{DstRef: 5, SrcRef: 1, Class: 2, Alternatives: 1<<0 | 1<<1, Calling: []byte("a"), Called: []byte("b"), Size: Size65531,
		Preferred: 65408, HasOptions: true, Options: OptionExpedited, UserData: []byte("hi")},
	str: `CR(dst=0005, src=0001, class=2, or=0, or=1, calling=61, called=62, size=65531, preferred=65408, options=01, data=6869)`,
	hex: `03 00 00 21       # TPKT
		  1A E0             # LI 26, CR
		  00 05 00 01 20    # DST-REF, SRC-REF, class 2
		  C0 01 10          # TPDU size
		  C1 01 61          # calling TSAP selector
		  C2 01 62          # called TSAP selector
		  C6 01 01          # additional options: expedited data
		  F0 02 01 FF       # preferred maximum TPDU size: 511 times 128
		  C7 02 00 10       # alternative classes 0 and 1
		  68 69             # user data`,
}, {
	name: "CC",
	tpdu: CC{DstRef: 1, SrcRef: 1, Size: Size8192, Called: []byte{0, 1}, Calling: []byte{0, 1}},
	str:  `CC(dst=0001, src=0001, calling=0001, called=0001, size=8192)`,
	hex: `03 00 00 16 11 D0    # TPKT, LI, CC
		  00 01 00 01 00       # DST-REF, SRC-REF, class 0
		  C0 01 0D             # TPDU size
		  C1 02 00 01          # calling TSAP selector
		  C2 02 00 01          # called TSAP selector`,
}, {
	name: "CC that refuses expedited data",
	tpdu: CC{DstRef: 1, SrcRef: 2, HasOptions: true},
	str:  `CC(dst=0001, src=0002, options=00)`,
	hex:  `03 00 00 0E 09 D0 00 01 00 02 00 C6 01 00`,
}, {
	name: "DR as iec61850bean sends it",
	tpdu: DR{DstRef: 1, SrcRef: 2},
	str:  `DR(dst=0001, src=0002, reason=not specified)`,
	hex:  `03 00 00 0B 06 80 00 01 00 02 00`,
}, {
	name: "DR with information",
	tpdu: DR{DstRef: 1, Reason: ReasonAddressUnknown, Information: []byte("no")},
	str:  `DR(dst=0001, src=0000, reason=address unknown, information=6e6f)`,
	hex:  `03 00 00 0F 0A 80 00 01 00 00 03 E0 02 6E 6F`,
}, {
	name: "DT", // x225 5.5
	tpdu: DT{180, true},
	str:  `DT(180, EOT)`,
	hex:  `03 00 00 BB 02 F0 80 # TPKT, LI, DT, EOT`,
}, {
	name: "DT of the largest size, with more to come",
	tpdu: DT{65528, false},
	str:  `DT(65528)`,
	hex:  `03 00 FF FF 02 F0 00`,
}, {
	name: "DT with nothing but the end",
	tpdu: DT{0, true},
	str:  `DT(0, EOT)`,
	hex:  `03 00 00 07 02 F0 80`,
}, {
	name: "ED",
	tpdu: ED{16},
	str:  `ED(16)`,
	hex:  `03 00 00 17 02 10 80`,
}, {
	name: "ER",
	tpdu: ER{DstRef: 1, Cause: CauseType, Invalid: []byte{5, 0xc0}},
	str:  `ER(dst=0001, cause=invalid TPDU type, invalid=05c0)`,
	hex:  `03 00 00 0D 08 70 00 01 02 C1 02 05 C0`,
}}

func TestCodec(t *testing.T) {
	for _, row := range codecTable {
		want := octets(t, row.hex)
		got, err := row.tpdu.AppendBinary([]byte("x"))
		if err != nil || !bytes.Equal(got[1:], want) {
			t.Errorf("%s: appended % x, %v; want % x", row.name, got, err, want)
		}
		if got := row.tpdu.String(); got != row.str {
			t.Errorf("%s: %s, want %s", row.name, got, row.str)
		}
		if c, ok := row.tpdu.(CR); ok && c.UserData == nil {
			c.UserData = []byte{}
			row.tpdu = c
		}
		if c, ok := row.tpdu.(CC); ok && c.UserData == nil {
			c.UserData = []byte{}
			row.tpdu = c
		}
		if got, err := Parse(want); err != nil || !reflect.DeepEqual(got, row.tpdu) {
			t.Errorf("%s: parsed %#v, %v; want %#v", row.name, got, err, row.tpdu)
		}
	}
}

// TestTruncation: of a packet cut short nothing is taken, and one whose lengths are cut short too is another packet or none.
func TestTruncation(t *testing.T) {
	for _, row := range codecTable {
		whole := octets(t, row.hex)
		for i := range whole {
			if h, n, err := ParseHeader(whole[:i]); n != 0 || err != nil {
				t.Errorf("%s: %d octets of %d: %+v, %d, %v", row.name, i, len(whole), h, n, err)
			}
			if p, err := Parse(whole[:i]); err == nil {
				t.Errorf("%s: %d octets of %d parse as %v", row.name, i, len(whole), p)
			}
			if i < HeaderSize {
				continue
			}
			cut := bytes.Clone(whole[:i])
			cut[3], cut[4] = byte(i), byte(min(int(whole[4]), i-5))
			p, err := Parse(cut)
			if err != nil {
				continue
			}
			if again, err := p.AppendBinary(nil); err != nil || !bytes.Equal(again, cut) {
				t.Errorf("%s: cut to % x it parses as %v", row.name, cut, p)
			}
		}
	}
}

// TestParseErrors: what the text says, the cause, and the octets that an ER returns.
func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		hex, text string
		cause     Cause
		invalid   string
	}{
		{"47 45 54 20 2F", "TPKT: version 71 is not 3", 0, ""}, // GET /, at once
		{"16", "TPKT: version 22 is not 3", 0, ""},             // a TLS handshake
		{"03 00 00 06", "TPKT: length 6 is less than 7", 0, ""},
		{"03 00 00 00", "TPKT: length 0 is less than 7", 0, ""},
		{"03 00 00 0B FF E0 00", "CR: LI 255 exceeds 6", 3, "FF"},
		{"03 00 00 0B 07 E0 00", "CR: LI 7 exceeds 6", 3, "07"},
		{"03 00 FF FF FF E0 00", "CR: LI 255 exceeds 254", 3, "FF"},
		{"03 00 FF FF 06 E0 00", "CR: packet of 65535 octets exceeds 323", 3, "06"},
		{"03 00 00 0B 05 E0 00 00 00 01 00", "CR: LI 5 is less than 6", 3, "05"},
		{"03 00 00 0B 05 80 00 00 00 01 00", "DR: LI 5 is less than 6", 3, "05"},
		{"03 00 00 08 03 70 00 01", "ER: LI 3 is less than 4", 3, "03"},
		{"03 00 00 0B 06 C0 00", "DC: not a TPDU of class 0", 2, "06 C0"},
		{"03 00 00 0B 06 60 00", "AK: not a TPDU of class 0", 2, "06 60"},
		{"03 00 00 0B 06 20 00", "EA: not a TPDU of class 0", 2, "06 20"},
		{"03 00 00 0B 06 50 00", "RJ: not a TPDU of class 0", 2, "06 50"},
		{"03 00 00 0B 06 00 00", "TPDU-00: not a TPDU of class 0", 2, "06 00"},
		{"03 00 00 0B 06 A1 00", "TPDU-A0: not a TPDU of class 0", 2, "06 A1"},
		{"03 00 00 09 04 F0 00", "DT: LI 4 is not 2", 3, "04"},
		{"03 00 00 09 01 F0 00", "DT: LI 1 is not 2", 3, "01"},
		{"03 00 00 09 02 F1 80", "DT: code F1 is not F0", 2, "02 F1"},
		{"03 00 00 07 02 10 80", "ED: 0 octets of user data are not 1 to 16", 3, "02"},
		{"03 00 00 18 02 10 80", "ED: 17 octets of user data are not 1 to 16", 3, "02"},
		{"03 00 00 09 04 10 00", "ED: LI 4 is not 2", 3, "04"}, // the form of classes 1 to 4
		{"03 00 00 0B 06 E0 00 00 00 01 50", "CR: class 5 does not exist", 3, "06 E0 00 00 00 01 50"},
		{"03 00 00 0C 07 E0 00 00 00 01 00 C1", "CR: parameter C1 exceeds the header", 3, "07 E0 00 00 00 01 00 C1"},
		{"03 00 00 0D 08 E0 00 00 00 01 00 C1 01", "CR: parameter C1 exceeds the header", 3, "08 E0 00 00 00 01 00 C1 01"},
		{"03 00 00 0E 09 E0 00 00 00 01 00 C1 FF 00", "CR: parameter C1 exceeds the header", 3, "09 E0 00 00 00 01 00 C1 FF"},
		{"03 00 00 0E 09 E0 00 00 00 01 00 C0 01 06", "CR: parameter C0 (TPDU size): code 06 does not exist", 3, "09 E0 00 00 00 01 00 C0 01 06"},
		{"03 00 00 0E 09 E0 00 00 00 01 00 C0 01 11", "CR: parameter C0 (TPDU size): code 11 does not exist", 3, "09 E0 00 00 00 01 00 C0 01 11"},
		{"03 00 00 0F 0A D0 00 00 00 01 00 C0 02 0D 00", "CC: parameter C0 (TPDU size): length 2 is not 1", 3, "0A D0 00 00 00 01 00 C0 02 0D 00"},
		{"03 00 00 0D 08 E0 00 00 00 01 00 C6 00", "CR: parameter C6 (additional options): length 0 is not 1", 3, "08 E0 00 00 00 01 00 C6 00"},
		{"03 00 00 0E 09 E0 00 00 00 01 00 F0 01 00", "CR: parameter F0 (preferred maximum TPDU size): 00 is not a size", 3, "09 E0 00 00 00 01 00 F0 01 00"},
		{"03 00 00 12 0D E0 00 00 00 01 00 F0 05 00 00 00 00 01", "CR: parameter F0 (preferred maximum TPDU size): 00 00 00 00 01 is not a size", 3,
			"0D E0 00 00 00 01 00 F0 05 00 00 00 00 01"},
		{"03 00 00 2E 29 E0 00 00 00 01 00 C2 21" + strings.Repeat(" 41", 33), "CR: parameter C2 (called TSAP selector): length 33 exceeds 32", 3,
			"29 E0 00 00 00 01 00 C2 21" + strings.Repeat(" 41", 33)},
		{"03 00 00 2C 06 E0 00 00 00 01 00" + strings.Repeat(" 41", 33), "CR: 33 octets of user data exceed 32", 3,
			"06 E0 00 00 00 01 00" + strings.Repeat(" 41", 33)},
	} {
		_, err := Parse(octets(t, tt.hex))
		var pe *ProtocolError
		if !errors.As(err, &pe) {
			t.Errorf("%s: %v", tt.hex, err)
			continue
		}
		if got := strings.TrimPrefix(err.Error(), "cotp: "); got != tt.text || pe.Cause != tt.cause || !bytes.Equal(pe.Invalid, octets(t, tt.invalid)) {
			t.Errorf("%s: %s, cause %d, invalid % x; want %s, %d, %s", tt.hex, got, pe.Cause, pe.Invalid, tt.text, tt.cause, tt.invalid)
		}
		if pe.Framing != strings.HasPrefix(tt.text, "TPKT") {
			t.Errorf("%s: framing %v", tt.hex, pe.Framing)
		}
	}
}

// TestLaxities: what is taken though it is not as it should be.
func TestLaxities(t *testing.T) {
	for _, tt := range []struct{ why, hex, str string }{
		{"the reserved octet of TPKT", "03 FF 00 07 02 F0 80", "DT(0, EOT)"},
		{"TPDU-NR in class 0", "03 00 00 08 02 F0 85 00", "DT(1, EOT)"},
		{"ED without EOT, from ISODE on little-endian machines", "03 00 00 08 02 10 00 00", "ED(1)"},
		{"a credit in CR, and options of its class", "03 00 00 0B 06 E1 00 00 00 01 02", "CR(src=0001)"},
		{"a reference for us in CR", "03 00 00 0B 06 E0 00 09 00 01 00", "CR(dst=0009, src=0001)"},
		{"unknown parameters in CR", "03 00 00 0E 09 E0 00 00 00 01 00 99 01 FF", "CR(src=0001)"},
		{"unknown parameters in CC", "03 00 00 0E 09 D0 00 01 00 01 00 99 01 FF", "CC(dst=0001, src=0001)"},
		{"unknown parameters in DR", "03 00 00 0E 09 80 00 01 00 01 00 99 01 FF", "DR(dst=0001, src=0001, reason=not specified)"},
		{"unknown parameters in ER", "03 00 00 0C 07 70 00 01 00 99 01 FF", "ER(dst=0001, cause=not specified)"},
		{"version, security, checksum and quality of service", `03 00 00 27 22 E0 00 00 00 01 00
			C4 01 01  C5 01 AA  C3 02 12 34  85 02 00 10  87 02 00 01  88 08 00 01 00 01 00 01 00 01`, "CR(src=0001)"},
		{"parameters in another order", "03 00 00 11 0C E0 00 00 00 01 00 C2 01 62 C0 01 0D", "CR(src=0001, called=62, size=8192)"},
		{"of two the last one counts", "03 00 00 11 0C E0 00 00 00 01 00 C0 01 0D C0 01 0A", "CR(src=0001, size=1024)"},
		{"no selector of no octets", "03 00 00 0D 08 E0 00 00 00 01 00 C1 00", "CR(src=0001)"},
		{"alternative classes that do not exist", "03 00 00 0F 0A E0 00 00 00 01 40 C7 02 F0 00", "CR(src=0001, class=4, or=0)"},
		{"a preferred size beyond all", "03 00 00 11 0C E0 00 00 00 01 00 F0 04 FF FF FF FF", "CR(src=0001, preferred=65408)"},
		{"user data of DR", "03 00 00 0C 06 80 00 01 00 01 80 AA", "DR(dst=0001, src=0001, reason=normal disconnect)"},
		{"reasons that are not known", "03 00 00 0B 06 80 00 01 00 01 07", "DR(dst=0001, src=0001, reason=reason 7)"},
		{"causes that are not known", "03 00 00 09 04 70 00 01 09", "ER(dst=0001, cause=cause 9)"},
	} {
		if p, err := Parse(octets(t, tt.hex)); err != nil || p.String() != tt.str {
			t.Errorf("%s: %v, %v; want %s", tt.why, p, err, tt.str)
		}
	}
}

func TestAppendErrors(t *testing.T) {
	long := make([]byte, 65)
	for _, p := range []TPDU{
		CR{Calling: long[:33]}, CR{Called: long[:33]}, CC{UserData: long[:33]}, CR{Class: 5}, CR{Size: 6}, CR{Size: 0x11}, CC{Preferred: 100},
		CC{Preferred: 65536}, DR{Information: long}, ER{Invalid: long}, DT{65529, true}, DT{-1, true}, ED{0}, ED{17},
	} {
		if b, err := p.AppendBinary([]byte("x")); err == nil || string(b) != "x" {
			t.Errorf("%#v: % x, %v", p, b, err)
		}
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[int]Size{0: 7, 127: 7, 128: 7, 255: 7, 256: 8, 2048: 0x0b, 8191: 0x0c, 8192: 0x0d, 32768: 0x0f, 65530: 0x0f, 65531: 0x10, 1 << 20: 0x10} {
		if got := SizeOf(n); got != want {
			t.Errorf("SizeOf(%d) = %02X, want %02X", n, got, want)
		}
	}
	for s, want := range map[Size]int{0: 65531, 7: 128, 0x0b: 2048, 0x0d: 8192, 0x0f: 32768, 0x10: 65531} {
		if got := s.Octets(); got != want {
			t.Errorf("Size %02X has %d octets, want %d", s, got, want)
		}
	}
}

func TestHeadersAllocateNothing(t *testing.T) {
	m := open(t, Offer{})
	var b [HeaderSize]byte
	if n := testing.AllocsPerRun(1000, func() {
		k, end := m.Segment(100000, true)
		PutHeader(b[:], TypeDT, k, end)
		if _, n, err := m.Handle(b[:]); n != HeaderSize || err != nil {
			t.Fatal(n, err)
		}
		m.Took(k)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// open returns a machine whose connection is open.
func open(t testing.TB, o Offer) *Machine {
	t.Helper()
	m := NewInitiator(1, o)
	m.Connect()
	cc, err := CC{DstRef: 1, SrcRef: 2, HasOptions: o.Expedited, Options: options(o.Expedited)}.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if e, n, err := m.Handle(cc); e.Kind != EffectConfirm || n != len(cc) || err != nil {
		t.Fatal(e, n, err)
	}
	return m
}
