package identity

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// maxFile is the size of the largest file that is read, in octets: some 100,000 keys.
	maxFile = 16 << 20
	// maxLine is the size of the longest line, in octets.
	maxLine = 4 << 10
	// settled is how long a file must have been left alone so that the next change shows in its time of change. File systems
	// count in steps of up to 2 s.
	settled = 2 * time.Second
)

// list is a file of lines, each a T, which is read anew when it has changed.
type list[T any] struct {
	path  string
	parse func(text string) (T, error) // of a line that is neither blank nor a comment
	log   *slog.Logger

	mu   sync.Mutex
	have *reading[T] // guarded by mu, and not changed once it is there; nil before the first reading and when there is no file
}

// reading is what a file held.
type reading[T any] struct {
	info    fs.FileInfo
	settled bool // a later change shows in info
	sum     [sha256.Size]byte
	lines   []line[T]
}

type line[T any] struct {
	number int // from 1
	value  T
	err    error // what is wrong with the line
}

// load returns the lines, none if there is no file.
func (l *list[T]) load() ([]line[T], error) {
	info, err := os.Stat(l.path)
	if isMissing(err) {
		l.replace(nil)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if err := checkShared(l.path, info); err != nil {
		return nil, err
	}
	l.mu.Lock()
	have := l.have
	l.mu.Unlock()
	if have != nil && have.settled && os.SameFile(have.info, info) && have.info.Size() == info.Size() && have.info.ModTime().Equal(info.ModTime()) {
		return have.lines, nil
	}
	f, err := os.Open(l.path)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	defer f.Close()
	return l.read(f)
}

// read reads the opened file, from where it stands, and tells the log what is damaged in it unless it has told before.
func (l *list[T]) read(f *os.File) ([]line[T], error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if err := checkShared(l.path, info); err != nil {
		return nil, err
	}
	b, err := readAll(f, maxFile)
	if err != nil {
		return nil, err
	}
	r := &reading[T]{info: info, settled: time.Since(info.ModTime()) > settled, sum: sha256.Sum256(b), lines: l.split(b)}
	if l.replace(r) {
		for _, line := range r.lines {
			if line.err != nil {
				l.log.Warn("damaged line", "file", l.path, "line", line.number, "cause", line.err)
			}
		}
	}
	return r.lines, nil
}

// replace puts a reading in the place of the last one, and tells whether it says anything else.
func (l *list[T]) replace(r *reading[T]) (differs bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	differs = l.have == nil || r == nil || l.have.sum != r.sum
	l.have = r
	return differs
}

func (l *list[T]) split(b []byte) (lines []line[T]) {
	number := 0
	for text := range bytes.Lines(b) {
		number++
		text = bytes.TrimSpace(text)
		switch {
		case len(text) == 0 || text[0] == '#':
		case len(text) > maxLine:
			lines = append(lines, line[T]{number: number, err: errLong})
		default:
			value, err := l.parse(string(text))
			lines = append(lines, line[T]{number, value, err})
		}
	}
	return lines
}

// isMissing tells whether there is no such file, nor can be: the home of some users is /dev/null.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// readAll reads to the end, which must come within limit octets.
func readAll(f *os.File, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("identity: %s has more than %d octets", f.Name(), limit)
	}
	return b, nil
}

// quote writes a path as a shell reads it.
func quote(path string) string {
	if path != "" && !strings.ContainsFunc(path, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._-+@%:,", r))
	}) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
