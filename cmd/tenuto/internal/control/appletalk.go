package control

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// AppleTalk is what an AppleTalk router tells of itself.
type AppleTalk struct {
	Ports     []AppleTalkPort  `json:"ports"`
	Routes    []AppleTalkRoute `json:"routes"`
	Zones     []string         `json:"zones"` // of the internet
	Forwarded uint64           `json:"forwarded"`
}

// AppleTalkPort is a port of a router.
type AppleTalkPort struct {
	Link     string            `json:"link"`  // its URL
	Kind     string            `json:"kind"`  // LocalTalk or EtherTalk
	State    string            `json:"state"` // up, or what it does to come up
	Address  string            `json:"address"`
	Range    string            `json:"range"` // empty while it is not known
	Seed     bool              `json:"seed"`
	Conflict string            `json:"conflict"` // why its own range and zones are not used
	Zones    []string          `json:"zones"`    // the default zone first
	Dropped  map[string]uint64 `json:"dropped"`  // by cause
}

// AppleTalkRoute is a route of a router.
type AppleTalkRoute struct {
	Range    string   `json:"range"`
	Distance int      `json:"distance"`
	State    string   `json:"state"` // good, suspect or bad
	Link     string   `json:"link"`  // of the port that leads there
	Next     string   `json:"next"`  // empty for the port's own network
	Zones    []string `json:"zones"` // empty while they are not all known
}

// whole returns a copy with lists that are never null.
func (a *AppleTalk) whole() *AppleTalk {
	if a == nil {
		return nil
	}
	c := AppleTalk{Ports: orEmpty(a.Ports), Routes: orEmpty(a.Routes), Zones: orEmpty(a.Zones), Forwarded: a.Forwarded}
	for i := range c.Ports {
		c.Ports[i].Zones = orEmpty(c.Ports[i].Zones)
		if c.Ports[i].Dropped == nil {
			c.Ports[i].Dropped = map[string]uint64{}
		}
	}
	for i := range c.Routes {
		c.Routes[i].Zones = orEmpty(c.Routes[i].Zones)
	}
	return &c
}

func (a *AppleTalk) write(w io.Writer) {
	fmt.Fprintln(w)
	ports := table{{"link", "state", "address", "range", "zones", "forwarded"}}
	for i, p := range a.Ports {
		row := []string{p.Link, p.State, p.Address, p.Range, strings.Join(p.Zones, ", "), ""}
		if i == 0 {
			row[5] = strconv.FormatUint(a.Forwarded, 10)
		}
		ports = append(ports, row)
	}
	ports.write(w)
	for _, p := range a.Ports {
		if p.Conflict != "" {
			fmt.Fprintf(w, "  %s does not use its seed: %s\n", printable(p.Link), printable(p.Conflict))
		}
	}
	fmt.Fprintln(w)
	routes := table{{"network", "distance", "state", "link", "next", "zones"}}
	for _, r := range a.Routes {
		routes = append(routes, []string{r.Range, strconv.Itoa(r.Distance), r.State, r.Link, r.Next, strings.Join(r.Zones, ", ")})
	}
	routes.write(w)
}

// WriteCounters writes what a router has dropped, by port and cause.
func (a *AppleTalk) WriteCounters(w io.Writer) {
	t := table{{"link", "dropped", "count"}}
	for _, p := range a.Ports {
		for _, cause := range slices.Sorted(maps.Keys(p.Dropped)) {
			t = append(t, []string{p.Link, cause, strconv.FormatUint(p.Dropped[cause], 10)})
		}
	}
	t.write(w)
}
