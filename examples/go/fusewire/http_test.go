package fusewire_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fusewire/fusewire/examples/go/fusewire"
)

// served is a service that answers with the status that its path names, and how many requests it received.
func served(t *testing.T) (*httptest.Server, *atomic.Int32) {
	var received atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		received.Add(1)
		_, _ = io.Copy(io.Discard, request.Body)
		switch request.URL.Path {
		case "/hangs":
			<-request.Context().Done()
		case "/503":
			http.Error(w, "out of order", http.StatusServiceUnavailable)
		case "/404":
			http.NotFound(w, request)
		}
	}))
	t.Cleanup(server.Close)
	return server, &received
}

type body struct {
	io.Reader
	closed atomic.Bool
}

func (b *body) Close() error {
	b.closed.Store(true)
	return nil
}

func TestATransportGuardsEachOriginByItself(t *testing.T) {
	ill, received := served(t)
	other, _ := served(t)
	registry, err := fusewire.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	transport := &fusewire.Transport{Registry: registry, Options: fusewire.Options{FailureThreshold: 3}}
	client := &http.Client{Transport: transport}
	for range 3 {
		// The answer reaches the caller.
		response, err := client.Get(ill.URL + "/503")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		wants(t, "body", string(text), "out of order\n")
	}
	sent := &body{Reader: strings.NewReader("order")}
	_, err = client.Post(ill.URL+"/orders", "text/plain", sent)
	var rejection *fusewire.Rejection
	if !errors.As(err, &rejection) {
		t.Fatalf("%v is no rejection", err)
	}
	wants(t, "breaker", rejection.Breaker(), ill.URL)
	wants(t, "received", received.Load(), 3)
	wants(t, "body closed", sent.closed.Load(), true)
	response, err := client.Get(other.URL + "/404")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	wants(t, "status", response.StatusCode, http.StatusNotFound)
	breaker, err := transport.Breaker(other.URL)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "counts", counts(t, breaker), [3]uint64{1, 0, 0})
}

func TestATransportTellsACallerThatLeftFromAServiceThatIsGone(t *testing.T) {
	server, _ := served(t)
	transport := &fusewire.Transport{}
	client := &http.Client{Transport: transport}
	given, cancel := context.WithCancelCause(ctx)
	request, err := http.NewRequestWithContext(given, http.MethodGet, server.URL+"/hangs", nil)
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("the user left")
	go cancel(cause)
	if _, err := client.Do(request); err == nil {
		t.Fatal("a call that was cancelled has an answer")
	}
	breaker, err := transport.Breaker(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "counts", counts(t, breaker), [3]uint64{0, 0, 1})
	server.Close()
	if _, err := client.Get(server.URL); err == nil {
		t.Fatal("a service that is gone has an answer")
	}
	wants(t, "counts", counts(t, breaker), [3]uint64{0, 1, 1})
}

func TestARegistryServesItsMetrics(t *testing.T) {
	registry, err := fusewire.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.GetOrCreate("payments", fusewire.Options{}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(registry)
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := registry.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "metrics", string(text), metrics)
	wants(t, "type", strings.HasPrefix(response.Header.Get("Content-Type"), "application/openmetrics-text"), true)
}
