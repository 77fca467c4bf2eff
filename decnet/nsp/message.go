package nsp

import (
	"fmt"
	"strings"

	"github.com/tenuto-session/tenuto/decnet/internal/octets"
)

// Type is the first octet of a message, MSGFLG. Those of data segments are TypeData with BOM and EOM.
type Type uint8

// The messages of NSP 4.0. (decnet 2.1)
const (
	TypeData         Type = 0x00 // data segment
	TypeLinkService  Type = 0x10
	TypeInterrupt    Type = 0x30
	TypeDataAck      Type = 0x04
	TypeOtherAck     Type = 0x14 // of interrupts and link services
	TypeConnectAck   Type = 0x24
	TypeNop          Type = 0x08 // of NSP 3.1; ignored
	TypeConnect      Type = 0x18 // connect initiate
	TypeConnectAgain Type = 0x68 // the same, not for the first time
	TypeConfirm      Type = 0x28 // connect confirm
	TypeDisconnect   Type = 0x38 // disconnect initiate
	TypeDisconnected Type = 0x48 // disconnect confirm

	// BOM and EOM mark a data segment that begins a message, and one that ends it.
	BOM Type = 0x20
	EOM Type = 0x40

	reservedFlags = 0x83
)

var typeNames = map[Type]string{TypeData: "DATA", TypeLinkService: "LS", TypeInterrupt: "INTR", TypeDataAck: "DATA-ACK",
	TypeOtherAck: "OTHER-ACK", TypeConnectAck: "CA", TypeNop: "NOP", TypeConnect: "CI", TypeConnectAgain: "RCI", TypeConfirm: "CC",
	TypeDisconnect: "DI", TypeDisconnected: "DC"}

// base is the type without BOM and EOM, which only data segments have.
func (t Type) base() Type {
	if t&^(BOM|EOM) == TypeData {
		return TypeData
	}
	return t
}

func (t Type) String() string {
	if s, ok := typeNames[t.base()]; ok {
		return s
	}
	return fmt.Sprintf("message-%02x", uint8(t))
}

const (
	// MaxInterrupt is the most octets of an interrupt; MaxConnectData of what CC and DI carry for the user.
	MaxInterrupt   = 16
	MaxConnectData = 16
	// MaxHeader is the most octets before the user data of a segment: MSGFLG, two addresses, two acknowledgements, SEGNUM.
	MaxHeader = 11

	numbers   = 4096 // segment numbers are counted modulo this
	delayFlag = 0x1000
	ackFlag   = 0x8000
	// maxInfo is the most octets of INFO, whose upper bit says that another one follows.
	maxInfo = 8
)

// Qual says what an acknowledgement word means.
type Qual uint8

// Qualifiers. Cross is for the subchannel to which the message itself does not belong. (decnet 2.1)
const (
	QualAck      Qual = 0
	QualNak      Qual = 1
	QualCross    Qual = 2
	QualCrossNak Qual = 3
)

// Ack is an acknowledgement word of a message.
type Ack struct {
	Present bool
	Qual    Qual
	Number  uint16 // all segments up to this one have arrived
}

func (a Ack) word() uint16 { return ackFlag | uint16(a.Qual)<<12 | a.Number&(numbers-1) }

// FlowControl is how the sender of CI or CC wants to be fed: FCOPT.
type FlowControl uint8

// Flow control options.
const (
	FlowNone    FlowControl = 0
	FlowSegment FlowControl = 1 // segments are asked for
	FlowMessage FlowControl = 2 // messages are asked for
)

var flowNames = [...]string{"none", "segment", "message"}

func (f FlowControl) String() string {
	if int(f) < len(flowNames) {
		return flowNames[f]
	}
	return fmt.Sprintf("flow-%d", uint8(f))
}

// Info is the version of NSP that the sender of CI or CC speaks.
type Info uint8

// Versions: not in the order of their numbers. (decnet 2.1)
const (
	Info32 Info = 0 // Phase III
	Info31 Info = 1 // Phase II
	Info40 Info = 2 // Phase IV
	Info41 Info = 3
)

var infoNames = [...]string{"3.2", "3.1", "4.0", "4.1"}

func (i Info) String() string { return infoNames[i&3] }

// phase4 tells whether the version has cross acknowledgements and delayed ones.
func (i Info) phase4() bool { return i == Info40 || i == Info41 }

// Switch is what a link service says of the data flow as a whole: FCMOD.
type Switch uint8

// Positions of the switch.
const (
	Keep Switch = 0
	Xoff Switch = 1
	Xon  Switch = 2
)

var switchNames = [...]string{"keep", "xoff", "xon", "switch-3"}

