package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/fusewire/fusewire/examples/go/fusewire"
)

// How the client guards itself.
const (
	failureThreshold = 3
	recoveryTimeout  = 2 * time.Second
	callTimeout      = 300 * time.Millisecond
)

// work is the client of the upstream: all that concerns fusewire is on this page.
type work struct {
	url     string
	breaker *fusewire.Breaker
}

func newWork(url string, registry *fusewire.Registry) (*work, error) {
	breaker, err := registry.GetOrCreate("work", fusewire.Options{
		FailureThreshold: failureThreshold,
		RecoveryTimeout:  recoveryTimeout,
	})
	return &work{url, breaker}, err
}

// get makes one call; the result is what the upstream says.
func (w *work) get(ctx context.Context) (string, error) {
	return fusewire.Do(ctx, w.breaker, func(ctx context.Context) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/work", nil)
		if err != nil {
			return "", err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		if response.StatusCode >= http.StatusInternalServerError {
			return "", statusError(response.StatusCode)
		}
		return response.Status, nil
	})
}

// statusError is an answer that says that the upstream is in trouble.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("the upstream answered %d", int(e)) }

// ErrorType is what metrics call it.
func (e statusError) ErrorType() string { return strconv.Itoa(int(e)) }
