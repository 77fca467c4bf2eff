package tenuto

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/tenuto-session/tenuto/transport/transporttest"
)

// opener connects two sessions over some transport.
type opener func(t *testing.T, ca, cb *Config) (a, b *Session)

// transports are those that the conversations of this file run over: the same indications come in the same order on each.
func transports(t *testing.T, f func(t *testing.T, open opener)) {
	for name, o := range pipes {
		t.Run("pipe/"+name, func(t *testing.T) {
			f(t, func(t *testing.T, ca, cb *Config) (a, b *Session) {
				l := open(t, o, ca, cb)
				return l.a, l.b
			})
		})
	}
	t.Run("bridge", func(t *testing.T) {
		f(t, func(t *testing.T, ca, cb *Config) (a, b *Session) {
			e := newEndpoints(t, true, nil)
			return e.openBoth(t, ca, cb)
		})
	})
	t.Run("osi", func(t *testing.T) {
		f(t, func(t *testing.T, ca, cb *Config) (a, b *Session) { return openOSI(t, nil, "", ca, cb) })
	})
	t.Run("osi/expedited", func(t *testing.T) {
		f(t, func(t *testing.T, ca, cb *Config) (a, b *Session) {
			c := *ca
			c.Units |= Expedited
			return openOSI(t, nil, "", &c, cb)
		})
	})
	throughRelays(t, f)
}

// both makes a configuration for both sides.
func both(c Config) (ca, cb *Config) { return &c, &c }

// next is Receive, with the parts of an SSDU together.
func next(t *testing.T, s *Session) Indication {
	t.Helper()
	var data []byte
	for {
		ind, err := s.Receive(bg)
		if err != nil {
			t.Fatalf("Receive: %v", err)
		}
		switch i := ind.(type) {
		case Data:
			if data = append(data, i.B...); i.End {
				return Data{data, true}
			}
		case TypedDataInd:
			if data = append(data, i.B...); i.End {
				return TypedDataInd{data, true}
			}
		default:
			return ind
		}
	}
}

// gets receives and compares.
func gets(t *testing.T, s *Session, wants ...Indication) {
	t.Helper()
	for _, w := range wants {
		if got := next(t, s); !reflect.DeepEqual(got, w) {
			t.Fatalf("got %v, want %v", got, w)
		}
	}
}

// refused checks that a request is not allowed, and says why.
func refused(t *testing.T, err error, why string) {
	t.Helper()
	var na *NotAllowedError
	if !errors.As(err, &na) || err.Error() != "tenuto: "+why {
		t.Errorf("error %v, want %s", err, why)
	}
}

func TestTokens(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		ca, cb := both(Config{Units: HalfDuplex | NegotiatedRelease | TypedData})
		a, b := open(t, ca, cb)
		refused(t, b.Send(bg, []byte("x")), "S-DATA request: the peer has the data token")
		refused(t, b.GiveTokens(bg, ReleaseToken, nil), "S-TOKEN-GIVE request: the peer has the release token")
		refused(t, a.GiveTokens(bg, MinorToken, nil), "S-TOKEN-GIVE request: there is no minor token")
		refused(t, a.GiveControl(bg, nil), "S-CONTROL-GIVE request: functional unit ACT is not selected")
		try(t, b.SendTyped(bg, []byte("typed data need no token")), "typed data")
		try(t, b.PleaseTokens(bg, DataToken, []byte("please")), "please")
		gets(t, a, TypedDataInd{[]byte("typed data need no token"), true}, TokenPleaseInd{DataToken, []byte("please")})
		try(t, a.Send(bg, []byte("last words")), "data")
		try(t, a.GiveTokens(bg, DataToken, []byte("here")), "give")
		gets(t, b, Data{[]byte("last words"), true}, TokenGiveInd{DataToken, []byte("here")})
		try(t, b.Send(bg, []byte("mine")), "data")
		gets(t, a, Data{[]byte("mine"), true})
		refused(t, b.Release(bg, nil), "S-RELEASE request: the peer has the release token")
		try(t, a.GiveTokens(bg, ReleaseToken, nil), "give release")
		gets(t, b, TokenGiveInd{Tokens: ReleaseToken})
		try(t, b.Release(bg, []byte("may I?")), "release")
		gets(t, a, ReleaseInd{[]byte("may I?")})
		try(t, a.RefuseRelease(bg, []byte("no")), "its refusal")
		gets(t, b, ReleaseCnf{Refused: true, Data: []byte("no")})
		try(t, b.Send(bg, []byte("we go on")), "data")
		gets(t, a, Data{[]byte("we go on"), true})
		if available, owned := b.Tokens(); available != DataToken|ReleaseToken || owned != available {
			t.Errorf("tokens %v, here %v", available, owned)
		}
	})
}

