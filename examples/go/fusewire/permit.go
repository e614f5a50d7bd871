package fusewire

// #include <fusewire.h>
import "C"

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// Settled is what became of a settling.
type Settled uint8

// What becomes of a settling.
const (
	// Counted: the outcome counts.
	Counted Settled = iota
	// Late: the breaker has moved on since the call began; the outcome counts in the totals only.
	Late
	// AlreadySettled: nothing was counted.
	AlreadySettled
)

func settled(status C.fusewire_status) Settled {
	switch status {
	case C.FUSEWIRE_OK:
		return Counted
	case C.FUSEWIRE_LATE:
		return Late
	}
	return AlreadySettled
}

// Permit is leave to make one call. Settle it once, from any goroutine:
//
//	permit, err := breaker.Acquire()
//	if err != nil {
//		return err
//	}
//	defer permit.Abandon() // nothing when it is settled
//	...
//	permit.Success()
type Permit struct {
	breaker *Breaker
	settled atomic.Bool
	granted C.fusewire_permit
	wait    time.Duration
}

// Acquire asks for a permit to call. The error is a [Rejection] when the breaker turns the call away. It does not wait:
// where a leaky bucket paces calls, [Permit.Turn] does.
func (b *Breaker) Acquire() (*Permit, error) {
	permit := &Permit{breaker: b}
	wait, err := b.acquire(&permit.granted)
	if err != nil {
		return nil, err
	}
	permit.wait = wait
	return permit, nil
}

// Wait is how long to wait before the call is made, from when the permit was given: a leaky bucket paces calls. It is 0
// for any other.
func (p *Permit) Wait() time.Duration { return p.wait }

// Turn waits until the call may be made: as long as Wait says. The error is the context's, when that is over before; the
// permit is given up then.
func (p *Permit) Turn(ctx context.Context) error {
	err := turn(ctx, p.wait)
	if err != nil {
		p.Abandon()
	}
	return err
}

// Success: the dependency did what it should.
func (p *Permit) Success() Settled { return p.once(Success, "") }

// Failure: the dependency failed. The metrics count it under that type, unless it is empty; see [ErrorType].
func (p *Permit) Failure(errorType string) Settled { return p.once(Failure, errorType) }

// Ignore: the call says nothing about the dependency.
func (p *Permit) Ignore() Settled { return p.once(Ignored, "") }

// Abandon: the call was given up. It is ignored, or a failure when it lasted at least CancelledAfter.
func (p *Permit) Abandon() Settled { return p.once(abandoned, "") }

// Done settles it by the call's error, as [Breaker.Call] does; ctx is what the call was given.
func (p *Permit) Done(ctx context.Context, err error) Settled {
	if err == nil {
		return p.Success()
	}
	return p.once(p.breaker.rules.judge(ctx, err))
}

// WouldReject says why the call would have been turned away, had the breaker not been in mode Shadow; false when it
// would not have been, or the permit is settled.
func (p *Permit) WouldReject() (Reason, bool) {
	reason := C.fusewire_permit_would_reject(&p.granted)
	runtime.KeepAlive(p)
	return Reason(reason), reason != C.FUSEWIRE_INVALID
}

func (p *Permit) once(outcome Outcome, errorType string) Settled {
	if p.settled.Swap(true) {
		return AlreadySettled
	}
	return p.breaker.end(&p.granted, outcome, errorType)
}
