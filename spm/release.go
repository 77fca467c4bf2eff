package spm

// releaseVars are the variables of release (x225 4.3).
type releaseVars struct {
	Vtrr  bool // the transport connection can be reused
	Vcoll bool // FN collided
	Vdnr  bool // DN was received in 09 during a collision
}

// Table S8: release. x225 table S8
var tableRelease = []row{
	{SRELreq, in(sta09), when(p10, not(p65)), out(SendFNnr), act(8, 18), stay, "E10"}, // once: 09 may follow an own FN
	{SRELreq, in(sta15B), when(p63), none, nothing, stay, ""},
	{SRELreq, in(sta15D), always, none, nothing, stay, ""},
	{SRELreq, in(sta713), when(p63, not(p64)), out(SendFNnr), act(8), sta03, ""},
	{SRELreq, in(sta713), when(p63, p64), out(SendFNr), act(7), sta03, ""},
	{SRELrspPos, in(sta09), when(not(p66), p75), out(SendDN), act(4), sta16, ""},
	{SRELrspPos, in(sta09), when(p66), out(SendDN), nothing, sta01C, ""},
	{SRELrspPos, in(sta09), when(p69, p01), out(SendDN), nothing, sta03, "C8"},
	{SRELrspPos, in(sta15D), always, none, act(4), sta16, ""},
	{SRELrspNeg, in(sta09), when(p67), out(SendNF), nothing, sta713, ""},
	{SRELrspNeg, in(sta15D), always, none, nothing, stay, ""},
	{DN, in(sta01A, sta16), always, none, nothing, stay, ""},
	{DN, in(sta15D), always, none, nothing, stay, "E9"}, // overtaken by PREPARE(AB)
	{DN, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{DN, in(sta03), when(not(p66)), out(SRELcnfPos, TDISreq), nothing, sta01, ""},
	{DN, in(sta03), when(p66), out(SRELcnfPos), nothing, sta01C, ""},
	{DN, in(sta09), when(p69, not(p01)), out(SRELcnfPos), act(32), stay, ""},
	{FNnr, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{FNnr, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{FNnr, in(sta03), when(not(p65)), out(SRELind), act(8, 18), sta09, ""},
	{FNnr, in(sta05A, sta06, sta15C, sta19, sta20), when(p68), none, nothing, stay, ""},
	{FNnr, in(sta15B), when(p68), none, nothing, stay, "E7"},
	{FNnr, in(sta713), when(p68), out(SRELind), act(8), sta09, ""},
	{FNr, in(sta01A, sta16), always, none, nothing, stay, ""},
	{FNr, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{FNr, in(sta03), when(not(p65), not(p01), p16), out(SRELind), act(8, 18), sta09, ""},
	{FNr, in(sta05A, sta15C, sta19, sta20), when(p68, not(p01), p16), none, nothing, stay, ""},
	{FNr, in(sta713), when(p68, not(p01), p16), out(SRELind), act(9), sta09, ""},
	{NF, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{NF, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{NF, in(sta03), when(p67), out(SRELcnfNeg), nothing, sta713, ""},
	{NF, in(sta06), when(p67), none, nothing, stay, "E8"}, // the own resync has cancelled the release
	{NF, in(sta15B), when(p67), out(SRELcnfNeg), nothing, stay, ""},
}
