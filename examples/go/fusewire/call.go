package fusewire

/*
#include <fusewire.h>

// Asks for a permit, and for how long to wait for the call's turn, in one crossing.
static inline fusewire_status acquire(fusewire_breaker *breaker, fusewire_permit *permit, fusewire_rejection *rejection,
                                      uint64_t *wait_ns) {
    const fusewire_status status = fusewire_breaker_acquire(breaker, permit, rejection);
    *wait_ns = status == FUSEWIRE_OK ? fusewire_permit_wait_ns(permit) : 0;
    return status;
}

// The library keeps no pointer to a permit or a rejection, and never calls back: they may lie on a goroutine's stack.
#cgo noescape acquire
#cgo nocallback acquire
#cgo noescape fusewire_permit_success
#cgo nocallback fusewire_permit_success
#cgo noescape fusewire_permit_settle
#cgo nocallback fusewire_permit_settle
#cgo noescape fusewire_permit_ignore
#cgo nocallback fusewire_permit_ignore
#cgo noescape fusewire_permit_abandon
#cgo nocallback fusewire_permit_abandon
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"
)

// Call runs fn under the breaker. The error is fn's own, unchanged, or a [Rejection] when the breaker turns the call away;
// then fn has not run. A context that is over beforehand is an error that the breaker does not hear of.
//
// Where a leaky bucket paces calls, fn runs when its turn has come. A context that is over before that gives the call up:
// the error is the context's.
//
// A call counts as a success when fn returns nil, and as a failure when it returns an error or panics. An error that is
// context.Canceled gives the call up: it is ignored, or a failure when it lasted at least CancelledAfter. The options'
// Ignore and IsFailure decide over other errors, but for context.DeadlineExceeded: unless it is ignored, that is a failure
// of type "timeout". A panic goes on, and so does runtime.Goexit, which gives the call up, too.
func (b *Breaker) Call(ctx context.Context, fn func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var permit C.fusewire_permit
	wait, err := b.acquire(&permit)
	if err != nil {
		return err
	}
	if err := turn(ctx, wait); err != nil {
		b.end(&permit, abandoned, "")
		return err
	}
	returned := false
	defer func() {
		if !returned {
			b.left(&permit, recover())
		}
	}()
	err = fn(ctx)
	b.settle(ctx, &permit, err)
	returned = true
	return err
}

// Do is Call for functions with a result; it is the zero value when the breaker turns the call away.
func Do[T any](ctx context.Context, breaker *Breaker, fn func(context.Context) (T, error)) (result T, err error) {
	err = breaker.Call(ctx, func(ctx context.Context) (err error) {
		result, err = fn(ctx)
		return err
	})
	return result, err
}

// acquire asks for a permit, which the caller settles, and for how long the call's turn is to be waited for.
func (b *Breaker) acquire(permit *C.fusewire_permit) (time.Duration, error) {
	var told C.fusewire_rejection
	var wait C.uint64_t
	status := C.acquire(b.handle, permit, &told, &wait)
	runtime.KeepAlive(b)
	switch status {
	case C.FUSEWIRE_OK:
		return time.Duration(wait), nil
	case C.FUSEWIRE_REJECTED:
		return 0, &Rejection{b, told}
	}
	return 0, failed(status, nil)
}

// turn waits for a call's turn, which costs no thread. The error is the context's, when that is over before.
func turn(ctx context.Context, wait time.Duration) error {
	if wait == 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// left settles a call that did not return: it panicked, or its goroutine has ended.
func (b *Breaker) left(permit *C.fusewire_permit, panicked any) {
	if panicked == nil {
		b.end(permit, abandoned, "")
		return
	}
	b.end(permit, Failure, "panic")
	panic(panicked)
}

// settle settles a call by its error.
func (b *Breaker) settle(ctx context.Context, permit *C.fusewire_permit, err error) {
	if err == nil {
		b.end(permit, Success, "")
		return
	}
	outcome, errorType := b.rules.judge(ctx, err)
	b.end(permit, outcome, errorType)
}

// abandoned is how a call ended that was given up: the library makes an outcome of it.
const abandoned Outcome = C.FUSEWIRE_INVALID

const timeout = "timeout"

// judge tells how a call ended that came to an error, and the type of a failure.
func (r *rules) judge(ctx context.Context, err error) (Outcome, string) {
	over := ctx.Err()
	// A context that was cancelled with a cause ends what it was given to with that.
	byContext := over != nil && errors.Is(err, context.Cause(ctx))
	switch {
	case errors.Is(err, context.Canceled), byContext && errors.Is(over, context.Canceled):
		return abandoned, ""
	case r.ignore != nil && r.ignore(err):
		return Ignored, ""
	case errors.Is(err, context.DeadlineExceeded), byContext:
		return Failure, timeout
	case r.isFailure != nil && !r.isFailure(err):
		return Success, ""
	case r.errorType != nil:
		return Failure, r.errorType(err)
	}
	return Failure, ErrorType(err)
}

// ErrorType is the type under which the metrics count an error: "timeout" when a deadline has passed, what its method
// ErrorType() string says, or its Go type, such as "*net.OpError".
func ErrorType(err error) string {
	var waited interface{ Timeout() bool }
	if errors.As(err, &waited) && waited.Timeout() {
		return timeout
	}
	var typed interface{ ErrorType() string }
	if errors.As(err, &typed) {
		return typed.ErrorType()
	}
	// What fmt.Errorf wraps around an error is no type that tells anything.
	for {
		name := fmt.Sprintf("%T", err)
		inner := errors.Unwrap(err)
		if inner == nil || name != "*fmt.wrapError" {
			return name
		}
		err = inner
	}
}

// end settles a permit.
func (b *Breaker) end(permit *C.fusewire_permit, outcome Outcome, errorType string) Settled {
	var status C.fusewire_status
	switch outcome {
	case Success:
		status = C.fusewire_permit_success(permit)
	case Failure:
		status = fail(permit, errorType)
	case Ignored:
		status = C.fusewire_permit_ignore(permit)
	default:
		status = C.fusewire_permit_abandon(permit)
	}
	runtime.KeepAlive(b)
	return settled(status)
}

func fail(permit *C.fusewire_permit, errorType string) C.fusewire_status {
	var ended [C.FUSEWIRE_ERROR_TYPE_SIZE]byte
	errorType = strings.ToValidUTF8(errorType, "\uFFFD")
	for len(errorType) >= len(ended) {
		_, last := utf8.DecodeLastRuneInString(errorType)
		errorType = errorType[:len(errorType)-last]
	}
	var told *C.char
	if errorType != "" {
		copy(ended[:], errorType)
		told = (*C.char)(unsafe.Pointer(&ended[0]))
	}
	return C.fusewire_permit_settle(permit, C.FUSEWIRE_OUTCOME_FAILURE, C.FUSEWIRE_NONE, told)
}
