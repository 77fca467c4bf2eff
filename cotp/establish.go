package cotp

import "bytes"

// Connect is the T-CONNECT request: the CR to be sent. X.224 (11/95) 6.5
//
// What is at its default is not said, since some responders refuse what they do not know: iec61850bean takes no parameters but the
// size and the selectors, and ISODE takes a size of 65531 for 65536 (x225 5.3, 7).
func (m *Machine) Connect() CR {
	if m.Role != Initiator || m.State != Idle {
		panic("BUG: cotp: Connect while " + m.State.String())
	}
	m.State = AwaitCC
	return CR{SrcRef: m.Ref, Calling: m.Offer.Calling, Called: m.Offer.Called, Size: m.Offer.said(),
		HasOptions: m.Offer.Expedited, Options: options(m.Offer.Expedited)}
}

// said is the size as it stands in CR.
func (o Offer) said() Size {
	if o.Size == Size65531 {
		return 0
	}
	return o.Size
}

func options(expedited bool) Options {
	if expedited {
		return OptionExpedited
	}
	return 0
}

// requested takes a CR. Its reference for us should be zero; like ISODE and libiec61850 we do not look at it.
func (m *Machine) requested(cr Connect) Effect {
	m.Peer = cr.clone()
	m.State = AwaitResponse
	// X.224 (11/95) 6.5.5: class 0 may answer class 1 too, and what has one of the two as an alternative.
	if cr.Class > 1 && !cr.Alternatives.Has(0) && !cr.Alternatives.Has(1) {
		return Effect{Kind: EffectUnacceptable, Reason: ReasonNegotiation}
	}
	m.Expedited = m.Offer.Expedited && cr.HasOptions && cr.Options&OptionExpedited != 0
	m.Size = smaller(m.Offer.Size, cr.limit())
	return Effect{Kind: EffectIndication}
}

// limit is the largest TPDU that the sender of a CR or CC takes. The preferred maximum size is understood but not answered in its own
// terms, which only RFC 2126 asks for.
func (p *Connect) limit() Size {
	if p.Preferred > 0 {
		return smaller(p.Size, SizeOf(p.Preferred))
	}
	return p.Size
}

// smaller is the smaller of two sizes, of which 0 is the largest.
func smaller(a, b Size) Size {
	if a.Octets() < b.Octets() {
		return a
	}
	return b
}

// Accept is the T-CONNECT response: the CC to be sent. It repeats the selectors of CR, and says no more than CR has asked for.
func (m *Machine) Accept() CC {
	if m.State != AwaitResponse {
		panic("BUG: cotp: Accept while " + m.State.String())
	}
	m.State = Open
	cc := CC{DstRef: m.Peer.SrcRef, SrcRef: m.Ref, Calling: m.Peer.Calling, Called: m.Peer.Called, HasOptions: m.Peer.HasOptions,
		Options: options(m.Expedited)}
	if cc.Size = m.Size; m.Peer.Size == 0 && m.Size == Size65531 {
		cc.Size = 0
	}
	return cc
}

// Refuse is the T-DISCONNECT request that answers a T-CONNECT indication: the DR to be sent, after which the network connection
// is ended.
func (m *Machine) Refuse(r Reason) DR {
	if m.State != AwaitResponse {
		panic("BUG: cotp: Refuse while " + m.State.String())
	}
	m.State = Closed
	return DR{DstRef: m.Peer.SrcRef, Reason: r} // no reference of ours: there is no connection. X.224 (11/95) 6.6
}

// confirmed takes a CC. Lax is: a size above the one that was asked for, and options that were not, which then do not hold.
func (m *Machine) confirmed(cc Connect, packet []byte) (e Effect, err error) {
	tpdu := packet[tpktSize:]
	m.Peer = cc.clone()
	switch {
	case cc.DstRef != m.Ref:
		return e, wrong(tpdu, 3, CauseParameter, "reference %04x is not %04x", cc.DstRef, m.Ref)
	case cc.Class != 0:
		return e, wrong(tpdu, 6, CauseParameter, "class %d answers class 0", cc.Class)
	}
	m.Size = smaller(m.Offer.Size, cc.limit())
	m.Expedited = m.Offer.Expedited && cc.HasOptions && cc.Options&OptionExpedited != 0
	m.State = Open
	return Effect{Kind: EffectConfirm}, nil
}

// clone frees what aliases a packet from it.
func (p Connect) clone() Connect {
	p.Calling, p.Called, p.UserData = bytes.Clone(p.Calling), bytes.Clone(p.Called), bytes.Clone(p.UserData)
	return p
}
