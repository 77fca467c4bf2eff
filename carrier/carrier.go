// Package carrier is what a bridge needs of a real transport connection: an ordered stream of octets, reliable until it
// breaks. Each kind has a package below this one; carriertest is the suite that every kind passes.
package carrier

import (
	"context"
	"errors"
	"net"
	"net/url"
)

// Features says what a kind of carrier can do beyond reading and writing.
type Features struct {
	// Interruptible: Interrupt ends a waiting Read and the carrier stays whole. Where it is false, only a goroutine of
	// its own may read the carrier.
	Interruptible bool
	// TryWrite: TryWrite takes what fits without waiting. Where it is false TryWrite takes nothing, and only a
	// goroutine of its own may write the carrier.
	TryWrite bool
	// Local: both ends are on this machine, and the system itself decides who may connect. Where it is false, the peer may be
	// anybody until its key is verified.
	Local bool
}

// ErrInterrupted is what a Read returns after Interrupt.
var ErrInterrupted = errors.New("carrier: read interrupted")

// Conn is one carrier. Read has one caller at a time, and Write and TryWrite together have one; all other methods may be called
// at any time by anyone.
type Conn interface {
	// Read waits for at least one octet. It may return n > 0 together with an error.
	Read(b []byte) (n int, err error)

	// Interrupt makes the Read that waits, or else the next one, return ErrInterrupted (perhaps with octets); more than one
	// Interrupt before that Read returns count as one. The carrier can be read on afterwards.
	Interrupt()

	// Write writes all of bufs in order, or waits until the carrier breaks or is closed. It changes neither bufs nor the octets,
	// and keeps no reference.
	Write(bufs ...[]byte) (n int, err error)

	// TryWrite writes what the carrier takes at once, in order, and returns how many octets that was; 0 with a nil
	// error means that it is full. It keeps no reference. The next Write or TryWrite begins with the same octets that
	// were left over, sliced as it may be: a carrier with a cipher has perhaps sealed them already, and can not take that back.
	TryWrite(bufs ...[]byte) (n int, err error)

	// Close breaks the carrier at once: waiting calls return, what was not sent is lost.
	Close() error

	// Binding is the channel binding of the carrier's own security (RFC 9266 tls-exporter), nil if it has none. Both ends
	// of a carrier have the same one, and no other carrier has it.
	Binding() []byte

	// Secret is 32 octets that nobody has but the two ends of the carrier, exported from its own security for the bridge (RFC 8446
	// 7.5), under another label than Binding's. A carrier has both or neither.
	Secret() []byte

	Features() Features
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
}

// Listener accepts carriers.
type Listener interface {
	// Accept waits for the next carrier; after Close it returns net.ErrClosed. Any other error concerns one carrier that
	// did not come to be, or is passing (too many open files): the caller goes on accepting. It waits for no peer: where the
	// ends of a carrier have to shake hands first, Dial waits for that, and the accepted end does its part in the first
	// Read, Write or Binding.
	Accept() (Conn, error)
	Close() error
	Addr() net.Addr
}

// Network is a kind of carrier. The URL's host (and path, where the kind has use for it) says where; Scheme says which kind.
type Network interface {
	Scheme() string // such as "tenuto+tcp"
	Dial(ctx context.Context, u *url.URL) (Conn, error)
	Listen(ctx context.Context, u *url.URL) (Listener, error)
}
