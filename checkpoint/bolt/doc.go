// Package bolt keeps the records of package checkpoint in one file: the embedded store, for one process or, with Options.Shared, a few of one machine.
//
//	st, err := bolt.Open("/var/lib/tenuto/activities", nil)
//	defer st.Close()
//	rec, err := st.Create(ctx, checkpoint.Record{Key: key})
//
// # Durability
//
// When Create, Acquire, Commit or Expire returns nil, what it has changed survives a crash of the process, of the system, and of the machine, provided that
// the disk keeps what it has said it has. bbolt writes the changed pages where no state that counts lies, has the system flush the file (fdatasync on Linux,
// F_FULLFSYNC on macOS, FlushFileBuffers on Windows), writes a meta page with a checksum that makes them count, and flushes again. A crash leaves the state
// before or the one after, never a mixture. A new file is made under another name and gets its own when it is whole; Open flushes the folder, where the system
// can (not on Windows), so that the file's name is as durable as what is in it.
//
// Calls that come while a transaction is being written share the next one, and its two flushes. One that fails, since it is fenced, say, fails alone. A call
// that comes alone waits for nothing.
//
// Where a write fails, the call returns the error and nothing has changed; when there is space on the disk again, the same store goes on. After a flush that
// failed nobody knows what is on the disk: the store says so to every caller, and has to be opened anew.
//
// # Format
//
// The file is one of bbolt with two buckets. "meta" holds "format", 4 octets, which is 1, and "epoch", 8 octets, the last epoch that was given, with
// 4 of a CRC-32C of "epoch" and these. "records" holds the records. Numbers are big-endian. A record's key is
//
//	role          1
//	initiator     any, with 00 FF for each octet 00, and 00 01 behind it
//	ID            the rest
//
// so that octets are ordered as keys are. Its value is
//
//	state         1
//	epoch         8
//	serial        4
//	offset        8
//	digest        32
//	changed       8    seconds since 1970, and
//	              4    nanoseconds
//	peer          2 and as many as these say
//	link          2 and as many as these say
//	cookie        2 and as many as these say
//	sum           4    CRC-32C of the key and the value before this
//
// Files are not carried between machines of different byte order: bbolt's own pages have that of the machine.
//
// # Damaged files
//
// Open reads the whole file and checks what bbolt relies on: both meta pages, the tree of pages, and the list of free ones. A file that is damaged,
// or not one of ours, is refused with a *CorruptError and left as it is, one of a later format with a *VersionError. Damage that is met later, such as a page that
// cannot be read any more, is a *CorruptError too.
//
// # Limitations
//
// The lock that keeps other processes out is flock's, or LockFileEx's on Windows: on a file system without them, such as some network ones, two processes
// may destroy the file. Where a file system has no hard links, a crash while the file is made can leave one that Open refuses. The file does not shrink.
package bolt
