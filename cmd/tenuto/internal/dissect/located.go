package dissect

import "sort"

// located is octets of which each knows where it came from.
type located struct {
	b      []byte
	pieces []piece // in rising order of off
}

// piece begins octets that follow each other in the input.
type piece struct {
	off int
	pos Position
}

// add appends octets, the first of which is at pos.
func (l *located) add(b []byte, pos Position) {
	if len(b) == 0 {
		return
	}
	if n := len(l.pieces); n == 0 || l.pieces[n-1].at(len(l.b)) != pos {
		l.pieces = append(l.pieces, piece{len(l.b), pos})
	}
	l.b = append(l.b, b...)
}

func (p piece) at(off int) Position {
	pos := p.pos
	pos.Octet += int64(off - p.off)
	return pos
}

// at is where the octet at an offset came from, or would have come from if it is behind the last. There must be octets.
func (l *located) at(off int) Position {
	n := sort.Search(len(l.pieces), func(i int) bool { return l.pieces[i].off > off })
	return l.pieces[n-1].at(off)
}

// drop takes the first n octets away.
func (l *located) drop(n int) {
	l.b = append(l.b[:0], l.b[n:]...)
	kept := l.pieces[:0]
	for i, p := range l.pieces {
		switch {
		case i+1 < len(l.pieces) && l.pieces[i+1].off <= n: // all of it goes
		case p.off < n:
			kept = append(kept, piece{0, p.at(n)})
		default:
			kept = append(kept, piece{p.off - n, p.pos})
		}
	}
	l.pieces = kept
	if len(l.b) == 0 {
		l.pieces = kept[:0]
	}
}

// keepBuffers is how large a buffer may be that is kept for later use, in octets.
const keepBuffers = 4096

func (l *located) reset() {
	if cap(l.b) > keepBuffers || cap(l.pieces) > keepBuffers {
		*l = located{}
	}
	l.b, l.pieces = l.b[:0], l.pieces[:0]
}
