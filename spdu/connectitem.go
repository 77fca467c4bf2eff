package spdu

import "math/bits"

// ConnectItem is the connect/accept item (PGI 5), the part of CN and AC with which the two machines agree on the protocol.
type ConnectItem struct {
	ExtendedConcatenation bool     // able to receive extended concatenated SPDUs
	TSDUSize              TSDUSize // proposed in CN; in AC not larger
	Version               Version  // all those proposed in CN; one in AC
	Serial                Serial   // initial serial number
	TokenSetting          TokenSetting
	SecondSerial          Serial // symmetric synchronize only
	UpperLimit            uint8  // number of digits of the largest serial number, assumed to be in binary; 0 is absent and means 6
	LargeSerial           []byte // encoding of the next two unknown: passed through
	LargeSecond           []byte
}

// units reads or writes the item. X.225 wants options and version in it; an absent version means version 1, as it does when the
// whole item is absent, which old peers leave out.
func (p *ConnectItem) units(c *coder) {
	g, ok := c.group(pgiConnectAccept)
	if !ok {
		return
	}
	var options byte
	if p.ExtendedConcatenation {
		options = optionsExtConc
	}
	octet(&g, piOptions, &options)
	p.ExtendedConcatenation = options&optionsExtConc != 0
	g.tsduSize(&p.TSDUSize)
	g.version(&p.Version)
	switch {
	case c.kind == kindAC && bits.OnesCount8(uint8(p.Version)) != 1:
		g.fail(BadValue, piVersion, "version set %#x is not one version", uint8(p.Version))
	case !c.reading && (p.Version == 0 || p.Version&^versions != 0):
		g.fail(BadValue, piVersion, "version set %#x", uint8(p.Version))
	}
	g.serial(piSerial, &p.Serial)
	optional(&g, piTokenSetting, &p.TokenSetting) // absent: all at the initiator
	g.serial(piSecondInitial, &p.SecondSerial)
	optional(&g, piUpperLimit, &p.UpperLimit)
	g.octets(piLargeSerial, &p.LargeSerial, maxLargeSerial)
	g.octets(piLargeSecond, &p.LargeSecond, maxLargeSerial)
	c.endGroup(&g)
}

func (n *notation) connectItem(c *ConnectItem) {
	n.add("version=%d", uint8(c.Version))
	if c.ExtendedConcatenation {
		n.add("extconc")
	}
	n.tsduSize(c.TSDUSize)
	n.serial("sn", c.Serial)
	n.setting(c.TokenSetting, c.TokenSetting != 0)
	n.serial("sn2", c.SecondSerial)
	if c.UpperLimit != 0 {
		n.add("ulsn=%d", c.UpperLimit)
	}
	n.octets("large", c.LargeSerial)
	n.octets("large2", c.LargeSecond)
}
