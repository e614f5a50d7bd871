package main

import (
	"fmt"
	"strings"

	"github.com/fusewire/fusewire/examples/go/fusewire"
	"github.com/sony/gobreaker/v2"
)

// group is what stands side by side; all is compared with the first.
type group struct {
	name     string
	threads  int
	subjects []subject
}

// subject is one figure: its loop is made anew in each pass.
type subject struct {
	peer string
	// name of the case, where that is not the group's.
	name string
	make func() func(calls int)
	note string
}

const untimed = `{"sample_durations_every": 0}`

const (
	perCall = "Do: two cgo calls, the context, errors and panics"
	twoCgo  = "acquire and success by cgo alone"
)

func fixed(run func(int)) func() func(int) { return func() func(int) { return run } }

func made(document string) *fusewire.Breaker {
	breaker, err := fusewire.New("bench", fusewire.Options{Document: document})
	if err != nil {
		panic(err)
	}
	return breaker
}

func bareRaw(document string) raw {
	breaker, err := newRaw(document)
	if err != nil {
		panic(err)
	}
	return breaker
}

func tripped() *fusewire.Breaker {
	breaker := made(untimed)
	if err := breaker.Trip(long, fusewire.By{}); err != nil {
		panic(err)
	}
	return breaker
}

func groups(text string) ([]group, error) {
	var all []group
	for _, threads := range []int{1, 2} {
		all = append(all,
			group{"bare", threads, []subject{
				{"bare", "", fixed(bare), ""},
				{"bare", "bare (again)", fixed(bare), "the same once more"},
				{"noop", "cgo_empty", fixed(emptyCgo), "one cgo call of an empty C function, whole"},
			}},
			group{"closed_default", threads, []subject{
				{"bare", "", fixed(bare), ""},
				{"fusewire", "", func() func(int) { return throughFusewire(made("{}")) }, ""},
				{"gobreaker", "", func() func(int) {
					return throughGobreaker(gobreaker.NewCircuitBreaker[int](gobreaker.Settings{}))
				}, ""},
			}},
			group{"closed_consecutive", threads, []subject{
				{"bare", "", fixed(bare), ""},
				{"fusewire", "", func() func(int) { return throughFusewire(made(untimed)) }, perCall},
				{"fusewire", "closed_consecutive_permit", func() func(int) { return bareRaw(untimed).pass }, twoCgo},
				{"gobreaker", "", func() func(int) { return throughGobreaker(fiveInARow()) }, ""},
			}},
			group{"open_rejected", threads, []subject{
				{"bare", "", fixed(bare), ""},
				{"fusewire", "", func() func(int) { return rejectedByFusewire(tripped()) }, "a new error that knows when to come again"},
				{"fusewire", "open_rejected_permit", func() func(int) {
					breaker := bareRaw(untimed)
					breaker.open()
					return breaker.turnedAway
				}, "acquire by cgo alone"},
				{"gobreaker", "", func() func(int) { return rejectedByGobreaker(openGobreaker()) }, "always the same error"},
			}},
		)
	}
	for _, gate := range gates {
		all = append(all, gate.group())
	}
	return wanted(all, text)
}

func wanted(all []group, text string) ([]group, error) {
	var found []group
	for _, group := range all {
		if strings.Contains(group.name, text) {
			found = append(found, group)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no case has %q in its name", text)
	}
	return found, nil
}
