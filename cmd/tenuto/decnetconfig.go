package main

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/ddcmp"
	"github.com/tenuto-session/tenuto/decnet/ethernet"
	"github.com/tenuto-session/tenuto/decnet/link"
	"github.com/tenuto-session/tenuto/decnet/multinet"
	"github.com/tenuto-session/tenuto/decnet/node"
	"github.com/tenuto-session/tenuto/decnet/nsp"
	"github.com/tenuto-session/tenuto/decnet/scp"
)

// decnetFile is the configuration of a node. docs/decnet.md describes it.
type decnetFile struct {
	Address        string            `toml:"address"`
	Name           string            `toml:"name"`
	Identification string            `toml:"identification"`
	Flow           string            `toml:"flow"`
	Nodes          map[string]string `toml:"nodes"`
	Circuits       []decnetCircuit   `toml:"circuits"`
	Objects        []decnetObject    `toml:"objects"`

	path string
}

type decnetCircuit struct {
	Name           string `toml:"name"`
	Kind           string `toml:"kind"`
	Connect        string `toml:"connect"`
	Listen         string `toml:"listen"`
	Local          string `toml:"local"`
	Remote         string `toml:"remote"`
	BlockSize      int    `toml:"block-size"`
	Hello          string `toml:"hello"`
	Cost           int    `toml:"cost"`
	Verify         string `toml:"verify"`
	Say            string `toml:"say"`
	AllowPlaintext bool   `toml:"allow-plaintext"`
	Interface      string `toml:"interface"`
}

type decnetObject struct {
	Object  string            `toml:"object"`
	Target  string            `toml:"target"`
	Command []string          `toml:"command"`
	Users   map[string]string `toml:"users"`
}

// maxDecnetFile is the size of the largest file that is read, in octets.
const maxDecnetFile = 1 << 20

// readDecnet reads a file, in which nothing may be that is not understood.
func readDecnet(path string) (*decnetFile, error) {
	if path == "" {
		return nil, errors.New("--config is missing: the file with the node and its circuits")
	}
	b, err := os.ReadFile(path)
	if err == nil && len(b) > maxDecnetFile {
		err = fmt.Errorf("%s has more than %d octets", path, maxDecnetFile)
	}
	if err != nil {
		return nil, err
	}
	f := &decnetFile{path: path}
	d := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields()
	err = d.Decode(f)
	var strict *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case errors.As(err, &strict):
		line, _ := strict.Errors[0].Position()
		return nil, fmt.Errorf("%s:%d: unknown key %s", path, line, strings.Join(strict.Errors[0].Key(), "."))
	case errors.As(err, &wrong):
		line, _ := wrong.Position()
		return nil, fmt.Errorf("%s:%d: %s", path, line, strings.TrimPrefix(wrong.Error(), "toml: "))
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, f.check()
}

func (f *decnetFile) fail(format string, args ...any) error {
	return fmt.Errorf("%s: %s", f.path, fmt.Sprintf(format, args...))
}

// check finds what makes no sense, before anything is opened.
func (f *decnetFile) check() error {
	if len(f.Circuits) == 0 {
		return f.fail("there are no circuits")
	}
	for i, c := range f.Circuits {
		if c.Name == "" {
			return f.fail("circuit %d has no name", i+1)
		}
		if err := c.check(); err != nil {
			return f.fail("circuit %s: %v", c.Name, err)
		}
	}
	for _, o := range f.Objects {
		_, err := scp.ParseObject(o.Object)
		switch {
		case err != nil:
		case (o.Target == "") == (len(o.Command) == 0):
			err = errors.New("either target or command")
		case len(o.Command) > 0 && len(o.Users) == 0:
			err = errors.New("a command needs users: who may run it")
		}
		if err != nil {
			return f.fail("object %s: %v", o.Object, err)
		}
	}
	if !slices.Contains([]string{"", "none", "segment", "message"}, f.Flow) {
		return f.fail("flow: %s is none of none, segment, message", f.Flow)
	}
	return nil
}

