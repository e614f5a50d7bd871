package fusewire

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Options say how a breaker is built. What is left at its zero value takes the default, which the library knows, as it
// does the range: a wrong value is an [Error] that names both.
type Options struct {
	// FailureThreshold: consecutive failures that open the breaker. Not beside Window.
	FailureThreshold int
	// Window: judge by rates over a window instead.
	Window *Window
	// SlowCallDuration: a call that took at least this long is slow.
	SlowCallDuration time.Duration
	// CancelledAfter: a call that was cancelled after at least this long is a failure.
	CancelledAfter time.Duration
	// RecoveryTimeout: how long open lasts.
	RecoveryTimeout time.Duration
	// HalfOpenMaxCalls: how many probes decide in half-open.
	HalfOpenMaxCalls int
	// SuccessThreshold: successful probes that close the breaker.
	SuccessThreshold int
	// HalfOpenTimeout: the lease of one probe.
	HalfOpenTimeout time.Duration
	// Mode at first.
	Mode Mode

	// Document: all of the configuration as JSON text, in place of the fields above. See `fusewire_schema`.
	Document string

	// Clock of the breaker; nil for the system's monotonic one.
	Clock *ManualClock
	// Ignore: whether an error says nothing about the dependency. It is asked first.
	Ignore func(error) bool
	// IsFailure: whether an error is a failure; nil takes each for one. What it says no to is a success.
	IsFailure func(error) bool
	// ErrorType: under which type the metrics count an error; nil for [ErrorType]. At most 64 bytes.
	ErrorType func(error) string
}

// Window says what rates are judged over.
type Window struct {
	// Kind is "count", "time" or "adaptive".
	Kind string
	// Size: of kind "count", how many outcomes it holds.
	Size int
	// Period: of the other kinds, how far back they look.
	Period time.Duration
	// MinCalls: outcomes below which no rate is judged.
	MinCalls int
	// FailureRate: share of failures that opens.
	FailureRate float64
	// SlowCallRate: share of slow calls that opens.
	SlowCallRate float64
}

// keys of a document.
type keys map[string]any

func set[T comparable](to keys, key string, value T) {
	var zero T
	if value != zero {
		to[key] = value
	}
}

func (to keys) duration(key string, d time.Duration) {
	if d != 0 {
		to[key] = fmt.Sprintf("%dns", d)
	}
}

// document of the options: the fields, or what was written.
func (o *Options) document() (string, error) {
	fields := keys{}
	set(fields, "failure_threshold", o.FailureThreshold)
	if o.Window != nil {
		fields["window"] = o.Window.keys()
	}
	fields.duration("slow_call_duration", o.SlowCallDuration)
	fields.duration("cancelled_after", o.CancelledAfter)
	fields.duration("recovery_timeout", o.RecoveryTimeout)
	set(fields, "half_open_max_calls", o.HalfOpenMaxCalls)
	set(fields, "success_threshold", o.SuccessThreshold)
	fields.duration("half_open_timeout", o.HalfOpenTimeout)
	if o.Mode != Auto {
		fields["mode"] = o.Mode.String()
	}
	if o.Document == "" {
		// Shares that are no numbers are what cannot be written.
		document, err := json.Marshal(fields)
		return string(document), err
	}
	if len(fields) > 0 {
		return "", errors.New("fusewire: Options have a Document and other fields of the configuration; write all of it in one")
	}
	return o.Document, nil
}

func (w *Window) keys() keys {
	fields := keys{"kind": w.Kind}
	set(fields, "size", w.Size)
	fields.duration("period", w.Period)
	set(fields, "min_calls", w.MinCalls)
	set(fields, "failure_rate", w.FailureRate)
	set(fields, "slow_call_rate", w.SlowCallRate)
	return fields
}
