package transfer

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// minHole is the size from which on a hole is kept.
	minHole = 64 << 10

	// maxExtents is how many a file may have; what lies behind them is one more.
	maxExtents = 4096

	blockSize = 512 // of st_blocks
)

// extents returns where a file has data, or nil if it has no holes. They are found now and not when the file is sent, and are part of the job's digest:
// the system may answer otherwise later, although nothing was written, and an activity must not depend on it.
func extents(path string, info fs.FileInfo) ([]extent, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Size()-st.Blocks*blockSize < minHole {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := info.Size()
	found := []extent{}
	for at := int64(0); at < size; {
		s, err := nextExtent(int(f.Fd()), at, size)
		if err == unix.ENXIO { // no data from here on
			break
		}
		if err != nil { // a file system that cannot tell
			return nil, nil
		}
		if n := len(found) - 1; n >= 0 && (s.offset-found[n].end() < minHole || n+1 > maxExtents) {
			found[n].length = s.end() - found[n].offset
		} else {
			if s.offset < minHole {
				s = extent{0, s.end()}
			}
			found = append(found, s)
		}
		at = s.end()
	}
	if len(found) == 1 && found[0] == (extent{0, size}) {
		return nil, nil
	}
	return found, nil
}

func (s extent) end() int64 { return s.offset + s.length }

// nextExtent finds the data at or behind an offset.
func nextExtent(fd int, at, size int64) (extent, error) {
	from, err := unix.Seek(fd, at, unix.SEEK_DATA)
	if err != nil {
		return extent{}, err
	}
	to, err := unix.Seek(fd, from, unix.SEEK_HOLE)
	if err != nil {
		return extent{}, err
	}
	if from >= size || to <= from { // the file was written to meanwhile
		return extent{}, unix.ENXIO
	}
	return extent{from, min(to, size) - from}, nil
}
