package transfer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The journal of an activity is a file in the receiver's folder that has the headers of its entries, as they came. So their number, and with it the names of
// the temporary files, follow from their place.

// errTorn is about a journal that does not end with an entry's header.
var errTorn = errors.New("not an entry")

// append adds a header to the journal, before what it is of is made: so it is found when the activity is discarded.
func (s *sink) append(header []byte) error {
	if err := s.writeJournal(header); err != nil {
		return err
	}
	s.journaled += int64(len(header))
	return nil
}

// writeJournal writes what stands behind the last whole header, or the start of it.
func (s *sink) writeJournal(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	name := journalName(s.tag)
	if err := s.fault("write", name); err != nil {
		return err
	}
	_, err := s.journal.WriteAt(b, s.journaled)
	return failed("write", name, err)
}

// each calls a function for the entries in the first size octets of the journal, with their numbers from 1 on.
func (s *sink) each(size int64, f func(number int64, e *Entry) error) error {
	b := bufio.NewReaderSize(io.NewSectionReader(s.journal, 0, size), bufferSize)
	header := make([]byte, maxEntry)
	for number := int64(1); ; number++ {
		e, err := readEntry(b, header)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("transfer: read the journal %q: entry %d: %w", journalName(s.tag), number, err)
		}
		if err := f(number, &e); err != nil {
			return err
		}
	}
}

// readEntry reads an entry's header, with the help of a buffer of maxEntry octets. io.EOF is returned where none begins.
func readEntry(r io.Reader, b []byte) (Entry, error) {
	if _, err := io.ReadFull(r, b[:2]); err != nil {
		return Entry{}, torn(err)
	}
	n := int(binary.BigEndian.Uint16(b))
	if n > maxEntry-2 {
		return Entry{}, errTorn
	}
	if _, err := io.ReadFull(r, b[:n]); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Entry{}, torn(err)
	}
	e, ferr := parseEntry(b[:n])
	if ferr != nil {
		return Entry{}, fmt.Errorf("%w: %s: %s", errTorn, ferr.Field, ferr.Text)
	}
	return e, nil
}

func torn(err error) error {
	if err == io.ErrUnexpectedEOF {
		return errTorn
	}
	return bare(err)
}
