// Package examples holds small programs that use sessions, each in a directory of its own and with a test.
//
//   - http, rpc, grpc, pgx: what speaks over a net.Conn, over a session
//   - chat: messages with bounds, and release
//   - turns: half-duplex, with the data token asked for and given
//   - feed: simplex, from a sensor to a subscriber
//   - avsync: sound and picture of one group, played in step in a browser
//   - ledger: durable activities, exactly once into an SQL database
//   - queue: durable activities as jobs, by several senders side by side
package examples
