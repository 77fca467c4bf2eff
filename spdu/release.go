package spdu

// FN is the FINISH SPDU. x225 2.5
type FN struct {
	Keep      bool // the transport connection is kept
	Enclosure Enclosure
	UserData  []byte
}

// AppendBinary appends the SPDU.
func (p FN) AppendBinary(b []byte) ([]byte, error) {
	w := newWriter(b, "FN", siFN)
	if !p.Enclosure.continues() {
		w.octet(piDisconnect, disconnect(p.Keep))
	}
	w.enclosure(p.Enclosure)
	w.unit(pgiUserData, p.UserData, maxLI)
	return w.finish()
}

// ParseFN parses an FN at the start of b and returns how many octets it has. An absent PI 17 means released (x225 2.7).
func ParseFN(b []byte) (FN, int, error) {
	p, n, err := parseBody("FN", siFN, &fnUnits, b)
	if err != nil {
		return FN{}, 0, err
	}
	return FN{p.disconnect&bitReleased == 0, p.enclosure, p.data}, n, nil
}

func (p FN) String() string {
	n := newNotation("FN")
	if !p.Enclosure.continues() {
		n.add("%s", keep(p.Keep))
	}
	n.enclosure(p.Enclosure)
	n.data(p.UserData)
	return n.end()
}

// DN is the DISCONNECT SPDU. x225 2.5
type DN struct {
	Enclosure Enclosure
	UserData  []byte
}

// AppendBinary appends the SPDU.
func (p DN) AppendBinary(b []byte) ([]byte, error) {
	w := newWriter(b, "DN", siDN)
	w.enclosure(p.Enclosure)
	w.unit(pgiUserData, p.UserData, maxLI)
	return w.finish()
}

// ParseDN parses a DN at the start of b and returns how many octets it has.
func ParseDN(b []byte) (DN, int, error) {
	p, n, err := parseBody("DN", siDN, &dnUnits, b)
	return DN{p.enclosure, p.data}, n, err
}

func (p DN) String() string {
	n := newNotation("DN")
	n.enclosure(p.Enclosure)
	n.data(p.UserData)
	return n.end()
}

// NF is the NOT FINISHED SPDU. x225 2.5
type NF struct {
	Enclosure Enclosure
	UserData  []byte
}

// AppendBinary appends the SPDU.
func (p NF) AppendBinary(b []byte) ([]byte, error) {
	w := newWriter(b, "NF", siNF)
	w.enclosure(p.Enclosure)
	w.unit(pgiUserData, p.UserData, maxLI)
	return w.finish()
}

// ParseNF parses an NF at the start of b and returns how many octets it has.
func ParseNF(b []byte) (NF, int, error) {
	p, n, err := parseBody("NF", siNF, &dnUnits, b)
	return NF{p.enclosure, p.data}, n, err
}

func (p NF) String() string {
	n := newNotation("NF")
	n.enclosure(p.Enclosure)
	n.data(p.UserData)
	return n.end()
}
