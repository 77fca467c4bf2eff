package endpoint

import "github.com/tenuto-session/tenuto/bridge"

// recordReader takes the records of a stream apart.
type recordReader struct {
	left  int   // octets of the record that are to come
	end   bool  // the record ends its TSDU
	mid   bool  // octets of a TSDU were taken and its end was not
	hdrN  uint8 // octets of hdr that were read
	hdr   [bridge.RecordHeader]byte
	ready bool // hdr was read; left and end hold
}

// take moves octets of src, which are the stream's next, to dst, up to the end of a TSDU.
func (r *recordReader) take(dst, src []byte) (used, put int, end, bad bool) {
	for {
		if !r.ready {
			n := copy(r.hdr[r.hdrN:], src[used:])
			used += n
			if r.hdrN += uint8(n); int(r.hdrN) < len(r.hdr) {
				return used, put, false, false
			}
			var ok bool
			if r.left, r.end, ok = bridge.ParseRecord(r.hdr[:]); !ok {
				return used, put, false, true
			}
			r.hdrN, r.ready = 0, true
		}
		n := copy(dst[put:], src[used:min(len(src), used+r.left)])
		used, put = used+n, put+n
		if r.left -= n; r.left > 0 {
			r.mid = r.mid || n > 0
			return used, put, false, false
		}
		r.ready, r.mid = false, !r.end
		if r.end || used == len(src) {
			return used, put, r.end, false
		}
	}
}

// took says that n of the record's octets were taken past take, and tells whether the TSDU ends with them.
func (r *recordReader) took(n int) (end bool) {
	if r.left -= n; r.left > 0 {
		r.mid = true
		return false
	}
	r.ready, r.mid = false, !r.end
	return r.end
}

// idle tells whether the reader is between two TSDUs.
func (r *recordReader) idle() bool { return !r.ready && !r.mid && r.hdrN == 0 }

// cut forgets the record in progress, and tells whether its TSDU was begun.
func (r *recordReader) cut() bool {
	mid := r.mid
	*r = recordReader{}
	return mid
}
