package rfc1006

import (
	"math/bits"
	"sync"
)

// fifo holds octets in order, without a gap. Its array comes from a pool and goes back there when it is empty.
type fifo struct {
	p    *[]byte // what came from the pool; nil if nothing did
	b    []byte
	r, w int // b[r:w] are the octets
}

const (
	minFifoBits = 12 // 4 KiB
	maxFifoBits = 19 // 512 KiB; larger ones are left to the garbage collector
)

var fifoPools [maxFifoBits + 1]sync.Pool

func (f *fifo) len() int { return f.w - f.r }

// octets are those in the fifo, good until it is written to.
func (f *fifo) octets() []byte { return f.b[f.r:f.w] }

// grow makes room for n more octets. If pinned, somebody reads the octets there are, and they stay where they are.
func (f *fifo) grow(n int, pinned bool) {
	switch {
	case len(f.b)-f.w >= n:
		return
	case !pinned && len(f.b)-f.len() >= n && f.r >= f.len():
		f.w = copy(f.b, f.octets())
		f.r = 0
		return
	}
	k := max(minFifoBits, bits.Len(uint(f.len()+n-1)))
	var p *[]byte
	if k <= maxFifoBits {
		p, _ = fifoPools[k].Get().(*[]byte)
	}
	if p == nil {
		b := make([]byte, 1<<k)
		p = &b
	}
	w := copy(*p, f.octets())
	if !pinned {
		f.free()
	}
	f.p, f.b, f.r, f.w = p, *p, 0, w
}

// write appends b, for which grow has made room.
func (f *fifo) write(b []byte) { f.w += copy(f.b[f.w:], b) }

// skip forgets the first n octets.
func (f *fifo) skip(n int) { f.r += n }

// cut forgets the octets from the i-th up to the j-th. Nobody may be reading those after them.
func (f *fifo) cut(i, j int) {
	f.w = f.r + i + copy(f.b[f.r+i:], f.b[f.r+j:f.w])
}

// release forgets all octets and gives the array back. If pinned, somebody still reads it, and it is left to the garbage collector.
func (f *fifo) release(pinned bool) {
	if !pinned {
		f.free()
	}
	*f = fifo{}
}

func (f *fifo) free() {
	if f.p != nil && len(f.b) <= 1<<maxFifoBits {
		fifoPools[bits.Len(uint(len(f.b)-1))].Put(f.p)
	}
}
