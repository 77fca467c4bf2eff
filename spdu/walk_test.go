package spdu

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func walked(t *testing.T, b []byte) (string, error) {
	var s strings.Builder
	err := Walk(b, func(i Item) error {
		if i.Head+i.Offset+len(i.Value) > len(b) {
			t.Fatalf("%+v of %d octets", i, len(b))
		}
		fmt.Fprintf(&s, "%s%d+%d %s %d", strings.Repeat("  ", i.Depth), i.Offset, i.Head, i.Name, i.Length)
		if len(i.Value) != i.Length || i.Depth > 0 && i.Value != nil && !strings.HasPrefix(i.Name, "PGI 1 ") {
			fmt.Fprintf(&s, ": %x", i.Value)
		}
		s.WriteByte('\n')
		return nil
	})
	return s.String(), err
}

func TestWalk(t *testing.T) {
	for _, row := range []struct{ hex, want, err string }{
		{"01 03 10 01 01 31 09 2A 01 36 C1 02 01 02 EE 00 01 00 61 62", `
			0+2 GT (GIVE TOKENS) 3
			  2+2 PI 16 (token item) 1: 01
			5+2 MIP (MINOR SYNC POINT) 9
			  7+2 PI 42 (serial number) 1: 36
			  10+2 PGI 193 (user data) 2: 0102
			  14+2 PI 238 0: 
			16+2 DT (DATA TRANSFER) 0
			  18+0 user information 2: 6162`, ""},
		{"0D 0C 01 07 0A 02 6D 65 5A 01 00 14 00 ", `
			0+2 CN (CONNECT) 12: 01070a026d655a01001400
			  2+2 PGI 1 (connection identifier) 7
			    4+2 PI 10 (calling SS-user reference) 2: 6d65
			    8+2 PI 90 1: 00
			  11+2 PI 20 (session user requirements) 0: `, "spdu: parse CN: LI exceeds the 11 octets there are"},
		{"01 00 29 03 2A 01 31", `
			0+2 GT (GIVE TOKENS) 0
			2+2 AE (ACTIVITY END) 3
			  4+2 PI 42 (serial number) 1: 31`, ""},
		{"21 FF 00 03 19 01 01 61", `
			0+4 TD (TYPED DATA) 3
			  4+2 PI 25 (enclosure item) 1: 01
			  7+0 user information 1: 61`, ""},
		{"03 02 01 00 63 00", `
			0+2 SI 3 2
			  2+2 PGI 1 (connection identifier) 0
			4+2 SI 99 0`, ""},
		{"0A 00 0A 00", `
			0+2 DN (DISCONNECT) 0`, "spdu: parse TSDU: 2 octets after DN"},
		{"0A 03 C1 05 01", `
			0+2 DN (DISCONNECT) 3
			  2+2 PGI 193 (user data) 5: 01`, "spdu: parse DN: PGI 193 (user data): LI exceeds the 1 octets there are"},
		{"01 00 31", `
			0+2 GT (GIVE TOKENS) 0
			2+1 MIP (MINOR SYNC POINT) 0`, "spdu: parse MIP: LI exceeds the 0 octets there are"},
		{"", "", ""},
	} {
		var want strings.Builder
		for line := range strings.Lines(strings.TrimPrefix(row.want, "\n")) {
			want.WriteString(strings.TrimPrefix(strings.TrimRight(line, "\n"), "\t\t\t") + "\n")
		}
		got, err := walked(t, octets(t, row.hex))
		if got != want.String() {
			t.Errorf("%s:\n%swant\n%s", row.hex, got, want.String())
		}
		if text := fmt.Sprint(err); (err != nil || row.err != "") && text != row.err {
			t.Errorf("%s: %v, want %s", row.hex, err, row.err)
		}
	}
	stop := errors.New("enough")
	if err := Walk([]byte{1, 0}, func(Item) error { return stop }); err != stop {
		t.Errorf("%v, want the function's error", err)
	}
}

// TestWalkOffsets walks all shapes: what Walk finds covers every octet once.
func TestWalkOffsets(t *testing.T) {
	for _, row := range codecTable {
		b, err := AppendTSDU(nil, row.pdu)
		if err != nil {
			t.Fatal(err)
		}
		covered := 0
		if err := Walk(b, func(i Item) error {
			if covered += i.Head; i.Offset+i.Head != covered {
				t.Errorf("%v: %+v after %d octets", row.pdu, i, covered-i.Head)
			}
			if p := Param(i.Code); i.Depth > 0 && !(p.group() && p < pgiUserData) {
				covered += len(i.Value)
			}
			return nil
		}); err != nil {
			t.Errorf("%v: %v", row.pdu, err)
		}
		if covered != len(b) {
			t.Errorf("%v: %d of %d octets", row.pdu, covered, len(b))
		}
	}
}

func TestLocate(t *testing.T) {
	for _, row := range []struct {
		hex     string
		index   int
		offset  int
		reflect string
	}{
		{"01 00 31 06 19 01 01 2A 01 36", 1, 4, "31 06 19 01 01 2A 01 36"},                                // an enclosure item in version 1
		{"01 00 2D 02 29 00 3D 03 19 01 02", 2, 8, "3D 03 19 01 02"},                                      // the same
		{"01 04 C1 02 01 02", 0, 2, "01 04 C1 02 01 02"},                                                  // user data of GT in version 1
		{"01 03 10 01 01 19 0C 32 01 00 C1 07 01 02 03 04 05 06 07", 1, 10, "19 0C 32 01 00 C1 07 01 02"}, // and of AI
	} {
		b := octets(t, row.hex)
		pdus, _, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		err = Locate(CheckVersion(pdus[row.index], Version1), b, row.index)
		var e *ProtocolError
		if !errors.As(err, &e) || e.Offset != row.offset || !bytes.Equal(e.Reflect, octets(t, row.reflect)) {
			t.Errorf("%s: %+v, want it at %d, to reflect %s", row.hex, e, row.offset, row.reflect)
		}
	}
	_, _, err := Parse([]byte{1, 0, 0x31, 0})
	var e *ProtocolError
	if Locate(err, []byte{1, 0, 0x31, 0}, 0) != err || !errors.As(err, &e) || e.Offset != 2 {
		t.Errorf("%+v, which knew its place, was moved", e)
	}
	if Locate(nil, nil, 0) != nil {
		t.Error("an error out of nothing")
	}
}
