package dissect

import "github.com/tenuto-session/tenuto/spdu"

// enclosureOf is how an SPDU is cut: whole, if it cannot be. A CN with more to follow is the first segment of what CDO go on with.
func enclosureOf(p spdu.SPDU) spdu.Enclosure {
	switch p := p.(type) {
	case spdu.CN:
		if p.More {
			return spdu.First
		}
	case spdu.CDO:
		return p.Enclosure
	case spdu.AC:
		return p.Enclosure
	case spdu.RF:
		return p.Enclosure
	case spdu.FN:
		return p.Enclosure
	case spdu.DN:
		return p.Enclosure
	case spdu.NF:
		return p.Enclosure
	case spdu.AB:
		return p.Enclosure
	case spdu.DT:
		return p.Enclosure
	case spdu.TD:
		return p.Enclosure
	case spdu.GT:
		return p.Enclosure
	case spdu.PT:
		return p.Enclosure
	case spdu.GTC:
		return p.Enclosure
	case spdu.MIP:
		return p.Enclosure
	case spdu.MIA:
		return p.Enclosure
	case spdu.MAP:
		return p.Enclosure
	case spdu.AE:
		return p.Enclosure
	case spdu.MAA:
		return p.Enclosure
	case spdu.RS:
		return p.Enclosure
	case spdu.RA:
		return p.Enclosure
	case spdu.AS:
		return p.Enclosure
	case spdu.AR:
		return p.Enclosure
	case spdu.AI:
		return p.Enclosure
	case spdu.AIA:
		return p.Enclosure
	case spdu.AD:
		return p.Enclosure
	case spdu.ADA:
		return p.Enclosure
	case spdu.CD:
		return p.Enclosure
	case spdu.CDA:
		return p.Enclosure
	case spdu.ED:
		return p.Enclosure
	}
	return 0
}
