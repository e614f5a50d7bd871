package fusewire_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fusewire/fusewire/examples/go/fusewire"
)

// slow is a leaky bucket whose next turn but one comes after a thousand seconds: nobody waits so long here.
const slow = `{"rate_limit": {"algorithm": "leaky_bucket", "rate": 0.001, "max_wait": "1h"}}`

// over is a context that ends before such a turn.
func over(t *testing.T) context.Context {
	brief, cancel := context.WithTimeout(ctx, time.Millisecond)
	t.Cleanup(cancel)
	return brief
}

func TestACallIsMadeWhenItsTurnHasCome(t *testing.T) {
	breaker, err := fusewire.New("payments", fusewire.Options{
		Document: `{"rate_limit": {"algorithm": "leaky_bucket", "rate": 200}}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for n := range 4 {
		var after time.Duration
		if err := breaker.Call(ctx, func(context.Context) error { after = time.Since(began); return nil }); err != nil {
			t.Fatal(err)
		}
		// Never before its turn; how long after is the machine's.
		if turn := time.Duration(n) * 5 * time.Millisecond; after < turn {
			t.Errorf("call %d ran after %v, and its turn comes after %v", n, after, turn)
		}
	}
	wants(t, "counts", counts(t, breaker), [3]uint64{4, 0, 0})
}

func TestACallWhoseContextIsOverBeforeItsTurnIsNotMade(t *testing.T) {
	breaker, _ := built(t, fusewire.Options{Document: slow})
	if err := breaker.Call(ctx, well); err != nil {
		t.Fatal(err)
	}
	err := breaker.Call(over(t), func(context.Context) error { panic("it ran") })
	wants(t, "error", err, context.DeadlineExceeded)
	wants(t, "counts", counts(t, breaker), [3]uint64{1, 0, 1})
}

func TestAPermitSaysHowLongToWaitAndIsGivenUpWithItsContext(t *testing.T) {
	breaker, _ := built(t, fusewire.Options{Document: slow})
	for n := range 2 {
		permit, err := breaker.Acquire()
		if err != nil {
			t.Fatal(err)
		}
		wants(t, "wait", permit.Wait(), time.Duration(n)*1000*time.Second)
		if n == 0 {
			wants(t, "turn", permit.Turn(ctx), nil)
			permit.Success()
			continue
		}
		wants(t, "turn", permit.Turn(over(t)), context.DeadlineExceeded)
		wants(t, "settled", permit.Success(), fusewire.AlreadySettled)
	}
	wants(t, "counts", counts(t, breaker), [3]uint64{1, 0, 1})
}

func TestARequestWhoseContextIsOverBeforeItsTurnIsNotSent(t *testing.T) {
	var came atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came.Add(1) }))
	defer server.Close()
	client := &http.Client{Transport: &fusewire.Transport{Options: fusewire.Options{Document: slow}}}
	send := func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		return response.Body.Close()
	}
	if err := send(ctx); err != nil {
		t.Fatal(err)
	}
	if err := send(over(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the second ended with %v", err)
	}
	wants(t, "requests that came", came.Load(), 1)
}
