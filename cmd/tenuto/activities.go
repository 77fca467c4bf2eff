package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/checkpoint/bolt"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/outbox"
	"github.com/tenuto-session/tenuto/durable"
)

func (p *program) activities() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "activities",
		Short: "List what was sent and received in part",
		Long: `Activities lists what this user's tenuto send and tenuto recv have begun and not
ended: how much the receiver has committed, and when that changed last. What a
running server receives is in tenuto status as well as here.

An activity that is sent goes on by the command that began it, or by tenuto
activities resume, and ends by tenuto activities discard. One that is received
is its sender's to resume or discard.`,
		Example: `  tenuto activities
  tenuto activities --json --all
  tenuto activities resume 5e0b33a19c42`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := p.listed(cmd.Context(), all)
			if err != nil {
				return err
			}
			if asJSON {
				return control.WriteActivitiesJSON(cmd.OutOrStdout(), list)
			}
			return control.WriteActivities(cmd.OutOrStdout(), list, time.Now())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array (docs/send.md)")
	cmd.Flags().BoolVar(&all, "all", false, "list those that are over as well")
	cmd.AddCommand(p.resumeActivity(), p.discardActivity())
	return cmd
}

// listed reads both stores. What a running server has it is asked for.
func (p *program) listed(ctx context.Context, all bool) (list []control.Activity, err error) {
	add := func(r *checkpoint.Record) {
		if all || !r.State.Over() {
			list = append(list, describe(r))
		}
	}
	if err := p.eachRecord(ctx, sentFile, time.Second, add); err != nil {
		return nil, err
	}
	err = p.eachRecord(ctx, receivedFile, 100*time.Millisecond, add)
	if !errors.Is(err, bolt.ErrLocked) {
		return list, err
	}
	s, err := control.Read(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, process := range s.Processes {
		list = append(list, process.Activities...)
	}
	return list, nil
}

// eachRecord reads a store. One that is not there is empty.
func (p *program) eachRecord(ctx context.Context, file string, timeout time.Duration, f func(*checkpoint.Record)) error {
	path, err := p.state(file)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	st, err := bolt.Open(path, &bolt.Options{Shared: true, Timeout: timeout})
	if err != nil {
		return err
	}
	defer st.Close()
	for r, err := range st.List(ctx) {
		if err != nil {
			return err
		}
		f(&r)
	}
	return nil
}

func describe(r *checkpoint.Record) control.Activity {
	l := control.Activity{ID: hex.EncodeToString([]byte(r.ID)), Role: r.Role.String(), State: r.State.String(), Peer: r.Peer, Committed: r.Offset, Serial: r.Serial,
		Changed: r.Changed}
	if r.Role == checkpoint.Sender {
		if m, err := outbox.ParseMemo(r); err == nil {
			l.Name, l.Octets = m.Name, m.Octets
		}
	}
	return l
}

// opened finds what was sent and is not over.
func (p *program) opened(ctx context.Context, text string) (r checkpoint.Record, m outbox.Memo, err error) {
	id, err := hex.DecodeString(text)
	if err != nil || len(id) == 0 {
		return r, m, usagef("activity %q: want its number, as tenuto activities shows it", text)
	}
	found := false
	err = p.eachRecord(ctx, sentFile, 10*time.Second, func(have *checkpoint.Record) {
		if have.ID == string(id) {
			r, found = *have, true
		}
	})
	switch {
	case err != nil:
		return r, m, err
	case !found:
		return r, m, fmt.Errorf("activity %s: nothing of that number was sent from here", text)
	case r.State.Over():
		return r, m, fmt.Errorf("activity %s: it is %v", text, r.State)
	}
	m, err = outbox.ParseMemo(&r)
	return r, m, err
}

func (p *program) resumeActivity() *cobra.Command {
	var s sending
	cmd := &cobra.Command{
		Use:         "resume ACTIVITY",
		Short:       "Go on with the command that began an activity",
		Example:     `  tenuto activities resume 5e0b33a19c42`,
		Args:        cobra.ExactArgs(1),
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd.Flags()); err != nil {
				return err
			}
			_, m, err := p.opened(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if len(m.Paths) == 0 {
				return fmt.Errorf("activity %s: its command had too many paths to keep; run that again", args[0])
			}
			return p.runSend(cmd.Context(), m.Paths, m.URL, &s, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	s.flags(cmd.Flags())
	return cmd
}

func (p *program) discardActivity() *cobra.Command {
	var limits limits
	var here bool
	cmd := &cobra.Command{
		Use:   "discard ACTIVITY",
		Short: "Give an activity up, and have its receiver drop what it has",
		Example: `  tenuto activities discard 5e0b33a19c42
  tenuto activities discard --here 5e0b33a19c42`,
		Args:        cobra.ExactArgs(1),
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := limits.check(cmd.Flags()); err != nil {
				return err
			}
			ctx := cmd.Context()
			r, m, err := p.opened(ctx, args[0])
			if err != nil {
				return err
			}
			st, err := p.sent()
			if err != nil {
				return err
			}
			defer st.Close()
			if here {
				if r, err = st.Acquire(ctx, r.Key); err != nil {
					return err
				}
				r.State = checkpoint.Discarded
				return st.Commit(ctx, r)
			}
			ep, _, err := p.dialler(ctx, &limits, m.URL)
			if err != nil {
				return err
			}
			defer ep.Close()
			snd := &durable.Sender{Store: st, Initiator: r.Initiator, Peer: m.URL, Patience: limits.window, Logger: p.log,
				Dial: func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
					return ep.Dial(ctx, m.URL, cfg)
				}}
			defer snd.Close()
			return snd.Discard(ctx, r.ID)
		},
	}
	cmd.Flags().BoolVar(&here, "here", false, "forget it here alone: the receiver is not asked, and may keep what it has")
	limits.dialling(cmd.Flags())
	return cmd
}
