package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/config"
)

// program is what the commands share.
type program struct {
	began      bool // a command's own code has been reached
	logLevel   string
	logFormat  string
	configFile string
	configDir  string
	stateDir   string
	log        *slog.Logger
}

// quiet is the annotation of a command that logs warnings and errors only, unless asked for more.
const quiet = "quiet"

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "tenuto",
		Short: "Sessions that outlive their connections",
		Long: `Tenuto carries TCP and Unix connections over sessions. A session goes on when the
connection below it breaks: no byte is lost or doubled, and the applications at
both ends notice nothing.

URLs say how a server is reached:
  tenuto://host:7225/service         TLS over TCP; the port is 7225 if none is named
  tenuto+unix:///run/t.sock/service  a Unix socket
  tenuto+tcp://127.0.0.1/service     plaintext, on this machine alone unless allowed
  osi://host:102/service             OSI session over RFC 1006, to the software of
                                     others: plaintext, no bridge; selectors in
                                     hexadecimal are ?tsel=0x0001&ssel=0x0001

Both ends know each other by keys, kept in files as those of SSH are: identity,
known_peers and authorized_keys, in $XDG_CONFIG_HOME/tenuto or ~/.config/tenuto.
A client's key is admitted by adding what tenuto id prints to authorized_keys on
the server. One user's commands admit each other without that.

Exit codes: 0 it worked; 1 it did not; 2 the command line or the configuration
file is wrong; 3 the other end's key was refused here, or ours there.`,
		Example: `  tenuto demo
  tenuto serve --listen tenuto://:7225 --service db=127.0.0.1:5432
  tenuto forward :15432 tenuto://server/db`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return p.begin(cmd) },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&p.logLevel, "log-level", "", "log what is at least `LEVEL`: debug, info, warn or error")
	flags.StringVar(&p.logFormat, "log-format", "text", "log as `FORMAT`: text or json")
	flags.StringVar(&p.configFile, "config", "", "take flags that are not given from `FILE`, in TOML")
	flags.StringVar(&p.configDir, "config-dir", "", "keep keys in `FOLDER`")
	flags.StringVar(&p.stateDir, "state-dir", "", "keep records of activities in `FOLDER`")
	root.AddCommand(p.serve(), p.forward(), p.connect(), p.send(), p.recv(), p.activities(), p.gateway(), p.drive(), p.osi(), p.atalk(), p.decnet(),
		p.demo(), p.status(), p.id(), p.keygen(), p.manual(), p.version())
	return root
}

// begin reads the configuration file and makes the logger.
func (p *program) begin(cmd *cobra.Command) error {
	if p.configFile != "" {
		if err := config.Apply(cmd, p.configFile, "serve", "forward", "connect", "send", "recv", "gateway"); err != nil {
			return usageError{err}
		}
	}
	level := slog.LevelInfo
	if _, ok := cmd.Annotations[quiet]; ok {
		level = slog.LevelWarn
	}
	if p.logLevel != "" {
		if err := level.UnmarshalText([]byte(p.logLevel)); err != nil {
			return usagef("--log-level: %q is none of debug, info, warn, error", p.logLevel)
		}
	}
	h, err := handler(cmd.ErrOrStderr(), p.logFormat, &slog.HandlerOptions{Level: level})
	if err != nil {
		return err
	}
	p.log = slog.New(h)
	p.began = true
	return nil
}

func handler(w io.Writer, format string, o *slog.HandlerOptions) (slog.Handler, error) {
	switch format {
	case "text":
		return slog.NewTextHandler(w, o), nil
	case "json":
		return slog.NewJSONHandler(w, o), nil
	}
	return nil, usageError{fmt.Errorf("--log-format: %q is neither text nor json", format)}
}
