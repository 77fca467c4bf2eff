package dissect

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/internal/pcaptest"
	"github.com/tenuto-session/tenuto/spdu"
)

func newBuffered(s string) *bufio.Reader {
	return bufio.NewReaderSize(strings.NewReader(s), bufferSize)
}

// FuzzRun gives it anything: it does not panic, writes JSON where it should, and finds something wrong with what spdu finds wrong.
func FuzzRun(f *testing.F) {
	f.Add(conversation(), uint8(0))
	f.Add([]byte(">>> Flow 1\n03 00 00 0C 02 F0 80 01 00 01 00 61 # DT\n>>> Flow 2\n00000000  03 00  |..|\n*\n00000010  00\n"), uint8(1))
	f.Add([]byte("01 00 01 00 61\n\n0A 00"), uint8(8))
	f.Add([]byte{0x0d, 5, 5, 3, 0x17, 1, 0x41}, uint8(10))
	for _, format := range []pcaptest.Format{pcaptest.Pcap, pcaptest.Pcapng} {
		file := pcaptest.New(format)
		c := file.Connect(netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:102"))
		c.Send(pcaptest.Client, conversation())
		c.Lose(pcaptest.Client, 4)
		c.Send(pcaptest.Client, conversation())
		c.Close()
		f.Add(file.Bytes(), uint8(0))
	}
	f.Fuzz(func(t *testing.T, in []byte, options uint8) {
		o := Options{Format: Format(options & 3), TSDU: options&8 != 0, Ports: []uint16{AnyPort}, Data: int(options >> 4)}
		if o.TSDU && o.Format == Capture {
			o.TSDU = false
		}
		var out bytes.Buffer
		for o.Style = Text; o.Style <= JSON; o.Style++ {
			out.Reset()
			_, _ = Run(t.Context(), bytes.NewReader(in), &out, o)
		}
		for d := json.NewDecoder(&out); ; {
			var u jsonUnit
			if err := d.Decode(&u); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if o.Format != Raw || len(in) == 0 {
			return
		}
		_, _, err := spdu.Parse(in)
		walked := spdu.Walk(in, func(spdu.Item) error { return nil })
		if walked != nil && err == nil {
			t.Fatalf("%v, which is parsed", walked)
		}
		r, _ := Run(t.Context(), bytes.NewReader(in), io.Discard, Options{Format: Raw, TSDU: true})
		if gzipped := len(in) > 1 && in[0] == 0x1f && in[1] == 0x8b; err != nil && r.Problems == 0 && !gzipped {
			t.Fatalf("%v was not found", err)
		}
	})
}

// FuzzTCP puts segments with any numbers in any order: it does not panic, and delivers no more octets than there were.
func FuzzTCP(f *testing.F) {
	f.Add([]byte{0, 10, 2, 1, 0, 0, 0, 20, 8, 0, 5, 3})
	f.Fuzz(func(t *testing.T, plan []byte) {
		plan = plan[:min(len(plan), 128)]
		file := pcaptest.New(pcaptest.Pcap)
		conns := []*pcaptest.Conn{}
		client, server := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:102")
		var sent, got int64
		send := func(c *pcaptest.Conn, side pcaptest.Side, b []byte) {
			c.Send(side, b)
			sent += int64(len(b))
		}
		for ; len(plan) >= 2; plan = plan[2:] {
			if len(conns) == 0 || plan[0]&0xf0 == 0xf0 {
				conns = append(conns, file.Connect(client, server))
			}
			c := conns[int(plan[0]>>2&3)%len(conns)]
			side := pcaptest.Side(plan[0] & 1)
			switch plan[0] >> 5 {
			case 0, 1, 2:
				send(c, side, packet(append([]byte{1, 0, 1, 0}, make([]byte, plan[1])...)...))
			case 3:
				c.Lose(side, int(int8(plan[1])))
			case 4:
				c.Reset(side)
			case 5:
				c.Close()
			default:
				send(c, side, []byte{plan[1]})
			}
		}
		var out bytes.Buffer
		_, _ = Run(t.Context(), bytes.NewReader(file.Bytes()), &out, Options{Ports: []uint16{DefaultPort}, Style: JSON})
		for d := json.NewDecoder(&out); d.More(); {
			var u jsonUnit
			if err := d.Decode(&u); err != nil {
				t.Fatal(err)
			}
			if len(u.Problems) == 0 {
				got += u.Octets
			}
		}
		if got > sent {
			t.Fatalf("%d octets of TSDUs out of %d", got, sent)
		}
	})
}
