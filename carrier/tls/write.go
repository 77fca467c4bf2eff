package tls

import "errors"

// maxRecords is how many records a carrier sends: 256 GiB if they are full. RFC 8446 5.5: with AES-GCM, 2^24.5 full records "may be
// encrypted on a given connection while keeping a safety margin", and crypto/tls never changes its keys by itself.
const maxRecords = 1 << 24

// errWorn ends a carrier for the bridge to go on with another one.
var errWorn = errors.New("carrier/tls: as much was sent as is safe with one key: it is time for another carrier")

// writer turns slices into records and knows which octets are where. What TryWrite has sealed and the kernel does not take stays in
// the inner connection, and the caller comes with the same octets again: they are sealed once, and counted when the kernel has
// their record.
type writer struct {
	ahead   int64 // octets in records that Write and TryWrite have not returned
	late    int64 // those of them in records that the kernel may not have
	records int
	err     error
}

// write is Write and TryWrite.
func (c *conn) write(bufs [][]byte, wait bool) (n int, err error) {
	w := &c.out
	if w.err != nil {
		return 0, w.err
	}
	q := newQueue(bufs)
	total := q.left
	q.skip(min(w.ahead, total))
	var stage *block

	rest, err := c.flush(wait)
	for err == nil && !rest && q.left > 0 {
		if w.records++; w.records > maxRecords {
			err = errWorn
			break
		}
		p := q.whole()
		if p == nil {
			if stage == nil {
				stage = blocks.Get().(*block)
			}
			p = q.gather(stage[:maxPlain])
		}
		if q.left > 0 {
			c.inner.hold()
		}
		if _, err = c.tls.Write(p); err != nil {
			break
		}
		w.ahead += int64(len(p))
		w.late += int64(len(p))
		if q.left == 0 || !c.inner.fits(min(q.left, maxPlain)) {
			rest, err = c.flush(wait)
		}
	}
	if stage != nil {
		blocks.Put(stage)
	}
	w.err = err

	told := min(w.ahead-w.late, total)
	w.ahead -= told
	return int(told), err
}

func (c *conn) flush(wait bool) (rest bool, err error) {
	rest, err = c.inner.flush(wait)
	if !rest {
		c.out.late = 0
	}
	return rest, err
}

// queue is what is left of slices; it does not change them.
type queue struct {
	bufs [][]byte
	off  int   // of the first one
	left int64 // octets
}

func newQueue(bufs [][]byte) queue {
	q := queue{bufs: bufs}
	for _, b := range bufs {
		q.left += int64(len(b))
	}
	return q
}

// take returns the next octets that are together, n at most. The queue is not empty.
func (q *queue) take(n int) []byte {
	for q.off == len(q.bufs[0]) {
		q.bufs, q.off = q.bufs[1:], 0
	}
	b := q.bufs[0][q.off:]
	b = b[:min(n, len(b))]
	q.off += len(b)
	q.left -= int64(len(b))
	return b
}

func (q *queue) skip(n int64) {
	for n > 0 {
		n -= int64(len(q.take(int(n))))
	}
}

// whole takes octets that are a record by themselves, because they fill one or nothing follows; else it takes none, and returns
// nil. The queue is not empty.
func (q *queue) whole() []byte {
	was := *q
	b := q.take(maxPlain)
	if len(b) == maxPlain || q.left == 0 {
		return b
	}
	*q = was
	return nil
}

// gather fills b from several slices.
func (q *queue) gather(b []byte) []byte {
	n := 0
	for n < len(b) && q.left > 0 {
		n += copy(b[n:], q.take(len(b)-n))
	}
	return b[:n]
}
