package fusewire_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fusewire/fusewire/examples/go/fusewire"
)

func TestManyGoroutinesLoseNothing(t *testing.T) {
	const goroutines, calls = 50, 2_000
	breaker, _ := built(t, fusewire.Options{Document: `{"failure_threshold": 1000000}`})
	var all sync.WaitGroup
	for range goroutines {
		all.Add(1)
		go func() {
			defer all.Done()
			for n := range calls {
				err := breaker.Call(ctx, func(context.Context) error {
					if n%10 == 0 {
						// Another goroutine runs, and this one may go on on another thread.
						runtime.Gosched()
						return errBroken
					}
					return nil
				})
				if (err == errBroken) != (n%10 == 0) {
					t.Errorf("call %d: %v", n, err)
				}
			}
		}()
	}
	all.Wait()
	wants(t, "counts", counts(t, breaker), [3]uint64{goroutines * calls / 10 * 9, goroutines * calls / 10, 0})
}

func TestOfManyGoroutinesThatSettleAPermitOneDoes(t *testing.T) {
	breaker, _ := built(t, fusewire.Options{})
	permit, err := breaker.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	var counted atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Add(1)
		go func() {
			defer all.Done()
			if permit.Success() == fusewire.Counted {
				counted.Add(1)
			}
		}()
	}
	all.Wait()
	wants(t, "counted", counted.Load(), 1)
	wants(t, "after that", permit.Done(ctx, errBroken), fusewire.AlreadySettled)
	wants(t, "counts", counts(t, breaker), [3]uint64{1, 0, 0})
}

func TestASettlingThatComesLateSaysSo(t *testing.T) {
	breaker, _ := built(t, fusewire.Options{})
	permit, err := breaker.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	if err := breaker.Trip(0, fusewire.By{}); err != nil {
		t.Fatal(err)
	}
	wants(t, "settled", permit.Done(ctx, nil), fusewire.Late)
	wants(t, "late", totals(t, breaker).Late, 1)
}

func TestWhatNobodyReachesIsFreedAndWhatIsInUseIsNot(t *testing.T) {
	registry, err := fusewire.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	var rejections []error
	for n := range 200 {
		breaker, err := registry.GetOrCreate(fmt.Sprint("breaker ", n), fusewire.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := breaker.Trip(0, fusewire.By{}); err != nil {
			t.Fatal(err)
		}
		rejections = append(rejections, breaker.Call(ctx, well))
		if n%20 == 0 {
			runtime.GC()
		}
	}
	runtime.GC()
	for n, err := range rejections {
		// It keeps its breaker.
		if !strings.Contains(err.Error(), fmt.Sprintf("'breaker %d' is open", n)) {
			t.Fatal(err)
		}
	}
	registry = nil
	rejections = nil
	runtime.GC()
	if _, err := fusewire.New("another", fusewire.Options{}); err != nil || errors.Is(err, fusewire.ErrOpen) {
		t.Fatal(err)
	}
}
