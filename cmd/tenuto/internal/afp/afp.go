// Package afp reads what an AFP server says of itself in its ASP status (FPGetSrvrInfo, Apple Filing Protocol Programming Guide): the one part of AFP that
// this program knows.
package afp

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/tenuto-session/tenuto/appletalk/macroman"
)

// Info is a server's status.
type Info struct {
	Name      string   `json:"name"`
	Machine   string   `json:"machine"`
	Versions  []string `json:"versions"` // of the protocol
	Methods   []string `json:"methods"`  // of authentication
	Flags     []string `json:"flags"`
	Signature string   `json:"signature,omitempty"` // 16 octets as hex
	Icon      bool     `json:"icon"`
}

// The flags, by their bits.
var flags = []string{"copies files", "passwords change", "passwords are not saved", "server messages", "signature", "TCP/IP", "notifications", "reconnects",
	"directory services", "name in UTF-8", "UUIDs", "sleeps", "", "", "", "super client"}

const (
	signatureFlag = 1 << 4
	signatureSize = 16
	nameAt        = 10
)

// Parse reads a status block. All but its first ten octets and the name may be missing: an offset of 0 says so.
func Parse(b []byte) (i Info, err error) {
	// offsets of machine type, versions, methods, and volume icon; flags; server name; with a signature its offset, at an even place
	if len(b) < nameAt {
		return i, fmt.Errorf("afp: parse status: %d octets are less than %d", len(b), nameAt)
	}
	if i.Name, err = text(b, nameAt); err != nil {
		return i, fmt.Errorf("afp: parse status: name: %w", err)
	}
	offset := func(at int) int { return int(binary.BigEndian.Uint16(b[at:])) }
	if at := offset(0); at > 0 {
		if i.Machine, err = text(b, at); err != nil {
			return i, fmt.Errorf("afp: parse status: machine type: %w", err)
		}
	}
	if i.Versions, err = texts(b, offset(2)); err != nil {
		return i, fmt.Errorf("afp: parse status: versions: %w", err)
	}
	if i.Methods, err = texts(b, offset(4)); err != nil {
		return i, fmt.Errorf("afp: parse status: methods: %w", err)
	}
	i.Icon = offset(6) > 0
	bits := offset(8)
	for n, name := range flags {
		if bits&(1<<n) != 0 && name != "" {
			i.Flags = append(i.Flags, name)
		}
	}
	if bits&signatureFlag != 0 {
		at := nameAt + 1 + int(b[nameAt])
		at += at % 2
		if len(b) < at+2 || offset(at)+signatureSize > len(b) {
			return i, fmt.Errorf("afp: parse status: signature: it is not in the block")
		}
		i.Signature = hex.EncodeToString(b[offset(at):][:signatureSize])
	}
	return i, nil
}

// text is a string with its length before it.
func text(b []byte, at int) (string, error) {
	if at >= len(b) || at+1+int(b[at]) > len(b) {
		return "", fmt.Errorf("at octet %d of %d: it is not in the block", at, len(b))
	}
	return macroman.Decode(string(b[at+1:][:b[at]])), nil
}

// texts are strings with their number before them.
func texts(b []byte, at int) (all []string, err error) {
	if at == 0 {
		return nil, nil
	}
	if at >= len(b) {
		return nil, fmt.Errorf("at octet %d of %d: it is not in the block", at, len(b))
	}
	n := int(b[at])
	at++
	for range n {
		s, err := text(b, at)
		if err != nil {
			return nil, err
		}
		all = append(all, strings.TrimRight(s, "\x00"))
		at += 1 + int(b[at])
	}
	return all, nil
}
