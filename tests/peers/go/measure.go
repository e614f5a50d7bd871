package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Interleaved timing: every subject of a group takes its turn in every round.

// sample of one subject, in nanoseconds a call.
type sample struct{ median, least float64 }

// turn runs a loop on so many threads at once, and tells the nanoseconds of one call on one thread.
func turn(run func(int), calls, threads int) float64 {
	if threads == 1 {
		start := time.Now()
		run(calls)
		return float64(time.Since(start).Nanoseconds()) / float64(calls)
	}
	var ready atomic.Int32
	var done sync.WaitGroup
	arrived, ended := make([]time.Duration, threads), make([]time.Duration, threads)
	origin := time.Now()
	done.Add(threads)
	for thread := range threads {
		go func() {
			defer done.Done()
			runtime.LockOSThread()
			arrived[thread] = time.Since(origin)
			// Who would sleep here would run after the others, not beside them.
			ready.Add(1)
			for ready.Load() < int32(threads) {
			}
			run(calls)
			ended[thread] = time.Since(origin)
		}()
	}
	done.Wait()
	// From when all were there to when all were done: those that had to take turns do not look as if they had not.
	return float64((slices.Max(ended) - slices.Max(arrived)).Nanoseconds()) / float64(calls)
}

const warm = 100 * time.Millisecond

// warmUp finds how many calls last as long as a turn should.
func warmUp(run func(int), threads int, lasts time.Duration) int {
	best := math.Inf(1)
	calls := 100
	for start := time.Now(); time.Since(start) < warm; calls = min(calls*2, 20_000) {
		best = min(best, turn(run, calls, threads))
	}
	return max(1, int(float64(lasts.Nanoseconds())/best))
}

// round-robin of one group: figures by subject and round.
func measure(group group, effort effort) [][]float64 {
	runs := make([]func(int), len(group.subjects))
	calls := make([]int, len(group.subjects))
	for i, subject := range group.subjects {
		runs[i] = subject.make()
		calls[i] = warmUp(runs[i], group.threads, effort.turn)
	}
	figures := make([][]float64, len(runs))
	for range effort.rounds {
		for i, run := range runs {
			figures[i] = append(figures[i], turn(run, calls[i], group.threads))
		}
	}
	runtime.GC()
	return figures
}

// measured are the rows of each group, pooled over the passes: a machine's moods last seconds.
func measured(groups []group, effort effort) []row {
	pools := make([][][]float64, len(groups))
	for pass := range effort.passes {
		for g, group := range groups {
			fmt.Fprintf(os.Stderr, "measuring %s, %d threads (%d of %d)\n", group.name, group.threads, pass+1, effort.passes)
			for i, figures := range measure(group, effort) {
				if pass == 0 {
					pools[g] = append(pools[g], nil)
				}
				pools[g][i] = append(pools[g][i], figures...)
			}
		}
	}
	var rows []row
	for g, group := range groups {
		rows = append(rows, compared(group, pools[g])...)
	}
	return rows
}

func sampled(figures []float64) sample {
	slices.Sort(figures)
	return sample{figures[len(figures)/2], figures[0]}
}
