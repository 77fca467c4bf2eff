//go:build !linux

package rawlink

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/net/bpf"
)

// Conn is a packet socket, which only Linux has.
type Conn struct{}

// Open says that there are none here.
func Open(name string, filter []bpf.Instruction) (*Conn, error) {
	if _, err := assemble(filter); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("rawlink: open %s: %w: raw Ethernet frames need Linux", name, errors.ErrUnsupported)
}

// Hardware is the interface's address.
func (c *Conn) Hardware() Address { return Address{} }

// ReadFrame waits for a frame.
func (c *Conn) ReadFrame([]byte) (int, error) { return 0, errors.ErrUnsupported }

// WriteFrame sends a frame.
func (c *Conn) WriteFrame([]byte) error { return errors.ErrUnsupported }

// Join makes the interface receive a multicast address.
func (c *Conn) Join(Address) error { return errors.ErrUnsupported }

// Leave undoes Join.
func (c *Conn) Leave(Address) error { return errors.ErrUnsupported }

// Accept makes the interface receive frames for another address of one station than its own.
func (c *Conn) Accept(Address) error { return errors.ErrUnsupported }

// SetReadDeadline is os.File's.
func (c *Conn) SetReadDeadline(time.Time) error { return errors.ErrUnsupported }

// Close ends the socket.
func (c *Conn) Close() error { return nil }
