package fusewire

/*
#include <stdlib.h>
#include <fusewire.h>
*/
import "C"

import (
	"net/http"
	"runtime"
	"unsafe"
)

// Registry maps names to breakers, and has the metrics of all of them. It is a http.Handler that serves those:
//
//	http.Handle("/metrics", registry)
type Registry struct {
	handle *C.fusewire_registry
}

// NewRegistry is an empty registry.
func NewRegistry() (*Registry, error) {
	if err := served(); err != nil {
		return nil, err
	}
	registry := &Registry{}
	var detail *C.fusewire_error
	if err := failed(C.fusewire_registry_new(nil, nil, 0, &registry.handle, &detail), detail); err != nil {
		return nil, err
	}
	runtime.AddCleanup(registry, func(handle *C.fusewire_registry) { C.fusewire_registry_free(handle) }, registry.handle)
	return registry, nil
}

// GetOrCreate is the breaker of that name, built if there is none. It fails as [New] does, and with [ErrConflict] when the
// breaker is there with another configuration. The functions of the options are those of this *Breaker alone.
func (r *Registry) GetOrCreate(name string, options Options) (*Breaker, error) {
	defer runtime.KeepAlive(r)
	return build(name, options, func(name *C.char, options *C.fusewire_options, to **C.fusewire_breaker, detail **C.fusewire_error) C.fusewire_status {
		return C.fusewire_registry_get_or_create(r.handle, name, options, to, detail)
	})
}

// Remove takes the breaker of that name out of the registry and its metrics; who has it may go on to use it. It fails with
// [ErrUnknownBreaker].
func (r *Registry) Remove(name string) error {
	defer runtime.KeepAlive(r)
	called := C.CString(name)
	defer C.free(unsafe.Pointer(called))
	return failed(C.fusewire_registry_remove(r.handle, called), nil)
}

// Metrics of all breakers as OpenMetrics 1.0 text.
func (r *Registry) Metrics() (string, error) {
	defer runtime.KeepAlive(r)
	var metrics *C.char
	var length C.size_t
	if err := failed(C.fusewire_registry_metrics(r.handle, &metrics, &length), nil); err != nil {
		return "", err
	}
	return taken(metrics, length), nil
}

// ServeHTTP answers with the metrics.
func (r *Registry) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	metrics, err := r.Metrics()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", C.GoString(C.fusewire_metrics_content_type()))
	_, _ = w.Write([]byte(metrics))
}
