package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/time/rate"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/outbox"
	"github.com/tenuto-session/tenuto/durable"
	"github.com/tenuto-session/tenuto/identity"
	"github.com/tenuto-session/tenuto/transfer"
)

// sending are the flags of tenuto send.
type sending struct {
	limits   limits
	asJSON   bool
	bwlimit  size
	parallel int
	distance size
	interval time.Duration
}

func (p *program) send() *cobra.Command {
	var s sending
	cmd := &cobra.Command{
		Use:   "send PATH… URL",
		Short: "Send files and folders, and go on after whatever happens",
		Long: `Send sends files and folders to a server that runs tenuto recv. Large files flow
side by side, small ones together. What the server has committed to its disk is
never sent again: if the connection is lost send goes on by itself; if send is
interrupted or killed, or either machine fails, the same command goes on where
it was. A file gets its name at the server when all of it is there.

Modes and times are kept, and holes of sparse files. Links are sent as links;
what is neither a file, a folder nor a link is left out with a warning.

The service is recv, unless the URL names another one. tenuto activities lists
what was interrupted, and discards it.`,
		Example: `  tenuto send photos/ tenuto://server
  tenuto send --bwlimit 2MiB disk.img notes.txt tenuto://server/backup
  tenuto send --json big.iso tenuto://server | jq -c 'select(.event == "ended")'`,
		Args:        cobra.MinimumNArgs(2),
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd.Flags()); err != nil {
				return err
			}
			paths, to := args[:len(args)-1], args[len(args)-1]
			return p.runSend(cmd.Context(), paths, to, &s, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	s.flags(cmd.Flags())
	return cmd
}

func (s *sending) flags(f *pflag.FlagSet) {
	f.BoolVar(&s.asJSON, "json", false, "print one JSON object a line for each thing that happens (docs/send.md)")
	f.Var(&s.bwlimit, "bwlimit", "send at most `SIZE` a second; 0 is no limit")
	f.IntVar(&s.parallel, "parallel", 4, "send `N` activities at a time")
	s.distance = durable.DefaultDistance
	f.Var(&s.distance, "distance", "have the server commit every `SIZE`, and less often in very large files")
	f.DurationVar(&s.interval, "interval", durable.DefaultInterval, "have the server commit at least every `TIME`")
	s.limits.dialling(f)
}

// check finds values that no flag can have.
func (s *sending) check(f *pflag.FlagSet) error {
	if s.parallel < 1 || s.parallel > maxParallel {
		return usagef("--parallel: %d is not within 1 and %d", s.parallel, maxParallel)
	}
	if s.distance < durable.MinDistance {
		return usagef("--distance: %v is below %d", &s.distance, durable.MinDistance)
	}
	if s.interval <= 0 {
		return usagef("--interval: %v is not positive", s.interval)
	}
	return s.limits.check(f)
}

// maxParallel bounds --parallel.
const maxParallel = 64

// defaultService is the service of tenuto recv, and of a URL that names none.
const defaultService = "recv"

// withService adds the default service to a URL that has none.
func withService(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Path != "" && u.Path != "/" || u.Scheme == "tenuto+unix" || u.Query().Has("ssel") {
		return text
	}
	return u.JoinPath(defaultService).String()
}

func (p *program) runSend(ctx context.Context, paths []string, to string, s *sending, out, errs io.Writer) error {
	to = withService(to)
	ep, _, err := p.dialler(ctx, &s.limits, to)
	if err != nil {
		return err
	}
	defer ep.Close()
	defer p.tell("send", ep, control.Process{URL: to})()
	plan, err := transfer.Scan(ctx, paths, nil)
	if err != nil {
		return err
	}
	for i := range paths {
		if paths[i], err = filepath.Abs(paths[i]); err != nil {
			return err
		}
	}
	o := &outbox.Outbox{URL: to, Paths: paths, Parallel: s.parallel, Distance: int64(s.distance), Interval: s.interval, Window: s.limits.window, Logger: p.log,
		Dial: func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) { return ep.Dial(ctx, to, cfg) }}
	if s.bwlimit > 0 {
		const burst = 64 << 10
		o.Limit = rate.NewLimiter(rate.Limit(s.bwlimit), burst)
	}
	if o.Initiator, err = p.fingerprint(); err != nil {
		return err
	}
	st, err := p.sent()
	if err != nil {
		return err
	}
	defer st.Close()
	o.Store = st

	report := newSendReport(plan, ep, s.asJSON, out, errs)
	o.Watch = report
	for _, w := range plan.Warnings {
		report.warn(w)
	}
	err = o.Send(ctx, plan)
	report.end(err)
	if ctx.Err() != nil && !s.asJSON {
		fmt.Fprintf(errs, "tenuto: interrupted; the same command goes on, and tenuto activities lists what is open\n")
	}
	if err == nil && report.skipped {
		return errors.New("not everything was sent")
	}
	return err
}

// fingerprint is that of this user's key.
func (p *program) fingerprint() (string, error) {
	s, err := p.store(false)
	if err != nil {
		return "", err
	}
	key, err := s.Key()
	if err != nil {
		return "", err
	}
	return identity.Fingerprint(key.Public().(ed25519.PublicKey)), nil
}
