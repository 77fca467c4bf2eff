package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// bbolt trusts all but its meta pages: a page number beyond the end of the file is a fault, a page that leads to itself exhausts the stack, and one that is
// both in use and free is written over some day. So the file is checked before bbolt takes it up. The octets have the machine's order.
//
// A page begins with its id (8), flags (2), count of elements (2) and how many pages more it has (4).
const (
	pageHeader = 16
	flagBranch = 0x01
	flagLeaf   = 0x02
	flagFree   = 0x10

	manyFree = 0xffff // as count of a page of free ones: the count is its first element

	elementSize = 16 // of a branch: position (4), key size (4), page (8); of a leaf: flags (4), position (4), key size (4), value size (4)
	leafBucket  = 1  // in the flags of a leaf's element: the value is a bucket
	bucketSize  = 16 // its root page (8), 0 if the page is behind it, and a sequence (8)

	boltMagic   = 0xed0cdaed
	boltVersion = 2
	metaSum     = pageHeader + 56 // where a meta page has its checksum: FNV-1a, 64 bits, of the 56 octets before
	metaEnd     = metaSum + 8
	minPage     = 1 << 10
	maxPage     = 16 << 20
	maxDepth    = 64 // of trees of pages; each level has at least two pages to choose from, so that no disk holds a deeper one
)

// state is what a meta page says.
type state struct {
	pageSize         int64
	root, free, high uint64 // pages: the root bucket's, that of the free ones, and the first that there is not
	txid             uint64
}

// readState reads the meta page at an offset of the file.
func readState(f io.ReaderAt, off int64) (s state, err error) {
	var b [metaEnd]byte
	if _, err := f.ReadAt(b[:], off); err != nil {
		return s, err
	}
	e := binary.NativeEndian
	if e.Uint32(b[16:]) != boltMagic {
		return s, errors.New("no file of bbolt")
	}
	if v := e.Uint32(b[20:]); v != boltVersion {
		return s, fmt.Errorf("version %d of bbolt's format", v)
	}
	h := fnv.New64a()
	h.Write(b[pageHeader:metaSum])
	if h.Sum64() != e.Uint64(b[metaSum:]) {
		return s, errors.New("the checksum is wrong")
	}
	s = state{int64(e.Uint32(b[24:])), e.Uint64(b[32:]), e.Uint64(b[48:]), e.Uint64(b[56:]), e.Uint64(b[64:])}
	if s.pageSize < minPage || s.pageSize > maxPage || s.pageSize&(s.pageSize-1) != 0 {
		return s, fmt.Errorf("a page size of %d", s.pageSize)
	}
	return s, nil
}

// currentState returns the state that counts: the later of those that are whole.
func currentState(f io.ReaderAt) (state, error) {
	first, err := readState(f, 0)
	if err == nil {
		if second, err := readState(f, first.pageSize); err == nil && second.txid > first.txid {
			return second, nil
		}
		return first, nil
	}
	// Where the second page is follows from the page size, which it says itself.
	for size := int64(minPage); size <= maxPage; size *= 2 {
		if second, err := readState(f, size); err == nil && second.pageSize == size {
			return second, nil
		}
	}
	return state{}, fmt.Errorf("no meta page is whole: %w", err)
}

// check tells what is wrong with a file, which nobody writes meanwhile.
func check(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s, err := currentState(f)
	if err != nil {
		return err
	}
	if n := uint64(info.Size() / s.pageSize); s.high > n {
		return fmt.Errorf("it is cut off: %d pages of %d", n, s.high)
	}
	c := checker{f: f, state: s, seen: make([]bool, s.high)}
	if err := c.tree(s.root, 0, span{}); err != nil {
		return err
	}
	return c.freeList()
}

type checker struct {
	f io.ReaderAt
	state
	seen []bool // pages
}

// page reads a page, with those that belong to it, and marks them.
func (c *checker) page(id uint64) ([]byte, error) {
	if id < 2 || id >= c.high {
		return nil, fmt.Errorf("page %d: there are pages 2 to %d", id, c.high-1)
	}
	var h [pageHeader]byte
	if _, err := c.f.ReadAt(h[:], int64(id)*c.pageSize); err != nil {
		return nil, err
	}
	if got := binary.NativeEndian.Uint64(h[:]); got != id {
		return nil, fmt.Errorf("page %d: it says that it is page %d", id, got)
	}
	n := uint64(binary.NativeEndian.Uint32(h[12:])) + 1
	if n > c.high-id {
		return nil, fmt.Errorf("page %d: it goes on for %d pages, and there are %d", id, n, c.high-id)
	}
	for i := id; i < id+n; i++ {
		if err := c.mark(i); err != nil {
			return nil, err
		}
	}
	b := make([]byte, int64(n)*c.pageSize)
	_, err := c.f.ReadAt(b, int64(id)*c.pageSize)
	return b, err
}

