package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto/appletalk/adsp"
	"github.com/tenuto-session/tenuto/appletalk/asp"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/afp"
)

func (p *program) atalkStatus() *cobra.Command {
	a := &asker{p: p}
	return a.flags(&cobra.Command{
		Use:   "status NAME",
		Short: "Tell what a file server says of itself",
		Long: `Status asks a server of ASP for its status, which needs no session, and shows that
of an AFP server in words. A name without a type is one of an AFPServer; a
NETWORK.NODE:SOCKET will do as well.`,
		Example: `  tenuto atalk status Files
  tenuto atalk status 'Files:AFPServer@Office' --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.ask(cmd, func(ctx context.Context, n *node.Node) error {
				b, err := asp.ReadStatus(ctx, n, args[0])
				if err != nil {
					return err
				}
				i, err := afp.Parse(b)
				if err != nil {
					p.log.Warn("no status of an AFP server", "cause", err)
					return a.print(cmd.OutOrStdout(), map[string]string{"status": hex.EncodeToString(b)}, [][]string{{fmt.Sprintf("% x", b)}})
				}
				return a.print(cmd.OutOrStdout(), i, [][]string{{"name", i.Name}, {"machine", i.Machine}, {"versions", strings.Join(i.Versions, ", ")},
					{"methods", strings.Join(i.Methods, ", ")}, {"flags", strings.Join(i.Flags, ", ")}, {"signature", i.Signature}})
			})
		},
	})
}

func (p *program) atalkADSP() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adsp",
		Short: "Carry standard input and output over a data stream",
		Long: `Adsp connects standard input and output with a stream of ADSP, the AppleTalk Data
Stream Protocol. A name without a type is one of ADSP. When standard input
ends, so does the stream, for both: the protocol has no half of an end. With
--keep it lives on until the other end closes it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	dial, listen := &asker{p: p}, &asker{p: p}
	var keep bool
	cmd.PersistentFlags().BoolVar(&keep, "keep", false, "do not end the stream when standard input ends")
	cmd.AddCommand(dial.flags(&cobra.Command{
		Use:   "dial NAME",
		Short: "Open a stream",
		Example: `  tenuto atalk adsp dial Mine
  tar c . | tenuto atalk adsp dial 'Mine:ADSP@Office'
  tenuto atalk adsp dial 1.20:130`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var c *adsp.Conn
			n, err := dial.begin(cmd, func(ctx context.Context, n *node.Node) (err error) {
				c, err = adsp.Dial(ctx, n, args[0], adsp.Config{Window: adsp.MaxWindow})
				return err
			})
			if err != nil {
				return err
			}
			defer n.Close()
			p.log.Info("open", "peer", c.RemoteAddr().String())
			return pipe(cmd, c, keep)
		},
	}), listen.flags(&cobra.Command{
		Use:   "listen NAME",
		Short: "Wait for a stream",
		Long:  `Listen registers a name, takes the first stream that somebody opens, and no other.`,
		Example: `  tenuto atalk adsp listen Mine
  tenuto atalk adsp listen Mine | tar x`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var l *adsp.Listener
			n, err := listen.begin(cmd, func(ctx context.Context, n *node.Node) (err error) {
				l, err = adsp.Listen(ctx, n, args[0], adsp.Config{Window: adsp.MaxWindow})
				return err
			})
			if err != nil {
				return err
			}
			defer n.Close()
			p.log.Info("listening", "name", args[0], "address", l.Addr().String())
			c, err := l.AcceptContext(cmd.Context())
			if err != nil {
				return err
			}
			l.Close()
			p.log.Info("open", "peer", c.RemoteAddr().String())
			return pipe(cmd, c, keep)
		},
	}))
	return cmd
}

// begin starts a node for a command that lasts, and does what has to be done within the time-out.
func (a *asker) begin(cmd *cobra.Command, f func(context.Context, *node.Node) error) (*node.Node, error) {
	n, err := a.node()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), a.timeout, fmt.Errorf("no answer within %v", a.timeout))
	defer cancel()
	if err := f(ctx, n); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// pipe copies both ways until one end has no more to say, and waits until what was said has arrived.
func pipe(cmd *cobra.Command, c *adsp.Conn, keep bool) error {
	defer context.AfterFunc(cmd.Context(), func() { c.Abort() })()
	var err error
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(c, cmd.InOrStdin())
		if !keep {
			c.Close()
		}
		sent <- err
	}()
	if _, err = io.Copy(cmd.OutOrStdout(), c); !errors.Is(err, net.ErrClosed) {
		return err // the other end has closed, or failed
	}
	err = <-sent
	select {
	case <-c.Done():
	case <-cmd.Context().Done():
		return context.Cause(cmd.Context())
	}
	return err
}

