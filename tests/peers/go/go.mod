module github.com/fusewire/fusewire/tests/peers/go

go 1.24.0

require (
	github.com/fusewire/fusewire/examples/go v0.0.0
	github.com/sony/gobreaker/v2 v2.4.0
	golang.org/x/time v0.14.0
)

replace github.com/fusewire/fusewire/examples/go => ../../../examples/go
