package spdu

import (
	"encoding/binary"
	"strconv"
)

// A writer appends one SPDU. The first error stays.
type writer struct {
	b    []byte
	base int
	pdu  string
	err  error
}

func newWriter(b []byte, pdu string, si SI) writer {
	return writer{b: append(b, byte(si), 0), base: len(b), pdu: pdu}
}

// finish puts the SPDU's own LI in and returns the octets, or the octets before it and the error.
func (w *writer) finish() ([]byte, error) {
	w.close(w.base)
	if w.err != nil {
		return w.b[:w.base], w.err
	}
	return w.b, nil
}

// open begins a unit whose length is not known yet; close, given what open returned, ends it.
func (w *writer) open(p Param) (at int) {
	at = len(w.b)
	w.b = append(w.b, byte(p), 0)
	return at
}

func (w *writer) close(at int) {
	n := len(w.b) - at - 2
	switch {
	case n <= shortLI:
		w.b[at+1] = byte(n)
	case n > maxLI:
		w.fail(0, "%d octets exceed %d", n, maxLI)
	default:
		w.b = append(w.b, 0, 0)
		copy(w.b[at+4:], w.b[at+2:])
		w.b[at+1] = 0xff
		binary.BigEndian.PutUint16(w.b[at+2:], uint16(n))
	}
}

func (w *writer) fail(p Param, format string, args ...any) {
	if w.err == nil {
		w.err = appendError(w.pdu, p, format, args...)
	}
}

// unit appends a parameter, or nothing if v is empty: absent and empty are the same (x225 2.1).
func (w *writer) unit(p Param, v []byte, max int) {
	if len(v) > max {
		w.fail(p, "length %d exceeds %d", len(v), max)
	}
	if len(v) > 0 {
		at := w.open(p)
		w.b = append(w.b, v...)
		w.close(at)
	}
}

func (w *writer) octet(p Param, v byte) { w.b = append(w.b, byte(p), 1, v) }

func (w *writer) uint16(p Param, v uint16) { w.b = append(w.b, byte(p), 2, byte(v>>8), byte(v)) }

func (w *writer) enclosure(e Enclosure) {
	if e > Only || e != 0 && e < Middle {
		w.fail(piEnclosure, "%v", e)
	}
	if e.Present() {
		w.octet(piEnclosure, e.octet())
	}
}

func (w *writer) tsduSize(s TSDUSize) {
	if s != (TSDUSize{}) {
		w.b = append(w.b, byte(piTSDUSize), 4)
		w.b = binary.BigEndian.AppendUint16(w.b, s.ToResponder)
		w.b = binary.BigEndian.AppendUint16(w.b, s.ToInitiator)
	}
}

func (w *writer) serial(p Param, s Serial) {
	if !s.Present {
		return
	}
	if s.N > maxSerial {
		w.fail(p, "%d exceeds %d", s.N, maxSerial)
	}
	at := w.open(p)
	w.b = strconv.AppendUint(w.b, uint64(s.N), 10)
	w.close(at)
}
