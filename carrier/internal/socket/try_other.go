//go:build !unix

package socket

// CanTryWrite: TryWriter.Write takes what fits.
const CanTryWrite = false

// TryWriter takes nothing: the system has no write that does not wait.
type TryWriter struct{}

// Init does nothing.
func (*TryWriter) Init(Socket) error { return nil }

// Write takes nothing.
func (*TryWriter) Write(Socket, [][]byte) (int, error) { return 0, nil }
