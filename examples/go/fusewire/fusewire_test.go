package fusewire_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/fusewire/fusewire/examples/go/fusewire"
)

var (
	ctx       = context.Background()
	errBroken = errors.New("broken")
)

// broken is a call that fails, and well one that does not.
func broken(context.Context) error { return errBroken }
func well(context.Context) error   { return nil }

// built is a breaker that three failures in a row open for a minute, on a clock that stands.
func built(t *testing.T, options fusewire.Options) (*fusewire.Breaker, *fusewire.ManualClock) {
	t.Helper()
	options.Clock = fusewire.NewManualClock()
	if options.Document == "" {
		options.FailureThreshold = 3
	}
	breaker, err := fusewire.New("payments", options)
	if err != nil {
		t.Fatal(err)
	}
	return breaker, options.Clock
}

// opened is one that has opened.
func opened(t *testing.T, options fusewire.Options) (*fusewire.Breaker, *fusewire.ManualClock) {
	t.Helper()
	breaker, clock := built(t, options)
	for range 3 {
		if err := breaker.Call(ctx, broken); err != errBroken {
			t.Fatalf("the error of the call became %v", err)
		}
	}
	return breaker, clock
}

func totals(t *testing.T, breaker *fusewire.Breaker) fusewire.Totals {
	t.Helper()
	snapshot, err := breaker.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.Totals
}

// counts are successes, failures and ignored calls.
func counts(t *testing.T, breaker *fusewire.Breaker) [3]uint64 {
	t.Helper()
	found := totals(t, breaker)
	return [3]uint64{found.Success, found.Failure, found.Ignored}
}

func wants[T comparable](t *testing.T, what string, found, wanted T) {
	t.Helper()
	if found != wanted {
		t.Errorf("%s: %v, and should be %v", what, found, wanted)
	}
}

func TestFailuresOpenProbesCloseAndNothingRunsMeanwhile(t *testing.T) {
	breaker, clock := opened(t, fusewire.Options{})
	wants(t, "state", breaker.State(), fusewire.Open)
	clock.Advance(20 * time.Second)
	err := breaker.Call(ctx, func(context.Context) error { panic("it ran") })
	var rejection *fusewire.Rejection
	if !errors.As(err, &rejection) || !errors.Is(err, fusewire.ErrOpen) {
		t.Fatalf("%v is no rejection", err)
	}
	after, known := rejection.RetryAfter()
	wants(t, "retry after", after, 40*time.Second)
	wants(t, "known", known, true)
	wants(t, "reason", rejection.Reason(), fusewire.ReasonOpen)
	wants(t, "breaker", rejection.Breaker(), "payments")
	failure, _ := rejection.LastFailure()
	wants(t, "last failure", failure, "*errors.errorString")
	wants(t, "message", rejection.Error(), "circuit breaker 'payments' is open; retry in 40s")
	clock.Advance(after)
	wants(t, "state", breaker.State(), fusewire.HalfOpen)
	for range 3 {
		if err := breaker.Call(ctx, well); err != nil {
			t.Fatal(err)
		}
	}
	wants(t, "state", breaker.State(), fusewire.Closed)
	wants(t, "rejected", totals(t, breaker).Rejected[fusewire.ReasonOpen], 1)
}

func TestResultsGoThroughAndARejectionHasNone(t *testing.T) {
	breaker, _ := built(t, fusewire.Options{})
	answer := func(context.Context) (int, error) { return 42, nil }
	result, err := fusewire.Do(ctx, breaker, answer)
	wants(t, "result", result, 42)
	wants(t, "error", err, nil)
	if err := breaker.Trip(0, fusewire.By{Actor: "test", Reason: "to see"}); err != nil {
		t.Fatal(err)
	}
	result, err = fusewire.Do(ctx, breaker, answer)
	wants(t, "result", result, 0)
	wants(t, "rejected", errors.Is(err, fusewire.ErrOpen), true)
	if err := breaker.Trip(-time.Second, fusewire.By{}); !errors.Is(err, fusewire.ErrConfig) {
		t.Errorf("a negative duration: %v", err)
	}
}

