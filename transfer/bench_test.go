package transfer

import (
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// unit is how far apart the points are.
const unit = 16 << 20

// carry sends a job as a session does: with the digest of each unit, at the receiver alone.
func carry(b *testing.B, r *Receiver, j *Job, id string) {
	b.Helper()
	x := newActivity(b, j, id)
	sink, rec, err := r.Open(bg, &x.a)
	must(b, err)
	src, err := j.Open()
	must(b, err)
	buf, digest := make([]byte, 256<<10), sha256.New()
	for since := 0; err == nil; {
		var n int
		if n, err = src.Read(buf); err != nil && err != io.EOF {
			b.Fatal(err)
		}
		digest.Write(buf[:n])
		_, werr := sink.Write(buf[:n])
		must(b, werr)
		rec.Offset += int64(n)
		if since += n; since >= unit || err == io.EOF {
			since = 0
			rec.Serial++
			if err == io.EOF {
				rec.State = checkpoint.Ended
			}
			must(b, sink.Commit(bg, rec))
		}
	}
	must(b, sink.Close())
	must(b, src.Close())
}

func benchmarkTransfer(b *testing.B, from string) {
	p := scan(b, nil, from)
	b.SetBytes(p.Octets)
	for b.Loop() {
		to := b.TempDir()
		r, err := NewReceiver(to, newStore(), nil)
		must(b, err)
		for i, j := range p.Jobs {
			carry(b, r, j, strconv.Itoa(i))
		}
		b.StopTimer()
		must(b, os.RemoveAll(to))
		b.StartTimer()
	}
}

// many makes 10,000 files of 4 KiB, in folders of 100.
func many(b *testing.B) string {
	dir := filepath.Join(b.TempDir(), "many")
	text := make([]byte, 4<<10)
	for i := range 10_000 {
		text[0], text[1] = byte(i), byte(i>>8)
		put(b, filepath.Join(dir, strconv.Itoa(i/100), strconv.Itoa(i)), string(text))
	}
	return dir
}

func BenchmarkManyFiles(b *testing.B) { benchmarkTransfer(b, many(b)) }

// BenchmarkManyFilesPlainly is what a loop does that makes each file durable by itself.
func BenchmarkManyFilesPlainly(b *testing.B) {
	p := scan(b, nil, many(b))
	b.SetBytes(p.Octets)
	for b.Loop() {
		to := b.TempDir()
		for _, j := range p.Jobs {
			for i := range j.items {
				if it := &j.items[i]; it.Type == File {
					plainly(b, it.local(), filepath.Join(to, it.Path), make([]byte, it.Size))
				}
			}
		}
		b.StopTimer()
		must(b, os.RemoveAll(to))
		b.StartTimer()
	}
}

// plainly copies a file, with a digest and a sync after each unit, and renames it.
func plainly(b *testing.B, from, to string, buf []byte) {
	b.Helper()
	must(b, os.MkdirAll(filepath.Dir(to), 0o755))
	in, err := os.Open(from)
	must(b, err)
	out, err := os.Create(to + ".part")
	must(b, err)
	digest := sha256.New()
	for since := 0; ; {
		n, err := in.Read(buf)
		if err == io.EOF {
			break
		}
		must(b, err)
		digest.Write(buf[:n])
		_, err = out.Write(buf[:n])
		must(b, err)
		if since += n; since >= unit {
			since = 0
			must(b, out.Sync())
		}
	}
	must(b, out.Sync())
	must(b, out.Close())
	must(b, in.Close())
	must(b, os.Rename(to+".part", to))
}

// large makes a file of 1 GiB.
func large(b *testing.B) string {
	name := filepath.Join(b.TempDir(), "large")
	f, err := os.Create(name)
	must(b, err)
	chunk := make([]byte, 1<<20)
	for i := range 1 << 10 {
		for k := range chunk {
			chunk[k] = byte(i + k)
		}
		_, err := f.Write(chunk)
		must(b, err)
	}
	must(b, f.Sync())
	must(b, f.Close())
	return name
}

func BenchmarkLargeFile(b *testing.B) { benchmarkTransfer(b, large(b)) }

func BenchmarkLargeFilePlainly(b *testing.B) {
	name := large(b)
	b.SetBytes(1 << 30)
	for b.Loop() {
		to := b.TempDir()
		plainly(b, name, filepath.Join(to, "large"), make([]byte, 256<<10))
		b.StopTimer()
		must(b, os.RemoveAll(to))
		b.StartTimer()
	}
}