func (c *checker) mark(id uint64) error {
	if c.seen[id] {
		return fmt.Errorf("page %d: it is used twice", id)
	}
	c.seen[id] = true
	return nil
}

// span is where keys lie: from a key, and before another; nil is no bound.
type span struct{ from, before []byte }

// tree checks a page of a bucket's tree, and those below it.
func (c *checker) tree(id uint64, depth int, in span) error {
	if depth > maxDepth {
		return fmt.Errorf("page %d: it lies too deep", id)
	}
	b, err := c.page(id)
	if err != nil {
		return err
	}
	if err := c.elements(b, depth, in); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// elements checks the elements of a branch or a leaf.
func (c *checker) elements(b []byte, depth int, in span) error {
	if len(b) < pageHeader {
		return errors.New("no room for a header")
	}
	e := binary.NativeEndian
	flags, n := e.Uint16(b[8:]), int(e.Uint16(b[10:]))
	if flags != flagLeaf && (flags != flagBranch || n == 0) {
		return fmt.Errorf("flags %#x with %d elements", flags, n)
	}
	if len(b) < pageHeader+n*elementSize {
		return fmt.Errorf("no room for %d elements", n)
	}
	keys := make([][]byte, n)
	for i := range n {
		at := pageHeader + i*elementSize
		key, value, err := cut(b[at:], flags)
		if err == nil && (i > 0 && bytes.Compare(key, keys[i-1]) <= 0 || bytes.Compare(key, in.from) < 0 ||
			in.before != nil && bytes.Compare(key, in.before) >= 0) {
			err = errors.New("its key is out of order")
		}
		if err == nil && flags == flagLeaf && e.Uint32(b[at:])&leafBucket != 0 {
			err = c.bucket(value, depth+1)
		}
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		keys[i] = key
	}
	if flags == flagLeaf {
		return nil
	}
	for i, key := range keys {
		below := span{key, in.before}
		if i+1 < n {
			below.before = keys[i+1]
		}
		if err := c.tree(e.Uint64(b[pageHeader+i*elementSize+8:]), depth+1, below); err != nil {
			return err
		}
	}
	return nil
}

// bucket checks what an element says of a bucket.
func (c *checker) bucket(value []byte, depth int) error {
	if len(value) < bucketSize {
		return errors.New("no room for a bucket")
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return c.tree(root, depth, span{})
	}
	if depth > maxDepth {
		return errors.New("a bucket lies too deep")
	}
	return c.elements(value[bucketSize:], depth, span{})
}

// cut returns the key and the value of the element that b begins with. The key is at its position from there, and the value behind that.
func cut(b []byte, flags uint16) (key, value []byte, err error) {
	e := binary.NativeEndian
	pos, keySize, valueSize := e.Uint32(b), e.Uint32(b[4:]), uint32(0)
	if flags == flagLeaf {
		pos, keySize, valueSize = keySize, e.Uint32(b[8:]), e.Uint32(b[12:])
	}
	if uint64(pos)+uint64(keySize)+uint64(valueSize) > uint64(len(b)) {
		return nil, nil, errors.New("it does not lie within its page")
	}
	b = b[pos:]
	return b[:keySize], b[keySize:][:valueSize], nil
}

// freeList checks the list of free pages, when the trees have been gone through.
func (c *checker) freeList() error {
	b, err := c.page(c.free)
	if err != nil {
		return fmt.Errorf("free pages: %w", err)
	}
	e := binary.NativeEndian
	if flags := e.Uint16(b[8:]); flags != flagFree {
		return fmt.Errorf("free pages: page %d has flags %#x", c.free, flags)
	}
	n, ids := uint64(e.Uint16(b[10:])), b[pageHeader:]
	if n == manyFree {
		n, ids = e.Uint64(ids), ids[8:]
	}
	if n > uint64(len(ids)/8) {
		return fmt.Errorf("free pages: no room for %d", n)
	}
	for i := range n {
		id := e.Uint64(ids[8*i:])
		if id < 2 || id >= c.high {
			return fmt.Errorf("free pages: page %d: there are pages 2 to %d", id, c.high-1)
		}
		if err := c.mark(id); err != nil {
			return fmt.Errorf("free pages: %w", err)
		}
	}
	return nil
}
