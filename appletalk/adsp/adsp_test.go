package adsp

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The packets of a conversation between A (ConnID 1111, window 4096) and B (2222, 2048), built from the book's layouts.
var vectors = []struct {
	name string
	hex  string
	p    Packet
}{
	{"open request", "11 11 00 00 00 00 00 00 00 00 10 00 81 01 00 00 00 00 00 00 00",
		Packet{ConnID: 0x1111, Window: 4096, Control: true, Code: OpenRequest, Open: Open{Version: Version}}},
	{"request+ack", "22 22 00 00 00 00 00 00 00 00 08 00 83 01 00 11 11 00 00 00 00",
		Packet{ConnID: 0x2222, Window: 2048, Control: true, Code: OpenRequestAck, Open: Open{Version: Version, Dst: 0x1111}}},
	{"ack", "11 11 00 00 00 00 00 00 00 00 10 00 82 01 00 22 22 00 00 00 00",
		Packet{ConnID: 0x1111, Window: 4096, Control: true, Code: OpenAck, Open: Open{Version: Version, Dst: 0x2222}}},
	{"denial", "00 00 00 00 00 00 00 00 00 00 00 00 84 01 00 11 11 00 00 00 00",
		Packet{Control: true, Code: OpenDenial, Open: Open{Version: Version, Dst: 0x1111}}},
	{"data", "11 11 00 00 00 00 00 00 00 00 10 00 00 68 65 6c 6c 6f",
		Packet{ConnID: 0x1111, Window: 4096, Data: []byte("hello")}},
	{"data and EOM", "11 11 00 00 00 05 00 00 00 00 10 00 60 62 79 65",
		Packet{ConnID: 0x1111, First: 5, Window: 4096, AckRequest: true, EOM: true, Data: []byte("bye")}},
	{"acknowledgment", "22 22 00 00 00 00 00 00 00 09 08 00 80",
		Packet{ConnID: 0x2222, Next: 9, Window: 2048, Control: true}},
	{"EOM alone", "11 11 00 00 00 09 00 00 00 00 10 00 20",
		Packet{ConnID: 0x1111, First: 9, Window: 4096, EOM: true, Data: []byte{}}},
	{"probe", "11 11 00 00 00 09 00 00 00 00 10 00 c0",
		Packet{ConnID: 0x1111, First: 9, Window: 4096, Control: true, AckRequest: true}},
	{"attention", "11 11 00 00 00 00 00 00 00 00 00 00 50 00 01 68 69",
		Packet{ConnID: 0x1111, AckRequest: true, Attention: true, Message: 1, Data: []byte("hi")}},
	{"attention ack", "22 22 00 00 00 00 00 00 00 01 00 00 90",
		Packet{ConnID: 0x2222, Next: 1, Control: true, Attention: true}},
	{"forward reset", "11 11 00 00 00 09 00 00 00 00 10 00 86",
		Packet{ConnID: 0x1111, First: 9, Window: 4096, Control: true, Code: ForwardReset}},
	{"forward reset ack", "22 22 00 00 00 00 00 00 00 09 08 00 87",
		Packet{ConnID: 0x2222, Next: 9, Window: 2048, Control: true, Code: ForwardResetAck}},
	{"retransmit advice", "22 22 00 00 00 00 00 00 00 05 08 00 88",
		Packet{ConnID: 0x2222, Next: 5, Window: 2048, Control: true, Code: RetransmitAdvice}},
	{"close advice", "11 11 00 00 00 09 00 00 00 00 10 00 85",
		Packet{ConnID: 0x1111, First: 9, Window: 4096, Control: true, Code: CloseAdvice}},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		b := unhex(t, v.hex)
		got, err := Parse(b)
		if err != nil || !reflect.DeepEqual(got, v.p) {
			if !(len(v.p.Data) == 0 && len(got.Data) == 0 && got.String() == v.p.String()) {
				t.Errorf("%s: got %+v, %v; want %+v", v.name, got, err, v.p)
			}
		}
		if out := v.p.Append([]byte("x")); !bytes.Equal(out[1:], b) {
			t.Errorf("%s: got % x, want % x", v.name, out[1:], b)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		hex  string
		want Error
	}{
		"empty":                 {"", ErrTruncated},
		"short header":          {"11 11 00 00 00 00 00 00 00 00 10 00", ErrTruncated},
		"code 9":                {"11 11 00 00 00 00 00 00 00 00 10 00 89", ErrCode},
		"code of data":          {"11 11 00 00 00 00 00 00 00 00 10 00 05 61", ErrCode},
		"code of attention":     {"11 11 00 00 00 00 00 00 00 00 00 00 51 00 01", ErrCode},
		"short open":            {"11 11 00 00 00 00 00 00 00 00 10 00 81 01 00 00 00 00 00 00", ErrOpen},
		"ConnID 0":              {"00 00 00 00 00 00 00 00 00 00 10 00 81 01 00 00 00 00 00 00 00", ErrConnID},
		"ConnID 0 of data":      {"00 00 00 00 00 00 00 00 00 00 10 00 00 61", ErrConnID},
		"data of control":       {"11 11 00 00 00 00 00 00 00 00 10 00 80 61", ErrTooLong},
		"attention, no code":    {"11 11 00 00 00 00 00 00 00 00 00 00 50 00", ErrMessage},
		"attention, too long":   {"11 11 00 00 00 00 00 00 00 00 00 00 50 00 01" + strings.Repeat(" 61", MaxAttention+1), ErrTooLong},
		"attention ack, octets": {"22 22 00 00 00 00 00 00 00 01 00 00 90 00", ErrTooLong},
	} {
		if _, err := Parse(unhex(t, tt.hex)); err != tt.want {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if s := ErrCode.Error(); s != "adsp: parse packet: descriptor: a code that there is not" {
		t.Error(s)
	}
}

func TestStrings(t *testing.T) {
	for name, want := range map[string]string{
		"open request":  "ADSP(conn=4369, first=0, next=0, window=4096, open request, version=0100, to=0, message=0)",
		"data and EOM":  "ADSP(conn=4369, first=5, next=0, window=4096, ack, EOM, data=3)",
		"probe":         "ADSP(conn=4369, first=9, next=0, window=4096, probe)",
		"attention":     "ADSP(conn=4369, first=0, next=0, attention=0001, ack, data=2)",
		"attention ack": "ADSP(conn=8738, first=0, next=1, attention ack)",
		"close advice":  "ADSP(conn=4369, first=9, next=0, window=4096, close advice)",
	} {
		for _, v := range vectors {
			if v.name == name && v.p.String() != want {
				t.Errorf("got %v, want %v", v.p, want)
			}
		}
	}
}

// FuzzParse: what is parsed is what Append makes of it, but for bits that are not looked at.
func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		f.Add(unhex(f, v.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(p.Append(nil))
		if err != nil || again.String() != p.String() || !bytes.Equal(again.Data, p.Data) {
			t.Errorf("%v becomes %v, %v", p, again, err)
		}
	})
}
