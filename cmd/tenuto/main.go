// Command tenuto carries TCP and Unix connections over sessions that outlive their transport connections.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // something did not work
	exitUsage   = 2 // the command line or the configuration file is wrong
	exitTrust   = 3 // a key was refused, here or at the other end
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program. A signal that asks it to end ends its context; a second one kills it.
func run(args []string, in io.Reader, out, errs io.Writer) (exit int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop)

	p := &program{}
	root := p.command()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil {
		return exitFailure // it was told to end, and need not say that it did
	}
	fmt.Fprintf(errs, "tenuto: %s\n", strings.TrimPrefix(err.Error(), "tenuto: "))
	// What cobra finds out by itself, it finds out before it runs a command.
	if _, ok := errors.AsType[usageError](err); ok || !p.began {
		fmt.Fprintf(errs, "Run '%s --help' for usage.\n", cmd.CommandPath())
		return exitUsage
	}
	if isTrust(err) {
		return exitTrust
	}
	return exitFailure
}

// usageError is an error of the command line that is found out by a command.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
