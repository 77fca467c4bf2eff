// Package decnet has what all layers of DECnet Phase IV name in the same way: addresses of nodes, their names, and their addresses on
// an Ethernet. The layers are packages below it: routing, nsp (logical links), scp (session control), and links of several kinds;
// node puts them together.
//
//	a, err := decnet.ParseAddr("1.13")
//	a.Area(), a.Number() // 1, 13
//	a.MAC()              // aa-00-04-00-0d-04
//
// # Limitations
//
// Phase IV only: addresses of 16 bits. An address of area 0, as Phase III had it, is not written and not read.
package decnet

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	// MaxArea and MaxNumber are the largest area and the largest number of a node in its area; the smallest are 1.
	MaxArea   = 63
	MaxNumber = 1023
	// MaxName is the most characters of a node's name.
	MaxName = 6

	numberBits = 10
)

// Addr is the address of a node: its area in the upper six bits, its number there in the lower ten. The zero Addr is none.
type Addr uint16

// NewAddr makes an address; it panics unless both numbers are in their ranges.
func NewAddr(area, number int) Addr {
	if area < 1 || area > MaxArea || number < 1 || number > MaxNumber {
		panic(fmt.Sprintf("BUG: decnet: address %d.%d", area, number))
	}
	return Addr(area<<numberBits | number)
}

// ParseAddr reads an address such as 1.13.
func ParseAddr(s string) (Addr, error) {
	before, after, ok := strings.Cut(s, ".")
	area, err := number(before, MaxArea)
	if !ok || err != nil {
		return 0, fmt.Errorf("decnet: parse address %q: area: not a number from 1 to %d with a dot after it", s, MaxArea)
	}
	n, err := number(after, MaxNumber)
	if err != nil {
		return 0, fmt.Errorf("decnet: parse address %q: node: not a number from 1 to %d", s, MaxNumber)
	}
	return NewAddr(area, n), nil
}

func number(s string, most int) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n < 1 || n > uint64(most) {
		return 0, strconv.ErrRange
	}
	return int(n), nil
}

// Area is the address's area, 0 to 63.
func (a Addr) Area() int { return int(a >> numberBits) }

// Number is the node's number in its area, 0 to 1023.
func (a Addr) Number() int { return int(a & MaxNumber) }

// Valid tells whether neither area nor number is 0.
func (a Addr) Valid() bool { return a.Area() != 0 && a.Number() != 0 }

func (a Addr) String() string { return fmt.Sprintf("%d.%d", a.Area(), a.Number()) }

// MAC is an address on an Ethernet.
type MAC [6]byte

// hiord begins the Ethernet addresses of nodes, whose address follows, its lower octet first.
var hiord = [4]byte{0xaa, 0x00, 0x04, 0x00}

// MAC is the address on an Ethernet that the node with this address has.
func (a Addr) MAC() MAC { return MAC{hiord[0], hiord[1], hiord[2], hiord[3], byte(a), byte(a >> 8)} }

// Addr is the address of the node that has this Ethernet address; ok is false where it is not made of one.
func (m MAC) Addr() (a Addr, ok bool) {
	if [4]byte(m[:4]) != hiord {
		return 0, false
	}
	return Addr(m[4]) | Addr(m[5])<<8, true
}

// Multicast tells whether the address is one of a group.
func (m MAC) Multicast() bool { return m[0]&1 != 0 }

func (m MAC) String() string {
	return fmt.Sprintf("%02x-%02x-%02x-%02x-%02x-%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// ParseName reads the name of a node: one to six letters and digits, at least one of them a letter. Names are in upper case.
func ParseName(s string) (string, error) {
	letters := 0
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			letters++
		case c < '0' || c > '9':
			return "", fmt.Errorf("decnet: parse name %q: %q is neither a letter nor a digit", s, c)
		}
	}
	if letters == 0 || len(s) > MaxName {
		return "", fmt.Errorf("decnet: parse name %q: not 1 to %d letters and digits, with a letter among them", s, MaxName)
	}
	return strings.ToUpper(s), nil
}
