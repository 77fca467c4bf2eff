package routing

import (
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/internal/octets"
)

// Kind is the kind of a packet: its first octet, but for what flags of data packets say.
type Kind uint8

// The packets of Phase IV. (decnet 3.2)
const (
	KindData         Kind = 0
	KindInit         Kind = 0x01 // point to point
	KindVerification Kind = 0x03 // point to point
	KindHello        Kind = 0x05 // hello and test, point to point
	KindLevel1       Kind = 0x07 // routing message
	KindLevel2       Kind = 0x09 // routing message
	KindRouterHello  Kind = 0x0b // Ethernet
	KindEndnodeHello Kind = 0x0d // Ethernet
)

var kindNames = map[Kind]string{KindData: "data", KindInit: "init", KindVerification: "verification", KindHello: "hello", KindLevel1: "level 1 routing",
	KindLevel2: "level 2 routing", KindRouterHello: "router hello", KindEndnodeHello: "endnode hello"}

func (k Kind) String() string {
	if s, ok := kindNames[k]; ok {
		return s
	}
	return fmt.Sprintf("packet-%02x", uint8(k))
}

const (
	shortData = 0x02
	longData  = 0x06

	flagReturn   = 0x08 // return to sender requested
	flagReturned = 0x10 // is on its way back
	flagEthernet = 0x20 // has not left its Ethernet
	flagVersion  = 0x40 // not Phase IV
	flagPad      = 0x80

	// ShortHeader and LongHeader are the sizes of the headers of data packets, in octets.
	ShortHeader = 6
	LongHeader  = 21

	maxTest         = 128 // octets of a hello's test data
	maxVerification = 64  // octets of a verification's value
	maxReserved     = 64
	maxRouterList   = 244
	testOctet       = 0xaa
)

// NodeType is what a node is.
type NodeType uint8

// Types.
const (
	AreaRouter   NodeType = 1 // level 2
	Router       NodeType = 2 // level 1
	EndNodeType  NodeType = 3
	typeMask              = 3
	flagVerify            = 4
	flagBlocking          = 8
)

var typeNames = [...]string{"type-0", "area router", "router", "endnode"}

func (t NodeType) String() string { return typeNames[t&typeMask] }

// version is that of Phase IV routing.
var version = [3]byte{2, 0, 0}

// Init begins a point-to-point circuit.
type Init struct {
	Node      decnet.Addr
	Type      NodeType
	Verify    bool // its receiver is to send a verification
	BlockSize uint16
	Version   [3]byte
	Timer     uint16 // seconds between hellos
}

// Verification proves, by a value that both know, who a neighbour is.
type Verification struct {
	Node  decnet.Addr
	Value []byte // at most 64 octets
}

// Hello says that its sender is alive.
type Hello struct {
	Node decnet.Addr
	Test int // octets of test data
}

// EndnodeHello says so on an Ethernet.
type EndnodeHello struct {
	Node      decnet.Addr
	BlockSize uint16
	Router    decnet.MAC // the designated router, or zeros
	Timer     uint16     // seconds between hellos
	Test      int        // octets of test data
}

// RouterHello is that of a router on an Ethernet.
type RouterHello struct {
	Node      decnet.Addr
	Type      NodeType
	BlockSize uint16
	Priority  uint8
	Timer     uint16
	List      []byte // of the routers that it hears
}

// Data is a data packet.
type Data struct {
	Dst, Src decnet.Addr
	Return   bool // return to sender requested
	Returned bool // is on its way back
	Visits   uint8
	Payload  []byte
}

// ParseError is a packet that is none.
type ParseError struct {
	Kind Kind
	Text string
}

func (e *ParseError) Error() string { return fmt.Sprintf("routing: parse %v: %s", e.Kind, e.Text) }

// KindOf tells what a packet is, and takes padding from its front.
func KindOf(b []byte) (k Kind, packet []byte, err error) {
	if len(b) > 0 && b[0]&flagPad != 0 {
		n := int(b[0] &^ flagPad)
		if n == 0 || n >= len(b) {
			return 0, nil, &ParseError{0, fmt.Sprintf("padding: %d octets of %d", n, len(b))}
		}
		if b = b[n:]; b[0]&flagPad != 0 {
			return 0, nil, &ParseError{0, "padding: twice"}
		}
	}
	if len(b) == 0 {
		return 0, nil, &ParseError{0, "is empty"}
	}
	if b[0]&1 == 0 {
		return KindData, b, nil
	}
	return Kind(b[0]), b, nil
}

