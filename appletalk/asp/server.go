package asp

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

// MaxSessions is how many sessions a listening socket has at most.
const MaxSessions = 256

// maxPending is how many requests of a session the server's user has at a time. More are not heard until he has replied.
const maxPending = 8

// ServerConfig is what a server is to be like.
type ServerConfig struct {
	Status   []byte // what GetStatus is answered with, at most MaxStatus octets; some workstations want no more than 512
	Sessions int    // at a time; 0 is MaxSessions
	PerNode  int    // of one workstation; 0 is 16
	SSS      uint8  // the socket of all sessions, beside the one that listens
}

// Check tells what is wrong with a configuration.
func (c *ServerConfig) Check() error {
	switch {
	case len(c.Status) > MaxStatus:
		return fmt.Errorf("asp: status: %d octets exceed %d", len(c.Status), MaxStatus)
	case c.Sessions < 0 || c.Sessions > MaxSessions || c.PerNode < 0:
		return fmt.Errorf("asp: sessions: %d, and %d of a node, are not 0 to %d", c.Sessions, c.PerNode, MaxSessions)
	}
	return nil
}

// Session is a server's end of a session.
type Session struct {
	ID   uint8
	Peer ddp.Socket // WSS
	User any        // the server's user's

	first   bool // no request has come yet
	seq     uint16
	heard   time.Time
	tickled time.Time
	pending []*Request
	asking  []*atp.Transaction // of ours
	closing bool
}

// Request is a Command or a Write of a session.
type Request struct {
	Session  *Session
	Function Function // Command or Write
	Block    []byte

	seq uint16
	in  *atp.Incoming
	tr  *atp.Transaction // WriteContinue
}

// EventKind says what has happened.
type EventKind uint8

// The kinds of events.
const (
	Opened    EventKind = iota + 1 // a session
	Closed                         // a session: Err is nil if the workstation has closed it
	Requested                      // a workstation asks
	Written                        // what Continue has asked for has come: Data
	Noted                          // an attention was acknowledged, or not: Err
)

// Event is something that the server's user has to hear of.
type Event struct {
	Kind    EventKind
	Session *Session
	Request *Request
	Data    []byte
	Err     error
}

// Server is the server's side of all sessions of a listening socket.
//
//	handlers   Listening Handle Tick
//	commands   Reply Continue Attention Close SetStatus
//	getters    Sessions Next
//	outputs    Drain Events
//
// Listening takes what comes to the listening socket, Handle what comes to the sessions' socket, and Drain has what is to be sent from each.
type Server struct {
	Strays int // packets of no session, out of sequence, or nobody's
	Busy   int // sessions that were refused

	cfg      ServerConfig
	sessions [MaxSessions]*Session
	count    int
	id       uint8 // of the last session

	listening atp.Responder // SLS
	responder atp.Responder // SSS
	requester *atp.Requester
	asks      map[*atp.Transaction]ask
	tickles   []atp.Sending
	tid       uint16 // of tickles, which nobody answers
	events    []Event
}

// ask is what a transaction of the server's is for.
type ask struct {
	session *Session
	kind    Function
	request *Request
}

// NewServer makes a server with a configuration that Check finds nothing wrong with. Transactions have the identifiers after tid.
func NewServer(cfg ServerConfig, tid uint16) *Server {
	if cfg.Sessions == 0 {
		cfg.Sessions = MaxSessions
	}
	if cfg.PerNode == 0 {
		cfg.PerNode = 16
	}
	return &Server{cfg: cfg, requester: atp.NewRequester(tid), asks: map[*atp.Transaction]ask{}, tid: tid}
}

// SetStatus is what GetStatus is answered with from now on.
func (s *Server) SetStatus(b []byte) { s.cfg.Status = b }

// Sessions are the sessions that are open, by their identifiers.
func (s *Server) Sessions() (open []*Session) {
	for _, ss := range &s.sessions {
		if ss != nil {
			open = append(open, ss)
		}
	}
	return open
}

// Open tells whether a session is open.
func (s *Server) Open(ss *Session) bool { return s.sessions[ss.ID] == ss && !ss.closing }

// Shut has the server take no more sessions.
func (s *Server) Shut() { s.cfg.Sessions = 0 }

func (s *Server) event(e Event) { s.events = append(s.events, e) }

// Listening takes a packet that has come to the listening socket. IA2 ch. 11
func (s *Server) Listening(now time.Time, from ddp.Socket, p atp.Packet) {
	if p.Function == atp.TReq && Function(p.User[0]) == Tickle {
		// All tickles come to the listening socket: whose it is says the session's identifier.
		if ss := s.of(from, p.User[1]); ss != nil {
			ss.heard = now
		} else {
			s.Strays++
		}
		return
	}
	in := s.listening.Handle(now, from, p)
	if in == nil {
		return
	}
	switch Function(in.User[0]) {
	case GetStatus:
		s.respond(&s.listening, now, in, split(0, s.cfg.Status))
	case OpenSess:
		s.open(now, in)
	default:
		s.Strays++
	}
}

