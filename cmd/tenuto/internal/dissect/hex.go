package dissect

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Limits of hex text.
const (
	maxLine   = 1 << 20  // octets of a line
	maxRepeat = 64 << 20 // octets that a line "*" stands for
	maxColumn = 8        // octets after which hexdump leaves a wider gap
)

// hexText reads octets as people paste them: digits with or without offsets, with blanks, commas or colons between, with what they are as
// text to the right, with comments after #. See docs/decode.md.
type hexText struct {
	octets func(line int, b []byte) // those of a line
	flow   func(n int)              // those of a flow begin; odd ones are the initiator's
	pause  func()                   // an empty line, a heading or a new dump parts what came from what comes

	number  int  // of the line
	follow  bool // two sides are told apart by how far their lines are indented
	flows   int  // number of the flow, then
	repeats bool // the line before was "*"
	sides   [2]dump
}

// Wireshark shows what a TCP stream's two sides send so: the lines of one of them begin with blanks.
var (
	followed       = regexp.MustCompile(`(?m)^[0-9A-Fa-f]{8} {2}[0-9A-Fa-f]{2} `)
	followedBlanks = regexp.MustCompile(`(?m)^(?: {4}|\t)[0-9A-Fa-f]{8} {2}[0-9A-Fa-f]{2} `)
)

// dump is what one side has of lines with offsets.
type dump struct {
	next uint64 // offset that comes next
	any  bool   // there was one
	last []byte // octets of the last line
}

// SyntaxError says that the input is no hex text.
type SyntaxError struct {
	Line int // from 1
	Text string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Text) }

func (h *hexText) wrong(format string, args ...any) error {
	return &SyntaxError{h.number, fmt.Sprintf(format, args...)}
}

func (h *hexText) read(r *bufio.Reader) error {
	start, _ := r.Peek(max(1, r.Buffered())) // an error comes again
	if h.follow = followed.Match(start) && followedBlanks.Match(start); h.follow {
		h.turn()
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		h.number++
		line := lines.Bytes()
		if h.number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if err := h.line(strings.TrimRight(string(line), " \t\r\f")); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		h.number++
		return h.wrong("more than %d octets", maxLine)
	}
	return lines.Err()
}

func (h *hexText) line(s string) error {
	rest := strings.TrimLeft(s, " \t")
	switch {
	case rest == "":
		h.pause()
		return nil
	case rest[0] == '#':
		return nil
	case strings.HasPrefix(rest, ">>>"):
		return h.heading(rest)
	case rest == "*":
		h.repeats = true
		return nil
	}
	d := &h.sides[0]
	if h.follow && len(rest) < len(s) {
		d = &h.sides[1]
	}
	switch offset, rest, form := h.offset(d, rest); form {
	case noOffset:
	case words:
		return h.wrong("words of two octets, in an order that is not said: hexdump -C and od -t x1 write octets")
	default:
		return h.dumped(d, offset, rest, form)
	}
	h.repeats = false
	digits, _, _ := strings.Cut(rest, "#")
	b, err := h.digits(digits)
	if err != nil {
		return err
	}
	h.octets(h.number, b)
	return nil
}

// heading is ">>> Flow n", with anything behind it.
func (h *hexText) heading(s string) error {
	var n int
	if _, err := fmt.Sscanf(s, ">>> Flow %d", &n); err != nil || n < 1 {
		return h.wrong("%q is not of the form >>> Flow 1", s)
	}
	h.sides, h.repeats, h.follow = [2]dump{}, false, false
	h.pause()
	h.flow(n)
	return nil
}

// digits reads octets: pairs of digits, as many as there are between what sets them apart.
func (h *hexText) digits(s string) ([]byte, error) {
	s = strings.NewReplacer(`\x`, " ", "0x", " ", "0X", " ").Replace(s)
	var b []byte
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t,:;-\"{}", r) }) {
		o, err := hex.DecodeString(word)
		if err != nil {
			return nil, h.wrong("%.40q is not octets in hexadecimal", word)
		}
		b = append(b, o...)
	}
	return b, nil
}

// turn begins the other side's next flow.
func (h *hexText) turn() {
	h.flows++
	h.flow(h.flows)
}

