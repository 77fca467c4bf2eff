module github.com/tenuto-session/tenuto

go 1.26.0
