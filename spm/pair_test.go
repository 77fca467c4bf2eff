package spm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenuto-session/tenuto/spdu"
)

// A flight is an SPDU or transport event on its way; seq counts those of one direction.
type flight struct {
	Event
	seq int
}

// A side is one machine, what is on its way to it, and its timer.
type side struct {
	Machine
	name              string
	peer              *side
	normal, expedited []flight // towards this side
	tim               bool
	errored           bool // it has drawn a protocol error
	sent              int
	log               *strings.Builder
	passes            *passing // of a side that is half of a relay
}

// A pair is two machines joined by a transport connection that may have an expedited flow. On the way a normal SPDU never
// overtakes an expedited one, but expedited ones may overtake.
type pair struct {
	a, b      side
	expedited bool
	more      int // CDO that a sends after CN
}

func newPair(expedited bool) *pair {
	p := &pair{expedited: expedited, more: 3}
	log := new(strings.Builder)
	p.a = side{name: "a", peer: &p.b, log: log}
	p.b = side{name: "b", peer: &p.a, log: log}
	return p
}

// step puts an event into a side and carries its outputs out.
func (p *pair) step(s *side, ev Event) error {
	from, purged := s.State(), s.Resynchronizing()
	err := s.Step(ev)
	out := s.Drain()
	if s.passes != nil {
		s.passes.purge(s, purged, out)
	}
	fmt.Fprintf(s.log, "%s: %v in %v", s.name, ev.Kind, from)
	if err != nil {
		fmt.Fprintf(s.log, ": %v\n", err)
		return err
	}
	for _, o := range out {
		fmt.Fprintf(s.log, " %v", o)
	}
	fmt.Fprintf(s.log, " -> %v\n", s.State())
	for _, o := range append([]Output(nil), out...) {
		p.output(s, o, ev)
	}
	return nil
}

func (p *pair) send(s *side, ev Event) {
	s.sent++
	s.peer.normal = append(s.peer.normal, flight{ev, s.sent})
}

func (p *pair) sendExpedited(s *side, ev Event) {
	s.sent++
	s.peer.expedited = append(s.peer.expedited, flight{ev, s.sent})
}

func (p *pair) output(s *side, o Output, ev Event) {
	switch o {
	case TCONreq:
		p.step(s.peer, Event{Kind: TCONind, Expedited: p.expedited})
	case TCONrsp:
		p.send(s, Event{Kind: TCONcnf, Expedited: p.expedited})
	case TDISreq:
		over := slices.ContainsFunc(s.normal, func(f flight) bool { return f.Kind == TDISind })
		s.normal, s.expedited, s.tim = nil, nil, false
		if !over { // else the peer has disconnected already
			p.send(s, Event{Kind: TDISind})
		}
	case SendCDO:
		for i := range p.more {
			p.send(s, Event{Kind: CDO, Last: i == p.more-1})
		}
	case StartTIM:
		s.tim = true
	case StopTIM:
		s.tim = false
	default:
		if s.passes != nil && o.ToUser() {
			s.passes.take(o, ev)
		}
		if !o.Sends() {
			break
		}
		if o == SendABnr && ev.Kind != SUABreq {
			s.errored = true
		}
		if pdu := s.pdu(o, ev); p.expedited && expedites(o, ev) {
			p.sendExpedited(s, pdu)
		} else {
			p.send(s, pdu)
		}
	}
}

// sends are the SPDUs of the outputs.
var sends = map[Output]Kind{SendCN: CN, SendOA: OA, SendCDO: CDO, SendAC: AC, SendRFnr: RFnr, SendRFr: RFr, SendDT: DT, SendTD: TD, SendEX: EX,
	SendCD: CD, SendCDA: CDA, SendGT: GT, SendPT: PT, SendGTC: GTC, SendGTA: GTA, SendMIP: MIP, SendMIPd: MIPd, SendMIA: MIA, SendMAP: MAP,
	SendMAA: MAA, SendAE: AE, SendAEA: MAA, SendRSa: RSa, SendRSr: RSr, SendRSs: RSs, SendRA: RA, SendED: ED, SendAS: AS, SendAR: AR,
	SendAI: AI, SendAIA: AIA, SendAD: AD, SendADA: ADA, SendFNnr: FNnr, SendFNr: FNr, SendDN: DN, SendNF: NF, SendAA: AA, SendABnr: ABnr,
	SendABr: ABr, SendPRMAA: PRMAA, SendPRRS: PRRS, SendPRRA: PRRA, SendPRAB: PRAB}

// pdu is the SPDU that an output sends, as the event that it is to the peer. It is asked after the Step.
func (m *Machine) pdu(o Output, ev Event) Event {
	p := Event{Kind: sends[o]}
	switch o {
	case SendCN:
		p.Units, p.More = m.connect.Units, m.connect.Overflow
	case SendAC:
		p.Units, p.Setting, p.Serial = m.connect.Units, ev.Setting, ev.Serial
	case SendFNr:
		p.Keep = true
	case SendGT, SendPT:
		p.Tokens = ev.Tokens
	case SendABnr, SendABr:
		p.UserAbort = ev.Kind == SUABreq
	case SendRSa, SendRSr, SendRSs, SendRA:
		p.Setting, p.Serial = ev.Setting, m.Serial(o, &ev)
	case SendMIP, SendMIPd, SendMAP, SendAE, SendMAA, SendAEA, SendMIA, SendAR:
		p.Serial = m.Serial(o, &ev)
	}
	return p
}

// expedites tells what goes on the expedited flow, if there is one (x225 3.1).
func expedites(o Output, ev Event) bool {
	return o == SendEX || o >= SendPRMAA && o <= SendPRAB || (o == SendABnr || o == SendABr) && ev.Len <= spdu.MaxAbortDataV1
}

// deliver gives a side the next SPDU of a flow; ok is false if there is none. A normal SPDU waits for an expedited one that was
// sent before it.
func (p *pair) deliver(s *side, expedited bool) (ok bool) {
	q := &s.normal
	if expedited {
		q = &s.expedited
	}
	if s.passes != nil && !expedited && len(s.passes.queue) > 0 {
		return false // a relay reads on when it has taken what it read
	}
	if len(*q) == 0 || !expedited && len(s.expedited) > 0 && s.expedited[0].seq < s.normal[0].seq {
		return false
	}
	ev := (*q)[0].Event
	*q = (*q)[1:]
	p.step(s, ev)
	return true
}

// deliverAny delivers from whichever flow has something.
func (p *pair) deliverAny(s *side) bool { return p.deliver(s, true) || p.deliver(s, false) }
