package spdu

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
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
	if b, err := (DN{UserData: fill(65531)}).AppendBinary(nil); err != nil || len(b) != MaxSPDU {
		t.Errorf("largest DN has %d octets, want %d (%v)", len(b), MaxSPDU, err)
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
		{"PT before DT", "02 00 01 00", "PT() DT()"},
		{"reserved bits of PI 15", "01 00 31 06 0F 01 FC 2A 01 31", "GT() MIP(explicit, serial=1)"},
		{"AE with PI 15", "01 00 29 06 0F 01 FE 2A 01 31", "GT() AE(serial=1)"},
		{"AE with an empty PI 15", "01 00 29 05 0F 00 2A 01 31", "GT() AE(serial=1)"},
		{"reserved bits of PI 25", "01 00 3D 03 19 01 FD", "GT() CD(enclosure=first)"},
		{"user data before a serial number with leading zeros", "02 00 32 0B 2E 01 07 2A 06 30 30 30 30 31 32",
			"PT() MIA(serial=12, data=1)"},
		{"reserved settings of tokens", "01 00 35 09 2A 01 31 1B 01 00 1A 01 03", "GT() RS(restart, serial=1, " +
			"tokens=data:reserved,minor:initiator,major:initiator,release:initiator)"},
		{"AI without reason", "01 00 19 00", "GT() AI(reason=no specific reason)"},
		{"reserved reasons", "01 00 39 03 32 01 02", "GT() AD(reason=reason 2)"},
	} {
		pdus, _, err := Parse(octets(t, row.hex))
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
		} else if got := strings.Trim(fmt.Sprint(pdus), "[]"); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}
