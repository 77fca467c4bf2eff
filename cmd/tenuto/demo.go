package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/demo"
)

func (p *program) demo() *cobra.Command {
	var (
		length size = 256 << 20
		cuts   int
		asJSON bool
		crash  bool
		kills  int
		seed   uint64
		av     bool
		part   time.Duration
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Cut connections under a transfer that does not notice",
		Long: `Demo runs on this machine alone: a TCP client sends random data through a
forwarder to a TCP server, which sends them back. A proxy between the two sides
of Tenuto cuts their connection again and again, in three ways by turns:

  reset      both ends get a reset
  stall      no octet passes any more, while both sockets stay open
  half_open  one end gets a reset, the other one silence

At the end it tells how long each kind was felt, from the cut to the first new
octet that came back, and whether what came back is what was sent. If a single
octet differs it exits with 1.

With --crash a file is sent by tenuto send to tenuto recv, and one of these, or
both, are killed by SIGKILL again and again as well, at moments that --seed
chooses. It counts what the receiver commits: an octet that is committed or sent
a second time, or never, is an error. The times are those from a cut or kill to
the next commit, with the start of what was killed.

With --av sound at 48 kHz and a picture of 50 frames a second come as two
streams of one group, each over a connection of its own. For a third of the time
the picture's passes a quarter of what it needs, and it is cut in the middle of
that. On a terminal one sees how far both are behind; at the end it tells what
there was before, during and after, and how long it took until the picture was in
step again, for half a second at least. If that is more than a second it exits
with 1.`,
		Example: `  tenuto demo
  tenuto demo --size 1GiB --cuts 100
  tenuto demo --crash --kills 50
  tenuto demo --av
  tenuto demo --json | jq .recovery_ms.p99`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if av {
				for _, name := range []string{"size", "cuts", "crash", "kills", "seed"} {
					if cmd.Flags().Changed(name) {
						return usagef("--%s is not for --av", name)
					}
				}
				return p.runAV(cmd, demo.AVOptions{Part: part, Logger: p.log}, asJSON)
			} else if cmd.Flags().Changed("part") {
				return usagef("--part is for --av")
			}
			run := func() (*demo.Report, error) {
				return p.runDemo(cmd.Context(), cmd.ErrOrStderr(), demo.Options{Size: int64(length), Cuts: cuts, Logger: p.log})
			}
			if crash {
				run = func() (*demo.Report, error) {
					return runCrash(cmd.Context(), cmd.ErrOrStderr(), demo.CrashOptions{Size: int64(length), Cuts: cuts, Kills: kills, Seed: seed})
				}
			} else if cmd.Flags().Changed("kills") || cmd.Flags().Changed("seed") {
				return usagef("--kills and --seed are for --crash")
			}
			report, err := run()
			if err != nil {
				return err
			}
			write := report.WriteTable
			if asJSON {
				write = report.WriteJSON
			}
			if err := write(cmd.OutOrStdout()); err != nil {
				return err
			}
			if !report.SHA256Match {
				return errors.New("what came back is not what was sent")
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.Var(&length, "size", "send `SIZE`, and get it back")
	f.IntVar(&cuts, "cuts", 25, "cut `N` connections")
	f.BoolVar(&crash, "crash", false, "send a file, and kill the sender and the receiver")
	f.IntVar(&kills, "kills", 25, "with --crash: kill `N` times")
	f.Uint64Var(&seed, "seed", 1, "with --crash: the `NUMBER` that the moments come from")
	f.BoolVar(&av, "av", false, "send sound and picture, and keep them in step")
	f.DurationVar(&part, "part", 5*time.Second, "with --av: each of the three parts takes `TIME`")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	f.SortFlags = false
	return cmd
}

func (p *program) runDemo(ctx context.Context, errs io.Writer, o demo.Options) (*demo.Report, error) {
	if err := o.Check(); err != nil {
		return nil, usageError{err}
	}
	if isTerminal(errs) {
		update, done := progress(errs, o.Size, func(n []int) string { return fmt.Sprintf("  %d/%d cuts", n[0], o.Cuts) })
		defer done()
		o.Progress = func(octets int64, cuts int) { update(octets, cuts) }
	}
	return demo.Run(ctx, o)
}

func runCrash(ctx context.Context, errs io.Writer, o demo.CrashOptions) (*demo.Report, error) {
	if err := o.Check(); err != nil {
		return nil, usageError{err}
	}
	var err error
	if o.Program, err = os.Executable(); err != nil {
		return nil, err
	}
	if isTerminal(errs) {
		update, done := progress(errs, o.Size, func(n []int) string { return fmt.Sprintf("  %d/%d cuts  %d/%d kills", n[0], o.Cuts, n[1], o.Kills) })
		defer done()
		o.Progress = func(octets int64, cuts, kills int) { update(octets, cuts, kills) }
	}
	return demo.Crash(ctx, o)
}

// runAV draws the skew on a terminal, and prints the report.
func (p *program) runAV(cmd *cobra.Command, o demo.AVOptions, asJSON bool) error {
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	errs := cmd.ErrOrStderr()
	if isTerminal(errs) {
		out := cwriter.New(errs)
		width, _, err := out.GetTermSize()
		if err != nil || width <= 0 {
			width = 80
		}
		chart := demo.NewAVChart(width - len("picture  000000 ms  ") - 1)
		o.Progress = func(s demo.AVState) {
			if chart.Add(s) {
				out.WriteString(chart.Lines())
				out.Flush(chart.Height())
			}
		}
	}
	report, err := demo.AV(cmd.Context(), o)
	if err != nil {
		return err
	}
	write := report.WriteTable
	if asJSON {
		write = report.WriteJSON
	}
	if err := write(cmd.OutOrStdout()); err != nil {
		return err
	}
	return report.Verdict()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && cwriter.IsTerminal(int(f.Fd()))
}

// progress draws a bar, with what counts says of the counters. done leaves it as it stands.
func progress(w io.Writer, size int64, counts func([]int) string) (update func(octets int64, counters ...int), done func()) {
	bars := mpb.New(mpb.WithOutput(w), mpb.WithWidth(48), mpb.WithRefreshRate(100*time.Millisecond))
	var now atomic.Pointer[[]int]
	now.Store(&[]int{0, 0})
	bar := bars.AddBar(size,
		mpb.PrependDecorators(decor.CountersKibiByte("% .0f / % .0f")),
		mpb.AppendDecorators(
			decor.AverageSpeed(decor.SizeB1024(0), "% .0f"),
			decor.Any(func(decor.Statistics) string { return counts(*now.Load()) }),
		))
	update = func(octets int64, counters ...int) {
		now.Store(&counters)
		bar.SetCurrent(octets)
	}
	done = func() {
		bar.Abort(false) // does nothing to a bar that is full
		bars.Wait()
	}
	return update, done
}
