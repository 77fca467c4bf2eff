package spdu

// CheckVersion tells whether an SPDU received keeps to the limits of the protocol version agreed: the length of user data,
// and no segments but DT's in version 1 (x225 2.10). Some peers send more than 9 octets in an AB of version 1: up to 512 pass.
func CheckVersion(p SPDU, v Version) error {
	k := p.kind()
	s, ok := p.(segmentable)
	if !ok || k == kindCN || k == kindCDO { // those are checked by their own rules, before a version is agreed
		return nil
	}
	e, data := s.segment()
	limit := maxLI
	switch {
	case v == Version1 && e.Present():
		return errorf(Misplaced, k, piEnclosure, "in version 1")
	case v == Version1:
		limit = kinds[k].limit
	case k == kindAB:
		limit = MaxAbortData
	}
	if len(data) > limit {
		return errorf(TooLong, k, kinds[k].data, "length %d exceeds %d", len(data), limit)
	}
	return nil
}
