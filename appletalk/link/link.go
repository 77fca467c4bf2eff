// Package link is what AppleTalk needs of a real link, and the frames that machines want sent.
//
// # Limitations
//
// Token ring is not known.
package link

import "fmt"

// Kind says which frames a link carries, and how addresses are acquired on it.
type Kind uint8

// The kinds.
const (
	LocalTalk Kind = iota + 1 // LLAP frames without the FCS; a nonextended network
	EtherTalk                 // Ethernet frames of phase 2 without the FCS; an extended network
)

func (k Kind) String() string {
	switch k {
	case LocalTalk:
		return "LocalTalk"
	case EtherTalk:
		return "EtherTalk"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Hardware is an Ethernet address.
type Hardware [6]byte

// String writes the address as 09:00:07:ff:ff:ff.
func (h Hardware) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", h[0], h[1], h[2], h[3], h[4], h[5])
}

// IsZero reports whether it is no address.
func (h Hardware) IsZero() bool { return h == Hardware{} }

// IsMulticast reports whether the address is one of several stations.
func (h Hardware) IsMulticast() bool { return h[0]&1 != 0 }
