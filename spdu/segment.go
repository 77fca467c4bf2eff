package spdu

import "slices"

// segmentable is an SPDU, other than DT, whose user data may be cut into segments (x225 2.10).
type segmentable interface {
	SPDU
	segment() (Enclosure, []byte)
	with(e Enclosure, data []byte) SPDU
}

// perSegment is the most that LIs of the long form and the user data's code add to a segment, in octets.
const perSegment = 6

// Segments encodes an SPDU into TSDUs of at most max octets (0: as many as an SPDU may have), cutting its user data where it must.
// One of category 2 gets the GT or PT that goes before it. Only version 2 may cut. The rest of a CN's data goes out with
// SplitConnect.
func Segments(p SPDU, max int) (tsdus [][]byte, err error) {
	whole := MaxSPDU
	if kinds[p.kind()].category == 2 {
		whole += len(emptyGT)
	}
	if max == 0 || max > whole {
		max = whole
	}
	s, ok := p.(segmentable)
	ok = ok && p.kind() != kindCN
	if ok {
		if _, data := s.segment(); len(data) > max {
			return cut(s, max) // no need to try
		}
	}
	b, err := AppendTSDU(nil, p)
	if err == nil && len(b) <= max {
		return [][]byte{b}, nil
	}
	if ok {
		return cut(s, max)
	}
	if err == nil {
		err = appendError(p.kind().String(), 0, "%d octets exceed the maximum size %d", len(b), max)
	}
	return nil, err
}

func cut(p segmentable, max int) (tsdus [][]byte, err error) {
	_, data := p.segment()
	e := First
	if p.kind() == kindCDO {
		e = Middle // CN was the beginning
	}
	for {
		head, err := AppendTSDU(nil, p.with(e, nil))
		if err != nil {
			return nil, err
		}
		room := max - len(head) - perSegment
		if room <= 0 {
			return nil, appendError(p.kind().String(), 0, "a TSDU of %d octets has no room for user data", max)
		}
		part := data[:min(room, len(data))]
		data = data[len(part):]
		if len(data) == 0 {
			if e == First {
				e = Only
			} else {
				e = Last
			}
		}
		b, err := AppendTSDU(nil, p.with(e, part))
		if err != nil {
			return nil, err
		}
		tsdus = append(tsdus, b)
		if len(data) == 0 {
			return tsdus, nil
		}
		e = Middle
	}
}

// SplitConnect divides the user data of a CN that are too long for it: rest is what CDO bring after the peer's OA (x225 2.10).
func SplitConnect(p CN) (cn CN, rest []byte) {
	if len(p.UserData) <= MaxConnectData {
		return p, nil
	}
	rest = p.UserData[MaxConnectData:]
	p.UserData, p.More = p.UserData[:MaxConnectData], true
	return p, rest
}

// Assembly puts the segments of an SPDU together, one SPDU after the other.
type Assembly struct {
	Limit int // most octets of user data that it gathers

	first segmentable
	data  []byte
}

// Add takes the next SPDU and returns the whole one, or nil while segments are outstanding. The whole one aliases p if it was
// not cut; if it was, the octets of the first segment must stay as they are until then. CDO are added to their CN.
//
// Between the segments there may be whole GT and PT, and SPDUs that have no segments. Those after which nothing that was sent before
// counts drop the segments there are: RS, AI, AD, ED, ER, AB. PR does not: what it announces may follow segments that are on
// their way (x225 2.10).
func (a *Assembly) Add(p SPDU) (whole SPDU, err error) {
	k := p.kind()
	s, ok := p.(segmentable)
	if !ok {
		if k == kindER {
			a.Reset()
		}
		return p, nil
	}
	e, data := s.segment()
	if a.first == nil && e == 0 {
		return p, nil
	}
	if a.first != nil && e.Begins() && a.first.kind() != k {
		switch k {
		case kindGT, kindPT:
			if e.Ends() {
				return s.with(0, data), nil
			}
		case kindRS, kindAI, kindAD, kindED, kindAB:
			a.Reset()
		}
	}
	switch {
	case a.first == nil && !e.Begins():
		return nil, outOfOrder(k, "%v segment without a first", e)
	case a.first == nil && e.Ends():
		return s.with(0, data), nil
	case a.first != nil && (e.Begins() || !continued(a.first.kind(), k)):
		first := a.first.kind()
		a.Reset()
		return nil, outOfOrder(k, "%v segment within a %v", e, first)
	}
	if len(data) > a.Limit-len(a.data) {
		a.Reset()
		return nil, errorf(Restricted, k, kinds[k].data, "more than %d octets", a.Limit)
	}
	if a.first == nil {
		a.first = s.with(First, nil).(segmentable)
	}
	a.data = append(a.data, data...)
	if !e.Ends() {
		return nil, nil
	}
	whole = a.first.with(0, slices.Clip(a.data))
	a.Reset()
	return whole, nil
}

func outOfOrder(k kind, format string, args ...any) error {
	e := errorf(BadValue, k, piEnclosure, format, args...)
	e.Clause = clauseSegments
	return e
}

// Pending tells whether segments are outstanding.
func (a *Assembly) Pending() bool { return a.first != nil }

// Reset drops what has been gathered.
func (a *Assembly) Reset() { a.first, a.data = nil, nil }

// continued tells whether an SPDU can go on with an SSDU. A segment of an AE that does looks like one of a MAP.
func continued(first, next kind) bool {
	return first == next || first == kindCN && next == kindCDO || first == kindAE && next == kindMAP
}
