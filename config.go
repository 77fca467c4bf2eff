package tenuto

import (
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto/spdu"
)

// Units is a set of functional units.
type Units = spdu.Units

// The functional units that a session can have; the kernel is always selected.
const Duplex = spdu.Duplex

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
	// UserData go with the S-CONNECT request or response, at most MaxUserData octets.
	UserData []byte
	// Units are the functional units proposed; 0 is Duplex, the only ones there are for now.
	Units Units
	// TSDUSize is the TSDU maximum size in octets proposed for both directions, at least MinTSDUSize and at most 65535; 0 is
	// unlimited. With a limit SSDUs are sent in segments, which is good for nothing but peers that want it.
	TSDUSize int
	// ConnectTimeout bounds the wait for the peer's answer to S-CONNECT; 0 is 30 s.
	ConnectTimeout time.Duration
	// Linger bounds how long Conn.Close waits until what was sent has arrived before it aborts; 0 is 5 s, less is no time.
	Linger time.Duration
}

// session returns the session's part of the configuration with its defaults, or what is wrong with it.
func (c *Config) session() (r Config, err error) {
	if c != nil {
		r = *c
	}
	if r.Units == 0 {
		r.Units = Duplex
	}
	if r.ConnectTimeout == 0 {
		r.ConnectTimeout = defaultConnectTimeout
	}
	if r.Linger == 0 {
		r.Linger = defaultLinger
	}
	switch {
	case r.Units != Duplex:
		return r, fmt.Errorf("tenuto: functional units %v: only %v is supported", r.Units, Duplex)
	case len(r.Service) > MaxService:
		return r, fmt.Errorf("tenuto: service %q: %d octets exceed %d", r.Service, len(r.Service), MaxService)
	case len(r.UserData) > MaxUserData:
		return r, fmt.Errorf("tenuto: user data of %d octets exceed %d", len(r.UserData), MaxUserData)
	case r.TSDUSize != 0 && (r.TSDUSize < MinTSDUSize || r.TSDUSize > 65535):
		return r, fmt.Errorf("tenuto: TSDU maximum size %d is not from %d to 65535", r.TSDUSize, MinTSDUSize)
	}
	return r, nil
}
