package routing

import (
	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/internal/octets"
)

// Addresses of groups on an Ethernet. (decnet 3.1)
var (
	AllRouters  = decnet.MAC{0xab, 0x00, 0x00, 0x03, 0x00, 0x00}
	AllEndnodes = decnet.MAC{0xab, 0x00, 0x00, 0x04, 0x00, 0x00}
)

// AppendBinary appends the packet.
func (p *EndnodeHello) AppendBinary(b []byte) ([]byte, error) {
	b = append(append(b, byte(KindEndnodeHello)), version[:]...)
	b = appendID(b, p.Node)
	b = octets.AppendUint16(append(b, byte(EndNodeType)), p.BlockSize)
	b = append(b, 0)                      // AREA
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0) // SEED
	b = append(b, p.Router[:]...)
	b = octets.AppendUint16(b, p.Timer)
	return appendTest(append(b, 0), p.Test), nil // MPD
}

func appendID(b []byte, a decnet.Addr) []byte {
	m := a.MAC()
	return append(b, m[:]...)
}

// readID reads a node's address in the form of its Ethernet address.
func readID(r *octets.Reader, field string) decnet.Addr {
	b := r.Take(6, field)
	if b == nil {
		return 0
	}
	a, ok := decnet.MAC(b).Addr()
	if !ok || !a.Valid() {
		r.Fail("%s: %v is no node's", field, decnet.MAC(b))
	}
	return a
}

// ParseEndnodeHello reads an endnode's hello.
func ParseEndnodeHello(b []byte) (p EndnodeHello, err error) {
	r := octets.Reader{B: b}
	wantKind(&r, KindEndnodeHello)
	r.Take(3, "TIVER")
	p.Node = readID(&r, "ID")
	r.Uint8("IINFO")
	p.BlockSize = r.Uint16("BLKSIZE")
	r.Take(9, "AREA, SEED")
	copy(p.Router[:], r.Take(6, "NEIGHBOR"))
	p.Timer = r.Uint16("TIMER")
	r.Uint8("MPD")
	p.Test = readTest(&r)
	return p, finish(KindEndnodeHello, &r)
}

// AppendBinary appends the packet.
func (p *RouterHello) AppendBinary(b []byte) ([]byte, error) {
	b = append(append(b, byte(KindRouterHello)), version[:]...)
	b = appendID(b, p.Node)
	b = octets.AppendUint16(append(b, byte(p.Type)), p.BlockSize)
	b = octets.AppendUint16(append(b, p.Priority, 0), p.Timer)
	return octets.AppendImage(append(b, 0), p.List), nil
}

// ParseRouterHello reads a router's hello, whose list aliases b.
func ParseRouterHello(b []byte) (p RouterHello, err error) {
	r := octets.Reader{B: b}
	wantKind(&r, KindRouterHello)
	r.Take(3, "TIVER")
	p.Node = readID(&r, "ID")
	p.Type = NodeType(r.Uint8("IINFO") & typeMask)
	if r.Err == nil && p.Type != AreaRouter && p.Type != Router {
		r.Fail("IINFO: %v", p.Type)
	}
	p.BlockSize = r.Uint16("BLKSIZE")
	p.Priority = r.Uint8("PRIORITY")
	r.Uint8("AREA")
	p.Timer = r.Uint16("TIMER")
	r.Uint8("MPD")
	p.List = r.Image(maxRouterList, "ELIST")
	return p, finish(KindRouterHello, &r)
}

// AppendData appends the header of a data packet: the short one, or the long one for an Ethernet.
func AppendData(b []byte, d *Data, long bool) []byte {
	flags := byte(shortData)
	if long {
		flags = longData | flagEthernet
	}
	if d.Return {
		flags |= flagReturn
	}
	if d.Returned {
		flags |= flagReturned
	}
	if !long {
		b = octets.AppendUint16(append(b, flags), uint16(d.Dst))
		b = octets.AppendUint16(b, uint16(d.Src))
		return append(b, d.Visits&0x3f)
	}
	b = appendID(append(b, flags, 0, 0), d.Dst) // D-AREA, D-SUBAREA
	b = appendID(append(b, 0, 0), d.Src)        // S-AREA, S-SUBAREA
	return append(b, 0, d.Visits&0x3f, 0, 0)    // NL2, VISIT-CT, S-CLASS, PT
}

// ParseData reads a data packet of either form, whose payload aliases b.
func ParseData(b []byte) (d Data, err error) {
	r := octets.Reader{B: b}
	flags := r.Uint8("flags")
	if r.Err == nil && flags&flagVersion != 0 {
		r.Fail("flags: %02x is of another version", flags)
	}
	d.Return, d.Returned = flags&flagReturn != 0, flags&flagReturned != 0
	switch flags & 7 {
	case shortData:
		d.Dst, d.Src = decnet.Addr(r.Uint16("DSTNODE")), decnet.Addr(r.Uint16("SRCNODE"))
		d.Visits = r.Uint8("FORWARD") & 0x3f
	case longData:
		r.Take(2, "D-AREA")
		d.Dst = readID(&r, "D-ID")
		r.Take(2, "S-AREA")
		d.Src = readID(&r, "S-ID")
		r.Uint8("NL2")
		d.Visits = r.Uint8("VISIT-CT") & 0x3f
		r.Take(2, "S-CLASS, PT")
	default:
		r.Fail("flags: %02x is no data packet", flags)
	}
	if r.Err == nil && (d.Src.Number() == 0 || d.Dst.Number() == 0) {
		r.Fail("node 0: %v to %v", d.Src, d.Dst)
	}
	d.Payload = r.B
	return d, finish(KindData, &r)
}
