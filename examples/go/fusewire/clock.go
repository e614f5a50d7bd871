package fusewire

// #include <fusewire.h>
import "C"

import (
	"runtime"
	"time"
)

// ManualClock moves only when it is told to: test what breakers do over time without waiting. It begins at 0.
type ManualClock struct {
	handle *C.fusewire_manual_clock
}

// NewManualClock is a clock at 0.
func NewManualClock() *ManualClock {
	clock := &ManualClock{C.fusewire_manual_clock_new()}
	runtime.AddCleanup(clock, func(handle *C.fusewire_manual_clock) { C.fusewire_manual_clock_free(handle) }, clock.handle)
	return clock
}

// Advance moves it forward; less than 0 changes nothing.
func (c *ManualClock) Advance(d time.Duration) {
	C.fusewire_manual_clock_advance(c.handle, C.uint64_t(max(d, 0)))
	runtime.KeepAlive(c)
}

// Now is the time since its beginning.
func (c *ManualClock) Now() time.Duration {
	now := time.Duration(C.fusewire_manual_clock_now(c.handle))
	runtime.KeepAlive(c)
	return now
}
