package checkpointtest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/checkpoint"
)

func testCreate(t *testing.T, e *env) {
	st := e.open()
	r := checkpoint.Record{Key: key(1), Peer: "peer", Cookie: []byte("cookie"), Digest: [32]byte{1}, Epoch: 77, State: checkpoint.Ended}
	got, err := st.Create(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	want := r
	want.Epoch, want.State, want.Changed = got.Epoch, checkpoint.Running, e.clock()
	wantRecord(t, "Create", got, want)
	wantRecord(t, "Get", mustGet(t, st, key(1)), want)
	_, err = st.Create(t.Context(), checkpoint.Record{Key: key(1)})
	wantErr(t, "Create again", err, checkpoint.ErrExists)
	wantRecord(t, "Get after that", mustGet(t, st, key(1)), want)
	// The other end's record is another.
	other := key(1)
	other.Role = checkpoint.Receiver
	mustCreate(t, st, other)
	got.Serial = 1
	mustCommit(t, st, got)
	if r := mustGet(t, st, other); r.Serial != 0 {
		t.Errorf("the other end's serial is %d", r.Serial)
	}
}

func testAcquire(t *testing.T, e *env) {
	st := e.open()
	_, err := st.Acquire(t.Context(), key(1))
	wantErr(t, "Acquire of nothing", err, checkpoint.ErrNotFound)
	first := mustCreate(t, st, key(1))
	first.Serial, first.State = 4, checkpoint.Interrupted
	mustCommit(t, st, first)
	second := mustAcquire(t, st, key(1))
	if second.Epoch <= first.Epoch {
		t.Errorf("epoch %d after %d", second.Epoch, first.Epoch)
	}
	want := first
	want.Epoch, want.Changed = second.Epoch, e.clock()
	wantRecord(t, "Acquire", second, want)
	first.Serial = 5
	wantErr(t, "Commit of who is fenced", st.Commit(t.Context(), first), checkpoint.ErrFenced)
	wantRecord(t, "Get", mustGet(t, st, key(1)), second)
	mustCommit(t, st, second)
	third := mustAcquire(t, st, key(1))
	wantErr(t, "Commit of the second", st.Commit(t.Context(), second), checkpoint.ErrFenced)
	mustCommit(t, st, third)
}

func testCommit(t *testing.T, e *env) {
	st := e.open()
	r := mustCreate(t, st, key(1))
	e.tick(time.Hour)
	want := checkpoint.Record{Key: key(1), Peer: "another", Epoch: r.Epoch, Serial: 999999, Offset: 1 << 60, Digest: [32]byte{31: 9},
		State: checkpoint.Discarded, Link: "a link", Cookie: bytes.Repeat([]byte{0, 1}, checkpoint.MaxCookie/2), Changed: time.Unix(1, 1)}
	mustCommit(t, st, want)
	want.Changed = e.clock()
	wantRecord(t, "Get", mustGet(t, st, key(1)), want)
	// Less comes instead of more, too.
	mustCommit(t, st, r)
	r.Changed = e.clock()
	wantRecord(t, "Get", mustGet(t, st, key(1)), r)
}

func testRefused(t *testing.T, e *env) {
	st := e.open()
	wantErr(t, "Commit of nothing", st.Commit(t.Context(), checkpoint.Record{Key: key(1), Epoch: 1, State: checkpoint.Running}), checkpoint.ErrFenced)
	_, err := st.Get(t.Context(), key(1))
	wantErr(t, "Get", err, checkpoint.ErrNotFound)
	r := mustCreate(t, st, key(1))
	for _, epoch := range []uint64{0, r.Epoch - 1, r.Epoch + 1, 1 << 63} {
		bad := r
		bad.Epoch, bad.Serial = epoch, 1
		wantErr(t, "Commit of another epoch", st.Commit(t.Context(), bad), checkpoint.ErrFenced)
	}
	wantRecord(t, "Get", mustGet(t, st, key(1)), r)
}

func testGet(t *testing.T, e *env) {
	st := e.open()
	mustCreate(t, st, key(2))
	for _, k := range []checkpoint.Key{{}, key(1), key(3), {Role: checkpoint.Sender, ID: key(2).ID}, {Role: checkpoint.Sender, ID: strings.Repeat("x", 9000)}} {
		_, err := st.Get(t.Context(), k)
		wantErr(t, "Get", err, checkpoint.ErrNotFound)
		_, err = st.Acquire(t.Context(), k)
		wantErr(t, "Acquire", err, checkpoint.ErrNotFound)
	}
}

// awkward are keys in their order; each is mistaken for the next, or comes behind it, in some encoding.
func awkward() (keys []checkpoint.Key) {
	for _, role := range []checkpoint.Role{checkpoint.Sender, checkpoint.Receiver} {
		for _, initiator := range []string{"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "A", "A\x00", "A\x00\x01b", "A\x01", "AB", "a",
			"\xff", strings.Repeat("\xff", checkpoint.MaxInitiator)} {
			for _, id := range []string{"\x00", "\x00\x00", "\x01", "\x01A", "b", "\xff", "\xff\x00\x01", "\xff\xff\xff\xff\xff\xff"} {
				keys = append(keys, checkpoint.Key{Role: role, Initiator: initiator, ID: id})
			}
		}
	}
	return keys
}

func testKeys(t *testing.T, e *env) {
	st := e.open()
	epochs := createAll(t, st, awkward())
	for k, epoch := range epochs {
		if r := mustGet(t, st, k); r.Key != k || r.Epoch != epoch {
			t.Errorf("Get of %v, epoch %d: %v, epoch %d", k, epoch, r.Key, r.Epoch)
		}
	}
	if n := len(mustList(t, st)); n != len(epochs) {
		t.Errorf("%d records, want %d", n, len(epochs))
	}
}

func testList(t *testing.T, e *env) {
	st := e.open()
	if all := mustList(t, st); len(all) != 0 {
		t.Errorf("an empty store lists %v", all)
	}
	want := awkward()
	createAll(t, st, want)
	for i, r := range mustList(t, st) {
		if r.Key != want[i] {
			t.Fatalf("record %d is %v, want %v", i, r.Key, want[i])
		}
	}
	n := 0
	for range st.List(t.Context()) {
		if n++; n == 3 {
			break
		}
	}
	mustCreate(t, st, key(1)) // nothing is held
}

func testListChanging(t *testing.T, e *env) {
	st := e.open()
	const n = 300
	var keys []checkpoint.Key
	for i := range n {
		keys = append(keys, key(2*i))
	}
	createAll(t, st, keys)
	seen := 0
	within(t, "List", func() {
		for r, err := range st.List(t.Context()) {
			if err != nil {
				t.Error(err)
				return
			}
			if r.ID[1]&1 == 0 {
				seen++
			}
			// Changing the store within the loop is allowed.
			r.Serial++
			if err := st.Commit(t.Context(), r); err != nil {
				t.Error(err)
			}
			if k := key(2*seen + 1); seen%50 == 0 {
				if _, err := st.Create(t.Context(), checkpoint.Record{Key: k}); err != nil && !errors.Is(err, checkpoint.ErrExists) {
					t.Error(err)
				}
			}
		}
	})
	if seen != n {
		t.Errorf("%d records seen, want %d", seen, n)
	}
}

func testExpire(t *testing.T, e *env) {
	for _, all := range []bool{false, true} {
		st := e.Open(t, t.TempDir(), e.clock)
		states := []checkpoint.State{checkpoint.Running, checkpoint.Interrupted, checkpoint.Ended, checkpoint.Discarded}
		fill := func(base int) {
			for i, s := range states {
				r := mustCreate(t, st, key(base+i))
				r.State = s
				mustCommit(t, st, r)
			}
		}
		fill(0)
		e.tick(time.Minute)
		then := e.clock()
		fill(10) // at that moment: not before it
		want := []checkpoint.Key{key(0), key(1), key(10), key(11), key(12), key(13)}
		if all {
			want = want[2:]
		}
		n, err := st.Expire(t.Context(), then, all)
		if err != nil || n != 8-len(want) {
			t.Errorf("Expire(all %v) = %d, %v; want %d", all, n, err, 8-len(want))
		}
		var got []checkpoint.Key
		for _, r := range mustList(t, st) {
			got = append(got, r.Key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("after Expire(all %v): %v, want %v", all, got, want)
		}
		if n, err := st.Expire(t.Context(), then, all); n != 0 || err != nil {
			t.Errorf("Expire again = %d, %v", n, err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
}

func testEpochs(t *testing.T, e *env) {
	st := e.open()
	var last uint64
	given := func(r checkpoint.Record) {
		t.Helper()
		if r.Epoch <= last {
			t.Errorf("epoch %d after %d", r.Epoch, last)
		}
		last = r.Epoch
	}
	for range 3 {
		old := mustCreate(t, st, key(1))
		given(old)
		given(mustCreate(t, st, key(2)))
		given(mustAcquire(t, st, key(1)))
		e.tick(time.Second)
		if n, err := st.Expire(t.Context(), e.clock(), true); n != 2 || err != nil {
			t.Fatalf("Expire = %d, %v", n, err)
		}
		wantErr(t, "Commit of what has expired", st.Commit(t.Context(), old), checkpoint.ErrFenced)
		given(mustCreate(t, st, key(1))) // of the same name
		wantErr(t, "Commit by the owner of another of that name", st.Commit(t.Context(), old), checkpoint.ErrFenced)
		e.tick(time.Second)
		if _, err := st.Expire(t.Context(), e.clock(), true); err != nil {
			t.Fatal(err)
		}
	}
}

func testLimits(t *testing.T, e *env) {
	st := e.open()
	full := checkpoint.Record{
		Key:    checkpoint.Key{Role: checkpoint.Receiver, Initiator: strings.Repeat("\x00", checkpoint.MaxInitiator), ID: "abcdef"},
		Peer:   strings.Repeat("p", checkpoint.MaxPeer),
		Cookie: make([]byte, checkpoint.MaxCookie),
	}
	have, err := st.Create(t.Context(), full)
	if err != nil {
		t.Fatalf("Create at the limits: %v", err)
	}
	for name, spoil := range map[string]func(*checkpoint.Record){
		"no ID":            func(r *checkpoint.Record) { r.ID = "" },
		"a long ID":        func(r *checkpoint.Record) { r.ID += "g" },
		"a long initiator": func(r *checkpoint.Record) { r.Initiator += "x" },
		"a long peer":      func(r *checkpoint.Record) { r.Peer += "p" },
		"a long link":      func(r *checkpoint.Record) { r.Link = string(make([]byte, checkpoint.MaxLink+1)) },
		"a long cookie":    func(r *checkpoint.Record) { r.Cookie = make([]byte, checkpoint.MaxCookie+1) },
		"no role":          func(r *checkpoint.Record) { r.Role = 0 },
		"another role":     func(r *checkpoint.Record) { r.Role = checkpoint.Receiver + 1 },
	} {
		bad := have
		spoil(&bad)
		if _, err := st.Create(t.Context(), bad); err == nil {
			t.Errorf("%s: created", name)
		}
		if err := st.Commit(t.Context(), bad); err == nil || errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("%s: Commit: %v", name, err)
		}
	}
	for _, s := range []checkpoint.State{0, checkpoint.Discarded + 1} {
		bad := have
		bad.State = s
		if err := st.Commit(t.Context(), bad); err == nil {
			t.Errorf("%v: committed", s)
		}
	}
	all := mustList(t, st)
	if len(all) != 1 {
		t.Fatalf("%d records", len(all))
	}
	wantRecord(t, "List", all[0], have)
}

func testCookies(t *testing.T, e *env) {
	st := e.open()
	mine := []byte("cookie")
	check := func(what string) {
		t.Helper()
		copy(mine, "XXXXXX")
		if got := mustGet(t, st, key(1)); string(got.Cookie) != "cookie" {
			t.Errorf("%s: the store has %q", what, got.Cookie)
		}
		copy(mine, "cookie")
	}
	r, err := st.Create(t.Context(), checkpoint.Record{Key: key(1), Cookie: mine})
	if err != nil {
		t.Fatal(err)
	}
	check("Create's argument")
	copy(r.Cookie, "YYYYYY")
	check("Create's result")
	r = mustAcquire(t, st, key(1))
	copy(r.Cookie, "YYYYYY")
	check("Acquire's result")
	r.Cookie = mine
	mustCommit(t, st, r)
	check("Commit's argument")
	got := mustGet(t, st, key(1))
	copy(got.Cookie, "YYYYYY")
	check("Get's result")
	for r := range st.List(t.Context()) {
		copy(r.Cookie, "YYYYYY")
	}
	check("List's")
}

func testClockBack(t *testing.T, e *env) {
	st := e.open()
	r := mustCreate(t, st, key(1))
	e.tick(-1000 * time.Hour)
	r.Serial = 1
	mustCommit(t, st, r)
	got := mustGet(t, st, key(1))
	r.Changed = e.clock()
	wantRecord(t, "Get", got, r)
	if next := mustAcquire(t, st, key(1)); next.Epoch <= r.Epoch {
		t.Errorf("epoch %d after %d", next.Epoch, r.Epoch)
	}
	wantErr(t, "Commit of who is fenced", st.Commit(t.Context(), r), checkpoint.ErrFenced)
}

func testReopen(t *testing.T, e *env) {
	if !e.Durable {
		t.Skip("not durable")
	}
	st := e.open()
	createAll(t, st, awkward())
	r := mustAcquire(t, st, awkward()[3])
	r.Serial, r.Cookie = 7, []byte("cookie")
	mustCommit(t, st, r)
	gone := mustCreate(t, st, key(9))
	gone.State = checkpoint.Ended
	mustCommit(t, st, gone)
	want := mustList(t, st)
	want = slices.DeleteFunc(want, func(r checkpoint.Record) bool { return r.Key == key(9) })
	e.tick(time.Second)
	if n, err := st.Expire(context.Background(), e.clock(), false); n != 1 || err != nil {
		t.Fatalf("Expire = %d, %v", n, err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = e.open()
	got := mustList(t, st)
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range got {
		wantRecord(t, "List", got[i], want[i])
	}
	if r := mustCreate(t, st, key(9)); r.Epoch <= gone.Epoch {
		t.Errorf("epoch %d after %d", r.Epoch, gone.Epoch)
	}
	mustCommit(t, st, got[0]) // its owner's epoch still holds
}
