package drive

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tenuto-session/tenuto"
)

func (p *Player) connect(ctx context.Context, l *line) error {
	if p.o.Dial == nil {
		return errors.New("a listener does not connect")
	}
	p.untilEnd(ctx)
	if p.session != nil {
		return errors.New("there is a session already")
	}
	c, err := l.config()
	if err != nil {
		return err
	}
	c.Trace = p.trace
	p.show(true, requestText("S-CONNECT request", l))
	s, err := p.o.Dial(ctx, c)
	var refused *tenuto.RefusedError
	if errors.As(err, &refused) {
		e := newEvent(fmt.Sprintf("S-CONNECT confirm(refused=%q%s)", refused.Reason, comma(dataPart(refused.Data))))
		p.show(false, e.text)
		p.queue, p.began = append(p.queue, e), true
		return p.failUnlessExpected(e)
	}
	if err != nil {
		return err
	}
	e := newEvent(connectText("confirm", s.Parameters()))
	e.passed = true
	p.show(false, e.text)
	p.queue = append(p.queue, e)
	p.start(s)
	return nil
}

// failUnlessExpected makes a refusal an error, unless the next line of the script expects a confirm of S-CONNECT.
func (p *Player) failUnlessExpected(e event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if next := p.at + 1; next < len(p.script) && p.script[next].verb == "expect" && p.script[next].word(0) == "connect" {
		return nil
	}
	return errors.New(e.text)
}

func comma(s string) string {
	if s == "" {
		return ""
	}
	return ", " + s
}

// connectText is the notation of an S-CONNECT indication or confirm.
func connectText(kind string, c tenuto.Parameters) string {
	parts := []string{"fu=" + strings.ReplaceAll(c.Units.String(), "+", ","), fmt.Sprintf("version=%d", uint8(c.Version))}
	for _, sel := range []struct{ name, v string }{{"called", c.Called}, {"calling", c.Calling}} {
		if sel.v != "" {
			parts = append(parts, fmt.Sprintf("%s=%q", sel.name, sel.v))
		}
	}
	if s := c.Tokens.String(); s != "" {
		parts = append(parts, s)
	}
	if c.Simplex {
		parts = append(parts, "simplex")
	}
	if c.Serial != 0 {
		parts = append(parts, fmt.Sprintf("serial=%d", c.Serial))
	}
	if d := dataPart(c.UserData); d != "" {
		parts = append(parts, d)
	}
	return fmt.Sprintf("S-CONNECT %s(%s)", kind, strings.Join(parts, ", "))
}

// incoming waits for an S-CONNECT indication.
func (p *Player) incoming(ctx context.Context) error {
	switch {
	case p.o.Next == nil:
		return errors.New("only a listener is connected to")
	case p.in != nil:
		return nil
	}
	p.untilEnd(ctx)
	if p.session != nil {
		return errors.New("there is a session already")
	}
	if p.o.Terminal || !p.began {
		ctx = p.ctx // a listener waits for its first peer as long as it takes
	}
	in, err := p.o.Next(ctx)
	if err != nil {
		return err
	}
	p.in = in
	p.show(false, connectText("indication", in.Parameters()))
	return nil
}

func (p *Player) accept(ctx context.Context, l *line) error {
	c, err := l.config()
	if err != nil {
		return err
	}
	if err := p.incoming(ctx); err != nil {
		return err
	}
	if c.Units == 0 {
		c.Units = p.in.Parameters().Units
	}
	if l.set["concatenation"] == "" {
		c.Concatenation = p.in.Parameters().Concatenation
	}
	c.Trace = p.trace
	p.show(true, requestText("S-CONNECT response", l))
	s, err := p.in.Accept(ctx, c)
	if err != nil {
		return err
	}
	p.in = nil
	p.start(s)
	return nil
}

var refusals = map[string]tenuto.RefuseReason{"": tenuto.RefusedByUser, "congestion": tenuto.RefusedCongestion, "unknown": tenuto.RefusedServiceUnknown,
	"not-there": tenuto.RefusedServiceNotThere}

func (p *Player) refuse(ctx context.Context, l *line) error {
	if err := l.allow(1); err != nil {
		return err
	}
	r, ok := refusals[l.word(0)]
	if !ok {
		return fmt.Errorf("no reason %q (there are congestion, unknown and not-there)", l.word(0))
	}
	if err := p.incoming(ctx); err != nil {
		return err
	}
	p.show(true, requestText("S-CONNECT response, negative", l))
	err := p.in.Refuse(r, l.data)
	p.in, p.began = nil, true
	return err
}
