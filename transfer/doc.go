// Package transfer sends files and folders as durable activities: [Scan] makes [Job]s of them, whose octets a durable.Sender sends, and a [Receiver]
// writes what comes into a folder.
//
//	plan, err := transfer.Scan(ctx, []string{"photos", "letter.txt"}, nil)
//	for _, job := range plan.Jobs {
//		src, err := job.Open() // a durable.Source
//		header, err := job.Header.AppendBinary(nil)
//		…                      // send it; job.Progress tells how far it is
//	}
//
//	r, err := transfer.NewReceiver("incoming", store, nil) // a durable.Receiver
//
// A file is written under a temporary name beside its own, and gets its own when the whole activity has come: half a file never bears it. What has
// been committed is neither sent nor written again, whichever of the two ends has crashed. docs/wire/transfer.md describes the octets.
//
// # What is kept
//
// Names, octet by octet; permission bits; the time of modification of files and folders; holes, where Linux tells of them. Not kept are owners, times
// of access, setuid, setgid and sticky bits, extended attributes, and that two names are of one file. Sockets, devices and pipes are not sent.
//
// Symbolic links are sent as links. A path that the user names is followed if it ends in a slash, as rsync does.
//
// # Cancellation
//
// Scan and Commit end with their context, between two calls of the operating system. Reading and writing do not wait for peers.
//
// # Limitations
//
// Folders get their modes and times by the jobs that are last in a plan: sent beside others, they may not have the last word. Folders that were made for
// an activity which is discarded stay. Whether a file has changed is told by its size and time of modification alone. Where names that differ in case
// are one, the later of two such entries counts as one whose target exists. A folder that is there and lets its owner not write is not changed for what is to
// go into it. Where several processes write into one folder, one that has lost an activity to another may still touch the time of a file that has come.
package transfer
