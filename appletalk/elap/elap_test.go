package elap

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("hex: %v", err)
	}
	return b
}

// frames are those that were captured between tashrouter and a node on EtherTalk.
var frames = []struct {
	name, hex string
	pad       int
	str       string
}{{
	name: "GetNetInfo",
	hex:  "09 00 07 ff ff ff 08 00 07 01 02 03 00 20 aa aa 03 08 00 07 80 9b 00 18 b2 15 00 00 00 04 ff 4d 06 81 06 05 00 00 00 00 00 04 43 41 46 83",
	pad:  14, str: "ELAP(08:00:07:01:02:03 to 09:00:07:ff:ff:ff, data, data=24)",
}, {
	name: "GetNetInfo Reply",
	hex:  "08 00 07 01 02 03 02 aa bb cc dd ee 00 27 aa aa 03 08 00 07 80 9b 00 1f 17 db 00 04 00 04 4d ec 81 06 06 06 00 00 03 00 05 04 43 41 46 83 06 09 00 07 00 00 6e",
	pad:  7, str: "ELAP(02:aa:bb:cc:dd:ee to 08:00:07:01:02:03, data, data=31)",
}, {
	name: "AARP probe",
	hex:  "09 00 07 ff ff ff 02 aa bb cc dd ee 00 24 aa aa 03 00 00 00 80 f3 00 01 80 9b 06 04 00 03 02 aa bb cc dd ee 00 00 04 ec 00 00 00 00 00 00 00 00 04 ec",
	pad:  10, str: "ELAP(02:aa:bb:cc:dd:ee to 09:00:07:ff:ff:ff, AARP, data=28)",
}}

func TestCodec(t *testing.T) {
	for _, row := range frames {
		b := append(octets(t, row.hex), make([]byte, row.pad)...)
		f, err := Parse(b)
		if err != nil || f.String() != row.str {
			t.Errorf("%s: %v, %v, want %s", row.name, &f, err, row.str)
			continue
		}
		if f.Protocol == Data {
			if d, err := ddp.ParseLong(f.Payload); err != nil { // also its checksum is right
				t.Errorf("%s: %v, %v", row.name, &d, err)
			}
		}
		again := Finish(append(Begin([]byte("before"), f.Dst, f.Src, f.Protocol), f.Payload...), len("before"))
		if !bytes.Equal(again[len("before"):], b) {
			t.Errorf("%s: % x", row.name, again)
		}
		for n := range len(b) - row.pad {
			if _, err := Parse(b[:n]); err == nil {
				t.Errorf("%s: %d octets parse", row.name, n)
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	change := func(at int, v byte) []byte {
		b := append(octets(t, frames[0].hex), make([]byte, 14)...)
		b[at] = v
		return b
	}
	for _, tt := range []struct {
		name string
		b    []byte
		want error
	}{
		{"length beyond the frame", change(13, 0x2f), ErrLength}, {"length of nothing", change(13, 7), ErrLength},
		{"Ethernet II", change(12, 0x80), ErrForeign}, {"another SNAP header", change(21, 0), ErrForeign}, {"no SNAP", change(14, 0), ErrForeign},
		{"short", make([]byte, 21), ErrTruncated},
	} {
		if f, err := Parse(tt.b); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, &f, err, tt.want)
		}
	}
	if got := ZoneMulticast(0xfbac).String(); got != "09:00:07:00:00:a6" {
		t.Errorf("the multicast address of EtherTalk Network is %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, row := range frames {
		f.Add(append(octets(f, row.hex), make([]byte, row.pad)...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, err := Parse(b)
		if err != nil {
			return
		}
		again := Finish(append(Begin(nil, fr.Dst, fr.Src, fr.Protocol), fr.Payload...), 0)
		g, err := Parse(again)
		if err != nil || fr.String() != g.String() || !bytes.Equal(fr.Payload, g.Payload) {
			t.Fatalf("%v came back as %v, %v", &fr, &g, err)
		}
	})
}
