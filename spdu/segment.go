package spdu

import "slices"

// segmentable is an SPDU, other than DT, whose user data may be cut into segments (x225 2.10).
type segmentable interface {
	SPDU
	name() string
	segment() (Enclosure, []byte)
	with(e Enclosure, data []byte) segmentable // without the parameters that the first segment alone has, if e is not that
}

func (p AC) name() string  { return "AC" }
func (p RF) name() string  { return "RF" }
func (p FN) name() string  { return "FN" }
func (p DN) name() string  { return "DN" }
func (p NF) name() string  { return "NF" }
func (p AB) name() string  { return "AB" }
func (p CN) name() string  { return "CN" }
func (p CDO) name() string { return "CDO" }

func (p AC) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p RF) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p FN) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p DN) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p NF) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p AB) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p CDO) segment() (Enclosure, []byte) { return p.Enclosure, p.UserData }

// segment of a CN tells that CDO follow: to the assembly it is the first segment.
func (p CN) segment() (Enclosure, []byte) {
	if p.More {
		return First, p.UserData
	}
	return 0, p.UserData
}

func (p AC) with(e Enclosure, data []byte) segmentable {
	if e.continues() {
		p = AC{}
	}
	p.Enclosure, p.UserData = e, data
	return p
}

func (p RF) with(e Enclosure, data []byte) segmentable {
	if e.continues() {
		p = RF{}
	}
	p.Enclosure, p.UserData = e, data
	return p
}

func (p FN) with(e Enclosure, data []byte) segmentable {
	if e.continues() {
		p = FN{}
	}
	p.Enclosure, p.UserData = e, data
	return p
}

func (p AB) with(e Enclosure, data []byte) segmentable {
	if e.continues() {
		p = AB{}
	}
	p.Enclosure, p.UserData = e, data
	return p
}

func (p DN) with(e Enclosure, data []byte) segmentable  { return DN{e, data} }
func (p NF) with(e Enclosure, data []byte) segmentable  { return NF{e, data} }
func (p CDO) with(e Enclosure, data []byte) segmentable { return CDO{e, data} }

func (p CN) with(_ Enclosure, data []byte) segmentable {
	p.More, p.UserData = false, data
	return p
}

// perSegment is the most that LIs of the long form and the user data's code add to a segment, in octets.
const perSegment = 6

// Segments encodes an SPDU into TSDUs of at most max octets (0: as many as an SPDU may have), cutting its user data where it must.
// Only version 2 may cut. The rest of a CN's data goes out with SplitConnect.
func Segments(p SPDU, max int) (tsdus [][]byte, err error) {
	if max == 0 || max > maxSPDU {
		max = maxSPDU
	}
	s, ok := p.(segmentable)
	if ok {
		if _, data := s.segment(); len(data) > max {
			return cut(s, max) // no need to try
		}
	}
	b, err := p.AppendBinary(nil)
	if err == nil && len(b) <= max {
		return [][]byte{b}, nil
	}
	if !ok {
		if err == nil {
			err = appendError("TSDU", 0, "%v exceeds the maximum size %d", p, max)
		}
		return nil, err
	}
	if _, isCN := p.(CN); isCN {
		if err == nil {
			err = appendError("CN", 0, "%d octets exceed the maximum size %d", len(b), max)
		}
		return nil, err
	}
	return cut(s, max)
}

func cut(p segmentable, max int) (tsdus [][]byte, err error) {
	_, data := p.segment()
	e := First
	if _, ok := p.(CDO); ok {
		e = Middle // CN was the beginning
	}
	for {
		head, err := p.with(e, nil).AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		room := max - len(head) - perSegment
		if room <= 0 {
			return nil, appendError(p.name(), 0, "a TSDU of %d octets has no room for user data", max)
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
		b, err := p.with(e, part).AppendBinary(nil)
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
func (a *Assembly) Add(p SPDU) (whole SPDU, err error) {
	s, ok := p.(segmentable)
	if !ok {
		return p, nil
	}
	e, data := s.segment()
	if a.first == nil {
		if !e.Begins() {
			return nil, errorf(BadValue, s.name(), piEnclosure, "%v segment without a first", e)
		}
		if e.Ends() {
			return s.with(0, data), nil
		}
	} else if !continued(a.first, s) || e.Begins() {
		err := errorf(BadValue, s.name(), piEnclosure, "%v segment within a %s", e, a.first.name())
		a.Reset()
		return nil, err
	}
	if len(data) > a.Limit-len(a.data) {
		a.Reset()
		return nil, errorf(TooLong, s.name(), pgiUserData, "more than %d octets", a.Limit)
	}
	if a.first == nil {
		a.first = s.with(First, nil)
	}
	a.data = append(a.data, data...)
	if !e.Ends() {
		return nil, nil
	}
	whole = a.first.with(0, slices.Clip(a.data))
	a.Reset()
	return whole, nil
}

// Pending tells whether segments are outstanding.
func (a *Assembly) Pending() bool { return a.first != nil }

// Reset drops what has been gathered.
func (a *Assembly) Reset() { a.first, a.data = nil, nil }

func continued(first, next segmentable) bool {
	if first.name() == "CN" {
		return next.name() == "CDO"
	}
	return first.name() == next.name()
}

// CheckVersion tells whether an SPDU received keeps to the limits of the protocol version agreed: the length of user data,
// and no segments but DT's in version 1 (x225 2.10). Some peers send more than 9 octets in an AB of version 1: up to 512 pass.
func CheckVersion(p SPDU, v Version) error {
	limit := maxLI
	if v == Version1 {
		limit = MaxUserDataV1
	}
	var s segmentable
	switch p := p.(type) {
	case GT:
		return checkTokens("GT", v, 0, p.Enclosure, p.UserData)
	case PT:
		return checkTokens("PT", v, MaxUserDataV1, p.Enclosure, p.UserData)
	case CN, CDO:
		return nil // checked by their own rules, before a version is agreed
	case segmentable:
		s = p
	default:
		return nil
	}
	e, data := s.segment()
	if _, ok := p.(AB); ok && v != Version1 {
		limit = MaxAbortData
	}
	if v == Version1 && e.Present() {
		return errorf(Misplaced, s.name(), piEnclosure, "in version 1")
	}
	if len(data) > limit {
		return errorf(TooLong, s.name(), pgiUserData, "length %d exceeds %d", len(data), limit)
	}
	return nil
}

func checkTokens(pdu string, v Version, limit int, e Enclosure, data []byte) error {
	if v != Version1 {
		return nil
	}
	if e.Present() {
		return errorf(Misplaced, pdu, piEnclosure, "in version 1")
	}
	if len(data) > limit {
		return errorf(TooLong, pdu, pgiUserData, "length %d exceeds %d", len(data), limit)
	}
	return nil
}
