package tenuto

import (
	"cmp"
	"context"
	"fmt"
	"net"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
)

// connect is the S-CONNECT request on a new transport connection, and waits for its confirm. On an error the transport connection
// has been disconnected, or will be by itself.
func connect(ctx context.Context, tc transport.Conn, cfg *Config) (*Session, error) {
	c, err := cfg.session(true)
	if err != nil {
		tc.Disconnect(transport.ReasonNormal)
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	if c.Simplex && !isSimplex(tc) {
		tc.Disconnect(transport.ReasonNormal)
		return nil, ErrNoSimplex
	}
	s := newSession(tc, c)
	s.start = true
	cn, rest := spdu.SplitConnect(s.connectPDU())
	s.set.overflow, s.set.cn = rest, cn
	b, err := cn.AppendBinary(nil)
	if err != nil {
		tc.Disconnect(transport.ReasonNormal)
		return nil, fmt.Errorf("tenuto: %w", err)
	}
	s.mu.Lock()
	s.must(spm.Event{Kind: spm.SCONreq, Units: cn.Units, Len: len(c.UserData)}, input{})
	s.must(spm.Event{Kind: spm.TCONcnf, Expedited: tc.HasExpedited()}, input{tsdus: [][]byte{b}})
	s.perform()
	if err := s.awaitConfirm(ctx); err != nil {
		s.Abort(nil)
		return nil, err
	}
	return s, nil
}

// connectPDU is the CN that the configuration asks for.
func (s *Session) connectPDU() spdu.CN {
	c := &s.set.cfg
	u := c.Units
	if !s.tc.HasExpedited() {
		u &^= Expedited
	}
	return spdu.CN{
		ID: spdu.ConnectionID{User: c.Reference.Calling, Common: c.Reference.Common, Additional: c.Reference.Additional},
		ConnectItem: spdu.ConnectItem{
			ExtendedConcatenation: c.Concatenation,
			TSDUSize:              spdu.TSDUSize{ToResponder: uint16(c.TSDUSize), ToInitiator: uint16(c.receiveSize())},
			Version:               c.Version,
			Serial:                spdu.Serial{N: c.Serial, Present: numbered(u)},
			TokenSetting:          c.Tokens.over(0, true) & settingMask(spm.TokensOf(u)),
		},
		Units:    u,
		Calling:  []byte(c.Calling),
		Called:   []byte(c.Service),
		UserData: c.UserData,
	}
}

// numbered tells whether CN and AC carry an initial serial number (x225 2.6): activities bring their own.
func numbered(u Units) bool { return u&(MinorSync|MajorSync|Resync) != 0 && u&Activity == 0 }

// settingMask keeps the settings of tokens that there are.
func settingMask(t Tokens) (m spdu.TokenSetting) { return m.With(t, 3) }

func (s *Session) awaitConfirm(ctx context.Context) error {
	w := s.receiving(ctx)
	defer s.rx.leave()
	defer w.done()
	for {
		s.mu.Lock()
		confirmed := s.confirmed // whatever may have come behind it
		s.mu.Unlock()
		if confirmed {
			s.set = nil
			return nil
		}
		if _, err := s.receive(w, nil); err != nil {
			return err
		}
	}
}

// Incoming is an S-CONNECT indication. It is accepted or refused, once.
type Incoming struct {
	s *Session
}

// drop disconnects the transport connection of what came in place of an S-CONNECT indication, unless RF is on its way there: then
// TIM does.
func (in *Incoming) drop() {
	s := in.s
	s.mu.Lock()
	leaving := s.m.State() == spm.Leaving
	s.mu.Unlock()
	if !leaving {
		s.tc.Disconnect(transport.ReasonProtocol) // nothing if it has ended
	}
}

// newIncoming begins to wait for an S-CONNECT indication.
func newIncoming(tc transport.Conn, cfg *Config) (*Incoming, error) {
	r, err := cfg.session(false)
	if err != nil {
		return nil, err
	}
	s := newSession(tc, r)
	s.mu.Lock()
	s.must(spm.Event{Kind: spm.TCONind, Expedited: tc.HasExpedited()}, input{})
	s.perform()
	return &Incoming{s}, nil
}

// read waits until the indication is whole. Who makes c's Err change wakes tc. After c's own error it can be called again.
func (in *Incoming) read(c transport.Cancel) error {
	s := in.s
	defer s.rx.leave()
	for {
		s.mu.Lock()
		st := s.m.State()
		s.mu.Unlock()
		if st == spm.Connecting {
			return nil
		}
		if _, err := s.receive(c, nil); err != nil {
			return err
		}
	}
}

// Service returns the called session selector.
func (in *Incoming) Service() string { return in.s.Service() }

// UserData returns the user data of the S-CONNECT request.
func (in *Incoming) UserData() []byte { return in.s.UserData() }

// Parameters returns what the peer proposes.
func (in *Incoming) Parameters() Parameters { return in.s.Parameters() }

// HasExpedited is Session.HasExpedited.
func (in *Incoming) HasExpedited() bool { return in.s.HasExpedited() }

// LocalAddr returns the address of this end of the transport connection.
func (in *Incoming) LocalAddr() net.Addr { return in.s.tc.LocalAddr() }

// RemoteAddr returns the address of the peer's end of the transport connection.
func (in *Incoming) RemoteAddr() net.Addr { return in.s.tc.RemoteAddr() }

// Accept is the positive S-CONNECT response. It does not wait.
func (in *Incoming) Accept(ctx context.Context, cfg *Config) (*Session, error) {
	c, err := cfg.session(false)
	if err != nil {
		return nil, err
	}
	s := in.s
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.set.cfg, s.linger, s.trace = c, c.Linger, c.Trace
	if v := s.set.cn.Version & c.Version; v&s.version == 0 && v != 0 {
		s.version = v
	}
	ac := s.acceptPDU()
	tsdus, err := s.encode(ac, len(c.UserData))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.perform()
	if err := s.over(); err != nil {
		return nil, err
	}
	s.m.Relay, s.noPurge, s.cuts = c.Relay, c.NoPurge, s.cuts && !c.NoPurge
	setting := choose(s.set.cn.TokenSetting, c.Tokens.Here, false) & settingMask(spm.TokensOf(ac.Units))
	ev := spm.Event{Kind: spm.SCONrspPos, Units: ac.Units, Setting: setting, Serial: ac.Serial.N}
	if err := s.step(ev, input{tsdus: tsdus, send: ac}); err != nil {
		return nil, wrap(err)
	}
	if ac.Tokens != 0 { // AC asks for them as a PT would
		s.must(spm.Event{Kind: spm.SPTreq, Tokens: ac.Tokens}, input{})
	}
	s.set = nil
	return s, nil
}

// acceptPDU is the AC with which the configuration answers the CN that came. The units selected are those of both.
func (s *Session) acceptPDU() spdu.AC {
	c, cn := &s.set.cfg, &s.set.cn
	u := c.Units & cn.Units
	if u&Duplex != 0 {
		u &^= HalfDuplex
	}
	if !s.tc.HasExpedited() {
		u &^= Expedited
	}
	if s.simplex {
		u &^= Duplex | Activity
	}
	u = consistent(u, s.version)
	size := cn.TSDUSize
	size.ToInitiator = limit(size.ToInitiator, c.TSDUSize)
	size.ToResponder = limit(size.ToResponder, c.receiveSize())
	s.sendMax = size.ToInitiator
	s.concatenation, s.concatenate = c.Concatenation, cn.ExtendedConcatenation
	ac := spdu.AC{
		ID: spdu.ConnectionID{User: c.Reference.Called, Common: c.Reference.Common, Additional: c.Reference.Additional},
		ConnectItem: spdu.ConnectItem{
			ExtendedConcatenation: c.Concatenation,
			TSDUSize:              size,
			Version:               s.version,
			Serial:                spdu.Serial{N: cn.Serial.N, Present: numbered(u)},
		},
		Units:      u,
		Responding: []byte(cmp.Or(c.Responding, s.Service())),
		UserData:   c.UserData,
	}
	if c.Serial != 0 || c.Relay { // the far peer's, which may be 0
		ac.Serial.N = c.Serial
	}
	available := spm.TokensOf(u)
	ac.TokenSetting = choose(cn.TokenSetting, c.Tokens.Here, false) & settingMask(available)
	if ac.Tokens = c.PleaseTokens & available; s.simplex {
		ac.Tokens &^= DataToken
	}
	return ac
}

// consistent leaves out units that cannot be without others, or not in the version (x225 1.1).
func consistent(u Units, v spdu.Version) Units {
	if u&Activity == 0 {
		u &^= CapabilityData
	}
	if u&HalfDuplex == 0 {
		u &^= Exceptions
	}
	if u&MinorSync == 0 || v == spdu.Version1 {
		u &^= DataSeparation
	}
	return u &^ spdu.SymmetricSync
}

// Refuse is the negative S-CONNECT response. data, at most MaxUserData octets, go with spdu.RefusedByUser and RefusedWithData.
// It does not wait.
func (in *Incoming) Refuse(r spdu.RefuseReason, data []byte) error {
	s := in.s
	if len(data) > 0 {
		if r != spdu.RefusedByUser && r != spdu.RefusedWithData {
			return fmt.Errorf("tenuto: user data with refusal %q", r)
		}
		r = spdu.RefusedWithData
	}
	s.mu.Lock()
	defer s.perform()
	tsdus, err := s.encode(spdu.RF{Keep: s.m.Keeps(spm.SCONrspNeg), Reason: r, UserData: data}, len(data))
	if err != nil {
		return err
	}
	return wrap(s.step(spm.Event{Kind: spm.SCONrspNeg}, input{tsdus: tsdus}))
}

// limit is the TSDU maximum size answered to one proposed; 0 is unlimited. "Not larger": x225 2.6
func limit(proposed uint16, own int) uint16 {
	if proposed == 0 || own != 0 && own < int(proposed) {
		return uint16(own)
	}
	return proposed
}

// connectEvent takes over what a CN says, and decides whether it is acceptable.
func (s *Session) connectEvent(p *spdu.CN) spm.Event {
	ev := spm.Event{Kind: spm.CN, Units: p.Units, More: p.More}
	offered := p.Version & s.set.cfg.Version
	s.version = spdu.Version2
	if offered&spdu.Version2 == 0 {
		s.version = spdu.Version1
	}
	s.set.cn = *p
	s.agree(Parameters{Calling: string(p.Calling), Called: string(p.Called), Units: p.Units, Version: p.Version, Serial: p.Serial.N,
		Reference: Reference{Calling: p.ID.User, Common: p.ID.Common, Additional: p.ID.Additional},
		Tokens:    settingsOf(p.TokenSetting, spm.TokensOf(p.Units), false), Concatenation: p.ExtendedConcatenation,
		SendSize: int(p.TSDUSize.ToInitiator), ReceiveSize: int(p.TSDUSize.ToResponder), Simplex: s.simplex, UserData: p.UserData})
	return ev
}

// against is what speaks against a CN (p76), and the reason of its refusal.
func (s *Session) against(p *spdu.CN) (spdu.RefuseReason, error) {
	c := &s.set.cfg
	const duplexes = HalfDuplex | Duplex
	switch {
	case p.Version&c.Version == 0:
		return spdu.RefusedVersions, misfit(*p, piVersion, clauseConnect, "of version set %#x is none there", uint8(c.Version))
	case tooSmall(p.TSDUSize.ToInitiator), tooSmall(p.TSDUSize.ToResponder):
		r := spdu.RefusedByProvider
		if p.Version&spdu.Version2 != 0 {
			r = spdu.RefusedRestriction // docs/conformance/x225.txt states it; version 1 has no word for it
		}
		return r, misfit(*p, piTSDUSize, clauseConnect, "a size is below %d", MinTSDUSize)
	case p.Units&c.Units&duplexes == 0:
		return spdu.RefusedByProvider, misfit(*p, piRequirements, clauseUnits, "%v of half-duplex and duplex, and not %v", p.Units&duplexes, c.Units&duplexes)
	case s.simplex && (p.Units&HalfDuplex == 0 || p.TokenSetting.Of(DataToken) > spdu.AtResponder):
		return spdu.RefusedByProvider, misfit(*p, piTokenSetting, clauseSimplex, "a simplex session is half-duplex, and its data token has a place")
	}
	return 0, nil
}

func tooSmall(size uint16) bool { return size != 0 && size < MinTSDUSize }

// answerConnect returns the SPDU with which the machine itself answers a CN: RF if something speaks against it, or OA if more user data are to come.
func (s *Session) answerConnect(p *spdu.CN, r spdu.RefuseReason, against error) ([][]byte, error) {
	switch {
	case against != nil:
		s.finish(&RefusedError{Service: s.Service(), Reason: r, Err: against})
		rf := spdu.RF{Keep: s.m.Keeps(spm.CN), Reason: r}
		if r == spdu.RefusedVersions {
			rf.Version = spdu.Version1 | spdu.Version2
		}
		return spdu.Segments(rf, 0)
	case p.More:
		return spdu.Segments(spdu.OA{Version: spdu.Version2, TSDUSize: p.TSDUSize}, 0)
	}
	return nil, nil
}

// overflow returns what an OA asks for: the user data that did not fit into CN.
func (s *Session) overflow(p *spdu.OA) ([][]byte, error) {
	if len(s.set.overflow) == 0 {
		return nil, misfit(p, 0, clauseStates, "the CN does not overflow")
	}
	if tooSmall(p.TSDUSize.ToResponder) {
		return nil, misfit(p, piTSDUSize, clauseConnect, "size %d is below %d", p.TSDUSize.ToResponder, MinTSDUSize)
	}
	return spdu.Segments(spdu.CDO{UserData: s.set.overflow}, int(p.TSDUSize.ToResponder))
}

// accepted takes over what an AC says, and returns the position of the tokens.
func (s *Session) accepted(p *spdu.AC) (setting spdu.TokenSetting, err error) {
	c := &s.set.cfg
	for _, size := range []struct {
		answer   uint16
		proposed int
	}{{p.TSDUSize.ToInitiator, c.receiveSize()}, {p.TSDUSize.ToResponder, c.TSDUSize}} {
		if tooSmall(size.answer) || size.proposed != 0 && (size.answer == 0 || int(size.answer) > size.proposed) {
			return 0, misfit(p, piTSDUSize, clauseConnect, "size %d answered to %d", size.answer, size.proposed)
		}
	}
	if p.Version&c.Version == 0 {
		return 0, misfit(p, piVersion, clauseConnect, "version %d answered to %d", p.Version, c.Version)
	}
	s.version = p.Version
	u := s.set.cn.Units & p.Units
	for i := range 4 {
		k := Tokens(1) << (2 * i)
		at := s.set.cn.TokenSetting.Of(k)
		if at == spdu.CalledChooses {
			at = p.TokenSetting.Of(k)
		}
		if at != spdu.AtInitiator && at != spdu.AtResponder && spm.TokensOf(u)&k != 0 {
			return 0, misfit(p, piTokenSetting, clauseSetting, "it does not say where the %v token is", k)
		}
		setting = setting.With(k, at)
	}
	s.agree(Parameters{Calling: string(s.set.cn.Calling), Called: string(s.set.cn.Called), Responding: string(p.Responding), Units: u, Version: p.Version,
		Serial:    p.Serial.N,
		Reference: Reference{Calling: s.set.cn.ID.User, Called: p.ID.User, Common: p.ID.Common, Additional: p.ID.Additional},
		Tokens:    settingsOf(setting, spm.TokensOf(u), true), Concatenation: p.ExtendedConcatenation,
		SendSize: int(p.TSDUSize.ToResponder), ReceiveSize: int(p.TSDUSize.ToInitiator), PleaseTokens: p.Tokens, Simplex: s.simplex, UserData: p.UserData})
	s.sendMax = p.TSDUSize.ToResponder
	s.concatenation, s.concatenate = c.Concatenation, p.ExtendedConcatenation
	return setting, nil
}
