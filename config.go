package tenuto

import (
	"errors"
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto/spdu"
)

// Units is a set of functional units (X.215).
type Units = spdu.Units

// The functional units that a session can have; the kernel is always selected. Symmetric synchronize is not offered.
const (
	HalfDuplex        = spdu.HalfDuplex        // data by who has the data token
	Duplex            = spdu.Duplex            // data by both
	Expedited         = spdu.Expedited         // 14 octets at a time that may overtake; only where the transport has an expedited flow
	TypedData         = spdu.TypedData         // data that need no token
	CapabilityData    = spdu.CapabilityData    // a confirmed exchange between activities; wants Activity
	MinorSync         = spdu.MinorSync         // minor synchronization points
	DataSeparation    = spdu.DataSeparation    // minor points that protect data from resynchronization; wants MinorSync and protocol version 2
	MajorSync         = spdu.MajorSync         // major synchronization points
	Resync            = spdu.Resync            // resynchronization
	Exceptions        = spdu.Exceptions        // exception reports; wants HalfDuplex
	Activity          = spdu.Activity          // activities
	NegotiatedRelease = spdu.NegotiatedRelease // release by who has the release token, and its refusal

	allUnits = HalfDuplex | Duplex | Expedited | TypedData | CapabilityData | MinorSync | DataSeparation | MajorSync | Resync | Exceptions |
		Activity | NegotiatedRelease
)

// Version is a set of versions of the session protocol.
type Version = spdu.Version

// The versions of X.225.
const (
	Version1 = spdu.Version1
	Version2 = spdu.Version2
)

// Limits of what a session takes, in octets.
const (
	// MaxService is the size of the largest called session selector. X.225 8.3.1
	MaxService = 16
	// MaxUserData is the most user data of S-CONNECT, S-RELEASE and S-U-ABORT. It is ours: X.225 version 2 sets none, but the
	// SPDUs go out past flow control.
	MaxUserData = 64 << 10
	// MinTSDUSize is the smallest TSDU maximum size that can be agreed.
	MinTSDUSize = 64
)

const (
	// tim is the timer TIM: how long a side that has said the last word waits for the peer to disconnect (x225 3.8).
	tim                   = 5 * time.Second
	defaultConnectTimeout = 30 * time.Second
	defaultLinger         = 5 * time.Second
)

// Config is what a session is to be like. The zero Config, and nil, are usable. A Config is not changed once it is in use.
type Config struct {
	// Service is the called session selector, at most MaxService octets. Dial takes it from the URL if it is empty.
	Service string
	// Calling is the calling session selector, at most MaxService octets.
	Calling string
	// Responding is the session selector that a responder answers with, at most MaxService octets; empty is the called one.
	Responding string
	// Reference names the session connection to the users; the initiator's Called and the responder's Calling are not looked at.
	Reference Reference
	// UserData go with the S-CONNECT request or response, at most MaxUserData octets. More than 512 want protocol version 2.
	UserData []byte
	// Units are the functional units proposed, or those that this side supports; 0 is Duplex. Those of both sides are selected, of
	// HalfDuplex and Duplex the latter if both propose both.
	Units Units
	// Simplex makes a half-duplex session one in which the data token stays where it is: data go one way. It is agreed on below the session
	// protocol, so that only bridges have it, and it wants Units without Activity; 0 is HalfDuplex then. A responder takes part in it if it supports
	// HalfDuplex.
	Simplex bool
	// Tokens says where the initiator wants the tokens to be; those that it does not name are at the initiator. Of those whose place it leaves to the
	// responder the responder's Here are there.
	Tokens TokenSettings
	// PleaseTokens are tokens that the responder asks for at once.
	PleaseTokens Tokens
	// Serial is the initial serial number where there is one (MinorSync, MajorSync or Resync, without Activity), at most MaxSerial. The responder's
	// counts unless it is 0.
	Serial uint32
	// Version is the set of protocol versions proposed or accepted; 0 is Version2, at the responder both.
	Version Version
	// TSDUSize is the TSDU maximum size in octets proposed for both directions, at least MinTSDUSize and at most 65535; 0 is
	// unlimited. With a limit SSDUs are sent in segments, which is good for nothing but peers that want it.
	TSDUSize int
	// ReceiveTSDUSize is the one of the direction to this side, if it is to be another; -1 is unlimited.
	ReceiveTSDUSize int
	// Concatenation lets the peer put several SPDUs into a TSDU (X.225: extended concatenation).
	Concatenation bool
	// Relay makes the session half of a relay: its user passes on what the user of the other half asks for, who may not have heard yet what
	// this session has indicated. Such a request is made where it would else be refused, or, if it has lost to what it met, returns ErrPurged.
	Relay bool
	// NoPurge leaves what was sent before a resynchronization, the interrupt or discard of an activity to the peer to discard, and waits until an SSDU
	// that is being sent has been sent, as over a transport connection without an expedited flow: no SSDU is ever cut.
	NoPurge bool
	// Trace, if it is not nil, hears of each SPDU that is sent or received. It is called with locks held: it must not wait, nor call the session.
	Trace func(Trace)
	// ConnectTimeout bounds the wait for the peer's answer to S-CONNECT; 0 is 30 s.
	ConnectTimeout time.Duration
	// Linger bounds how long Conn.Close waits until what was sent has arrived before it aborts; 0 is 5 s, less is no time.
	Linger time.Duration
}

