package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// A Job is one activity of a plan.
type Job struct {
	Header Header

	// Names tells the job from others of the same command, and Digest what is to be sent from what was to be sent earlier: if the names are those of
	// an activity that was interrupted and the digest is not, something has changed since, and the activity must not be resumed. Both depend on where
	// the files are.
	Names, Digest [sha256.Size]byte

	Progress Progress // of the source that was opened last

	items []item
}

func newJob(items []item) *Job {
	j := &Job{items: items}
	names, digest := sha256.New(), sha256.New()
	var b []byte
	var last *top
	for i := range items {
		it := &items[i]
		b = b[:0]
		if it.top != last {
			last = it.top
			b = appendString(b, last.local)
			digest.Write(b)
		}
		b = appendString(b, it.Path)
		names.Write(b)
		b = it.appendHeader(b[:0])
		for _, s := range it.extents {
			b = s.append(b)
		}
		digest.Write(b)
		j.Header.Octets += it.octets()
	}
	names.Sum(j.Names[:0])
	digest.Sum(j.Digest[:0])
	j.Header.Entries = int64(len(items))
	j.Header.Name = items[0].Path
	if n := len(items) - 1; n > 0 {
		j.Header.Name = fmt.Sprintf("%.900s and %d more", j.Header.Name, n)
	}
	j.Header.Name = printable(j.Header.Name)
	return j
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// octets is what an entry takes in its activity.
func (it *item) octets() int64 {
	n := it.headerSize()
	if it.Type != Sparse {
		return n + it.Size
	}
	for _, s := range it.extents {
		n += extentSize + s.length
	}
	return n
}

// Entries yields the job's entries, in their order.
func (j *Job) Entries(yield func(*Entry) bool) {
	for i := range j.items {
		if !yield(&j.items[i].Entry) {
			return
		}
	}
}

// Open returns the activity's octets as a durable.Source. Each file is opened when its octets are read. The caller closes the source when it is done.
func (j *Job) Open() (*Source, error) {
	s := &Source{job: j}
	return s, s.Rewind(0)
}