// respond answers a request: its parts are never too many or too large.
func (s *Server) respond(r *atp.Responder, now time.Time, in *atp.Incoming, parts []atp.Part) {
	if err := r.Respond(now, in, parts); err != nil {
		panic("BUG: asp: " + err.Error())
	}
}

// of is the session of a workstation: its node has to be the one that has opened it.
func (s *Server) of(from ddp.Socket, id uint8) *Session {
	if ss := s.sessions[id]; ss != nil && ss.Peer.Matches(from.Addr) {
		return ss
	}
	return nil
}

// from is how many sessions a workstation has.
func (s *Server) from(node ddp.Socket) (n int) {
	for _, ss := range &s.sessions {
		if ss != nil && ss.Peer.Matches(node.Addr) {
			n++
		}
	}
	return n
}

// open answers OpenSess.
func (s *Server) open(now time.Time, in *atp.Incoming) {
	deny := func(e Error) {
		s.respond(&s.listening, now, in, []atp.Part{{User: user(0, 0, uint16(e))}})
	}
	peer := in.From
	peer.Num = in.User[1]
	accept := func(ss *Session) {
		s.respond(&s.listening, now, in, []atp.Part{{User: user(Function(s.cfg.SSS), ss.ID, 0)}})
	}
	for _, ss := range &s.sessions {
		if ss != nil && ss.Peer == peer && ss.first && !ss.closing { // it was doubled on the way, and comes after ATP has forgotten the first
			accept(ss)
			return
		}
	}
	switch {
	case arg(in.User) != Version:
		deny(ErrVersion)
		return
	case s.count >= s.cfg.Sessions || s.from(in.From) >= s.cfg.PerNode:
		s.Busy++
		deny(ErrBusy)
		return
	}
	for s.id++; s.sessions[s.id] != nil; s.id++ {
	}
	ss := &Session{ID: s.id, Peer: peer, first: true, heard: now, tickled: now}
	s.sessions[ss.ID] = ss
	s.count++
	s.event(Event{Kind: Opened, Session: ss})
	accept(ss)
}

// Handle takes a packet that has come to the sessions' socket.
func (s *Server) Handle(now time.Time, from ddp.Socket, p atp.Packet) {
	if p.Function == atp.TResp {
		if t := s.requester.Handle(now, from, p); t != nil {
			s.answered(now, t)
		}
		return
	}
	if p.Function == atp.TReq { // one that is not taken is not known to the responder: it comes again
		ss := s.of(from, p.User[1])
		switch {
		case ss == nil && Function(p.User[0]) == CloseSess: // of a session that has ended here: let the workstation know
			s.Strays++
		case ss == nil || !s.takes(ss, from, p):
			s.Strays++
			return
		default:
			ss.heard = now
		}
	}
	in := s.responder.Handle(now, from, p)
	if in == nil {
		return
	}
	ss := s.of(from, in.User[1])
	if Function(in.User[0]) == CloseSess {
		s.respond(&s.responder, now, in, []atp.Part{{}})
		if ss != nil {
			s.end(ss, nil)
		}
		return
	}
	ss.first, ss.seq = false, arg(in.User)+1
	r := &Request{Session: ss, Function: Function(in.User[0]), Block: slices.Clone(in.Data), seq: arg(in.User), in: in}
	in.Data = nil
	ss.pending = append(ss.pending, r)
	s.event(Event{Kind: Requested, Session: ss, Request: r})
}

// takes tells whether a request is in sequence, or one that has come before. IA2 ch. 11
func (s *Server) takes(ss *Session, from ddp.Socket, p atp.Packet) bool {
	switch f := Function(p.User[0]); f {
	case CloseSess:
		return true
	case Command, Write:
		return !ss.closing && (s.responder.Knows(from, p.TID) || (ss.first || arg(p.User) == ss.seq) && len(ss.pending) < maxPending)
	}
	return false
}

// settle forgets a request; it reports false if its session has ended.
func (s *Server) settle(r *Request) bool {
	i := slices.Index(r.Session.pending, r)
	if i < 0 {
		return false
	}
	r.Session.pending = slices.Delete(r.Session.pending, i, i+1)
	if r.tr != nil {
		s.cancel(r.tr)
	}
	return true
}

// Reply answers a request, once: with the result that the workstation's user gets and at most Quantum octets. A Write may be answered before its
// data have been asked for.
func (s *Server) Reply(now time.Time, r *Request, result int32, data []byte) error {
	if len(data) > Quantum {
		return ErrSize
	}
	if !s.settle(r) {
		return ErrSessClosed
	}
	s.respond(&s.responder, now, r.in, split(uint32(result), data))
	return nil
}

