package transfer

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	headerVersion = 1
	kindEntries   = 1
	headerFixed   = 1 + 1 + 8 + 8
	maxLabel      = 1 << 10 // octets of Header.Name
)

// A Header is what a sender says of an activity before its octets. docs/wire/transfer.md, 1.
type Header struct {
	Entries int64  // how many
	Octets  int64  // of the activity: headers and contents
	Name    string // for people: printable, at most 1024 octets
}

// AppendBinary appends the header as it goes into durable.Activity.
func (h *Header) AppendBinary(b []byte) ([]byte, error) {
	if err := h.check(); err != nil {
		return b, err
	}
	b = append(b, headerVersion, kindEntries)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Entries))
	b = binary.BigEndian.AppendUint64(b, uint64(h.Octets))
	return append(b, printable(h.Name)...), nil
}

// ParseHeader parses an activity's header. The error is a *FormatError.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < headerFixed {
		return Header{}, wrong("length", "%d is less than %d", len(b), headerFixed)
	}
	if b[0] != headerVersion {
		return Header{}, wrong("version", "%d is unknown", b[0])
	}
	if b[1] != kindEntries {
		return Header{}, wrong("kind", "%d is unknown", b[1])
	}
	h := Header{
		Entries: int64(binary.BigEndian.Uint64(b[2:])),
		Octets:  int64(binary.BigEndian.Uint64(b[10:])),
		Name:    printable(string(b[headerFixed:])),
	}
	return h, h.check()
}

func (h *Header) check() error {
	if h.Entries < 0 || h.Entries > MaxEntries {
		return wrong("entries", "%d are not within 0 and %d", h.Entries, MaxEntries)
	}
	if h.Octets < 0 || h.Octets > maxSize {
		return wrong("octets", "%d are not within 0 and %d", h.Octets, int64(maxSize))
	}
	return nil
}

// String is the header for a log.
func (h Header) String() string {
	return fmt.Sprintf("%q: %d entries, %d octets", h.Name, h.Entries, h.Octets)
}

// printable makes a name fit for a terminal.
func printable(s string) string {
	if len(s) > maxLabel {
		s = s[:maxLabel]
	}
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	return s
}
