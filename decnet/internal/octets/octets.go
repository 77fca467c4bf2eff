// Package octets reads the fields of DECnet's messages: little-endian numbers, and images, which are a length of one octet and as
// many octets.
//
//	r := octets.Reader{B: b}
//	src, name := r.Uint16(), r.Image(16)
//	if r.Err != nil { … }
package octets

import "fmt"

// Reader reads from the front of B, which becomes shorter. After an error it reads zeros, so that one look at Err at the end is
// enough.
type Reader struct {
	B   []byte
	Err error // the first one
}

// Fail sets the error, if there is none.
func (r *Reader) Fail(format string, args ...any) {
	if r.Err == nil {
		r.Err = fmt.Errorf(format, args...)
		r.B = nil
	}
}

// Take returns the next n octets, which alias B; nil with an error if there are fewer.
func (r *Reader) Take(n int, field string) []byte {
	if r.Err != nil {
		return nil
	}
	if len(r.B) < n {
		r.Fail("%s: %d octets are left of %d", field, len(r.B), n)
		return nil
	}
	b := r.B[:n:n]
	r.B = r.B[n:]
	return b
}

// Uint8 reads one octet.
func (r *Reader) Uint8(field string) uint8 {
	if b := r.Take(1, field); b != nil {
		return b[0]
	}
	return 0
}

// Uint16 reads two octets, the lower one first.
func (r *Reader) Uint16(field string) uint16 {
	if b := r.Take(2, field); b != nil {
		return uint16(b[0]) | uint16(b[1])<<8
	}
	return 0
}

// Image reads an image of at most so many octets. It aliases B, and is nil if it is empty.
func (r *Reader) Image(most int, field string) []byte {
	n := int(r.Uint8(field))
	if n > most {
		r.Fail("%s: length %d exceeds %d", field, n, most)
	}
	if n == 0 {
		return nil
	}
	return r.Take(n, field)
}

// AppendUint16 appends two octets, the lower one first.
func AppendUint16(b []byte, v uint16) []byte { return append(b, byte(v), byte(v>>8)) }

// AppendImage appends an image, which is at most 255 octets long.
func AppendImage[T []byte | string](b []byte, image T) []byte {
	if len(image) > 255 {
		panic("BUG: octets: image is too long")
	}
	return append(append(b, byte(len(image))), image...)
}
