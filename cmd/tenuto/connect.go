package main

import (
	"context"
	"io"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
	"github.com/tenuto-session/tenuto/forward"
)

func (p *program) connect() *cobra.Command {
	var limits limits
	var simplex, halfDuplex bool
	cmd := &cobra.Command{
		Use:   "connect URL",
		Short: "Carry standard input and output over a session",
		Long: `Connect opens one session and copies standard input to it, and what comes from
it to standard output. The end of either is the end of that direction alone;
connect returns when both have ended, and fails when the session is aborted.

With --simplex data go from here to the server alone. With --half-duplex one end
sends at a time: it is the other's turn when this one waits for what comes.`,
		Example: `  echo hello | tenuto connect tenuto://server/echo
  tail -f log | tenuto connect --simplex tenuto://server/log
  ssh -o ProxyCommand='tenuto connect tenuto://server/ssh' host`,
		Args:        cobra.ExactArgs(1),
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := limits.check(cmd.Flags()); err != nil {
				return err
			}
			cfg := &tenuto.Config{Simplex: simplex}
			switch {
			case simplex && halfDuplex:
				return usagef("--simplex and --half-duplex exclude each other")
			case halfDuplex:
				cfg.Units = tenuto.HalfDuplex
			}
			return p.runConnect(cmd.Context(), args[0], cfg, &limits, newStdio(cmd.InOrStdin(), cmd.OutOrStdout()))
		},
	}
	cmd.Flags().BoolVar(&simplex, "simplex", false, "send only; nothing comes back")
	cmd.Flags().BoolVar(&halfDuplex, "half-duplex", false, "let one end send at a time")
	limits.dialling(cmd.Flags())
	return cmd
}

func (p *program) runConnect(ctx context.Context, url string, cfg *tenuto.Config, l *limits, local forward.Local) error {
	// A reader of standard output that goes away is an error of the write, which aborts the session.
	signal.Ignore(syscall.SIGPIPE)
	ep, _, err := p.dialler(ctx, l, url)
	if err != nil {
		return err
	}
	defer ep.Close()
	defer p.tell("connect", ep, control.Process{URL: url})()
	session, err := forward.DialURL(ep, url, cfg)(ctx)
	if err != nil {
		return err
	}
	_, err = forward.Join(ctx, local, session)
	return err
}

// stdio is standard input and output as one connection.
type stdio struct {
	in  *io.PipeReader
	out io.Writer
}

// newStdio starts a goroutine that reads in until its end. A read of standard input cannot be interrupted, so the goroutine
// may live as long as the process; the pipe can be closed.
func newStdio(in io.Reader, out io.Writer) stdio {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, in)
		w.CloseWithError(err)
	}()
	return stdio{r, out}
}

func (s stdio) Read(b []byte) (int, error)  { return s.in.Read(b) }
func (s stdio) Write(b []byte) (int, error) { return s.out.Write(b) }

// CloseWrite closes standard output, whose reader may wait for that.
func (s stdio) CloseWrite() error {
	if c, ok := s.out.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func (s stdio) Close() error { return s.in.Close() }
