package main

import (
	"context"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
	"github.com/tenuto-session/tenuto/forward"
	"github.com/tenuto-session/tenuto/relay"
	"github.com/tenuto-session/tenuto/rfc1006"
)

func (p *program) gateway() *cobra.Command {
	var l limits
	cmd := &cobra.Command{
		Use:   "gateway LISTEN-URL TARGET-URL",
		Short: "Join sessions of two kinds",
		Long: `Gateway accepts at LISTEN-URL, connects each session or connection to TARGET-URL,
and passes on what comes from either. The URLs are those of sessions:

  osi://host:port/?tsel=…&ssel=…  OSI session over RFC 1006 (port 102)
  tenuto://host:port[/service]    sessions over bridges, and its other carriers

or of streams of octets, tcp://host:port and unix:///path, or of a family with a
stack of its own:

  decnet://NODE/OBJECT            link of the DECnet node that --decnet names;
                                  decnet:///OBJECT to accept
  adsp://Object:Type@Zone         AppleTalk data stream, on the link of --atalk
  asp://Object:Type@Zone          session of an AppleTalk file server: the other end
                                  is a gateway whose other side is asp:// as well

Between sessions it is a relay: it proposes to the target what the peer here has
proposed, answers as the target does, and passes on primitive by primitive. With
one gateway beside each of two OSI systems their association crosses a network
that cuts connections:

  here   tenuto gateway osi://127.0.0.1:102 tenuto://site/mms
  there  tenuto gateway tenuto://:7225 osi://plc/?tsel=0x0001

An osi:// TARGET-URL is called with its own selectors, and with those that the
peer here calls where it names none, if that is an OSI system. OSI sessions are
accepted on this machine alone unless --allow-plaintext says otherwise.`,
		Example: `  tenuto gateway osi://127.0.0.1:10102 tenuto://site/mms
  tenuto gateway tenuto://:7225 osi://plc/?tsel=0x0001\&ssel=0x0001
  tenuto gateway --allow-plaintext osi://:10102 osi://plc
  tenuto gateway tcp://127.0.0.1:8080 osi://127.0.0.1:10102
  tenuto gateway --decnet alpha.toml tcp://127.0.0.1:8200 decnet://BETA/200
  tenuto gateway tcp://127.0.0.1:8080 adsp://Mine@Office
  tenuto gateway asp://Files tenuto://site/afp`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := l.check(cmd.Flags()); err != nil {
				return err
			}
			if l.osi.Kept < 1 || l.osi.KeptTime <= 0 {
				return usagef("--kept and --kept-time are positive")
			}
			return p.runGateway(cmd.Context(), args[0], args[1], &l)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&l.osi.Reuse, "reuse", false, "keep OSI transport connections for the next session, where the other end agrees")
	f.IntVar(&l.osi.Kept, "kept", 16, "keep at most `N` of them")
	f.DurationVar(&l.osi.KeptTime, "kept-time", time.Minute, "keep each for at most `TIME`")
	l.both(f)
	return cmd
}

func (p *program) runGateway(ctx context.Context, listen, target string, l *limits) error {
	ep, err := p.endpoint(ctx, l)
	if err != nil {
		return err
	}
	defer ep.Close()
	if family(listen) != "" || family(target) != "" {
		return p.gatewayFamilies(ctx, ep, listen, target, &l.nodes)
	}
	told := control.Process{URL: target}
	to, toStream := stream(target)
	if toStream {
		told.URL, told.Target = "", target
	} else if _, err := ep.Check(target); err != nil {
		return usageError{err}
	}
	if at, ok := stream(listen); ok {
		return p.gatewayStreams(ctx, ep, at, to, &told)
	}
	cfg := &tenuto.Config{Units: relay.Units, Relay: true}
	if toStream {
		cfg = forward.Dialogues
	}
	ln, err := ep.Listen(ctx, listen, cfg)
	if err != nil {
		return err
	}
	defer ln.Close()
	told.Listen = []string{ln.URL()}
	defer p.tell("gateway", ep, told)()
	p.log.Info("listening", "url", ln.URL(), "target", target)
	if toStream {
		t, err := forward.NewRegistry().Parse(to)
		if err != nil {
			return usageError{err}
		}
		s := &forward.Server{Default: t, Logger: p.log}
		return s.Serve(ctx, forward.Listener(ln, cfg))
	}
	u, err := url.Parse(target)
	if err != nil {
		return usageError{err}
	}
	r := &relay.Relay{Logger: p.log, Dial: func(ctx context.Context, near *tenuto.Incoming, cfg *tenuto.Config) (*tenuto.Session, error) {
		return ep.Dial(ctx, selected(u, near, cfg), cfg)
	}}
	return r.Serve(ctx, ln)
}

// gatewayStreams makes a session, or a connection, of every connection.
func (p *program) gatewayStreams(ctx context.Context, ep *tenuto.Endpoint, at, to string, told *control.Process) error {
	f := &forward.Forwarder{Dial: forward.DialURL(ep, told.URL, nil), Logger: p.log}
	if told.URL == "" {
		var err error
		if f.Dial, err = forward.DialTarget(to); err != nil {
			return usageError{err}
		}
	}
	ln, err := forward.Listen(ctx, at)
	if err != nil {
		return err
	}
	defer ln.Close()
	told.Listen = []string{ln.Addr().String()}
	defer p.tell("gateway", ep, *told)()
	p.log.Info("listening", "address", ln.Addr().String(), "target", told.URL+told.Target)
	return f.Serve(ctx, ln)
}

// stream is the address in the URL of a stream of octets, as package forward writes it.
func stream(rawURL string) (address string, ok bool) {
	if address, ok := strings.CutPrefix(rawURL, "tcp://"); ok {
		return strings.TrimSuffix(address, "/"), true
	}
	if path, ok := strings.CutPrefix(rawURL, "unix:"); ok {
		return "unix:" + strings.TrimPrefix(path, "//"), true
	}
	return "", false
}

// selected is an OSI target with the selectors that the peer here calls, and calls itself, where the target names none and the peer is an OSI system.
func selected(target *url.URL, near *tenuto.Incoming, cfg *tenuto.Config) string {
	local, here := near.LocalAddr().(*rfc1006.Addr)
	remote, there := near.RemoteAddr().(*rfc1006.Addr)
	if target.Scheme != tenuto.SchemeOSI || !here || !there {
		return target.String()
	}
	q := target.Query()
	for _, s := range []struct {
		name string
		tsap []byte
	}{{"tsel", local.TSAP}, {"ctsel", remote.TSAP}} {
		if !q.Has(s.name) && len(s.tsap) > 0 {
			q.Set(s.name, "0x"+hex.EncodeToString(s.tsap))
		}
	}
	p := near.Parameters()
	if !q.Has("ssel") && strings.Trim(target.Path, "/") == "" {
		cfg.Service = p.Called
	}
	if !q.Has("cssel") {
		cfg.Calling = p.Calling
	}
	far := *target
	far.RawQuery = q.Encode()
	return far.String()
}