// form is how an offset is set apart from the octets.
type form uint8

const (
	noOffset form = iota
	blanks        // by blanks alone
	colon         // by a colon
	bar           // by blanks; a bar comes before the text to the right
	words         // by a blank, from words of two octets in the order of some machine
)

// offset reads the offset that a line begins with, if it does. What looks like one may be octets as well: without colon or bar it is one
// only if it has the value that it should have, and is longer than what comes next.
func (h *hexText) offset(d *dump, s string) (offset uint64, rest string, f form) {
	t := strings.TrimPrefix(s, "0x")
	n := strings.IndexFunc(t, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) })
	if n < 0 {
		n = len(t)
	}
	base := 16
	if n == 7 {
		base = 8 // as od writes them
	}
	offset, err := strconv.ParseUint(t[:n], base, 64)
	if rest = t[n:]; n < 4 || err != nil {
		return 0, s, noOffset
	}
	after, hasColon := strings.CutPrefix(rest, ":")
	expected := offset == d.next || offset == 0 || h.repeats && offset > d.next
	switch next, _, _ := strings.Cut(strings.TrimLeft(rest, " \t-"), " "); {
	case hasColon && (after == "" || after[0] == ' ' || after[0] == '\t'):
		return offset, after, colon
	case rest == "":
		if d.any && (expected || n >= 6) {
			return offset, "", blanks
		}
	case rest[0] != ' ' && rest[0] != '\t':
	case strings.ContainsRune(rest, '|'):
		return offset, rest, bar
	case expected && n == 7 && len(next) == 4:
		return offset, rest, words
	case expected && len(next) != n && (len(next) == 2 || len(next) == 4):
		return offset, rest, blanks
	}
	return 0, s, noOffset
}

// dumped is a line with an offset.
func (h *hexText) dumped(d *dump, offset uint64, s string, f form) error {
	if h.follow && d != &h.sides[1-h.flows%2] {
		h.turn()
	}
	if err := h.gap(d, offset); err != nil {
		return err
	}
	s, _, _ = strings.Cut(s, "#")
	s = strings.TrimPrefix(strings.TrimLeft(s, " \t"), "- ")
	if f == bar {
		s, _, _ = strings.Cut(s, "|")
	} else {
		s = column(s, f == blanks)
	}
	b, err := h.digits(s)
	if err != nil {
		return err
	}
	h.octets(h.number, b)
	d.next, d.any, d.last = offset+uint64(len(b)), true, b
	return nil
}

// gap looks at an offset that is not the one to come: a line "*" before it stands for lines like the last.
func (h *hexText) gap(d *dump, offset uint64) error {
	repeats := h.repeats
	h.repeats = false
	switch {
	case !d.any || offset == d.next:
		return nil
	case offset == 0: // another dump begins
		h.pause()
		return nil
	case !repeats:
		return h.wrong("offset %x, where %x should come", offset, d.next)
	case offset < d.next || offset-d.next > maxRepeat || len(d.last) == 0:
		return h.wrong("offset %x after *, which stands for at most %d octets", offset, maxRepeat)
	}
	for n := int(offset - d.next); n > 0; {
		k := min(n, len(d.last))
		h.octets(h.number, d.last[:k])
		n -= k
	}
	return nil
}

// column cuts the text to the right off a line with an offset: it stands behind the first gap of two blanks or more, but for the one
// that hexdump leaves in the middle, if there may be one.
func column(s string, middle bool) string {
	n := 0 // octets up to now
	for at := 0; at < len(s); {
		end := strings.IndexAny(s[at:], " \t")
		if end < 0 {
			return s
		}
		n += end / 2
		end += at
		next := len(s) - len(strings.TrimLeft(s[end:], " \t"))
		if gap := next - end; gap > 1 && !(middle && gap == 2 && n == maxColumn && pair(s[next:])) {
			return s[:end]
		}
		at = next
	}
	return s
}

// pair tells whether s begins with an octet that stands alone.
func pair(s string) bool {
	word, _, _ := strings.Cut(s, " ")
	_, err := hex.DecodeString(word)
	return len(word) == 2 && err == nil
}
