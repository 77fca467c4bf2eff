package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
	"github.com/tenuto-session/tenuto/forward"
)

func (p *program) forward() *cobra.Command {
	var (
		limits  limits
		reverse bool
	)
	cmd := &cobra.Command{
		Use:   "forward LOCAL URL",
		Short: "Make a session of every local connection",
		Long: `Forward accepts connections at LOCAL, which is [host]:port or unix:PATH, and
carries each over a session of its own to the service that the URL names. All of
them share one bridge. Without a host it listens on 127.0.0.1.

With --reverse the server accepts, at the address that its own --reverse gives
for the service, and each connection is carried to LOCAL, which is then a target
as in tenuto serve.`,
		Example: `  tenuto forward :15432 tenuto://server/db
  tenuto forward unix:/tmp/docker.sock tenuto://server/docker
  tenuto forward --reverse 127.0.0.1:3000 tenuto://server/web`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := limits.check(cmd.Flags()); err != nil {
				return err
			}
			if reverse {
				target, err := forward.NewRegistry().Parse(args[0])
				if err != nil {
					return usageError{err}
				}
				return p.runReverse(cmd.Context(), target, args[1], &limits)
			}
			return p.runForward(cmd.Context(), args[0], args[1], &limits)
		},
	}
	cmd.Flags().BoolVar(&reverse, "reverse", false, "let the server accept, and connect to LOCAL here")
	limits.dialling(cmd.Flags())
	return cmd
}

func (p *program) runForward(ctx context.Context, local, url string, l *limits) error {
	ep, _, err := p.dialler(ctx, l, url)
	if err != nil {
		return err
	}
	defer ep.Close()
	ln, err := forward.Listen(ctx, local)
	if err != nil {
		return err
	}
	defer ln.Close()
	defer p.tell("forward", ep, control.Process{Listen: []string{ln.Addr().String()}, URL: url})()
	p.log.Info("listening", "address", ln.Addr().String(), "url", url)
	f := &forward.Forwarder{Dial: forward.DialURL(ep, url, nil), Logger: p.log}
	return f.Serve(ctx, ln)
}

func (p *program) runReverse(ctx context.Context, target forward.Target, url string, l *limits) error {
	ep, service, err := p.dialler(ctx, l, url)
	if err != nil {
		return err
	}
	defer ep.Close()
	defer p.tell("forward", ep, control.Process{Target: target.String(), URL: url})()
	r := &forward.ReverseClient{
		Service:  service,
		Target:   target,
		Register: forward.RegisterURL(ep, url, nil),
		IsFinal:  forward.IsReplaced,
		Logger:   p.log,
	}
	return r.Run(ctx)
}

// dialler makes an endpoint that can dial the URL, and tells which service that names.
func (p *program) dialler(ctx context.Context, l *limits, url string) (ep *tenuto.Endpoint, service string, err error) {
	if ep, err = p.endpoint(ctx, l); err != nil {
		return nil, "", err
	}
	if service, err = ep.Check(url); err != nil {
		ep.Close()
		return nil, "", usageError{err}
	}
	return ep, service, nil
}
