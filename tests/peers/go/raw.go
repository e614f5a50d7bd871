package main

/*
#cgo pkg-config: fusewire
#include <fusewire.h>

static void nothing(void) {}

#cgo noescape nothing
#cgo nocallback nothing
#cgo noescape fusewire_breaker_acquire
#cgo nocallback fusewire_breaker_acquire
#cgo noescape fusewire_permit_success
#cgo nocallback fusewire_permit_success
*/
import "C"

import "fmt"

// emptyCgo is what cgo costs by itself: one call of a C function that does nothing.
func emptyCgo(calls int) {
	for range calls {
		C.nothing()
	}
}

// raw is the C library without the package over it.
type raw struct{ breaker *C.fusewire_breaker }

func newRaw(document string) (raw, error) {
	var made raw
	told := C.CString(document)
	name := C.CString("raw")
	if status := C.fusewire_breaker_from_json(name, told, &made.breaker, nil); status != C.FUSEWIRE_OK {
		return made, fmt.Errorf("no breaker: %s", C.GoString(C.fusewire_status_text(status)))
	}
	return made, nil
}

// pass acquires and settles; the work is done in between.
func (r raw) pass(calls int) {
	sum := 0
	for n := range calls {
		var permit C.fusewire_permit
		if C.fusewire_breaker_acquire(r.breaker, &permit, nil) != C.FUSEWIRE_OK {
			panic("it let no call through")
		}
		result, _ := work(n)
		sum += result
		C.fusewire_permit_success(&permit)
	}
	keep(sum)
}

// turnedAway is a rejection as C tells it.
func (r raw) turnedAway(calls int) {
	var permit C.fusewire_permit
	var rejection C.fusewire_rejection
	for range calls {
		if C.fusewire_breaker_acquire(r.breaker, &permit, &rejection) != C.FUSEWIRE_REJECTED {
			panic("it let a call through")
		}
	}
}

func (r raw) open() { C.fusewire_breaker_trip(r.breaker, long, nil, nil, nil) }

// long in nanoseconds: nothing closes meanwhile.
const long = 168 * 3600 * 1e9
