package main

import (
	"context"
	"errors"
	"time"

	"github.com/fusewire/fusewire/examples/go/fusewire"
	"github.com/sony/gobreaker/v2"
)

// What each peer's loop runs, in its own idiom: a function that has a result goes through the breaker.

var ctx = context.Background()

func throughFusewire(breaker *fusewire.Breaker) func(int) {
	return func(calls int) {
		sum := 0
		for n := range calls {
			result, err := fusewire.Do(ctx, breaker, func(context.Context) (int, error) { return work(n) })
			if err != nil {
				panic(err)
			}
			sum += result
		}
		keep(sum)
	}
}

func rejectedByFusewire(breaker *fusewire.Breaker) func(int) {
	return func(calls int) {
		for n := range calls {
			_, err := fusewire.Do(ctx, breaker, func(context.Context) (int, error) { return work(n) })
			if !errors.Is(err, fusewire.ErrOpen) {
				panic("it let a call through")
			}
		}
	}
}

func throughGobreaker(breaker *gobreaker.CircuitBreaker[int]) func(int) {
	return func(calls int) {
		sum := 0
		for n := range calls {
			result, err := breaker.Execute(func() (int, error) { return work(n) })
			if err != nil {
				panic(err)
			}
			sum += result
		}
		keep(sum)
	}
}

func rejectedByGobreaker(breaker *gobreaker.CircuitBreaker[int]) func(int) {
	return func(calls int) {
		for n := range calls {
			_, err := breaker.Execute(func() (int, error) { return work(n) })
			if !errors.Is(err, gobreaker.ErrOpenState) {
				panic("it let a call through")
			}
		}
	}
}

// fiveInARow is gobreaker with the policy of failure_threshold 5.
func fiveInARow() *gobreaker.CircuitBreaker[int] {
	return gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
		Timeout:     time.Duration(long),
		ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= 5 },
	})
}

func openGobreaker() *gobreaker.CircuitBreaker[int] {
	breaker := fiveInARow()
	for range 5 {
		_, _ = breaker.Execute(func() (int, error) { return work(-1) })
	}
	return breaker
}
