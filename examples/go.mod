module github.com/tenuto-session/tenuto/examples

go 1.26.0

require github.com/tenuto-session/tenuto v0.0.0

require golang.org/x/sys v0.50.0 // indirect

replace github.com/tenuto-session/tenuto => ../