// Trace is an SPDU on its way.
type Trace struct {
	Sent      bool // or received
	Expedited bool
	SPDU      spdu.SPDU // of DT and TD what stands before their user information
}

// Parameters are those of an S-CONNECT primitive: what an Incoming proposes, or what was agreed on for a Session that was dialled.
type Parameters struct {
	Calling, Called, Responding string // session selectors
	Reference                   Reference
	Units                       Units
	Version                     Version
	Serial                      uint32
	Tokens                      TokenSettings
	PleaseTokens                Tokens
	SendSize, ReceiveSize       int // TSDU maximum sizes as seen from this side, 0 unlimited
	Concatenation               bool
	Simplex                     bool
	UserData                    []byte
}

// receiveSize is the TSDU maximum size towards this side.
func (c *Config) receiveSize() int {
	if c.ReceiveTSDUSize == 0 {
		return c.TSDUSize
	}
	return max(c.ReceiveTSDUSize, 0)
}

// session returns the session's part of the configuration with its defaults, or what is wrong with it.
func (c *Config) session(initiator bool) (r Config, err error) {
	if c != nil {
		r = *c
	}
	if r.Units == 0 {
		r.Units = Duplex
		if r.Simplex {
			r.Units = HalfDuplex
		}
	}
	if r.Version == 0 {
		r.Version = Version2 // the one that all peers take today (x225 7)
		if !initiator {
			r.Version |= Version1
		}
	}
	if r.ConnectTimeout == 0 {
		r.ConnectTimeout = defaultConnectTimeout
	}
	if r.Linger == 0 {
		r.Linger = defaultLinger
	}
	return r, r.check(initiator)
}

func (c *Config) check(initiator bool) error {
	for _, f := range []struct {
		name string
		v    string
	}{{"service", c.Service}, {"calling selector", c.Calling}, {"responding selector", c.Responding}} {
		if len(f.v) > MaxService {
			return fmt.Errorf("tenuto: %s %q: %d octets exceed %d", f.name, f.v, len(f.v), MaxService)
		}
	}
	switch {
	case c.Units&^allUnits != 0:
		return fmt.Errorf("tenuto: functional units %v are not supported", c.Units&^allUnits)
	case c.Units&(Duplex|HalfDuplex) == 0:
		return fmt.Errorf("tenuto: functional units %v: neither half-duplex nor duplex", c.Units)
	case initiator && c.Units&CapabilityData != 0 && c.Units&Activity == 0:
		return errors.New("tenuto: functional units: capability data want activities")
	case initiator && c.Units&Exceptions != 0 && c.Units&HalfDuplex == 0:
		return errors.New("tenuto: functional units: exceptions want half-duplex")
	case initiator && c.Units&DataSeparation != 0 && (c.Units&MinorSync == 0 || c.Version&Version2 == 0):
		return errors.New("tenuto: functional units: data separation wants minor synchronization and protocol version 2")
	case initiator && c.Simplex && (c.Units&Duplex != 0 || c.Units&Activity != 0):
		return errors.New("tenuto: simplex: wants half-duplex alone, and no activities, whose interrupt moves the data token")
	case initiator && c.Simplex && c.Tokens.Choose&DataToken != 0:
		return errors.New("tenuto: simplex: the initiator says where the data token is")
	case c.Serial > MaxSerial:
		return fmt.Errorf("tenuto: initial serial number %d exceeds %d", c.Serial, MaxSerial)
	case c.Version&^(Version1|Version2) != 0:
		return fmt.Errorf("tenuto: protocol versions %#x", uint8(c.Version))
	case len(c.UserData) > MaxUserData:
		return fmt.Errorf("tenuto: user data of %d octets exceed %d", len(c.UserData), MaxUserData)
	case initiator && c.Version&Version1 != 0 && len(c.UserData) > spdu.MaxUserDataV1:
		return fmt.Errorf("tenuto: user data of %d octets exceed %d, the most of protocol version 1", len(c.UserData), spdu.MaxUserDataV1)
	}
	for _, size := range []int{c.TSDUSize, max(c.ReceiveTSDUSize, 0)} {
		if size != 0 && (size < MinTSDUSize || size > 65535) {
			return fmt.Errorf("tenuto: TSDU maximum size %d is not from %d to 65535", size, MinTSDUSize)
		}
	}
	return nil
}
