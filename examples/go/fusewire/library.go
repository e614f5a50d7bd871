// Package fusewire has circuit breakers: the C library fusewire in Go's idiom.
//
// A breaker guards one dependency. It turns calls away while the dependency is down, and finds out with a few probes
// whether it is back:
//
//	breaker, err := fusewire.New("payments", fusewire.Options{FailureThreshold: 3})
//	if err != nil {
//		return err
//	}
//	err = breaker.Call(ctx, func(ctx context.Context) error { return pay(ctx, order) })
//	var rejection *fusewire.Rejection
//	if errors.As(err, &rejection) {
//		// Nothing has run.
//	}
//
// Everything here may be used by many goroutines at once. Nothing needs to be closed: what the library holds is freed
// once the garbage collector finds that nobody can reach it.
package fusewire

/*
#cgo pkg-config: fusewire
#include <fusewire.h>

static bool is_served(void) { return FUSEWIRE_IS_SERVED(); }
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

// Version is that of the library, such as "0.1.0".
func Version() string { return C.GoString(C.fusewire_version()) }

// served tells whether the library that was loaded has what this package was built for.
var served = sync.OnceValue(func() error {
	if bool(C.is_served()) {
		return nil
	}
	return fmt.Errorf("fusewire: the library has ABI %d and serves those from %d on; this program needs %d: install the one "+
		"that it was built with", C.fusewire_abi_version(), C.fusewire_abi_version_minimum(), C.FUSEWIRE_ABI_VERSION)
})

// taken turns a text that the library gave away into a string, and frees it.
func taken(text *C.char, length C.size_t) string {
	defer C.fusewire_string_free(text)
	return string(unsafe.Slice((*byte)(unsafe.Pointer(text)), int(length)))
}

// text ends a string as C does; it stays where it is for as long as a call takes. Empty is NULL, for what may be left out.
func text(s string) *C.char {
	if s == "" {
		return nil
	}
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(append([]byte(s), 0))))
}
