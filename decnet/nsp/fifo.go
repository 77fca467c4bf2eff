package nsp

const (
	// smallBuffer is what an idle link may keep, in octets.
	smallBuffer = 2 << 10
	// compactAt is from when on what was taken out is moved away before the buffer grows.
	compactAt = 4 << 10
)

// fifo is a queue of octets. Each octet has an offset that it keeps.
type fifo struct {
	b    []byte
	head int    // of b, that was taken out
	base uint64 // offset of b[head]
}

func (f *fifo) len() int { return len(f.b) - f.head }

// end is the offset that the next octet gets.
func (f *fifo) end() uint64 { return f.base + uint64(f.len()) }

func (f *fifo) push(b []byte) {
	if f.head == len(f.b) {
		f.b, f.head = f.b[:0], 0
	} else if f.head >= compactAt && len(f.b)+len(b) > cap(f.b) {
		f.b = f.b[:copy(f.b, f.b[f.head:])]
		f.head = 0
	}
	f.b = append(f.b, b...)
}

// at returns n octets from an offset on.
func (f *fifo) at(offset uint64, n int) []byte {
	i := f.head + int(offset-f.base)
	return f.b[i : i+n]
}

// drop takes n octets out.
func (f *fifo) drop(n int) {
	f.head += n
	f.base += uint64(n)
}

// trim gives a large buffer back if there is nothing in it.
func (f *fifo) trim() {
	if f.len() == 0 && cap(f.b) > smallBuffer {
		f.b, f.head = nil, 0
	}
}

// ring is a queue of values.
type ring[T any] struct {
	s    []T
	head int
}

func (r *ring[T]) len() int { return len(r.s) - r.head }

func (r *ring[T]) push(v T) {
	if r.head > 0 && len(r.s) == cap(r.s) {
		n := copy(r.s, r.s[r.head:])
		clear(r.s[n:])
		r.s, r.head = r.s[:n], 0
	}
	r.s = append(r.s, v)
}

// at returns the i-th value from the front.
func (r *ring[T]) at(i int) *T { return &r.s[r.head+i] }

func (r *ring[T]) pop() T {
	var none T
	v := r.s[r.head]
	r.s[r.head] = none
	r.head++
	if r.head == len(r.s) {
		r.s, r.head = r.s[:0], 0
	}
	return v
}
