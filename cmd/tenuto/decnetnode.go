package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
	"github.com/tenuto-session/tenuto/decnet/node"
	"github.com/tenuto-session/tenuto/decnet/scp"
	"github.com/tenuto-session/tenuto/forward"
)

func (p *program) decnetNode(d *decnetFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "node --config FILE",
		Short: "Run a node with its objects",
		Long: `Node brings the circuits up, again and again, and lets the objects of the file be
called: MIRROR and NML always, others as the file says, each with a target, which
is host:port, unix:PATH or one of the words echo and discard, or with a command,
which only the object's users may run. The command's standard input and output are the link;
its arguments are those of the file, and nothing of them comes from the caller.`,
		Example: `  tenuto decnet node --config examples/decnet/alpha.toml`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := readDecnet(d.config)
			if err != nil {
				return usageError{err}
			}
			return p.runDecnet(cmd.Context(), file)
		},
	}
}

func (p *program) runDecnet(ctx context.Context, file *decnetFile) error {
	n, err := file.node(p.log)
	if err != nil {
		return err
	}
	var serving sync.WaitGroup
	defer serving.Wait()
	defer n.Close()
	if err := errors.Join(n.ServeMirror(), n.ServeNML(file.Identification)); err != nil {
		return err
	}
	for _, o := range file.Objects {
		if err := p.serveObject(ctx, n, o, &serving); err != nil {
			return err
		}
	}
	s, err := control.Listen(control.Config{Role: "decnet", Logger: p.log, Snapshot: func() control.Process {
		told := control.Process{Version: buildVersion(), Started: n.Info().Started}
		detail, err := json.Marshal(detailOf(n, time.Now()))
		if err != nil {
			panic("BUG: a node has no JSON: " + err.Error())
		}
		told.Detail = detail
		for _, c := range n.Info().Circuits {
			told.Listen = append(told.Listen, c.Link)
		}
		return told
	}})
	if err != nil {
		p.log.Warn("tenuto decnet show cannot ask this process", "cause", err)
	} else {
		defer s.Close()
	}
	p.log.Info("running", "node", n.Addr().String(), "name", n.Name())
	<-ctx.Done()
	return nil
}

// serveObject lets an object be called.
func (p *program) serveObject(ctx context.Context, n *node.Node, o decnetObject, serving *sync.WaitGroup) error {
	var target forward.Target = commandTarget{o.Command, p.log}
	if o.Target != "" {
		var err error
		if target, err = forward.NewRegistry().Parse(o.Target); err != nil {
			return usageError{err}
		}
	}
	ln, err := n.Listen(o.Object, &node.ListenConfig{Authorize: o.authorize})
	if err != nil {
		return err
	}
	s := &forward.Server{Default: target, Logger: p.log.With("object", o.Object)}
	serving.Go(func() {
		if err := s.Serve(ctx, decnetLinks{ln, familyQuiet}); err != nil {
			p.log.Warn("object", "object", o.Object, "cause", err)
		}
	})
	return nil
}

// commandTarget runs a command for each link.
type commandTarget struct {
	argv []string
	log  *slog.Logger
}

func (t commandTarget) String() string { return fmt.Sprint(t.argv) }

// Open prepares the command: it starts when the link is accepted.
func (t commandTarget) Open(context.Context) (forward.Peer, error) {
	path, err := exec.LookPath(t.argv[0])
	if err != nil {
		return nil, err
	}
	return &commandPeer{path: path, t: t}, nil
}

type commandPeer struct {
	path string
	t    commandTarget
}

// Reset does nothing: no command has started.
func (c *commandPeer) Reset() {}

// Join runs the command. It is killed when the link ends before it does.
func (c *commandPeer) Join(ctx context.Context, session forward.Conn) (forward.Counts, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, c.t.argv[1:]...)
	cmd.Env = append(os.Environ(), "TENUTO_DECNET_PEER="+session.RemoteAddr().String())
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		session.Abort(nil)
		return forward.Counts{}, err
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		session.Abort([]byte("cannot run"))
		return forward.Counts{}, err
	}
	counts, err := forward.Join(ctx, &commandIO{out, in}, session)
	cancel()
	cmd.Wait() // how it ended is its own affair: it was perhaps killed just now
	return counts, err
}

