package spdu

import (
	"bytes"
	"errors"
	"testing"
)

// parseErrors has one row for each rule that received octets can break.
var parseErrors = []struct {
	hex    string
	code   Code
	offset int
	clause string
	want   string
}{
	{"0D 0D 05 0B 17 09 31 31 31 31 31 31 31 31 31", BadLength, 4, "X.225 8.3.1.10",
		"spdu: parse CN: PI 23 (initial serial number): length 9 exceeds 6"},
	{"0D 05 05 03 17 01 41", BadValue, 4, "X.225 8.3.1.10",
		"spdu: parse CN: PI 23 (initial serial number): octet 0x41 is not a digit"},
	{"0D 03 11 01 01", Misplaced, 2, "x225 2.5",
		"spdu: parse CN: PI 17 (transport disconnect): not a parameter of this SPDU"},
	{"0A 06 C1 01 01 C1 01 02", Duplicate, 5, "x225 2.1",
		"spdu: parse DN: PGI 193 (user data): occurs twice"},
	{"0A 03 C1 02 01", BadLength, 2, "x225 2.1",
		"spdu: parse DN: PGI 193 (user data): LI 2 exceeds the 1 octets there are"},
	{"0A 01 C1", BadLength, 2, "x225 2.1",
		"spdu: parse DN: PGI 193 (user data): no LI"},
	{"0D 04 01 02 0A 05", BadLength, 4, "x225 2.1",
		"spdu: parse CN: PI 10 (calling SS-user reference): LI 5 exceeds the 0 octets there are"},
	{"0D 13 34 11 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", BadLength, 2, "x225 2.4",
		"spdu: parse CN: PI 52 (called or responding session selector): length 17 exceeds 16"},
	{"0E 08 05 06 13 01 00 16 01 03", BadValue, 7, "x225 2.7",
		"spdu: parse AC: PI 22 (version number): version set 0x3 is not one version"},
	{"0E 07 19 01 02 14 02 00 02", Misplaced, 5, "x225 2.5",
		"spdu: parse AC: PI 20 (session user requirements): in a segment that continues an SSDU"},
	{"10 00", BadValue, 0, "x225 2.7",
		"spdu: parse OA: PI 22 (version number): version set 0x0 is not version 2"},
	{"0F 03 C1 01 01", BadValue, 0, "x225 2.7",
		"spdu: parse CDO: PI 25 (enclosure item): none"},
	{"0F 06 19 01 01 C1 01 01", BadValue, 2, "x225 2.7",
		"spdu: parse CDO: PI 25 (enclosure item): first"},
	{"19 00", Missing, 0, "x225 2.5",
		"spdu: parse AB: PI 17 (transport disconnect): missing"},
	{"19 06 11 01 03 31 01 00", Misplaced, 5, "x225 2.5",
		"spdu: parse AB: PI 49 (reflect parameter values): without protocol error"},
	{"1A 03 11 01 00", Misplaced, 2, "x225 2.5",
		"spdu: parse AA: PI 17 (transport disconnect): not a parameter of this SPDU"},
	{"07 00", Missing, 0, "x225 2.5",
		"spdu: parse PR: PI 24 (prepare type): missing"},
	{"07 03 18 01 05", BadValue, 2, "x225 2.7",
		"spdu: parse PR: PI 24 (prepare type): type 5"},
	{"07 06 18 01 01 18 01 01", Duplicate, 5, "x225 2.1",
		"spdu: parse PR: PI 24 (prepare type): occurs twice"},
	{"05 00", BadLength, 0, "x225 2.10",
		"spdu: parse EX: user information of 0 octets is not 1 to 14"},
	{"31 00", UnknownSPDU, 0, "x225 2.2",
		"spdu: parse MIP: SI 49: not after GT or PT"},
	{"03 00", UnknownSPDU, 0, "x225 2.2",
		"spdu: parse TSDU: SI 3: unknown"},
	{"40 00", NotSupported, 0, "x225 2.2",
		"spdu: parse TSDU: SI 64: UNIT DATA, of the connectionless protocol"},
	{"E8", NotSupported, 0, "x225 2.2",
		"spdu: parse TSDU: SI 232: short SPDUs and null encoding are not done"},
	{"01 00 31 00", Missing, 2, "x225 2.5",
		"spdu: parse MIP: PI 42 (serial number): missing"},
	{"01 00 0D 00", UnknownSPDU, 2, "x225 2.2",
		"spdu: parse CN: SI 13: after GT or PT"},
	{"01 00 03 00", UnknownSPDU, 2, "x225 2.2",
		"spdu: parse TSDU: SI 3: unknown"},
	{"1A 00 1A", BadLength, 2, "x225 3.2",
		"spdu: parse TSDU: 1 octets after AA()"},
	{"01 00 01 03 19 02 00", BadLength, 4, "x225 2.1",
		"spdu: parse DT: PI 25 (enclosure item): LI 2 exceeds the 1 octets there are"},
	{"", Truncated, 0, "x225 2.1",
		"spdu: parse TSDU: no octets"},
	{"01 00 31 03 2A 01 3A", BadValue, 4, "x225 2.8",
		"spdu: parse MIP: PI 42 (serial number): octet 0x3a is not a digit"},
	{"01 00 31 09 2A 07 31 31 31 31 31 31 31", BadLength, 4, "x225 2.8",
		"spdu: parse MIP: PI 42 (serial number): length 7 exceeds 6"},
	{"01 00 31 06 0F 02 00 00 2A 00", BadLength, 4, "x225 2.4",
		"spdu: parse MIP: PI 15 (sync type item): length 2 is not 1"},
	{"01 00 31 06 2A 01 31 2A 01 32", Duplicate, 7, "x225 2.1",
		"spdu: parse MIP: PI 42 (serial number): occurs twice"},
	{"01 00 31 06 29 01 31 2A 01 32", Misplaced, 4, "x225 2.5",
		"spdu: parse MIP: PI 41 (activity identifier): not a parameter of this SPDU"},
	{"01 00 31 06 2A 01 31 C1 02 00", BadLength, 7, "x225 2.1",
		"spdu: parse MIP: PGI 193 (user data): LI 2 exceeds the 1 octets there are"},
	{"01 00 31 08 19 01 02 2A 01 31 C1 00", Misplaced, 7, "x225 2.5",
		"spdu: parse MIP: PI 42 (serial number): in a segment that continues an SSDU"},
	{"02 00 32 00", Missing, 2, "x225 2.5",
		"spdu: parse MIA: PI 42 (serial number): missing"},
	{"02 00 32 06 2A 01 35 C1 01 00", Misplaced, 7, "x225 2.5",
		"spdu: parse MIA: PGI 193 (user data): not a parameter of this SPDU"},
	{"01 00 29 03 0F 01 01", Missing, 2, "x225 2.5",
		"spdu: parse MAP: PI 42 (serial number): missing"},
	{"01 00 29 00", Missing, 2, "x225 2.5",
		"spdu: parse AE: PI 42 (serial number): missing"},
	{"02 00 2A 00", Missing, 2, "x225 2.5",
		"spdu: parse MAA: PI 42 (serial number): missing"},
	{"02 00 2A 06 0F 01 01 2A 01 31", Misplaced, 4, "x225 2.5",
		"spdu: parse MAA: PI 15 (sync type item): not a parameter of this SPDU"},
	{"01 00 35 03 2A 01 31", Missing, 2, "x225 2.5",
		"spdu: parse RS: PI 27 (resync type): missing"},
	{"01 00 35 03 1B 01 00", Missing, 2, "x225 2.5",
		"spdu: parse RS: PI 42 (serial number): missing"},
	{"01 00 35 06 1B 01 03 2A 01 31", BadValue, 4, "x225 2.7",
		"spdu: parse RS: PI 27 (resync type): type 3"},
	{"01 00 35 09 1B 01 00 2A 01 31 35 01 04", BadValue, 10, "x225 2.7",
		"spdu: parse RS: PI 53 (second resync type): type 4"},
	{"01 00 35 09 1A 02 00 00 1B 01 00 2A 00", BadLength, 4, "x225 2.4",
		"spdu: parse RS: PI 26 (token setting item): length 2 is not 1"},
	{"02 00 22 00", Missing, 2, "x225 2.5",
		"spdu: parse RA: PI 42 (serial number): missing"},
	{"01 00 2D 00", Missing, 2, "x225 2.5",
		"spdu: parse AS: PI 41 (activity identifier): missing"},
	{"01 00 2D 09 29 07 31 31 31 31 31 31 31", BadLength, 4, "x225 2.8",
		"spdu: parse AS: PI 41 (activity identifier): length 7 exceeds 6"},
	{"01 00 1D 04 29 02 41 32", Missing, 2, "x225 2.5",
		"spdu: parse AR: PGI 33 (linking information): missing"},
	{"01 00 1D 07 21 03 2A 01 34 29 00", Missing, 2, "x225 2.5",
		"spdu: parse AR: PI 41 (activity identifier): missing"},
	{"01 00 1D 06 21 02 29 00 29 00", Missing, 2, "x225 2.5",
		"spdu: parse AR: PI 42 (serial number): missing"},
	{"01 00 1D 0B 21 07 29 00 2A 01 34 14 00 29 00", Misplaced, 11, "x225 2.5",
		"spdu: parse AR: PI 20 (session user requirements): not a parameter of this SPDU"},
	{"01 00 1D 0B 21 07 29 00 2A 03 34 34 29 00 00", BadValue, 8, "x225 2.8",
		"spdu: parse AR: PI 42 (serial number): octet 0x29 is not a digit"},
	{"02 00 00 00", Missing, 2, "x225 2.5",
		"spdu: parse ER: PI 49 (reflect parameter values): missing"},
	{"02 00 30 00", Missing, 2, "x225 2.5",
		"spdu: parse ED: PI 50 (reason code): missing"},
	{"01 00 19 04 32 02 00 00", BadLength, 4, "x225 2.4",
		"spdu: parse AI: PI 50 (reason code): length 2 is not 1"},
	{"02 00 3E 03 32 01 00", Misplaced, 4, "x225 2.5",
		"spdu: parse CDA: PI 50 (reason code): not a parameter of this SPDU"},
	{"15 03 10 01 01", Misplaced, 2, "x225 2.5",
		"spdu: parse GTC: PI 16 (token item): not a parameter of this SPDU"},
	{"16 03 10 01 01", Misplaced, 2, "x225 2.5",
		"spdu: parse GTA: PI 16 (token item): not a parameter of this SPDU"},
	{"05 03 19 01 01 61", Misplaced, 2, "x225 2.5",
		"spdu: parse EX: PI 25 (enclosure item): not a parameter of this SPDU"},
	{"05 00 5A 5A 5A 5A 5A 5A 5A 5A 5A 5A 5A 5A 5A 5A 5A", BadLength, 0, "x225 2.10",
		"spdu: parse EX: user information of 15 octets is not 1 to 14"},
	{"21 03 10 01 01 61", Misplaced, 2, "x225 2.5",
		"spdu: parse TD: PI 16 (token item): not a parameter of this SPDU"},
	{"01 00 02 00", UnknownSPDU, 2, "x225 2.2",
		"spdu: parse PT: SI 2: after GT or PT"},
	{"01 00 32 03 2A 01 35", BadSequence, 2, "x225 3.2",
		"spdu: parse MIA: after GT"},
	{"02 00 31 03 2A 01 35", BadSequence, 2, "x225 3.2",
		"spdu: parse MIP: after PT"},
	{"02 00 39 00", BadSequence, 2, "x225 3.2",
		"spdu: parse AD: after PT"},
	{"01 00 00 02 31 00", BadSequence, 2, "x225 3.2",
		"spdu: parse ER: after GT"},
	{"01 00 3A 00 0A 00", UnknownSPDU, 4, "x225 2.2",
		"spdu: parse DN: SI 10: after GT or PT"},
	{"01 00 3D 00 3D 00 3D 00 3D 00 3D 00 3D 00 3D 00 3D 00 3D 00", BadSequence, 18, "x225 3.2",
		"spdu: parse TSDU: more than 8 SPDUs after GT or PT"},
	{"01 FF 00", Truncated, 0, "x225 2.1",
		"spdu: parse GT: no LI"},
	{"01 00 29 06 0F 02 01 01 2A 00", BadLength, 4, "x225 2.4",
		"spdu: parse MAP: PI 15 (sync type item): length 2 is not 1"},
	{"01 00 29", Truncated, 2, "x225 2.1",
		"spdu: parse MAP: no LI"},
	{"19 06 11 01 00 11 01 00", Duplicate, 5, "x225 2.1",
		"spdu: parse AB: PI 17 (transport disconnect): occurs twice"},
}

