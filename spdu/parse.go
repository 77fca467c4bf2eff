package spdu

import "bytes"

// Need tells what to read of a TSDU before it can be parsed, given its first octets.
//
// If data is false and n exceeds len(b), the first n octets are needed to tell more. If data is false and n is 0, the TSDU has no user
// information: all of it is to be read. If data is true the first n octets are the head that [Parse] takes, and
// what follows is DT's user information.
func Need(b []byte) (n int, data bool) {
	if len(b) >= 4 && [4]byte(b) == WholeHead {
		return 4, true
	}
	if len(b) == 0 {
		return 2, false
	}
	if si := SI(b[0]); si != siGT && si != siPT {
		return 0, false
	}
	at := end(b, 0)
	if at >= len(b) {
		return at + 2, false // the next SPDU's SI and LI
	}
	if SI(b[at]) != siDT {
		return 0, false
	}
	n = end(b, at)
	return n, n <= len(b)
}

// end returns where the SPDU that starts at an octet of b ends, or how much of b is needed to tell.
func end(b []byte, at int) int {
	li, n := readLI(b[at+1:])
	if n == 0 {
		if at+1 == len(b) {
			return at + 2
		}
		return at + 4
	}
	return at + 1 + n + li
}

// Parse parses a TSDU: one SPDU of category 1; or one of category 0 and those of category 2 that follow it, any number of them
// (x225 3.2). rest is what follows the head of a DT, its user information.
//
// A TSDU that begins with DT alone is not one: its first SPDU would be GT (x225 2.2).
func Parse(b []byte) (pdus []SPDU, rest []byte, err error) {
	first, n, err := ParseFirst(b)
	if err != nil {
		return nil, nil, err
	}
	pdus = append(pdus, first)
	switch first.(type) {
	case GT, PT:
	default:
		if n != len(b) {
			return nil, nil, wrongSPDU(BadLength, "TSDU", b, "%d octets after %v", len(b)-n, first)
		}
		return pdus, nil, nil
	}
	if n == len(b) {
		return pdus, nil, nil
	}
	b = b[n:]
	si := SI(b[0])
	if si != siDT {
		return nil, nil, notNext(si, b)
	}
	dt, n, err := ParseDT(b)
	if err != nil {
		return nil, nil, err
	}
	return append(pdus, dt), b[n:], nil
}

// ParseFirst parses the SPDU that begins a TSDU and returns how many octets it has.
func ParseFirst(b []byte) (p SPDU, n int, err error) {
	if len(b) == 0 {
		return nil, 0, errorf(Truncated, "TSDU", 0, "no octets")
	}
	switch si := SI(b[0]); si {
	case siGT:
		p, n, err = result(ParseGT(b))
	case siPT:
		p, n, err = result(ParsePT(b))
	case siPR:
		p, n, err = result(ParsePR(b))
	case siNF:
		p, n, err = result(ParseNF(b))
	case siFN:
		p, n, err = result(ParseFN(b))
	case siDN:
		p, n, err = result(ParseDN(b))
	case siRF:
		p, n, err = result(ParseRF(b))
	case siCN:
		p, n, err = result(ParseCN(b))
	case siAC:
		p, n, err = result(ParseAC(b))
	case siCDO:
		p, n, err = result(ParseCDO(b))
	case siOA:
		p, n, err = result(ParseOA(b))
	case siAB:
		p, n, err = result(ParseAB(b))
	case siAA:
		p, n, err = result(ParseAA(b))
	default:
		return nil, 0, notFirst(si, b)
	}
	return p, n, err
}

func result[P SPDU](p P, n int, err error) (SPDU, int, error) {
	if err != nil {
		return nil, 0, err
	}
	return p, n, nil
}

func notFirst(si SI, b []byte) error {
	if name := firstNames[si]; name != "" {
		return wrongSPDU(NotSupported, name, b, "SI %d: no functional unit for it", si)
	}
	if name := nextNames[si]; name != "" {
		return wrongSPDU(UnknownSPDU, name, b, "SI %d: not after GT or PT", si)
	}
	return wrongSPDU(UnknownSPDU, "TSDU", b, "SI %d: unknown", si)
}

func notNext(si SI, b []byte) error {
	if name := nextNames[si]; name != "" {
		return wrongSPDU(NotSupported, name, b, "SI %d: no functional unit for it", si)
	}
	if name := firstNames[si]; name != "" {
		return wrongSPDU(UnknownSPDU, name, b, "SI %d: after GT or PT", si)
	}
	return wrongSPDU(UnknownSPDU, "TSDU", b, "SI %d: unknown", si)
}

// wrongSPDU is an error about the SPDU that b begins with.
func wrongSPDU(c Code, pdu string, b []byte, format string, args ...any) error {
	e := errorf(c, pdu, 0, format, args...)
	e.Reflect = bytes.Clone(b[:min(len(b), ReflectMax)])
	return e
}
