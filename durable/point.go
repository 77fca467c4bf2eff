package durable

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
)

// version is that of what the user data of activities, points and resynchronizations mean.
const version = 1

// A point is where an activity is: behind so many octets, with this digest.
type point struct {
	offset int64
	digest [sha256.Size]byte // of them: SHA-256 over the digest at the point before and the SHA-256 of the octets since
	over   bool              // in a resynchronization: the receiver has the activity's end
}

const pointSize = 2 + 8 + sha256.Size

// append encodes a point: version, flags, offset, digest.
func (p *point) append(b []byte) []byte {
	var flags byte
	if p.over {
		flags = 1
	}
	b = binary.BigEndian.AppendUint64(append(b, version, flags), uint64(p.offset))
	return append(b, p.digest[:]...)
}

func parsePoint(b []byte) (p point, err error) {
	if len(b) < 1 || b[0] != version {
		return p, fmt.Errorf("durable: parse point: version is not %d", version)
	}
	if len(b) != pointSize {
		return p, fmt.Errorf("durable: parse point: %d octets instead of %d", len(b), pointSize)
	}
	if b[1] > 1 {
		return p, fmt.Errorf("durable: parse point: flags %#x", b[1])
	}
	p.over = b[1] == 1
	if p.offset = int64(binary.BigEndian.Uint64(b[2:])); p.offset < 0 {
		return p, fmt.Errorf("durable: parse point: offset exceeds %d", int64(1<<63-1))
	}
	copy(p.digest[:], b[10:])
	return p, nil
}

func pointOf(r *checkpoint.Record) point {
	return point{offset: r.Offset, digest: r.Digest, over: r.State == checkpoint.Ended}
}

// appendHeader encodes the user data of an activity's start: version, header.
func appendHeader(h []byte) []byte { return append([]byte{version}, h...) }

func parseHeader(b []byte) ([]byte, error) {
	if len(b) < 1 || b[0] != version {
		return nil, fmt.Errorf("durable: parse header: version is not %d", version)
	}
	if len(b)-1 > MaxHeader {
		return nil, fmt.Errorf("durable: parse header: %d octets exceed %d", len(b)-1, MaxHeader)
	}
	return b[1:], nil
}

// A tally follows an activity's octets from a point to the next.
type tally struct {
	point
	since hash.Hash // SHA-256 of the octets since
	size  int64     // how many they are
}

func newTally(p point) *tally {
	return &tally{point: point{offset: p.offset, digest: p.digest}, since: sha256.New()}
}

func (t *tally) add(b []byte) {
	t.since.Write(b)
	t.size += int64(len(b))
}

// cut sets the next point here.
func (t *tally) cut() point {
	var since [sha256.Size]byte
	t.since.Sum(since[:0])
	t.digest = sha256.Sum256(append(t.digest[:], since[:]...))
	t.offset += t.size
	t.since.Reset()
	t.size = 0
	return t.point
}

// growth is the number of points after which distances grow with the offset: of an activity of 2^63 octets, with the smallest distance, there are
// 32,768 points at equal distance and then 32,768 for each time that it grows by a factor of e, less than 900,000 in all.
const growth = 32768

// MinDistance is the smallest Sender.Distance, in octets.
const MinDistance = 1 << 10

// distance is how far behind an offset the next point is.
func distance(base, offset int64) int64 { return max(base, offset/growth) }

// maxPoints is how many points an activity may have before its end, which is one, too: the machine keeps the largest serial number free.
const maxPoints = tenuto.MaxSerial - 2

// lastSerial is the last number that a point of Send's own may have; what is left is for the Source's.
const lastSerial = maxPoints - 1000
