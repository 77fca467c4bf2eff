package tenuto

import (
	"context"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
)

// MaxActivityID is the most that an activity identifier has, in octets. x225 2.8
const MaxActivityID = spdu.MaxActivity

// Reference is a session connection identifier (X.215): what the users call the connection, so that an activity can be resumed on another.
type Reference struct {
	Calling    []byte // SS-user reference of the initiator, at most 64 octets
	Called     []byte // and of the responder
	Common     []byte // at most 64 octets
	Additional []byte // at most 4 octets
}

// Resume says where an activity is taken up.
type Resume struct {
	ID     []byte    // the activity's old identifier, at most MaxActivityID octets
	Serial uint32    // the synchronization point from which it goes on; the next one is Serial+1
	On     Reference // the session connection on which it ran, if that was another one
}

// StartActivity is the S-ACTIVITY-START request. The first synchronization point has number 1.
func (s *Session) StartActivity(ctx context.Context, id, data []byte) error {
	_, err := s.request(ctx, data, as(spm.Event{Kind: spm.SACTSreq}, spdu.AS{Activity: id, UserData: data}))
	return err
}

// ResumeActivity is the S-ACTIVITY-RESUME request: an activity that was interrupted goes on, under a new identifier.
func (s *Session) ResumeActivity(ctx context.Context, id []byte, r Resume, data []byte) error {
	_, err := s.request(ctx, data, as(spm.Event{Kind: spm.SACTRreq, Serial: r.Serial}, spdu.AR{Activity: id, UserData: data, Linking: spdu.Linking{Called: r.On.Called, Calling: r.On.Calling, Common: r.On.Common,
		Additional: r.On.Additional, Activity: r.ID, Serial: r.Serial}}))
	return err
}

// InterruptActivity is the S-ACTIVITY-INTERRUPT request. What either side sent and the other has not received is lost. data want protocol
// version 2. ActivityInterruptCnf brings all tokens here.
func (s *Session) InterruptActivity(ctx context.Context, r ExceptionReason, data []byte) error {
	return s.urgent(ctx, data, as(spm.Event{Kind: spm.SACTIreq}, spdu.AI{Reason: r, UserData: data}))
}

// RespondInterrupt is the S-ACTIVITY-INTERRUPT response.
func (s *Session) RespondInterrupt(ctx context.Context, data []byte) error {
	_, err := s.request(ctx, data, as(spm.Event{Kind: spm.SACTIrsp}, spdu.AIA{UserData: data}))
	return err
}

// DiscardActivity is the S-ACTIVITY-DISCARD request: as InterruptActivity, but the activity will not be resumed.
func (s *Session) DiscardActivity(ctx context.Context, r ExceptionReason, data []byte) error {
	return s.urgent(ctx, data, as(spm.Event{Kind: spm.SACTDreq}, spdu.AD{Reason: r, UserData: data}))
}

// RespondDiscard is the S-ACTIVITY-DISCARD response.
func (s *Session) RespondDiscard(ctx context.Context, data []byte) error {
	_, err := s.request(ctx, data, as(spm.Event{Kind: spm.SACTDrsp}, spdu.ADA{UserData: data}))
	return err
}

// EndActivity is the S-ACTIVITY-END request, which is also a major synchronization point. It returns as SyncMinor does.
func (s *Session) EndActivity(ctx context.Context, data []byte) (serial uint32, err error) {
	return s.request(ctx, data, func(next uint32) (spm.Event, spdu.SPDU) {
		return spm.Event{Kind: spm.SACTEreq}, spdu.AE{Serial: next, UserData: data}
	})
}

// RespondEnd is the S-ACTIVITY-END response.
func (s *Session) RespondEnd(ctx context.Context, data []byte) error {
	_, err := s.request(ctx, data, func(next uint32) (spm.Event, spdu.SPDU) {
		return spm.Event{Kind: spm.SACTErsp}, spdu.MAA{Serial: next - 1, UserData: data}
	})
	return err
}

// Active tells whether an activity is in progress.
func (s *Session) Active() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.Activity()
}

// ExceptionReason says why an exception was reported, or an activity interrupted or discarded.
type ExceptionReason = spdu.ExceptionReason

// The reasons (X.215).
const (
	NoSpecificReason     = spdu.NoSpecificReason
	ReceivingJeopardized = spdu.ReceivingJeopardized // to receive: data may not be handled properly
	UserSequenceError    = spdu.UserSequenceError
	LocalUserError       = spdu.LocalUserError
	UnrecoverableError   = spdu.UnrecoverableError // of procedure
	DemandDataToken      = spdu.DemandDataToken
)

// ReportException is the S-U-EXCEPTION-REPORT request, by who has not the data token: until the peer clears it, what it sends is dropped.
func (s *Session) ReportException(ctx context.Context, r ExceptionReason, data []byte) error {
	_, err := s.request(ctx, data, as(spm.Event{Kind: spm.SUERreq}, spdu.ED{Reason: r, UserData: data}))
	return err
}

// SendCapability is the S-CAPABILITY-DATA request; CapabilityCnf brings the answer.
func (s *Session) SendCapability(ctx context.Context, data []byte) error {
	_, err := s.request(ctx, data, as(spm.Event{Kind: spm.SCDreq}, spdu.CD{UserData: data}))
	return err
}

// RespondCapability is the S-CAPABILITY-DATA response.
func (s *Session) RespondCapability(ctx context.Context, data []byte) error {
	_, err := s.request(ctx, data, as(spm.Event{Kind: spm.SCDrsp}, spdu.CDA{UserData: data}))
	return err
}
