package bolt

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// The format as it is on disks: what is here stays readable.
func TestRecordFormat(t *testing.T) {
	r := checkpoint.Record{
		Key:  checkpoint.Key{Role: checkpoint.Receiver, Initiator: "a\x00b", ID: "\x01\x00\xff"},
		Peer: "peer", Link: "on", Epoch: 0x0102030405060708, Serial: 999999, Offset: 1 << 40, Digest: [32]byte{0: 0xd0, 31: 0xd1},
		State: checkpoint.Interrupted, Cookie: []byte("ok"), Changed: time.Unix(0x6a000000, 5).UTC(),
	}
	key := encodeKey(r.Key)
	value := encodeValue(key, &r)
	const (
		wantKey   = "02" + "6100ff62" + "0001" + "0100ff"
		wantValue = "02" + "0102030405060708" + "000f423f" + "0000010000000000" + "d0" + "000000000000000000000000000000000000000000000000000000000000" + "d1" +
			"000000006a000000" + "00000005" + "000470656572" + "00026f6e" + "00026f6b" + "f790c2fe"
	)
	if got := hex.EncodeToString(key); got != wantKey {
		t.Errorf("key %s, want %s", got, wantKey)
	}
	if got := hex.EncodeToString(value); got != wantValue {
		t.Errorf("value %s, want %s", got, wantValue)
	}
	got, err := decode(key, value)
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("decode: %+v, %v; want %+v", got, err, r)
	}
	// Nothing else is taken for it.
	for i := range value {
		if _, err := decode(key, value[:i]); err == nil {
			t.Errorf("the first %d octets are a record", i)
		}
		bad := bytes.Clone(value)
		bad[i] ^= 0x10
		if _, err := decode(key, bad); err == nil {
			t.Errorf("with octet %d changed it is a record", i)
		}
	}
	for i := range key {
		bad := bytes.Clone(key)
		bad[i] ^= 0x10
		if _, err := decode(bad, value); err == nil {
			t.Errorf("under another key (octet %d) it is a record", i)
		}
	}
}

// Octets with a right sum may still be none of ours.
func FuzzDecode(f *testing.F) {
	r := checkpoint.Record{Key: checkpoint.Key{Role: checkpoint.Sender, Initiator: "i", ID: "id"}, State: checkpoint.Running, Peer: "p", Cookie: []byte("c")}
	key := encodeKey(r.Key)
	value := encodeValue(key, &r)
	f.Add(key, value[:len(value)-4])
	f.Add([]byte{}, []byte{})
	f.Add([]byte("\x01\x00\x01x"), []byte(strings.Repeat("\x01", 200)))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		s := sum(key, value)
		value = append(bytes.Clone(value), byte(s>>24), byte(s>>16), byte(s>>8), byte(s))
		r, err := decode(key, value)
		if err != nil {
			return
		}
		k := encodeKey(r.Key)
		again, err := decode(k, encodeValue(k, &r))
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%x, %x: %+v, and encoded and decoded again %+v, %v", key, value, r, again, err)
		}
	})
}
