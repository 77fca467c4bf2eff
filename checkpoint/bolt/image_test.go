package bolt

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// A picture is what the disk and the store hold between two transactions.
type picture struct {
	file    []byte
	records []checkpoint.Record
}

func takePicture(t *testing.T, st *Store) picture {
	t.Helper()
	file, err := os.ReadFile(st.path)
	if err != nil {
		t.Fatal(err)
	}
	return picture{file, records(t, st)}
}

func records(t *testing.T, st *Store) (all []checkpoint.Record) {
	t.Helper()
	for r, err := range st.List(t.Context()) {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		all = append(all, r)
	}
	return all
}

// TestCrashImages opens what a crash within a transaction can leave. bbolt writes the changed pages, in whatever order the disk likes, then flushes, then
// writes a meta page. So before the flush any of the pages may be there, in any part, with the old meta page; behind it the new meta page may be torn.
func TestCrashImages(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	st := mustOpen(t, filepath.Join(dir, "store"), &Options{Now: func() time.Time { return now }})
	rnd := rand.New(rand.NewPCG(1, 1))
	pictures := []picture{takePicture(t, st)}
	step := func(f func() error) {
		t.Helper()
		if err := f(); err != nil {
			t.Fatal(err)
		}
		pictures = append(pictures, takePicture(t, st))
	}
	var all []checkpoint.Record
	for i := range 16 { // over several pages, and over the file's first size
		all = append(all, checkpoint.Record{Key: checkpoint.Key{Role: checkpoint.Sender, Initiator: "i", ID: fmt.Sprint(i)}, Cookie: make([]byte, 250*i)})
		step(func() (err error) { all[i], err = st.Create(t.Context(), all[i]); return err })
	}
	for range 12 {
		r := &all[rnd.IntN(len(all))]
		r.Serial++
		r.Cookie = make([]byte, rnd.IntN(checkpoint.MaxCookie))
		if r.Serial%2 == 0 {
			r.State = checkpoint.Ended
		}
		step(func() error { return st.Commit(t.Context(), *r) })
	}
	now = now.Add(time.Hour)
	step(func() error { _, err := st.Expire(t.Context(), now, false); return err })
	step(func() error { _, err := st.Expire(t.Context(), now, true); return err })
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	im := imager{t: t, path: filepath.Join(dir, "image")}
	for i := range len(pictures) - 1 {
		im.old, im.new = pictures[i], pictures[i+1]
		im.subsets(rnd)
		// Every cut of a meta page takes a while: so of some transactions.
		im.torn(i%10 == 0 || i >= len(pictures)-3)
	}
	t.Logf("%d images of %d transactions: %d open with the old records, %d with the new", im.olds+im.news, len(pictures)-1, im.olds, im.news)
	if im.news == 0 || im.olds == 0 {
		t.Error("one kind of image is missing")
	}
}

// imager makes images between two pictures.
type imager struct {
	t          *testing.T
	path       string
	old, new   picture
	olds, news int
}

// pages returns the pages that the transaction has changed: the data's, and the one of meta.
func (im *imager) pages() (data []int, meta int) {
	size := os.Getpagesize()
	meta = -1
	for i := range len(im.new.file) / size {
		page := im.new.file[i*size:][:size]
		if len(im.old.file) >= (i+1)*size && bytes.Equal(page, im.old.file[i*size:][:size]) {
			continue
		}
		if i > 1 {
			data = append(data, i)
		} else if meta >= 0 {
			im.t.Fatal("a transaction has written both meta pages")
		} else {
			meta = i
		}
	}
	if meta < 0 || len(data) == 0 {
		im.t.Fatalf("a transaction has changed pages %d and meta page %d", data, meta)
	}
	return data, meta
}

// image returns the old file with some pages of the new one, each up to some octets.
func (im *imager) image(pages map[int]int) []byte {
	b := make([]byte, max(len(im.new.file), len(im.old.file)))
	copy(b, im.old.file)
	for i, n := range pages {
		at := i * os.Getpagesize()
		copy(b[at:at+n], im.new.file[at:])
	}
	return b
}

// subsets opens images in which the meta page is the old one.
func (im *imager) subsets(rnd *rand.Rand) {
	data, _ := im.pages()
	size := os.Getpagesize()
	whole := map[int]int{}
	for _, p := range data {
		whole[p] = size
	}
	im.open(im.image(nil), im.old)
	im.open(im.image(whole), im.old)
	if len(im.old.file) < len(im.new.file) {
		im.open(im.old.file, im.old) // the file has not grown yet
	}
	for _, p := range data {
		without := maps.Clone(whole)
		delete(without, p)
		im.open(im.image(without), im.old)
		im.open(im.image(map[int]int{p: size}), im.old)
	}
	for range 4 {
		some := map[int]int{}
		for _, p := range data {
			if rnd.IntN(2) == 0 {
				some[p] = size
			} else if rnd.IntN(2) == 0 {
				some[p] = 512 * rnd.IntN(size/512) // sectors
			}
		}
		im.open(im.image(some), im.old)
	}
}

// torn opens images in which the new meta page is there up to some octet.
func (im *imager) torn(every bool) {
	data, meta := im.pages()
	at := meta * os.Getpagesize()
	pages := map[int]int{}
	for _, p := range data {
		pages[p] = os.Getpagesize()
	}
	for n := range metaEnd + 1 {
		if !every && n%13 != 0 && n < metaEnd-1 {
			continue
		}
		pages[meta] = n
		b := im.image(pages)
		want := im.old
		if bytes.Equal(b[at:at+metaEnd], im.new.file[at:at+metaEnd]) {
			want = im.new
			im.news++
			im.olds--
		}
		im.open(b, want)
	}
	pages[meta] = os.Getpagesize()
	im.news++
	im.olds--
	im.open(im.image(pages), im.new)
}

// open opens an image, compares its records, and goes on with some.
func (im *imager) open(b []byte, want picture) {
	t := im.t
	t.Helper()
	im.olds++
	if err := os.WriteFile(im.path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	st, err := Open(im.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := records(t, st)
	if !slices.EqualFunc(got, want.records, func(a, b checkpoint.Record) bool {
		return a.Key == b.Key && a.Epoch == b.Epoch && a.Serial == b.Serial && a.State == b.State && bytes.Equal(a.Cookie, b.Cookie) && a.Changed.Equal(b.Changed)
	}) {
		t.Fatalf("%d records that are not the %d wanted", len(got), len(want.records))
	}
	last := uint64(0)
	for _, r := range got {
		last = max(last, r.Epoch)
	}
	if im.olds%4 == 0 { // it takes time
		r, err := st.Create(t.Context(), checkpoint.Record{Key: checkpoint.Key{Role: checkpoint.Receiver, ID: "next"}, Cookie: make([]byte, 3000)})
		if err != nil || r.Epoch <= last {
			t.Fatalf("Create: epoch %d after %d, %v", r.Epoch, last, err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(im.path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := check(f); err != nil {
		t.Fatalf("after going on: %v", err)
	}
}
