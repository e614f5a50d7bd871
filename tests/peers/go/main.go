// Bench-go measures what a call through a circuit breaker costs, fusewire and gobreaker side by side.
package main

import (
	"fmt"
	"os"
)

func main() {
	options, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-go:", err)
		os.Exit(2)
	}
	groups, err := groups(options.text)
	if err == nil && len(groups) == 0 {
		err = fmt.Errorf("no case has %q in its name", options.text)
	}
	if err == nil {
		rows := measured(groups, options.effort)
		print(rows)
		err = write(rows)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-go:", err)
		os.Exit(1)
	}
}
