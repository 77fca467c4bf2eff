package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
)

// countersOf are the fields of a struct of counters, by their names in small letters with underscores.
func countersOf(counters any) map[string]uint64 {
	all := make(map[string]uint64)
	v := reflect.ValueOf(counters)
	for i := range v.NumField() {
		var name strings.Builder
		for k, r := range v.Type().Field(i).Name {
			if unicode.IsUpper(r) && k > 0 {
				name.WriteByte('_')
			}
			name.WriteRune(unicode.ToLower(r))
		}
		all[name.String()] = v.Field(i).Uint()
	}
	return all
}

// decnetTables are the tables of decnet show.
var decnetTables = map[string]func(io.Writer, *decnetDetail){
	"node": func(w io.Writer, d *decnetDetail) {
		fmt.Fprintf(w, "NODE\tNAME\n")
		for _, n := range d.Nodes {
			fmt.Fprintf(w, "%s\t%s\n", n.Address, n.Name)
		}
	},
	"circuits": func(w io.Writer, d *decnetDetail) {
		fmt.Fprintf(w, "CIRCUIT\tSTATE\tNEIGHBOUR\tTYPE\tBLOCK\tCOST\tLINK\tCAUSE\n")
		for _, c := range d.Circuits {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n", c.Name, c.State, dash(c.Neighbour), dash(c.Type), c.BlockSize, c.Cost, c.Link, dash(c.Cause))
		}
	},
	"links": func(w io.Writer, d *decnetDetail) {
		fmt.Fprintf(w, "LINK\tLOCAL\tREMOTE\tREMOTE LINK\tSTATE\tSENT\tRECEIVED\tSEGMENT\tFLOW\n")
		for _, l := range d.Links {
			fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%d\t%d\t%d\t%s\n", l.LocalLink, l.Local, l.Remote, l.RemoteLink, l.State, l.Sent, l.Received, l.SegSize, l.Flow)
		}
	},
	"counters": func(w io.Writer, d *decnetDetail) {
		fmt.Fprintf(w, "WHAT\tCOUNTER\tVALUE\n")
		each := func(what string, counters map[string]uint64) {
			for _, name := range slices.Sorted(maps.Keys(counters)) {
				fmt.Fprintf(w, "%s\t%s\t%d\n", what, name, counters[name])
			}
		}
		each("links", d.Counters)
		for _, c := range d.Circuits {
			each(c.Name, c.Counters)
		}
	},
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (p *program) decnetShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show node|circuits|links|counters",
		Short: "Tell about this user's running nodes",
		Long: `Show asks every running tenuto decnet node of this user and tells of the names it
knows, its circuits, its links, or what it has counted. With --json it prints all
of that, as docs/decnet.md describes it.`,
		Example: `  tenuto decnet show circuits
  tenuto decnet show links --json`,
		Args:        cobra.ExactArgs(1),
		ValidArgs:   slices.Sorted(maps.Keys(decnetTables)),
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, args []string) error {
			table := decnetTables[args[0]]
			if table == nil {
				return usagef("%s is none of %s", args[0], strings.Join(slices.Sorted(maps.Keys(decnetTables)), ", "))
			}
			s, err := control.Read(cmd.Context(), "")
			if err != nil {
				return err
			}
			nodes := []decnetDetail{}
			for _, process := range s.Processes {
				var d decnetDetail
				if process.Role == "decnet" && json.Unmarshal(process.Detail, &d) == nil {
					nodes = append(nodes, d)
				}
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(struct {
					Nodes []decnetDetail `json:"nodes"`
				}{nodes})
			}
			if len(nodes) == 0 {
				return errors.New("no node of this user runs")
			}
			for i := range nodes {
				fmt.Fprintf(cmd.OutOrStdout(), "node %s %s\n\n", nodes[i].Address, nodes[i].Name)
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				table(w, &nodes[i])
				if err := w.Flush(); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
