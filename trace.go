package tenuto

import "github.com/tenuto-session/tenuto/spdu"

// traceSent tells Config.Trace of what is in a TSDU that is sent, or of the head of one with user information.
func (s *Session) traceSent(tsdu []byte, expedited bool) {
	if s.trace == nil || len(tsdu) == 0 {
		return
	}
	pdus, _, err := spdu.Parse(tsdu)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	for _, p := range pdus {
		if !bare(p) {
			s.trace(Trace{Sent: true, Expedited: expedited, SPDU: p})
		}
	}
}

func (s *Session) traceReceived(p spdu.SPDU, expedited bool) {
	if s.trace != nil && !bare(p) {
		s.trace(Trace{Expedited: expedited, SPDU: p})
	}
}

// bare tells a GT or PT that is only the header of what follows.
func bare(p spdu.SPDU) bool {
	switch p := p.(type) {
	case spdu.GT:
		return p.Tokens == 0
	case spdu.PT:
		return p.Tokens == 0
	}
	return false
}
