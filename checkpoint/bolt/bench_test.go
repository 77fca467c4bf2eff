package bolt

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// benchRecord is of a usual size: about 240 octets as it is kept, with its key.
func benchRecord(i int) checkpoint.Record {
	return checkpoint.Record{
		Key:    checkpoint.Key{Role: checkpoint.Receiver, Initiator: "SHA256:0123456789012345678901234567890123456789012", ID: fmt.Sprint(i)},
		Peer:   "SHA256:0123456789012345678901234567890123456789012",
		Cookie: make([]byte, 60),
	}
}

// BenchmarkCommit is the time of one of many commits, by so many activities at the same time. write-and-flush is a commit at its least: the same octets are
// written over others in a file, and flushed.
func BenchmarkCommit(b *testing.B) {
	b.Run("write-and-flush/1", writeAndFlush)
	for name, shared := range map[string]bool{"bolt": false, "bolt-shared": true} {
		for _, activities := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%s/%d", name, activities), func(b *testing.B) {
				st := mustOpen(b, filepath.Join(b.TempDir(), "store"), &Options{Shared: shared})
				defer st.Close()
				var records []checkpoint.Record
				for i := range activities {
					r, err := st.Create(b.Context(), benchRecord(i))
					if err != nil {
						b.Fatal(err)
					}
					records = append(records, r)
				}
				var n atomic.Int64
				var all sync.WaitGroup
				b.ResetTimer()
				for _, r := range records {
					all.Go(func() {
						for n.Add(1) <= int64(b.N) {
							r.Serial++
							if err := st.Commit(b.Context(), r); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
			})
		}
	}
}

func writeAndFlush(b *testing.B) {
	r := benchRecord(1)
	k := encodeKey(r.Key)
	octets := append(k, encodeValue(k, &r)...)
	f, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(1 << 20); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := f.WriteAt(octets, 0); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}
