package spdu

import "errors"

// Concatenation is how the SPDUs of a TSDU are put together.
type Concatenation uint8

// The ways to put SPDUs into a TSDU (x225 3.2).
const (
	Alone    Concatenation = iota // one SPDU, of category 0 or 1
	Basic                         // one of category 0 and one of category 2
	Extended                      // one of category 0 and several of category 2, only to a peer whose CN or AC said that it can receive that
)

// MaxConcatenated is how many SPDUs of category 2 a TSDU may hold. The limit is ours.
const MaxConcatenated = 8

// Concatenated tells how the SPDUs of a TSDU are concatenated; the error, a [ProtocolError], says why they may not be.
//
// The standard's table of extended concatenations was not seen. What holds here is the rest of its rules: an SPDU of category 0 first,
// those of category 2 after it, DT last (x225 3.2). In basic concatenation GT goes before what is requested and PT before what
// answers; PT before DT passes too.
func Concatenated(pdus []SPDU) (Concatenation, error) {
	c, _, err := sequence(pdus)
	if err != nil {
		return c, err
	}
	return c, nil
}

// sequence is Concatenated; i is the SPDU that is wrong.
func sequence(pdus []SPDU) (c Concatenation, i int, err *ProtocolError) {
	if len(pdus) == 0 {
		return 0, 0, errorf(BadSequence, noKind, 0, "no SPDU")
	}
	first := pdus[0].kind()
	if kinds[first].category == 2 {
		return 0, 0, errorf(BadSequence, first, 0, "not after GT or PT")
	}
	for i, p := range pdus[1:] {
		k := p.kind()
		switch {
		case kinds[first].category != 0:
			return 0, i + 1, errorf(BadSequence, k, 0, "after %v", first)
		case kinds[k].category != 2:
			return 0, i + 1, errorf(BadSequence, k, 0, "after GT or PT")
		case k == kindDT && i+2 < len(pdus):
			return 0, i + 1, errorf(BadSequence, k, 0, "not the last")
		case i == MaxConcatenated:
			return 0, i + 1, tooMany(k)
		}
	}
	switch len(pdus) {
	case 1:
		return Alone, 0, nil
	case 2:
		if k := pdus[1].kind(); kinds[k].header != first && k != kindDT {
			return 0, 1, errorf(BadSequence, k, 0, "after %v", first)
		}
		return Basic, 0, nil
	}
	return Extended, 0, nil
}

func tooMany(k kind) *ProtocolError {
	return errorf(BadSequence, k, 0, "more than %d SPDUs after GT or PT", MaxConcatenated)
}

var errTokensReset = errors.New("tokens are given with it")

// AppendTSDU appends the SPDUs of a TSDU in basic or extended concatenation, with the GT or PT that goes before an SPDU of category 2
// if that is the first. The user information of a DT or TD follows what it appends. On an error it returns b as it was.
func AppendTSDU(b []byte, pdus ...SPDU) ([]byte, error) {
	if len(pdus) > 0 && kinds[pdus[0].kind()].category == 2 {
		header := SPDU(GT{})
		if kinds[pdus[0].kind()].header == kindPT {
			header = PT{}
		}
		pdus = append([]SPDU{header}, pdus...)
	}
	if err := mayAppend(pdus); err != nil {
		return b, err
	}
	out := b
	for _, p := range pdus {
		var err error
		if out, err = p.AppendBinary(out); err != nil {
			return b, err
		}
	}
	return out, nil
}

// mayAppend is stricter than sequence: PT is not sent before DT, nor are tokens given with what decides on the tokens itself.
func mayAppend(pdus []SPDU) error {
	if c, i, err := sequence(pdus); err != nil {
		if len(pdus) == 0 {
			return appendError("TSDU", 0, "%w", err.Err)
		}
		return appendError(pdus[i].kind().String(), 0, "%w", err.Err)
	} else if c == Basic && kinds[pdus[1].kind()].header != pdus[0].kind() {
		return appendError(pdus[1].kind().String(), 0, "after %v", pdus[0].kind())
	}
	if gt, ok := pdus[0].(GT); !ok || gt.Tokens == 0 {
		return nil
	}
	for _, p := range pdus[1:] {
		switch k := p.kind(); k {
		case kindRS, kindAI, kindAD:
			return appendError(k.String(), 0, "%w", errTokensReset)
		}
	}
	return nil
}
