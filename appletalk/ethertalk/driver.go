// Package ethertalk is AppleTalk on an Ethernet interface of this host: phase 2, frames of 802.3 with SNAP headers. It needs Linux and
// the right to use raw sockets.
//
//	l, err := ethertalk.Open("ethertalk://eth0")
//
// # Limitations
//
// Phase 1 is not spoken. Frames that a bridge does not pass on (many Wi-Fi access points) are not heard.
package ethertalk

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"

	"golang.org/x/net/bpf"

	"github.com/tenuto-session/tenuto/appletalk/elap"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/internal/rawlink"
)

// Scheme is that of the URLs.
const Scheme = "ethertalk"

// Link is a link.Link.
type Link struct {
	name string
	conn *rawlink.Conn

	mu     sync.Mutex
	closed bool
}

var _ link.Link = (*Link)(nil)

// filter lets through what has a length, and a SNAP header of AppleTalk's.
var filter = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 12, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: 1500, SkipTrue: 6},
	bpf.LoadAbsolute{Off: 14, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0xAAAA, SkipTrue: 4},
	bpf.LoadAbsolute{Off: 20, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0x809B, SkipTrue: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0x80F3, SkipTrue: 1},
	bpf.RetConstant{Val: rawlink.MaxFrame},
	bpf.RetConstant{Val: 0},
}

// ParseURL returns the interface that a URL names: ethertalk://interface.
func ParseURL(rawURL string) (name string, err error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", fmt.Errorf("ethertalk: parse URL: %w", err)
	}
	if u.Scheme != Scheme || u.Host == "" || u.Port() != "" || u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("ethertalk: parse URL: %q: not of the form ethertalk://INTERFACE", rawURL)
	}
	return u.Host, nil
}

// Open opens the interface that a URL names.
func Open(rawURL string) (*Link, error) {
	name, err := ParseURL(rawURL)
	if err != nil {
		return nil, err
	}
	c, err := rawlink.Open(name, filter)
	if err != nil {
		return nil, fmt.Errorf("ethertalk: %w", err)
	}
	l := &Link{name: name, conn: c}
	if err := l.Join(elap.Broadcast); err != nil {
		c.Close()
		return nil, err
	}
	return l, nil
}

// Kind implements link.Link.
func (l *Link) Kind() link.Kind { return link.EtherTalk }

// Hardware implements link.Link.
func (l *Link) Hardware() link.Hardware { return l.conn.Hardware() }

// String implements link.Link.
func (l *Link) String() string { return Scheme + "://" + l.name }

// ReadFrame implements link.Link.
func (l *Link) ReadFrame(b []byte) (int, error) {
	n, err := l.conn.ReadFrame(b)
	return n, l.wrap("read frame", err)
}

// WriteFrame implements link.Link.
func (l *Link) WriteFrame(b []byte) error {
	if len(b) < elap.MinFrame || len(b) > link.MaxFrame {
		return link.ErrFrameSize
	}
	return l.wrap("write frame", l.conn.WriteFrame(b))
}

// Join implements link.Link.
func (l *Link) Join(hw link.Hardware) error { return l.wrap("join", l.conn.Join(hw)) }

// Leave implements link.Link.
func (l *Link) Leave(hw link.Hardware) error { return l.wrap("leave", l.conn.Leave(hw)) }

func (l *Link) wrap(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrClosed):
		return link.ErrClosed
	}
	return fmt.Errorf("ethertalk: %s: %s: %w", l.name, what, err)
}

// Close implements link.Link.
func (l *Link) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return l.conn.Close()
}
