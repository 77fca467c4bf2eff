package main

import (
	"fmt"
	"io"
)

// mark is a figure that we set ourselves.
type mark struct {
	title  string
	limit  float64
	least  bool // the figure is to be at least the limit; else at most
	unit   string
	figure func(*results) []float64 // of the runs; none if it was not measured
}

var marks = []mark{
	{"one direction, 64K, one process: tenuto-tls by tls", 0.9, true, "×", over("Bulk", "64K", "tenuto-tls", "tls", megabytes)},
	{"one direction, 64K, two processes: tenuto-tls by tls", 0.9, true, "×", over("BulkTwoProcesses", "64K", "tenuto-tls", "tls", megabytes)},
	{"SSDUs of 64 KiB, one process: tenuto-osi by tcp", 0.6, true, "×", over("SSDUs", "", "tenuto-osi-ssdus", "tcp", megabytes)},
	{"SSDUs of 64 KiB, two processes: tenuto-osi by tcp", 0.6, true, "×", over("SSDUsTwoProcesses", "", "tenuto-osi-ssdus", "tcp", megabytes)},
	{"one direction, 64K, one process: tenuto-osi by tcp", 0.6, true, "×", over("Bulk", "64K", "tenuto-osi", "tcp", megabytes)},
	{"one direction, 64K, two processes: tenuto-osi by tcp", 0.6, true, "×", over("BulkTwoProcesses", "64K", "tenuto-osi", "tcp", megabytes)},
	{"new connections in parallel: tenuto-tls by tls", 0.8, true, "×", over("Bridge", "parallel", "tenuto-tls", "tls", perSecond)},
	{"heap and stacks of an idle pair, tenuto-tcp, 5,000 bridges", 16, false, "KiB", of("Idle", "bridges/5000", "tenuto-tcp", kibibytes)},
	{"heap and stacks of an idle pair, tenuto-tls, 5,000 bridges", 16, false, "KiB", of("Idle", "bridges/5000", "tenuto-tls", kibibytes)},
	{"heap and stacks of an idle pair, tenuto-tcp, 10,000 bridges", 16, false, "KiB", of("IdleTwoProcesses", "bridges/10000", "tenuto-tcp", kibibytes)},
	{"heap and stacks of an idle pair, tenuto-tls, 10,000 bridges", 16, false, "KiB", of("IdleTwoProcesses", "bridges/10000", "tenuto-tls", kibibytes)},
	{"heap and stacks of 5,000 idle sessions, both ends, tenuto-osi", 100, false, "MiB", of("Idle", "bridges/5000", "tenuto-osi", times(5000, mebibytes))},
	{"an end of an idle stream, tenuto-tcp, 5,000 streams", 1, false, "KiB", of("Idle", "streams/5000", "tenuto-tcp", eachEnd(kibibytes))},
	{"an end of a parked bridge with a session, tenuto-tcp", 2, false, "KiB", of("Idle", "parked/100000", "tenuto-tcp", eachEnd(kibibytes))},
	{"goroutines of a parked bridge, tenuto-tcp", 0, false, "", of("Idle", "parked/100000", "tenuto-tcp", goroutines)},
	// These cost no processor time, so that what is lost beside them is lost by the protocol.
	{"kept beside a peer that never reads", 0.9, true, "×", of("Starve", "", "never-reads", unit("ratio"))},
	{"kept beside a peer that never reads its carrier", 0.9, true, "×", of("Starve", "", "never-reads-carrier", unit("ratio"))},
	{"kept beside a peer that never acknowledges", 0.9, true, "×", of("Starve", "", "never-acknowledges", unit("ratio"))},
	// These cost some, which is lost with the peer elsewhere as well.
	{"kept beside a peer that opens streams without end, by what is kept with it elsewhere", 0.9, true, "×", of("Starve", "", "opens-streams", unit("ratio-protocol"))},
	{"kept beside a peer that attaches a thousand times a second, by what is kept with it elsewhere", 0.9, true, "×", of("Starve", "", "attaches", unit("ratio-protocol"))},
	// Two round trips of 20 ms, and 300 ms.
	{"the slowest confirm that overtakes 8 MiB, tenuto-tcp", 340, false, "ms", slowestConfirm("tenuto-tcp")},
	{"the slowest confirm that overtakes 8 MiB, tenuto-osi-expedited", 340, false, "ms", slowestConfirm("tenuto-osi-expedited")},
	{"the slowest confirm that overtakes 8 MiB in SSDUs of 64 KiB, tenuto-osi", 340, false, "ms", slowestConfirm("tenuto-osi")},
	{"a file of 1 GiB: tenuto-tls by local", 0.9, true, "×", over("File", "", "tenuto-tls", "local", megabytes)},
	{"10,000 files of 4 KiB: tenuto-tls by rsync", 1, true, "×", over("Files", "", "tenuto-tls", "rsync", unit("files/s"))},
	{"from the kill of a sender to the next commit", 50, false, "ms", of("Restart", "", "tenuto-tls", unit("ms-sender"))},
	{"AppleTalk datagrams forwarded on one core, 10,000 networks", 1, true, "million/s", of("AtalkForward", "10000", "tenuto-router", millions("datagrams/s"))},
	{"allocations for 256 of them", 0, false, "", of("AtalkForward", "10000", "tenuto-router", allocations)},
	{"of 100 lists of 1,000 zones the slowest", 10, false, "ms", of("AtalkZoneList", "quiet", "tenuto-router", unit("ms-p99"))},
	{"the same beside 100,000 wrong frames a second", 50, false, "ms", of("AtalkZoneList", "hostile", "tenuto-router", unit("ms-p99"))},
	{"AppleTalk tables of 10,000 networks", 10, false, "MiB", of("AtalkTables", "", "tenuto-router", unit("MiB"))},
	{"an ADSP stream by datagrams of its size", 0.6, true, "×", over("AtalkStream", "", "adsp", "raw", megabytes)},
	{"5,000 idle ASP sessions", 60, false, "MiB", of("AtalkIdle", "", "asp", unit("MiB"))},
	{"DECnet messages of 64 KiB in blocks of 576", 150, true, "MB/s", of("DecnetBulk", "64K", "block-576", megabytes)},
	{"a round trip by MIRROR, by one over tcp", 4, false, "×", over("DecnetRTT", "", "mirror", "tcp", micros)},
	{"5,000 idle DECnet links, both ends", 60, false, "MiB", of("IdleDecnet", "5000", "links", unit("MiB-held"))},
	{"64 streams of 1,000 units a second: of one processor, both ends", 100, false, "%", of("Group", "64", "streams", unit("%cpu"))},
	{"a unit later than the playout delay, with a round trip of 20 ms", 20, false, "ms", of("Group", "8", "path", unit("ms-late-max"))},
	{"a unit in the machine of 64 streams", 500, false, "ns", of("Merge", "", "playout", unit("ns/op"))},
	{"its allocations", 0, false, "", of("Merge", "", "playout", allocations)},
	{"a step of the machine for an S-DATA request", 60, false, "ns", of("Step", "", "SDTreq", unit("ns/op"))},
	{"a step of the machine for a DT", 60, false, "ns", of("Step", "", "DT", unit("ns/op"))},
	{"allocations of both", 0, false, "", sum(of("Step", "", "SDTreq", allocations), of("Step", "", "DT", allocations))},
	{"allocations to build and to parse a CN", 2, false, "", sum(of("Build", "", "CN", allocations), of("Parse", "", "CN", allocations))},
	{"allocations to build and to parse DT with 1 KiB, MIP and RS", 0, false, "", sum(
		of("Build", "", "DT", allocations), of("Parse", "", "DT", allocations), of("Build", "", "MIP", allocations),
		of("Parse", "", "MIP", allocations), of("Build", "", "RS", allocations), of("Parse", "", "RS", allocations))},
}