// TestErrorWords: an error says what is wrong, and Where at which octet, and what it breaks.
func TestErrorWords(t *testing.T) {
	e := &ProtocolError{Code: BadState, PDU: "MIP", Param: piSerialNumber, Offset: -1, Clause: "X.225 Annex A", Err: errors.New("not now")}
	if got, want := e.Error()+" "+e.Where(), "spdu: MIP: PI 42 (serial number): not now (X.225 Annex A)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := Locate(e, octets(t, "01 00 31 03 2A 01 35"), 1); err != e {
		t.Fatal(err)
	}
	if got, want := e.Where(), "at octet 4 (X.225 Annex A)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	e = &ProtocolError{Code: BadState, PDU: "AR", Param: piSerialNumber, Offset: -1}
	Locate(e, octets(t, "01 00 1D 09 21 05 29 00 2A 01 34 29 00"), 1)
	if e.Offset != 8 {
		t.Errorf("a parameter in a group is at %d, want 8", e.Offset)
	}
}

func TestParseErrors(t *testing.T) {
	for _, row := range parseErrors {
		_, _, err := Parse(octets(t, row.hex))
		var pe *ProtocolError
		if !errors.As(err, &pe) {
			t.Errorf("%s: %v, want a ProtocolError", row.hex, err)
			continue
		}
		if pe.Code != row.code || pe.Offset != row.offset || pe.Clause != row.clause || err.Error() != row.want {
			t.Errorf("%s: %v at %d, %s: %v, want %v at %d, %s: %s", row.hex, pe.Code, pe.Offset, pe.Clause, err,
				row.code, row.offset, row.clause, row.want)
		}
		if b := octets(t, row.hex); !bytes.Contains(b, pe.Reflect) || len(pe.Reflect) > ReflectMax || len(pe.Reflect) == 0 && len(b) > 0 {
			t.Errorf("%s: reflects % x", row.hex, pe.Reflect)
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
		{AC{ConnectItem: v2, Tokens: 2}, "spdu: append AC: PI 16 (token item): set 0x2"},
		{EX{}, "spdu: append EX: user information of 0 octets is not 1 to 14"},
		{EX{fill(15)}, "spdu: append EX: user information of 15 octets is not 1 to 14"},
		{TD{9}, "spdu: append TD: PI 25 (enclosure item): enclosure 9"},
		{MIP{Type: 2}, "spdu: append MIP: PI 15 (sync type item): type 2"},
		{MIP{Serial: 1000000}, "spdu: append MIP: PI 42 (serial number): 1000000 exceeds 999999"},
		{MIA{UserData: fill(70000)}, "spdu: append MIA: PI 46 (user data): length 70000 exceeds 65535"},
		{MAA{Second: Serial{1000000, true}}, "spdu: append MAA: PI 54 (second serial number): 1000000 exceeds 999999"},
		{RS{Type: 3}, "spdu: append RS: PI 27 (resync type): type 3"},
		{RS{SecondType: 3, HasSecondType: true}, "spdu: append RS: PI 53 (second resync type): type 3"},
		{RA{Serial: 1 << 31}, "spdu: append RA: PI 42 (serial number): 2147483648 exceeds 999999"},
		{AS{Activity: fill(7)}, "spdu: append AS: PI 41 (activity identifier): length 7 exceeds 6"},
		{AR{Linking: Linking{Activity: fill(7)}}, "spdu: append AR: PI 41 (activity identifier): length 7 exceeds 6"},
		{AR{Linking: Linking{Called: fill(65)}}, "spdu: append AR: PI 9 (called SS-user reference): length 65 exceeds 64"},
		{ED{Reason: 2}, "spdu: append ED: PI 50 (reason code): reason 2"},
		{AI{Reason: 7}, "spdu: append AI: PI 50 (reason code): reason 7"},
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

// TestConnectDataErrors: which group a CN's user data are in depends on their length. x225 2.10
func TestConnectDataErrors(t *testing.T) {
	data := func(group byte, n int) []byte {
		return append([]byte{group, 0xff, byte(n >> 8), byte(n)}, fill(n)...)
	}
	const v1, v2, more = "05 03 16 01 01", "05 03 16 01 02", "3C 01 01"
	for _, row := range []struct {
		before string
		data   []byte
		code   Code
		want   string
	}{
		{v2, data(193, 513), BadLength, "spdu: parse CN: PGI 193 (user data): length 513 exceeds 512"},
		{v2, data(194, 512), BadLength, "spdu: parse CN: PGI 194 (extended user data): length 512 does not exceed 512"},
		{v2, data(194, 10241), BadLength, "spdu: parse CN: PGI 194 (extended user data): length 10241 exceeds 10240"},
		{v2, append(data(193, 1), data(194, 513)...), Misplaced, "spdu: parse CN: PGI 194 (extended user data): beside PGI 193 (user data)"},
		{v2 + more, data(194, 10239), BadLength, "spdu: parse CN: PGI 194 (extended user data): length 10239 is not 10240 though more follow"},
		{v1, data(194, 513), TooLong, "spdu: parse CN: PGI 194 (extended user data): length 513 exceeds 512 when version 1 is proposed"},
	} {
		field := append(octets(t, row.before), row.data...)
		b := append([]byte{byte(siCN), 0xff, byte(len(field) >> 8), byte(len(field))}, field...)
		var pe *ProtocolError
		if _, _, err := ParseCN(b); !errors.As(err, &pe) || pe.Code != row.code || err.Error() != row.want {
			t.Errorf("%v, want %s", err, row.want)
		}
	}
}

// TestWrongParse gives octets of one SPDU to the parser of another.
func TestWrongParse(t *testing.T) {
	for _, row := range []struct {
		parse func([]byte) (SPDU, int, error)
		hex   string
		want  string
	}{
		{parser(DN{}), "09 00", "spdu: parse DN: SI 9 is not 10"},
		{parser(GT{}), "02 00", "spdu: parse GT: SI 2 is not 1"},
		{func(b []byte) (SPDU, int, error) { return result(ParseMAP(b)) }, "29 03 2A 01 31",
			"spdu: parse MAP: PI 15 (sync type item): an activity ends: AE"},
		{func(b []byte) (SPDU, int, error) { return result(ParseAE(b)) }, "29 06 0F 01 01 2A 01 31",
			"spdu: parse AE: PI 15 (sync type item): no activity ends: MAP"},
	} {
		if _, _, err := row.parse(octets(t, row.hex)); err == nil || err.Error() != row.want {
			t.Errorf("%s: %v, want %s", row.hex, err, row.want)
		}
	}
}
