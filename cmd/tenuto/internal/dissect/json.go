package dissect

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"time"
)

// The JSON object of a unit. docs/decode.md describes it: change both.
type jsonUnit struct {
	Connection int           `json:"connection"`
	Time       string        `json:"time"`
	Side       string        `json:"side"`
	From       string        `json:"from"`
	To         string        `json:"to"`
	Position   jsonPosition  `json:"position"`
	TPDU       string        `json:"tpdu"`
	TPDUs      int           `json:"tpdus"`
	User       jsonData      `json:"tpdu_user"`
	Octets     int64         `json:"octets"`
	SPDUs      []jsonSPDU    `json:"spdus"`
	Problems   []jsonProblem `json:"problems"`
}

type jsonPosition struct {
	Packet int64 `json:"packet"`
	Line   int   `json:"line"`
	Octet  int64 `json:"octet"`
}

type jsonSPDU struct {
	Name       string          `json:"name"`
	Title      string          `json:"title"`
	Notation   string          `json:"notation"`
	SI         uint8           `json:"si"`
	Offset     int             `json:"offset"`
	Octets     int             `json:"octets"`
	Parameters []jsonParameter `json:"parameters"`
	User       jsonData        `json:"user_information"`
}

type jsonParameter struct {
	Group  bool   `json:"group"`
	Code   uint8  `json:"code"`
	Name   string `json:"name"`
	Depth  int    `json:"depth"`
	Offset int    `json:"offset"`
	Octets int    `json:"octets"`
	Hex    string `json:"hex"`
	Value  string `json:"value"`
}

type jsonData struct {
	Octets int64  `json:"octets"`
	Hex    string `json:"hex"`
}

type jsonProblem struct {
	Text     string       `json:"text"`
	Code     string       `json:"code"`
	Offset   int          `json:"offset"`
	Position jsonPosition `json:"position"`
	Clause   string       `json:"clause"`
}

// appendJSON appends a unit as a line of JSON, but for TPDUs that do not end their TSDU.
func appendJSON(b *bytes.Buffer, u *Unit) {
	if u.More {
		return
	}
	from, to := u.ends()
	begin := u.Position
	if u.TPDUs > 0 {
		begin = u.Begin
	}
	j := jsonUnit{Connection: u.Link.Number, Side: u.From.String(), From: from, To: to, Position: jsonPosition(begin), TPDU: u.TPDU,
		TPDUs: u.TPDUs, User: dataJSON(u.User), Octets: u.Octets, SPDUs: []jsonSPDU{}, Problems: []jsonProblem{}}
	if !u.Time.IsZero() {
		j.Time = u.Time.UTC().Format(time.RFC3339Nano)
	}
	for _, s := range u.SPDUs {
		j.SPDUs = append(j.SPDUs, s.json())
	}
	for _, p := range u.Problems {
		j.Problems = append(j.Problems, jsonProblem{p.Text, p.Code, p.Offset, jsonPosition(p.Position), p.Clause})
	}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(j); err != nil {
		panic("BUG: JSON: " + err.Error())
	}
}

func (s *SPDU) json() jsonSPDU {
	j := jsonSPDU{s.Name, s.Title, s.Notation, s.Code, s.Offset, s.Length, []jsonParameter{}, dataJSON(s.User)}
	for _, i := range s.Items {
		j.Parameters = append(j.Parameters, jsonParameter{i.Group, i.Code, i.Name, i.Depth, i.Offset, i.Length, hex.EncodeToString(i.Value), i.Text})
	}
	return j
}

func dataJSON(d *Data) jsonData {
	if d == nil {
		return jsonData{}
	}
	return jsonData{d.Octets, hex.EncodeToString(d.Shown)}
}
