package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tenuto-session/tenuto/identity"
)

// patience bounds what should happen at once. It passes only in a test that fails.
const patience = 20 * time.Second

// process is a program in the background.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has closed its log

	mu  sync.Mutex
	log bytes.Buffer // guarded by mu
}

// processesKey is where a script's values hold its processes, a map[string]*process.
type processesKey struct{}

// cmdStart runs tenuto in the background and waits until a line of its log matches the regular expression, whose group the
// variable NAME then holds.
//
//	start NAME REGEXP ARGUMENT…
func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: start NAME REGEXP ARGUMENT…")
	}
	name, want := args[0], regexp.MustCompile(args[1])
	p := &process{cmd: exec.Command("tenuto", args[2:]...), ended: make(chan struct{})}
	p.cmd.Dir = ts.MkAbs(".")
	p.cmd.Env = os.Environ()
	for _, name := range folders {
		p.cmd.Env = append(p.cmd.Env, name+"="+ts.Getenv(name))
	}
	stderr, err := p.cmd.StderrPipe()
	ts.Check(err)
	ts.Check(p.cmd.Start())
	found := make(chan string, 1)
	go func() {
		defer close(p.ended)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			p.mu.Lock()
			p.log.WriteString(lines.Text() + "\n")
			p.mu.Unlock()
			if m := want.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case found <- m[len(m)-1]:
				default:
				}
			}
		}
	}()
	ts.Defer(func() {
		p.cmd.Process.Kill() // no harm to one that has ended, as it should have
		<-p.ended
		p.cmd.Wait()
		ts.Logf("[%s]\n%s", name, p.log.String())
	})
	ts.Value(processesKey{}).(map[string]*process)[name] = p
	select {
	case value := <-found:
		ts.Setenv(name, value)
	case <-p.ended:
		ts.Fatalf("%s has ended", name)
	case <-time.After(patience):
		ts.Fatalf("%s did not log %s", name, want)
	}
}

// cmdHalt interrupts what start has started, wants it to exit with 0, or with ! not to, and leaves its log in the file NAME.log.
//
//	[!] halt NAME
func cmdHalt(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] halt NAME")
	}
	if err := end(ts, args[0], os.Interrupt); (err != nil) != neg {
		ts.Fatalf("%s: %v", args[0], err)
	}
}

// cmdFill writes a file of so many octets, which are the same each time.
//
//	fill FILE OCTETS
func cmdFill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fill FILE OCTETS")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	octets := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(octets)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), octets, 0o644))
}

// cmdCapture gives a variable the group of a regular expression that matches what the last exec has printed.
//
//	capture NAME REGEXP
func cmdCapture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME REGEXP")
	}
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("%s is not printed", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// cmdHalted waits for the end of what start has started, wants it to exit with 0, or with ! not to, and leaves its log in the file NAME.log.
//
//	halted NAME
func cmdHalted(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] halted NAME")
	}
	if err := end(ts, args[0], nil); (err != nil) != neg {
		ts.Fatalf("%s: %v", args[0], err)
	}
}

// cmdSlay kills what start has started, which has no time to say good-bye.
//
//	slay NAME
func cmdSlay(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: slay NAME")
	}
	end(ts, args[0], os.Kill)
}

// end sends a signal, if there is one, to a process and waits for its end.
func end(ts *testscript.TestScript, name string, signal os.Signal) error {
	p := ts.Value(processesKey{}).(map[string]*process)[name]
	if p == nil {
		ts.Fatalf("%s was not started", name)
	}
	if signal != nil {
		ts.Check(p.cmd.Process.Signal(signal))
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		ts.Fatalf("%s does not end", name)
	}
	err := p.cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs(name+".log"), p.log.Bytes(), 0o600))
	return err
}

// cmdExecUsage runs tenuto and wants it to exit with 2, with nothing on standard output.
//
//	exec-usage ARGUMENT…
func cmdExecUsage(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! exec-usage")
	}
	err := ts.Exec("tenuto", args...)
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != exitUsage {
		ts.Fatalf("%v; want exit status %d", err, exitUsage)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("standard output is not empty: %q", out)
	}
}

