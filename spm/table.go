package spm

// A row is a row of one of the standard's tables. All rows with the same event and state belong together: the first whose
// condition holds fires.
type row struct {
	event   Kind
	states  stateSet
	when    condition
	outputs outputs
	actions actions
	next    State
	mark    string // the correction of the fact sheet that changed or added the row
}

// A table is one of the standard's tables.
type table struct {
	name, title string
	rows        []row
}

// tables are those of Annex A. Which table a row is in makes no difference to the machine.
var tables = [...]table{
	{"S1", "connection establishment", tableConnect},
	{"S2", "data transfer", tableData},
	{"S3", "synchronization", tableSync},
	{"S4", "resynchronization", tableResync},
	{"S5", "activity interrupt and discard", tableInterrupt},
	{"S6", "activity start, activity resume, capability data", tableActivity},
	{"S7", "token management and exceptions", tableTokens},
	{"S8", "release", tableRelease},
	{"S9", "abort, disconnect, timer", tableAbort},
}

// cells finds the rows of an event in a state.
var cells = compile(tables[:])

func compile(tables []table) (cells [numStates][numEvents][]*row) {
	for _, t := range tables {
		for i := range t.rows {
			r := &t.rows[i]
			for s := range numStates {
				if r.states.has(s) {
					cells[s][r.event] = append(cells[s][r.event], r)
				}
			}
		}
	}
	return cells
}
