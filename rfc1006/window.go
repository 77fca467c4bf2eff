package rfc1006

// window is the normal octets that have come while no Receive waited for them.
type window struct {
	store fifo
	marks []int // how many octets of the store belong to each TSDU that has ended
	last  int   // octets of the store that belong to one that has not
}

// markSize is what the end of a TSDU counts in the window, and a TPDU in the queue of those to be sent, in octets.
const markSize = 8

// took says that n octets of user data have found their place.
func (c *Conn) took(n int) {
	in := &c.in
	c.m.Took(n)
	if c.m.Left > 0 {
		return
	}
	switch {
	case in.isED && c.dropping:
	case in.isED:
		in.expedited.end()
		c.changed.Broadcast()
		c.wakeSender()
	case !in.eot || c.dropping:
	case in.leader == caller:
		in.ends = true
	default:
		in.marks = append(in.marks, in.last)
		in.last = 0
	}
}

// held is how much of the window is taken.
func (w *window) held() int { return w.store.len() + markSize*len(w.marks) }

// full tells whether nothing more can be taken until the user has received something.
func (c *Conn) full() bool {
	in := &c.in
	return !c.dropping && (in.expedited.full() || in.leader != caller && in.held() >= c.set.Limits.ReceiveWindow)
}

// take takes octets of one TSDU out of the store.
func (w *window) take(b []byte) (n int, end bool) {
	size := &w.last
	if len(w.marks) > 0 {
		size = &w.marks[0]
	} else if w.last == 0 {
		return 0, false
	}
	n = copy(b, w.store.octets()[:*size])
	w.store.skip(n)
	*size -= n
	if end = len(w.marks) > 0 && *size == 0; end {
		if w.marks = w.marks[1:]; len(w.marks) == 0 {
			w.marks = nil
		}
	}
	if w.store.len() == 0 {
		w.store.release(false)
	}
	return n, end
}

// drop forgets what has not been received.
func (in *receiver) drop() {
	in.store.release(false)
	in.marks, in.last = nil, 0
	in.expedited.clear()
}
