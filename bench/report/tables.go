package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// column is one figure of each subject.
type column struct {
	title, benchmark, variant string
	figure                    figure // the section's if it is nil
}

// section is a table of the report. Columns and subjects that were not measured are left out, as is a table without columns.
type section struct {
	title, text string
	base        string // the subject by whose figure the others are divided; none if empty
	figure      figure
	columns     []column
}

var sections = []section{
	{"One direction, both ends in one process", "MB/s by size of the writes; more is better.", "tcp", megabytes, bulkColumns("Bulk")},
	{"One direction, two processes", "MB/s by size of the writes; more is better.", "tcp", megabytes, bulkColumns("BulkTwoProcesses")},
	{"One direction, SSDUs of 64 KiB", `What programs send that mean SSDUs and not a stream: each by one Session.Send, received by Session.Receive, whose octets are copied as a
Conn's would be. tcp has writes of the same size. MB/s; more is better.`, "tcp", megabytes, []column{
		{"one process", "SSDUs", "", nil}, {"two processes", "SSDUsTwoProcesses", "", nil}}},
	{"Round trip", "By how many octets go to and fro. µs; less is better.", "tcp", micros, []column{
		{"1, one process", "RTT", "1", nil}, {"1, two processes", "RTTTwoProcesses", "1", nil},
		{"64, one process", "RTT", "64", nil}, {"64, two processes", "RTTTwoProcesses", "64", nil}}},
	{"Set-up: open, an octet each way, close", "µs; less is better.", "tcp", micros, []column{
		{"one process", "Setup", "", nil}, {"two processes", "SetupTwoProcesses", "", nil}}},
	{"New connections, each with one stream", `A connection (bridge) with all its handshakes, a stream (session) on it, an octet each way, and the close, in one process; ratios to tls. In
parallel four are made at a time for each processor. tls-mutual is tls with ed25519 keys shown and checked at both ends, which a bridge's
handshake does as well. A second; more is better.`, "tls", perSecond, []column{
		{"one after the other", "Bridge", "serial", nil}, {"in parallel", "Bridge", "parallel", nil}}},
	{"Idle: heap and stacks", `What each pair of ends holds, both ends added: connections (bridges) with one stream (session) on each, streams on one
connection, and parked bridges with one session on each. tenuto-osi has a connection for each session. Each figure is from a process (or two) of its
own. Of the heap it is what can be reached after garbage was collected. KiB; less is better.`, "", kibibytes, idleColumns},
	{"Idle: heap with its gaps", `Of the same, the heap in use: with the gaps that garbage has left. KiB; less is better.`, "", withGaps, idleColumns},
	{"Idle: goroutines", "Of each pair of ends; less is better.", "", goroutines, idleColumns},
	{"One direction beside a hostile peer", `What a stream over tenuto-tcp with writes of 64 KiB keeps of its throughput, with a hostile peer who has a key and a bridge of its
own. "Elsewhere" the hostile peer is at another endpoint of the process: there it costs the processors the same, and can do no other
harm. Streams are opened, and carriers attached, a thousand times a second. More is better.`, "", nil, []column{
		{"beside it", "Starve", "", unit("ratio")},
		{"with it elsewhere", "Starve", "", unit("ratio-elsewhere")},
		{"the former by the latter", "Starve", "", unit("ratio-protocol")}}},
	{"Requests that withdraw what was sent", `How long the confirm takes while 8 MiB are being sent on a path of 1 MB/s with a round trip of 20 ms and buffers of 64 KiB (a proxy): of
a resynchronization by who sends and by who receives, of an activity's interrupt and discard; of an abort, until the peer hears of it. The 8 MiB
are one SSDU; without expedited data, where none can be cut that has begun, they are SSDUs of 64 KiB. ms; less is better.`, "", unit("ms/confirm"), purgeColumns},
	{"The same: what the receiver still gets", "User data that come to the receiver after the request. KiB; less is better.", "", unit("KiB-stale"), purgeColumns},
	{"Durable activities: a file of 1 GiB", `By tenuto send to tenuto recv over TLS on loopback, two processes; local is one that hashes the octets once, writes them to the
same file system, and flushes them at the same distance of 8 MiB. MB/s; more is better.`, "local", megabytes, []column{{"1 GiB", "File", "", nil}}},
	{"The same: memory", "The most that a process had resident, with a file of 1 GiB (large) and one of 64 MiB (small). MiB; less is better.", "", nil, []column{
		{"sender", "FileMemory", "", unit("MiB-sender")}, {"receiver", "FileMemory", "", unit("MiB-receiver")}}},
	{"Durable activities: 10,000 files of 4 KiB", `By tenuto send to tenuto recv over TLS on loopback, and by rsync -a --fsync to a daemon over plain TCP on loopback. Files a second;
more is better.`, "rsync", unit("files/s"), []column{{"10,000 files", "Files", "", nil}}},
	{"Durable activities: after a SIGKILL", `From the kill of a process, with its start, to the next octets that are committed: the median of 60 kills of the sender, the receiver, or both
(tenuto demo --crash). ms; less is better.`, "", nil, []column{
		{"sender", "Restart", "", unit("ms-sender")}, {"receiver", "Restart", "", unit("ms-receiver")}, {"both", "Restart", "", unit("ms-both")}}},
	{"Checkpoints: commits", `Of package checkpoint/bolt, by how many activities at the same time; shared is the store that opens its file for each transaction. write-and-flush
writes as many octets over others, and flushes them. A second; more is better.`, "", unit("commits/s"), []column{
		{"1", "Commit", "1", nil}, {"16", "Commit", "16", nil}, {"256", "Commit", "256", nil}}},
	{"AppleTalk: forwarding", `A router between two memory links, with who sends and who receives, all on one core, by how many networks its tables have: datagrams with 64 octets
of data. Millions a second; more is better.`, "", millions("datagrams/s"), []column{
		{"2 networks", "AtalkForward", "2", nil}, {"10,000 networks", "AtalkForward", "10000", nil},
		{"allocations for 256", "AtalkForward", "10000", allocations}}},
	{"AppleTalk: a list of 1,000 zones", `Asked for by a node over UDP on loopback, in some twenty pages; and while a memory link brings the router 100,000 wrong frames a second. ms; less
is better.`, "", unit("ms/list"), []column{
		{"quiet", "AtalkZoneList", "quiet", nil}, {"of 100 the slowest", "AtalkZoneList", "quiet", unit("ms-p99")},
		{"hostile", "AtalkZoneList", "hostile", nil}, {"of 100 the slowest", "AtalkZoneList", "hostile", unit("ms-p99")}}},
	{"AppleTalk: tables of 10,000 networks", "Routes, and a zone of its own for each, with a name of 32 octets. MiB; less is better.", "", unit("MiB"), []column{
		{"10,000 networks", "AtalkTables", "", nil}}},
	{"AppleTalk: a stream", `Between two nodes of one process over UDP on loopback: ADSP, and datagrams of the same size of which as many are on the way. MB/s; more is
better.`, "raw", megabytes, []column{{"one direction", "AtalkStream", "", nil}}},
	{"AppleTalk: transactions and sessions", `Exactly-once transactions over UDP on loopback by how many are under way; what 5,000 ASP sessions of 20 servers hold, of the servers' side; from
the end of five seconds in which all is lost until a stream goes on.`, "", nil, []column{
		{"1, a second", "AtalkTransactions", "1", unit("transactions/s")}, {"64, a second", "AtalkTransactions", "64", unit("transactions/s")},
		{"idle, MiB", "AtalkIdle", "", unit("MiB")}, {"goroutines", "AtalkIdle", "", unit("goroutines")}, {"after a loss, ms", "AtalkLoss", "", unit("ms-after")}}},
	{"DECnet: logical links", `Two nodes of one process on Multinet over TCP on loopback: messages of 64 KiB by the block size of the circuit; and an octet that MIRROR sends
back. tcp is writes of that size, and an echo.`, "tcp", nil, []column{
		{"messages, MB/s", "DecnetBulk", "64K", megabytes}, {"round trip, µs", "DecnetRTT", "", micros}}},
	{"DECnet: what links hold", "5,000 idle links, both ends; and by how much the live heap has grown after 100,000 connects, each with its release.", "", nil, []column{
		{"idle, MiB", "IdleDecnet", "5000", unit("MiB-held")}, {"grown, octets", "IdleDecnetCycles", "100000", unit("B-live-grown")},
		{"goroutines", "IdleDecnetCycles", "100000", unit("goroutines-grown")}, {"µs for a connect", "IdleDecnetCycles", "100000", thousandths("ns/cycle")}}},
	{"Groups: streams merged by time", `Of package group, on TCP on loopback with both ends in one process, units of 160 octets: 64 streams of 1,000 units a second each with one
processor, and 8 streams of 100 units a second on a path of 1 MB/s with a round trip of 20 ms (a proxy). Late is from Send to Next, less the playout
delay. No unit was lost, no stream resynchronized.`, "", nil, []column{
		{"64 streams: processor, %", "Group", "64", unit("%cpu")}, {"late, p50 ms", "Group", "64", unit("ms-late-p50")},
		{"p99", "Group", "64", unit("ms-late-p99")}, {"8 streams, 20 ms: late, p50 ms", "Group", "8", unit("ms-late-p50")},
		{"p99", "Group", "8", unit("ms-late-p99")}}},
	{"The same: the machine", "Of package group/playout: a unit of 64 streams, from its coming to its being handed up.", "", nil, []column{
		{"ns", "Merge", "", unit("ns/op")}, {"allocations", "Merge", "", allocations}}},
	{"SPDUs: to build and to parse one", `Of package spdu, into a buffer that is used again: CN with most of its parameters, DT with 1 KiB of user information, MIP and RS with 64
octets of user data.`, "", nil, []column{
		{"build, ns", "Build", "", unit("ns/op")}, {"allocations", "Build", "", allocations},
		{"parse, ns", "Parse", "", unit("ns/op")}, {"allocations", "Parse", "", allocations}}},
	{"The machine: a step in data transfer", "Of package spm: an event and the outputs that it gives.", "", nil, []column{
		{"ns", "Step", "", unit("ns/op")}, {"allocations", "Step", "", allocations}}},
}

