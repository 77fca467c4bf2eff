package drive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is for what never happens.
const patience = 20 * time.Second

// stage is where two players meet.
type stage struct {
	ep  *tenuto.Endpoint
	ln  *tenuto.Listener
	url string
}

func newStage(t *testing.T, listen string) *stage {
	t.Helper()
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ep.Close() })
	ln, err := ep.Listen(t.Context(), listen, &tenuto.Config{Units: AllUnits})
	if err != nil {
		t.Fatal(err)
	}
	return &stage{ep, ln, ln.URL() + "/test"}
}

// newRelayed is a stage whose players meet through relays: from each URL the next one is dialled.
func newRelayed(t *testing.T, listen ...string) *stage {
	t.Helper()
	s := newStage(t, listen[len(listen)-1])
	s.url = relayed(t, s.ep, s.url, listen[:len(listen)-1]...)
	return s
}

// relayed makes relays and returns the URL of the first.
func relayed(t *testing.T, ep *tenuto.Endpoint, url string, listen ...string) string {
	t.Helper()
	for _, at := range slices.Backward(listen) {
		target := url
		ln, err := ep.Listen(t.Context(), at, &tenuto.Config{Units: relay.Units, Relay: true})
		if err != nil {
			t.Fatal(err)
		}
		r := &relay.Relay{Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Dial: func(ctx context.Context, _ *tenuto.Incoming, c *tenuto.Config) (*tenuto.Session, error) {
			return ep.Dial(ctx, target, c)
		}}
		ctx, cancel := context.WithCancel(context.Background())
		var serving sync.WaitGroup
		serving.Go(func() {
			if err := r.Serve(ctx, ln); err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(func() {
			cancel()
			serving.Wait()
		})
		url = ln.URL() + "/test"
	}
	return url
}

func (s *stage) dialler(t *testing.T, w io.Writer) *Player {
	return New(t.Context(), Options{Timeout: patience, Print: printTo(w), Dial: func(ctx context.Context, c *tenuto.Config) (*tenuto.Session, error) {
		return s.ep.Dial(ctx, s.url, c)
	}})
}

func (s *stage) listener(t *testing.T, w io.Writer) *Player {
	return New(t.Context(), Options{Timeout: patience, Print: printTo(w), Next: s.ln.Next})
}

func printTo(w io.Writer) func(Record) {
	return func(r Record) { fmt.Fprintf(w, "%v %s%s\n", r.Sent, r.Primitive, r.SPDU) }
}

// play runs a script at each end, and returns what they differ in.
func (s *stage) play(t *testing.T, dial, listen string) (out string, dialErr, listenErr error) {
	t.Helper()
	var a, b bytes.Buffer
	ds, err := ParseScript(dial)
	if err != nil {
		t.Fatal(err)
	}
	ls, err := ParseScript(listen)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { listenErr = s.listener(t, &b).Play(ls) })
	dialErr = s.dialler(t, &a).Play(ds)
	wg.Wait()
	return fmt.Sprintf("dial:\n%slisten:\n%s", &a, &b), dialErr, listenErr
}

const (
	osi    = "osi://127.0.0.1:0"
	bridge = "tenuto+tcp://127.0.0.1:0"
)

// stages are URLs, with relays between them.
var stages = map[string][]string{"osi": {osi}, "bridge": {bridge}, "osi-osi": {osi, osi}, "bridge-bridge": {bridge, bridge}, "osi-bridge-osi": {osi, bridge, osi}}

// TestScripts plays testdata/scripts, over RFC 1006 and over a bridge, and through relays, which change nothing.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		script := parts(t, file)
		for name, listen := range stages {
			t.Run(filepath.Base(file)+"/"+name, func(t *testing.T) {
				out, d, l := newRelayed(t, listen...).play(t, script["dial"], script["listen"])
				if d != nil || l != nil {
					t.Errorf("dial: %v, listen: %v\n%s", d, l, out)
				}
			})
		}
	}
}