// addresses are those at which a circuit can be found, and are on this machine unless more is allowed.
func (c *decnetCircuit) check() error {
	datagrams := c.Local != "" || c.Remote != ""
	switch {
	case c.Kind != "multinet" && c.Kind != "ddcmp" && c.Kind != "ethernet":
		return fmt.Errorf("kind %q is none of multinet, ddcmp, ethernet", c.Kind)
	case datagrams && (c.Local == "" || c.Remote == ""):
		return errors.New("local and remote go together")
	case c.Kind == "ethernet" && (datagrams == (c.Interface != "") || c.Connect != "" || c.Listen != ""):
		return errors.New("an ethernet has local and remote, or an interface")
	case c.Kind != "ethernet" && c.Interface != "":
		return errors.New("only an ethernet has an interface")
	case c.Kind != "ethernet" && btoi(datagrams)+btoi(c.Connect != "")+btoi(c.Listen != "") != 1:
		return errors.New("one of connect, listen, or local and remote")
	}
	if c.Hello != "" {
		if d, err := time.ParseDuration(c.Hello); err != nil || d < time.Second || d > 8191*time.Second {
			return fmt.Errorf("hello: %s is not a time from 1s to 8191s", c.Hello)
		}
	}
	if c.BlockSize < 0 || c.Cost < 0 || c.Cost > 63 {
		return errors.New("block-size is not negative, and cost is 0 to 63")
	}
	for _, at := range []*string{&c.Listen, &c.Local} {
		if *at == "" {
			continue
		}
		host, port, err := net.SplitHostPort(*at)
		if err != nil {
			return err
		}
		if host == "" && !c.AllowPlaintext {
			*at = net.JoinHostPort("127.0.0.1", port)
		} else if ip := net.ParseIP(host); !c.AllowPlaintext && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return fmt.Errorf("%s is not on this machine alone, which allow-plaintext = true has to allow", *at)
		}
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// open makes the circuit's link.
func (c *decnetCircuit) open(self decnet.Addr) (link.Link, error) {
	switch {
	case c.Interface != "":
		return ethernet.Interface(self.MAC(), c.Interface)
	case c.Kind == "ethernet":
		return ethernet.Bridge(self.MAC(), c.Local, c.Remote)
	case c.Kind == "ddcmp" && c.Connect != "":
		return ddcmp.Connect(c.Connect)
	case c.Kind == "ddcmp" && c.Listen != "":
		return ddcmp.Listen(c.Listen)
	case c.Kind == "ddcmp":
		return ddcmp.Datagrams(c.Local, c.Remote)
	case c.Connect != "":
		return multinet.Connect(c.Connect)
	case c.Listen != "":
		return multinet.Listen(c.Listen)
	}
	return multinet.Datagrams(c.Local, c.Remote)
}

// node makes the node.
func (f *decnetFile) node(log *slog.Logger) (*node.Node, error) {
	self, err := decnet.ParseAddr(f.Address)
	if err != nil {
		return nil, usageError{f.fail("address: %v", err)}
	}
	cfg := node.Config{Addr: self, Name: f.Name, Names: map[string]decnet.Addr{}, Logger: log}
	cfg.Flow = nsp.FlowControl(max(slices.Index([]string{"none", "segment", "message"}, f.Flow), 0))
	for name, text := range f.Nodes {
		a, err := decnet.ParseAddr(text)
		if err != nil {
			return nil, usageError{f.fail("nodes.%s: %v", name, err)}
		}
		cfg.Names[name] = a
	}
	for _, c := range f.Circuits {
		l, err := c.open(self)
		if err != nil {
			for _, c := range cfg.Circuits {
				c.Link.Close()
			}
			return nil, f.fail("circuit %s: %v", c.Name, err)
		}
		hello, _ := time.ParseDuration(c.Hello) // was looked at by check
		circuit := node.Circuit{Name: c.Name, Link: l, BlockSize: c.BlockSize, Hello: hello, Cost: c.Cost, Say: []byte(c.Say)}
		if c.Verify != "" {
			circuit.Verify = []byte(c.Verify)
		}
		cfg.Circuits = append(cfg.Circuits, circuit)
	}
	n, err := node.New(cfg)
	if err != nil {
		return nil, usageError{f.fail("%v", err)}
	}
	return n, nil
}

// authorize lets the object's users in; without users, everybody.
func (o *decnetObject) authorize(r *node.Request) scp.Reason {
	if len(o.Users) == 0 {
		return scp.Normal
	}
	a := r.Connect().Access
	if a == nil {
		return scp.AccessControl
	}
	for user, password := range o.Users {
		if strings.EqualFold(user, a.User) && subtle.ConstantTimeCompare([]byte(password), []byte(a.Password)) == 1 {
			return scp.Normal
		}
	}
	return scp.AccessControl
}
