package scp

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
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

// codecTable has what was captured (decnet 6.1, 6.2).
var codecTable = []struct {
	name string
	c    Connect
	str  string
	hex  string
}{
	{"by number", Connect{Dst: ByNumber(25), Src: ByName("TESTER")}, `connect(dst="25", src="TESTER")`, "00 19 / 01 00 06 544553544552 / 00"},
	{"access control and data, by name", Connect{Dst: ByName("MIRROR"), Src: ByName("TESTER"), Access: &Access{"SMITH", "SECRET", "ACCT"}, Data: []byte{1, 2, 3}},
		`connect(dst="MIRROR", src="TESTER", user="SMITH", account="ACCT", password of 6 octets, data=010203)`,
		"01 00 06 4d4952524f52 / 01 00 06 544553544552 / 03 / 05 534d495448 / 06 534543524554 / 04 41434354 / 03 010203"},
	{"data", Connect{Dst: ByNumber(19), Src: ByName("NCP"), Data: []byte{4, 0, 0}}, `connect(dst="19", src="NCP", data=040000)`,
		"00 13 / 01 00 03 4e4350 / 02 / 03 040000"},
	{"proxy", Connect{Dst: ByNumber(25), Src: ByName("TESTER"), Proxy: true}, `connect(dst="25", src="TESTER", proxy)`, "00 19 / 01 00 06 544553544552 / 24"},
	{"codes", Connect{Dst: ByName("mirror"), Src: Descriptor{Format: 2, Group: 1, User: 2, Name: "JOE"}}, `connect(dst="mirror", src="[1,2]JOE")`,
		"01 00 06 6d6972726f72 / 02 00 0100 0200 03 4a4f45 / 00"},
	{"empty access control and data", Connect{Dst: ByNumber(1), Src: ByNumber(255), Access: &Access{}, Data: []byte{}},
		`connect(dst="1", src="255", user="", account="", password of 0 octets, data=)`, "00 01 00 ff 03 00 00 00 00"},
	{"proxy by codes", Connect{Dst: ByNumber(25), Src: Descriptor{Format: 2, Group: 1, User: 2, Name: "JOE"}, Proxy: true, UIC: true},
		`connect(dst="25", src="[1,2]JOE", proxy, uic)`, "00 19 02 00 0100 0200 03 4a4f45 2c"},
}