// cmdServer starts a TCP server, whose address NAME then holds: it reads to the end, and answers with the text and what it
// has read.
//
//	server NAME TEXT
func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: server NAME TEXT")
	}
	ln := listen(ts, args[0])
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(patience))
			b, _ := io.ReadAll(c)
			io.WriteString(c, args[1]+string(b))
			c.Close()
		}
	})
	ts.Defer(func() { ln.Close(); serving.Wait() })
}

// cmdBusy makes NAME hold an address that is in use.
//
//	busy NAME
func cmdBusy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: busy NAME")
	}
	ln := listen(ts, args[0])
	ts.Defer(func() { ln.Close() })
}

// cmdGone makes NAME hold an address at which nobody listens.
//
//	gone NAME
func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gone NAME")
	}
	listen(ts, args[0]).Close()
}

func listen(ts *testscript.TestScript, name string) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(name, ln.Addr().String())
	return ln
}

// cmdSay connects, sends the text and the end, and wants the answer and the end. An address with a slash is a Unix socket.
//
//	say ADDRESS TEXT ANSWER
func cmdSay(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: say ADDRESS TEXT ANSWER")
	}
	network, address := "tcp", args[0]
	if strings.Contains(address, "/") {
		network = "unix"
	}
	c, err := net.Dial(network, address)
	ts.Check(err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(c, args[1])
	ts.Check(err)
	ts.Check(c.(interface{ CloseWrite() error }).CloseWrite())
	got, err := io.ReadAll(c)
	if err != nil || string(got) != args[2] {
		ts.Fatalf("got %q, %v; want %q", got, err, args[2])
	}
}

// cmdWantReset connects, and wants to be reset.
//
//	wantreset ADDRESS
func cmdWantReset(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: wantreset ADDRESS")
	}
	c, err := net.Dial("tcp", args[0])
	if err == nil {
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		_, err = io.Copy(io.Discard, c)
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		ts.Fatalf("%v; want a reset", err)
	}
}

// cmdAppend adds a line of words to a file; a word that names a file is that file's first line.
//
//	append FILE WORD…
func cmdAppend(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: append FILE WORD…")
	}
	var words []string
	for _, word := range args[1:] {
		if b, err := os.ReadFile(ts.MkAbs(word)); err == nil {
			word, _, _ = strings.Cut(string(b), "\n")
		}
		words = append(words, word)
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = fmt.Fprintln(f, strings.Join(words, " "))
	ts.Check(err)
	ts.Check(f.Close())
}

// cmdOctets writes the octets that a file has in hexadecimal, but for headings and comments, to another file.
//
//	octets FROM TO
func cmdOctets(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: octets FROM TO")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), octets(ts, args[0]), 0o600))
}

func octets(ts *testscript.TestScript, file string) []byte {
	var digits strings.Builder
	for line := range strings.Lines(ts.ReadFile(file)) {
		if line, _, _ = strings.Cut(line, "#"); !strings.HasPrefix(line, ">>>") {
			digits.WriteString(strings.Join(strings.Fields(line), ""))
		}
	}
	b, err := hex.DecodeString(digits.String())
	ts.Check(err)
	return b
}

// cmdThrow connects with CR, and when CC has come sends the octets that a file has in hexadecimal, and waits for the end.
//
//	throw ADDRESS FILE
func cmdThrow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: throw ADDRESS FILE")
	}
	c, err := net.Dial("tcp", args[0])
	ts.Check(err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	cr := []byte("\x03\x00\x00\x0b\x06\xe0\x00\x00\x12\x34\x00")
	_, err = c.Write(cr)
	ts.Check(err)
	_, err = io.ReadFull(c, cr) // CC is as long
	ts.Check(err)
	_, err = c.Write(octets(ts, args[1]))
	ts.Check(err)
	ts.Check(c.(*net.TCPConn).CloseWrite())
	_, err = io.Copy(io.Discard, c)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		ts.Fatalf("%v", err)
	}
}

// cmdChangeKey puts another key in the place of each in a file of lines HOST:PORT ed25519 BASE64.
//
//	changekey FILE
func cmdChangeKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: changekey FILE")
	}
	public, _, err := ed25519.GenerateKey(nil)
	ts.Check(err)
	text := regexp.MustCompile(`(?m) ed25519 \S+$`).ReplaceAllString(ts.ReadFile(args[0]), " "+identity.FormatPublic(public, ""))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}
