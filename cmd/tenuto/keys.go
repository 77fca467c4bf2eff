package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/netwatch"
	"github.com/tenuto-session/tenuto/identity"
)

// store returns the folder of keys.
func (p *program) store(strict bool) (*identity.Store, error) {
	return identity.Open(identity.Config{Dir: p.configDir, Strict: strict, Logger: p.log})
}

// endpoint makes an endpoint with the user's key, which is made at first use. It is nudged when the network changes, until ctx ends.
func (p *program) endpoint(ctx context.Context, l *limits) (*tenuto.Endpoint, error) {
	s, err := p.store(l.strict)
	if err != nil {
		return nil, err
	}
	c := l.config(p.log)
	c.Peers = s
	l.nodes.p = p
	c.Carriers = l.nodes.carriers()
	if c.Key, err = s.Key(); err != nil {
		return nil, err
	}
	ep, err := tenuto.NewEndpoint(c)
	if err != nil {
		return nil, err
	}
	go func() {
		if err := netwatch.Watch(ctx, ep.Nudge); err != nil {
			p.log.Debug("changes of the network are not watched for", "cause", err)
		}
	}()
	return ep, nil
}

func (p *program) keygen() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen",
		Short: "Make this user's key",
		Long: `Keygen makes the private key that this user's other commands make by themselves
when they first need it, and prints the line with which a server admits it (see
tenuto id). A key that is there already is left as it is, and that is an error.`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.store(false)
			if err != nil {
				return err
			}
			key, err := s.Generate()
			if err != nil {
				return err
			}
			return printLine(cmd, key)
		},
	}
}

func (p *program) id() *cobra.Command {
	var asJSON, fingerprint bool
	cmd := &cobra.Command{
		Use:   "id",
		Short: "Print this user's public key",
		Long: `Id prints the public key of this user, as a line for authorized_keys on a server:

  tenuto id | ssh server 'cat >> .config/tenuto/authorized_keys'

There, services="a,b" in front of the key admits it to these services alone. The
key is made if there is none.`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON && fingerprint {
				return usagef("--json and --fingerprint exclude each other")
			}
			s, err := p.store(false)
			if err != nil {
				return err
			}
			key, err := s.Key()
			if err != nil {
				return err
			}
			public := key.Public().(ed25519.PublicKey)
			switch {
			case asJSON:
				return json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
					Key         string `json:"key"`
					Fingerprint string `json:"fingerprint"`
					Folder      string `json:"folder"`
				}{identity.FormatPublic(public, identity.DefaultComment()), identity.Fingerprint(public), s.Dir()})
			case fingerprint:
				_, err := fmt.Fprintln(cmd.OutOrStdout(), identity.Fingerprint(public))
				return err
			}
			return printLine(cmd, key)
		},
	}
	cmd.Flags().BoolVar(&fingerprint, "fingerprint", false, "print its fingerprint, to compare it by")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().SortFlags = false
	return cmd
}

func printLine(cmd *cobra.Command, key ed25519.PrivateKey) error {
	_, err := fmt.Fprintln(cmd.OutOrStdout(), identity.FormatPublic(key.Public().(ed25519.PublicKey), identity.DefaultComment()))
	return err
}

// isTrust tells whether an error is about keys: a peer that is not whom it should be, or a peer that does not admit ours.
func isTrust(err error) bool {
	var (
		changed *identity.ChangedKeyError
		unknown *identity.UnknownPeerError
		nobody  *tenuto.UnknownPeerError
	)
	return errors.As(err, &changed) || errors.As(err, &unknown) || errors.As(err, &nobody) || errors.Is(err, tenuto.ErrNotAdmitted)
}