// TestTokenPlaces: the initiator says where tokens are to be, the responder chooses where it may, and may ask for more at once.
func TestTokenPlaces(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		u := HalfDuplex | MinorSync | MajorSync | NegotiatedRelease
		a, b := open(t, &Config{Units: u, Tokens: TokenSettings{There: MinorToken, Choose: DataToken | MajorToken}},
			&Config{Units: u, Tokens: TokenSettings{Here: DataToken}, PleaseTokens: ReleaseToken})
		gets(t, a, TokenPleaseInd{Tokens: ReleaseToken})
		if _, owned := a.Tokens(); owned != MajorToken|ReleaseToken {
			t.Errorf("the initiator has %v", owned)
		}
		if _, owned := b.Tokens(); owned != DataToken|MinorToken {
			t.Errorf("the responder has %v", owned)
		}
	})
}

// TestMajorTokenOfActivities: the major/activity token is there without major synchronization points, and the responder may have it.
func TestMajorTokenOfActivities(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		ca, cb := both(Config{Units: Duplex | Activity, Tokens: TokenSettings{There: MajorToken}})
		a, b := open(t, ca, cb)
		refused(t, a.StartActivity(bg, nil, nil), "S-ACTIVITY-START request: the peer has the major/activity token")
		try(t, b.StartActivity(bg, []byte("A"), nil), "start")
		gets(t, a, ActivityStartInd{[]byte("A"), nil})
	})
}

func TestSync(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		ca, cb := both(Config{Units: HalfDuplex | MinorSync | MajorSync, Serial: 5})
		a, b := open(t, ca, cb)
		for i, typ := range []SyncType{Explicit, Optional} {
			n, err := a.SyncMinor(bg, typ, []byte("point"))
			if try(t, err, "minor point"); n != uint32(5+i) {
				t.Errorf("serial number %d", n)
			}
			gets(t, b, SyncMinorInd{typ, n, []byte("point")})
		}
		refused(t, a.ConfirmSync(bg, 5, nil), "S-SYNC-MINOR response: no minor synchronization point of the peer waits under that number")
		try(t, b.ConfirmSync(bg, 6, []byte("both")), "confirm")
		gets(t, a, SyncMinorCnf{6, []byte("both")})
		refused(t, b.ConfirmSync(bg, 6, nil), "S-SYNC-MINOR response: no minor synchronization point of the peer waits under that number")
		try(t, a.Send(bg, []byte("unit")), "data")
		n, err := a.SyncMajor(bg, []byte("end of unit"))
		try(t, err, "major point")
		var na *NotAllowedError
		if err := a.Send(bg, []byte("x")); !errors.As(err, &na) {
			t.Errorf("data before the confirm: %v", err)
		}
		gets(t, b, Data{[]byte("unit"), true}, SyncMajorInd{n, []byte("end of unit")})
		try(t, b.ConfirmSync(bg, n, []byte("done")), "confirm")
		gets(t, a, SyncMajorCnf{n, []byte("done")})
		try(t, a.Send(bg, []byte("next")), "data")
		gets(t, b, Data{[]byte("next"), true})
	})
}

