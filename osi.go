package tenuto

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/rfc1006"
	"github.com/tenuto-session/tenuto/transport"
)

// SchemeOSI is the scheme of URLs for OSI session over RFC 1006, such as osi://host:102/?tsel=0x0001&ssel=0x0001. The parameters are
// the selectors that are called, tsel and ssel, those that call, ctsel and cssel, and tpdu, the size of the largest TPDU in octets. A
// selector is text, or hexadecimal digits behind 0x. Of a URL that is listened at, tsel is the transport selector that is served, all if there
// is none; it may occur more than once.
const SchemeOSI = "osi"

// OSIConfig is what an endpoint's transport connections over RFC 1006 are like. The zero OSIConfig is usable.
type OSIConfig struct {
	// Reuse keeps a transport connection after the release of its session for the next one, if the peer agrees (X.225 6.1.5): it has no
	// expedited flow then.
	Reuse bool
	// Kept is how many transport connections without a session are kept at each end; 0 is 16.
	Kept int
	// KeptTime is how long they are; 0 is 60 s.
	KeptTime time.Duration
	// Limits bound what peers can make a listener hold.
	Limits rfc1006.Limits
}

const (
	defaultKept     = 16
	defaultKeptTime = time.Minute
)

// osiAddress is what a URL says.
type osiAddress struct {
	host            string
	called, calling []byte // session selectors
	calledTSAPs     [][]byte
	callingTSAP     []byte
	tpdu            int
}

func parseOSI(u *url.URL) (a osiAddress, err error) {
	a.host = u.Host
	if u.User != nil || u.Fragment != "" {
		return a, fmt.Errorf("tenuto: %s: neither a user nor a fragment has a meaning", u.Redacted())
	}
	if service := strings.Trim(u.Path, "/"); service != "" {
		a.called = []byte(service)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return a, fmt.Errorf("tenuto: %s: %w", u.Redacted(), err)
	}
	for name, values := range q {
		for _, v := range values {
			if err := a.parameter(name, v); err != nil {
				return a, fmt.Errorf("tenuto: %s: %s=%s: %w", u.Redacted(), name, v, err)
			}
		}
		if len(values) > 1 && name != "tsel" {
			return a, fmt.Errorf("tenuto: %s: %s is there twice", u.Redacted(), name)
		}
	}
	return a, nil
}

func (a *osiAddress) parameter(name, v string) (err error) {
	switch name {
	case "tsel":
		var sel []byte
		sel, err = selector(v, cotp.MaxSelector)
		a.calledTSAPs = append(a.calledTSAPs, sel)
	case "ctsel":
		a.callingTSAP, err = selector(v, cotp.MaxSelector)
	case "ssel":
		if a.called != nil {
			return errors.New("the path names the selector already")
		}
		a.called, err = selector(v, MaxService)
	case "cssel":
		a.calling, err = selector(v, MaxService)
	case "tpdu":
		a.tpdu, err = strconv.Atoi(v)
		if err == nil && (a.tpdu < 128 || a.tpdu > cotp.MaxTPDU) {
			err = fmt.Errorf("not from 128 to %d", cotp.MaxTPDU)
		}
	default:
		err = errors.New("no such parameter (there are tsel, ssel, ctsel, cssel and tpdu)")
	}
	return err
}

// selector reads a selector of at most max octets.
func selector(v string, max int) (sel []byte, err error) {
	if digits, ok := strings.CutPrefix(v, "0x"); ok {
		if sel, err = hex.DecodeString(digits); err != nil {
			return nil, err
		}
	} else {
		sel = []byte(v)
	}
	if len(sel) > max {
		return nil, fmt.Errorf("%d octets exceed %d", len(sel), max)
	}
	return sel, nil
}

// dialOSI is S-CONNECT over RFC 1006, on a transport connection that was kept if there is one.
func (ep *Endpoint) dialOSI(ctx context.Context, u *url.URL, cfg *Config) (*Session, error) {
	a, err := parseOSI(u)
	if err != nil {
		return nil, err
	}
	if len(a.calledTSAPs) > 1 {
		return nil, fmt.Errorf("tenuto: dial: %s: more than one tsel", u.Redacted())
	}
	var c Config
	if cfg != nil {
		c = *cfg
	}
	if c.Service == "" {
		c.Service = string(a.called)
	}
	if c.Calling == "" {
		c.Calling = string(a.calling)
	}
	key := u.Host + "?" + u.RawQuery
	expedited := c.Units&Expedited != 0
	if !expedited {
		if l := ep.pool.take(key); l != nil {
			s, err := connect(ctx, l, &c)
			var ae *AbortError
			if err == nil || ctx.Err() != nil || !errors.As(err, &ae) || ae.Reason != ReasonTransport {
				return s, err
			} // the peer has not kept it after all
		}
	}
	rc := &rfc1006.Config{Calling: a.callingTSAP, MaxTPDU: a.tpdu, Expedited: expedited, Logger: ep.log, Group: &ep.osi}
	if len(a.calledTSAPs) == 1 {
		rc.Called = a.calledTSAPs[0]
	}
	tc, err := rfc1006.Dial(ctx, a.host, rc)
	if err != nil {
		return nil, fmt.Errorf("tenuto: dial: %w", err)
	}
	return connect(ctx, ep.pool.dialled(tc, key), &c)
}

// listenOSI makes l accept transport connections over RFC 1006.
func (l *Listener) listenOSI(ctx context.Context, u *url.URL) error {
	a, err := parseOSI(u)
	if err != nil {
		return err
	}
	if len(a.called)+len(a.calling)+len(a.callingTSAP) > 0 {
		return fmt.Errorf("tenuto: listen: %s: a listener has transport selectors alone: tsel", u.Redacted())
	}
	l.osi, err = rfc1006.Listen(ctx, a.host, &rfc1006.Config{TSAPs: a.calledTSAPs, MaxTPDU: a.tpdu, Expedited: true, Anywhere: l.ep.plaintext,
		Limits: l.ep.pool.cfg.Limits, Logger: l.ep.log, Group: &l.ep.osi})
	if err != nil {
		return fmt.Errorf("tenuto: listen: %w", err)
	}
	accepting, cancel := context.WithCancel(l.ep.pool.ctx)
	l.stop = cancel
	l.ep.osi.Go(func() {
		for {
			tc, err := l.osi.Accept(accepting)
			if err != nil {
				l.osi.Close()
				return
			}
			l.ep.osi.Go(func() { l.awaitConnect(tc, l.timeout, func() {}) })
		}
	})
	return nil
}

// awaitConnect waits for the CN on a transport connection that the peer has made or kept. It calls waited when it waits no more, before
// anybody hears of what came.
func (l *Listener) awaitConnect(tc transport.Conn, d time.Duration, waited func()) {
	p := l.ep.pool
	in, err := newIncoming(p.lease(tc, func(tc transport.Conn) {
		if !p.admit() {
			tc.Disconnect(transport.ReasonNormal)
			return
		}
		l.ep.osi.Go(func() { l.awaitConnect(tc, p.cfg.KeptTime, p.release) })
	}), l.cfg)
	if err != nil {
		panic("BUG: " + err.Error()) // the configuration was looked at when listening began
	}
	ctx, cancel := context.WithTimeout(p.ctx, d)
	defer cancel()
	defer context.AfterFunc(ctx, tc.Wake)()
	err = in.read(ctx)
	waited()
	if err != nil {
		l.drop(in, err)
		return
	}
	select {
	case l.late <- in:
	case <-l.done:
		in.Refuse(RefusedServiceNotThere, nil)
	case <-l.over:
		l.drop(in, err)
	}
}
