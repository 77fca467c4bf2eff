package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/drive"
)

// driveFlags are those of tenuto drive.
type driveFlags struct {
	listen, manual, json, quiet, noSPDU bool
	timeout                             time.Duration
	limits                              limits
}

func (p *program) drive() *cobra.Command {
	var f driveFlags
	cmd := &cobra.Command{
		Use:   "drive URL [SCRIPT]",
		Short: "Use the session service by hand, or by a script",
		Long: `Drive opens a session and runs lines on it, each a request or response of the
session service: connect, data, sync-minor, give, resync, activity, release and
so on. What comes in is shown as primitives and SPDUs. SCRIPT is a file, or - for
standard input, which it is too when there is none and that is no terminal; on a
terminal lines are typed, with history and completion (help lists them).

A line of a confirmed service waits for its confirm unless it ends in &. Lines
that begin with expect make a script a test. With --listen a peer is waited for,
and what the script does not answer is answered positively (--manual: it is not).
At the end of a script the session is released where that is allowed; else the
peer may do that, and in the end it is aborted. A difference from what the script
expects, or an abort that it does not, is exit code 1. docs/drive.md has it all.

Lines are:
` + drive.Usage(),
		Example: `  tenuto drive osi://plc/?tsel=0x0001 -                lines from standard input
  tenuto drive --listen osi://127.0.0.1:10102          answer whoever comes
  tenuto drive tenuto://server/test script.txt`,
		Args:        cobra.RangeArgs(1, 2),
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.limits.check(cmd.Flags()); err != nil {
				return err
			}
			return p.runDrive(cmd, args, &f)
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.listen, "listen", false, "wait for a peer at URL")
	fl.BoolVar(&f.manual, "manual", false, "with --listen: answer nothing that the script does not")
	fl.DurationVar(&f.timeout, "timeout", 10*time.Second, "let a line wait for at most `TIME`")
	fl.BoolVar(&f.noSPDU, "no-spdu", false, "show primitives alone")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "show nothing but what is wrong")
	fl.BoolVar(&f.json, "json", false, "show everything as JSON, one object a line")
	f.limits.dialling(fl)
	return cmd
}

func (p *program) runDrive(cmd *cobra.Command, args []string, f *driveFlags) error {
	ctx := cmd.Context()
	name := "-"
	if len(args) == 2 {
		name = args[1]
	}
	in, isFile := cmd.InOrStdin().(*os.File)
	typed := len(args) == 1 && isFile && term.IsTerminal(int(in.Fd()))
	var script drive.Script
	if !typed {
		var err error
		if script, err = readScript(name, cmd.InOrStdin()); err != nil {
			return usageError{err}
		}
	}
	ep, err := p.endpoint(ctx, &f.limits)
	if err != nil {
		return err
	}
	defer ep.Close()
	o := drive.Options{Manual: f.manual, Terminal: typed, Timeout: f.timeout}
	if f.listen {
		ln, err := ep.Listen(ctx, args[0], &tenuto.Config{Units: drive.AllUnits})
		if err != nil {
			return err
		}
		defer ln.Close()
		fmt.Fprintf(cmd.ErrOrStderr(), "listening url=%s\n", ln.URL())
		o.Next = ln.Next
	} else {
		if _, err := ep.Check(args[0]); err != nil {
			return usageError{err}
		}
		o.Dial = func(ctx context.Context, c *tenuto.Config) (*tenuto.Session, error) { return ep.Dial(ctx, args[0], c) }
	}
	if !typed {
		o.Print = f.printer(cmd.OutOrStdout())
		return drive.New(ctx, o).Play(script)
	}
	old, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return err
	}
	defer term.Restore(int(in.Fd()), old)
	t := drive.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, cmd.OutOrStdout()})
	o.Print = f.printer(t)
	return t.Run(ctx, drive.New(ctx, o))
}

func readScript(name string, in io.Reader) (drive.Script, error) {
	var b []byte
	var err error
	if name == "-" {
		name = "standard input"
		b, err = io.ReadAll(in)
	} else {
		b, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, err
	}
	s, err := drive.ParseScript(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// printer shows records as the flags say.
func (f *driveFlags) printer(w io.Writer) func(drive.Record) {
	switch {
	case f.quiet:
		return func(drive.Record) {}
	case f.json:
		return drive.JSON(w, !f.noSPDU)
	}
	return drive.Text(w, !f.noSPDU)
}
