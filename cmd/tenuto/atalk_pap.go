package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto/appletalk/macroman"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/appletalk/pap"
)

func (p *program) atalkPAP() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pap",
		Short: "Print, and be a printer",
		Long: `Pap speaks PAP, the Printer Access Protocol. A name without a type is one of a
LaserWriter.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.papPrint(), p.papListen(), p.papStatus())
	return cmd
}

func (p *program) papStatus() *cobra.Command {
	a := &asker{p: p}
	return a.flags(&cobra.Command{
		Use:     "status NAME",
		Short:   "Tell what a printer says of itself",
		Example: `  tenuto atalk pap status Laser`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.ask(cmd, func(ctx context.Context, n *node.Node) error {
				s, err := pap.ReadStatus(ctx, n, args[0])
				if err != nil {
					return err
				}
				s = macroman.Decode(s)
				return a.print(cmd.OutOrStdout(), map[string]string{"status": s}, [][]string{{s}})
			})
		},
	})
}

func (p *program) papPrint() *cobra.Command {
	a := &asker{p: p}
	var wait time.Duration
	cmd := a.flags(&cobra.Command{
		Use:   "print NAME [FILE]",
		Short: "Print a file",
		Long: `Print sends a file, or standard input, to a printer as one job, as it is: most
printers want PostScript. While the printer is busy it is asked again, and what it
says of itself is told. What the printer says of the job goes to standard output.`,
		Example: `  tenuto atalk pap print Laser letter.ps
  tenuto atalk pap print 'Laser:LaserWriter@Office' <letter.ps`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := cmd.InOrStdin()
			if len(args) > 1 {
				f, err := os.Open(args[1])
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			n, err := a.begin(cmd, func(ctx context.Context, n *node.Node) error { return n.Ready(ctx) })
			if err != nil {
				return err
			}
			defer n.Close()
			said := ""
			c, err := pap.Dial(cmd.Context(), n, args[0], func(status string) {
				if status != said {
					said = status
					p.log.Info("busy", "printer", args[0], "status", macroman.Decode(status))
				}
			})
			if err != nil {
				return err
			}
			p.log.Info("printing", "printer", args[0], "address", c.Peer().String(), "status", macroman.Decode(c.Status()))
			err = errors.Join(send(cmd.Context(), c, in), answer(cmd, c, wait))
			ctx, cancel := context.WithTimeout(cmd.Context(), pap.ConnTime)
			defer cancel()
			return errors.Join(err, c.Close(ctx))
		},
	})
	cmd.Flags().DurationVar(&wait, "wait", 10*time.Second, "wait `TIME` for what the printer says of the job to end")
	return cmd
}

// send sends a job.
func send(ctx context.Context, c *pap.Conn, in io.Reader) error {
	b := make([]byte, pap.Quantum*pap.PacketSize)
	for {
		n, err := in.Read(b)
		if n > 0 {
			if _, err := c.Write(ctx, b[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return c.End(ctx)
		case err != nil:
			return err
		}
	}
}

// answer copies what a printer says of a job. Not all say that they have no more to say.
func answer(cmd *cobra.Command, c *pap.Conn, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), wait)
	defer cancel()
	b := make([]byte, pap.PacketSize)
	for {
		n, err := c.Read(ctx, b)
		if n > 0 {
			if _, err := cmd.OutOrStdout().Write(b[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF, errors.Is(err, pap.ErrPeer), errors.Is(err, context.DeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
	}
}

func (p *program) papListen() *cobra.Command {
	a := &asker{p: p}
	var conns int
	cmd := a.flags(&cobra.Command{
		Use:   "listen NAME FOLDER",
		Short: "Be a printer that keeps jobs in a folder",
		Long: `Listen registers a printer. Each job becomes a file in the folder, named by time
and number; a job that breaks off becomes none.`,
		Example: `  tenuto atalk pap listen Laser jobs/`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if info, err := os.Stat(args[1]); err != nil {
				return err
			} else if !info.IsDir() {
				return usagef("%s is no folder", args[1])
			}
			if conns < 1 {
				return usagef("--connections: %d is not positive", conns)
			}
			var l *pap.Listener
			n, err := a.begin(cmd, func(ctx context.Context, n *node.Node) (err error) {
				l, err = pap.Listen(ctx, n, args[0], conns, "status: idle")
				return err
			})
			if err != nil {
				return err
			}
			defer n.Close()
			defer l.Close()
			p.log.Info("listening", "name", args[0], "address", l.Addr().String())
			s := &spool{p: p, dir: args[1], l: l}
			for {
				c, err := l.Accept(cmd.Context())
				switch {
				case cmd.Context().Err() != nil:
					return nil
				case err != nil:
					return err
				}
				go s.take(cmd.Context(), c)
			}
		},
	})
	cmd.Flags().IntVar(&conns, "connections", 1, "take `N` connections at a time")
	return cmd
}

// spool is where jobs go.
type spool struct {
	p   *program
	dir string
	l   *pap.Listener
}

// take takes the jobs of a connection.
func (s *spool) take(ctx context.Context, c *pap.Conn) {
	peer := c.Peer().String()
	for {
		s.l.SetStatus("status: busy; source: " + peer)
		name, size, err := s.job(ctx, c)
		s.l.SetStatus("status: idle")
		switch {
		case errors.Is(err, pap.ErrPeer):
			return
		case err != nil:
			s.p.log.Warn("no job", "peer", peer, "cause", err)
			_ = c.Close(ctx)
			return
		}
		s.p.log.Info("job", "peer", peer, "file", name, "octets", size)
		if err := c.End(ctx); err != nil {
			return
		}
	}
}

// job takes one job. Its file has its name when it is whole.
func (s *spool) job(ctx context.Context, c *pap.Conn) (name string, size int64, err error) {
	f, err := os.CreateTemp(s.dir, ".job-*")
	if err != nil {
		return "", 0, err
	}
	defer func() {
		if f.Close(); err != nil {
			os.Remove(f.Name())
		}
	}()
	b := make([]byte, pap.Quantum*pap.PacketSize)
	for err == nil {
		var n int
		n, err = c.Read(ctx, b)
		if n > 0 {
			size += int64(n)
			if _, werr := f.Write(b[:n]); werr != nil {
				return "", 0, werr
			}
		}
	}
	if err != io.EOF {
		if size > 0 {
			err = fmt.Errorf("it breaks off behind %d octets: %v", size, err)
		}
		return "", 0, err
	}
	if err = f.Sync(); err != nil {
		return "", 0, err
	}
	for i := 1; ; i++ {
		name = filepath.Join(s.dir, fmt.Sprintf("%s-%d.ps", time.Now().Format("20060102-150405"), i))
		if err = os.Link(f.Name(), name); !errors.Is(err, os.ErrExist) { // which a rename would replace
			break
		}
	}
	if err == nil {
		err = os.Remove(f.Name())
	}
	return name, size, err
}
