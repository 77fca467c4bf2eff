package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strings"
	"time"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// How an initiator is written into a key: its octets 00 are escaped, and a lower pair ends it, so that a prefix comes first.
const (
	escapedNUL   = "\x00\xff"
	initiatorEnd = "\x00\x01"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fixedSize is how many octets of a value have their place: all before the peer.
const fixedSize = 1 + 8 + 4 + 8 + 32 + 8 + 4

func encodeKey(k checkpoint.Key) []byte {
	b := make([]byte, 0, 1+len(k.Initiator)+len(initiatorEnd)+len(k.ID))
	b = append(b, byte(k.Role))
	b = append(b, strings.ReplaceAll(k.Initiator, "\x00", escapedNUL)...)
	b = append(b, initiatorEnd...)
	return append(b, k.ID...)
}

func decodeKey(b []byte) (checkpoint.Key, error) {
	if len(b) == 0 {
		return checkpoint.Key{}, errors.New("an empty key")
	}
	initiator, id, ok := strings.Cut(string(b[1:]), initiatorEnd)
	if !ok {
		return checkpoint.Key{}, fmt.Errorf("key %x: the initiator has no end", b)
	}
	return checkpoint.Key{Role: checkpoint.Role(b[0]), Initiator: strings.ReplaceAll(initiator, escapedNUL, "\x00"), ID: id}, nil
}

// encodeValue encodes a record that passes Check; key is its key, encoded.
func encodeValue(key []byte, r *checkpoint.Record) []byte {
	b := make([]byte, 0, fixedSize+2+len(r.Peer)+2+len(r.Link)+2+len(r.Cookie)+4)
	b = append(b, byte(r.State))
	b = binary.BigEndian.AppendUint64(b, r.Epoch)
	b = binary.BigEndian.AppendUint32(b, r.Serial)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Offset))
	b = append(b, r.Digest[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Changed.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(r.Changed.Nanosecond()))
	b = appendString(b, r.Peer)
	b = appendString(b, r.Link)
	b = appendString(b, string(r.Cookie))
	return binary.BigEndian.AppendUint32(b, sum(key, b))
}

func appendString(b []byte, s string) []byte {
	if len(s) > math.MaxUint16 {
		panic("BUG: a record that is too large was let through")
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func sum(key, b []byte) uint32 { return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, b) }

// decode decodes a record. It keeps nothing of key and value.
func decode(key, value []byte) (r checkpoint.Record, err error) {
	if r.Key, err = decodeKey(key); err != nil {
		return r, err
	}
	wrong := func(what string) (checkpoint.Record, error) {
		return checkpoint.Record{}, fmt.Errorf("record of %v: %s", r.Key, what)
	}
	if len(value) < fixedSize+2+2+2+4 {
		return wrong(fmt.Sprintf("%d octets are too few", len(value)))
	}
	b, end := value[:len(value)-4], value[len(value)-4:]
	if sum(key, b) != binary.BigEndian.Uint32(end) {
		return wrong("its sum is wrong")
	}
	r.State = checkpoint.State(b[0])
	r.Epoch = binary.BigEndian.Uint64(b[1:])
	r.Serial = binary.BigEndian.Uint32(b[9:])
	r.Offset = int64(binary.BigEndian.Uint64(b[13:]))
	copy(r.Digest[:], b[21:])
	r.Changed = time.Unix(int64(binary.BigEndian.Uint64(b[53:])), int64(binary.BigEndian.Uint32(b[61:]))).UTC()
	peer, b, ok := cutString(b[fixedSize:])
	if !ok {
		return wrong("the peer is cut off")
	}
	link, b, ok := cutString(b)
	if !ok {
		return wrong("the link is cut off")
	}
	cookie, b, ok := cutString(b)
	if !ok || len(b) != 0 {
		return wrong("the cookie does not end where the record does")
	}
	r.Peer, r.Link = string(peer), string(link)
	if len(cookie) > 0 {
		r.Cookie = append([]byte(nil), cookie...)
	}
	if err := r.Check(); err != nil {
		return wrong(err.Error())
	}
	return r, nil
}

func cutString(b []byte) (s, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if b = b[2:]; len(b) < n {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
