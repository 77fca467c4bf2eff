package spdu

// MaxExpeditedData is the most user information that EX has, in octets; the least is 1 (x225 2.10).
const MaxExpeditedData = 14

// EX is the EXPEDITED DATA SPDU with its user information, which is all of the TSDU that follows. x225 2.5
type EX struct {
	UserData []byte
}

func (EX) kind() kind { return kindEX }

// AppendBinary appends the SPDU.
func (p EX) AppendBinary(b []byte) ([]byte, error) {
	if n := len(p.UserData); n == 0 || n > MaxExpeditedData {
		return b, appendError("EX", 0, "user information of %d octets is not 1 to %d", n, MaxExpeditedData)
	}
	return append(append(b, byte(siEX), 0), p.UserData...), nil
}

// ParseEX parses an EX, which is all of b, and returns how many octets it has.
func ParseEX(b []byte) (p EX, n int, err error) {
	c := reading(b, kindEX)
	n, err = c.done()
	if err != nil {
		return p, n, err
	}
	p.UserData = b[n:]
	if n := len(p.UserData); n == 0 || n > MaxExpeditedData {
		c.fail(BadLength, 0, "user information of %d octets is not 1 to %d", n, MaxExpeditedData)
		return p, 0, c.err
	}
	return p, len(b), nil
}

func (p EX) String() string { return newNotation(kindEX).end(0, p.UserData) }
