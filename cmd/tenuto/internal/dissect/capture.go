package dissect

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// packets is what pcapgo's readers are.
type packets interface {
	ZeroCopyReadPacketData() ([]byte, gopacket.CaptureInfo, error)
}

// decodeCapture decodes the TCP connections of a capture.
func decodeCapture(r *bufio.Reader, p *printer, o Options) error {
	source, link, err := openCapture(r)
	if err != nil {
		return fmt.Errorf("read the capture: %w", err)
	}
	c := &capture{links: map[layers.LinkType]*gopacket.DecodingLayerParser{}, tcp: newTCP(p, o)}
	for p.err == nil {
		data, info, err := source.ZeroCopyReadPacketData()
		if err == io.EOF {
			break
		}
		if err != nil {
			err = fmt.Errorf("read the capture: packet %d: %w", c.number+1, err)
			c.end()
			return err
		}
		c.number++
		t := link
		if len(info.AncillaryData) > 0 {
			t, _ = info.AncillaryData[0].(layers.LinkType)
		}
		c.packet(data, info, t)
	}
	c.end()
	return c.nothing(p)
}

// openCapture makes the reader of a capture. One of pcapng tells the type of the link with each packet.
func openCapture(r *bufio.Reader) (packets, layers.LinkType, error) {
	start, err := r.Peek(4)
	if err != nil {
		return nil, 0, err
	}
	if binary.BigEndian.Uint32(start) == magicSection {
		source, err := pcapgo.NewNgReader(r, pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
		return source, 0, err
	}
	source, err := pcapgo.NewReader(r)
	if err != nil {
		return nil, 0, err
	}
	return source, source.LinkType(), nil
}

// capture finds the TCP segments of packets.
type capture struct {
	number    int64 // of the packet
	unknown   int64 // packets on links that are not known here
	link      layers.LinkType
	fragments int64 // of IP packets with TCP
	links     map[layers.LinkType]*gopacket.DecodingLayerParser
	decoded   []gopacket.LayerType
	tcp       *tcp

	ip4     layers.IPv4
	ip6     layers.IPv6
	segment layers.TCP
}

// Types of links that libpcap writes for packets without a header of the link.
const (
	linkRawBSD     layers.LinkType = 12
	linkRawOpenBSD layers.LinkType = 14
)

// parser is the parser of packets on a type of link, nil if there is none.
func (c *capture) parser(link layers.LinkType, data []byte) *gopacket.DecodingLayerParser {
	var first gopacket.LayerType
	switch link {
	case layers.LinkTypeEthernet:
		first = layers.LayerTypeEthernet
	case layers.LinkTypeLinuxSLL:
		first = layers.LayerTypeLinuxSLL
	case layers.LinkTypeLinuxSLL2:
		first = layers.LayerTypeLinuxSLL2
	case layers.LinkTypeNull, layers.LinkTypeLoop:
		first = layers.LayerTypeLoopback
	case layers.LinkTypeRaw, linkRawBSD, linkRawOpenBSD, layers.LinkTypeIPv4, layers.LinkTypeIPv6:
		first, link = layers.LayerTypeIPv4, layers.LinkTypeIPv4
		if len(data) > 0 && data[0]>>4 == 6 {
			first, link = layers.LayerTypeIPv6, layers.LinkTypeIPv6
		}
	default:
		return nil
	}
	p := c.links[link]
	if p == nil {
		p = gopacket.NewDecodingLayerParser(first, &layers.Ethernet{}, &layers.LinuxSLL{}, &layers.LinuxSLL2{}, &layers.Loopback{},
			&layers.Dot1Q{}, &c.ip4, &c.ip6, &layers.IPv6ExtensionSkipper{}, &c.segment)
		p.IgnoreUnsupported = true
		c.links[link] = p
	}
	return p
}

func (c *capture) packet(data []byte, info gopacket.CaptureInfo, link layers.LinkType) {
	p := c.parser(link, data)
	if p == nil {
		c.unknown++
		c.link = link
		return
	}
	c.decoded = c.decoded[:0]
	_ = p.DecodeLayers(data, &c.decoded) // a packet with an error in it is none of ours, or is seen to be missing
	var from, to netip.Addr
	for _, t := range c.decoded {
		switch t {
		case layers.LayerTypeIPv4:
			from, _ = netip.AddrFromSlice(c.ip4.SrcIP)
			to, _ = netip.AddrFromSlice(c.ip4.DstIP)
			if c.ip4.Protocol == layers.IPProtocolTCP && c.ip4.NextLayerType() == gopacket.LayerTypeFragment {
				c.fragments++
			}
		case layers.LayerTypeIPv6:
			from, _ = netip.AddrFromSlice(c.ip6.SrcIP)
			to, _ = netip.AddrFromSlice(c.ip6.DstIP)
		case layers.LayerTypeIPv6Fragment:
			c.fragments++
		case layers.LayerTypeTCP:
			info.InterfaceIndex = int(c.number) // which is how reassembly gives it back
			c.tcp.segment(endpoints{netip.AddrPortFrom(from, uint16(c.segment.SrcPort)), netip.AddrPortFrom(to, uint16(c.segment.DstPort))}, &c.segment, info)
		}
	}
}

// end ends the connections, and tells of what could not be looked into.
func (c *capture) end() {
	c.tcp.end()
	if c.fragments > 0 {
		c.tcp.print(&Unit{Link: &Link{}, Problems: []Problem{{Text: fmt.Sprintf("IP: %d fragments were not put together", c.fragments), Offset: -1, Position: Position{Packet: c.number}}},
			Position: Position{Packet: c.number}})
	}
}

// nothing says why nothing was found, if that is so.
func (c *capture) nothing(p *printer) error {
	switch {
	case p.result.Units > 0:
		return nil
	case c.unknown > 0:
		return fmt.Errorf("%w: %d of %d packets are of link type %d, which is not known here", ErrNothing, c.unknown, c.number, c.link)
	}
	return fmt.Errorf("%w: no octets of TCP on %s in %d packets", ErrNothing, c.tcp.ports, c.number)
}
