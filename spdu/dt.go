package spdu

// DT is the DATA TRANSFER SPDU without its user information, which follows it up to the end of the TSDU. x225 2.5
type DT struct {
	Enclosure Enclosure
}

// Heads that a DT has in a TSDU: the header GT without tokens, and itself. X.225 asks for exactly these octets.
var (
	WholeHead = [4]byte{byte(siGT), 0, byte(siDT), 0}
	segHead   = [7]byte{byte(siGT), 0, byte(siDT), 3, byte(piEnclosure), 1, 0}
)

// SegmentHeadSize is the size of the head of a TSDU with a segment of an SSDU, in octets (x225 3.3).
const SegmentHeadSize = len(segHead)

// SegmentHead returns the head of a TSDU with a segment of an SSDU.
func SegmentHead(e Enclosure) [SegmentHeadSize]byte {
	h := segHead
	h[SegmentHeadSize-1] = e.octet()
	return h
}

// AppendBinary appends the SPDU's octets before the user information.
func (p DT) AppendBinary(b []byte) ([]byte, error) {
	w := newWriter(b, "DT", siDT)
	w.enclosure(p.Enclosure)
	return w.finish()
}

var dtUnits = setOf(piEnclosure)

// ParseDT parses a DT at the start of b and returns how many octets it has before the user information.
func ParseDT(b []byte) (p DT, n int, err error) {
	if header(b, siDT) {
		return DT{}, 2, nil
	}
	u := units{pdu: "DT", spdu: b, legal: &dtUnits}
	if u.b, n, err = open("DT", siDT, b); err != nil {
		return DT{}, 0, err
	}
	for {
		_, v, ok, err := u.next()
		if err != nil {
			return DT{}, 0, err
		}
		if !ok {
			return p, n, nil
		}
		if p.Enclosure, err = u.enclosure(v); err != nil {
			return DT{}, 0, err
		}
	}
}

func (p DT) String() string {
	n := newNotation("DT")
	n.enclosure(p.Enclosure)
	return n.end()
}
