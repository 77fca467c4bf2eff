package spm

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/table_*.txt")

// TestTables compares each table, printed as the standard does, with what was proof-read against the fact sheet.
func TestTables(t *testing.T) {
	for _, tab := range append(tables[:], tableRelay) {
		name := filepath.Join("testdata", "table_"+tab.name+".txt")
		got := tab.String()
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: the table has changed; with -update it is written, and the difference is to be explained:\n%s", name, got)
		}
	}
}

// TestCells checks that no row is hidden: of the rows of one cell only the last may have no condition, and no two are alike.
func TestCells(t *testing.T) {
	for s := range numStates {
		for k := range numEvents {
			for _, rows := range [][]*row{cells[s][k], late[s][k]} {
				for i, r := range rows {
					if r.when == always && len(rows) > 1 {
						t.Errorf("%v in %v: a row without a condition beside others", k, s)
					}
					for _, q := range rows[:i] {
						if q.when == r.when {
							t.Errorf("%v in %v: two rows with %v", k, s, r.when)
						}
					}
				}
			}
		}
	}
}

// TestNames checks that everything has a name.
func TestNames(t *testing.T) {
	for s := range numStates {
		if s.String() == "" {
			t.Errorf("state %d has no name", s)
		}
	}
	for k := noEvent + 1; k < numEvents; k++ {
		if k.String() == "" {
			t.Errorf("event %d has no name", k)
		}
	}
	for o := range numOutputs {
		if o.String() == "" {
			t.Errorf("output %d has no name", o)
		}
	}
}
