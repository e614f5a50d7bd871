package fusewire

// #include <fusewire.h>
import "C"

// State is that of a breaker.
type State uint32

// The states.
const (
	// Closed: calls pass.
	Closed State = C.FUSEWIRE_STATE_CLOSED
	// Open: calls are rejected until a deadline.
	Open State = C.FUSEWIRE_STATE_OPEN
	// HalfOpen: a few probes, or a share of the calls, find out whether the dependency is back.
	HalfOpen State = C.FUSEWIRE_STATE_HALF_OPEN
)

// String is its name in metrics, such as "half_open".
func (s State) String() string { return C.GoString(C.fusewire_state_name(C.fusewire_state(s))) }

// Mode says who decides.
type Mode uint32

// The modes.
const (
	// Auto: the breaker decides.
	Auto Mode = C.FUSEWIRE_MODE_AUTO
	// Shadow: what the breaker would reject is admitted and counted.
	Shadow Mode = C.FUSEWIRE_MODE_SHADOW
	// ForcedOpen: every call is rejected.
	ForcedOpen Mode = C.FUSEWIRE_MODE_FORCED_OPEN
	// ForcedClosed: every call is admitted.
	ForcedClosed Mode = C.FUSEWIRE_MODE_FORCED_CLOSED
)

// String is its name in documents and metrics, such as "forced_open".
func (m Mode) String() string { return C.GoString(C.fusewire_mode_name(C.fusewire_mode(m))) }

// Outcome says how a call ended.
type Outcome uint32

// The outcomes.
const (
	// Success: the dependency did what it should.
	Success Outcome = C.FUSEWIRE_OUTCOME_SUCCESS
	// Failure: the dependency failed.
	Failure Outcome = C.FUSEWIRE_OUTCOME_FAILURE
	// Ignored: the call says nothing about the dependency.
	Ignored Outcome = C.FUSEWIRE_OUTCOME_IGNORED
)

// String is its name in metrics, such as "success".
func (o Outcome) String() string { return C.GoString(C.fusewire_outcome_name(C.fusewire_outcome(o))) }

// Reason says why a call is turned away. Later versions of the library add reasons.
type Reason uint32

// The reasons.
const (
	// ReasonOpen: the breaker is open.
	ReasonOpen Reason = C.FUSEWIRE_REASON_OPEN
	// ReasonHalfOpenFull: all probes of the half-open state are given.
	ReasonHalfOpenFull Reason = C.FUSEWIRE_REASON_HALF_OPEN_FULL
	// ReasonRamp: this call is not in the share that a ramp admits.
	ReasonRamp Reason = C.FUSEWIRE_REASON_RAMP
	// ReasonForcedOpen: the breaker's mode is forced open.
	ReasonForcedOpen Reason = C.FUSEWIRE_REASON_FORCED_OPEN
	// ReasonShed: the call's priority is below the lowest that is let in.
	ReasonShed Reason = C.FUSEWIRE_REASON_SHED
	// ReasonRateLimited: calls come too fast.
	ReasonRateLimited Reason = C.FUSEWIRE_REASON_RATE_LIMITED
	// ReasonBulkheadFull: no slot of a bulkhead, and no place in the queue.
	ReasonBulkheadFull Reason = C.FUSEWIRE_REASON_BULKHEAD_FULL
	// ReasonQueueTimeout: the call has waited for a slot as long as it may.
	ReasonQueueTimeout Reason = C.FUSEWIRE_REASON_QUEUE_TIMEOUT
	// ReasonLimitReached: no slot under a concurrency limit, and no place in the queue.
	ReasonLimitReached Reason = C.FUSEWIRE_REASON_LIMIT_REACHED
	// ReasonClosed: the breaker was closed for good.
	ReasonClosed Reason = C.FUSEWIRE_REASON_CLOSED
)

// String is its name in metrics, such as "half_open_full".
func (r Reason) String() string { return C.GoString(C.fusewire_reason_name(C.fusewire_reason(r))) }
