package spdu

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

func fill(n int) []byte { return bytes.Repeat([]byte{0x5a}, n) }

// codecTable has one row for each SPDU and shape: the value, its notation, its octets.
var codecTable = []struct {
	name string
	pdu  SPDU
	str  string
	hex  string
}{{
	// x225 5.5 with the presentation part cut off.
	name: "CN as MMS clients send it",
	pdu: CN{ConnectItem: ConnectItem{Version: Version2}, Units: Duplex, Calling: []byte{0, 1}, Called: []byte{0, 1},
		UserData: []byte{0x31, 0x81, 0x99}},
	str: `CN(version=2, FU=FD, calling=0001, called=0001, data=3)`,
	hex: `0D 19             # SI CN, LI
		  05 06             # PGI connect/accept item
		    13 01 00        # PI protocol options: none
		    16 01 02        # PI version number: 2
		  14 02 00 02       # PI session user requirements: duplex
		  33 02 00 01       # PI calling session selector
		  34 02 00 01       # PI called session selector
		  C1 03 31 81 99    # PGI user data`,
}, {
	name: "CN with everything",
	pdu: CN{
		ID: ConnectionID{User: []byte("me"), Common: []byte("t1"), Additional: []byte{1}},
		ConnectItem: ConnectItem{ExtendedConcatenation: true, TSDUSize: TSDUSize{0x400, 0x1000}, Version: Version1 | Version2,
			Serial: Serial{1, true}, TokenSetting: 0x46, SecondSerial: Serial{999999, true}, UpperLimit: 6,
			LargeSerial: []byte{7}, LargeSecond: []byte{8}},
		Units: HalfDuplex | Duplex | MinorSync, Calling: []byte("a"), Called: []byte("postgres"), UserData: []byte("hi"),
	},
	str: `CN(ref="me", common="t1", additional=01, version=3, extconc, TSDU=1024/4096, sn=1, setting=0x46, sn2=999999, ` +
		`ulsn=6, large=07, large2=08, FU=HD+FD+SY, calling="a", called="postgres", data=2)`,
	hex: `0D 47                     # SI CN, LI
		  01 0B                     # PGI connection identifier
		    0A 02 6D 65             # PI calling SS-user reference
		    0B 02 74 31             # PI common reference
		    0C 01 01                # PI additional reference information
		  05 23                     # PGI connect/accept item
		    13 01 01                # PI protocol options: extended concatenation
		    15 04 04 00 10 00       # PI TSDU maximum size: to the responder, to the initiator
		    16 01 03                # PI version number: 1 and 2
		    17 01 31                # PI initial serial number
		    1A 01 46                # PI token setting item
		    37 06 39 39 39 39 39 39 # PI second initial serial number
		    38 01 06                # PI upper limit serial number
		    39 01 07                # PI large initial serial number
		    3A 01 08                # PI large second initial serial number
		  14 02 00 0B               # PI session user requirements
		  33 01 61                  # PI calling session selector
		  34 08 70 6F 73 74 67 72 65 73 # PI called session selector
		  C1 02 68 69               # PGI user data`,
}, {
	// x225 5.6 with the presentation part cut off.
	name: "AC as MMS servers send it",
	pdu: AC{ConnectItem: ConnectItem{Version: Version2}, Units: Duplex, Responding: []byte{0, 1},
		UserData: []byte{0x31, 0x74}},
	str: `AC(version=2, FU=FD, responding=0001, data=2)`,
	hex: `0E 14          # SI AC, LI
		  05 06          # PGI connect/accept item
		    13 01 00     # PI protocol options
		    16 01 02     # PI version number
		  14 02 00 02    # PI session user requirements
		  34 02 00 01    # PI responding session selector
		  C1 02 31 74    # PGI user data`,
}, {
	name: "AC with everything, first segment",
	pdu: AC{ID: ConnectionID{User: []byte("you")}, ConnectItem: ConnectItem{Version: Version2}, Tokens: DataToken | ReleaseToken,
		Units: HalfDuplex, Enclosure: First, Calling: []byte("a"), Responding: []byte("b"), UserData: []byte{1}},
	str: `AC(ref="you", version=2, please=data+release, FU=HD, calling="a", responding="b", enclosure=first, data=1)`,
	hex: `0E 22              # SI AC, LI
		  01 05              # PGI connection identifier
		    09 03 79 6F 75   # PI called SS-user reference
		  05 06 13 01 00 16 01 02 # PGI connect/accept item
		  10 01 41           # PI token item
		  14 02 00 01        # PI session user requirements
		  19 01 01           # PI enclosure item: beginning
		  33 01 61           # PI calling session selector
		  34 01 62           # PI responding session selector
		  C1 01 01           # PGI user data`,
}, {
	name: "AC, last segment",
	pdu:  AC{Enclosure: Last, UserData: []byte{2}},
	str:  `AC(enclosure=last, data=1)`,
	hex:  `0E 06 19 01 02 C1 01 02 # SI, LI, enclosure item: end, user data`,
}, {
	name: "OA", // x225 5.7
	pdu:  OA{Version: Version2},
	str:  `OA(version=2)`,
	hex:  `10 03 16 01 02`,
}, {
	name: "OA with sizes",
	pdu:  OA{Version: Version2, TSDUSize: TSDUSize{0, 512}},
	str:  `OA(version=2, TSDU=0/512)`,
	hex:  `10 09 15 04 00 00 02 00 16 01 02`,
}, {
	name: "CDO, one of several", // x225 5.7
	pdu:  CDO{Enclosure: Middle, UserData: []byte{1, 2}},
	str:  `CDO(enclosure=middle, data=2)`,
	hex:  `0F 07 19 01 00 C1 02 01 02`,
}, {
	name: "CDO, the last",
	pdu:  CDO{Enclosure: Last, UserData: []byte{3}},
	str:  `CDO(enclosure=last, data=1)`,
	hex:  `0F 06 19 01 02 C1 01 03`,
}, {
	name: "RF, versions not supported",
	pdu:  RF{Reason: RefusedVersions},
	str:  `RF(released, reason=132)`,
	hex:  `0C 06 11 01 01 32 01 84`, // x225 5.7
}, {
	name: "RF with everything",
	pdu: RF{ID: ConnectionID{User: []byte("u"), Common: []byte("c"), Additional: []byte{9}}, Keep: true, Units: Duplex, HasUnits: true,
		Version: Version1, Enclosure: Only, Reason: RefusedWithData, UserData: []byte("no")},
	str: `RF(ref="u", common="c", additional=09, keep, FU=FD, version=1, reason=2, enclosure=only, data=2)`,
	hex: `0C 1D           # SI RF, LI
		  01 09 09 01 75 0B 01 63 0C 01 09 # PGI connection identifier
		  11 01 00        # PI transport disconnect: kept
		  14 02 00 02     # PI session user requirements
		  16 01 01        # PI version number
		  19 01 03        # PI enclosure item
		  32 03 02 6E 6F  # PI reason code: user data follow`,
}, {
	name: "RF, last segment",
	pdu:  RF{Enclosure: Last, UserData: []byte{7}},
	str:  `RF(enclosure=last, data=1)`,
	hex:  `0C 06 19 01 02 32 01 07`,
}, {
	name: "FN",
	pdu:  FN{UserData: []byte{1}},
	str:  `FN(released, data=1)`,
	hex:  `09 06 11 01 01 C1 01 01 # SI, LI, PI transport disconnect: released, PGI user data`,
}, {
	name: "FN that keeps the transport connection, first segment",
	pdu:  FN{Keep: true, Enclosure: First},
	str:  `FN(keep, enclosure=first)`,
	hex:  `09 06 11 01 00 19 01 01`,
}, {
	name: "DN",
	pdu:  DN{UserData: []byte("bye")},
	str:  `DN(data=3)`,
	hex:  `0A 05 C1 03 62 79 65`,
}, {
	name: "DN, empty",
	pdu:  DN{},
	str:  `DN()`,
	hex:  `0A 00`,
}, {
	name: "NF",
	pdu:  NF{Enclosure: Last, UserData: []byte{1}},
	str:  `NF(enclosure=last, data=1)`,
	hex:  `08 06 19 01 02 C1 01 01`,
}, {
	name: "AB of the user", // as 61850 sends it, x225 5.7
	pdu:  AB{Reason: UserAbort | NoReason, UserData: []byte{1, 2}},
	str:  `AB(released, user abort, no reason, data=2)`,
	hex:  `19 07 11 01 0B C1 02 01 02`,
}, {
	name: "AB of the provider", // x225 5.7
	pdu:  AB{Reason: ProtocolErrorAbort},
	str:  `AB(released, protocol error)`,
	hex:  `19 03 11 01 05`,
}, {
	name: "AB with everything",
	pdu:  AB{Keep: true, Reason: ProtocolErrorAbort | ImplementationRestriction, Enclosure: First, Reflect: []byte{0xff, 0}, UserData: []byte{1}},
	str:  `AB(keep, protocol error, implementation restriction, reflect=ff00, enclosure=first, data=1)`,
	hex:  `19 0D 11 01 14 19 01 01 31 02 FF 00 C1 01 01`,
}, {
	name: "AB, middle segment",
	pdu:  AB{Enclosure: Middle, UserData: []byte{1}},
	str:  `AB(enclosure=middle, data=1)`,
	hex:  `19 06 19 01 00 C1 01 01`,
}, {
	name: "AA", // x225 5.7
	pdu:  AA{},
	str:  `AA()`,
	hex:  `1A 00`,
}, {
	name: "PR before AB",
	pdu:  PR{PrepareAB},
	str:  `PR(AB)`,
	hex:  `07 03 18 01 04`,
}, {
	name: "PR before RS", // x225 5.7
	pdu:  PR{PrepareRS},
	str:  `PR(RS)`,
	hex:  `07 03 18 01 02`,
}, {
	name: "GT, header only",
	pdu:  GT{},
	str:  `GT()`,
	hex:  `01 00`,
}, {
	name: "GT that gives the data token", // x225 5.7
	pdu:  GT{Tokens: DataToken},
	str:  `GT(tokens=data)`,
	hex:  `01 03 10 01 01`,
}, {
	name: "PT with everything",
	pdu:  PT{Tokens: allTokens, Enclosure: First, UserData: []byte{1}},
	str:  `PT(tokens=data+minor+major+release, enclosure=first, data=1)`,
	hex:  `02 09 10 01 55 19 01 01 C1 01 01`,
}}