// TestDifferences: what differs from a script is an error that says so.
func TestDifferences(t *testing.T) {
	for _, test := range []struct{ dial, listen, dialErr, listenErr string }{
		{"connect\ndata \"x\"\nexpect data \"z\"", "accept\nexpect data \"y\"", `line 3: expect data "z": got S-U-ABORT indication()`, `line 2: expect data "y": got S-DATA indication(data="x")`},
		{"connect\nexpect data\nabort", "accept\ndata \"x\"", "", "S-U-ABORT indication()"},
		{"connect\ngive data", "accept", "line 2: give data: tenuto: S-TOKEN-GIVE request: there is no data token", "S-U-ABORT indication()"},
		{"connect fu=duplex", "refuse congestion", `line 1: connect fu=duplex: S-CONNECT confirm(refused="called user: temporary congestion")`, ""},
		{"connect\nrelease\ndata \"x\"", "accept", `line 3: data "x": tenuto: session released`, ""},
	} {
		out, d, l := newStage(t, osi).play(t, test.dial, test.listen)
		if text(d) != test.dialErr || text(l) != test.listenErr {
			t.Errorf("%q and %q:\n%v, want %s\n%v, want %s\n%s", test.dial, test.listen, d, test.dialErr, l, test.listenErr, out)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestAnswers: a listener without a script answers everything.
func TestAnswers(t *testing.T) {
	out, d, l := newStage(t, bridge).play(t, `connect fu=half-duplex,minor,major,resync,activity,capability
capability "x"
activity start A
sync-minor
expect sync-minor confirm serial=1
sync-major
resync abandon
activity end
activity start B
activity interrupt
activity resume C old=B serial=1
activity discard`, "")
	if d != nil || l != nil {
		t.Errorf("%v, %v\n%s", d, l, out)
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ script, want string }{
		{"connect\nnonsense", `line 2: "nonsense" is no request, response or other line that there is; help lists them`},
		{`data "x`, "line 1: a quotation mark is missing"},
		{`data 0xABC`, "line 1: 0xABC: encoding/hex: odd length hex string"},
		{`data "x" "y"`, "line 1: octets twice"},
		{"expect", "line 1: expect what?"},
		{"&", "line 1: & stands alone"},
	} {
		if _, err := ParseScript(test.script); text(err) != test.want {
			t.Errorf("%q: %v, want %s", test.script, err, test.want)
		}
	}
	s, err := ParseScript("# nothing\n\n  data \"a # b\" # end\n")
	if err != nil || len(s) != 1 || string(s[0].data) != "a # b" {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestBadParameters: what a line cannot have is said before anything is sent.
func TestBadParameters(t *testing.T) {
	st := newStage(t, osi)
	p := st.dialler(t, io.Discard)
	for _, test := range []struct{ line, want string }{
		{"connect fu=full", `fu: no functional unit "full" (there are activity, capability, duplex, exceptions, expedited, half-duplex, major, minor, release, resync, separation, typed, and all)`},
		{"connect here=x", `here: no token "x" (there are data, minor, major and release)`},
		{"connect nonsense=1", "connect: no parameter nonsense"},
		{"connect what", `connect: what is "what"?`},
		{"connect serial=x", `connect: serial: "x" is no number up to 999999`},
		{"connect version=3", `version: "3" is none of 1, 2 and 1,2`},
		{"accept", "only a listener is connected to"},
	} {
		if err := p.Do(test.line); text(err) != test.want {
			t.Errorf("%s: %v, want %s", test.line, err, test.want)
		}
	}
	p.Close()
}

// TestTerminal types lines.
func TestTerminal(t *testing.T) {
	st := newStage(t, osi)
	in, typed := io.Pipe()
	var out bytes.Buffer
	term := NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, &out})
	p := New(t.Context(), Options{Terminal: true, Timeout: patience, Print: printTo(term), Dial: func(ctx context.Context, c *tenuto.Config) (*tenuto.Session, error) {
		return st.ep.Dial(ctx, st.url, c)
	}})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := st.listener(t, io.Discard).Play(nil); err != nil {
			t.Errorf("listener: %v", err)
		}
	})
	wg.Go(func() {
		io.WriteString(typed, "conn\tfu=dup\t,min\t\rsync-minor \"typed\"\rnonsense\rhelp\rquit\r")
		typed.Close()
	})
	if err := term.Run(t.Context(), p); err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("Run: %v", err)
	}
	wg.Wait()
	for _, want := range []string{`S-CONNECT request(fu=duplex`, `S-SYNC-MINOR request(data="typed"`, `"nonsense" is no request`, "S-RELEASE confirm(affirmative)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
