package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
	"github.com/tenuto-session/tenuto/identity"
)

func (p *program) status() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell about this user's running processes",
		Long: `Status asks every running serve, forward, connect and gateway of this user and tells of
their bridges: whose key is at the other end, over which connection they run and
for how long, its round trip, sessions, octets, and how often a bridge went on
over another connection, with the cause of the last loss.

The shape of the JSON object is described in docs/status.md.`,
		Example: `  tenuto status
  tenuto status --json | jq '.processes[].bridges[].state'`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := control.Read(cmd.Context(), "")
			if err != nil {
				return err
			}
			if asJSON {
				return s.WriteJSON(cmd.OutOrStdout())
			}
			return s.WriteTable(cmd.OutOrStdout(), time.Now())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// tell answers tenuto status with what self says, what more adds at that moment, and the endpoint's bridges, until stop is called. A process that cannot be asked does
// all else.
func (p *program) tell(role string, ep *tenuto.Endpoint, self control.Process, more ...func(*control.Process)) (stop func()) {
	self.Version, self.Started = buildVersion(), time.Now()
	s, err := control.Listen(control.Config{Role: role, Logger: p.log, Snapshot: func() control.Process {
		now, told := time.Now(), self
		for _, add := range more {
			add(&told)
		}
		for _, b := range ep.Bridges() {
			told.Bridges = append(told.Bridges, bridgeOf(b.Info(), now))
		}
		return told
	}})
	if err != nil {
		p.log.Warn("tenuto status cannot ask this process", "cause", err)
		return func() {}
	}
	return func() { s.Close() }
}

func bridgeOf(i tenuto.BridgeInfo, now time.Time) control.Bridge {
	b := control.Bridge{
		ID:      i.ID.String(),
		Role:    "responder",
		Peer:    control.Peer{Key: identity.FormatPublic(i.Peer, ""), Fingerprint: identity.Fingerprint(i.Peer)},
		Remote:  i.Remote,
		State:   i.State.String(),
		Since:   i.Since,
		Epoch:   i.Epoch,
		Resumes: i.Resumes,
		Streams: i.Streams,
		Bytes:   control.Bytes{Sent: i.Sent, Received: i.Received},
	}
	if i.Initiator {
		b.Role = "initiator"
	}
	if i.Cause != nil {
		b.LastCause = fmt.Sprint(i.Cause)
	}
	if c := i.Carrier; c.Kind != "" {
		b.Carriers = []control.Carrier{{Kind: c.Kind, Local: c.Local, Remote: c.Remote, AgeSeconds: now.Sub(i.Since).Seconds(),
			RTTMs: float64(c.RTT) / float64(time.Millisecond)}}
	}
	return b
}
