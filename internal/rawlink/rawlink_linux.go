package rawlink

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Conn is a packet socket on one interface. ReadFrame is called by one goroutine at a time, the other methods by any.
type Conn struct {
	file     *os.File
	index    int
	hardware Address
}

// Open makes a socket that hears the frames which a filter lets through.
func Open(name string, filter []bpf.Instruction) (*Conn, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("rawlink: open %s: %w", name, err)
	}
	if len(i.HardwareAddr) != len(Address{}) || i.Flags&net.FlagLoopback != 0 {
		return nil, fmt.Errorf("rawlink: open %s: it is no Ethernet", name)
	}
	program, err := assemble(filter)
	if err != nil {
		return nil, err
	}
	// No protocol yet: nothing is heard before the filter is there.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("rawlink: open %s: %w", name, os.NewSyscallError("socket", err))
	}
	c := &Conn{file: os.NewFile(uintptr(fd), "packet:"+name), index: i.Index, hardware: Address(i.HardwareAddr)}
	if err := c.bind(fd, program); err != nil {
		c.file.Close()
		return nil, fmt.Errorf("rawlink: open %s: %w", name, err)
	}
	return c, nil
}

func (c *Conn) bind(fd int, program []bpf.RawInstruction) error {
	filter := make([]unix.SockFilter, len(program))
	for i, in := range program {
		filter[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}); err != nil {
		return os.NewSyscallError("attach filter", err)
	}
	// All protocols: for 802.3 alone, what other sockets of this host send would not be heard.
	return os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: c.index}))
}

// htons turns a number into the order of octets of the network.
func htons(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}

// Hardware is the interface's address.
func (c *Conn) Hardware() Address { return c.hardware }

// ReadFrame waits for a frame. After Close the error is one of os.ErrClosed.
func (c *Conn) ReadFrame(b []byte) (int, error) { return c.file.Read(b) }

// WriteFrame sends a frame.
func (c *Conn) WriteFrame(b []byte) error {
	_, err := c.file.Write(b)
	return err
}

// Join makes the interface receive a multicast address.
func (c *Conn) Join(a Address) error { return c.membership(unix.PACKET_ADD_MEMBERSHIP, a) }

// Leave undoes Join.
func (c *Conn) Leave(a Address) error { return c.membership(unix.PACKET_DROP_MEMBERSHIP, a) }

// Accept makes the interface receive frames for another address of one station than its own, as long as the socket lives.
func (c *Conn) Accept(a Address) error {
	return c.member(unix.PACKET_ADD_MEMBERSHIP, unix.PACKET_MR_UNICAST, a)
}

// SetReadDeadline is os.File's.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.file.SetReadDeadline(t) }

func (c *Conn) membership(option int, a Address) error {
	return c.member(option, unix.PACKET_MR_MULTICAST, a)
}

func (c *Conn) member(option int, kind uint16, a Address) error {
	raw, err := c.file.SyscallConn()
	if err != nil {
		return err
	}
	m := unix.PacketMreq{Ifindex: int32(c.index), Type: kind, Alen: uint16(len(a))}
	copy(m.Address[:], a[:])
	if control := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptPacketMreq(int(fd), unix.SOL_PACKET, option, &m)
	}); control != nil {
		return control
	}
	return os.NewSyscallError("packet membership", err)
}

// Close ends the socket.
func (c *Conn) Close() error { return c.file.Close() }
