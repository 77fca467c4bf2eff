package dissect

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/gopacket/gopacket/layers"

	"github.com/tenuto-session/tenuto/internal/pcaptest"
)

// TestScripts runs testdata/*.txt. go test -rewrite makes the outputs anew.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.Contains(path, "fuzz") {
			return
		}
		s := &script{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return s.command(t, d) })
	})
}

// script is a capture that is being made.
type script struct {
	file  *pcaptest.File
	conns map[string]*pcaptest.Conn
}

var addrs = map[bool][2]netip.Addr{
	false: {netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")},
	true:  {netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")},
}

func (s *script) command(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "decode": // decode [OPTION…], with the input
		return run(t, d, []byte(d.Input))
	case "octets": // octets [OPTION…], with octets in hexadecimal that are the input
		return run(t, d, octetsOf(t, d.Input))
	case "capture": // capture [pcapng] [nanos] [raw]: begins a capture
		link, format := layers.LinkTypeEthernet, pcaptest.Pcap
		if d.HasArg("raw") {
			link = layers.LinkTypeRaw
		}
		switch {
		case d.HasArg("pcapng"):
			format = pcaptest.Pcapng
		case d.HasArg("nanos"):
			format = pcaptest.PcapNanos
		}
		s.file, s.conns = pcaptest.NewLink(format, link), map[string]*pcaptest.Conn{}
	case "connect", "join": // connect NAME PORT [server=PORT] [ipv6]; join has no SYN
		server := uint16(DefaultPort)
		if d.HasArg("server") {
			d.ScanArgs(t, "server", &server)
		}
		a := addrs[d.HasArg("ipv6")]
		from, to := netip.AddrPortFrom(a[0], uint16(arg(t, d, 1))), netip.AddrPortFrom(a[1], server)
		if d.Cmd == "join" {
			s.conns[d.CmdArgs[0].Key] = s.file.Join(from, to)
		} else {
			s.conns[d.CmdArgs[0].Key] = s.file.Connect(from, to)
		}
	case "send": // send NAME client|server [split=N], with octets in hexadecimal
		c, side := s.conn(t, d)
		b := octetsOf(t, d.Input)
		n := len(b)
		if d.HasArg("split") {
			d.ScanArgs(t, "split", &n)
		}
		for len(b) > 0 {
			n = min(n, len(b))
			c.Send(side, b[:n])
			b = b[n:]
		}
	case "lose": // lose NAME client|server N: octets that the capture has not, or has again if N is negative
		c, side := s.conn(t, d)
		c.Lose(side, arg(t, d, 2))
	case "close": // close NAME
		s.conns[d.CmdArgs[0].Key].Close()
	case "reset": // reset NAME client|server
		c, side := s.conn(t, d)
		c.Reset(side)
	case "wait": // wait DURATION
		w, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.file.Wait(w)
	case "packet": // packet, with octets in hexadecimal
		s.file.Packet(octetsOf(t, d.Input))
	case "show": // show [OPTION…]
		return run(t, d, s.file.Bytes())
	default:
		d.Fatalf(t, "no command %s", d.Cmd)
	}
	return "ok"
}

func (s *script) conn(t *testing.T, d *datadriven.TestData) (*pcaptest.Conn, pcaptest.Side) {
	c := s.conns[d.CmdArgs[0].Key]
	if c == nil {
		d.Fatalf(t, "no connection %s", d.CmdArgs[0].Key)
	}
	if d.CmdArgs[1].Key == "server" {
		return c, pcaptest.Server
	}
	return c, pcaptest.Client
}

func arg(t *testing.T, d *datadriven.TestData, i int) (n int) {
	if _, err := fmt.Sscan(d.CmdArgs[i].Key, &n); err != nil {
		d.Fatalf(t, "%v", err)
	}
	return n
}

// octetsOf reads octets in hexadecimal; N*XX is an octet N times.
func octetsOf(t *testing.T, text string) (b []byte) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		for _, word := range strings.Fields(line) {
			n, o := 1, byte(0)
			times, octet, ok := strings.Cut(word, "*")
			if ok {
				fmt.Sscan(times, &n)
			} else {
				octet = word
			}
			if _, err := fmt.Sscanf(octet, "%02x", &o); err != nil || len(octet) != 2 {
				t.Fatalf("%q is no octet", word)
			}
			b = append(b, bytes.Repeat([]byte{o}, n)...)
		}
	}
	return b
}

// run decodes with the options of a command: style=S format=F data=N tsdu port=N.
func run(t *testing.T, d *datadriven.TestData, in []byte) string {
	o := Options{Ports: []uint16{DefaultPort}, Data: 16, TSDU: d.HasArg("tsdu")}
	var style, format string
	for name, v := range map[string]any{"style": &style, "format": &format, "data": &o.Data, "port": &o.Ports[0]} {
		if d.HasArg(name) {
			d.ScanArgs(t, name, v)
		}
	}
	o.Style = map[string]Style{"summary": Summary, "json": JSON}[style]
	o.Format = map[string]Format{"hex": Hex, "raw": Raw, "pcap": Capture}[format]
	var out bytes.Buffer
	r, err := Run(context.Background(), bytes.NewReader(in), &out, o)
	if err != nil {
		fmt.Fprintf(&out, "error: %v\n", err)
	}
	if r.Problems > 0 {
		fmt.Fprintf(&out, "errors: %d\n", r.Problems)
	}
	return out.String()
}
