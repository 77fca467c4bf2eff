package endpoint

import (
	"math/bits"
	"sync"
)

// ring holds the octets of a stream from offset tail up to head. Its buffer is a power of two and grows on demand; an empty ring
// may give it back. Octets keep their place while the buffer does not grow.
type ring struct {
	buf        []byte
	tail, head uint64
}

const (
	minRingBits = 12 // 4 KiB
	maxRingBits = 24 // 16 MiB
)

var ringPools [maxRingBits + 1]sync.Pool

func newRingBuf(size int) []byte {
	c := max(minRingBits, bits.Len(uint(size-1)))
	if p, _ := ringPools[c].Get().(*[]byte); p != nil {
		return *p
	}
	return make([]byte, 1<<c)
}

func freeRingBuf(b []byte) {
	if len(b) > 0 {
		ringPools[bits.Len(uint(len(b)-1))].Put(&b)
	}
}

func (r *ring) len() int  { return int(r.head - r.tail) }
func (r *ring) room() int { return len(r.buf) - r.len() }

// grow makes room for n more octets if the buffer stays within limit, and else as much room as that allows. pooled says
// whether nobody else reads the old buffer, so that it may be used again.
func (r *ring) grow(n, limit int, pooled bool) {
	if r.room() >= n || len(r.buf) >= limit {
		return
	}
	size := min(r.len()+n, limit)
	buf := newRingBuf(size)
	if len(buf) <= len(r.buf) {
		freeRingBuf(buf)
		return
	}
	a, b := r.slices(r.tail, r.len())
	old := r.buf
	r.buf = buf
	head := r.head
	r.head = r.tail
	r.write(a)
	r.write(b)
	r.head = head
	if pooled {
		freeRingBuf(old)
	}
}

// release gives an empty ring's buffer back.
func (r *ring) release(pooled bool) {
	if pooled {
		freeRingBuf(r.buf)
	}
	r.buf = nil
}

// write appends b, for which there is room.
func (r *ring) write(b []byte) {
	if len(b) == 0 {
		return
	}
	i := int(r.head) & (len(r.buf) - 1)
	n := copy(r.buf[i:], b)
	copy(r.buf, b[n:])
	r.head += uint64(len(b))
}

// patch overwrites the octets at offset off, which are in the ring.
func (r *ring) patch(off uint64, b []byte) {
	i := int(off) & (len(r.buf) - 1)
	n := copy(r.buf[i:], b)
	copy(r.buf, b[n:])
}

// slices is where the n octets from offset off on are; the second one is not empty where they wrap around.
func (r *ring) slices(off uint64, n int) (a, b []byte) {
	if n == 0 {
		return nil, nil
	}
	i := int(off) & (len(r.buf) - 1)
	a = r.buf[i:min(i+n, len(r.buf))]
	return a, r.buf[:n-len(a)]
}

// trim forgets the octets before offset to.
func (r *ring) trim(to uint64) { r.tail = max(r.tail, min(to, r.head)) }

// budget bounds memory that many share. It is safe for concurrent use.
type budget struct {
	mu          sync.Mutex
	used, limit int64
}

func (b *budget) take(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.limit {
		return false
	}
	b.used += n
	return true
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	b.used -= n
	b.mu.Unlock()
}