func TestResync(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		ca, cb := both(Config{Units: HalfDuplex | MinorSync | Resync, Serial: 1})
		a, b := open(t, ca, cb)
		for range 2 {
			_, err := a.SyncMinor(bg, Explicit, nil)
			try(t, err, "minor point")
		}
		gets(t, b, SyncMinorInd{Explicit, 1, nil}, SyncMinorInd{Explicit, 2, nil})
		refused(t, b.Resynchronize(bg, Restart, 4, TokenSettings{}, nil), "S-RESYNCHRONIZE request (restart): a restart may go to the numbers from 0 to 3")
		try(t, b.Resynchronize(bg, Restart, 2, TokenSettings{Here: DataToken, Choose: MinorToken}, []byte("again")), "restart")
		gets(t, a, ResyncInd{Restart, 2, TokenSettings{There: DataToken, Choose: MinorToken}, []byte("again")})
		try(t, a.RespondResync(bg, 0, MinorToken, []byte("ok")), "its response")
		gets(t, b, ResyncCnf{2, DataToken, []byte("ok")})
		refused(t, a.Send(bg, []byte("x")), "S-DATA request: the peer has the data token")
		try(t, a.Resynchronize(bg, Set, 77, TokenSettings{}, nil), "set")
		gets(t, b, ResyncInd{Set, 77, TokenSettings{Here: DataToken, There: MinorToken}, nil})
		try(t, b.RespondResync(bg, 70, 0, nil), "its response, to another number")
		gets(t, a, ResyncCnf{70, MinorToken, nil})
		try(t, b.GiveTokens(bg, DataToken, nil), "give")
		gets(t, a, TokenGiveInd{Tokens: DataToken})
		n, err := a.SyncMinor(bg, Optional, nil)
		if try(t, err, "minor point"); n != 70 {
			t.Errorf("serial number %d after a set to 70", n)
		}
		gets(t, b, SyncMinorInd{Optional, 70, nil})
		try(t, b.Resynchronize(bg, Abandon, 0, TokenSettings{}, nil), "abandon")
		gets(t, a, ResyncInd{Abandon, 71, TokenSettings{Here: DataToken | MinorToken}, nil})
		try(t, a.RespondResync(bg, 0, 0, nil), "its response")
		gets(t, b, ResyncCnf{71, 0, nil})
	})
}

// TestResyncCollision: abandon prevails over restart, whoever asks first (x225 1.6).
func TestResyncCollision(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		ca, cb := both(Config{Units: Duplex | MinorSync | Resync})
		a, b := open(t, ca, cb)
		try(t, a.Resynchronize(bg, Restart, 0, TokenSettings{}, nil), "restart")
		try(t, b.Resynchronize(bg, Abandon, 0, TokenSettings{}, nil), "abandon")
		gets(t, a, ResyncInd{Abandon, 0, TokenSettings{Here: MinorToken}, nil})
		try(t, a.RespondResync(bg, 0, 0, nil), "response")
		gets(t, b, ResyncCnf{0, 0, nil})
		try(t, a.Resynchronize(bg, Set, 9, TokenSettings{}, nil), "set by the initiator")
		try(t, b.Resynchronize(bg, Set, 8, TokenSettings{}, nil), "set by the responder")
		gets(t, b, ResyncInd{Set, 9, TokenSettings{There: MinorToken}, nil})
		try(t, b.RespondResync(bg, 9, 0, nil), "response")
		gets(t, a, ResyncCnf{9, MinorToken, nil})
		try(t, b.Send(bg, []byte("on")), "data")
		gets(t, a, Data{[]byte("on"), true})
	})
}

