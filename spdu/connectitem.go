package spdu

// ConnectItem is the connect/accept item (PGI 5), the part of CN and AC with which the two machines agree on the protocol.
type ConnectItem struct {
	ExtendedConcatenation bool     // able to receive extended concatenated SPDUs
	TSDUSize              TSDUSize // proposed in CN; in AC not larger
	Version               Version  // all those proposed in CN; one in AC
	Serial                Serial   // initial serial number
	TokenSetting          TokenSetting
	SecondSerial          Serial // symmetric synchronize only
	UpperLimit            uint8  // number of digits of the largest serial number; 0 is absent and means 6
	LargeSerial           []byte // encoding of the next two unknown: passed through
	LargeSecond           []byte
}

var connectItem = setOf(piOptions, piTSDUSize, piVersion, piSerial, piTokenSetting, piSecondInitial, piUpperLimit,
	piLargeSerial, piLargeSecond)

func (c *ConnectItem) append(w *writer) {
	at := w.open(pgiConnectAccept)
	var options byte
	if c.ExtendedConcatenation {
		options = optionsExtConc
	}
	w.octet(piOptions, options)
	w.tsduSize(c.TSDUSize)
	if c.Version == 0 || c.Version&^versions != 0 {
		w.fail(piVersion, "version set %#x", uint8(c.Version))
	}
	w.octet(piVersion, byte(c.Version))
	w.serial(piSerial, c.Serial)
	if c.TokenSetting != 0 { // absent: all at the initiator
		w.octet(piTokenSetting, byte(c.TokenSetting))
	}
	w.serial(piSecondInitial, c.SecondSerial)
	if c.UpperLimit != 0 {
		w.octet(piUpperLimit, c.UpperLimit)
	}
	w.unit(piLargeSerial, c.LargeSerial, maxLargeSerial)
	w.unit(piLargeSecond, c.LargeSecond, maxLargeSerial)
	w.close(at)
}

// parse reads the item. X.225 wants options and version in it; an absent version means version 1, as it does when the
// whole item is absent, which old peers leave out.
func (c *ConnectItem) parse(u units) error {
	for {
		p, v, ok, err := u.next()
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		var o byte
		switch p {
		case piOptions:
			o, err = u.octet(p, v)
			c.ExtendedConcatenation = o&optionsExtConc != 0
		case piTSDUSize:
			c.TSDUSize, err = u.tsduSize(v)
		case piVersion:
			o, err = u.octet(p, v)
			c.Version = Version(o) & versions // "reserved, ignored on receipt"
		case piSerial:
			c.Serial, err = u.serial(p, v)
		case piTokenSetting:
			o, err = u.octet(p, v)
			c.TokenSetting = TokenSetting(o)
		case piSecondInitial:
			c.SecondSerial, err = u.serial(p, v)
		case piUpperLimit:
			c.UpperLimit, err = u.octet(p, v)
		case piLargeSerial:
			c.LargeSerial, err = u.upTo(p, v, maxLargeSerial)
		case piLargeSecond:
			c.LargeSecond, err = u.upTo(p, v, maxLargeSerial)
		}
		if err != nil {
			return err
		}
	}
}

func (n *notation) connectItem(c *ConnectItem) {
	n.add("version=%d", uint8(c.Version))
	if c.ExtendedConcatenation {
		n.add("extconc")
	}
	if c.TSDUSize != (TSDUSize{}) {
		n.add("TSDU=%d/%d", c.TSDUSize.ToResponder, c.TSDUSize.ToInitiator)
	}
	if c.Serial.Present {
		n.add("sn=%d", c.Serial.N)
	}
	if c.TokenSetting != 0 {
		n.add("setting=%#02x", uint8(c.TokenSetting))
	}
	if c.SecondSerial.Present {
		n.add("sn2=%d", c.SecondSerial.N)
	}
	if c.UpperLimit != 0 {
		n.add("ulsn=%d", c.UpperLimit)
	}
	n.octets("large", c.LargeSerial)
	n.octets("large2", c.LargeSecond)
}
