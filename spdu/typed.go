package spdu

// TD is the TYPED DATA SPDU without its user information, which follows it up to the end of the TSDU, as with DT. x225 2.5
type TD struct {
	Enclosure Enclosure
}

func (TD) kind() kind { return kindTD }

// AppendBinary appends the SPDU's octets before the user information.
func (p TD) AppendBinary(b []byte) ([]byte, error) { return head(p).append(b, kindTD) }

// ParseTD parses a TD at the start of b and returns how many octets it has before the user information.
func ParseTD(b []byte) (TD, int, error) {
	p, n, err := parseHead(b, kindTD)
	return TD(p), n, err
}

func (p TD) String() string { return newNotation(kindTD).end(p.Enclosure, nil) }
