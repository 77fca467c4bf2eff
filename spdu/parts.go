package spdu

// What the SPDUs that may be cut into segments have in common: each says what it carries, and makes one of its kind that carries
// something else. A segment that goes on with an SSDU is sent without the other parameters, whatever they are.

// segment of a CN tells that CDO follow: to the assembly it is the first segment.
func (p CN) segment() (Enclosure, []byte) {
	if p.More {
		return First, p.UserData
	}
	return 0, p.UserData
}

func (p CN) with(_ Enclosure, data []byte) SPDU {
	p.More, p.UserData = false, data
	return p
}

func (p AC) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p RF) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p FN) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p AB) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p GT) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p PT) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p DN) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p NF) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p CDO) segment() (Enclosure, []byte) { return p.Enclosure, p.UserData }
func (p MIP) segment() (Enclosure, []byte) { return p.Enclosure, p.UserData }
func (p MIA) segment() (Enclosure, []byte) { return p.Enclosure, p.UserData }
func (p MAP) segment() (Enclosure, []byte) { return p.Enclosure, p.UserData }
func (p AE) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p MAA) segment() (Enclosure, []byte) { return p.Enclosure, p.UserData }
func (p RS) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p RA) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p AS) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p AR) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p ED) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p AI) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p AIA) segment() (Enclosure, []byte) { return p.Enclosure, p.UserData }
func (p AD) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p ADA) segment() (Enclosure, []byte) { return p.Enclosure, p.UserData }
func (p CD) segment() (Enclosure, []byte)  { return p.Enclosure, p.UserData }
func (p CDA) segment() (Enclosure, []byte) { return p.Enclosure, p.UserData }
func (p GTC) segment() (Enclosure, []byte) { return p.Enclosure, p.UserData }

func (p AC) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p RF) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p FN) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p AB) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p GT) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p PT) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p DN) with(e Enclosure, data []byte) SPDU  { return DN{e, data} }
func (p NF) with(e Enclosure, data []byte) SPDU  { return NF{e, data} }
func (p CDO) with(e Enclosure, data []byte) SPDU { return CDO{e, data} }

func (p MIP) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p MIA) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p MAP) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p AE) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p MAA) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p RS) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p RA) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p AS) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p AR) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p ED) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p AI) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p AIA) with(e Enclosure, data []byte) SPDU { return AIA{e, data} }
func (p AD) with(e Enclosure, data []byte) SPDU {
	p.Enclosure, p.UserData = e, data
	return p
}

func (p ADA) with(e Enclosure, data []byte) SPDU { return ADA{e, data} }
func (p CD) with(e Enclosure, data []byte) SPDU  { return CD{e, data} }
func (p CDA) with(e Enclosure, data []byte) SPDU { return CDA{e, data} }
func (p GTC) with(e Enclosure, data []byte) SPDU { return GTC{e, data} }
