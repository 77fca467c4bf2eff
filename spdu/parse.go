package spdu

// Need tells what to read of a TSDU before it can be parsed, given its first octets.
//
// If data is false and n exceeds len(b), the first n octets are needed to tell more. If data is false and n is 0, the TSDU has no user
// information that could be long: all of it is to be read. If data is true the first n octets are the head that [Parse] takes, and
// what follows is the user information of DT or TD.
func Need(b []byte) (n int, data bool) {
	if len(b) >= 4 && [4]byte(b) == WholeHead {
		return 4, true
	}
	if len(b) == 0 {
		return 2, false
	}
	switch SI(b[0]) {
	case siTD:
		n = end(b, 0)
		return n, n <= len(b)
	case siGT, siPT:
	default:
		return 0, false
	}
	at := end(b, 0)
	for range MaxConcatenated {
		if at >= len(b) {
			return at + 2, false // the next SPDU's SI and LI
		}
		if SI(b[at]) == siDT {
			n = end(b, at)
			return n, n <= len(b)
		}
		at = end(b, at)
	}
	return 0, false
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

// Parse parses a TSDU: one SPDU of category 1; or one of category 0 and those of category 2 that follow it, in basic or extended
// concatenation (x225 3.2); [Concatenated] tells which. rest is what follows the head of a DT or TD, its user information.
//
// A TSDU that begins with DT alone is not one: its first SPDU would be GT (x225 2.2).
func Parse(b []byte) (pdus []SPDU, rest []byte, err error) {
	first, n, err := ParseFirst(b)
	if err != nil {
		return nil, nil, err
	}
	pdus = append(pdus, first)
	switch k := first.kind(); {
	case k == kindTD:
		return pdus, b[n:], nil
	case kinds[k].category == 1 && n < len(b):
		return nil, nil, after(first, n, b)
	}
	var starts [1 + MaxConcatenated]int
	for n < len(b) && pdus[len(pdus)-1].kind() != kindDT {
		if len(pdus) == len(starts) {
			return nil, nil, tooMany(noKind).at(n, b[n:])
		}
		p, m, err := ParseNext(b[n:])
		if err != nil {
			return nil, nil, shifted(err, n)
		}
		starts[len(pdus)] = n
		pdus, n = append(pdus, p), n+m
	}
	if _, i, err := sequence(pdus); err != nil {
		at := starts[i]
		return nil, nil, err.at(at, b[at:])
	}
	return pdus, b[n:], nil
}

// after is the error of octets behind an SPDU that stands alone.
func after(p SPDU, n int, b []byte) error {
	e := errorf(BadLength, noKind, 0, "%d octets after %v", len(b)-n, p).at(n, b)
	e.Clause = clauseSequence
	return e
}

// ParseFirst parses the SPDU that begins a TSDU and returns how many octets it has; those of a DT or TD end where its user
// information begins.
func ParseFirst(b []byte) (p SPDU, n int, err error) {
	return parsePlace(b, &firstKinds, &nextKinds, "not after GT or PT")
}

// ParseNext does the same for an SPDU that follows one of category 0.
func ParseNext(b []byte) (p SPDU, n int, err error) {
	return parsePlace(b, &nextKinds, &firstKinds, "after GT or PT")
}

func parsePlace(b []byte, here, elsewhere *[256]kind, where string) (p SPDU, n int, err error) {
	if len(b) == 0 {
		return nil, 0, wrongSPDU(Truncated, noKind, b, "no octets")
	}
	si := SI(b[0])
	if k := here[si]; k != noKind {
		return parseKind(k, b)
	}
	switch k := elsewhere[si]; {
	case k != noKind:
		err = wrongSPDU(UnknownSPDU, k, b, "SI %d: %s", si, where)
	case si == siUD:
		err = wrongSPDU(NotSupported, noKind, b, "SI %d: UNIT DATA, of the connectionless protocol", si)
	case si > maxSI:
		err = wrongSPDU(NotSupported, noKind, b, "SI %d: short SPDUs and null encoding are not done", si)
	default:
		err = wrongSPDU(UnknownSPDU, noKind, b, "SI %d: unknown", si)
	}
	return nil, 0, err
}

func parseKind(k kind, b []byte) (SPDU, int, error) {
	if k == kindMAP && isAE(b) {
		k = kindAE
	}
	switch k {
	case kindCN:
		return result(ParseCN(b))
	case kindOA:
		return result(ParseOA(b))
	case kindCDO:
		return result(ParseCDO(b))
	case kindAC:
		return result(ParseAC(b))
	case kindRF:
		return result(ParseRF(b))
	case kindFN:
		return result(ParseFN(b))
	case kindDN:
		return result(ParseDN(b))
	case kindNF:
		return result(ParseNF(b))
	case kindAB:
		return result(ParseAB(b))
	case kindAA:
		return result(ParseAA(b))
	case kindPR:
		return result(ParsePR(b))
	case kindEX:
		return result(ParseEX(b))
	case kindTD:
		return result(ParseTD(b))
	case kindGTC:
		return result(ParseGTC(b))
	case kindGTA:
		return result(ParseGTA(b))
	case kindGT:
		return result(ParseGT(b))
	case kindPT:
		return result(ParsePT(b))
	case kindDT:
		return result(ParseDT(b))
	case kindMIP:
		return result(ParseMIP(b))
	case kindMIA:
		return result(ParseMIA(b))
	case kindMAP:
		return result(ParseMAP(b))
	case kindAE:
		return result(ParseAE(b))
	case kindMAA:
		return result(ParseMAA(b))
	case kindRS:
		return result(ParseRS(b))
	case kindRA:
		return result(ParseRA(b))
	case kindAS:
		return result(ParseAS(b))
	case kindAR:
		return result(ParseAR(b))
	case kindAI:
		return result(ParseAI(b))
	case kindAIA:
		return result(ParseAIA(b))
	case kindAD:
		return result(ParseAD(b))
	case kindADA:
		return result(ParseADA(b))
	case kindCD:
		return result(ParseCD(b))
	case kindCDA:
		return result(ParseCDA(b))
	case kindER:
		return result(ParseER(b))
	case kindED:
		return result(ParseED(b))
	}
	panic("BUG: no SPDU")
}

func result[P SPDU](p P, n int, err error) (SPDU, int, error) {
	if err != nil {
		return nil, 0, err
	}
	return p, n, nil
}

// wrongSPDU is an error about the SPDU that b begins with.
func wrongSPDU(c Code, k kind, b []byte, format string, args ...any) error {
	return errorf(c, k, 0, format, args...).at(0, b)
}
