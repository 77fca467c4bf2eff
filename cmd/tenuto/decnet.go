package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tenuto-session/tenuto/decnet/mirror"
	"github.com/tenuto-session/tenuto/decnet/node"
	"github.com/tenuto-session/tenuto/decnet/scp"
	"github.com/tenuto-session/tenuto/forward"
)

// decnetFlags are the flags of all commands that make a node.
type decnetFlags struct {
	config  string
	timeout time.Duration
	quiet   time.Duration

	user, passwordFile, account, data string
}

func (p *program) decnet() *cobra.Command {
	d := &decnetFlags{}
	cmd := &cobra.Command{
		Use:   "decnet",
		Short: "Be a DECnet Phase IV node",
		Long: `Decnet makes this process an end node of a DECnet Phase IV network, without
privileges: circuits are Multinet over TCP or UDP, DDCMP over TCP or UDP, or the
Ethernet of the HECnet bridge over UDP. The file that --config names says which
(docs/decnet.md); each command that needs a node brings its circuits up, and
ends with it.

DECnet has no security of its own: whoever reaches a circuit can be any node, and
passwords are not encrypted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&d.config, "config", "", "the node, its circuits and its objects are in `FILE`, in TOML")
	cmd.AddCommand(p.decnetNode(d), p.decnetLoop(d), p.decnetDial(d), p.decnetListen(d), p.decnetShow(), p.decnetTell(d))
	return cmd
}

// access adds the flags that say who calls.
func (d *decnetFlags) access(f *pflag.FlagSet) {
	f.StringVar(&d.user, "user", "", "be let in as `NAME`")
	f.StringVar(&d.passwordFile, "password-file", "", "by the password that is the first line of `FILE`")
	f.StringVar(&d.account, "account", "", "on `ACCOUNT`")
	d.wait(f)
}

func (d *decnetFlags) wait(f *pflag.FlagSet) {
	f.DurationVar(&d.timeout, "timeout", 30*time.Second, "wait for at most `TIME` until a circuit is up and the other end has answered")
	f.SortFlags = false
}

func (d *decnetFlags) dialConfig() (*node.DialConfig, error) {
	cfg := &node.DialConfig{}
	if d.data != "" {
		cfg.Data = []byte(d.data)
	}
	if d.user == "" && d.passwordFile == "" && d.account == "" {
		return cfg, nil
	}
	cfg.Access = &scp.Access{User: d.user, Account: d.account}
	if d.passwordFile != "" {
		b, err := os.ReadFile(d.passwordFile)
		if err != nil {
			return nil, err
		}
		line, _, _ := bytes.Cut(b, []byte("\n"))
		cfg.Access.Password = strings.TrimRight(string(line), "\r")
	}
	return cfg, nil
}

// start makes the node of the configuration file, and waits for a circuit.
func (d *decnetFlags) start(ctx context.Context, p *program) (*node.Node, error) {
	file, err := readDecnet(d.config)
	if err != nil {
		return nil, usageError{err}
	}
	n, err := file.node(p.log)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	if err := n.AwaitCircuit(ctx); err != nil {
		defer n.Close()
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no circuit is up after %v: %s", d.timeout, causes(n))
		}
		return nil, err
	}
	return n, nil
}

// causes are why circuits are down.
func causes(n *node.Node) string {
	var all []string
	for _, c := range n.Info().Circuits {
		cause := c.Cause
		if cause == "" {
			cause = "the neighbour has not answered"
		}
		all = append(all, c.Name+": "+cause)
	}
	return strings.Join(all, "; ")
}

// dial makes a node and a link.
func (d *decnetFlags) dial(ctx context.Context, p *program, target string) (*node.Node, *scp.Conn, error) {
	if _, _, err := scp.ParseTarget(target); err != nil {
		return nil, nil, usageError{err}
	}
	cfg, err := d.dialConfig()
	if err != nil {
		return nil, nil, err
	}
	n, err := d.start(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	c, err := n.Dial(ctx, target, cfg)
	if err != nil {
		n.Close()
		return nil, nil, err
	}
	return n, c, nil
}

func (p *program) decnetLoop(d *decnetFlags) *cobra.Command {
	var count, length int
	cmd := &cobra.Command{
		Use:         "loop NODE",
		Short:       "Have the loopback mirror of a node send messages back",
		Long:        `Loop calls MIRROR at NODE, which is an address or a name, and has it send messages back, as NCP's LOOP NODE does.`,
		Example:     `  tenuto decnet loop --config alpha.toml BETA --count 10 --length 1000`,
		Args:        cobra.ExactArgs(1),
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, args []string) error {
			if count < 1 || length < 0 || length > scp.MaxMessage-1 {
				return usagef("--count is positive, and --length from 0 to %d", scp.MaxMessage-1)
			}
			n, c, err := d.dial(cmd.Context(), p, args[0]+"::MIRROR")
			if err != nil {
				return err
			}
			defer n.Close()
			defer c.Close()
			if most := mirror.Most(c.AcceptData()); length > most {
				return fmt.Errorf("the mirror takes at most %d octets", most)
			}
			data := bytes.Repeat([]byte("U"), length)
			start := time.Now()
			for range count {
				if err := mirror.Loop(cmd.Context(), c, data); err != nil {
					return err
				}
			}
			mean := time.Since(start) / time.Duration(count)
			fmt.Fprintf(cmd.OutOrStdout(), "%v: %d of %d octets came back, %v each\n", c.Peer(), count, length, mean.Round(time.Microsecond))
			return nil
		},
	}
	cmd.Flags().IntVar(&count, "count", 1, "send `N` messages")
	cmd.Flags().IntVar(&length, "length", 40, "of `N` octets")
	d.wait(cmd.Flags())
	return cmd
}

