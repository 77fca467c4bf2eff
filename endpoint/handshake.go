package endpoint

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/transport"
)

// greeter reads handshake messages from a carrier; what it read beyond them is the bridge's.
type greeter struct {
	conn   carrier.Conn
	buf    []byte
	inTime func() bool // the responder's: ends the limit on the handshake's time
	proved bool        // PROOF has come: the initiator waits for frames from now on
}

// greetSize is room for all that an end reads in most handshakes, in octets.
const greetSize = 1024

// fill reads until the buffer holds n octets at least. Those that were handed out stay as they are.
func (g *greeter) fill(n int) error {
	for len(g.buf) < n {
		if len(g.buf) == cap(g.buf) {
			g.buf = slices.Grow(g.buf, greetSize)
		}
		k, err := g.conn.Read(g.buf[len(g.buf):cap(g.buf)])
		g.buf = g.buf[:len(g.buf)+k]
		if errors.Is(err, io.EOF) {
			err = errPeerClosed
		}
		if err != nil && len(g.buf) < n {
			return err
		}
	}
	return nil
}

// magic reads what an initiator sends first.
func (g *greeter) magic() error {
	for n := 1; n <= len(bridge.Magic); n++ {
		if err := g.fill(n); err != nil {
			return err
		}
		last := n == len(bridge.Magic) // the version
		if g.buf[n-1] == bridge.Magic[n-1] {
			continue
		}
		if last {
			return &refusal{bridge.RefusedVersion, fmt.Sprintf("version %d is spoken here, not %d", bridge.Magic[n-1], g.buf[n-1])}
		}
		return fmt.Errorf("%w: it began with %q", errNotTenuto, g.buf[:min(len(g.buf), 16)])
	}
	g.buf = g.buf[len(bridge.Magic):]
	return nil
}

// message reads the next message; its body stays valid.
func (g *greeter) message() (bridge.MessageType, []byte, error) {
	for {
		t, body, n, err := bridge.ParseMessage(g.buf)
		if err != nil {
			return t, nil, err
		}
		if n > 0 {
			g.buf = g.buf[n:]
			return t, body, nil
		}
		if err := g.fill(len(g.buf) + 1); err != nil {
			return 0, nil, err
		}
	}
}

// channel is what a carrier gives to a first handshake.
func channel(c carrier.Conn) bridge.Channel {
	return bridge.Channel{Binding: c.Binding(), Secret: c.Secret()}
}

// refusal is an error that the initiator is told of.
type refusal struct {
	code bridge.Refusal
	text string
}

// reason is the refusal as the reason for a bridge's end.
func (r *refusal) reason() transport.Reason {
	switch r.code {
	case bridge.RefusedVersion, bridge.RefusedUnknown, bridge.RefusedFenced:
		return transport.ReasonUnknown
	case bridge.RefusedExpired:
		return transport.ReasonExpired
	case bridge.RefusedUnauthorised:
		return transport.ReasonNotAdmitted
	case bridge.RefusedCongestion:
		return transport.ReasonCongestion
	}
	return transport.ReasonShutdown
}

func (r *refusal) Error() string { return fmt.Sprintf("refused: %v: %s", r.code, r.text) }

var (
	errPeerClosed = errors.New("closed by the peer")
	errNotTenuto  = errors.New("the peer does not speak the bridge's protocol")
)

func unexpected(t bridge.MessageType) error {
	return &bridge.HandshakeError{Message: t, Text: "not expected here"}
}