func (p *program) atalkASP() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "asp",
		Short: "Try sessions of file servers",
		Long: `Asp has the two ends of a session of ASP, the AppleTalk Session Protocol, to try
networks and programs with. A name without a type is one of an AFPServer.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.aspEcho(), p.aspCall())
	return cmd
}

// echo is a server that says what it hears.
type echo struct{ p *program }

func (e echo) Opened(c *asp.ServerConn) {
	e.p.log.Info("session", "id", c.ID(), "peer", c.Peer().String())
}

func (e echo) Closed(c *asp.ServerConn, err error) {
	e.p.log.Info("session over", "id", c.ID(), "peer", c.Peer().String(), "cause", err)
}

func (echo) Command(_ *asp.ServerConn, block []byte) (int32, []byte) { return 0, block }

func (e echo) Write(c *asp.ServerConn, block []byte, data func(int) ([]byte, error)) (int32, []byte) {
	b, err := data(asp.Quantum)
	if err != nil {
		e.p.log.Warn("no data", "id", c.ID(), "cause", err)
		return -1, nil
	}
	return int32(len(b)), b
}

func (p *program) aspEcho() *cobra.Command {
	a := &asker{p: p}
	var status string
	cmd := a.flags(&cobra.Command{
		Use:   "echo NAME",
		Short: "Be a server that says what it hears",
		Long: `Echo answers each command with its block, and each write with the data that it has
asked for, until it is told to end.`,
		Example: `  tenuto atalk asp echo Echo`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var l *asp.Listener
			n, err := a.begin(cmd, func(ctx context.Context, n *node.Node) (err error) {
				l, err = asp.Listen(ctx, n, args[0], asp.ServerConfig{Status: []byte(status)}, echo{p})
				return err
			})
			if err != nil {
				return err
			}
			defer n.Close()
			p.log.Info("listening", "name", args[0], "address", l.Addr().String())
			<-cmd.Context().Done()
			return l.Close()
		},
	})
	cmd.Flags().StringVar(&status, "status", "", "answer GetStatus with `TEXT`")
	return cmd
}

func (p *program) aspCall() *cobra.Command {
	a := &asker{p: p}
	var block, file string
	cmd := a.flags(&cobra.Command{
		Use:   "call NAME",
		Short: "Make a request in a session of its own",
		Long: `Call opens a session, sends a command, whose block is standard input or that of
--block, and writes the reply to standard output; with --write it is a Write of a
file's octets. The server's result, if it is not 0, is told and makes the exit
code 1.`,
		Example: `  echo hello | tenuto atalk asp call Echo
  tenuto atalk asp call Echo --block 0100 --write picture.bin >copy.bin`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := hex.DecodeString(strings.ReplaceAll(block, " ", ""))
			if err != nil {
				return usagef("--block: %v", err)
			}
			if !cmd.Flags().Changed("block") && file == "" {
				if b, err = io.ReadAll(io.LimitReader(cmd.InOrStdin(), asp.MaxCommand+1)); err != nil {
					return err
				}
			}
			return a.ask(cmd, func(ctx context.Context, n *node.Node) error {
				c, err := asp.Dial(ctx, n, args[0])
				if err != nil {
					return err
				}
				defer c.Close()
				if file != "" {
					return a.write(ctx, cmd, c, b, file)
				}
				result, reply, err := c.Command(ctx, b, asp.Quantum)
				return a.told(cmd, result, reply, err)
			})
		},
	})
	cmd.Flags().StringVar(&block, "block", "", "the command block, as `HEX`")
	cmd.Flags().StringVar(&file, "write", "", "write the octets of `FILE`, as many at a time as a server may ask for")
	return cmd
}

// write writes a file, with one request for each quantum.
func (a *asker) write(ctx context.Context, cmd *cobra.Command, c *asp.Conn, block []byte, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for first := true; first || len(data) > 0; first = false {
		result, reply, taken, err := c.Write(ctx, block, data[:min(len(data), asp.Quantum)], asp.Quantum)
		if result > 0 { // such as how much was written
			result = 0
		}
		if err := a.told(cmd, result, reply, err); err != nil {
			return err
		}
		if taken == 0 && len(data) > 0 {
			return errors.New("the server takes no data")
		}
		data = data[taken:]
	}
	return nil
}

// told writes a reply, as octets or as JSON.
func (a *asker) told(cmd *cobra.Command, result int32, reply []byte, err error) error {
	if err != nil {
		return err
	}
	if a.json {
		err = a.print(cmd.OutOrStdout(), map[string]any{"result": result, "reply": hex.EncodeToString(reply)}, nil)
	} else {
		_, err = io.Copy(cmd.OutOrStdout(), bytes.NewReader(reply))
	}
	if err == nil && result != 0 {
		err = fmt.Errorf("the server's result is %d", result)
	}
	return err
}