func TestActivities(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		ca, cb := both(Config{Units: HalfDuplex | MinorSync | MajorSync | Resync | Activity | CapabilityData | Exceptions})
		a, b := open(t, ca, cb)
		_, err := a.SyncMinor(bg, Explicit, nil)
		refused(t, err, "S-SYNC-MINOR request: no activity is in progress")
		try(t, a.SendCapability(bg, []byte("what can you do?")), "capability")
		gets(t, b, CapabilityInd{[]byte("what can you do?")})
		try(t, b.RespondCapability(bg, []byte("much")), "its answer")
		gets(t, a, CapabilityCnf{[]byte("much")})
		try(t, a.StartActivity(bg, []byte("A1"), []byte("start")), "start")
		gets(t, b, ActivityStartInd{[]byte("A1"), []byte("start")})
		refused(t, b.InterruptActivity(bg, NoSpecificReason, nil), "S-ACTIVITY-INTERRUPT request: the peer has the major/activity token")
		n, err := a.SyncMinor(bg, Explicit, nil)
		try(t, err, "minor point")
		gets(t, b, SyncMinorInd{Explicit, n, nil})
		try(t, b.ConfirmSync(bg, n, nil), "confirm")
		gets(t, a, SyncMinorCnf{n, nil})
		try(t, a.InterruptActivity(bg, LocalUserError, nil), "interrupt")
		gets(t, b, ActivityInterruptInd{LocalUserError, nil})
		try(t, b.RespondInterrupt(bg, nil), "response")
		gets(t, a, ActivityInterruptCnf{})
		try(t, a.GiveControl(bg, nil), "control")
		gets(t, b, ControlGiveInd{})
		on := Reference{Calling: []byte("me"), Called: []byte("you"), Common: []byte("monday")}
		try(t, b.ResumeActivity(bg, []byte("A2"), Resume{[]byte("A1"), n, on}, nil), "resume")
		gets(t, a, ActivityResumeInd{[]byte("A2"), Resume{[]byte("A1"), n, on}, nil})
		n2, err := b.EndActivity(bg, []byte("end"))
		if try(t, err, "end"); n2 != n+1 {
			t.Errorf("the end has number %d after %d", n2, n)
		}
		gets(t, a, ActivityEndInd{n2, []byte("end")})
		try(t, a.RespondEnd(bg, []byte("fine")), "response")
		gets(t, b, ActivityEndCnf{n2, []byte("fine")})
		if a.Active() || b.Active() {
			t.Error("an activity goes on after its end")
		}
		try(t, b.StartActivity(bg, nil, nil), "start without an identifier")
		gets(t, a, ActivityStartInd{})
		try(t, b.DiscardActivity(bg, UnrecoverableError, nil), "discard")
		gets(t, a, ActivityDiscardInd{UnrecoverableError, nil})
		try(t, a.RespondDiscard(bg, nil), "response")
		gets(t, b, ActivityDiscardCnf{})
		try(t, b.Release(bg, nil), "release")
		gets(t, a, ReleaseInd{})
		try(t, a.RespondRelease(bg, nil), "response")
		gets(t, b, ReleaseCnf{})
	})
}

func TestExceptions(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		ca, cb := both(Config{Units: HalfDuplex | Exceptions | MinorSync | Resync})
		a, b := open(t, ca, cb)
		try(t, b.ReportException(bg, DemandDataToken, []byte("stop")), "exception")
		gets(t, a, ExceptionInd{Reason: DemandDataToken, Data: []byte("stop")})
		var na *NotAllowedError
		if err := a.Send(bg, []byte("x")); !errors.As(err, &na) {
			t.Errorf("data after an exception: %v", err)
		}
		try(t, a.GiveTokens(bg, DataToken, nil), "the data token clears it")
		gets(t, b, TokenGiveInd{Tokens: DataToken})
		try(t, b.Send(bg, []byte("my turn")), "data")
		gets(t, a, Data{[]byte("my turn"), true})
	})
}

func TestExpedited(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		ca, cb := both(Config{Units: Duplex | Expedited})
		a, b := open(t, ca, cb)
		if a.Units()&Expedited == 0 {
			refused(t, a.SendExpedited(bg, []byte("x")), "S-EXPEDITED-DATA request: functional unit EX is not selected")
			return
		}
		try(t, a.SendExpedited(bg, []byte("fourteen octet")), "expedited data")
		gets(t, b, ExpeditedInd{[]byte("fourteen octet")})
		if err := a.SendExpedited(bg, []byte("fifteen octets!")); err == nil {
			t.Error("15 octets were accepted")
		}
		if err := a.SendExpedited(bg, nil); err == nil {
			t.Error("no octets were accepted")
		}
	})
}

// TestTypedParts: SSDUs of typed data of any size pass in parts, in segments too.
func TestTypedParts(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		for _, size := range []int{0, 100} {
			ca, cb := both(Config{Units: Duplex | TypedData, TSDUSize: size})
			a, b := open(t, ca, cb)
			big := pattern(100_000)
			done := make(chan error, 1)
			go func() {
				_, err := a.SendTypedPart(bg, big[:50_000], false)
				if err == nil {
					_, err = a.SendTypedPart(bg, big[50_000:], true)
				}
				if err == nil {
					err = a.Send(bg, []byte("normal"))
				}
				done <- err
			}()
			gets(t, b, TypedDataInd{big, true}, Data{[]byte("normal"), true})
			try(t, <-done, "typed data")
		}
	})
}

