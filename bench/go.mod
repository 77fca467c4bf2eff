module github.com/tenuto-session/tenuto/bench

go 1.26.0

require (
	github.com/hashicorp/yamux v0.1.2
	github.com/quic-go/quic-go v0.65.0
	github.com/tenuto-session/tenuto v0.0.0
	github.com/xtaci/smux v1.5.56
)

require (
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
)

replace github.com/tenuto-session/tenuto => ../
