package dissect

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/tenuto-session/tenuto/internal/pcaptest"
	"github.com/tenuto-session/tenuto/spdu"
)

// packet is a DT in a TPKT with a TSDU in it.
func packet(tsdu ...byte) []byte {
	b := []byte{3, 0, 0, 0, 2, 0xf0, 0x80}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)+len(tsdu)))
	return append(b, tsdu...)
}

func decoded(t *testing.T, in []byte, o Options) (string, Result) {
	t.Helper()
	if o.Ports == nil {
		o.Ports = []uint16{DefaultPort}
	}
	var out bytes.Buffer
	r, err := Run(t.Context(), bytes.NewReader(in), &out, o)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), r
}

// conversation is packets of all kinds.
func conversation() []byte {
	return slices.Concat([]byte{3, 0, 0, 11, 6, 0xe0, 0, 0, 0, 1, 0}, packet(0x0d, 8, 5, 6, 0x13, 1, 1, 0x16, 1, 2), packet(1, 0, 1, 0, 'a', 'b', 'c'),
		packet(1, 3, 16, 1, 1, 0x31, 3, 0x2a, 1, '6', 1, 0, 'd'), packet(0x0a, 4, 0xc1, 2, 1, 2), packet(0x63), packet(0x0a, 9, 0))
}

