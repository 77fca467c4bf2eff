package main

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// typeText is PostgreSQL's number of the type text.
const typeText = 25

// fake is as much of PostgreSQL as the tests need. It answers "rows N" with N rows, of the connection's number, that of the query on this
// connection, and the row's own: what a connection that was made anew could not know.
type fake struct {
	ln          net.Listener
	connections atomic.Int32
	serving     sync.WaitGroup
}

func newFake(t *testing.T) *fake {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{ln: ln}
	f.serving.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n := f.connections.Add(1)
			f.serving.Go(func() {
				defer c.Close()
				if err := serveFake(c, n); err != nil {
					t.Errorf("connection %d: %v", n, err)
				}
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		f.serving.Wait()
	})
	return f
}

// serveFake serves a connection until the client terminates it.
func serveFake(c net.Conn, connection int32) error {
	b := pgproto3.NewBackend(c, c)
	switch m, err := b.ReceiveStartupMessage(); m := m.(type) {
	case *pgproto3.StartupMessage:
		if m.Parameters["user"] != "ada" {
			return fmt.Errorf("startup: user %q", m.Parameters["user"])
		}
	default:
		return fmt.Errorf("startup: %T, %v", m, err)
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.ParameterStatus{Name: "client_encoding", Value: "UTF8"})
	b.Send(&pgproto3.ParameterStatus{Name: "standard_conforming_strings", Value: "on"})
	b.Send(&pgproto3.BackendKeyData{ProcessID: uint32(connection), SecretKey: []byte{1, 2, 3, 4}})
	for queries := 0; ; {
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		if err := b.Flush(); err != nil {
			return err
		}
		m, err := b.Receive()
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *pgproto3.Query:
			queries++
			answer(b, m.String, fmt.Sprint("connection ", connection, " query ", queries))
		case *pgproto3.Terminate:
			return nil
		default:
			return fmt.Errorf("%T is not known here", m)
		}
	}
}

func answer(b *pgproto3.Backend, sql, text string) {
	var n int
	if _, err := fmt.Sscanf(strings.TrimSpace(sql), "rows %d", &n); err != nil {
		b.Send(&pgproto3.ErrorResponse{Severity: "ERROR", Code: "42601", Message: "syntax error"})
		return
	}
	b.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("text"), DataTypeOID: typeText, DataTypeSize: -1, TypeModifier: -1}}})
	for i := range n {
		b.Send(&pgproto3.DataRow{Values: [][]byte{fmt.Append(nil, text, " row ", i+1)}})
	}
	b.Send(&pgproto3.CommandComplete{CommandTag: []byte(fmt.Sprint("SELECT ", n))})
}
