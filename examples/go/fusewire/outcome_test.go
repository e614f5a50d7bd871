package fusewire_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fusewire/fusewire/examples/go/fusewire"
)

func TestCancelledCallsAreIgnoredUnlessTheyTookLong(t *testing.T) {
	breaker, clock := built(t, fusewire.Options{CancelledAfter: 5 * time.Second})
	for _, lasts := range []time.Duration{time.Second, 5 * time.Second} {
		given, cancel := context.WithCancel(ctx)
		err := breaker.Call(given, func(ctx context.Context) error {
			clock.Advance(lasts)
			cancel()
			<-ctx.Done()
			return fmt.Errorf("given up: %w", ctx.Err())
		})
		wants(t, "cancelled", errors.Is(err, context.Canceled), true)
	}
	wants(t, "counts", counts(t, breaker), [3]uint64{0, 1, 1})
}

func TestACauseCountsLikeTheContextThatItEnded(t *testing.T) {
	breaker, _ := built(t, fusewire.Options{})
	cause := errors.New("the user left")
	given, cancel := context.WithCancelCause(ctx)
	err := breaker.Call(given, func(ctx context.Context) error {
		cancel(cause)
		return context.Cause(ctx)
	})
	wants(t, "error", err, cause)
	wants(t, "counts", counts(t, breaker), [3]uint64{0, 0, 1})
}

func TestDeadlinesAreFailuresOfTypeTimeout(t *testing.T) {
	never := func(error) bool { return false }
	breaker, _ := opened(t, fusewire.Options{})
	if err := breaker.Reset(fusewire.By{}); err != nil {
		t.Fatal(err)
	}
	strict, _ := built(t, fusewire.Options{IsFailure: never, ErrorType: func(error) string { return "mine" }})
	for _, breaker := range []*fusewire.Breaker{breaker, strict} {
		for range 3 {
			err := breaker.Call(ctx, func(ctx context.Context) error {
				ctx, cancel := context.WithDeadline(ctx, time.Unix(0, 0))
				defer cancel()
				<-ctx.Done()
				return ctx.Err()
			})
			wants(t, "error", err, context.DeadlineExceeded)
		}
		var rejection *fusewire.Rejection
		if err := breaker.Call(ctx, well); !errors.As(err, &rejection) {
			t.Fatal(err)
		}
		failure, _ := rejection.LastFailure()
		wants(t, "last failure", failure, "timeout")
	}
}

func TestAContextThatIsOverBeforehandIsNoCall(t *testing.T) {
	breaker, _ := built(t, fusewire.Options{})
	given, cancel := context.WithCancel(ctx)
	cancel()
	err := breaker.Call(given, func(context.Context) error { panic("it ran") })
	wants(t, "error", err, context.Canceled)
	wants(t, "counts", counts(t, breaker), [3]uint64{})
}

func TestPanicsAreFailuresAndGoOn(t *testing.T) {
	breaker, _ := built(t, fusewire.Options{})
	for range 3 {
		func() {
			defer func() { wants(t, "panic", recover(), any(errBroken)) }()
			_ = breaker.Call(ctx, func(context.Context) error { panic(errBroken) })
		}()
	}
	wants(t, "state", breaker.State(), fusewire.Open)
	wants(t, "counts", counts(t, breaker), [3]uint64{0, 3, 0})
}

func TestAGoroutineThatEndsInItsCallGivesItUp(t *testing.T) {
	breaker, _ := built(t, fusewire.Options{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = breaker.Call(ctx, func(context.Context) error {
			runtime.Goexit()
			return nil
		})
	}()
	<-ended
	wants(t, "counts", counts(t, breaker), [3]uint64{0, 0, 1})
}

func TestRulesDecideOverErrors(t *testing.T) {
	errAbsent := errors.New("absent")
	breaker, _ := built(t, fusewire.Options{
		Ignore:    func(err error) bool { return errors.Is(err, os.ErrInvalid) },
		IsFailure: func(err error) bool { return !errors.Is(err, errAbsent) },
	})
	for _, err := range []error{os.ErrInvalid, errAbsent, errBroken} {
		wants(t, "error", breaker.Call(ctx, func(context.Context) error { return err }), err)
	}
	wants(t, "counts", counts(t, breaker), [3]uint64{1, 1, 1})
}

func TestARuleThatPanicsLeavesNoPermitUnsettled(t *testing.T) {
	breaker, _ := built(t, fusewire.Options{Ignore: func(error) bool { panic("the rule") }})
	func() {
		defer func() { wants(t, "panic", recover(), any("the rule")) }()
		_ = breaker.Call(ctx, broken)
	}()
	wants(t, "counts", counts(t, breaker), [3]uint64{0, 1, 0})
}

type coded struct{}

func (coded) Error() string     { return "coded" }
func (coded) ErrorType() string { return "E42" }

func TestErrorTypesAreWhatTellsThemApart(t *testing.T) {
	for _, each := range []struct {
		err    error
		wanted string
	}{
		{errBroken, "*errors.errorString"},
		{fmt.Errorf("outer: %w", fmt.Errorf("inner: %w", &os.PathError{Err: os.ErrNotExist})), "*fs.PathError"},
		{fmt.Errorf("late: %w", os.ErrDeadlineExceeded), "timeout"},
		{fmt.Errorf("outer: %w", coded{}), "E42"},
	} {
		wants(t, each.err.Error(), fusewire.ErrorType(each.err), each.wanted)
	}
}

func TestErrorTypesOfAnyTextAreCounted(t *testing.T) {
	registry, err := fusewire.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	breaker, err := registry.GetOrCreate("payments", fusewire.Options{FailureThreshold: 100})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("ä", 40)
	for _, errorType := range []string{"", long, "half a \xc3", "cut\x00off"} {
		permit, err := breaker.Acquire()
		if err != nil {
			t.Fatal(err)
		}
		wants(t, "settled", permit.Failure(errorType), fusewire.Counted)
	}
	metrics, err := registry.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for _, errorType := range []string{"other", strings.Repeat("ä", 32), "half a \uFFFD", "cut"} {
		line := `circuit_breaker_failures_total{service="payments",error_type="` + errorType + `"} 1`
		if !strings.Contains(metrics, line) {
			t.Errorf("no %s in\n%s", line, metrics)
		}
	}
}
