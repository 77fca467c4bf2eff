package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/ethertalk"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/ltoudp"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
	"github.com/tenuto-session/tenuto/appletalk/node"
)

func (p *program) atalk() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "atalk",
		Short: "Work with AppleTalk networks",
		Long: `Atalk has commands for AppleTalk as Macs and emulators speak it: a router, and
what a node asks its network. Links are named by URLs:

  ltoudp://            LocalTalk over UDP multicast (Mini vMac, Snow, TashTalk and
                       other routers), on loopback and all interfaces with multicast
  ltoudp://lo          the same on loopback alone; ltoudp://eth0, or an address of it
  ltoudp://lo:1955     another port than 1954: another network
  ethertalk://eth0     EtherTalk phase 2; needs Linux and raw sockets

AppleTalk is neither secret nor safe: whoever is on a link may say anything.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.atalkRouter(), p.atalkZones(), p.atalkNetInfo(), p.atalkLookup(), p.atalkRegister(), p.atalkPing(), p.atalkRoutes(),
		p.atalkStatus(), p.atalkADSP(), p.atalkASP(), p.atalkPAP())
	return cmd
}

// openLink opens the link that a URL names.
func openLink(rawURL string) (link.Link, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, usageError{err}
	}
	switch u.Scheme {
	case ltoudp.Scheme:
		if _, err := ltoudp.ParseURL(rawURL); err != nil {
			return nil, usageError{err}
		}
		return ltoudp.Open(rawURL)
	case ethertalk.Scheme:
		if _, err := ethertalk.ParseURL(rawURL); err != nil {
			return nil, usageError{err}
		}
		return ethertalk.Open(rawURL)
	}
	return nil, usagef("%s: no link of AppleTalk's: want ltoudp:// or ethertalk://", rawURL)
}

// asker is a command that asks the network as a node, and prints the answer.
type asker struct {
	p       *program
	link    string
	address string
	zone    string
	timeout time.Duration
	json    bool
}

// flags adds the flags of such a command.
func (a *asker) flags(cmd *cobra.Command) *cobra.Command {
	f := cmd.Flags()
	f.StringVar(&a.link, "link", "ltoudp://", "be a node on the link of `URL`")
	f.StringVar(&a.address, "address", "", "ask for the address `NETWORK.NODE` first")
	f.StringVar(&a.zone, "in-zone", "", "on EtherTalk, be in the zone `NAME` if the cable has it")
	f.DurationVar(&a.timeout, "timeout", 30*time.Second, "give up after `TIME`")
	f.BoolVar(&a.json, "json", false, "print one JSON object")
	f.SortFlags = false
	cmd.Annotations = map[string]string{quiet: ""}
	return cmd
}

// node makes the node.
func (a *asker) node() (*node.Node, error) {
	if a.timeout <= 0 {
		return nil, usagef("--timeout: %v is not positive", a.timeout)
	}
	var c node.Config
	var err error
	if a.address != "" {
		if c.Hint, err = ddp.ParseAddr(a.address); err != nil {
			return nil, usageError{err}
		}
	}
	if c.Zone, err = macroman.Encode(a.zone); err != nil {
		return nil, usageError{err}
	}
	l, err := openLink(a.link)
	if err != nil {
		return nil, err
	}
	c.Logger = a.p.log
	return node.New(l, c), nil
}

// ask lets a function ask, with the time that it has.
func (a *asker) ask(cmd *cobra.Command, f func(ctx context.Context, n *node.Node) error) error {
	n, err := a.node()
	if err != nil {
		return err
	}
	defer n.Close()
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), a.timeout, fmt.Errorf("no answer within %v", a.timeout))
	defer cancel()
	return f(ctx, n)
}

// print writes the answer: the value as JSON, or rows of cells of which the first is the head.
func (a *asker) print(w io.Writer, value any, rows [][]string) error {
	if a.json {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(value)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = shown(row[i])
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// shown replaces what could move a terminal's cursor: names are texts of others.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// texts are names as people read them.
func texts(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = macroman.Decode(name)
	}
	return all
}