// finish is the error of a reader as one of this package.
func finish(k Kind, r *octets.Reader) error {
	if r.Err != nil {
		return &ParseError{k, r.Err.Error()}
	}
	return nil
}

func wantKind(r *octets.Reader, k Kind) {
	if got := Kind(r.Uint8("flags")); r.Err == nil && got != k {
		r.Fail("flags: %02x is not %02x", uint8(got), uint8(k))
	}
}

func readNode(r *octets.Reader) decnet.Addr {
	a := decnet.Addr(r.Uint16("SRCNODE"))
	if r.Err == nil && a.Number() == 0 {
		r.Fail("SRCNODE: %v", a)
	}
	return a
}

// AppendBinary appends the packet.
func (p *Init) AppendBinary(b []byte) ([]byte, error) {
	b = octets.AppendUint16(append(b, byte(KindInit)), uint16(p.Node))
	info := byte(p.Type & typeMask)
	if p.Verify {
		info |= flagVerify
	}
	b = octets.AppendUint16(append(b, info), p.BlockSize)
	b = octets.AppendUint16(append(b, p.Version[:]...), p.Timer)
	return append(b, 0), nil
}

// ParseInit reads an init. That of Phase III ends after the version, and is told by that. Reserved octets, and what follows, are not
// looked at.
func ParseInit(b []byte) (p Init, err error) {
	r := octets.Reader{B: b}
	wantKind(&r, KindInit)
	p.Node = readNode(&r)
	info := r.Uint8("TIINFO")
	p.Type, p.Verify = NodeType(info&typeMask), info&flagVerify != 0
	if r.Err == nil && info&flagBlocking != 0 {
		r.Fail("TIINFO: blocking is asked for")
	}
	if r.Err == nil && p.Type == 0 {
		r.Fail("TIINFO: node type 0")
	}
	p.BlockSize = r.Uint16("BLKSIZE")
	copy(p.Version[:], r.Take(3, "TIVER"))
	if r.Err == nil && p.Version[0] >= 2 {
		p.Timer = r.Uint16("TIMER")
		r.Image(maxReserved, "RESERVED")
	}
	return p, finish(KindInit, &r)
}

// AppendBinary appends the packet.
func (p *Verification) AppendBinary(b []byte) ([]byte, error) {
	if len(p.Value) > maxVerification {
		return b, fmt.Errorf("routing: append verification: length %d exceeds %d", len(p.Value), maxVerification)
	}
	b = octets.AppendUint16(append(b, byte(KindVerification)), uint16(p.Node))
	return octets.AppendImage(b, p.Value), nil
}

// ParseVerification reads a verification, whose value aliases b.
func ParseVerification(b []byte) (p Verification, err error) {
	r := octets.Reader{B: b}
	wantKind(&r, KindVerification)
	p.Node = readNode(&r)
	p.Value = r.Image(maxVerification, "FCNVAL")
	return p, finish(KindVerification, &r)
}

// AppendBinary appends the packet.
func (p *Hello) AppendBinary(b []byte) ([]byte, error) {
	b = octets.AppendUint16(append(b, byte(KindHello)), uint16(p.Node))
	return appendTest(b, p.Test), nil
}

func appendTest(b []byte, n int) []byte {
	n = min(max(n, 0), maxTest)
	b = append(b, byte(n))
	for range n {
		b = append(b, testOctet)
	}
	return b
}

func readTest(r *octets.Reader) int {
	test := r.Image(maxTest, "TESTDATA")
	for _, o := range test {
		if o != testOctet {
			r.Fail("TESTDATA: %02x is not %02x", o, testOctet)
		}
	}
	return len(test)
}

// ParseHello reads a hello.
func ParseHello(b []byte) (p Hello, err error) {
	r := octets.Reader{B: b}
	wantKind(&r, KindHello)
	p.Node = readNode(&r)
	p.Test = readTest(&r)
	return p, finish(KindHello, &r)
}

// seconds is a timer in whole seconds, at least one.
func seconds(d time.Duration) uint16 {
	return uint16(min(max((d+time.Second-1)/time.Second, 1), 65535))
}