// TestPurge: a resynchronization ends who is sending, and nothing of what was sent before comes out behind its confirm (S2).
func TestPurge(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		ca, cb := both(Config{Units: Duplex | MinorSync | Resync})
		a, b := open(t, ca, cb)
		sent := make(chan error, 1)
		go func() {
			for {
				if err := a.Send(bg, pattern(1000)); err != nil {
					sent <- err
					return
				}
			}
		}()
		if ind, err := b.Receive(bg); err != nil || !bytes.HasPrefix(pattern(1000), ind.(Data).B) {
			t.Fatalf("%v, %v", ind, err)
		}
		done := make(chan error, 1)
		go func() { done <- a.Resynchronize(bg, Abandon, 0, TokenSettings{}, nil) }()
		for {
			ind, err := b.Receive(bg)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := ind.(Data); ok {
				continue // what was on its way
			}
			if _, ok := ind.(ResyncInd); !ok {
				t.Fatalf("got %v", ind)
			}
			break
		}
		try(t, <-done, "resynchronize")
		err := <-sent
		if na := (*NotAllowedError)(nil); err != ErrPurged && !errors.As(err, &na) {
			t.Errorf("Send returned %v", err)
		}
		try(t, b.RespondResync(bg, 0, 0, []byte("go on")), "response")
		if ind, ok := next(t, a).(ResyncCnf); !ok || string(ind.Data) != "go on" {
			t.Errorf("a got %v", ind)
		}
		try(t, a.Send(bg, []byte("after it")), "data")
		gets(t, b, Data{[]byte("after it"), true})
	})
}

// TestPurgeParts: an SSDU that is being sent in parts is cut, and its sender hears of it; its receiver never sees its end.
func TestPurgeParts(t *testing.T) {
	ca, cb := both(Config{Units: Duplex | MinorSync | Resync})
	l := open(t, transporttest.Options{}, ca, cb)
	_, err := l.a.SendPart(bg, []byte("half of it"), false)
	try(t, err, "a part")
	if ind, err := l.b.Receive(bg); err != nil || ind.(Data).End {
		t.Fatalf("%v, %v", ind, err)
	}
	try(t, l.b.Resynchronize(bg, Abandon, 0, TokenSettings{}, nil), "resynchronize")
	gets(t, l.a, ResyncInd{Abandon, 0, TokenSettings{Here: MinorToken}, nil})
	try(t, l.a.RespondResync(bg, 0, 0, nil), "response")
	if _, err := l.a.SendPart(bg, []byte("the rest"), true); err != ErrPurged {
		t.Errorf("the rest: %v", err)
	}
	try(t, l.a.Send(bg, []byte("another")), "another SSDU")
	gets(t, l.b, ResyncCnf{0, 0, nil}, Data{[]byte("another"), true})

	l = open(t, transporttest.Options{NoExpedited: true}, ca, cb)
	_, err = l.a.SendPart(bg, []byte("half of it"), false)
	try(t, err, "a part")
	if err := l.a.Resynchronize(bg, Abandon, 0, TokenSettings{}, nil); err != ErrUnfinished {
		t.Errorf("where nothing can be cut: %v", err)
	}
}

// TestPurgeBetweenSegments: an SSDU of which whole segments have been sent is cut by a resynchronization that data separation protects them
// from, and its sender hears of it.
func TestPurgeBetweenSegments(t *testing.T) {
	ca, cb := both(Config{Units: Duplex | MinorSync | Resync | DataSeparation, TSDUSize: 100, Tokens: TokenSettings{There: MinorToken}})
	l := open(t, transporttest.Options{}, ca, cb)
	_, err := l.b.SyncMinor(bg, Separated, nil)
	try(t, err, "minor point")
	gets(t, l.a, SyncMinorInd{Separated, 0, nil})
	_, err = l.a.SendPart(bg, pattern(50), false)
	try(t, err, "a part")
	try(t, l.a.Resynchronize(bg, Set, 7, TokenSettings{}, nil), "set")
	for {
		ind, err := l.b.Receive(bg)
		try(t, err, "Receive")
		if i, ok := ind.(ResyncInd); ok {
			try(t, l.b.RespondResync(bg, i.Serial, 0, nil), "its response")
			break
		}
	}
	gets(t, l.a, ResyncCnf{7, 0, nil})
	if _, err := l.a.SendPart(bg, []byte("the rest"), true); err != ErrPurged {
		t.Errorf("the rest: %v", err)
	}
	try(t, l.a.Send(bg, []byte("another")), "another SSDU")
	gets(t, l.b, Data{[]byte("another"), true})
}

