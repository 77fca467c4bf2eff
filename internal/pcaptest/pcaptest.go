// Package pcaptest makes captures of TCP connections, as a network between two hosts would show them, for tests of what reads captures.
//
//	f := pcaptest.New(pcaptest.Pcapng)
//	c := f.Connect(client, server)   // SYN, SYN, ACK
//	c.Send(pcaptest.Client, octets)
//	c.Close()
//	os.WriteFile(name, f.Bytes(), 0o600)
//
// A [Proxy] writes one of real connections that go through it.
package pcaptest

import (
	"bytes"
	"net/netip"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Format is the format of a capture.
type Format uint8

// The formats.
const (
	Pcap      Format = iota // microseconds
	PcapNanos               // nanoseconds
	Pcapng
)

// Tick is the time between packets, and Begin the time of the first.
const Tick = time.Millisecond

// Begin is the time of a capture's first packet.
var Begin = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// MSS is the most octets of a segment.
const MSS = 1440

// File is a capture. All its connections may write to it at the same time.
type File struct {
	mu     sync.Mutex
	b      bytes.Buffer
	now    time.Time
	conns  uint32 // how many there were
	link   layers.LinkType
	writer interface {
		WritePacket(gopacket.CaptureInfo, []byte) error
	}
}

// New makes an empty capture of Ethernet.
func New(format Format) *File { return NewLink(format, layers.LinkTypeEthernet) }

// NewLink makes an empty capture of Ethernet or of a link without headers (layers.LinkTypeRaw).
func NewLink(format Format, link layers.LinkType) *File {
	f := &File{now: Begin, link: link}
	var err error
	switch format {
	case Pcapng:
		f.writer, err = pcapgo.NewNgWriter(&f.b, link)
	case PcapNanos:
		w := pcapgo.NewWriterNanos(&f.b)
		f.writer, err = w, w.WriteFileHeader(1<<18, link)
	default:
		w := pcapgo.NewWriter(&f.b)
		f.writer, err = w, w.WriteFileHeader(1<<18, link)
	}
	if err != nil {
		panic("BUG: a buffer refuses octets: " + err.Error())
	}
	return f
}

// Bytes is the capture up to now.
func (f *File) Bytes() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w, ok := f.writer.(*pcapgo.NgWriter); ok {
		if err := w.Flush(); err != nil {
			panic("BUG: a buffer refuses octets: " + err.Error())
		}
	}
	return bytes.Clone(f.b.Bytes())
}

// Wait lets time pass.
func (f *File) Wait(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// Packet adds a packet as it is.
func (f *File) Packet(b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.writer.WritePacket(gopacket.CaptureInfo{Timestamp: f.now, CaptureLength: len(b), Length: len(b)}, b); err != nil {
		panic("BUG: pcapgo refuses a packet: " + err.Error())
	}
	f.now = f.now.Add(Tick)
}

// Side is an end of a connection.
type Side uint8

// The sides.
const (
	Client Side = iota
	Server
)

// Conn is a TCP connection in a capture.
type Conn struct {
	f    *File
	addr [2]netip.AddrPort
	seq  [2]uint32 // of the next octet, by side
}

// Sequence numbers of the SYN of each side in the first connection: the client's octets soon come to the end of the numbers. Those of later
// connections are isnStep apart.
const (
	clientISN = 0xfffffff0
	serverISN = 1000
	isnStep   = 1 << 24
)

// Join adds a connection that had begun before the capture.
func (f *File) Join(client, server netip.AddrPort) *Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	isn := f.conns * isnStep
	f.conns++
	return &Conn{f: f, addr: [2]netip.AddrPort{client, server}, seq: [2]uint32{clientISN + isn, serverISN + isn}}
}

// Connect adds a connection, with the three segments that begin it.
func (f *File) Connect(client, server netip.AddrPort) *Conn {
	c := f.Join(client, server)
	c.Segment(Client, layers.TCP{SYN: true}, nil)
	c.seq[Client]++
	c.Segment(Server, layers.TCP{SYN: true, ACK: true}, nil)
	c.seq[Server]++
	c.Segment(Client, layers.TCP{ACK: true}, nil)
	return c
}

// Send adds octets that a side sends, in segments of at most MSS octets.
func (c *Conn) Send(from Side, b []byte) {
	for len(b) > 0 {
		n := min(MSS, len(b))
		c.Segment(from, layers.TCP{ACK: true, PSH: true}, b[:n])
		c.Lose(from, n)
		b = b[n:]
	}
}

// Lose says that a side has sent n octets that the capture has not; negative to send some again.
func (c *Conn) Lose(from Side, n int) { c.seq[from] += uint32(n) }

// Segment adds a segment at the side's place, and leaves that as it is.
func (c *Conn) Segment(from Side, s layers.TCP, b []byte) {
	to := 1 - from
	s.SrcPort, s.DstPort = layers.TCPPort(c.addr[from].Port()), layers.TCPPort(c.addr[to].Port())
	s.Seq, s.Window = c.seq[from], 65535
	if s.ACK {
		s.Ack = c.seq[to]
	}
	c.f.packet(c.addr[from].Addr(), c.addr[to].Addr(), &s, b)
}

// Close adds what ends a connection in order, which the client begins.
func (c *Conn) Close() {
	for _, from := range []Side{Client, Server} {
		c.Segment(from, layers.TCP{FIN: true, ACK: true}, nil)
		c.seq[from]++
		c.Segment(1-from, layers.TCP{ACK: true}, nil)
	}
}

// Reset adds a reset by a side.
func (c *Conn) Reset(from Side) { c.Segment(from, layers.TCP{RST: true, ACK: true}, nil) }

func (f *File) packet(from, to netip.Addr, s *layers.TCP, b []byte) {
	var all []gopacket.SerializableLayer
	ethernet := layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}
	var network gopacket.SerializableLayer
	if from.Is4() {
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}
		network = ip
		s.SetNetworkLayerForChecksum(ip)
	} else {
		ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}
		network = ip
		s.SetNetworkLayerForChecksum(ip)
		ethernet.EthernetType = layers.EthernetTypeIPv6
	}
	if f.link == layers.LinkTypeEthernet {
		all = append(all, &ethernet)
	}
	buffer := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		append(all, network, s, gopacket.Payload(b))...); err != nil {
		panic("BUG: a packet that cannot be written: " + err.Error())
	}
	f.Packet(buffer.Bytes())
}
