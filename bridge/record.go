package bridge

import "encoding/binary"

// RecordHeader is the size of a record's header in octets. A stream's octets are records, and a TSDU is one or more of them:
//
//	End (1 bit) Length (31 bits) octets of the TSDU
//
// Records are cut into frames at any place.
const RecordHeader = 4

// MaxRecord is the largest number of TSDU octets in one record.
const MaxRecord = MaxData - RecordHeader

const recordEnd = 1 << 31

// PutRecord writes the header of a record of n octets into the first RecordHeader octets of b; end says that the TSDU ends with it.
func PutRecord(b []byte, n int, end bool) {
	v := uint32(n)
	if end {
		v |= recordEnd
	}
	binary.BigEndian.PutUint32(b, v)
}

// ParseRecord reads the header of a record. ok is false if the record is larger than MaxRecord, or empty without an end.
func ParseRecord(b []byte) (n int, end, ok bool) {
	v := binary.BigEndian.Uint32(b)
	end = v&recordEnd != 0
	v &^= recordEnd
	return int(v), end, v <= MaxRecord && (v > 0 || end)
}