// TestConfig1: protocol version 1 is spoken with who speaks no other, and has its limits.
func TestConfig1(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		ca, cb := both(Config{Units: HalfDuplex | MinorSync, Version: Version1})
		a, b := open(t, ca, cb)
		if v := a.Parameters().Version; v != Version1 {
			t.Fatalf("version %d", v)
		}
		if err := a.GiveTokens(bg, DataToken, []byte("x")); err == nil {
			t.Error("GT of version 1 took user data")
		}
		if _, err := a.SyncMinor(bg, Explicit, make([]byte, 513)); err == nil {
			t.Error("MIP of version 1 took 513 octets")
		}
		n, err := a.SyncMinor(bg, Explicit, make([]byte, 512))
		try(t, err, "minor point")
		gets(t, b, SyncMinorInd{Explicit, n, make([]byte, 512)})
	})
}

func TestConnectionParameters(t *testing.T) {
	ca := &Config{Service: "called", Calling: "calling", Units: Duplex | MinorSync | Expedited, Serial: 42, Version: Version1 | Version2, TSDUSize: 1000,
		ReceiveTSDUSize: -1, Concatenation: true, UserData: []byte("hello"), Tokens: TokenSettings{Choose: MinorToken},
		Reference: Reference{Calling: []byte("ref a"), Common: []byte("today"), Additional: []byte{1, 2}}}
	cb := &Config{Units: allUnits, UserData: []byte("welcome"), Tokens: TokenSettings{Here: MinorToken}, PleaseTokens: MinorToken,
		Reference: Reference{Called: []byte("ref b"), Common: []byte("today")}}
	l := open(t, transporttest.Options{NoExpedited: true}, ca, cb)
	got := fmt.Sprintf("%+v\n%+v", l.b.Parameters(), l.a.Parameters())
	want := `{Calling:calling Called:called Responding: Reference:{Calling:[114 101 102 32 97] Called:[] Common:[116 111 100 97 121] Additional:[1 2]} Units:FD+SY Version:3 Serial:42 Tokens:choose=minor PleaseTokens: SendSize:0 ReceiveSize:1000 Concatenation:true Simplex:false UserData:[104 101 108 108 111]}
{Calling:calling Called:called Responding:called Reference:{Calling:[114 101 102 32 97] Called:[114 101 102 32 98] Common:[116 111 100 97 121] Additional:[]} Units:FD+SY Version:2 Serial:42 Tokens:there=minor PleaseTokens:minor SendSize:1000 ReceiveSize:0 Concatenation:false Simplex:false UserData:[119 101 108 99 111 109 101]}`
	if got != want {
		t.Errorf("parameters\n%s\nwant\n%s", got, want)
	}
}

// TestCancelledRequest: a request that waits for flow control can be cancelled; what it asked for goes out later all the same.
func TestCancelledRequest(t *testing.T) {
	ca, cb := both(Config{Units: Duplex | MinorSync})
	l := open(t, transporttest.Options{Window: 500}, ca, cb)
	try(t, l.a.Send(bg, pattern(490)), "data")
	ctx, cancel := context.WithCancel(bg)
	done := make(chan error, 1)
	go func() {
		_, err := l.a.SyncMinor(ctx, Explicit, pattern(1000))
		done <- err
	}()
	// It is under way when the machine has counted it.
	for next := uint32(0); next == 0; {
		l.a.mu.Lock()
		next = l.a.m.Next()
		l.a.mu.Unlock()
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("SyncMinor: %v", err)
	}
	go func() { done <- l.a.Send(bg, []byte("more")) }()
	gets(t, l.b, Data{pattern(490), true}, SyncMinorInd{Explicit, 0, pattern(1000)}, Data{[]byte("more"), true})
	try(t, <-done, "more data")
}
