package dissect

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode"
	"unicode/utf8"
)

// Format is the form of the input.
type Format uint8

// The formats.
const (
	Auto    Format = iota // whichever it is
	Hex                   // text
	Raw                   // octets
	Capture               // pcap or pcapng
)

// Style is the form of the output.
type Style uint8

// The styles.
const (
	Text    Style = iota // SPDUs with their parameters
	Summary              // a line for each SPDU
	JSON                 // a line with an object for each TSDU
)

// DefaultPort is the port of RFC 1006.
const DefaultPort = 102

// AnyPort, among the ports, is all of them: then connections that do not begin with a packet of RFC 1006 are passed over.
const AnyPort = 0

// Options say what to decode and how to show it.
type Options struct {
	Format Format
	Style  Style
	TSDU   bool     // the octets are a TSDU without TPDUs; of hex text, several with empty lines or headings between
	Ports  []uint16 // TCP connections to decode of a capture
	Data   int      // octets of user data to show
}

// Result is what Run has found.
type Result struct {
	Units    int // TPDUs and TSDUs
	Problems int
}

// ErrNothing says that the input holds nothing to decode.
var ErrNothing = errors.New("nothing to decode")

// bufferSize is how much of the input is looked at to tell its format, in octets.
const bufferSize = 64 << 10

// Run decodes in and writes what it holds to out, until the end of in or of ctx. What is wrong with what was decoded is no error, but
// counted. What could not be read at all is one.
func Run(ctx context.Context, in io.Reader, out io.Writer, o Options) (Result, error) {
	p := &printer{out: out, style: o.Style}
	r := bufio.NewReaderSize(reader{ctx, in}, bufferSize)
	err := decodeInput(r, p, o)
	if err == nil {
		err = p.err
	}
	if err == nil && p.result.Units == 0 {
		err = ErrNothing
	}
	return p.result, err
}

func decodeInput(r *bufio.Reader, p *printer, o Options) error {
	r, format, err := detect(r, o.Format)
	if err != nil {
		return err
	}
	switch format {
	case Hex:
		return decodeHex(r, p, o)
	case Raw:
		return decodeRaw(r, p, o)
	}
	return decodeCapture(r, p, o)
}

// reader reads until a context ends.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// detect tells the format of r, unless it is known, and unpacks what gzip has packed.
func detect(r *bufio.Reader, f Format) (*bufio.Reader, Format, error) {
	if start, _ := r.Peek(2); f != Hex && bytes.Equal(start, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, f, fmt.Errorf("unpack: %w", err)
		}
		r = bufio.NewReaderSize(z, bufferSize)
	}
	if f != Auto {
		return r, f, nil
	}
	start, err := r.Peek(12)
	if err != nil && err != io.EOF {
		return nil, f, err
	}
	switch {
	case isCapture(start):
		return r, Capture, nil
	case isText(start):
		if start, _ = r.Peek(r.Buffered()); isText(start) {
			return r, Hex, nil
		}
	}
	return r, Raw, nil
}

// Numbers that captures begin with, in either order of octets; the second of pcapng is 8 octets behind the first.
const (
	magicMicros  = 0xa1b2c3d4
	magicNanos   = 0xa1b23c4d
	magicSection = 0x0a0d0d0a
	magicOrder   = 0x1a2b3c4d
)

func isCapture(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	either := func(at int) [2]uint32 {
		return [2]uint32{binary.BigEndian.Uint32(b[at:]), binary.LittleEndian.Uint32(b[at:])}
	}
	for _, magic := range either(0) {
		switch magic {
		case magicMicros, magicNanos:
			return true
		case magicSection:
			order := [2]uint32{}
			if len(b) >= 12 {
				order = either(8)
			}
			return order[0] == magicOrder || order[1] == magicOrder
		}
	}
	return false
}

// isText tells whether octets are text, the last letter of which may not be whole.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			return !utf8.FullRune(b)
		case unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' && r != '\f':
			return false
		}
		b = b[n:]
	}
	return true
}

// printer writes units as they come.
type printer struct {
	out    io.Writer
	style  Style
	b      bytes.Buffer
	result Result
	err    error // the first of out
}

func (p *printer) print(u *Unit) {
	p.result.Units++
	p.result.Problems += len(u.Problems)
	p.b.Reset()
	switch p.style {
	case Text:
		appendText(&p.b, u)
	case Summary:
		appendSummary(&p.b, u)
	case JSON:
		appendJSON(&p.b, u)
	}
	if p.err == nil {
		_, p.err = p.out.Write(p.b.Bytes())
	}
}

// bare is a TSDU that comes without TPDUs.
type bare struct {
	conn *connection
	from Side
	tsdu tsdu
}

func (b *bare) add(o []byte, pos Position) {
	if b.tsdu.octets == 0 {
		b.tsdu.begin(pos, b.conn.keep)
	}
	b.tsdu.add(o, pos)
}

// flush ends the TSDU, if there is one.
func (b *bare) flush() {
	if b.tsdu.octets > 0 {
		b.conn.endTSDU(&Unit{Link: b.conn.link, From: b.from, Position: b.tsdu.at}, &b.tsdu, false)
	}
	b.tsdu.reset()
}

func decodeRaw(r io.Reader, p *printer, o Options) error {
	c := newConnection(&Link{Number: 1}, o.Data, p.print)
	t := bare{conn: c}
	var pos Position
	b := make([]byte, bufferSize)
	for p.err == nil {
		n, err := r.Read(b)
		if o.TSDU {
			t.add(b[:n], pos)
		} else {
			c.take(Unknown, b[:n], pos, time.Time{})
		}
		pos.Octet += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	t.flush()
	c.flows[Unknown].end(pos, time.Time{})
	return nil
}

// hexInput hands what hex text holds to decoders of connections.
type hexInput struct {
	o    Options
	p    *printer
	conn *connection
	bare bare
	flow int // number of the flow, 0 if it has none
	from Side
	at   [3]Position // behind the last octet of each side
}

func decodeHex(r *bufio.Reader, p *printer, o Options) error {
	h := &hexInput{o: o, p: p}
	h.connect(1)
	text := hexText{octets: h.octets, flow: h.begin, pause: h.bare.flush}
	err := text.read(r)
	h.end()
	return err
}

func (h *hexInput) connect(number int) {
	h.conn = newConnection(&Link{Number: number}, h.o.Data, h.p.print)
	h.bare.conn = h.conn
	h.at = [3]Position{}
}

func (h *hexInput) octets(line int, b []byte) {
	if len(b) == 0 {
		return
	}
	pos := &h.at[h.from]
	pos.Line = line
	if h.o.TSDU {
		h.bare.add(b, *pos)
	} else {
		h.conn.take(h.from, b, *pos, time.Time{})
	}
	pos.Octet += int64(len(b))
}

// begin begins a flow. One with a number that does not exceed the last one's is of another connection.
func (h *hexInput) begin(n int) {
	h.bare.flush()
	if n <= h.flow || h.at[Unknown].Octet > 0 {
		h.end()
		h.connect(h.conn.link.Number + 1)
	}
	h.flow, h.from = n, Initiator
	if n%2 == 0 {
		h.from = Responder
	}
	h.bare.from = h.from
}

func (h *hexInput) end() {
	h.bare.flush()
	for s := range h.at {
		if h.at[s].Octet > 0 {
			h.conn.flows[s].end(h.at[s], time.Time{})
		}
	}
}