func TestCodec(t *testing.T) {
	for _, row := range codecTable {
		want := octetsOf(t, row.hex)
		got, err := row.c.AppendBinary([]byte("x"))
		if err != nil || !bytes.Equal(got[1:], want) {
			t.Errorf("%s: appended % x, %v; want % x", row.name, got[1:], err, want)
		}
		c, err := ParseConnect(want)
		if err != nil || c.String() != row.str {
			t.Errorf("%s: parsed %v, %v; want %s", row.name, &c, err, row.str)
		}
		again, err := c.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, want) {
			t.Errorf("%s: came back as % x, %v", row.name, again, err)
		}
		for n := range len(want) {
			if c, err := ParseConnect(want[:n:n]); err == nil {
				t.Errorf("%s: %d octets are taken for %v", row.name, n, &c)
			}
		}
		if c, err := ParseConnect(append(want, "more"...)); err != nil || c.String() != row.str {
			t.Errorf("%s: with more behind it: %v, %v", row.name, &c, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, row := range []struct {
		name, hex string
		reason    Reason
		want      string
	}{
		{"object 0", "00 00 00 01 00", BadFormat, "scp: parse connect: DSTNAME: object number 0"},
		{"format 3", "03 00 00 01 00", BadFormat, "scp: parse connect: DSTNAME: format 3"},
		{"format 4 as destination", "04 00 0102030405060708 01 61 00 01 00", BadFormat, "scp: parse connect: DSTNAME: format 4"},
		{"17 characters", "01 00 11 6161616161616161616161616161616161 00 01 00", BadFormat, "scp: parse connect: DSTNAME: length 17 exceeds 16"},
		{"no name", "01 00 00 00 01 00", BadFormat, "scp: parse connect: DSTNAME: no name"},
		{"no access control", "00 01 00 01 01", BadFormat, "scp: parse connect: RQSTRID: 0 octets are left of 1"},
		{"long user", "00 01 00 01 01 28" + strings.Repeat("61", 40) + "00 00", FieldTooLong, "scp: parse connect: RQSTRID: length 40 exceeds 39"},
		{"long data", "00 01 00 01 02 11" + strings.Repeat("61", 17), FieldTooLong, "scp: parse connect: USRDATA: length 17 exceeds 16"},
	} {
		c, err := ParseConnect(octetsOf(t, row.hex))
		if pe, ok := err.(*ParseError); !ok || pe.Reason != row.reason || err.Error() != row.want {
			t.Errorf("%s: %v, %v; want %s", row.name, &c, err, row.want)
		}
	}
	// A source of format 4 is one by name.
	if c, err := ParseConnect(octetsOf(t, "00 19 04 00 0102030405060708 03 4a4f45 00")); err != nil || c.Src != ByName("JOE") {
		t.Errorf("format 4: %v, %v", &c, err)
	}
}

func TestAppendErrors(t *testing.T) {
	good := ByNumber(1)
	for _, c := range []Connect{
		{Src: good}, {Dst: good}, {Dst: good, Src: Descriptor{Format: 3}}, {Dst: ByName(strings.Repeat("x", 17)), Src: good}, {Dst: ByName(""), Src: good},
		{Dst: good, Src: Descriptor{Format: 2, Name: strings.Repeat("x", 13)}}, {Dst: good, Src: good, Data: make([]byte, 17)},
		{Dst: good, Src: good, Access: &Access{Password: strings.Repeat("x", 40)}},
	} {
		if b, err := c.AppendBinary([]byte("x")); err == nil || string(b) != "x" {
			t.Errorf("%v: appended % x, %v", &c, b, err)
		}
	}
}

// A password is in no trace.
func TestNoPassword(t *testing.T) {
	c := Connect{Dst: ByNumber(1), Src: ByNumber(1), Access: &Access{Password: "SECRET"}}
	if s := c.String(); strings.Contains(s, "SECRET") {
		t.Error(s)
	}
}

func TestParseObject(t *testing.T) {
	for text, want := range map[string]Descriptor{"25": ByNumber(25), "MIRROR": ByNumber(25), "nml": ByNumber(19), "TOPOL": ByName("TOPOL"), "chat": ByName("CHAT"),
		"TASK=MAIL": ByName("MAIL"), `"FAL"`: ByNumber(17), "a$b_c": ByName("A$B_C")} {
		if text == `"FAL"` {
			want = ByName("FAL") // in quotation marks: a name
		}
		if got, err := ParseObject(text); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "256", "abcdefghijklmnopq", "a b", "a::b", "TASK=", "é"} {
		if d, err := ParseObject(text); err == nil {
			t.Errorf("%q is taken for %v", text, d)
		}
	}
	if node, d, err := ParseTarget("1.13::MIRROR"); node != "1.13" || d != ByNumber(25) || err != nil {
		t.Error(node, d, err)
	}
	for _, text := range []string{"1.13", "::25", "A::", "A:25"} {
		if _, d, err := ParseTarget(text); err == nil {
			t.Errorf("%q is taken for %v", text, d)
		}
	}
	if ObjectName(25) != "MIRROR" || ObjectName(200) != "200" {
		t.Error(ObjectName(25), ObjectName(200))
	}
}

// FuzzParseConnect: no panic, and what was parsed can be sent and parses to the same.
func FuzzParseConnect(f *testing.F) {
	for _, row := range codecTable {
		f.Add(octetsOf(f, row.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseConnect(b)
		if err != nil {
			return
		}
		again, err := c.AppendBinary(nil)
		if err != nil {
			if (c.Src.Format == 2 || c.Dst.Format == 2) && max(len(c.Src.Name), len(c.Dst.Name)) > MaxGroupName {
				return // we send less
			}
			t.Fatalf("%v cannot be sent: %v", &c, err)
		}
		d, err := ParseConnect(again)
		if err != nil || c.String() != d.String() {
			t.Fatalf("%v came back as %v, %v", &c, &d, err)
		}
	})
}
