package main

import (
	"context"
	"fmt"

	"golang.org/x/time/rate"
)

// Gates before the machine: a call through a breaker with one, beside the same call without it.
//
// A gate that turns calls away would be measured at something else, and nothing fills a bucket as fast as a loop empties
// it: so guards take over from each other before one is full.

const (
	// tokens a second, and tokens that a bucket holds: the most that fusewire allows.
	tokens = 1_000_000
	// windowLimit is how many calls a window of a second has room for.
	windowLimit = 65_536
	// slots for calls at once.
	slots = 100
	// plenty is the capacity of a peer's bucket, which may be more.
	plenty = 1_000_000_000
	// guards that take over from each other, each after half of a window.
	guards = 64
)

const (
	timeRate = "golang.org/x/time"
	channel  = "channel"
)

type gate struct {
	name, keys string
	peers      []subject
}

var gates = []gate{
	{"rate_token", fmt.Sprintf(`"rate_limit": {"algorithm": "token_bucket", "rate": %d, "burst": %d}`, tokens, tokens),
		[]subject{{timeRate, "", throughTimeRate, "rate.Limiter, Allow"}}},
	{"rate_sliding", fmt.Sprintf(`"rate_limit": {"algorithm": "sliding_window", "limit": %d, "window": "1s"}`, windowLimit), nil},
	{"bulkhead", fmt.Sprintf(`"bulkhead": {"max_concurrent": %d}`, slots),
		[]subject{{channel, "", throughChannel, "a buffered channel"}}},
	{"aimd", `"concurrency_limit": {"kind": "aimd"}`,
		[]subject{{channel, "", throughChannel, "a buffered channel: a fixed number of slots"}}},
}

// group of a gate, on one thread.
func (g gate) group() group {
	return group{g.name, 1, append([]subject{
		{"bare", "", fixed(bare), ""},
		{"fusewire", g.name + "_without", inTurns(untimed), "the same call without the gate"},
		{"fusewire", "", inTurns(fmt.Sprintf(`{"sample_durations_every": 0, %s}`, g.keys)), ""},
	}, g.peers...)}
}

func inTurns(document string) func() func(int) {
	return func() func(int) {
		var each [guards]func(int)
		for n := range each {
			each[n] = throughFusewire(made(document))
		}
		before := 0
		return func(calls int) {
			run := each[before/(windowLimit/2)%guards]
			before += calls
			run(calls)
		}
	}
}

func throughTimeRate() func(int) {
	limiter := rate.NewLimiter(tokens, plenty)
	return func(calls int) {
		sum := 0
		for n := range calls {
			if !limiter.Allow() {
				panic("it let no call through")
			}
			result, _ := work(n)
			sum += result
		}
		keep(sum)
	}
}

func throughChannel() func(int) {
	free := make(chan struct{}, slots)
	return func(calls int) {
		sum := 0
		for n := range calls {
			sum += throughSlot(ctx, free, n)
		}
		keep(sum)
	}
}

func throughSlot(ctx context.Context, free chan struct{}, n int) int {
	select {
	case free <- struct{}{}:
	case <-ctx.Done():
		panic("it let no call through")
	}
	defer func() { <-free }()
	result, _ := work(n)
	return result
}
