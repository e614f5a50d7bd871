module github.com/fusewire/fusewire/examples/go

go 1.24
