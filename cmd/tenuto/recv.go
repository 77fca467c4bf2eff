package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/checkpoint/bolt"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
	"github.com/tenuto-session/tenuto/durable"
	"github.com/tenuto-session/tenuto/forward"
	"github.com/tenuto-session/tenuto/transfer"
)

// recvWord begins a target that is a folder to receive into.
const recvWord = "recv:"

func (p *program) recv() *cobra.Command {
	var (
		limits  limits
		listen  []string
		name    string
		replace bool
	)
	cmd := &cobra.Command{
		Use:   "recv --listen URL… FOLDER",
		Short: "Receive files and folders into a folder",
		Long: `Recv accepts what tenuto send sends, and writes it into FOLDER and nowhere else.
It is tenuto serve --service recv=recv:FOLDER.

What has come is written under another name beside its own (.NAME.tenuto-…) and
gets its name when all of it is on the disk. What is there already under that
name stays, and what has come goes, unless --replace is given. If recv is killed
or the machine fails, recv on the same folder and with the same state folder
goes on with what its senders resume; nothing that it has confirmed is lost.`,
		Example: `  tenuto recv --listen tenuto://:7225 /srv/incoming
  tenuto recv --listen tenuto+unix:///run/tenuto.sock --replace backup`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := limits.check(cmd.Flags()); err != nil {
				return err
			}
			if len(listen) == 0 {
				return usagef("--listen is missing: where to accept sessions")
			}
			if _, _, err := cutName("service", name+"=x"); err != nil {
				return err
			}
			t := newFolder(args[0])
			if replace {
				t.existing = transfer.Replace
			}
			s := &forward.Server{Logger: p.log, Services: map[string]forward.Target{name: t}}
			return p.runServe(cmd.Context(), s, listen, &limits)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&listen, "listen", nil, "accept sessions at `URL` (may be repeated)")
	f.StringVar(&name, "service", defaultService, "be the service `NAME`")
	f.BoolVar(&replace, "replace", false, "let what comes replace files that are there")
	limits.listening(f)
	return cmd
}

// A folder is a forward.Target that receives activities into it.
type folder struct {
	dir      string
	existing transfer.Existing
	srv      *durable.Server // once it is open
}

func newFolder(dir string) *folder {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return &folder{dir: dir}
}

func (t *folder) String() string { return recvWord + t.dir }

// Open is not used: a folder takes sessions as they are.
func (t *folder) Open(context.Context) (forward.Peer, error) {
	return nil, errors.New("it takes activities, and no connections")
}

// open makes the folder ready, with the records in a store.
func (t *folder) open(st checkpoint.Store, log *slog.Logger) error {
	r, err := transfer.NewReceiver(t.dir, st, &transfer.ReceiverOptions{
		Existing: t.existing,
		Opened: func(a *durable.Activity, h transfer.Header, p *transfer.Progress) {
			log.Info("receiving", "name", h.Name, "octets", h.Octets, "from", p.Octets(), "peer", a.Peer)
		},
		Report: func(_ checkpoint.Key, e *transfer.Entry, what transfer.What) {
			switch what {
			case transfer.Placed:
				log.Info("received", "path", e.Path, "octets", e.Size)
			case transfer.Kept, transfer.Refused:
				log.Warn(what.String(), "path", e.Path)
			}
		},
	})
	t.srv = &durable.Server{Receiver: r, Logger: log}
	return err
}

// Take implements forward.Taker.
func (t *folder) Take(ctx context.Context, in *tenuto.Incoming) error {
	s, err := in.Accept(ctx, &tenuto.Config{Units: durable.Units})
	if err != nil {
		return err
	}
	return t.srv.Take(ctx, s)
}

// folders opens the folders among a server's targets, and their records, which are nil if there are no folders.
func (p *program) folders(s *forward.Server) (*bolt.Store, error) {
	var list []*folder
	for _, t := range s.Services {
		if f, ok := t.(*folder); ok {
			if _, err := os.Stat(f.dir); err != nil {
				return nil, err
			}
			list = append(list, f)
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	st, err := p.received()
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		if err := f.open(st, p.log); err != nil {
			st.Close()
			return nil, err
		}
	}
	return st, nil
}

// activitiesIn lists what a store has that is not over.
func activitiesIn(ctx context.Context, st checkpoint.Store) (list []control.Activity) {
	for r, err := range st.List(ctx) {
		if err != nil {
			break
		}
		if !r.State.Over() {
			list = append(list, describe(&r))
		}
	}
	return list
}
