package tenuto

import (
	"context"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
)

// MaxSerial is the largest serial number. X.225 has six digits for it.
const MaxSerial = 999999

// SyncType is the type of a minor synchronization point: Explicit or Optional, and Separated.
type SyncType uint8

// The types of minor synchronization points (X.215).
const (
	Explicit  SyncType = 0 // the peer is to confirm it, when it likes
	Optional  SyncType = 1 // the peer may confirm it
	Separated SyncType = 2 // data sent after it outlive a resynchronization to it; wants DataSeparation
)

func (t SyncType) String() string {
	s := "explicit"
	if t&Optional != 0 {
		s = "optional"
	}
	if t&Separated != 0 {
		s += ", separated"
	}
	return s
}

// SyncMinor is the S-SYNC-MINOR request. It returns the point's serial number, or ErrPurged where a resynchronization by the peer has been announced
// and not come yet. The peer's confirms come as SyncMinorCnf.
func (s *Session) SyncMinor(ctx context.Context, t SyncType, data []byte) (serial uint32, err error) {
	p := spdu.MIP{DataSeparation: t&Separated != 0, UserData: data}
	if t&Optional != 0 {
		p.Type = spdu.Optional
	}
	ev := spm.Event{Kind: spm.SSYNmreq}
	if p.DataSeparation {
		ev.Kind = spm.SSYNmdreq
	}
	return s.request(ctx, data, func(next uint32) (spm.Event, spdu.SPDU) {
		p.Serial = next
		return ev, p
	})
}

// SyncMajor is the S-SYNC-MAJOR request. It returns as SyncMinor does. Until SyncMajorCnf comes this side may send no data.
func (s *Session) SyncMajor(ctx context.Context, data []byte) (serial uint32, err error) {
	return s.request(ctx, data, func(next uint32) (spm.Event, spdu.SPDU) {
		return spm.Event{Kind: spm.SSYNMreq}, spdu.MAP{Serial: next, UserData: data}
	})
}

// ConfirmSync is the S-SYNC-MINOR response for a number and all before it, or the S-SYNC-MAJOR response if the number is the one of the
// SyncMajorInd that waits for it.
func (s *Session) ConfirmSync(ctx context.Context, serial uint32, data []byte) error {
	_, err := s.request(ctx, data, func(next uint32) (spm.Event, spdu.SPDU) {
		if s.m.Visible() == spm.Synchronizing && serial+1 == next {
			return spm.Event{Kind: spm.SSYNMrsp}, spdu.MAA{Serial: serial, UserData: data}
		}
		return spm.Event{Kind: spm.SSYNmrsp, Serial: serial}, spdu.MIA{Serial: serial, UserData: data}
	})
	return err
}

// ResyncType is the type of a resynchronization.
type ResyncType = spdu.ResyncType

// The types of resynchronization (X.215). Of two that collide abandon prevails over set and set over restart.
const (
	Restart = spdu.Restart // to a number that was used since the last confirmed major synchronization point
	Abandon = spdu.Abandon // to a number that was not used yet
	Set     = spdu.Set     // to any number
)

// Resynchronize is the S-RESYNCHRONIZE request. What either side sent and the other has not received is lost, but for what data separation
// protects: a Send that waits returns ErrPurged. But over RFC 1006 without expedited data it goes on to the end of its SSDU, and Resynchronize
// waits for that. Until ResyncCnf comes this side may send nothing; in a collision that it loses a ResyncInd, ActivityInterruptInd or
// ActivityDiscardInd comes instead. serial is not looked at with Abandon.
func (s *Session) Resynchronize(ctx context.Context, t ResyncType, serial uint32, tokens TokenSettings, data []byte) error {
	ev := spm.Event{Serial: serial}
	switch t {
	case Restart:
		ev.Kind = spm.SRSYNreqR
	case Set:
		ev.Kind = spm.SRSYNreqS
	default:
		ev.Kind = spm.SRSYNreqA
	}
	return s.urgent(ctx, data, func(next uint32) (spm.Event, spdu.SPDU) {
		p := spdu.RS{Type: t, Serial: serial, UserData: data}
		if ev.Kind == spm.SRSYNreqA {
			if p.Serial = next; s.m.Relay {
				p.Serial = max(next, serial)
			}
		}
		available, _ := s.m.Tokens()
		p.HasTokens = available != 0
		p.Tokens = tokens.over(s.m.Setting(), s.start)
		return ev, p
	})
}

// RespondResync is the S-RESYNCHRONIZE response. serial is looked at if the indication's type is Set: both go on from there. Of the tokens
// whose place the indication left to this side those in take are here then, the others at the peer.
func (s *Session) RespondResync(ctx context.Context, serial uint32, take Tokens, data []byte) error {
	_, err := s.request(ctx, data, func(next uint32) (spm.Event, spdu.SPDU) {
		switch s.resync.kind {
		case Abandon:
			if !s.m.Relay || serial < next {
				serial = next
			}
		case Restart:
			serial = s.resync.serial
		}
		available, _ := s.m.Tokens()
		p := spdu.RA{Serial: serial, Tokens: choose(s.resync.tokens, take, s.start), HasTokens: available != 0, UserData: data}
		return spm.Event{Kind: spm.SRSYNrsp, Serial: serial, Setting: p.Tokens}, p
	})
	return err
}
