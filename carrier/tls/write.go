package tls

// writer turns slices into records and knows which octets are where. What TryWrite has sealed and the kernel does not take stays in
// the inner connection's buffer, and the caller comes with the same octets again: they are sealed once, and counted when the
// kernel has them.
type writer struct {
	sealed int64 // octets in records, since the beginning
	handed int64 // those of them in records that the kernel has wholly
	told   int64 // those of them that Write and TryWrite have returned

	marks []mark // of the last batch, the records that the kernel has not wholly
	space [batch]mark
	err   error
}

// mark is where a record ends: in the stream below and in the one above.
type mark struct{ put, sealed int64 }

// write is Write and TryWrite.
func (c *conn) write(bufs [][]byte, wait bool) (n int, err error) {
	w := &c.out
	if w.err != nil {
		return 0, w.err
	}
	q := queue{bufs: bufs}
	total := q.size()
	q.skip(min(w.sealed-w.told, total))

	buf := c.inner.acquire()
	rest, err := c.inner.flush(buf, wait, q.empty())
	for err == nil && !rest && !q.empty() {
		if err = c.seal(buf, &q); err == nil {
			rest, err = c.inner.flush(buf, wait, q.empty())
		}
	}
	w.err = err

	w.advance(c.inner.progress())
	n64 := min(w.handed-w.told, total)
	w.told += n64
	return int(n64), err
}

// seal makes a batch of records, when the kernel has all those before.
func (c *conn) seal(buf *buffer, q *queue) error {
	w := &c.out
	w.marks, w.handed = w.space[:0], w.sealed
	for range batch {
		if q.empty() {
			break
		}
		p := q.next(&buf.stage)
		if _, err := c.tls.Write(p); err != nil {
			return err
		}
		w.sealed += int64(len(p))
		put, _ := c.inner.progress()
		w.marks = append(w.marks, mark{put, w.sealed})
	}
	return nil
}

// advance takes note of what the kernel has.
func (w *writer) advance(_, handed int64) {
	for len(w.marks) > 0 && w.marks[0].put <= handed {
		w.handed = w.marks[0].sealed
		w.marks = w.marks[1:]
	}
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

// next takes what the next record carries: as much as it can. It is part of a slice if that alone fills a record or nothing
// follows, and else copied together in stage. The queue is not empty.
func (q *queue) next(stage *[maxPlain]byte) []byte {
	if b := q.bufs[0][q.off:]; len(b) >= maxPlain {
		q.off += maxPlain
		return b[:maxPlain]
	} else if q.off = len(q.bufs[0]); q.empty() {
		return b
	} else {
		n := copy(stage[:], b)
		for n < maxPlain && !q.empty() {
			k := copy(stage[n:], q.bufs[0][q.off:])
			q.off += k
			n += k
		}
		return stage[:n]
	}
}
