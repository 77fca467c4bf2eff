package spm

// Queued is how many events of a kind wait in the queue of [10] for the state in which [6] looks at them again. Those that a replay does not deliver
// or discard stay, and are the last.
func (m *Machine) Queued(k Kind) (n int) {
	for i := range m.queue {
		if m.queue[i].Kind == k {
			n++
		}
	}
	return n
}
