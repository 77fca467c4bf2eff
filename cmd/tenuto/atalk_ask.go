package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto/appletalk/aep"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/appletalk/zip"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
)

func (p *program) atalkZones() *cobra.Command {
	a := &asker{p: p}
	var local, my bool
	cmd := a.flags(&cobra.Command{
		Use:   "zones",
		Short: "List the zones",
		Long: `Zones asks a router for the zones of the whole internet, of the cable that the
node is on, or for the node's own.`,
		Example: `  tenuto atalk zones
  tenuto atalk zones --local --link ethertalk://eth0`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if local && my {
				return usagef("--local and --my ask for different zones")
			}
			return a.ask(cmd, func(ctx context.Context, n *node.Node) error {
				list := &node.List{Function: zip.FunctionGetZoneList}
				switch {
				case local:
					list.Function = zip.FunctionGetLocalZones
				case my:
					list.Function = zip.FunctionGetMyZone
				}
				if err := n.Do(ctx, list); err != nil {
					return err
				}
				zones := texts(list.Zones())
				rows := [][]string{}
				for _, z := range zones {
					rows = append(rows, []string{z})
				}
				return a.print(cmd.OutOrStdout(), map[string]any{"zones": zones}, rows)
			})
		},
	})
	cmd.Flags().BoolVar(&local, "local", false, "those of this cable")
	cmd.Flags().BoolVar(&my, "my", false, "that of this node, on LocalTalk")
	return cmd
}

// netInfo is what netinfo prints.
type netInfo struct {
	Address   string `json:"address"` // of this node
	Router    string `json:"router"`  // that has answered
	Range     string `json:"range"`
	Zone      string `json:"zone"`      // that was asked for, or the default zone
	Valid     bool   `json:"valid"`     // the cable has the zone that was asked for
	OnlyOne   bool   `json:"only_one"`  // the cable has one zone
	Broadcast bool   `json:"broadcast"` // there are no multicast addresses
	Multicast string `json:"multicast"` // empty if there is none
	Requested string `json:"requested"` // as it was asked for
	Default   string `json:"default"`   // the default zone, if that was told
}

func (p *program) atalkNetInfo() *cobra.Command {
	a := &asker{p: p}
	return a.flags(&cobra.Command{
		Use:   "netinfo [ZONE]",
		Short: "Tell of this cable",
		Long: `Netinfo asks the routers of this cable for its network range and its default
zone, or whether it has a zone, and the zone's multicast address.`,
		Example: `  tenuto atalk netinfo
  tenuto atalk netinfo "EtherTalk Network" --link ethertalk://eth0`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			zone, err := macroman.Encode(strings.Join(args, ""))
			if err == nil && len(args) > 0 {
				err = zip.CheckName(zone)
			}
			if err != nil {
				return usageError{err}
			}
			return a.ask(cmd, func(ctx context.Context, n *node.Node) error {
				info, from, err := n.NetInfo(ctx, zone)
				if err != nil {
					return err
				}
				out := netInfo{Address: n.Status().Addr.String(), Router: from.String(), Range: info.Range.String(), Zone: macroman.Decode(info.Zone()),
					Valid: zone != "" && info.Flags&zip.Invalid == 0, OnlyOne: info.Flags&zip.OnlyOne != 0, Broadcast: info.Flags&zip.UseBroadcast != 0,
					Requested: macroman.Decode(zone), Default: macroman.Decode(info.Default)}
				if !info.Multicast.IsZero() {
					out.Multicast = info.Multicast.String()
				}
				rows := [][]string{{"address", out.Address}, {"router", out.Router}, {"range", out.Range}, {"zone", out.Zone}}
				if zone != "" {
					rows = append(rows, []string{"valid", strconv.FormatBool(out.Valid)})
				}
				if out.Multicast != "" {
					rows = append(rows, []string{"multicast", out.Multicast})
				}
				return a.print(cmd.OutOrStdout(), out, append(rows, []string{"only zone", strconv.FormatBool(out.OnlyOne)}))
			})
		},
	})
}

