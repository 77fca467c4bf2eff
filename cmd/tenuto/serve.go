package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
	"github.com/tenuto-session/tenuto/forward"
)

func (p *program) serve() *cobra.Command {
	var (
		limits   limits
		listen   []string
		services []string
		reverse  []string
	)
	cmd := &cobra.Command{
		Use:   "serve --listen URL… --service NAME=TARGET…",
		Short: "Connect sessions to targets",
		Long: `Serve accepts sessions and connects each to the target of the service it asks
for. The target is reached first: if it refuses, the session is refused, and the
application at the far end sees its connection reset.

TARGET is host:port, unix:PATH, or a word:
  echo     sends back what it gets
  discard  reads to the end
  recv:FOLDER  receives what tenuto send sends (see tenuto recv)

With --reverse a client may register NAME (tenuto forward --reverse). While it
does, each connection accepted at ADDRESS, which is [host]:port or unix:PATH, is
a session to that client. A later registration replaces an earlier one.`,
		Example: `  tenuto serve --listen tenuto://:7225 --service echo=echo
  tenuto serve --listen tenuto://:7225 \
      --service db=127.0.0.1:5432 --service docker=unix:/run/docker.sock
  tenuto serve --listen tenuto://:7225 --reverse web=127.0.0.1:8080`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s := &forward.Server{Logger: p.log}
			var err error
			if s.Services, err = parseServices(services); err != nil {
				return err
			}
			if s.Reverse, err = parseReverse(reverse, s.Services); err != nil {
				return err
			}
			if err := limits.check(cmd.Flags()); err != nil {
				return err
			}
			switch {
			case len(listen) == 0:
				return usagef("--listen is missing: where to accept sessions")
			case len(s.Services)+len(s.Reverse) == 0:
				return usagef("--service is missing: what to serve")
			}
			return p.runServe(cmd.Context(), s, listen, &limits)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&listen, "listen", nil, "accept sessions at `URL` (may be repeated)")
	f.StringArrayVar(&services, "service", nil, "connect sessions for a name to a target, `NAME=TARGET` (may be repeated)")
	f.StringArrayVar(&reverse, "reverse", nil, "let a client that registers a name have what connects to an address, `NAME=ADDRESS` (may be repeated)")
	limits.listening(f)
	return cmd
}

func (p *program) runServe(ctx context.Context, s *forward.Server, urls []string, l *limits) error {
	ep, err := p.endpoint(ctx, l)
	if err != nil {
		return err
	}
	defer ep.Close()
	store, err := p.folders(s)
	if err != nil {
		return err
	}
	if store != nil {
		defer store.Close()
	}

	var listeners []*tenuto.Listener
	for _, url := range urls {
		ln, err := ep.Listen(ctx, url, forward.Dialogues)
		if err != nil {
			return err
		}
		defer ln.Close()
		listeners = append(listeners, ln)
	}
	defer p.tell("serve", ep, about(s, listeners), func(told *control.Process) {
		if store != nil {
			told.Activities = activitiesIn(context.Background(), store)
		}
	})()
	stopped := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var serving sync.WaitGroup
	for _, ln := range listeners {
		p.log.Info("listening", "url", ln.URL())
		serving.Go(func() {
			if err := s.Serve(ctx, forward.Listener(ln, forward.Dialogues)); err != nil {
				cancel(fmt.Errorf("%s: %w", ln.URL(), err))
			}
		})
	}
	<-ctx.Done()
	serving.Wait()
	if stopped.Err() != nil {
		return nil // as asked
	}
	return context.Cause(ctx)
}

// about is what tenuto status tells of a server.
func about(s *forward.Server, listeners []*tenuto.Listener) (told control.Process) {
	for _, ln := range listeners {
		told.Listen = append(told.Listen, ln.URL())
	}
	for _, name := range slices.Sorted(maps.Keys(s.Services)) {
		told.Services = append(told.Services, control.Service{Name: name, Target: s.Services[name].String()})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Reverse)) {
		told.Services = append(told.Services, control.Service{Name: name, Listen: s.Reverse[name]})
	}
	return told
}

// maxName is how many octets a service's name, which is a session selector, may have.
const maxName = tenuto.MaxService

// cutName reads NAME=VALUE.
func cutName(flag, text string) (name, value string, err error) {
	name, value, ok := strings.Cut(text, "=")
	switch {
	case !ok || name == "" || value == "":
		return "", "", usagef("--%s %q: want NAME=…", flag, text)
	case len(name) > maxName:
		return "", "", usagef("--%s %q: the name has more than %d octets", flag, text, maxName)
	case strings.Contains(name, "/"):
		return "", "", usagef("--%s %q: a name has no slash", flag, text)
	}
	return name, value, nil
}

func parseServices(texts []string) (map[string]forward.Target, error) {
	registry := forward.NewRegistry()
	registry[recvWord] = func(dir string) (forward.Target, error) {
		if dir == "" {
			return nil, fmt.Errorf("target %s has no folder", recvWord)
		}
		return newFolder(dir), nil
	}
	services := make(map[string]forward.Target)
	for _, text := range texts {
		name, value, err := cutName("service", text)
		if err != nil {
			return nil, err
		}
		if services[name] != nil {
			return nil, usagef("--service: %s is there twice", name)
		}
		target, err := registry.Parse(value)
		if err != nil {
			return nil, usageError{err}
		}
		services[name] = target
	}
	return services, nil
}

func parseReverse(texts []string, services map[string]forward.Target) (map[string]string, error) {
	reverse := make(map[string]string)
	for _, text := range texts {
		name, value, err := cutName("reverse", text)
		if err != nil {
			return nil, err
		}
		if services[name] != nil || reverse[name] != "" {
			return nil, usagef("--reverse: %s is there twice", name)
		}
		reverse[name] = value
	}
	return reverse, nil
}