// TestCuts decodes the same octets in pieces of each length, in each form: the result does not depend on either.
func TestCuts(t *testing.T) {
	in := conversation()
	want, result := decoded(t, in, Options{Format: Raw, Style: JSON})
	if result.Units < 7 {
		t.Fatalf("%d units", result.Units)
	}
	for n := range len(in) {
		p := &printer{out: &bytes.Buffer{}, style: JSON}
		if err := decodeRaw(&pieces{in, n + 1}, p, Options{}); err != nil {
			t.Fatal(err)
		}
		if got := p.out.(*bytes.Buffer).String(); got != want {
			t.Fatalf("in pieces of %d:\n%s\nwant\n%s", n+1, got, want)
		}
	}
	text, result2 := decoded(t, []byte(hex.Dump(in)), Options{Style: JSON})
	if result2 != result || strings.Count(text, "\n") != strings.Count(want, "\n") {
		t.Errorf("as text: %v\n%s\nwant %v", result2, text, result)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(in)
	w.Close()
	if got, _ := decoded(t, z.Bytes(), Options{Style: JSON}); got != want {
		t.Errorf("packed:\n%s\nwant\n%s", got, want)
	}
}

// pieces reads b in pieces of n octets.
type pieces struct {
	b []byte
	n int
}

func (p *pieces) Read(b []byte) (int, error) {
	n := copy(b, p.b[:min(p.n, len(p.b))])
	if p.b = p.b[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// TestTruncations cuts the octets off at each place: there is an end to be told of, but between packets.
func TestTruncations(t *testing.T) {
	in := conversation()[11:75]
	ends := map[int]bool{}
	for at := 0; at < len(in); at += int(binary.BigEndian.Uint16(in[at+2:])) {
		ends[at] = true
	}
	for n := 1; n < len(in); n++ {
		out, result := decoded(t, in[:n], Options{Format: Raw})
		if told := result.Problems > 0; told == ends[n] {
			t.Errorf("%d octets: %d problems\n%s", n, result.Problems, out)
		}
	}
}

// TestCaptureFormats decodes the same connection from captures of all formats.
func TestCaptureFormats(t *testing.T) {
	client, server := netip.MustParseAddrPort("192.0.2.1:1234"), netip.MustParseAddrPort("192.0.2.2:102")
	var want string
	for _, link := range []layers.LinkType{layers.LinkTypeEthernet, layers.LinkTypeRaw} {
		for _, format := range []pcaptest.Format{pcaptest.Pcap, pcaptest.PcapNanos, pcaptest.Pcapng} {
			f := pcaptest.NewLink(format, link)
			c := f.Connect(client, server)
			c.Send(pcaptest.Client, conversation())
			c.Close()
			out, result := decoded(t, f.Bytes(), Options{Style: JSON})
			if want == "" {
				want = out
			}
			if out != want || result.Units < 7 {
				t.Errorf("format %d, link %v: %v\n%s\nwant\n%s", format, link, result, out, want)
			}
		}
	}
}

// TestLinks decodes a segment behind each header of a link that is known here.
func TestLinks(t *testing.T) {
	f := pcaptest.NewLink(pcaptest.Pcap, layers.LinkTypeRaw)
	f.Join(netip.MustParseAddrPort("192.0.2.1:1234"), netip.MustParseAddrPort("192.0.2.2:102")).Send(pcaptest.Client, packet(1, 0, 1, 0, 'a'))
	ip := f.Bytes()[24+16:] // the headers of the file and of the packet
	for _, row := range []struct {
		link   uint32
		header string
	}{
		{1, "000000000000 000000000000 0800"},
		{1, "000000000000 000000000000 8100 0005 0800"},
		{0, "02000000"},
		{108, "00000002"},
		{12, ""}, {14, ""}, {101, ""}, {228, ""},
		{113, "0000 0001 0006 000000000000 0000 0800"},
		{276, "0800 0000 00000001 0001 00 06 000000000000 0000"},
	} {
		header, err := hex.DecodeString(strings.ReplaceAll(row.header, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		b := slices.Concat(header, ip)
		file := binary.LittleEndian.AppendUint32([]byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0}, row.link)
		file = append(file, 0, 0, 0, 0, 0, 0, 0, 0)
		file = binary.LittleEndian.AppendUint32(file, uint32(len(b)))
		file = binary.LittleEndian.AppendUint32(file, uint32(len(b)))
		out, result := decoded(t, append(file, b...), Options{Style: Summary})
		if !strings.HasSuffix(out, " DT()\n") || result.Problems != 0 {
			t.Errorf("link type %d: %v\n%s", row.link, result, out)
		}
	}
}

// TestLimits keeps what is held of a connection, and the number of connections, bounded.
func TestLimits(t *testing.T) {
	var units []*Unit
	c := newConnection(&Link{}, 32, func(u *Unit) { units = append(units, u) })
	f := &c.flows[Initiator]
	whole := slices.Concat([]byte{3, 0, 0xff, 0xff, 2, 0xf0, 0, 1, 0, 1, 0}, make([]byte, 65524))
	for range 100 {
		f.take(whole, Position{}, time.Time{})
		if n := len(f.normal.held.b); n > 36 {
			t.Fatalf("%d octets are held of user information", n)
		}
	}
	f = &c.flows[Responder]
	more := slices.Concat([]byte{3, 0, 0xff, 0xff, 2, 0xf0, 0, 0x0a, 0xff, 0xff, 0xff}, make([]byte, 65524))
	for range 100 {
		f.take(more, Position{}, time.Time{})
		if n := len(f.normal.held.b); n > maxHeld {
			t.Fatalf("%d octets are held of SPDUs", n)
		}
	}

	p := &printer{out: io.Discard}
	x := newTCP(p, Options{Ports: []uint16{DefaultPort}})
	from, to := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i := range 2 * maxConnections {
		e := endpoints{netip.AddrPortFrom(from, uint16(10000+i)), netip.AddrPortFrom(to, DefaultPort)}
		x.segment(e, &layers.TCP{SYN: true}, gopacket.CaptureInfo{})
		if len(x.conns) > maxConnections || x.recent.Len() != len(x.conns) {
			t.Fatalf("%d connections", len(x.conns))
		}
	}
	if p.result.Problems != maxConnections {
		t.Errorf("%d problems, want to hear of %d connections", p.result.Problems, maxConnections)
	}
	x.end()
	if len(x.conns) != 0 || x.recent.Len() != 0 {
		t.Errorf("%d connections are left", len(x.conns))
	}
}

// TestPages gives up waiting when many segments have come after one that is missing.
func TestPages(t *testing.T) {
	f := pcaptest.New(pcaptest.Pcap)
	c := f.Connect(netip.MustParseAddrPort("192.0.2.1:1234"), netip.MustParseAddrPort("192.0.2.2:102"))
	c.Lose(pcaptest.Client, 1)
	for range 2 * pagesPerFlow {
		c.Send(pcaptest.Client, packet(1, 0, 1, 0, 'a'))
	}
	c.Send(pcaptest.Server, packet(1, 0, 1, 0, 'z'))
	out, result := decoded(t, f.Bytes(), Options{Style: Summary})
	if n := strings.Count(out, " DT()\n"); n != 2*pagesPerFlow+1 || result.Problems != 1 {
		t.Errorf("%d DT, %d problems", n, result.Problems)
	}
	if strings.HasSuffix(strings.TrimSpace(out), "192.0.2.2:102 DT()") {
		t.Error("all waited to the end")
	}
}

func TestRunFails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, bytes.NewReader(conversation()), io.Discard, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
	if _, err := Run(t.Context(), strings.NewReader(""), io.Discard, Options{}); !errors.Is(err, ErrNothing) {
		t.Errorf("%v, want %v", err, ErrNothing)
	}
	full := errors.New("no room")
	for _, format := range []Format{Raw, Hex} {
		in := conversation()
		if format == Hex {
			in = []byte(hex.Dump(in))
		}
		if _, err := Run(t.Context(), bytes.NewReader(in), failing{full}, Options{Format: format}); err != full {
			t.Errorf("%v, want %v", err, full)
		}
	}
	if _, err := Run(t.Context(), io.MultiReader(bytes.NewReader(packet(1, 0)), failing{full}), io.Discard, Options{}); err != full {
		t.Errorf("%v, want %v", err, full)
	}
	long := bytes.Repeat([]byte("0"), maxLine+1)
	var syntax *SyntaxError
	if _, err := Run(t.Context(), io.MultiReader(strings.NewReader("\n"), bytes.NewReader(long)), io.Discard, Options{Format: Hex}); !errors.As(err, &syntax) || syntax.Line != 2 {
		t.Errorf("%v, want an error about line 2", err)
	}
	if _, err := Run(t.Context(), bytes.NewReader([]byte{0x1f, 0x8b, 0}), io.Discard, Options{}); err == nil {
		t.Error("broken gzip was taken")
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
func (f failing) Read([]byte) (int, error)  { return 0, f.err }

func TestDetect(t *testing.T) {
	for _, row := range []struct {
		in   string
		want Format
	}{
		{"03 00", Hex}, {"# größer\n03 00", Hex}, {"\ufeff03", Hex}, {"03 00 gr\xc3", Hex},
		{"\x03\x00\x00\x07", Raw}, {"\xff\xfe0", Raw}, {"0a\x00", Raw}, {"\n\r\r\n", Hex}, {strings.Repeat("a", 100) + "\x00", Raw},
		{"\xa1\xb2\xc3\xd4", Capture}, {"\xd4\xc3\xb2\xa1", Capture}, {"\xa1\xb2\x3c\x4d", Capture}, {"\x4d\x3c\xb2\xa1", Capture},
		{"\n\r\r\n\x00\x00\x00\x1c\x1a\x2b\x3c\x4d", Capture}, {"\n\r\r\n\x1c\x00\x00\x00\x4d\x3c\x2b\x1a", Capture},
		{"\n\r\r\n\x1c\x00\x00\x00\x4d\x3c\x2b\x1b", Raw},
	} {
		_, got, err := detect(newBuffered(row.in), Auto)
		if err != nil || got != row.want {
			t.Errorf("%q: %v, %v, want %v", row.in, got, err, row.want)
		}
	}
}

// TestLocated compares with octets that each keep their position.
func TestLocated(t *testing.T) {
	var l located
	var want []Position
	check := func() {
		t.Helper()
		for i, pos := range want {
			if got := l.at(i); got != pos {
				t.Fatalf("octet %d of %d is at %v, want %v (%v)", i, len(want), got, pos, l.pieces)
			}
		}
	}
	next := Position{Packet: 1}
	for step := range 2000 {
		n := step * 7 % 5
		l.add(make([]byte, n), next)
		for range n {
			want = append(want, next)
			next.Octet++
		}
		if step%3 == 0 {
			next.Packet++
		}
		if step%4 == 0 && len(want) > 0 {
			k := step * 5 % min(len(want)+1, 9)
			l.drop(k)
			want = want[k:]
		}
		check()
		if len(l.b) != len(want) {
			t.Fatalf("%d octets, want %d", len(l.b), len(want))
		}
	}
}

// TestKinds tries all SPDUs that may be cut: what is said of an SPDU's enclosure item is what its notation says.
func TestKinds(t *testing.T) {
	for si := range 256 {
		for _, place := range []func([]byte) (spdu.SPDU, int, error){spdu.ParseFirst, spdu.ParseNext} {
			p, _, err := place([]byte{byte(si), 3, 25, 1, 2})
			if err != nil {
				continue
			}
			if e := enclosureOf(p); e != spdu.Last || !strings.Contains(p.String(), "enclosure=last") {
				t.Errorf("%v: %v", p, e)
			}
		}
	}
}

// TestDocument checks that docs/decode.md names the fields of JSON objects.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/decode.md")
	if err != nil {
		t.Fatal(err)
	}
	out, _ := decoded(t, packet(0x0a, 3, 0xc1, 9), Options{Style: JSON})
	names := regexp.MustCompile(`"(\w+)":`).FindAllStringSubmatch(out, -1)
	if len(names) < 30 {
		t.Fatalf("only %d fields in %s", len(names), out)
	}
	for _, name := range names {
		if !strings.Contains(string(text), "`"+name[1]+"`") {
			t.Errorf("docs/decode.md does not name %s", name[1])
		}
	}
}
