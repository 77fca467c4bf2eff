package spdu

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
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

// A codecRow is an SPDU in one shape: the value, its notation, its octets.
type codecRow struct {
	name string
	pdu  SPDU
	str  string
	hex  string
}

// codecTable has all SPDUs in all shapes.
var codecTable = slices.Concat(kernelRows, tokenRows, dataRows, syncRows, activityRows, exceptionRows)

// parser parses as the type of p.
func parser(p SPDU) func([]byte) (SPDU, int, error) {
	return func(b []byte) (SPDU, int, error) { return parseKind(p.kind(), b) }
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
			in := slices.Clone(want)
			if row.pdu.kind() != kindEX { // which takes all there is
				in = append(in, 0xee)
			}
			p, n, err := parser(row.pdu)(in)
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			if n != len(want) || !reflect.DeepEqual(p, row.pdu) {
				t.Errorf("Parse = %v, %d octets, want %v, %d", p, n, row.pdu, len(want))
			}
			for i := range want {
				if row.pdu.kind() == kindEX && i > 2 {
					break // fewer octets of user information are an EX too
				}
				var pe *ProtocolError
				if _, _, err := parser(row.pdu)(want[:i]); !errors.As(err, &pe) {
					t.Errorf("Parse of the first %d octets: %v, want a ProtocolError", i, err)
				} else if pe.Code != Truncated && row.pdu.kind() != kindEX || len(pe.Reflect) > ReflectMax || !bytes.HasPrefix(want, pe.Reflect) {
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
		{"05 00", BadLength, "spdu: parse EX: user information of 0 octets is not 1 to 14"},
		{"31 00", UnknownSPDU, "spdu: parse MIP: SI 49: not after GT or PT"},
		{"03 00", UnknownSPDU, "spdu: parse TSDU: SI 3: unknown"},
		{"40 00", NotSupported, "spdu: parse TSDU: SI 64: UNIT DATA, of the connectionless protocol"},
		{"E8", NotSupported, "spdu: parse TSDU: SI 232: short SPDUs and null encoding are not done"},
		{"01 00 31 00", Missing, "spdu: parse MIP: PI 42 (serial number): missing"},
		{"01 00 0D 00", UnknownSPDU, "spdu: parse CN: SI 13: after GT or PT"},
		{"01 00 03 00", UnknownSPDU, "spdu: parse TSDU: SI 3: unknown"},
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
