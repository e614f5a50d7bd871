package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

const help = `bench-go: what a call through a circuit breaker costs, fusewire and gobreaker side by side

Usage: bench-go [--quick] [--case TEXT]

  --quick       fewer and shorter rounds: a first look, with more noise
  --case TEXT   only the cases whose name contains TEXT

Prints one table of nanoseconds a call over the bare call (median, and minimum in brackets).
Writes what it measured to build/bench/go.jsonl, or where FUSEWIRE_BENCH_OUT says.
`

type arguments struct {
	text   string
	effort effort
}

// effort: how often the list of cases is gone through with new breakers, how many turns each subject takes, and how long
// a turn is, which is shorter than what a scheduler gives to others meanwhile.
type effort struct {
	passes, rounds int
	turn           time.Duration
}

func parse(words []string) (arguments, error) {
	flags := flag.NewFlagSet("bench-go", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, help) }
	quick := flags.Bool("quick", false, "")
	text := flags.String("case", "", "")
	err := flags.Parse(words)
	if *quick {
		return arguments{*text, effort{1, 31, time.Millisecond}}, err
	}
	return arguments{*text, effort{3, 41, 2 * time.Millisecond}}, err
}
