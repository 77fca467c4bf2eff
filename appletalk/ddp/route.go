package ddp

// Cable is what a node that is no router knows of the network it is on. IA2 ch. 4, P2
type Cable struct {
	Extended bool
	Range    Range // nonextended: its number twice, 0 while it is not known; extended without a router: 0 to LastStartup
	Router   Addr  // A-ROUTER; node 0 if none is known
}

// Way says what becomes of a datagram that a node sends.
type Way uint8

// The ways.
const (
	Direct    Way = iota // to the node on this cable
	ViaRouter            // to A-ROUTER, with the long header
	NoRouter             // there is no way
)

// Way is whom a node sends a datagram for a network to.
func (c *Cable) Way(net uint16) Way {
	direct := net == 0
	if c.Extended {
		direct = direct || c.Range.Has(net) || IsStartup(net)
	} else {
		direct = direct || net == c.Range.First || c.Range.First == 0
	}
	switch {
	case direct:
		return Direct
	case c.Router.Node == 0:
		return NoRouter
	}
	return ViaRouter
}

// Accepts reports whether a datagram for dst is for the node self on the cable, or for all on it. IA2 ch. 4
func (c *Cable) Accepts(self, dst Addr) bool {
	if !c.Extended {
		return (dst.Node == self.Node || dst.Node == Broadcast) && SameNet(self.Net, dst.Net)
	}
	if dst.Node == Broadcast {
		return dst.Net == 0 || dst.Net == self.Net
	}
	return dst == self
}
