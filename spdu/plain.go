package spdu

// plain is an SPDU that has user data and nothing else. The types of several are this one.
type plain struct {
	Enclosure Enclosure
	UserData  []byte
}

func (p *plain) units(c *coder) {
	c.begins(&p.Enclosure)
	if c.kind == kindCDO && p.Enclosure != Middle && p.Enclosure != Last {
		c.fail(BadValue, piEnclosure, "%v", p.Enclosure)
	}
	c.data(&p.UserData)
}

func (p plain) append(b []byte, k kind) ([]byte, error) {
	c := writing(b, k, len(p.UserData))
	p.units(&c)
	return c.end()
}

func parsePlain(b []byte, k kind) (p plain, n int, err error) {
	c := reading(b, k)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p plain) string(k kind) string { return newNotation(k).end(p.Enclosure, p.UserData) }
