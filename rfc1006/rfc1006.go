// Package rfc1006 carries OSI transport connections over TCP as RFC 1006 has it: ISO 8073 class 0 in TPKT, which package cotp speaks. A
// [Conn] is a transport.Conn.
//
//	ln, err := rfc1006.Listen(ctx, "127.0.0.1:102", &rfc1006.Config{TSAPs: [][]byte{{0, 1}}})
//	server, err := ln.Accept(ctx)
//	client, err := rfc1006.Dial(ctx, "127.0.0.1:102", &rfc1006.Config{Called: []byte{0, 1}})
//
// A connection that is idle has no buffer and no goroutine: who calls Receive reads the socket, and who calls Send writes it. A goroutine
// reads where nobody does and somebody must (Notify, a Send that waits, DisconnectAfter), and one writes what callers have left behind.
//
// # Cancellation
//
// As package transport has it. A TSDU of which Send has written a part goes on with what was accepted.
//
// # Limitations
//
//   - An open connection is disconnected by closing TCP alone (X.224 has no DR then), so that the peer hears no reason: its
//     DisconnectError says ReasonNormal. A DR or ER that peers send all the same is understood.
//   - COTP has no word for a TSDU that its sender gives up, so that ErrPurged never comes out of a Receive. Purge withdraws TSDUs of which
//     nothing has been sent. One that was sent in part is sent to its end if Send has accepted its end; if not, the next Send cuts
//     it: as if it were whole if an expedited TSDU has been sent since (X.225's PREPARE: the peer discards what comes until then), and
//     else it disconnects, for a TSDU that is torn must not pass for a whole one.
//   - Expedited data travel in the same TCP connection: they overtake what waits here, not what the network or the peer's kernel has,
//     and a peer that reads no normal data reads no expedited data.
//   - Arrival is the acknowledgement of the peer's TCP, which only Linux tells; elsewhere what the kernel has taken has arrived. Only
//     Linux and macOS keep little unsent in the kernel, and only on Unix systems do callers read and write the socket themselves.
//   - RFC 2126: class 0 is the same there; IPv6 is spoken, the reserved octet of TPKT is not looked at, a preferred maximum TPDU size
//     is heeded, and class 2 is declined in favour of class 0 where the peer allows that. Class 2 itself is not spoken.
//   - Nothing here is secret or authenticated.
package rfc1006

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/transport"
)

// DefaultPort is the TCP port of RFC 1006.
const DefaultPort = "102"

// Defaults of Config and Limits, and what is not for the caller to choose.
const (
	DefaultHandshakeTime = 10 * time.Second
	DefaultKeepAlive     = 15 * time.Second
	DefaultHalfOpen      = 256
	DefaultConnections   = 10_000
	DefaultBacklog       = 256
	DefaultReceiveWindow = 64 << 10
	DefaultSendQueue     = 128 << 10

	// NotSentLowat is how many octets the kernel holds that it has not sent yet, where the system can be told.
	NotSentLowat = 64 << 10
	// minSendQueue takes a Send that is to be gathered, and where callers do not write the socket, a TPDU.
	minSendQueue = 2 * cotp.MaxTPDU
	// maxExpeditedQueue is how many expedited TSDUs wait in each direction, for their receiver or to be sent.
	maxExpeditedQueue = 8
	// partTime is how long a peer that is refused, or has broken the protocol, has to read why before the connection is closed.
	partTime = time.Second
)

// Config is what connections are made with. The zero Config and nil are usable.
type Config struct {
	// Calling and Called are the TSAP selectors of a connection that is dialled, at most cotp.MaxSelector octets each. Empty ones are not
	// sent.
	Calling, Called []byte
	// TSAPs are the selectors that a listener serves; who calls another one is refused. Nil serves all. A CR that calls none is served.
	TSAPs [][]byte
	// MaxTPDU is the largest TPDU to be asked for or agreed to, in octets: a power of two from 128 to 32768, or 65531, which 0 stands
	// for. Others are rounded down.
	MaxTPDU int
	// Expedited is whether a connection that is dialled asks for expedited data, and one that is accepted agrees to it. Some responders
	// do not take a CR that asks (iec61850bean).
	Expedited bool
	// Anywhere lets a listener have an address that is not on loopback.
	Anywhere bool

	// HandshakeTime bounds the time until the peer has sent CR or CC. 0 is DefaultHandshakeTime.
	HandshakeTime time.Duration
	// KeepAlive is how long nothing comes until TCP asks the peer whether it is there. 0 is DefaultKeepAlive, less is never.
	KeepAlive time.Duration
	// Limits bound what peers can make this end hold.
	Limits Limits
	// Logger hears of connections that a listener refuses. Nil is nobody.
	Logger *slog.Logger
	// Group counts the goroutines of listeners and connections, for who wants to wait for their end. Nil counts none.
	Group *sync.WaitGroup
}

