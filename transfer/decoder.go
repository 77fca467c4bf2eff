package transfer

import "encoding/binary"

// An event is what a decoder has come upon.
type event int

const (
	more    event = iota // nothing: all octets were taken
	began                // an entry's header is whole: entry is it, and part its octets
	skipped              // an extent's head is whole
	content              // octets of the entry's file, which end at pos
	ended                // the entry's end
)

// A decoder reads an activity's octets. It knows of no files, and its fields are what has to be kept of it over a crash.
type decoder struct {
	announced int64 // entries
	entries   int64 // that have begun
	within    bool  // the last of them has not ended
	entry     Entry // the last of them
	extents   uint32
	pos, left int64  // in its file: the next octet's place, and how many the extent has from there
	part      []byte // of a header that has not come as a whole; at most maxEntry
	whole     bool   // part is a header that was told of
}

// next takes n octets from the start of b. It is to be called, with what is left, until it says more.
func (d *decoder) next(b []byte) (ev event, n int, err error) {
	if d.whole {
		d.part, d.whole = d.part[:0], false
	}
	switch {
	case !d.within:
		return d.header(b)
	case d.left > 0:
		if len(b) == 0 {
			return more, 0, nil
		}
		n = int(min(int64(len(b)), d.left))
		d.pos += int64(n)
		d.left -= int64(n)
		return content, n, nil
	case d.extents > 0:
		if n = d.collect(b, extentSize); len(d.part) < extentSize {
			return more, n, nil
		}
		s, ferr := parseExtent(d.part, d.pos, d.entry.Size)
		if ferr != nil {
			return more, n, d.fail(ferr)
		}
		d.whole, d.pos, d.left = true, s.offset, s.length
		d.extents--
		return skipped, n, nil
	}
	d.within = false
	return ended, 0, nil
}

// header takes octets of an entry's header, whose first two are its length.
func (d *decoder) header(b []byte) (ev event, n int, err error) {
	if len(b) == 0 {
		return more, 0, nil
	}
	if d.entries == d.announced {
		return more, 0, d.fail(wrong("entry", "one more than the header has announced"))
	}
	if n = d.collect(b, 2); len(d.part) < 2 {
		return more, n, nil
	}
	size := 2 + int(binary.BigEndian.Uint16(d.part))
	if size > maxEntry {
		return more, n, d.fail(wrong("length", "%d exceeds %d", size-2, maxEntry-2))
	}
	if n += d.collect(b[n:], size); len(d.part) < size {
		return more, n, nil
	}
	e, ferr := parseEntry(d.part[2:])
	if ferr != nil {
		return more, n, d.fail(ferr)
	}
	d.begin(e)
	d.whole = true
	return began, n, nil
}

// begin goes to the start of an entry.
func (d *decoder) begin(e Entry) {
	d.entries++
	d.within, d.entry, d.extents, d.pos, d.left = true, e, e.Extents, 0, 0
	if e.Type == File {
		d.left = e.Size
	}
}

// collect takes from b what part lacks of size octets.
func (d *decoder) collect(b []byte, size int) int {
	n := min(len(b), max(0, size-len(d.part)))
	d.part = append(d.part, b[:n]...)
	return n
}

// fail names the entry in which an error is: the one that has begun, or the next.
func (d *decoder) fail(err *FormatError) error {
	err.Entry = d.entries
	if !d.within {
		err.Entry++
	}
	return err
}

// atEnd returns what an activity that ends here lacks.
func (d *decoder) atEnd() error {
	if d.within || len(d.part) > 0 && !d.whole {
		return d.fail(wrong("entry", "the activity ends within it"))
	}
	if d.entries != d.announced {
		return d.fail(wrong("entry", "the activity ends before it, and %d were announced", d.announced))
	}
	return nil
}
