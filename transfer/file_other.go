//go:build !unix

package transfer

const openFlags = 0

// readable does nothing: that a file cannot be read is found out when it is sent.
func readable(string) error { return nil }

// syncsFolders is false: whether a rename has become durable is the file system's affair.
const syncsFolders = false
