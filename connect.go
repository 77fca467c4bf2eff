package tenuto

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
)

// connect is the S-CONNECT request on a new transport connection, and waits for its confirm. On an error the transport connection
// has been disconnected, or will be by itself.
func connect(ctx context.Context, tc transport.Conn, cfg *Config) (*Session, error) {
	c, err := cfg.session()
	if err != nil {
		tc.Disconnect(transport.ReasonNormal)
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	s := newSession(tc, c)
	s.start = true
	cn, rest := spdu.SplitConnect(spdu.CN{
		ConnectItem: spdu.ConnectItem{
			TSDUSize: spdu.TSDUSize{ToResponder: uint16(c.TSDUSize), ToInitiator: uint16(c.TSDUSize)},
			Version:  spdu.Version2, // the only one that all peers take today (x225 7)
		},
		Units:    c.Units,
		Called:   []byte(c.Service),
		UserData: c.UserData,
	})
	s.rx.overflow = rest
	b, err := cn.AppendBinary(nil)
	if err != nil {
		tc.Disconnect(transport.ReasonNormal)
		return nil, err
	}
	s.mu.Lock()
	s.must(spm.Event{Kind: spm.SCONreq, Units: c.Units, Len: len(c.UserData)}, input{})
	s.must(spm.Event{Kind: spm.TCONcnf, Expedited: tc.HasExpedited()}, input{tsdus: [][]byte{b}})
	s.perform()
	if err := s.awaitConfirm(ctx); err != nil {
		s.Abort(nil)
		return nil, err
	}
	return s, nil
}

func (s *Session) awaitConfirm(ctx context.Context) error {
	w := s.rx.waiter.begin(ctx)
	defer w.done()
	for {
		s.mu.Lock()
		st := s.m.State()
		s.mu.Unlock()
		if st == spm.DataTransfer {
			s.rx.overflow = nil
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
	r, err := cfg.session()
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
func (in *Incoming) Service() string { return in.s.service }

// UserData returns the user data of the S-CONNECT request.
func (in *Incoming) UserData() []byte { return in.s.peerData }

// RemoteAddr returns the address of the peer's end of the transport connection.
func (in *Incoming) RemoteAddr() net.Addr { return in.s.tc.RemoteAddr() }

// Accept is the positive S-CONNECT response. It does not wait.
func (in *Incoming) Accept(ctx context.Context, cfg *Config) (*Session, error) {
	c, err := cfg.session()
	if err != nil {
		return nil, err
	}
	s := in.s
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.cfg = c
	size := s.rx.sizes
	size.ToInitiator = limit(size.ToInitiator, c.TSDUSize)
	size.ToResponder = limit(size.ToResponder, c.TSDUSize)
	s.sendMax = int(size.ToInitiator)
	tsdus, err := s.encode(spdu.AC{
		ConnectItem: spdu.ConnectItem{TSDUSize: size, Version: s.version},
		Units:       c.Units,
		Responding:  []byte(s.service),
		UserData:    c.UserData,
	}, len(c.UserData))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.perform()
	if err := s.over(); err != nil {
		return nil, err
	}
	if err := s.step(spm.Event{Kind: spm.SCONrspPos, Units: c.Units}, input{tsdus: tsdus}); err != nil {
		return nil, wrap(err)
	}
	return s, nil
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
	tsdus, err := s.encode(spdu.RF{Reason: r, UserData: data}, len(data))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.perform()
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
	if p.Version&spdu.Version2 == 0 {
		s.version = spdu.Version1
	}
	s.service = string(p.Called)
	s.peerData = p.UserData
	s.rx.sizes = p.TSDUSize
	ev.Refuse = p.Version == 0 || p.Units&Duplex == 0 || tooSmall(p.TSDUSize.ToInitiator) || tooSmall(p.TSDUSize.ToResponder)
	return ev
}

func tooSmall(size uint16) bool { return size != 0 && size < MinTSDUSize }

// answerConnect returns the SPDU with which the machine itself answers a CN: RF, or OA if more user data are to come.
func (s *Session) answerConnect(p *spdu.CN, refuse bool) ([][]byte, error) {
	switch {
	case refuse && p.Version == 0:
		s.finish(&RefusedError{Service: s.service, Reason: spdu.RefusedVersions})
		return spdu.Segments(spdu.RF{Reason: spdu.RefusedVersions, Version: spdu.Version1 | spdu.Version2}, 0)
	case refuse:
		s.finish(&RefusedError{Service: s.service, Reason: spdu.RefusedByProvider})
		return spdu.Segments(spdu.RF{Reason: spdu.RefusedByProvider}, 0)
	case p.More:
		return spdu.Segments(spdu.OA{Version: spdu.Version2, TSDUSize: p.TSDUSize}, 0)
	}
	return nil, nil
}

// overflow returns what an OA asks for: the user data that did not fit into CN.
func (s *Session) overflow(p *spdu.OA) ([][]byte, error) {
	if len(s.rx.overflow) == 0 {
		return nil, errors.New("tenuto: OA without a CN that overflows")
	}
	if tooSmall(p.TSDUSize.ToResponder) {
		return nil, fmt.Errorf("tenuto: TSDU maximum size %d", p.TSDUSize.ToResponder)
	}
	return spdu.Segments(spdu.CDO{UserData: s.rx.overflow}, int(p.TSDUSize.ToResponder))
}

// accepted takes over what an AC says.
func (s *Session) accepted(p *spdu.AC) error {
	own := uint16(s.cfg.TSDUSize)
	for _, size := range []uint16{p.TSDUSize.ToInitiator, p.TSDUSize.ToResponder} {
		if tooSmall(size) || own != 0 && (size == 0 || size > own) {
			return fmt.Errorf("tenuto: TSDU maximum size %d answered to %d", size, own)
		}
	}
	if p.Version != spdu.Version2 {
		return fmt.Errorf("tenuto: version %d answered to %d", p.Version, spdu.Version2)
	}
	s.peerData = p.UserData
	s.sendMax = int(p.TSDUSize.ToResponder)
	return nil
}
