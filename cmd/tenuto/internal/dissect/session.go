package dissect

import (
	"errors"
	"fmt"

	"github.com/tenuto-session/tenuto/spdu"
)

// Clauses that errors made here name as package spdu's do.
const (
	clauseFlows    = "x225 3.1"
	clauseExtended = "x225 3.2"
	clauseSegments = "X.225 7.37.1"
)

// session is what has to be known of a session connection to decode what comes next.
type session struct {
	version  spdu.Version  // agreed; 0 if that was not seen
	said     [3]bool       // by side: its CN or AC was seen
	extended [3]bool       // by side: it said that it can receive extended concatenation
	awaited  string        // MAA or AEA, if a MAP or AE was seen that it would answer
	segments [3]segmenting // by side
}

// segmenting is what one side has in hand of SSDUs in segments. Those of DT and TD may come between those of another SPDU.
type segmenting struct{ dt, td, other segments }

type segments struct {
	begun  string // the SPDU that began, empty if there is none
	unsure bool   // a beginning may have been missed
}

// unsure says that not all was seen of what a side has sent.
func (s *session) unsure(from Side) {
	s.segments[from] = unsureSegments
	s.awaited = ""
}

var unsureSegments = segmenting{segments{unsure: true}, segments{unsure: true}, segments{unsure: true}}

// wrong is an error such as those of package spdu.
func wrong(pdu, clause, format string, args ...any) error {
	return &spdu.ProtocolError{Code: spdu.BadSequence, PDU: pdu, Offset: -1, Clause: clause, Err: fmt.Errorf(format, args...)}
}

// step takes the next SPDU of a side. It returns its name, which its octets alone do not always tell, empty if that stays open, and what
// is wrong with it in this session connection.
func (s *session) step(from Side, p spdu.SPDU, name string) (string, error) {
	e := enclosureOf(p)
	switch p := p.(type) {
	case spdu.CN:
		*s = session{}
		s.connect(from, p.ExtendedConcatenation)
	case spdu.AC:
		if e.Begins() {
			s.version = p.Version
			s.connect(from, p.ExtendedConcatenation)
		}
	case spdu.OA:
		s.version = spdu.Version2
	case spdu.RS, spdu.AI, spdu.AD, spdu.ED, spdu.ER, spdu.AB:
		if e.Begins() { // nothing counts that was sent before: x225 2.10
			for side := range s.segments {
				s.unsure(Side(side))
			}
		}
	}
	name, err := s.segments[from].step(p, name, e)
	if from == Unknown {
		err = nil // the octets of both sides may be mixed
	}
	switch name {
	case "MAP":
		s.awaited = "MAA"
	case "AE":
		s.awaited = "AEA"
	case "MAA":
		if name = s.awaited; e.Ends() {
			s.awaited = ""
		}
	}
	if err == nil && s.version != 0 {
		err = spdu.CheckVersion(p, s.version)
	}
	return name, err
}

func (s *session) connect(from Side, extended bool) {
	s.said[from], s.extended[from] = true, extended
}

// step puts an SPDU in its place among the segments of its side. It goes by the rules of spdu.Assembly, which cannot be used since it
// keeps the octets of an SSDU, of which there may be any number.
func (g *segmenting) step(p spdu.SPDU, name string, e spdu.Enclosure) (string, error) {
	s := &g.other
	switch p.(type) {
	case spdu.DT:
		s = &g.dt
	case spdu.TD:
		s = &g.td
	case spdu.GT, spdu.PT:
		if s.begun != name && e.Begins() && e.Ends() {
			return name, nil
		}
	case spdu.PR, spdu.EX, spdu.AA, spdu.OA, spdu.GTA, spdu.ER:
		return name, nil
	}
	first, unsure := s.begun, s.unsure
	if first == "AE" && name == "MAP" && !e.Begins() {
		name = "AE" // without the parameter that tells it from a MAP
	}
	goesOn := first == name || first == "CN" && name == "CDO"
	switch {
	case e.Ends():
		s.begun = ""
	case !goesOn:
		s.begun = name
	}
	s.unsure = unsure && !e.Begins()
	switch {
	case first != "" && (e.Begins() || !goesOn):
		return name, wrong(name, clauseSegments, "%s, but the segments of %s have not ended", part(e), first)
	case first == "" && !e.Begins() && !unsure:
		return name, wrong(name, clauseSegments, "%s, but there was no first one", part(e))
	}
	return name, nil
}

func part(e spdu.Enclosure) string {
	if !e.Present() {
		return "a whole SSDU"
	}
	return fmt.Sprintf("%v segment", e)
}

// concatenated tells whether the SPDUs of a TSDU may stand in one.
func (s *session) concatenated(from Side, pdus []spdu.SPDU) error {
	c, err := spdu.Concatenated(pdus)
	if to := from.other(); err == nil && c == spdu.Extended && to != Unknown && s.said[to] && !s.extended[to] {
		return wrong("TSDU", clauseExtended, "extended concatenation, which the %v has not said it can receive", to)
	}
	return err
}

// onFlow tells whether an SPDU may come as it came, as expedited data or not (x225 3.1). RF passes as expedited: ISODE sends it so.
func onFlow(p spdu.SPDU, name string, expedited bool) error {
	switch p.(type) {
	case spdu.PR, spdu.EX:
		if !expedited {
			return wrong(name, clauseFlows, "not as expedited data")
		}
	case spdu.AB, spdu.AA, spdu.RF:
	default:
		if expedited {
			return wrong(name, clauseFlows, "as expedited data")
		}
	}
	return nil
}

// protocolError is the spdu.ProtocolError that err is.
func protocolError(err error) *spdu.ProtocolError {
	var e *spdu.ProtocolError
	if !errors.As(err, &e) {
		panic("BUG: spdu gives another error: " + err.Error())
	}
	return e
}
