package main

import (
	"context"
	"errors"
	"net/url"
	"path"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto"
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
		Example: `  tenuto forward :15432 tenuto+tcp://127.0.0.1:7225/db
  tenuto forward unix:/tmp/docker.sock tenuto+tcp://127.0.0.1:7225/docker
  tenuto forward --reverse 127.0.0.1:3000 tenuto+tcp://127.0.0.1:7225/web`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(checkURL(args[1]), limits.check()); err != nil {
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
	limits.add(cmd.Flags())
	return cmd
}

func (p *program) runForward(ctx context.Context, local, url string, l *limits) error {
	ln, err := forward.Listen(ctx, local)
	if err != nil {
		return err
	}
	defer ln.Close()
	ep, err := tenuto.NewEndpoint(l.config(p.log))
	if err != nil {
		return err
	}
	defer ep.Close()
	p.log.Info("listening", "address", ln.Addr().String(), "url", url)
	f := &forward.Forwarder{Dial: forward.DialURL(ep, url, nil), Logger: p.log}
	return f.Serve(ctx, ln)
}

func (p *program) runReverse(ctx context.Context, target forward.Target, url string, l *limits) error {
	ep, err := tenuto.NewEndpoint(l.config(p.log))
	if err != nil {
		return err
	}
	defer ep.Close()
	r := &forward.ReverseClient{
		Service:  serviceOf(url),
		Target:   target,
		Register: forward.RegisterURL(ep, url, nil),
		IsFinal:  forward.IsReplaced,
		Logger:   p.log,
	}
	return r.Run(ctx)
}

// checkURL finds mistakes of the command line; what the URL's scheme makes of the rest is the endpoint's to say.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return usageError{err}
	case u.Scheme == "" || u.Host == "":
		return usagef("%q is no URL such as tenuto+tcp://127.0.0.1:7225/service", text)
	case serviceOf(text) == "":
		return usagef("%q names no service: it is the last element of the path", text)
	case len(serviceOf(text)) > maxName:
		return usagef("%q: the service's name has more than %d octets", text, maxName)
	}
	return nil
}

// serviceOf returns the last element of a URL's path.
func serviceOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	if s := path.Base(u.Path); s != "." && s != "/" {
		return s
	}
	return ""
}
