package spdu

// GTC is the GIVE TOKENS CONFIRM SPDU, which gives all tokens that are available. It has user data in version 2 only. x225 2.5
type GTC struct {
	Enclosure Enclosure
	UserData  []byte
}

func (GTC) kind() kind { return kindGTC }

// AppendBinary appends the SPDU.
func (p GTC) AppendBinary(b []byte) ([]byte, error) { return plain(p).append(b, kindGTC) }

// ParseGTC parses a GTC at the start of b and returns how many octets it has.
func ParseGTC(b []byte) (GTC, int, error) {
	p, n, err := parsePlain(b, kindGTC)
	return GTC(p), n, err
}

func (p GTC) String() string { return plain(p).string(kindGTC) }

// GTA is the GIVE TOKENS ACK SPDU. x225 2.5
type GTA struct{}

func (GTA) kind() kind { return kindGTA }

// AppendBinary appends the SPDU.
func (GTA) AppendBinary(b []byte) ([]byte, error) { return append(b, byte(siGTA), 0), nil }

// ParseGTA parses a GTA at the start of b and returns how many octets it has.
func ParseGTA(b []byte) (GTA, int, error) {
	c := reading(b, kindGTA)
	n, err := c.done()
	return GTA{}, n, err
}

func (GTA) String() string { return "GTA()" }