func (p *program) decnetDial(d *decnetFlags) *cobra.Command {
	var interrupt string
	cmd := &cobra.Command{
		Use:   "dial NODE::OBJECT",
		Short: "Connect standard input and output to an object",
		Long: `Dial calls OBJECT, a number or a name, at NODE, an address or a name. What is
read from standard input goes there, and what comes from there to standard
output. DECnet has no half-close: after the end of standard input the link is
disconnected when nothing has come for the time that --quiet says.`,
		Example: `  tenuto decnet dial --config alpha.toml BETA::200 < file
  tenuto decnet dial --config alpha.toml 1.2::TASK=TALK --user SMITH --password-file secret`,
		Args:        cobra.ExactArgs(1),
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(interrupt) > 16 || len(d.data) > scp.MaxData {
				return usagef("--interrupt and --data are at most 16 octets")
			}
			signal.Ignore(syscall.SIGPIPE)
			n, c, err := d.dial(cmd.Context(), p, args[0])
			if err != nil {
				return err
			}
			defer n.Close()
			if interrupt != "" {
				if err := c.Interrupt(cmd.Context(), []byte(interrupt)); err != nil {
					return err
				}
			}
			_, err = forward.Join(cmd.Context(), newStdio(cmd.InOrStdin(), cmd.OutOrStdout()), newDecnetStream(c, d.quiet))
			return err
		},
	}
	f := cmd.Flags()
	d.access(f)
	f.StringVar(&d.data, "data", "", "say `TEXT` with the connect")
	f.StringVar(&interrupt, "interrupt", "", "send `TEXT` as an interrupt first")
	f.DurationVar(&d.quiet, "quiet", familyQuiet, "after the end of standard input, wait for `TIME` of silence")
	return cmd
}

func (p *program) decnetListen(d *decnetFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "listen OBJECT",
		Short: "Be an object, and connect its first link to standard input and output",
		Long: `Listen lets OBJECT be called, accepts one link, and connects it to standard input
and output until the caller disconnects. Interrupts are logged.`,
		Example: `  tenuto decnet listen --config beta.toml 200 > file`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := scp.ParseObject(args[0]); err != nil {
				return usageError{err}
			}
			signal.Ignore(syscall.SIGPIPE)
			file, err := readDecnet(d.config)
			if err != nil {
				return usageError{err}
			}
			n, err := file.node(p.log)
			if err != nil {
				return err
			}
			defer n.Close()
			ln, err := n.Listen(args[0], nil)
			if err != nil {
				return err
			}
			p.log.Info("listening", "object", ln.Addr().String())
			r, err := ln.Request(cmd.Context())
			if err != nil {
				return err
			}
			c, err := r.Accept(nil)
			if err != nil {
				return err
			}
			ln.Close()
			p.log.Info("accepted", "from", c.RemoteAddr().String(), "data", string(c.Request().Data))
			ctx, cancel := context.WithCancel(cmd.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					b, err := c.ReadInterrupt(ctx)
					if err != nil {
						return
					}
					p.log.Info("interrupt", "data", string(b))
				}
			}()
			_, err = forward.Join(cmd.Context(), newStdio(cmd.InOrStdin(), cmd.OutOrStdout()), newDecnetStream(c, 0))
			cancel()
			<-done
			return err
		},
	}
	return cmd
}

func (p *program) decnetTell(d *decnetFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:         "tell NODE show executor",
		Short:       "Ask a node about itself, as NCP does",
		Example:     `  tenuto decnet tell --config alpha.toml BETA show executor`,
		Annotations: map[string]string{quiet: ""},
		Args:        cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !strings.EqualFold(args[1]+" "+args[2], "show executor") {
				return usagef("%s %s: only show executor is understood", args[1], args[2])
			}
			cfg, err := d.dialConfig()
			if err != nil {
				return err
			}
			n, err := d.start(cmd.Context(), p)
			if err != nil {
				return err
			}
			defer n.Close()
			ctx, cancel := context.WithTimeout(cmd.Context(), d.timeout)
			defer cancel()
			r, err := n.ShowExecutor(ctx, args[0], cfg)
			if err != nil {
				return err
			}
			if r.Code < 0 {
				return fmt.Errorf("%s refuses: return code %d, detail %d %s", args[0], r.Code, r.Detail, r.Text)
			}
			state := [...]string{"on", "off", "shut", "restricted"}[r.Node.State&3]
			fmt.Fprintf(cmd.OutOrStdout(), "node            %v (%s)\nstate           %s\nidentification  %s\n", r.Node.Addr, r.Node.Name, state, r.Node.Identification)
			return nil
		},
	}
	d.access(cmd.Flags())
	return cmd
}
