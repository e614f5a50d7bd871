package fusewire

// #include <fusewire.h>
import "C"

import (
	"errors"
	"runtime"
	"time"
)

// ErrOpen is what every [Rejection] is: errors.Is(err, fusewire.ErrOpen) tells that nothing has run.
var ErrOpen = errors.New("fusewire: the call was rejected")

// Rejection is the error of a call that a breaker turned away: nothing has run. It is built once for each rejected call
// and says no more than it is asked for.
type Rejection struct {
	breaker *Breaker
	told    C.fusewire_rejection
}

// Breaker is the name of the breaker that turned the call away.
func (r *Rejection) Breaker() string { return r.breaker.name }

// Reason says why.
func (r *Rejection) Reason() Reason { return Reason(r.told.reason) }

// RetryAfter is the earliest time from the rejection at which the answer can differ; false when it is unknown.
func (r *Rejection) RetryAfter() (time.Duration, bool) { return duration(r.told.retry_after_ns) }

// LastFailure is the error type of the last failure before; empty when it had none, false when there was none.
func (r *Rejection) LastFailure() (string, bool) {
	defer runtime.KeepAlive(r.breaker)
	var failure C.fusewire_failure
	if C.fusewire_breaker_last_failure(r.breaker.handle, r.told.last_failure, &failure) != C.FUSEWIRE_OK {
		return "", false
	}
	return C.GoString(&failure.error_type[0]), true
}

// Error says all of it in a sentence.
func (r *Rejection) Error() string {
	var message *C.char
	var length C.size_t
	status := C.fusewire_breaker_rejection_message(r.breaker.handle, &r.told, &message, &length)
	runtime.KeepAlive(r.breaker)
	if status != C.FUSEWIRE_OK {
		return ErrOpen.Error()
	}
	return taken(message, length)
}

// Is makes it an ErrOpen.
func (r *Rejection) Is(target error) bool { return target == ErrOpen }

// Error is what the library does not accept, such as a wrong configuration. Nothing has changed then.
type Error struct {
	// Message says all of it in a sentence or two.
	Message string
	// Key of the configuration as a dotted path, such as "window.min_calls", or the argument; empty when it is none in
	// particular.
	Key string
	// Value as it was given.
	Value string
	// Allowed says what is.
	Allowed string

	status C.fusewire_status
}

// Error is the message.
func (e *Error) Error() string { return "fusewire: " + e.Message }

// Is tells errors of one kind from others: errors.Is(err, fusewire.ErrConflict).
func (e *Error) Is(target error) bool {
	kind, ok := target.(*Error)
	return ok && kind.status == e.status
}

// The kinds of an [Error].
var (
	// ErrConfig: the configuration is wrong.
	ErrConfig error = kind(C.FUSEWIRE_ERROR_CONFIG)
	// ErrName: the name is wrong.
	ErrName error = kind(C.FUSEWIRE_ERROR_NAME)
	// ErrConflict: the name is taken by a breaker with another configuration.
	ErrConflict error = kind(C.FUSEWIRE_ERROR_CONFLICT)
	// ErrUnknownBreaker: the registry has no breaker of that name.
	ErrUnknownBreaker error = kind(C.FUSEWIRE_ERROR_UNKNOWN_BREAKER)
)

func kind(status C.fusewire_status) *Error {
	return &Error{Message: C.GoString(C.fusewire_status_text(status)), status: status}
}

// failed turns a status and its detail, which it frees, into an error; nil when the status is none.
func failed(status C.fusewire_status, detail *C.fusewire_error) error {
	switch {
	case status < 100:
		return nil
	case detail == nil:
		return kind(status)
	}
	defer C.fusewire_error_free(detail)
	return &Error{
		Message: C.GoString(C.fusewire_error_message(detail)),
		Key:     C.GoString(C.fusewire_error_key(detail)),
		Value:   C.GoString(C.fusewire_error_value(detail)),
		Allowed: C.GoString(C.fusewire_error_allowed(detail)),
		status:  status,
	}
}

// duration of what may be absent.
func duration(ns C.uint64_t) (time.Duration, bool) {
	if ns == C.FUSEWIRE_NONE {
		return 0, false
	}
	return time.Duration(min(uint64(ns), 1<<63-1)), true
}
