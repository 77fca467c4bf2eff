package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"go.etcd.io/bbolt"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// format is the format that is written, and the last that is read.
const format = 1

var (
	metaName    = []byte("meta")
	recordsName = []byte("records")
	formatName  = []byte("format")
	epochName   = []byte("epoch")
)

// tables is our side of a transaction. Nothing of it is used when that is over.
type tables struct {
	path          string
	meta, records *bbolt.Bucket
}

// setUp makes the tables of a file that has none.
func setUp(path string, tx *bbolt.Tx) error {
	if name, _ := tx.Cursor().First(); name != nil {
		_, err := openTables(path, tx)
		return err
	}
	meta, err := tx.CreateBucket(metaName)
	if err != nil {
		return err
	}
	if _, err := tx.CreateBucket(recordsName); err != nil {
		return err
	}
	if err := meta.Put(formatName, binary.BigEndian.AppendUint32(nil, format)); err != nil {
		return err
	}
	return meta.Put(epochName, encodeEpoch(0))
}

func openTables(path string, tx *bbolt.Tx) (*tables, error) {
	t := &tables{path: path, meta: tx.Bucket(metaName)}
	if t.meta == nil {
		return nil, t.corrupt(errors.New("it is not a store of checkpoints"))
	}
	v := t.meta.Get(formatName)
	if len(v) != 4 {
		return nil, t.corrupt(errors.New("it has no format"))
	}
	if f := binary.BigEndian.Uint32(v); f > format {
		return nil, &VersionError{Path: path, Format: f, Known: format}
	} else if f == 0 {
		return nil, t.corrupt(errors.New("there is no format 0"))
	}
	if t.records = tx.Bucket(recordsName); t.records == nil {
		return nil, t.corrupt(errors.New("it has no records"))
	}
	return t, nil
}

func (t *tables) corrupt(err error) error { return &CorruptError{Path: t.path, Err: err} }

const epochSize = 8 + 4

func encodeEpoch(e uint64) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, epochSize), e)
	return binary.BigEndian.AppendUint32(b, sum(epochName, b))
}

// nextEpoch raises the epoch.
func (t *tables) nextEpoch() (uint64, error) {
	v := t.meta.Get(epochName)
	if len(v) != epochSize || sum(epochName, v[:8]) != binary.BigEndian.Uint32(v[8:]) {
		return 0, t.corrupt(errors.New("its epoch is none"))
	}
	e := binary.BigEndian.Uint64(v)
	if e == math.MaxUint64 {
		return 0, t.corrupt(errors.New("its epochs are used up"))
	}
	return e + 1, t.meta.Put(epochName, encodeEpoch(e+1))
}

func (t *tables) get(key []byte) (r checkpoint.Record, ok bool, err error) {
	v := t.records.Get(key)
	if v == nil {
		return r, false, nil
	}
	if r, err = decode(key, v); err != nil {
		return r, false, t.corrupt(err)
	}
	return r, true, nil
}

func (t *tables) put(key []byte, r *checkpoint.Record) error {
	return t.records.Put(key, encodeValue(key, r))
}

// page returns up to n records behind a key, in their order; a nil key is before the first. last is the last record's key.
func (t *tables) page(after []byte, n int) (page []checkpoint.Record, last []byte, err error) {
	c := t.records.Cursor()
	k, v := c.Seek(after)
	if after != nil && bytes.Equal(k, after) {
		k, v = c.Next()
	}
	for ; k != nil && len(page) < n; k, v = c.Next() {
		r, err := decode(k, v)
		if err != nil {
			return page, nil, t.corrupt(fmt.Errorf("list: %w", err))
		}
		page, last = append(page, r), bytes.Clone(k)
	}
	return page, last, nil
}
