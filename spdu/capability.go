package spdu

// CD is the CAPABILITY DATA SPDU. x225 2.5
type CD struct {
	Enclosure Enclosure
	UserData  []byte
}

func (CD) kind() kind { return kindCD }

// AppendBinary appends the SPDU.
func (p CD) AppendBinary(b []byte) ([]byte, error) { return plain(p).append(b, kindCD) }

// ParseCD parses a CD at the start of b and returns how many octets it has.
func ParseCD(b []byte) (CD, int, error) {
	p, n, err := parsePlain(b, kindCD)
	return CD(p), n, err
}

func (p CD) String() string { return plain(p).string(kindCD) }

// CDA is the CAPABILITY DATA ACK SPDU. x225 2.5
type CDA struct {
	Enclosure Enclosure
	UserData  []byte
}

func (CDA) kind() kind { return kindCDA }

// AppendBinary appends the SPDU.
func (p CDA) AppendBinary(b []byte) ([]byte, error) { return plain(p).append(b, kindCDA) }

// ParseCDA parses a CDA at the start of b and returns how many octets it has.
func ParseCDA(b []byte) (CDA, int, error) {
	p, n, err := parsePlain(b, kindCDA)
	return CDA(p), n, err
}

func (p CDA) String() string { return plain(p).string(kindCDA) }
