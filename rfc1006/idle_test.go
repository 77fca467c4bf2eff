package rfc1006

import (
	"runtime"
	"testing"
)

// BenchmarkIdle measures what the two ends of a connection hold that has been in use and is idle, kernel memory apart.
func BenchmarkIdle(b *testing.B) {
	const n = 1000
	for range b.N {
		before := held()
		ends := make([]*Conn, 0, 2*n)
		ln := listen(b, nil)
		for range n {
			a, c := connect(b, ln, nil)
			ends = append(ends, a, c)
			exchange(b, a, c)
			exchange(b, c, a)
		}
		b.ReportMetric(float64(held()-before)/(2*n), "B/end")
		b.ReportMetric(float64(runtime.NumGoroutine())/(2*n), "goroutines/end")
		for _, c := range ends {
			c.Disconnect(0)
		}
		ln.Close()
	}
}

// held is the memory in use, in octets: the heap's and that of stacks.
func held() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