func bulkColumns(benchmark string) (columns []column) {
	for _, size := range []string{"1K", "16K", "64K", "256K"} {
		columns = append(columns, column{size, benchmark, size, nil})
	}
	return columns
}

var purgeColumns = []column{
	{"resynchronize", "Purge", "resynchronize", nil},
	{"by the receiver", "Purge", "resynchronize_receiver", nil},
	{"interrupt", "Purge", "interrupt", nil},
	{"discard", "Purge", "discard", nil},
	{"abort", "Purge", "abort", nil},
}

var idleColumns = []column{
	{"1,000 connections", "Idle", "bridges/1000", nil},
	{"5,000 connections", "Idle", "bridges/5000", nil},
	{"10,000, two processes", "IdleTwoProcesses", "bridges/10000", nil},
	{"1,000 streams", "Idle", "streams/1000", nil},
	{"5,000 streams", "Idle", "streams/5000", nil},
	{"10,000, two processes", "IdleTwoProcesses", "streams/10000", nil},
	{"100,000 parked", "Idle", "parked/100000", nil},
}

func (rs *results) write(w io.Writer) {
	for _, s := range sections {
		rs.writeSection(w, s)
	}
	rs.writeMarks(w)
}

func (rs *results) writeSection(w io.Writer, s section) {
	measured := func(c column, subject string) bool { return rs.runs[key{c.benchmark, subject, c.variant}] != nil }
	columns := slices.DeleteFunc(slices.Clone(s.columns), func(c column) bool {
		return !slices.ContainsFunc(rs.subjects, func(subject string) bool { return measured(c, subject) })
	})
	if len(columns) == 0 {
		return
	}
	fmt.Fprintf(w, "\n## %s\n\n%s\n\n|", s.title, s.text)
	for _, c := range columns {
		fmt.Fprintf(w, " | %s", c.title)
	}
	fmt.Fprintf(w, " |\n| --- |%s\n", strings.Repeat(" ---: |", len(columns)))
	for _, subject := range rs.subjects {
		if !slices.ContainsFunc(columns, func(c column) bool { return measured(c, subject) }) {
			continue
		}
		fmt.Fprintf(w, "| %s |", subject)
		for _, c := range columns {
			if c.figure == nil {
				c.figure = s.figure
			}
			rs.writeCell(w, key{c.benchmark, subject, c.variant}, s.base, c.figure)
		}
		fmt.Fprintln(w)
	}
}

// writeCell writes the median, its ratio if there is a base, and the range if there was more than one run.
func (rs *results) writeCell(w io.Writer, k key, base string, figure figure) {
	values := rs.values(k, figure)
	if len(values) == 0 {
		fmt.Fprint(w, " |")
		return
	}
	fmt.Fprintf(w, " %s", number(median(values)))
	if ratios := rs.ratios(k, base, figure); len(ratios) > 0 {
		fmt.Fprintf(w, " = **%.2f ×**", median(ratios))
	}
	if len(values) > 1 {
		fmt.Fprintf(w, " (%s-%s)", number(slices.Min(values)), number(slices.Max(values)))
	}
	fmt.Fprint(w, " |")
}

// number writes three digits, which is more than the runs agree on.
func number(v float64) string {
	switch {
	case v > -0.05 && v < 0.05:
		return "0" // what is left of a difference
	case v < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}
