package control

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write what is shown to the golden files")

// golden compares with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is\n%s\nwant (-rewrite accepts the above)\n%s", name, got, want)
	}
}

// noon is when the sample is looked at.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func sample() *Status {
	before := func(d time.Duration) time.Time { return noon.Add(-d) }
	key := Peer{Key: "ed25519 iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=", Fingerprint: "SHA256:NHUPmL1Z/PyUbaRaqr6TO+FUpLUJThxKv0KGZQXzyX4"}
	return &Status{
		Processes: []Process{
			{Role: "connect", PID: 7, Version: "v0.2.0", Started: before(3 * time.Second), URL: "tenuto://example.org:7225/ssh"},
			{Role: "forward", PID: 4712, Version: "v0.2.0", Started: before(2*time.Hour + 5*time.Minute), Listen: []string{"127.0.0.1:15432"},
				URL: "tenuto://example.org:7225/db", Bridges: []Bridge{{
					ID: "0123456789abcdef0123456789abcdef", Role: "initiator", Peer: key, Remote: "tenuto://example.org:7225", State: "attached",
					Since: before(200 * time.Second), Epoch: 3, Resumes: 2, LastCause: "read tcp 192.0.2.1:40000->198.51.100.7:7225: connection reset\x1b[2J by <peer>",
					Streams: 12, Bytes: Bytes{Sent: 1234, Received: 98765432},
					Carriers: []Carrier{{Kind: "tenuto", Local: "192.0.2.1:40000", Remote: "198.51.100.7:7225", AgeSeconds: 200.5, RTTMs: 12.345}},
				}}},
			{Role: "forward", PID: 4713, Version: "v0.2.0", Started: before(time.Minute), Target: "127.0.0.1:3000", URL: "tenuto://example.org:7225/web"},
			{Role: "serve", PID: 4711, Version: "v0.2.0", Started: before(75 * time.Hour), Listen: []string{"tenuto://:7225", "tenuto+unix:///run/t.sock"},
				Services: []Service{{Name: "db", Target: "127.0.0.1:5432"}, {Name: "web", Listen: "127.0.0.1:8080"}}, Bridges: []Bridge{
					{ID: "0123456789abcdef0123456789abcdef", Role: "responder", Peer: key, Remote: "203.0.113.9:40001", State: "attached", Since: before(time.Second),
						Epoch: 1, Streams: 1, Bytes: Bytes{Sent: 1 << 40, Received: 999}, Carriers: []Carrier{
							{Kind: "tenuto", Local: "198.51.100.7:7225", Remote: "203.0.113.9:40001", AgeSeconds: 1, RTTMs: 0.0161},
							{Kind: "tenuto+unix", Local: "/run/t.sock", Remote: "", AgeSeconds: 90061},
						}},
					{ID: "x", Role: "responder", Peer: key, Remote: "203.0.113.9:40002", State: "parked", Since: before(10 * time.Minute), Epoch: 1},
				}, Activities: []Activity{{ID: "5e0b33a19c42", Role: "receiver", State: "interrupted", Peer: "203.0.113.9:40001", Committed: 3 << 20, Serial: 3,
					Changed: before(time.Hour)}}},
		},
		Problems: []string{"/run/user/0/tenuto/serve-9.sock belongs to another user and was not asked"},
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteTable(&b, noon); err != nil {
		t.Fatal(err)
	}
	golden(t, "status.txt", b.Bytes())
	b.Reset()
	if err := (&Status{}).WriteTable(&b, noon); err != nil || b.String() != "No tenuto process of this user tells anything.\n" {
		t.Errorf("nothing is shown as %q, %v", b.String(), err)
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "status.json", b.Bytes())
	b.Reset()
	if err := (&Status{}).WriteJSON(&b); err != nil || b.String() != "{\n  \"processes\": [],\n  \"problems\": []\n}\n" {
		t.Errorf("nothing is shown as %q, %v", b.String(), err)
	}
}

