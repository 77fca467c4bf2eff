package spdu

// DT is the DATA TRANSFER SPDU without its user information, which follows it up to the end of the TSDU. x225 2.5
type DT struct {
	Enclosure Enclosure
}

// Heads that a DT has in a TSDU: the header GT without tokens, and itself. X.225 asks for exactly these octets.
var (
	WholeHead = [4]byte{byte(siGT), 0, byte(siDT), 0}
	emptyGT   = [2]byte{byte(siGT), 0}
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

func (DT) kind() kind { return kindDT }

// AppendBinary appends the SPDU's octets before the user information.
func (p DT) AppendBinary(b []byte) ([]byte, error) { return head(p).append(b, kindDT) }

// ParseDT parses a DT at the start of b and returns how many octets it has before the user information.
func ParseDT(b []byte) (DT, int, error) {
	p, n, err := parseHead(b, kindDT)
	return DT(p), n, err
}

func (p DT) String() string { return newNotation(kindDT).end(p.Enclosure, nil) }

// head is what DT and TD are.
type head struct {
	Enclosure Enclosure
}

func (p head) append(b []byte, k kind) ([]byte, error) {
	c := writing(b, k, 0)
	c.begins(&p.Enclosure)
	return c.end()
}

func parseHead(b []byte, k kind) (p head, n int, err error) {
	if header(b, kinds[k].si) {
		return p, 2, nil
	}
	c := reading(b, k)
	c.begins(&p.Enclosure)
	n, err = c.done()
	return p, n, err
}
