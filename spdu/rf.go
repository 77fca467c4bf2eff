package spdu

// RF is the REFUSE SPDU. Its user data travel in PI 50 behind the reason, not in PGI 193 (x225 2.5). In a segment that continues
// an RF, PI 50 holds user data alone: the standard's text for it was not seen.
type RF struct {
	ID        ConnectionID
	Keep      bool // the transport connection is kept
	Units     Units
	HasUnits  bool
	Version   Version // 0 is absent
	Enclosure Enclosure
	Reason    RefuseReason
	UserData  []byte // with RefusedWithData only
}

func (RF) kind() kind { return kindRF }

func (p *RF) units(c *coder) {
	if !c.begins(&p.Enclosure) {
		c.data(&p.UserData)
		return
	}
	c.id(&p.ID, piCalledRef)
	c.disconnect(&p.Keep)
	if c.reading || p.HasUnits {
		p.HasUnits = c.requirements(&p.Units)
	}
	if c.reading || p.Version != 0 {
		c.version(&p.Version)
	}
	if c.reading {
		if v, ok := c.take(piReason); ok && len(v) > 0 {
			p.Reason = RefuseReason(v[0])
			if len(v) > 1 {
				p.UserData = v[1:]
			}
		}
		return
	}
	if len(p.UserData) > 0 && p.Reason != RefusedWithData {
		c.fail(BadValue, piReason, "user data with reason %d", uint8(p.Reason))
	}
	at := c.open(piReason)
	c.b = append(c.b, byte(p.Reason))
	c.b = append(c.b, p.UserData...)
	c.close(at)
}

// AppendBinary appends the SPDU.
func (p RF) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindRF, len(p.UserData))
	p.units(&c)
	return c.end()
}

// ParseRF parses an RF at the start of b and returns how many octets it has. An absent PI 17 means released and an absent
// PI 50 reason 0 (x225 2.7, 2.9); user data are read with any reason.
func ParseRF(b []byte) (p RF, n int, err error) {
	c := reading(b, kindRF)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p RF) String() string {
	n := newNotation(kindRF)
	if !p.Enclosure.continues() {
		n.id(&p.ID)
		n.add("%s", keep(p.Keep))
		if p.HasUnits {
			n.add("FU=%v", p.Units)
		}
		if p.Version != 0 {
			n.add("version=%d", uint8(p.Version))
		}
		n.add("reason=%d", uint8(p.Reason))
	}
	return n.end(p.Enclosure, p.UserData)
}

func keep(k bool) string {
	if k {
		return "keep"
	}
	return "released"
}