// parser parses as the type of p.
func parser(p SPDU) func([]byte) (SPDU, int, error) {
	if _, ok := p.(DT); ok {
		return func(b []byte) (SPDU, int, error) { return result(ParseDT(b)) }
	}
	return ParseFirst
}

func TestCodec(t *testing.T) {
	for _, row := range codecTable {
		t.Run(row.name, func(t *testing.T) {
			want := octets(t, row.hex)
			got, err := row.pdu.AppendBinary([]byte{0xee})
			if err != nil {
				t.Fatalf("AppendBinary: %v", err)
			}
			if !bytes.Equal(got[1:], want) || got[0] != 0xee {
				t.Errorf("AppendBinary = % x, want ee % x", got, want)
			}
			if got := row.pdu.String(); got != row.str {
				t.Errorf("String = %s, want %s", got, row.str)
			}
			p, n, err := parser(row.pdu)(append(bytes.Clone(want), 0xee))
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			if n != len(want) || !reflect.DeepEqual(p, row.pdu) {
				t.Errorf("Parse = %v, %d octets, want %v, %d", p, n, row.pdu, len(want))
			}
			for i := range want {
				var pe *ProtocolError
				if _, _, err := parser(row.pdu)(want[:i]); !errors.As(err, &pe) {
					t.Errorf("Parse of the first %d octets: %v, want a ProtocolError", i, err)
				} else if pe.Code != Truncated || len(pe.Reflect) > ReflectMax || !bytes.HasPrefix(want, pe.Reflect) {
					t.Errorf("Parse of the first %d octets: code %v, reflect %x", i, pe.Code, pe.Reflect)
				}
			}
		})
	}
}