func TestOptionsThatAreWrongAreNamedByKey(t *testing.T) {
	for key, options := range map[string]fusewire.Options{
		"failure_threshold":      {FailureThreshold: -1},
		"recovery_timeout":       {RecoveryTimeout: -time.Second},
		"window.kind":            {Window: &fusewire.Window{}},
		"window.min_calls":       {Window: &fusewire.Window{Kind: "count", Size: 10, MinCalls: 11}},
		"failures_treshold":      {Document: `{"failures_treshold": 3}`},
		"half_open_max_calls":    {HalfOpenMaxCalls: 65},
		"window.slow_call_rate":  {Window: &fusewire.Window{Kind: "time", SlowCallRate: 0.5}},
		"sample_durations_every": {Document: `{"slow_call_duration": "1s", "sample_durations_every": 16}`},
	} {
		_, err := fusewire.New("payments", options)
		var wrong *fusewire.Error
		if !errors.As(err, &wrong) || !errors.Is(err, fusewire.ErrConfig) {
			t.Errorf("%s: %v", key, err)
			continue
		}
		wants(t, "key", wrong.Key, key)
		if wrong.Allowed == "" {
			t.Errorf("%v does not tell what is allowed", wrong)
		}
	}
	if _, err := fusewire.New("payments", fusewire.Options{FailureThreshold: 3, Document: "{}"}); err == nil {
		t.Error("a document beside other fields was taken")
	}
	if _, err := fusewire.New("", fusewire.Options{}); !errors.Is(err, fusewire.ErrName) {
		t.Errorf("an empty name: %v", err)
	}
	if _, err := fusewire.New("pay\x00ments", fusewire.Options{}); err == nil {
		t.Error("a name was cut at its NUL")
	}
}

func TestEveryFieldOfTheOptionsReachesTheBreaker(t *testing.T) {
	options := fusewire.Options{
		Window:           &fusewire.Window{Kind: "count", Size: 20, MinCalls: 10, FailureRate: 0.25, SlowCallRate: 0.75},
		SlowCallDuration: time.Second,
		CancelledAfter:   2 * time.Second,
		RecoveryTimeout:  time.Minute,
		HalfOpenMaxCalls: 4,
		SuccessThreshold: 2,
		HalfOpenTimeout:  3 * time.Second,
		Mode:             fusewire.Shadow,
	}
	registry, err := fusewire.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	first, err := registry.GetOrCreate("payments", options)
	if err != nil {
		t.Fatal(err)
	}
	_, err = registry.GetOrCreate("payments", fusewire.Options{Document: `{
		"window": {"kind": "count", "size": 20, "min_calls": 10, "failure_rate": 0.25, "slow_call_rate": 0.75},
		"slow_call_duration": 1, "cancelled_after": 2, "recovery_timeout": 60, "half_open_max_calls": 4,
		"success_threshold": 2, "half_open_timeout": 3, "mode": "shadow"}`})
	if err != nil {
		t.Error(err)
	}
	if _, err := registry.GetOrCreate("payments", fusewire.Options{}); !errors.Is(err, fusewire.ErrConflict) {
		t.Errorf("another configuration: %v", err)
	}
	wants(t, "mode", first.Mode(), fusewire.Shadow)
	if err := registry.Remove("payments"); err != nil {
		t.Error(err)
	}
	if err := registry.Remove("payments"); !errors.Is(err, fusewire.ErrUnknownBreaker) {
		t.Errorf("the second time: %v", err)
	}
}

func TestShadowAdmitsAndTellsWhatItWouldHaveDone(t *testing.T) {
	breaker, _ := opened(t, fusewire.Options{Mode: fusewire.Shadow})
	permit, err := breaker.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	reason, would := permit.WouldReject()
	wants(t, "would", would, true)
	wants(t, "reason", reason.String(), "open")
	permit.Success()
	wants(t, "would", totals(t, breaker).WouldReject[fusewire.ReasonOpen], 1)
}

func TestOperatorsOpenProbeCloseForceAndReconfigure(t *testing.T) {
	breaker, _ := built(t, fusewire.Options{})
	by := fusewire.By{Actor: "ops", Reason: "drill"}
	for _, step := range []struct {
		do    func() error
		state fusewire.State
	}{
		{func() error { return breaker.Trip(time.Second, by) }, fusewire.Open},
		{func() error { return breaker.HalfOpen(by) }, fusewire.HalfOpen},
		{func() error { return breaker.Reset(by) }, fusewire.Closed},
		{func() error { return breaker.Reconfigure(`{"failure_threshold": 1}`, by) }, fusewire.Closed},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		wants(t, "state", breaker.State(), step.state)
	}
	if err := breaker.SetMode(fusewire.ForcedOpen, by); err != nil {
		t.Fatal(err)
	}
	var rejection *fusewire.Rejection
	if err := breaker.Call(ctx, well); !errors.As(err, &rejection) {
		t.Fatal(err)
	}
	_, known := rejection.RetryAfter()
	wants(t, "known", known, false)
	wants(t, "reason", rejection.Reason(), fusewire.ReasonForcedOpen)
	_, failed := rejection.LastFailure()
	wants(t, "failed before", failed, false)
	if err := breaker.SetMode(9, by); err == nil {
		t.Error("a mode that is none was taken")
	}
}
