package control

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// WriteTable writes the status for people: a paragraph for each process, in it a row for each bridge. Ages are those at now.
func (s *Status) WriteTable(w io.Writer, now time.Time) error {
	b := bufio.NewWriter(w)
	if len(s.Processes) == 0 {
		fmt.Fprintln(b, "No tenuto process of this user tells anything.")
	}
	for i := range s.Processes {
		if i > 0 {
			fmt.Fprintln(b)
		}
		s.Processes[i].write(b, now)
	}
	for i, problem := range s.Problems {
		if i == 0 {
			fmt.Fprintln(b)
		}
		fmt.Fprintln(b, "!", printable(problem))
	}
	return b.Flush()
}

func (p *Process) write(w io.Writer, now time.Time) {
	fmt.Fprintf(w, "%s, process %d, version %s, for %s\n", printable(p.Role), p.PID, printable(p.Version), since(p.Started, now))
	fact := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %-8s %s\n", name, printable(value))
		}
	}
	for _, l := range p.Listen {
		fact("listen", l)
	}
	fact("target", p.Target)
	fact("url", p.URL)
	for _, s := range p.Services {
		if s.Listen != "" {
			fact("reverse", s.Name+"="+s.Listen)
		} else {
			fact("service", s.Name+"="+s.Target)
		}
	}
	if p.AppleTalk != nil {
		p.AppleTalk.write(w)
		return
	}
	p.writeBridges(w, now)
	if len(p.Activities) > 0 {
		fmt.Fprintln(w)
		activityTable(p.Activities, now).write(w)
	}
}

func (p *Process) writeBridges(w io.Writer, now time.Time) {
	if len(p.Bridges) == 0 {
		fmt.Fprintln(w, "  no bridge")
		return
	}
	t := table{{"bridge", "state", "for", "remote", "carrier", "age", "rtt", "streams", "sent", "received", "resumes", "peer"}}
	for i := range p.Bridges {
		t = append(t, p.Bridges[i].rows(now)...)
	}
	fmt.Fprintln(w)
	t.write(w)
	p.writeCauses(w)
}

// rows is a row for the bridge, with its first carrier, and one for each of its other carriers.
func (b *Bridge) rows(now time.Time) (rows [][]string) {
	row := []string{short(b.ID), b.State, since(b.Since, now), b.Remote, "-", "-", "-",
		strconv.Itoa(b.Streams), octets(b.Bytes.Sent), octets(b.Bytes.Received), strconv.Itoa(b.Resumes), b.Peer.Fingerprint}
	for i, c := range b.Carriers {
		if i > 0 {
			rows = append(rows, row)
			row = make([]string, len(row))
		}
		row[4] = c.Kind + " " + c.Remote
		row[5] = duration(time.Duration(c.AgeSeconds * float64(time.Second)))
		row[6] = "-"
		if c.RTTMs > 0 {
			row[6] = roundTrip(c.RTTMs)
		}
	}
	return append(rows, row)
}

// writeCauses tells why carriers were lost. The texts are of any length, and so are not in the table.
func (p *Process) writeCauses(w io.Writer) {
	for _, b := range p.Bridges {
		if b.LastCause != "" {
			fmt.Fprintf(w, "  %s last lost its carrier: %s\n", printable(short(b.ID)), printable(b.LastCause))
		}
	}
}

// table is rows of cells; the first one is the head.
type table [][]string

// write aligns columns to the left, as texts and numbers stand beside each other, and leaves nothing at the end of a line.
func (t table) write(w io.Writer) {
	widths := make([]int, len(t[0]))
	for _, row := range t {
		for i := range row {
			row[i] = printable(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range t {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "  %-*s", widths[i], cell)
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// short is as much of a bridge's identifier as tells it from others on one machine.
func short(id string) string {
	if len(id) > 8 {
		return id[:8]
	}
	return id
}

// printable replaces what could move a terminal's cursor: causes are texts of the peer.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\ufffd'
		}
		return r
	}, s)
}

func since(t, now time.Time) string { return duration(now.Sub(t)) }

// duration is written in its two largest units: 5d3h, 2h5m, 3m20s, 20s.
func duration(d time.Duration) string {
	d = max(d, 0).Truncate(time.Second)
	const day = 24 * time.Hour
	two := func(d, large, small time.Duration, names string) string {
		s := fmt.Sprintf("%d%c", d/large, names[0])
		if rest := d % large / small; rest > 0 {
			s += fmt.Sprintf("%d%c", rest, names[1])
		}
		return s
	}
	switch {
	case d >= day:
		return two(d, day, time.Hour, "dh")
	case d >= time.Hour:
		return two(d, time.Hour, time.Minute, "hm")
	case d >= time.Minute:
		return two(d, time.Minute, time.Second, "ms")
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// octets is written with three digits: 999B, 1.21KiB, 12.1MiB.
func octets(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%dB", n)
	}
	v, unit := float64(n), 0
	for v >= 999.5 && unit < 5 { // not 1024, which would leave numbers of four digits
		v /= 1 << 10
		unit++
	}
	return digits(v) + []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}[unit]
}

func roundTrip(ms float64) string {
	switch {
	case ms >= 1000:
		return digits(ms/1000) + "s"
	case ms < 1:
		return digits(ms*1000) + "µs"
	}
	return digits(ms) + "ms"
}

func digits(v float64) string {
	switch {
	case v >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
