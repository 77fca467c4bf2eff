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

// AppendBinary appends the SPDU.
func (p RF) AppendBinary(b []byte) ([]byte, error) {
	w := newWriter(b, "RF", siRF)
	if !p.Enclosure.continues() {
		p.ID.append(&w, piCalledRef)
		w.octet(piDisconnect, disconnect(p.Keep))
		if p.HasUnits {
			w.uint16(piRequirements, uint16(p.Units))
		}
		if p.Version != 0 {
			w.octet(piVersion, byte(p.Version))
		}
	}
	w.enclosure(p.Enclosure)
	if p.Enclosure.continues() {
		w.unit(piReason, p.UserData, maxLI)
		return w.finish()
	}
	if len(p.UserData) > 0 && p.Reason != RefusedWithData {
		w.fail(piReason, "user data with reason %d", uint8(p.Reason))
	}
	at := w.open(piReason)
	w.b = append(w.b, byte(p.Reason))
	w.b = append(w.b, p.UserData...)
	w.close(at)
	return w.finish()
}

func disconnect(keep bool) byte {
	if keep {
		return 0
	}
	return bitReleased
}

var rfUnits = setOf(pgiConnectionID, piDisconnect, piRequirements, piVersion, piEnclosure, piReason)

// ParseRF parses an RF at the start of b and returns how many octets it has. An absent PI 17 means released and an absent
// PI 50 reason 0 (x225 2.7, 2.9); user data are read with any reason.
func ParseRF(b []byte) (p RF, n int, err error) {
	u := units{pdu: "RF", spdu: b, legal: &rfUnits}
	if u.b, n, err = open("RF", siRF, b); err != nil {
		return RF{}, 0, err
	}
	var reason []byte
	for {
		c, v, ok, err := u.next()
		if err != nil {
			return RF{}, 0, err
		}
		if !ok {
			break
		}
		var o byte
		switch c {
		case pgiConnectionID:
			err = p.ID.parse(u.group(v, &calledID))
		case piDisconnect:
			o, err = u.octet(c, v)
			p.Keep = o&bitReleased == 0
		case piRequirements:
			var r uint16
			r, err = u.uint16(c, v)
			p.Units, p.HasUnits = Units(r), true
		case piVersion:
			o, err = u.octet(c, v)
			p.Version = Version(o) & versions
		case piEnclosure:
			p.Enclosure, err = u.enclosure(v)
		case piReason:
			reason = v
		}
		if err != nil {
			return RF{}, 0, err
		}
	}
	if p.Enclosure.continues() {
		return RF{Enclosure: p.Enclosure, UserData: reason}, n, u.only(piEnclosure, piReason)
	}
	if len(reason) > 0 {
		p.Reason = RefuseReason(reason[0])
		p.UserData = reason[1:]
	}
	if len(p.UserData) == 0 {
		p.UserData = nil
	}
	return p, n, nil
}

func (p RF) String() string {
	n := newNotation("RF")
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
	n.enclosure(p.Enclosure)
	n.data(p.UserData)
	return n.end()
}

func keep(k bool) string {
	if k {
		return "keep"
	}
	return "released"
}
