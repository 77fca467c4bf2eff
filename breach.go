package tenuto

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
)

// A place is where an SPDU is: in which TSDU, or head of one, and behind how many others.
type place struct {
	tsdu  []byte
	index int
}

// Parameters that what is wrong in a state may be about.
const (
	piRequirements = spdu.Param(20)
	piTSDUSize     = spdu.Param(21)
	piVersion      = spdu.Param(22)
	piEnclosure    = spdu.Param(25)
	piTokenSetting = spdu.Param(26)
	piSerialNumber = spdu.Param(42)
)

// Clauses of what the state, or the flow, does not allow.
const (
	clauseStates   = "X.225 Annex A"
	clauseFlow     = "x225 3.1"
	clauseUnits    = "x225 1.1"
	clauseConnect  = "x225 2.6"
	clauseSetting  = "x225 2.7"
	clauseSegments = "x225 2.10"
	clauseSimplex  = "docs/wire/bridge.md"
)

// misfit is the error of an SPDU that is right in itself, but not here and now.
func misfit(p spdu.SPDU, param spdu.Param, clause, format string, args ...any) error {
	name, _, _ := strings.Cut(p.String(), "(")
	return &spdu.ProtocolError{Code: spdu.BadState, PDU: name, Param: param, Offset: -1, Clause: clause, Err: fmt.Errorf(format, args...)}
}

// breach is what is wrong with an event of the peer's that the machine does not allow. mu is held.
func (s *Session) breach(ev *spm.Event, in *input) error {
	if in.err != nil {
		return in.err
	}
	why, serial := s.m.Breach(*ev, in.from)
	if in.pdu == nil { // one that had been queued
		return fmt.Errorf("tenuto: %v: %s", ev.Kind, why)
	}
	var param spdu.Param
	if serial {
		param = piSerialNumber
	}
	return spdu.Locate(misfit(in.pdu, param, clauseStates, "%s", why), in.at.tsdu, in.at.index)
}

// providerAbort is the AB that answers what the machine does not allow. mu is held.
func (s *Session) providerAbort(ev *spm.Event, in *input) spdu.AB {
	err := s.breach(ev, in)
	if restricted(err) && s.version != spdu.Version1 {
		return spdu.AB{Reason: spdu.ImplementationRestriction}
	}
	ab := spdu.AB{Reason: spdu.ProtocolErrorAbort}
	if e, ok := errors.AsType[*spdu.ProtocolError](err); ok {
		ab.Reflect = e.Reflect
	}
	return ab
}

// restricted tells whether an error is about a limit that X.225 has not set.
func restricted(err error) bool {
	e, ok := errors.AsType[*spdu.ProtocolError](err)
	return ok && e.Code == spdu.Restricted
}

// because is an error's text, with the place and the clause of what was received.
func because(err error) string {
	if e, ok := errors.AsType[*spdu.ProtocolError](err); ok {
		return err.Error() + ", " + e.Where()
	}
	return err.Error()
}
