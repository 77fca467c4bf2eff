package outbox

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/transfer"
)

// A Memo is the cookie of a sender's record: what is needed to go on, or to say what it is about.
type Memo struct {
	URL    string   `json:"url"`
	Run    string   `json:"run"`             // the command that began it: all its activities have it
	Names  string   `json:"names"`           // transfer.Job.Names and
	Digest string   `json:"digest"`          // .Digest, in hexadecimal
	Name   string   `json:"name"`            // for people
	Octets int64    `json:"octets"`          //
	Paths  []string `json:"paths,omitempty"` // of the command, absolute; none if they are too many
}

func memoOf(job *transfer.Job, url, run string, paths []string) Memo {
	return Memo{URL: url, Run: run, Names: hex.EncodeToString(job.Names[:]), Digest: hex.EncodeToString(job.Digest[:]), Name: job.Header.Name,
		Octets: job.Header.Octets, Paths: paths}
}

// marshal leaves the paths out where there is no room for them.
func (m Memo) marshal() []byte {
	b, err := json.Marshal(m)
	if err == nil && len(b) > checkpoint.MaxCookie {
		m.Paths = nil
		b, err = json.Marshal(m)
	}
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

// ParseMemo reads the cookie of a sender's record.
func ParseMemo(r *checkpoint.Record) (m Memo, err error) {
	if err := json.Unmarshal(r.Cookie, &m); err != nil {
		return m, fmt.Errorf("outbox: the record of activity %x is not one of tenuto send: %w", r.ID, err)
	}
	return m, nil
}
