package transfer

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
	"time"

	"github.com/tenuto-session/tenuto/durable"
)

// Type is what an entry is.
type Type uint8

// The types. docs/wire/transfer.md, 2.
const (
	File   Type = 1 + iota // a regular file, all of whose octets follow
	Sparse                 // a regular file of which extents follow; the rest are holes
	Folder
	Link // a symbolic link
)

func (t Type) String() string {
	switch t {
	case File:
		return "file"
	case Sparse:
		return "sparse file"
	case Folder:
		return "folder"
	case Link:
		return "link"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// An Entry is one thing in an activity, and its header on the wire.
type Entry struct {
	Type    Type
	Path    string      // with slashes, relative to the receiver's folder; octets of any value but 0
	Mode    fs.FileMode // permission bits
	ModTime time.Time
	Size    int64  // a file's, in octets
	Extents uint32 // a sparse file's
	Target  string // a link's
}

// Limits of entries, in octets where nothing else is said.
const (
	MaxPath   = 3 << 10
	MaxTarget = 4095
	maxName   = 255 // of an element of a path
	maxDepth  = 256 // elements of a path

	// MaxEntries is how many entries an activity has at most.
	MaxEntries = 1 << 16

	maxSize = 1<<62 - 1

	entryFixed = 1 + 2 + 8 + 4 + 8 + 4 + 2 // Type to PathLength
	maxEntry   = 2 + entryFixed + MaxPath + MaxTarget
	extentSize = 8 + 8
)

// A FormatError says what is wrong with an activity's octets or its header: the sender's fault.
type FormatError struct {
	Entry int64  // its number from 1 on, 0 for the activity's header
	Field string // of docs/wire/transfer.md
	Text  string
}

func (e *FormatError) Error() string {
	if e.Entry == 0 {
		return fmt.Sprintf("transfer: parse header: %s: %s", e.Field, e.Text)
	}
	return fmt.Sprintf("transfer: parse entry %d: %s: %s", e.Entry, e.Field, e.Text)
}

// Is makes the error a durable.ErrRefused: sent again, the octets would be as wrong.
func (e *FormatError) Is(target error) bool { return target == durable.ErrRefused }

func wrong(field, format string, args ...any) *FormatError {
	return &FormatError{Field: field, Text: fmt.Sprintf(format, args...)}
}

func (e *Entry) isFile() bool { return e.Type == File || e.Type == Sparse }

// headerSize is what appendHeader appends.
func (e *Entry) headerSize() int64 { return int64(2 + entryFixed + len(e.Path) + len(e.Target)) }

// appendHeader appends the entry's header: Length (2) Type (1) Mode (2) Seconds (8) Nanoseconds (4) Size (8) Extents (4) PathLength (2) Path Target.
func (e *Entry) appendHeader(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(e.headerSize()-2))
	b = append(b, byte(e.Type))
	b = binary.BigEndian.AppendUint16(b, uint16(e.Mode.Perm()))
	b = binary.BigEndian.AppendUint64(b, uint64(e.ModTime.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(e.ModTime.Nanosecond()))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Size))
	b = binary.BigEndian.AppendUint32(b, e.Extents)
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.Path)))
	b = append(b, e.Path...)
	return append(b, e.Target...)
}

// parseEntry parses a header behind its Length.
func parseEntry(b []byte) (Entry, *FormatError) {
	if len(b) < entryFixed {
		return Entry{}, wrong("length", "%d is less than %d", len(b), entryFixed)
	}
	e := Entry{
		Type:    Type(b[0]),
		Mode:    fs.FileMode(binary.BigEndian.Uint16(b[1:])),
		Extents: binary.BigEndian.Uint32(b[23:]),
	}
	seconds, nanoseconds := binary.BigEndian.Uint64(b[3:]), binary.BigEndian.Uint32(b[11:])
	size := binary.BigEndian.Uint64(b[15:])
	n := int(binary.BigEndian.Uint16(b[27:]))
	b = b[entryFixed:]
	if n > len(b) {
		return Entry{}, wrong("path", "its length of %d exceeds the header", n)
	}
	e.Path, e.Target = string(b[:n]), string(b[n:])
	e.ModTime = time.Unix(int64(seconds), int64(nanoseconds))
	switch {
	case e.Type < File || e.Type > Link:
		return Entry{}, wrong("type", "%d is unknown", uint8(e.Type))
	case e.Mode&^fs.ModePerm != 0:
		return Entry{}, wrong("mode", "%#o has more than permission bits", uint16(e.Mode))
	case nanoseconds >= 1e9:
		return Entry{}, wrong("nanoseconds", "%d make a second", nanoseconds)
	case size > maxSize || size != 0 && !e.isFile():
		return Entry{}, wrong("size", "a %v of %d octets", e.Type, size)
	case e.Extents != 0 && e.Type != Sparse:
		return Entry{}, wrong("extents", "a %v has none", e.Type)
	case (e.Target != "") != (e.Type == Link) || len(e.Target) > MaxTarget:
		return Entry{}, wrong("target", "%d octets for a %v", len(e.Target), e.Type)
	}
	e.Size = int64(size)
	if err := checkPath(e.Path); err != nil {
		return Entry{}, wrong("path", "%v", err)
	}
	if err := checkTarget(e.Target); err != nil {
		return Entry{}, wrong("target", "%v", err)
	}
	return e, nil
}

// A extent is a part of a sparse file that has data.
type extent struct{ offset, length int64 }

func (s extent) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(s.offset))
	return binary.BigEndian.AppendUint64(b, uint64(s.length))
}

// parseExtent parses the head of an extent that lies within a file of size octets and behind its octet at from.
func parseExtent(b []byte, from, size int64) (extent, *FormatError) {
	offset, length := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	switch {
	case offset > math.MaxInt64 || int64(offset) < from || int64(offset) > size:
		return extent{}, wrong("offset", "%d is not within %d and %d", offset, from, size)
	case length == 0 || length > uint64(size-int64(offset)):
		return extent{}, wrong("length", "%d is not within 1 and %d", length, size-int64(offset))
	}
	return extent{int64(offset), int64(length)}, nil
}
