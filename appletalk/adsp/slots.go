package adsp

import "slices"

// slots holds octets by their sequence numbers; the end of a message takes a number as well. Numbers wrap, and the ring's size is a power of two, so that
// a number says where its slot is.
type slots struct {
	ring []byte
	ends []uint32 // numbers that are ends of messages, in order
}

// leastRing is the least that a ring has.
const leastRing = 1 << 10

// grow makes room for the numbers from first to last-1, of which there are fewer than 65,536.
func (s *slots) grow(first, last uint32) {
	size := int(last - first)
	if size <= len(s.ring) {
		return
	}
	old := s.ring
	n := max(leastRing, len(old))
	for n < size {
		n *= 2
	}
	s.ring = make([]byte, n)
	if len(old) == 0 {
		return
	}
	for i := range uint32(len(old)) { // what is beyond what is used is copied in vain
		s.ring[(first+i)&uint32(n-1)] = old[(first+i)&uint32(len(old)-1)]
	}
}

// put stores octets at a number.
func (s *slots) put(at uint32, b []byte) {
	for len(b) > 0 {
		n := copy(s.ring[at&uint32(len(s.ring)-1):], b)
		at, b = at+uint32(n), b[n:]
	}
}

// get reads the octets from a number.
func (s *slots) get(at uint32, b []byte) {
	for len(b) > 0 {
		n := copy(b, s.ring[at&uint32(len(s.ring)-1):])
		at, b = at+uint32(n), b[n:]
	}
}

// end makes a number the end of a message.
func (s *slots) end(at uint32) {
	i, found := slices.BinarySearchFunc(s.ends, at, order)
	if !found {
		s.ends = slices.Insert(s.ends, i, at)
	}
}

// order compares numbers that are near each other.
func order(a, b uint32) int { return int(int32(a - b)) }

// nextEnd is the first end of a message from a number on, or limit if that comes before it.
func (s *slots) nextEnd(from, limit uint32) uint32 {
	i, _ := slices.BinarySearchFunc(s.ends, from, order)
	if i < len(s.ends) && before(s.ends[i], limit) {
		return s.ends[i]
	}
	return limit
}

// drop forgets what is before a number.
func (s *slots) drop(to uint32) {
	i, _ := slices.BinarySearchFunc(s.ends, to, order)
	s.ends = slices.Delete(s.ends, 0, i)
}

// free gives back the memory of what holds nothing.
func (s *slots) free() { s.ring, s.ends = nil, nil }

// before tells whether a number comes before another.
func before(a, b uint32) bool { return int32(a-b) < 0 }
