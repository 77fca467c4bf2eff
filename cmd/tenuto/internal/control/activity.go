package control

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Activity is what is known of an activity at one of its ends.
type Activity struct {
	ID        string    `json:"activity"` // in hexadecimal
	Role      string    `json:"role"`     // sender or receiver
	State     string    `json:"state"`    // running, interrupted, ended or discarded
	Name      string    `json:"name"`     // of a sender: what it is about
	Peer      string    `json:"peer"`     // the URL that it is sent to, or the address that it came from
	Octets    int64     `json:"octets"`   // of a sender: how many there are
	Committed int64     `json:"committed"`
	Serial    uint32    `json:"serial"`  // of the last synchronization point that is committed
	Changed   time.Time `json:"changed"` // when that was noted here
}

// WriteActivities writes a table for people. Ages are those at now.
func WriteActivities(w io.Writer, list []Activity, now time.Time) error {
	b := bufio.NewWriter(w)
	if len(list) == 0 {
		fmt.Fprintln(b, "No activity is open.")
	} else {
		activityTable(list, now).write(b)
	}
	return b.Flush()
}

// WriteActivitiesJSON writes one indented array and a newline.
func WriteActivitiesJSON(w io.Writer, list []Activity) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(plainActivities(list))
}

// plainActivities is never nil, and has times in UTC to the millisecond.
func plainActivities(list []Activity) []Activity {
	list = append([]Activity{}, list...)
	for i := range list {
		list[i].Changed = plain(list[i].Changed)
	}
	return list
}

func activityTable(list []Activity, now time.Time) table {
	t := table{{"activity", "role", "state", "committed", "of", "for", "peer", "name"}}
	for _, a := range list {
		of := "-"
		if a.Octets > 0 {
			of = octets(a.Octets)
		}
		t = append(t, []string{a.ID, a.Role, a.State, octets(a.Committed), of, since(a.Changed, now), a.Peer, a.Name})
	}
	return t
}
