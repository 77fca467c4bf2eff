package tshark

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// field is what tshark's PDML has for a protocol, a header, a parameter or a bit.
type field struct {
	Name     string  `xml:"name,attr"`
	Showname string  `xml:"showname,attr"` // for people, such as "Serial Number: 10"
	Show     string  `xml:"show,attr"`     // the value alone
	Value    string  `xml:"value,attr"`    // in hexadecimal
	Pos      int     `xml:"pos,attr"`
	Fields   []field `xml:"field"`
}

// packet is what it has for a packet.
type packet struct {
	Protocols []field `xml:"proto"`
}

// find returns all fields of a name in f and below.
func (f *field) find(name string) (all []field) {
	for _, g := range f.Fields {
		if g.Name == name {
			all = append(all, g)
		}
		all = append(all, g.find(name)...)
	}
	return all
}

// number is the value of a field that there is once.
func (f *field) number(t *testing.T, name string) int {
	t.Helper()
	all := f.find(name)
	if len(all) != 1 {
		t.Fatalf("%s has %d fields %s", f.Showname, len(all), name)
	}
	n, err := strconv.ParseInt(all[0].Show, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

// number is the packet's number in the capture.
func (p *packet) number(t *testing.T) int { return p.Protocols[0].number(t, "num") }

// time is when it was captured, as osi decode writes it.
func (p *packet) time(t *testing.T) string {
	t.Helper()
	seconds, nanos, _ := strings.Cut(p.Protocols[0].find("timestamp")[0].Value, ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(nanos, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(s, n).UTC().Format(time.RFC3339Nano)
}

// others are protocols that tshark would see in our sessions. Our user data are none of presentation: with it, tshark calls them malformed,
// and the last of reassembled segments, which it takes for empty. A lone TD or EX is T.125 to it, and what begins with PT and MIA may be S7.
var others = []string{"pres", "acse", "t125", "s7comm"}

// need skips the test, unless tshark is asked for.
func need(t *testing.T) {
	t.Helper()
	if os.Getenv("TENUTO_TSHARK") != "1" {
		t.Skip("lets tshark look at captures: TENUTO_TSHARK=1 runs it")
	}
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Fatalf("TENUTO_TSHARK=1, but %v", err)
	}
}

// version is tshark's.
func version(t *testing.T) string {
	t.Helper()
	return strings.SplitN(run(t, "tshark", "--version"), "\n", 2)[0]
}

// run runs a program with a home of its own and returns what it says.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "LC_ALL=C")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, errs.Bytes())
	}
	return string(out)
}

// write puts a capture into a file.
func write(t *testing.T, capture []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "capture")
	if err := os.WriteFile(path, capture, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// packets is what tshark sees in a capture.
func packets(t *testing.T, path string) []packet {
	t.Helper()
	args := []string{"-n", "-r", path, "-T", "pdml"}
	for _, name := range others {
		args = append(args, "--disable-protocol", name)
	}
	var pdml struct {
		Packets []packet `xml:"packet"`
	}
	if err := xml.Unmarshal([]byte(run(t, "tshark", args...)), &pdml); err != nil {
		t.Fatal(err)
	}
	return pdml.Packets
}

// complaints are what tshark finds wrong with packets, but for remarks.
func complaints(t *testing.T, all []packet) (problems []string) {
	for _, p := range all {
		for _, f := range p.Protocols {
			if strings.HasPrefix(f.Name, "_ws.malformed") {
				problems = append(problems, fmt.Sprintf("packet %d: %s", p.number(t), f.Showname))
			}
			for _, e := range f.find("_ws.expert.severity") {
				if n, _ := strconv.Atoi(e.Show); n >= severityWarning {
					problems = append(problems, fmt.Sprintf("packet %d: %s", p.number(t), e.Showname))
				}
			}
		}
	}
	return slices.Compact(problems)
}

// severityWarning is Wireshark's number for what may be wrong; errors have larger ones.
const severityWarning = 6291456