// found is an entity as lookup prints it.
type found struct {
	Object     string `json:"object"`
	Type       string `json:"type"`
	Zone       string `json:"zone"`
	Address    string `json:"address"`
	Socket     int    `json:"socket"`
	Enumerator int    `json:"enumerator"`
}

func (p *program) atalkLookup() *cobra.Command {
	a := &asker{p: p}
	var tries int
	var interval time.Duration
	var at string
	cmd := a.flags(&cobra.Command{
		Use:   "lookup NAME",
		Short: "Find names",
		Long: `Lookup finds who has a name, object:type@zone. Object and type may be = for any,
or have one ≈ for any characters; the zone * is the node's own. What is left out
at the end is any type, and the own zone.`,
		Example: `  tenuto atalk lookup =
  tenuto atalk lookup '=:AFPServer@Office'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := nbp.ParseEntity(args[0])
			if err != nil {
				return usageError{err}
			}
			if tries < 1 || interval <= 0 {
				return usagef("--tries and --interval are positive")
			}
			var to ddp.Addr
			if at != "" {
				if to, err = ddp.ParseAddr(at); err != nil {
					return usageError{err}
				}
			}
			return a.ask(cmd, func(ctx context.Context, n *node.Node) error {
				l := &node.Lookup{Entity: e, Tries: tries, Interval: interval, At: to}
				if err := n.Do(ctx, l); err != nil {
					return err
				}
				all := []found{}
				rows := [][]string{{"name", "address", "socket"}}
				for _, t := range l.Found() {
					all = append(all, found{macroman.Decode(t.Entity.Object), macroman.Decode(t.Entity.Type), macroman.Decode(t.Entity.Zone),
						t.Addr.Addr.String(), int(t.Addr.Num), int(t.Enumerator)})
					rows = append(rows, []string{t.Entity.String(), t.Addr.Addr.String(), strconv.Itoa(int(t.Addr.Num))})
				}
				return a.print(cmd.OutOrStdout(), map[string]any{"entities": all}, rows)
			})
		},
	})
	cmd.Flags().IntVar(&tries, "tries", nbp.Tries, "ask `N` times")
	cmd.Flags().DurationVar(&interval, "interval", nbp.Interval, "wait `TIME` after each")
	cmd.Flags().StringVar(&at, "at", "", "ask the node `NETWORK.NODE` alone, whether it has the name still")
	return cmd
}

func (p *program) atalkRegister() *cobra.Command {
	a := &asker{p: p}
	return a.flags(&cobra.Command{
		Use:   "register NAME",
		Short: "Have a name",
		Long: `Register lets this node have a name, object:type, in its zone, until it is told
to end. It fails if somebody in the zone has it. The name's socket takes
datagrams, and answers none.`,
		Example: `  tenuto atalk register 'Mine:Test'`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := nbp.ParseEntity(args[0])
			if err != nil {
				return usageError{err}
			}
			n, err := a.node()
			if err != nil {
				return err
			}
			defer n.Close()
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), a.timeout, fmt.Errorf("no answer within %v", a.timeout))
			defer cancel()
			s, err := n.Open(0)
			if err != nil {
				return err
			}
			if err := n.Register(ctx, e, s); err != nil {
				return err
			}
			at := n.Status()
			zone := macroman.Decode(at.Zone)
			out := found{macroman.Decode(e.Object), macroman.Decode(e.Type), zone, at.Addr.String(), int(s.Num()), 0}
			if err := a.print(cmd.OutOrStdout(), out, [][]string{{out.Object + ":" + out.Type + "@" + zone, out.Address, strconv.Itoa(out.Socket)}}); err != nil {
				return err
			}
			p.log.Info("registered", "name", out.Object+":"+out.Type, "address", out.Address)
			<-cmd.Context().Done()
			return nil
		},
	})
}

func (p *program) atalkPing() *cobra.Command {
	a := &asker{p: p}
	var count, size int
	var wait time.Duration
	cmd := a.flags(&cobra.Command{
		Use:   "ping ADDRESS",
		Short: "Send echo requests",
		Long: `Ping sends echo requests to the node NETWORK.NODE; the node 0 is any router of
the network. It fails if none is answered.`,
		Example: `  tenuto atalk ping 3.10`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := ddp.ParseAddr(args[0])
			switch {
			case err != nil:
				return usageError{err}
			case to.Node == ddp.Broadcast:
				return usagef("%v: it is all nodes", to)
			case count < 1 || wait <= 0 || size < 0 || size > aep.MaxData:
				return usagef("--count and --wait are positive, and --size is 0 to %d", aep.MaxData)
			}
			return a.ask(cmd, func(ctx context.Context, n *node.Node) error {
				times, rows := []float64{}, [][]string{}
				for i := range count {
					data := []byte(strings.Repeat("t", size))
					for j := range min(size, 4) {
						data[j] = byte(i >> (8 * j)) // each has its own
					}
					took, err := n.Ping(ctx, to, data, wait)
					row := []string{strconv.Itoa(i + 1), "no answer"}
					if err == nil {
						ms := float64(took) / float64(time.Millisecond)
						times = append(times, ms)
						row[1] = fmt.Sprintf("%.3f ms", ms)
					} else if ctx.Err() != nil || len(times) == 0 && i == count-1 {
						return err
					}
					rows = append(rows, row)
				}
				return a.print(cmd.OutOrStdout(), map[string]any{"address": to.String(), "sent": count, "received": len(times), "rtt_ms": times}, rows)
			})
		},
	})
	cmd.Flags().IntVar(&count, "count", 3, "send `N`")
	cmd.Flags().IntVar(&size, "size", 32, "with `N` octets")
	cmd.Flags().DurationVar(&wait, "wait", 2*time.Second, "wait `TIME` for each answer")
	return cmd
}

// route is a route as routes prints it.
type route struct {
	Range    string `json:"range"`
	Distance int    `json:"distance"`
}

func (p *program) atalkRoutes() *cobra.Command {
	a := &asker{p: p}
	var counters bool
	cmd := a.flags(&cobra.Command{
		Use:   "routes",
		Short: "List the routes of a router",
		Long: `Routes asks the router of this cable for all networks that it knows. With
--counters it asks this user's running tenuto atalk router, and tells what that
has dropped, by port and cause; it uses no link then.`,
		Example: `  tenuto atalk routes
  tenuto atalk routes --counters`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if counters {
				return a.counters(cmd)
			}
			return a.ask(cmd, func(ctx context.Context, n *node.Node) error {
				d, err := n.Routes(ctx)
				if err != nil {
					return err
				}
				all, rows := []route{}, [][]string{{"network", "distance"}}
				for _, t := range d.Tuples {
					all = append(all, route{t.Range.String(), int(t.Distance)})
					rows = append(rows, []string{t.Range.String(), strconv.Itoa(int(t.Distance))})
				}
				return a.print(cmd.OutOrStdout(), map[string]any{"router": d.Sender.String(), "cable": d.Range.String(), "routes": all}, rows)
			})
		},
	})
	cmd.Flags().BoolVar(&counters, "counters", false, "what the running router has dropped")
	return cmd
}

// counters tells what the user's running routers have dropped.
func (a *asker) counters(cmd *cobra.Command) error {
	s, err := control.Read(cmd.Context(), "")
	if err != nil {
		return err
	}
	type counted struct {
		Link    string            `json:"link"`
		Dropped map[string]uint64 `json:"dropped"`
	}
	ports, running := []counted{}, false
	for _, q := range s.Processes {
		if q.AppleTalk == nil {
			continue
		}
		running = true
		for _, port := range q.AppleTalk.Ports {
			ports = append(ports, counted{port.Link, port.Dropped})
		}
		if !a.json {
			q.AppleTalk.WriteCounters(cmd.OutOrStdout())
		}
	}
	if !running {
		return fmt.Errorf("no tenuto atalk router of this user is running")
	}
	if a.json {
		return a.print(cmd.OutOrStdout(), map[string]any{"ports": ports}, nil)
	}
	return nil
}
