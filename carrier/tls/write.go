package tls

// writer turns slices into records and knows which octets are where. What TryWrite has sealed and the kernel does not take stays in
// the inner connection, and the caller comes with the same octets again: they are sealed once, and counted when the kernel has
// their record.
type writer struct {
	ahead int64 // octets in records that Write and TryWrite have not returned
	last  int64 // octets in the last record
	err   error
}

// write is Write and TryWrite.
func (c *conn) write(bufs [][]byte, wait bool) (n int, err error) {
	w := &c.out
	if w.err != nil {
		return 0, w.err
	}
	q := queue{bufs: bufs}
	total := q.size()
	q.skip(min(w.ahead, total))
	var stage *block

	rest, err := c.inner.flush(wait)
	for err == nil && !rest && !q.empty() {
		p := q.whole()
		if p == nil {
			if stage == nil {
				stage = blocks.Get().(*block)
			}
			p = q.gather(stage[:maxPlain])
		}
		if _, err = c.tls.Write(p); err == nil {
			w.last = int64(len(p))
			w.ahead += w.last
			rest, err = c.inner.flush(wait)
		}
	}
	if stage != nil {
		blocks.Put(stage)
	}
	w.err = err

	told := min(w.ahead, total)
	if rest { // of the last record
		told = min(max(w.ahead-w.last, 0), total)
	}
	w.ahead -= told
	return int(told), err
}

// queue is what is left of slices; it does not change them.
type queue struct {
	bufs [][]byte
	off  int // of the first one
}

func (q *queue) size() (n int64) {
	for _, b := range q.bufs {
		n += int64(len(b))
	}
	return n
}

// empty drops slices that have nothing left.
func (q *queue) empty() bool {
	for len(q.bufs) > 0 && q.off == len(q.bufs[0]) {
		q.bufs, q.off = q.bufs[1:], 0
	}
	return len(q.bufs) == 0
}

func (q *queue) skip(n int64) {
	for n > 0 && !q.empty() {
		k := min(n, int64(len(q.bufs[0])-q.off))
		q.off += int(k)
		n -= k
	}
}

// whole takes octets that are a record by themselves, because they fill one or nothing follows; else it returns nil. The queue is
// not empty.
func (q *queue) whole() []byte {
	b := q.bufs[0][q.off:]
	if len(b) >= maxPlain {
		q.off += maxPlain
		return b[:maxPlain]
	}
	for _, follows := range q.bufs[1:] {
		if len(follows) > 0 {
			return nil
		}
	}
	q.bufs = nil
	return b
}

// gather fills b from several slices.
func (q *queue) gather(b []byte) []byte {
	n := 0
	for n < len(b) && !q.empty() {
		k := copy(b[n:], q.bufs[0][q.off:])
		q.off += k
		n += k
	}
	return b[:n]
}
