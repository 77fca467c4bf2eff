package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/ethertalk"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
	"github.com/tenuto-session/tenuto/appletalk/port"
	"github.com/tenuto-session/tenuto/appletalk/router"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
)

// maxRouterFile is the size of the largest configuration file, in octets.
const maxRouterFile = 1 << 20

// routerFile is the configuration of a router.
type routerFile struct {
	Ports []routerPort `toml:"port"`
}

// routerPort is a port in it.
type routerPort struct {
	Link    string   `toml:"link"`
	Range   string   `toml:"range"`
	Zones   []string `toml:"zones"`
	Address string   `toml:"address"`

	config router.PortConfig
}

func (p *program) atalkRouter() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "router --config FILE",
		Short: "Route between AppleTalk networks",
		Long: `Router joins the links that FILE names, in TOML:

  [[port]]
  link = "ltoudp://"
  range = "1"                      # of a seed port; a port without learns all
  zones = ["Home"]

  [[port]]
  link = "ethertalk://eth0"
  range = "3-5"
  zones = ["Office", "Third"]      # the first is the default zone
  address = "3.1"                  # asked for first; may be left out

A seed port that finds another network range, other zones or another default
zone on its cable does not use its own, and says so in the log.

On SIGHUP the file is read again: ports come and go, a zone in whose place stands
another name is renamed and its nodes are told. tenuto status shows ports and
routes, tenuto atalk routes --counters what was dropped.`,
		Example: `  tenuto atalk router --config examples/atalk/router.toml`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef("--config names the file of the ports")
			}
			return p.runAtalkRouter(file)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the ports, in `FILE`")
	return cmd
}

// readRouterFile reads and checks a configuration.
func readRouterFile(path string) (*routerFile, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxRouterFile+1))
	if err == nil && len(text) > maxRouterFile {
		err = fmt.Errorf("%s has more than %d octets", path, maxRouterFile)
	}
	if err != nil {
		return nil, err
	}
	var f routerFile
	d := toml.NewDecoder(strings.NewReader(string(text))).DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: %s", path, tomlText(err))
	}
	if len(f.Ports) == 0 || len(f.Ports) > router.MaxPorts {
		return nil, fmt.Errorf("%s: %d ports are not 1 to %d", path, len(f.Ports), router.MaxPorts)
	}
	for i := range f.Ports {
		q := &f.Ports[i]
		if err := q.check(); err != nil {
			return nil, fmt.Errorf("%s: port %d: %w", path, i+1, err)
		}
		if slices.ContainsFunc(f.Ports[:i], func(o routerPort) bool { return o.Link == q.Link }) {
			return nil, fmt.Errorf("%s: port %d: the link %s is there twice", path, i+1, q.Link)
		}
	}
	return &f, nil
}

// tomlText is what a TOML decoder says, with the line.
func tomlText(err error) string {
	if e, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(e.Errors) > 0 {
		line, _ := e.Errors[0].Position()
		return fmt.Sprintf("line %d: unknown key %s", line, strings.Join(e.Errors[0].Key(), "."))
	}
	if e, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := e.Position()
		return fmt.Sprintf("line %d: %s", line, strings.TrimPrefix(e.Error(), "toml: "))
	}
	return strings.TrimPrefix(err.Error(), "toml: ")
}

// check makes the port's configuration of its texts.
func (q *routerPort) check() (err error) {
	if q.Range != "" {
		if q.config.Range, err = ddp.ParseRange(q.Range); err != nil {
			return err
		}
	}
	for _, z := range q.Zones {
		name, err := macroman.Encode(z)
		if err != nil {
			return err
		}
		q.config.Zones = append(q.config.Zones, name)
	}
	if q.Address != "" {
		if q.config.Hint, err = ddp.ParseAddr(q.Address); err != nil {
			return err
		}
	}
	kind := link.LocalTalk
	if strings.HasPrefix(q.Link, ethertalk.Scheme+":") {
		kind = link.EtherTalk
	}
	return q.config.Check(kind)
}

func (p *program) runAtalkRouter(path string) error {
	f, err := readRouterFile(path)
	if err != nil {
		return usageError{err}
	}
	// The program as a whole takes SIGHUP for an end; here it is the wish to read the file again.
	signal.Reset(syscall.SIGHUP)
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	r := &routing{p: p, r: router.New(router.Config{Logger: p.log}), ports: map[string]int{}}
	defer r.r.Close()
	if err := r.apply(f); err != nil {
		return err
	}
	defer r.tell()()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-reload:
			f, err := readRouterFile(path)
			if err == nil {
				err = r.apply(f)
			}
			if err != nil {
				p.log.Error("not all of the configuration is in use", "error", err)
				continue
			}
			p.log.Info("configuration read", "file", path)
		}
	}
}

// routing is a router with its configuration.
type routing struct {
	p     *program
	r     *router.Router
	ports map[string]int // by link
}

// apply makes the router's ports those of a file.
func (r *routing) apply(f *routerFile) error {
	var errs []error
	for url, i := range r.ports {
		if !slices.ContainsFunc(f.Ports, func(q routerPort) bool { return q.Link == url }) {
			errs = append(errs, r.r.Remove(i))
			delete(r.ports, url)
			r.p.log.Info("port removed", "link", url)
		}
	}
	for _, q := range f.Ports {
		i, have := r.ports[q.Link]
		if have {
			errs = append(errs, r.r.Configure(i, q.config))
			continue
		}
		l, err := openLink(q.Link)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if i, err = r.r.Add(l, q.config); err != nil {
			l.Close() // it may be closed already
			errs = append(errs, err)
			continue
		}
		r.ports[q.Link] = i
		r.p.log.Info("port added", "link", q.Link, "seed", q.config.IsSeed())
	}
	return errors.Join(errs...)
}

// tell answers tenuto status until stop is called.
func (r *routing) tell() (stop func()) {
	started := time.Now()
	s, err := control.Listen(control.Config{Role: "atalk", Logger: r.p.log, Snapshot: func() control.Process {
		return control.Process{Version: buildVersion(), Started: started, AppleTalk: appleTalk(r.r.Status())}
	}})
	if err != nil {
		r.p.log.Warn("tenuto status cannot ask this process", "cause", err)
		return func() {}
	}
	return func() { s.Close() }
}

func appleTalk(s router.Status) *control.AppleTalk {
	a := &control.AppleTalk{Zones: s.Zones, Forwarded: s.Forwarded}
	links := map[int]string{}
	for _, q := range s.Ports {
		links[q.Index] = q.Link
		t := control.AppleTalkPort{Link: q.Link, Kind: q.Kind.String(), State: q.State.String(), Seed: q.Seed, Conflict: q.Conflict, Zones: q.Zones,
			Dropped: map[string]uint64{}}
		if q.Addr.Node != 0 {
			t.Address = q.Addr.String()
		}
		if q.Range != (ddp.Range{}) {
			t.Range = q.Range.String()
		}
		for c, n := range q.Dropped {
			if n > 0 {
				t.Dropped[port.Cause(c).String()] = n
			}
		}
		a.Ports = append(a.Ports, t)
	}
	for _, e := range s.Routes {
		t := control.AppleTalkRoute{Range: e.Range.String(), Distance: int(e.Distance), State: e.State, Link: links[e.Port], Zones: e.Zones}
		if e.Distance > 0 {
			t.Next = e.Next.String()
		}
		a.Routes = append(a.Routes, t)
	}
	return a
}
