// Package control tells about the user's running processes: each answers on a socket of its own, and whoever asks reads them all.
//
//	server, err := control.Listen(control.Config{Role: "serve", Snapshot: func() control.Process { … }})
//	defer server.Close()
//
//	status, err := control.Read(ctx, "")
//	err = status.WriteTable(os.Stdout, time.Now())
//
// The sockets are <role>-<pid>.sock in the folder of [Dir]. Whoever connects gets one JSON document, a [Process], and the end; nothing
// is read from it. Its shape is a promise: docs/status.md.
package control

import (
	"encoding/json"
	"io"
	"time"
)

// Status is what all processes of the user tell.
type Status struct {
	Processes []Process `json:"processes"` // by role and process number
	Problems  []string  `json:"problems"`  // a sentence for each socket that told nothing
}

// Process is what one process tells.
type Process struct {
	Role     string    `json:"role"` // serve, forward, connect, send, gateway or atalk
	PID      int       `json:"pid"`
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	Listen   []string  `json:"listen"`   // URLs, or a local address
	Services []Service `json:"services"` // of serve
	Target   string    `json:"target"`   // of forward --reverse
	URL      string    `json:"url"`      // that forward, connect and send dial
	Bridges  []Bridge  `json:"bridges"`

	Activities []Activity `json:"activities"` // that serve and recv have in part

	AppleTalk *AppleTalk      `json:"appletalk,omitempty"` // of atalk router
	Detail    json.RawMessage `json:"detail"`              // what only processes of one role tell: decnet's is in docs/decnet.md
}

// Service is a service by its name, and where it leads.
type Service struct {
	Name   string `json:"name"`
	Target string `json:"target"` // empty for one that clients may register
	Listen string `json:"listen"` // where connections for a client that registers are accepted; empty for a target
}

// Bridge is one bridge of a process.
type Bridge struct {
	ID        string    `json:"id"`   // the same at both ends
	Role      string    `json:"role"` // initiator or responder
	Peer      Peer      `json:"peer"`
	Remote    string    `json:"remote"` // the URL that was dialled, or the address that the first carrier came from
	State     string    `json:"state"`  // attached, detached or parked
	Since     time.Time `json:"since"`  // of the state
	Epoch     uint64    `json:"epoch"`
	Resumes   int       `json:"resumes"`
	LastCause string    `json:"last_cause"` // why the last carrier was lost
	Streams   int       `json:"streams"`
	Bytes     Bytes     `json:"bytes"`
	Carriers  []Carrier `json:"carriers"`
}

// Peer is whom a bridge leads to.
type Peer struct {
	Key         string `json:"key"` // as a line of known_peers or authorized_keys has it: ed25519 BASE64
	Fingerprint string `json:"fingerprint"`
}

// Bytes are octets that carriers took and brought, with all that is added to the sessions' own.
type Bytes struct {
	Sent     int64 `json:"sent"`
	Received int64 `json:"received"`
}

// Carrier is one carrier of a bridge.
type Carrier struct {
	Kind       string  `json:"kind"` // scheme of its URL
	Local      string  `json:"local"`
	Remote     string  `json:"remote"`
	AgeSeconds float64 `json:"age_seconds"`
	RTTMs      float64 `json:"rtt_ms"` // smoothed; 0 before one was measured
}

// WriteJSON writes one indented object and a newline.
func (s *Status) WriteJSON(w io.Writer) error {
	c := Status{Processes: orEmpty(s.Processes), Problems: orEmpty(s.Problems)}
	for i := range c.Processes {
		c.Processes[i] = c.Processes[i].whole()
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(&c)
}

// whole returns the process with lists that are never null, and with times in UTC to the millisecond.
func (p Process) whole() Process {
	p.Started = plain(p.Started)
	p.Listen = orEmpty(p.Listen)
	p.Services = orEmpty(p.Services)
	p.Bridges = orEmpty(p.Bridges)
	p.Activities = plainActivities(p.Activities)
	p.AppleTalk = p.AppleTalk.whole()
	if p.Detail == nil {
		p.Detail = json.RawMessage("{}")
	}
	for i := range p.Bridges {
		b := &p.Bridges[i]
		b.Since = plain(b.Since)
		b.Carriers = orEmpty(b.Carriers)
	}
	return p
}

func plain(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// orEmpty returns a copy.
func orEmpty[T any](s []T) []T { return append([]T{}, s...) }
