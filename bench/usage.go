package bench

import "runtime"

// usage is what a process holds.
type usage struct {
	live       int64 // octets of what is reachable on the heap
	heap       int64 // octets of the heap in use: what is reachable, and the gaps between that only more of a like size can fill
	stack      int64 // octets of stacks in use
	goroutines int64
}

// held collects garbage twice, which also empties the pools, and tells what is left.
func held() usage {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{int64(m.HeapAlloc), int64(m.HeapInuse), int64(m.StackInuse), int64(runtime.NumGoroutine())}
}

func (u usage) plus(v usage) usage {
	return usage{u.live + v.live, u.heap + v.heap, u.stack + v.stack, u.goroutines + v.goroutines}
}

func (u usage) minus(v usage) usage {
	return usage{u.live - v.live, u.heap - v.heap, u.stack - v.stack, u.goroutines - v.goroutines}
}