// Message is one NSP message. Which fields count depends on its type.
type Message struct {
	Type     Type
	Dst, Src uint16 // link addresses

	Acks   [2]Ack // data segments, link services, interrupts, acknowledgements
	Number uint16 // data segments, link services, interrupts: SEGNUM
	Delay  bool   // data segments: the acknowledgement may be delayed

	Switch     Switch // link services
	Interrupts bool   // link services: Credit counts interrupts
	Reserved   bool   // link services: with a reserved value, so that its contents count for nothing
	Credit     int8   // link services: FCVAL

	Flow    FlowControl // CI, CC: FCOPT
	Info    Info        // CI, CC
	SegSize uint16      // CI, CC: octets of user data in a segment

	Reason uint16 // DI, DC
	Data   []byte // user data of segments and interrupts; of CI what session control says; of CC and DI the user's
}

// AppendBinary appends the message.
func (m *Message) AppendBinary(b []byte) ([]byte, error) {
	t := m.Type.base()
	start := b
	b = append(b, byte(m.Type))
	if t == TypeNop {
		return append(b, m.Data...), nil
	}
	b = octets.AppendUint16(b, m.Dst)
	if t == TypeConnectAck {
		return b, nil
	}
	b = octets.AppendUint16(b, m.Src)
	switch t {
	case TypeData, TypeLinkService, TypeInterrupt, TypeDataAck, TypeOtherAck:
		for _, a := range m.Acks {
			if a.Present {
				b = octets.AppendUint16(b, a.word())
			}
		}
		return m.appendSubchannel(start, b)
	case TypeConnect, TypeConnectAgain, TypeConfirm:
		b = append(b, 1|byte(m.Flow)<<2, byte(m.Info))
		b = octets.AppendUint16(b, m.SegSize)
		if t != TypeConfirm {
			return append(b, m.Data...), nil
		}
	case TypeDisconnect, TypeDisconnected:
		b = octets.AppendUint16(b, m.Reason)
		if t == TypeDisconnected {
			return b, nil
		}
	default:
		return start, fmt.Errorf("nsp: append %v: no such message", m.Type)
	}
	if len(m.Data) > MaxConnectData {
		return start, fmt.Errorf("nsp: append %v: user data: length %d exceeds %d", m.Type, len(m.Data), MaxConnectData)
	}
	return octets.AppendImage(b, m.Data), nil
}

func (m *Message) appendSubchannel(start, b []byte) ([]byte, error) {
	t := m.Type.base()
	if t == TypeDataAck || t == TypeOtherAck {
		return b, nil
	}
	n := m.Number & (numbers - 1)
	if m.Delay {
		n |= delayFlag
	}
	b = octets.AppendUint16(b, n)
	switch t {
	case TypeLinkService:
		flags := byte(m.Switch)
		if m.Interrupts {
			flags |= 4
		}
		return append(b, flags, byte(m.Credit)), nil
	case TypeInterrupt:
		if len(m.Data) > MaxInterrupt {
			return start, fmt.Errorf("nsp: append INTR: length %d exceeds %d", len(m.Data), MaxInterrupt)
		}
	}
	return append(b, m.Data...), nil
}

// String is the notation of a message in traces.
func (m *Message) String() string {
	var f []string
	add := func(format string, args ...any) { f = append(f, fmt.Sprintf(format, args...)) }
	t := m.Type.base()
	if t != TypeNop {
		add("dst=%04x", m.Dst)
	}
	if t != TypeNop && t != TypeConnectAck {
		add("src=%04x", m.Src)
	}
	for _, a := range m.Acks {
		if a.Present {
			add("%s=%d", [...]string{"ack", "nak", "xack", "xnak"}[a.Qual&3], a.Number)
		}
	}
	switch t {
	case TypeData, TypeLinkService, TypeInterrupt:
		add("seg=%d", m.Number)
	case TypeConnect, TypeConnectAgain, TypeConfirm:
		add("flow=%v", m.Flow)
		add("nsp=%v", m.Info)
		add("segsize=%d", m.SegSize)
	case TypeDisconnect, TypeDisconnected:
		add("reason=%d", m.Reason)
	}
	if m.Delay {
		add("delay")
	}
	if t == TypeData && m.Type&BOM != 0 {
		add("BOM")
	}
	if t == TypeData && m.Type&EOM != 0 {
		add("EOM")
	}
	if t == TypeLinkService {
		add("%s", m.service())
	}
	if n := len(m.Data); n > 32 {
		add("data=%d octets", n)
	} else if n > 0 {
		add("data=%x", m.Data)
	}
	return m.Type.String() + "(" + strings.Join(f, ", ") + ")"
}

func (m *Message) service() string {
	s := switchNames[m.Switch&3]
	switch {
	case m.Reserved:
		s += ", reserved"
	case m.Interrupts:
		s += fmt.Sprintf(", interrupts%+d", m.Credit)
	case m.Credit != 0:
		s += fmt.Sprintf(", credit%+d", m.Credit)
	}
	return s
}