// Continue asks for at most size octets of a Write's data, 1 to Quantum; the event Written has them. IA2 ch. 11
func (s *Server) Continue(now time.Time, r *Request, size int) error {
	switch {
	case r.Function != Write || r.tr != nil || size < 1 || size > Quantum:
		return ErrParameter
	case !slices.Contains(r.Session.pending, r):
		return ErrSessClosed
	}
	t, err := s.ask(now, ask{r.Session, WriteContinue, r}, atp.Request{User: user(WriteContinue, r.Session.ID, r.seq),
		Data: binary.BigEndian.AppendUint16(nil, uint16(size)), Responses: (size + atp.MaxData - 1) / atp.MaxData, XO: true, Tries: atp.Infinite})
	r.tr = t
	return err
}

// Attention sends a code that is not 0 to a session's workstation. The event Noted says what has come of it.
func (s *Server) Attention(now time.Time, ss *Session, code uint16) error {
	switch {
	case code == 0 || len(ss.asking) >= maxPending:
		return ErrParameter
	case s.sessions[ss.ID] != ss || ss.closing:
		return ErrSessClosed
	}
	_, err := s.ask(now, ask{ss, Attention, nil}, atp.Request{User: user(Attention, ss.ID, code), Responses: 1, Tries: closeTries})
	return err
}

// Close ends a session. Its requests are not answered any more.
func (s *Server) Close(now time.Time, ss *Session) {
	if s.sessions[ss.ID] != ss || ss.closing {
		return
	}
	ss.closing = true
	s.drop(ss)
	if _, err := s.ask(now, ask{ss, CloseSess, nil}, atp.Request{User: user(CloseSess, ss.ID, 0), Responses: 1, Tries: closeTries}); err != nil {
		s.end(ss, ErrSessClosed) // the workstation hears of it by silence
	}
}

// ask begins a transaction with a session's workstation. It fails if too many are under way.
func (s *Server) ask(now time.Time, a ask, q atp.Request) (*atp.Transaction, error) {
	q.Peer, q.Interval = a.session.Peer, retryTime
	t, err := s.requester.Begin(now, q)
	if err != nil {
		return nil, err
	}
	s.asks[t] = a
	a.session.asking = append(a.session.asking, t)
	return t, nil
}

// cancel forgets a transaction.
func (s *Server) cancel(t *atp.Transaction) {
	ss := s.asks[t].session
	if ss == nil {
		return
	}
	s.requester.Cancel(t)
	delete(s.asks, t)
	ss.asking = slices.DeleteFunc(ss.asking, func(o *atp.Transaction) bool { return o == t })
}

// answered takes the response to a request of ours, or that there is none.
func (s *Server) answered(now time.Time, t *atp.Transaction) {
	a := s.asks[t]
	s.cancel(t)
	if t.Err == nil {
		a.session.heard = now
	}
	switch a.kind {
	case WriteContinue:
		a.request.tr = nil
		s.event(Event{Kind: Written, Session: a.session, Request: a.request, Data: join(t.Parts())})
	case Attention:
		e := Event{Kind: Noted, Session: a.session}
		if t.Err != nil {
			e.Err = ErrNoAck
		}
		s.event(e)
	case CloseSess:
		s.end(a.session, ErrSessClosed)
	}
}

// drop forgets what a session asks and is asked.
func (s *Server) drop(ss *Session) {
	ss.pending = nil
	for len(ss.asking) > 0 {
		s.cancel(ss.asking[0])
	}
}

// end ends a session.
func (s *Server) end(ss *Session, err error) {
	s.drop(ss)
	s.sessions[ss.ID] = nil
	s.count--
	s.event(Event{Kind: Closed, Session: ss, Err: err})
}

// Next is when Tick has something to do; zero if it has nothing.
func (s *Server) Next() time.Time {
	next := earliest(earliest(s.listening.Next(), s.responder.Next()), s.requester.Next())
	for _, ss := range &s.sessions {
		if ss != nil {
			next = earliest(next, earliest(ss.heard.Add(SessionTime), ss.tickled.Add(TickleTime)))
		}
	}
	return next
}

// Tick does what is due.
func (s *Server) Tick(now time.Time) {
	s.listening.Tick(now)
	s.responder.Tick(now)
	for _, t := range s.requester.Tick(now) {
		s.answered(now, t)
	}
	for _, ss := range &s.sessions {
		switch {
		case ss == nil:
		case !now.Before(ss.heard.Add(SessionTime)):
			s.end(ss, ErrNoAck)
		case !now.Before(ss.tickled.Add(TickleTime)):
			// Not a transaction: nobody answers, and there may be many.
			ss.tickled = now
			s.tid++
			s.tickles = append(s.tickles, atp.Sending{To: ss.Peer, Packet: atp.Packet{Function: atp.TReq, TID: s.tid, User: user(Tickle, ss.ID, 0)}})
		}
	}
}

// Drain returns what is to be sent since the last time, from the listening socket and from that of the sessions.
func (s *Server) Drain() (listening, sessions []atp.Sending) {
	tickles := s.tickles
	s.tickles = nil
	return s.listening.Drain(), append(append(tickles, s.requester.Drain()...), s.responder.Drain()...)
}

// Events returns what has happened since the last time.
func (s *Server) Events() []Event {
	e := s.events
	s.events = nil
	return e
}