func of(benchmark, variant, subject string, figure figure) func(*results) []float64 {
	return func(rs *results) []float64 { return rs.values(key{benchmark, subject, variant}, figure) }
}

func over(benchmark, variant, subject, base string, figure figure) func(*results) []float64 {
	return func(rs *results) []float64 { return rs.ratios(key{benchmark, subject, variant}, base, figure) }
}

// sum adds up the medians of figures, if all were measured.
func sum(figures ...func(*results) []float64) func(*results) []float64 {
	return func(rs *results) []float64 {
		total := 0.0
		for _, f := range figures {
			values := f(rs)
			if len(values) == 0 {
				return nil
			}
			total += median(values)
		}
		return []float64{total}
	}
}

// slowestConfirm is the median of the service that has the highest.
func slowestConfirm(subject string) func(*results) []float64 {
	return func(rs *results) []float64 {
		most := 0.0
		for _, c := range purgeColumns {
			values := rs.values(key{c.benchmark, subject, c.variant}, unit("ms/confirm"))
			if len(values) == 0 {
				return nil
			}
			most = max(most, median(values))
		}
		return []float64{most}
	}
}

func times(n float64, one figure) figure { return func(r result) float64 { return n * one(r) } }

func eachEnd(pair figure) figure { return func(r result) float64 { return pair(r) / 2 } }

// writeMarks says which marks are met by the medians of the runs.
func (rs *results) writeMarks(w io.Writer) {
	title := "\n## Marks\n\nWhat we ask of ourselves, and the medians.\n\n| | asked for | measured | |\n| --- | ---: | ---: | --- |\n"
	for _, m := range marks {
		values := m.figure(rs)
		if len(values) == 0 {
			continue
		}
		v := median(values)
		asked, met := "at most", v < m.limit+tolerance
		if m.least {
			asked, met = "at least", v >= m.limit
		}
		verdict := "met"
		if !met {
			verdict = "**not** met"
		}
		fmt.Fprintf(w, "%s| %s | %s %s %s | %s %s | %s |\n", title, m.title, asked, number(m.limit), m.unit, number(v), m.unit, verdict)
		title = ""
	}
}

// tolerance is what a difference of two measurements may have left of nothing.
const tolerance = 0.005
