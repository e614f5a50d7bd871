package fusewire

import (
	"net/http"
	"strconv"
	"sync"
)

// Transport is a http.RoundTripper with a breaker for each origin, such as "https://api.example.com":
//
//	client := &http.Client{Transport: &fusewire.Transport{Options: fusewire.Options{FailureThreshold: 3}}}
//
// A request that is turned away fails with a [Rejection] inside http's own error. A call is settled when the headers of
// its response are there: 500 and above, and 429, are failures with the status as their type; the response reaches the
// caller all the same. A request that a leaky bucket paces is sent at its turn. Breakers stay for as long as the transport does.
type Transport struct {
	// Base sends; nil for http.DefaultTransport.
	Base http.RoundTripper
	// Registry where the breakers live; nil for none.
	Registry *Registry
	// Options of each breaker.
	Options Options
	// IsFailure: whether a status is a failure; nil for those from 500 on, and 429.
	IsFailure func(status int) bool

	breakers sync.Map
	building sync.Mutex
}

// RoundTrip sends a request, if its breaker lets it.
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	permit, err := t.acquire(request)
	if err != nil {
		// A round-tripper closes the body whatever happens.
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, err
	}
	// For panics.
	defer permit.Abandon()
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	response, err := base.RoundTrip(request)
	switch {
	case err != nil:
		permit.Done(request.Context(), err)
	case t.fails(response.StatusCode):
		permit.Failure(strconv.Itoa(response.StatusCode))
	default:
		permit.Success()
	}
	return response, err
}

func (t *Transport) acquire(request *http.Request) (*Permit, error) {
	breaker, err := t.Breaker(request.URL.Scheme + "://" + request.URL.Host)
	if err != nil {
		return nil, err
	}
	permit, err := breaker.Acquire()
	if err != nil {
		return nil, err
	}
	if err := permit.Turn(request.Context()); err != nil {
		return nil, err
	}
	return permit, nil
}

// Breaker of an origin, built if there is none.
func (t *Transport) Breaker(origin string) (*Breaker, error) {
	if found, ok := t.breakers.Load(origin); ok {
		return found.(*Breaker), nil
	}
	t.building.Lock()
	defer t.building.Unlock()
	if found, ok := t.breakers.Load(origin); ok {
		return found.(*Breaker), nil
	}
	build := New
	if t.Registry != nil {
		build = t.Registry.GetOrCreate
	}
	breaker, err := build(origin, t.Options)
	if err == nil {
		t.breakers.Store(origin, breaker)
	}
	return breaker, err
}

func (t *Transport) fails(status int) bool {
	if t.IsFailure != nil {
		return t.IsFailure(status)
	}
	return status >= 500 || status == http.StatusTooManyRequests
}
