package main

import (
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
octet differs it exits with 1.`,
		Example: `  tenuto demo
  tenuto demo --size 1GiB --cuts 100
  tenuto demo --json | jq .recovery_ms.p99`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := demo.Options{Size: int64(length), Cuts: cuts, Logger: p.log}
			if err := o.Check(); err != nil {
				return usageError{err}
			}
			done := func() {}
			if isTerminal(cmd.ErrOrStderr()) {
				o.Progress, done = progress(cmd.ErrOrStderr(), o)
			}
			report, err := demo.Run(cmd.Context(), o)
			done()
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
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	f.SortFlags = false
	return cmd
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && cwriter.IsTerminal(int(f.Fd()))
}

// progress draws a bar. done leaves it as it stands.
func progress(w io.Writer, o demo.Options) (update func(int64, int), done func()) {
	bars := mpb.New(mpb.WithOutput(w), mpb.WithWidth(48), mpb.WithRefreshRate(100*time.Millisecond))
	var cuts atomic.Int64
	bar := bars.AddBar(o.Size,
		mpb.PrependDecorators(decor.CountersKibiByte("% .0f / % .0f")),
		mpb.AppendDecorators(
			decor.AverageSpeed(decor.SizeB1024(0), "% .0f"),
			decor.Any(func(decor.Statistics) string { return fmt.Sprintf("  %d/%d cuts", cuts.Load(), o.Cuts) }),
		))
	update = func(octets int64, n int) {
		cuts.Store(int64(n))
		bar.SetCurrent(octets)
	}
	done = func() {
		bar.Abort(false) // does nothing to a bar that is full
		bars.Wait()
	}
	return update, done
}