// commandIO is a command's standard output and input.
type commandIO struct {
	io.ReadCloser
	in io.WriteCloser
}

func (c *commandIO) Write(b []byte) (int, error) { return c.in.Write(b) }

// CloseWrite ends the command's standard input.
func (c *commandIO) CloseWrite() error { return c.in.Close() }

// Close closes both.
func (c *commandIO) Close() error { return errors.Join(c.in.Close(), c.ReadCloser.Close()) }

// decnetDetail is what a node tells. docs/decnet.md describes it.
type decnetDetail struct {
	Address  string              `json:"address"`
	Name     string              `json:"name"`
	Nodes    []decnetName        `json:"nodes"`
	Circuits []decnetCircuitInfo `json:"circuits"`
	Links    []decnetLinkInfo    `json:"links"`
	Counters map[string]uint64   `json:"counters"`
}

type decnetName struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

type decnetCircuitInfo struct {
	Name      string            `json:"name"`
	Link      string            `json:"link"`
	State     string            `json:"state"`
	Neighbour string            `json:"neighbour"`
	Type      string            `json:"type"`
	BlockSize int               `json:"block_size"`
	Cost      int               `json:"cost"`
	Cause     string            `json:"cause"`
	Counters  map[string]uint64 `json:"counters"`
}

type decnetLinkInfo struct {
	Local      string  `json:"local"`
	Remote     string  `json:"remote"`
	LocalLink  int     `json:"local_link"`
	RemoteLink int     `json:"remote_link"`
	State      string  `json:"state"`
	Caller     bool    `json:"caller"`
	AgeSeconds float64 `json:"age_seconds"`
	Sent       uint64  `json:"sent"`
	Received   uint64  `json:"received"`
	SegSize    int     `json:"segment_size"`
	Flow       string  `json:"flow"`
	Unacked    int     `json:"unacknowledged"`
	Unread     int     `json:"unread"`
}

func detailOf(n *node.Node, now time.Time) decnetDetail {
	i := n.Info()
	d := decnetDetail{Address: i.Addr.String(), Name: i.Name, Nodes: []decnetName{}, Circuits: []decnetCircuitInfo{}, Links: []decnetLinkInfo{}, Counters: countersOf(i.Counters)}
	for _, name := range n.Names() {
		if a, err := n.Resolve(name); err == nil {
			d.Nodes = append(d.Nodes, decnetName{name, a.String()})
		}
	}
	for _, c := range i.Circuits {
		info := decnetCircuitInfo{Name: c.Name, Link: c.Link, State: c.State.String(), BlockSize: c.BlockSize, Cost: c.Cost, Cause: c.Cause, Counters: countersOf(c.Counters)}
		info.Counters["opens"], info.Counters["drops"] = c.Opens, c.Drops
		if c.Neighbour != 0 {
			info.Neighbour, info.Type = c.Neighbour.String(), c.Type.String()
		}
		d.Circuits = append(d.Circuits, info)
	}
	for _, l := range i.Links {
		d.Links = append(d.Links, linkOf(l, now))
	}
	return d
}

func linkOf(l scp.Info, now time.Time) decnetLinkInfo {
	return decnetLinkInfo{Local: l.Local.String(), Remote: l.Remote.String(), LocalLink: int(l.LocalLink), RemoteLink: int(l.RemoteLink), State: l.State.String(),
		Caller: l.Caller, AgeSeconds: now.Sub(l.Started).Seconds(), Sent: l.Sent, Received: l.Received, SegSize: l.SegSize, Flow: l.Flow.String(),
		Unacked: l.Unacknowledged, Unread: l.Unread}
}
