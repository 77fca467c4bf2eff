package transfer

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// The flags of a state: what has been decided and cannot be taken back.
const (
	ending     = 1 << iota // all has come, is durable, and gets its names
	discarding             // what was written goes
)

// A state is what of a sink is in a record's cookie: Version (1) Flags (1) Tag (8) Announced (8) Total (8) Entries (8) Journaled (8) Partial (2)
// Within (1) Pos (8) Left (8) Extents (4) Part.
type state struct {
	flags            byte
	tag              string // of the names that are the activity's, in hex: random, so that no peer knows it
	announced, total int64  // of the header: entries and octets
	entries          int64
	journaled        int64  // octets of the journal that are the entries' headers
	partial          uint16 // octets behind them, of a header that has not come as a whole
	within           bool   // the last entry has not ended; the rest is of that, as in decoder
	pos, left        int64
	extents          uint32
	part             []byte // of an extent's head
}

const (
	stateVersion = 1
	stateFixed   = 1 + 1 + tagSize + 8*4 + 2 + 1 + 8 + 8 + 4
)

func (s *state) append(b []byte) []byte {
	b = append(b, stateVersion, s.flags)
	tag, err := hex.DecodeString(s.tag)
	if err != nil {
		panic("BUG: a tag that is not hex: " + s.tag)
	}
	b = append(b, tag...)
	for _, v := range []int64{s.announced, s.total, s.entries, s.journaled} {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	b = binary.BigEndian.AppendUint16(b, s.partial)
	if s.within {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(s.pos))
	b = binary.BigEndian.AppendUint64(b, uint64(s.left))
	b = binary.BigEndian.AppendUint32(b, s.extents)
	return append(b, s.part...)
}

// parse reads a cookie, which is ours: that it makes no sense means that the store is not the one that it was.
func (s *state) parse(b []byte) error {
	if len(b) < stateFixed || b[0] != stateVersion || len(b) >= stateFixed+extentSize {
		return fmt.Errorf("transfer: resume: the record's cookie, of %d octets, is not one of this package", len(b))
	}
	s.flags = b[1]
	s.tag = hex.EncodeToString(b[2 : 2+tagSize])
	b = b[2+tagSize:]
	for _, v := range []*int64{&s.announced, &s.total, &s.entries, &s.journaled} {
		*v = int64(binary.BigEndian.Uint64(b))
		b = b[8:]
	}
	s.partial = binary.BigEndian.Uint16(b)
	s.within = b[2] != 0
	s.pos = int64(binary.BigEndian.Uint64(b[3:]))
	s.left = int64(binary.BigEndian.Uint64(b[11:]))
	s.extents = binary.BigEndian.Uint32(b[19:])
	s.part = append([]byte(nil), b[23:]...)
	return nil
}

// note puts the decoder's state into what is to be committed.
func (s *state) note(d *decoder) {
	s.entries, s.within = d.entries, d.within
	s.pos, s.left, s.extents = d.pos, d.left, d.extents
	s.part, s.partial = nil, 0
	switch {
	case d.whole:
	case d.within:
		s.part = d.part
	default:
		s.partial = uint16(len(d.part))
	}
}