func TestActivities(t *testing.T) {
	list := []Activity{{ID: "5e0b33a19c42", Role: "sender", State: "running", Name: "big.iso\x1b[2J", Peer: "tenuto://example.org/recv", Octets: 5 << 30, Committed: 3 << 20, Serial: 3,
		Changed: noon.Add(-time.Minute)}, {ID: "00", Role: "receiver", State: "interrupted", Peer: "203.0.113.9:40001", Changed: noon}}
	var b bytes.Buffer
	if err := WriteActivities(&b, list, noon); err != nil {
		t.Fatal(err)
	}
	if err := WriteActivitiesJSON(&b, list); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(WriteActivities(&b, nil, noon), WriteActivitiesJSON(&b, nil)); err != nil {
		t.Fatal(err)
	}
	golden(t, "activities.txt", b.Bytes())
}

func TestNumbers(t *testing.T) {
	for in, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 1500 * time.Millisecond: "1s", 60 * time.Second: "1m", 3*time.Hour + 59*time.Second: "3h",
		23*time.Hour + 59*time.Minute: "23h59m", 24 * time.Hour: "1d", 1000*time.Hour + time.Minute: "41d16h",
	} {
		if got := duration(in); got != want {
			t.Errorf("duration(%v) = %s; want %s", in, got, want)
		}
	}
	for in, want := range map[int64]string{
		0: "0B", 1023: "1023B", 1024: "1.00KiB", 10230: "9.99KiB", 10240: "10.0KiB", 1023 << 10: "1.00MiB", 999 << 10: "999KiB",
		5 << 30: "5.00GiB", 1 << 60: "1024PiB",
	} {
		if got := octets(in); got != want {
			t.Errorf("octets(%d) = %s; want %s", in, got, want)
		}
	}
	for in, want := range map[float64]string{0.0161: "16.1µs", 1: "1.00ms", 250.4: "250ms", 2345: "2.35s"} {
		if got := roundTrip(in); got != want {
			t.Errorf("roundTrip(%v) = %s; want %s", in, got, want)
		}
	}
}

// Each field has its row in the document that promises the shape, under the heading of its object, and each row its field.
func TestFieldsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/status.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool) // object.field
	object := ""
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "### "); ok {
			object = strings.Trim(strings.TrimSpace(name), "`")
		} else if cell, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ := strings.Cut(cell, "`")
			documented[object+"."+name] = true
		}
	}
	for object, v := range map[string]any{"status": Status{}, "process": Process{}, "service": Service{}, "bridge": Bridge{}, "peer": Peer{}, "bytes": Bytes{}, "carrier": Carrier{},
		"appletalk": AppleTalk{}, "appletalk-port": AppleTalkPort{}, "appletalk-route": AppleTalkRoute{}} {
		for f := range reflect.TypeOf(v).Fields() {
			field, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			name := object + "." + field
			if !documented[name] {
				t.Errorf("%s is not in docs/status.md", name)
			}
			delete(documented, name)
		}
	}
	for name := range documented {
		t.Errorf("docs/status.md has %s, which nothing has", name)
	}
}

// TestAppleTalk: a router has ports and routes in place of bridges, and its lists are never null.
func TestAppleTalk(t *testing.T) {
	s := &Status{Processes: []Process{{Role: "atalk", PID: 9, Version: "v0.2.0", Started: noon.Add(-time.Minute), AppleTalk: &AppleTalk{
		Ports: []AppleTalkPort{
			{Link: "ltoudp://", Kind: "LocalTalk", State: "up", Address: "1.254", Range: "1", Seed: true, Zones: []string{"Home"}, Dropped: map[string]uint64{"bad frame": 3, "flood": 1}},
			{Link: "ethertalk://eth0", Kind: "EtherTalk", State: "learning", Conflict: "zone \"A\" is none of the cable's"},
		},
		Routes: []AppleTalkRoute{{Range: "1", State: "good", Link: "ltoudp://", Zones: []string{"Home"}}, {Range: "3-5", Distance: 2, State: "bad", Link: "ltoudp://", Next: "1.77"}},
		Zones:  []string{"Home"}, Forwarded: 12,
	}}}}
	var b bytes.Buffer
	if err := s.WriteTable(&b, noon); err != nil {
		t.Fatal(err)
	}
	s.Processes[0].AppleTalk.WriteCounters(&b)
	golden(t, "appletalk.txt", b.Bytes())
	b.Reset()
	if err := s.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "null") {
		t.Error(b.String())
	}
	golden(t, "appletalk.json", b.Bytes())
}
