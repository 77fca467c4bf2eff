// Package ltoudp is LocalTalk over UDP multicast: LLAP frames, each behind the sender's number, as emulators and bridges of LocalTalk
// send them to the group 239.192.76.84, port 1954.
//
//	l, err := ltoudp.Open("ltoudp://")   // on loopback and every interface that has multicast
//	l, err := ltoudp.Open("ltoudp://lo") // on loopback alone
//
// # Limitations
//
// IPv4 only, as everywhere. Interfaces that appear later are not joined. The variant that uses IP broadcasts is not known.
package ltoudp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/tenuto-session/tenuto/appletalk/llap"
)

// Scheme is that of the URLs.
const Scheme = "ltoudp"

// DefaultPort is the port that all use.
const DefaultPort = 1954

// Group is the multicast group: the last octets are "LT".
var Group = netip.AddrFrom4([4]byte{239, 192, 76, 84})

// idSize is the size of the sender's number, in octets.
const idSize = 4

// Target is what a URL says: ltoudp://[interface][:port].
type Target struct {
	Interface string // its name or an address of it; empty for all, "lo" for that of loopback whatever its name
	Port      uint16
}

// String writes the URL.
func (t Target) String() string {
	s := Scheme + "://" + t.Interface
	if t.Port != DefaultPort {
		s += ":" + strconv.Itoa(int(t.Port))
	}
	return s
}

// ParseURL reads a URL.
func ParseURL(rawURL string) (t Target, err error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return t, fmt.Errorf("ltoudp: parse URL: %w", err)
	}
	if u.Scheme != Scheme || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return t, fmt.Errorf("ltoudp: parse URL: %q: not of the form ltoudp://[INTERFACE][:PORT]", rawURL)
	}
	t = Target{Interface: u.Hostname(), Port: DefaultPort}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return t, fmt.Errorf("ltoudp: parse URL: port: %q is not 1 to 65535", p)
		}
		t.Port = uint16(n)
	}
	return t, nil
}

// split takes a datagram apart. It reports false if there is no frame in it.
func split(b []byte) (sender uint32, frame []byte, ok bool) {
	if len(b) < idSize+llap.HeaderSize || len(b) > idSize+llap.MaxFrame {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(b), b[idSize:], true
}
