package fusewire

/*
#include <stdlib.h>
#include <fusewire.h>
*/
import "C"

import (
	"errors"
	"runtime"
	"strings"
	"time"
	"unsafe"
)

// Breaker guards one dependency.
type Breaker struct {
	handle *C.fusewire_breaker
	name   string
	rules  rules
}

// rules are what the options say of errors.
type rules struct {
	ignore    func(error) bool
	isFailure func(error) bool
	errorType func(error) string
}

var errNUL = errors.New("fusewire: the name or the document has a NUL in it; leave that out")

// New is a breaker that no registry knows. The name, 1 to 255 bytes without control characters, is for people and metrics.
// It fails with an [Error] when the name or the options are wrong.
func New(name string, options Options) (*Breaker, error) {
	return build(name, options, func(name *C.char, options *C.fusewire_options, to **C.fusewire_breaker, detail **C.fusewire_error) C.fusewire_status {
		return C.fusewire_breaker_new(name, options, to, detail)
	})
}

type maker = func(*C.char, *C.fusewire_options, **C.fusewire_breaker, **C.fusewire_error) C.fusewire_status

// build has a breaker made, by itself or in a registry.
func build(name string, options Options, make maker) (*Breaker, error) {
	if err := served(); err != nil {
		return nil, err
	}
	document, err := options.document()
	if err != nil {
		return nil, err
	}
	// What C takes for the end of a text.
	if strings.ContainsRune(name, 0) || strings.ContainsRune(document, 0) {
		return nil, errNUL
	}
	told := C.fusewire_options{size: C.sizeof_fusewire_options, document: C.CString(document)}
	defer C.free(unsafe.Pointer(told.document))
	if options.Clock != nil {
		told.clock = options.Clock.handle
	}
	called := C.CString(name)
	defer C.free(unsafe.Pointer(called))
	var handle *C.fusewire_breaker
	var detail *C.fusewire_error
	if err := failed(make(called, &told, &handle, &detail), detail); err != nil {
		return nil, err
	}
	runtime.KeepAlive(options.Clock)
	return owned(handle, options), nil
}

// owned is a breaker whose handle is freed with it.
func owned(handle *C.fusewire_breaker, options Options) *Breaker {
	breaker := &Breaker{
		handle: handle,
		name:   C.GoString(C.fusewire_breaker_name(handle)),
		rules:  rules{ignore: options.Ignore, isFailure: options.IsFailure, errorType: options.ErrorType},
	}
	runtime.AddCleanup(breaker, func(handle *C.fusewire_breaker) { C.fusewire_breaker_free(handle) }, handle)
	return breaker
}

// Name of the breaker.
func (b *Breaker) Name() string { return b.name }

// State is the effective one: open past its deadline reads half-open.
func (b *Breaker) State() State {
	defer runtime.KeepAlive(b)
	return State(C.fusewire_breaker_state(b.handle))
}

// Mode of the breaker.
func (b *Breaker) Mode() Mode {
	defer runtime.KeepAlive(b)
	return Mode(C.fusewire_breaker_mode(b.handle))
}

// By says who does something by hand, and why; both may be empty.
type By struct{ Actor, Reason string }

// Trip opens the breaker, from any state, for this long, or for as long as an opening lasts now when it is 0.
func (b *Breaker) Trip(d time.Duration, by By) error {
	defer runtime.KeepAlive(b)
	ns := C.uint64_t(d)
	if d == 0 {
		ns = C.FUSEWIRE_NONE
	}
	var detail *C.fusewire_error
	status := C.fusewire_breaker_trip(b.handle, ns, text(by.Actor), text(by.Reason), &detail)
	return failed(status, detail)
}

// HalfOpen lets the next calls probe, from any state.
func (b *Breaker) HalfOpen(by By) error {
	defer runtime.KeepAlive(b)
	return failed(C.fusewire_breaker_half_open(b.handle, text(by.Actor), text(by.Reason)), nil)
}

// Reset closes the breaker, from any state.
func (b *Breaker) Reset(by By) error {
	defer runtime.KeepAlive(b)
	return failed(C.fusewire_breaker_reset(b.handle, text(by.Actor), text(by.Reason)), nil)
}

// SetMode sets the mode; setting the one that is set does nothing.
func (b *Breaker) SetMode(mode Mode, by By) error {
	defer runtime.KeepAlive(b)
	return failed(C.fusewire_breaker_set_mode(b.handle, C.fusewire_mode(mode), text(by.Actor), text(by.Reason)), nil)
}

// Reconfigure swaps the rules atomically for those of a document, JSON text.
func (b *Breaker) Reconfigure(document string, by By) error {
	defer runtime.KeepAlive(b)
	if strings.ContainsRune(document, 0) {
		return errNUL
	}
	var detail *C.fusewire_error
	status := C.fusewire_breaker_reconfigure(b.handle, text(document), text(by.Actor), text(by.Reason), &detail)
	return failed(status, detail)
}

// Totals count calls since the breaker was built.
type Totals struct {
	Success, Failure, Ignored, Slow, Late, Expired uint64
	// Rejected and WouldReject are by reason.
	Rejected, WouldReject map[Reason]uint64
}

// Snapshot is a breaker at one instant.
type Snapshot struct {
	State      State
	Mode       Mode
	Generation uint64
	Totals     Totals
	// JSON is all there is to know.
	JSON string
}

// Snapshot of the breaker.
func (b *Breaker) Snapshot() (Snapshot, error) {
	defer runtime.KeepAlive(b)
	told := C.fusewire_snapshot{size: C.sizeof_fusewire_snapshot}
	if err := failed(C.fusewire_breaker_snapshot(b.handle, &told), nil); err != nil {
		return Snapshot{}, err
	}
	var text *C.char
	var length C.size_t
	if err := failed(C.fusewire_breaker_snapshot_json(b.handle, &text, &length), nil); err != nil {
		return Snapshot{}, err
	}
	return Snapshot{
		State:      State(told.state),
		Mode:       Mode(told.mode),
		Generation: uint64(told.generation),
		Totals: Totals{
			Success: uint64(told.success), Failure: uint64(told.failure), Ignored: uint64(told.ignored),
			Slow: uint64(told.slow), Late: uint64(told.late), Expired: uint64(told.expired),
			Rejected: byReason(&told.rejected), WouldReject: byReason(&told.would_reject),
		},
		JSON: taken(text, length),
	}, nil
}

// byReason has those counts that are not 0.
func byReason(counts *[C.FUSEWIRE_REASON_CAPACITY]C.uint64_t) map[Reason]uint64 {
	found := map[Reason]uint64{}
	for reason, count := range counts {
		if count != 0 {
			found[Reason(reason)] = uint64(count)
		}
	}
	return found
}
