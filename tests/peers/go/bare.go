package main

import "errors"

var errBroken = errors.New("the guarded function failed")

// work is the guarded function, which the compiler does not look into.
//
//go:noinline
func work(n int) (int, error) {
	if n < 0 {
		return 0, errBroken
	}
	return n + 1, nil
}

// keep has the compiler believe that a result is wanted.
//
//go:noinline
func keep(int) {}

func bare(calls int) {
	sum := 0
	for n := range calls {
		result, _ := work(n)
		sum += result
	}
	keep(sum)
}