func TestLongLI(t *testing.T) {
	for _, n := range []int{248, 249, 250, 251, 252, 253, 254, 255, 256, 512, 60000} {
		p := DN{UserData: fill(n)}
		b, err := p.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, m, err := ParseDN(b)
		if err != nil || m != len(b) || !reflect.DeepEqual(got, p) {
			t.Errorf("%d octets: Parse = %v, %d of %d octets, %v", n, got, m, len(b), err)
		}
		// Both lengths are in the shortest form: x225 2.1.
		wantShort := n+2 <= 254
		if short := b[1] != 0xff; short != wantShort {
			t.Errorf("%d octets: LI % x", n, b[:4])
		}
	}
	if _, err := (DN{UserData: fill(65532)}).AppendBinary(nil); err == nil {
		t.Error("an SPDU of more than 65539 octets was appended")
	}
	if b, err := (DN{UserData: fill(65531)}).AppendBinary(nil); err != nil || len(b) != maxSPDU {
		t.Errorf("largest DN has %d octets, want %d (%v)", len(b), maxSPDU, err)
	}
}

// TestLaxities tests each laxity that the package comment names.
func TestLaxities(t *testing.T) {
	for _, row := range []struct{ name, hex, want string }{
		{"long LI for a short length", "0A FF 00 05 C1 FF 00 01 07", "DN(data=1)"},
		{"any order", "09 06 C1 01 07 11 01 00", "FN(keep, data=1)"},
		{"unknown parameters", "0A 09 EE 02 01 02 C1 01 07 EE 00", "DN(data=1)"},
		{"empty parameter counts as absent", "09 04 11 00 C1 00", "FN(released)"},
		{"reserved bits of PI 17 and 16", "09 03 11 01 E1", "FN(released)"},
		{"reserved token bits", "01 03 10 01 AB", "GT(tokens=data)"},
		{"reserved version bits", "10 03 16 01 FE", "OA(version=2)"},
		{"CN without connect/accept item", "0D 00", "CN(version=1, FU=HD+SY+ACT+CD+EXCEP)"},
		{"CN without requirements", "0D 08 05 06 13 01 00 16 01 01", "CN(version=1, FU=HD+SY+ACT+CD+EXCEP)"},
		{"leading zeros of a serial number", "0D 0B 05 09 16 01 01 17 04 30 30 31 32", "CN(version=1, sn=12, FU=HD+SY+ACT+CD+EXCEP)"},
		{"FN without PI 17", "09 00", "FN(released)"},
		{"RF without reason", "0C 00", "RF(released, reason=0)"},
		{"RF with data after another reason", "0C 04 32 02 00 07", "RF(released, reason=0, data=1)"},
	} {
		p, _, err := ParseFirst(octets(t, row.hex))
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
		} else if got := p.String(); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, row := range []struct {
		hex  string
		code Code
		want string
	}{
		{"0D 0D 05 0B 17 09 31 31 31 31 31 31 31 31 31", BadLength, "spdu: parse CN: PI 23 (initial serial number): length 9 exceeds 6"},
		{"0D 05 05 03 17 01 41", BadValue, "spdu: parse CN: PI 23 (initial serial number): octet 0x41 is not a digit"},
		{"0D 03 11 01 01", Misplaced, "spdu: parse CN: PI 17 (transport disconnect): not a parameter of this SPDU"},
		{"0A 06 C1 01 01 C1 01 02", Duplicate, "spdu: parse DN: PGI 193 (user data): occurs twice"},
		{"0A 03 C1 02 01", BadLength, "spdu: parse DN: PGI 193 (user data): LI 2 exceeds the 1 octets there are"},
		{"0A 01 C1", BadLength, "spdu: parse DN: PGI 193 (user data): no LI"},
		{"0D 04 01 02 0A 05", BadLength, "spdu: parse CN: PI 10 (calling SS-user reference): LI 5 exceeds the 0 octets there are"},
		{"0D 13 34 11 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", BadLength,
			"spdu: parse CN: PI 52 (called or responding session selector): length 17 exceeds 16"},
		{"0E 08 05 06 13 01 00 16 01 03", BadValue, "spdu: parse AC: PI 22 (version number): version set 0x3 is not one version"},
		{"0E 07 19 01 02 14 02 00 02", Misplaced, "spdu: parse AC: PI 20 (session user requirements): in a segment that continues an SSDU"},
		{"10 00", BadValue, "spdu: parse OA: PI 22 (version number): version set 0x0 is not version 2"},
		{"0F 03 C1 01 01", BadValue, "spdu: parse CDO: PI 25 (enclosure item): none"},
		{"0F 06 19 01 01 C1 01 01", BadValue, "spdu: parse CDO: PI 25 (enclosure item): first"},
		{"19 00", Missing, "spdu: parse AB: PI 17 (transport disconnect): missing"},
		{"19 06 11 01 03 31 01 00", Misplaced, "spdu: parse AB: PI 49 (reflect parameter values): without protocol error"},
		{"1A 03 11 01 00", Misplaced, "spdu: parse AA: PI 17 (transport disconnect): not a parameter of this SPDU"},
		{"07 00", Missing, "spdu: parse PR: PI 24 (prepare type): missing"},
		{"07 03 18 01 05", BadValue, "spdu: parse PR: PI 24 (prepare type): type 5"},
		{"07 06 18 01 01 18 01 01", Duplicate, "spdu: parse PR: PI 24 (prepare type): occurs twice"},
		{"21 00", NotSupported, "spdu: parse TD: SI 33: no functional unit for it"},
		{"31 00", UnknownSPDU, "spdu: parse MIP: SI 49: not after GT or PT"},
		{"FE 00", UnknownSPDU, "spdu: parse TSDU: SI 254: unknown"},
		{"01 00 31 00", NotSupported, "spdu: parse MIP: SI 49: no functional unit for it"},
		{"01 00 0D 00", UnknownSPDU, "spdu: parse CN: SI 13: after GT or PT"},
		{"01 00 FE 00", UnknownSPDU, "spdu: parse TSDU: SI 254: unknown"},
		{"1A 00 1A", BadLength, "spdu: parse TSDU: 1 octets after AA()"},
		{"01 00 01 03 19 02 00", BadLength, "spdu: parse DT: PI 25 (enclosure item): LI 2 exceeds the 1 octets there are"},
		{"", Truncated, "spdu: parse TSDU: no octets"},
	} {
		_, _, err := Parse(octets(t, row.hex))
		var pe *ProtocolError
		if !errors.As(err, &pe) {
			t.Errorf("%s: %v, want a ProtocolError", row.hex, err)
			continue
		}
		if pe.Code != row.code || err.Error() != row.want {
			t.Errorf("%s: %v: %v, want %v: %s", row.hex, pe.Code, err, row.code, row.want)
		}
	}
}