// Limits bound what peers can make this end hold. A zero value means the default.
type Limits struct {
	HalfOpen      int // connections of a listener that have not sent CR yet; default DefaultHalfOpen
	Connections   int // of a listener, all together; default DefaultConnections
	Backlog       int // connections of a listener that wait for Accept or Next; default DefaultBacklog
	ReceiveWindow int // octets of a connection that wait for Receive, beyond those in the kernel; default DefaultReceiveWindow
	SendQueue     int // octets of a connection that wait to be sent when Send has returned; default DefaultSendQueue, at least 131062
}

// settings are a Config with its defaults, shared by connections.
type settings struct {
	Config
	offer cotp.Offer
}

func (cfg *Config) settings() (*settings, error) {
	s := &settings{}
	if cfg != nil {
		s.Config = *cfg
	}
	for name, v := range map[string][]byte{"Calling": s.Calling, "Called": s.Called} {
		if len(v) > cotp.MaxSelector {
			return nil, fmt.Errorf("rfc1006: configuration: %s: length %d exceeds %d", name, len(v), cotp.MaxSelector)
		}
	}
	if s.MaxTPDU < 0 || s.MaxTPDU > 0 && s.MaxTPDU < 128 {
		return nil, fmt.Errorf("rfc1006: configuration: MaxTPDU: %d is less than 128", s.MaxTPDU)
	}
	setDefault(&s.MaxTPDU, cotp.MaxTPDU)
	setDefault(&s.HandshakeTime, DefaultHandshakeTime)
	setDefault(&s.KeepAlive, DefaultKeepAlive)
	l := &s.Limits
	setDefault(&l.HalfOpen, DefaultHalfOpen)
	setDefault(&l.Connections, DefaultConnections)
	setDefault(&l.Backlog, DefaultBacklog)
	setDefault(&l.ReceiveWindow, DefaultReceiveWindow)
	setDefault(&l.SendQueue, DefaultSendQueue)
	l.SendQueue = max(l.SendQueue, minSendQueue)
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	s.offer = cotp.Offer{Calling: s.Calling, Called: s.Called, Size: cotp.SizeOf(s.MaxTPDU), Expedited: s.Expedited}
	return s, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// start runs f in a goroutine.
func (s *settings) start(f func()) {
	if s.Group != nil {
		s.Group.Go(f)
		return
	}
	go f()
}

func (s *settings) keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: s.KeepAlive > 0, Idle: s.KeepAlive, Interval: s.KeepAlive}
}

// Addr names one end of a connection: where it is, and which TSAP there.
type Addr struct {
	HostPort string
	TSAP     []byte // nil if none was named
}

// Network returns "osi".
func (a *Addr) Network() string { return "osi" }

// String is the host and port, and after a slash the TSAP selector in hexadecimal, if there is one.
func (a *Addr) String() string {
	if len(a.TSAP) == 0 {
		return a.HostPort
	}
	return a.HostPort + "/" + hex.EncodeToString(a.TSAP)
}

// RefusedError says that the peer has refused or ended a connection, or that it found fault with what we sent, in its own words. A
// *transport.DisconnectError wraps it.
type RefusedError struct {
	TPDU cotp.TPDU // a cotp.DR or cotp.ER
}

func (e *RefusedError) Error() string { return fmt.Sprintf("rfc1006: the peer sent %v", e.TPDU) }

// disconnected is the T-DISCONNECT indication that a DR or ER means.
func disconnected(p cotp.TPDU) *transport.DisconnectError {
	r := transport.ReasonProtocol
	if dr, ok := p.(cotp.DR); ok {
		switch dr.Reason {
		case cotp.ReasonCongestion, cotp.ReasonRemoteCongest:
			r = transport.ReasonCongestion
		case cotp.ReasonNotAttached, cotp.ReasonAddressUnknown, cotp.ReasonRefused:
			r = transport.ReasonNoListener
		case cotp.ReasonUnspecified, cotp.ReasonNormal:
			r = transport.ReasonNormal
		}
	}
	return &transport.DisconnectError{Reason: r, Remote: true, Err: &RefusedError{p}}
}
