// Package examples holds small programs that use sessions, each in a directory of its own and with a test: http, rpc and chat.
package examples