func TestAppendErrors(t *testing.T) {
	v2 := ConnectItem{Version: Version2}
	for _, row := range []struct {
		pdu  SPDU
		want string
	}{
		{CN{}, "spdu: append CN: PI 22 (version number): version set 0x0"},
		{CN{ConnectItem: v2, Called: fill(17)}, "spdu: append CN: PI 52 (called or responding session selector): length 17 exceeds 16"},
		{CN{ConnectItem: ConnectItem{Version: Version1}, UserData: fill(513)},
			"spdu: append CN: PGI 194 (extended user data): length 513 exceeds 512 when version 1 is proposed"},
		{CN{ConnectItem: v2, UserData: fill(10241)}, "spdu: append CN: PGI 194 (extended user data): length 10241 exceeds 10240"},
		{CN{ConnectItem: v2, More: true}, "spdu: append CN: PGI 194 (extended user data): length 0 is not 10240 though more follow"},
		{CN{ConnectItem: ConnectItem{Version: Version2, Serial: Serial{1000000, true}}},
			"spdu: append CN: PI 23 (initial serial number): 1000000 exceeds 999999"},
		{AC{ConnectItem: ConnectItem{Version: 3}}, "spdu: append AC: PI 22 (version number): version set 0x3 is not one version"},
		{RF{UserData: fill(1)}, "spdu: append RF: PI 50 (reason code): user data with reason 0"},
		{OA{Version: Version1}, "spdu: append OA: PI 22 (version number): version set 0x1 is not version 2"},
		{CDO{}, "spdu: append CDO: PI 25 (enclosure item): none"},
		{AB{Reason: 1}, "spdu: append AB: PI 17 (transport disconnect): reason 0x1"},
		{AB{Reflect: fill(1)}, "spdu: append AB: PI 49 (reflect parameter values): without protocol error"},
		{PR{}, "spdu: append PR: PI 24 (prepare type): type 0"},
		{GT{Tokens: 2}, "spdu: append GT: PI 16 (token item): set 0x2"},
		{DN{Enclosure: 9}, "spdu: append DN: PI 25 (enclosure item): enclosure 9"},
		{DN{UserData: fill(70000)}, "spdu: append DN: PGI 193 (user data): length 70000 exceeds 65535"},
	} {
		before := []byte{1, 2}
		b, err := row.pdu.AppendBinary(before)
		if err == nil || err.Error() != row.want {
			t.Errorf("%v: %v, want %s", row.pdu, err, row.want)
		}
		if !bytes.Equal(b, before) {
			t.Errorf("%v: % x was left in the buffer", row.pdu, b)
		}
	}
}
