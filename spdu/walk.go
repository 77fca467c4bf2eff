package spdu

import (
	"errors"
	"strconv"
)

// Item is a part of a TSDU as [Walk] finds it: an SPDU, a parameter group, a parameter, or user information.
type Item struct {
	Depth  int    // 0: SPDU; 1: group or parameter of an SPDU, or its user information; 2: parameter in a group
	Name   string // such as "MIP (MINOR SYNC POINT)", "PI 42 (serial number)", "user information"
	Code   uint8  // SI, PGI or PI; 0 for user information
	Offset int    // of the code in the TSDU; of the user information itself, which has none
	Head   int    // octets of code and LI, 0 for user information
	Length int    // what the LI says: of an SPDU, the length of its parameters
	Value  []byte // what follows the head; aliases the TSDU, and is shorter than Length if that ends before
}

// Walk calls f for each part of a TSDU from its first octet on, whether or not its value is right, and for parts that X.225 does not
// define too. It ends with the first error of f, or with a [ProtocolError] where the structure itself breaks.
func Walk(tsdu []byte, f func(Item) error) error {
	place, rest := &firstKinds, tsdu
	for len(rest) > 0 {
		at := len(tsdu) - len(rest)
		k := place[rest[0]]
		n, err := walkSPDU(k, rest, at, f)
		if err != nil {
			return err
		}
		rest, at = rest[n:], at+n
		switch {
		case len(rest) == 0:
		case k == kindDT || k == kindTD || k == kindEX:
			return f(Item{Depth: 1, Name: "user information", Offset: at, Length: len(rest), Value: rest})
		case k != noKind && kinds[k].category == 1:
			e := errorf(BadLength, noKind, 0, "%d octets after %v", len(rest), k).at(at, tsdu)
			e.Clause = clauseSequence
			return e
		}
		place = &nextKinds
	}
	return nil
}

func walkSPDU(k kind, b []byte, at int, f func(Item) error) (n int, err error) {
	if k == kindMAP && isAE(b) {
		k = kindAE
	}
	name := "SI " + strconv.Itoa(int(b[0]))
	if k != noKind {
		name = k.String() + " (" + kinds[k].title + ")"
	}
	i, whole := item(b, at)
	i.Name = name
	if err := f(i); err != nil {
		return 0, err
	}
	w := walker{k, b, at, f}
	if err := w.units(i.Value, i.Head, 1); err != nil {
		return 0, err
	}
	if !whole {
		return 0, errorf(Truncated, k, 0, "LI exceeds the %d octets there are", len(i.Value)).at(at, b)
	}
	return i.Head + i.Length, nil
}

// Locate puts into a [ProtocolError] of [CheckVersion], [Concatenated] or an [Assembly], or of a user, which see no octets, where in tsdu it is and
// what to reflect, index being that of the SPDU in it. It returns err, and leaves others as they are.
func Locate(err error, tsdu []byte, index int) error {
	var e *ProtocolError
	if !errors.As(err, &e) || e.Offset >= 0 {
		return err
	}
	n := -1
	_ = Walk(tsdu, func(i Item) error { // what has been parsed can be walked
		if i.Depth == 0 {
			n++
		}
		switch {
		case n != index:
		case i.Depth == 0:
			e.at(i.Offset, tsdu[i.Offset:])
		case i.Depth > 0 && i.Head > 0 && Param(i.Code) == e.Param:
			e.Offset = i.Offset
		}
		return nil
	})
	return err
}

type walker struct {
	kind kind
	spdu []byte
	at   int // where the SPDU is in the TSDU
	f    func(Item) error
}

// units walks the units in b, which begins at an octet of the SPDU.
func (w *walker) units(b []byte, at, depth int) error {
	for len(b) > 0 {
		p := Param(b[0])
		i, whole := item(b, w.at+at)
		i.Depth, i.Name = depth, p.String()
		if err := w.f(i); err != nil {
			return err
		}
		if !whole {
			return badLI(w.kind, p, "LI exceeds the %d octets there are", len(i.Value)).at(w.at+at, w.spdu)
		}
		if p.group() && p < pgiUserData {
			if err := w.units(i.Value, at+i.Head, depth+1); err != nil {
				return err
			}
		}
		n := i.Head + i.Length
		b, at = b[n:], at+n
	}
	return nil
}

// item is what b begins with. whole is false if b ends before it does.
func item(b []byte, at int) (i Item, whole bool) {
	i = Item{Code: b[0], Offset: at}
	li, n := readLI(b[1:])
	if n == 0 {
		i.Head = len(b)
		return i, false
	}
	i.Head, i.Length = 1+n, li
	i.Value = b[i.Head:min(i.Head+li, len(b))]
	return i, len(i.Value) == li
}
