// Client calls a real service, examples/upstream, through an outage: errors open the breaker, a service that hangs fails
// its probe, and one that is well again closes it. It checks what it sees, and exits with 1 when that is not so.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/fusewire/fusewire/examples/go/fusewire"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
	fmt.Println("all of it was as it should be")
}

func run(ctx context.Context) (err error) {
	upstream, err := startUpstream()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, upstream.stop()) }()
	registry, err := fusewire.NewRegistry()
	if err != nil {
		return err
	}
	work, err := newWork(upstream.url, registry)
	if err != nil {
		return err
	}
	outage := &outage{ctx, upstream, work}
	for _, step := range []func() error{outage.healthy, outage.errors, outage.open, outage.slow, outage.recovered} {
		if err := step(); err != nil {
			return err
		}
	}
	return metrics(registry)
}

// outage is what the upstream goes through.
type outage struct {
	ctx      context.Context
	upstream *upstream
	work     *work
}

func (o *outage) healthy() error {
	if err := o.upstream.force(o.ctx, "healthy"); err != nil {
		return err
	}
	for range 5 {
		if _, err := o.work.get(o.ctx); err != nil {
			return fmt.Errorf("healthy: %w", err)
		}
	}
	return o.is(fusewire.Closed)
}

// errors open the breaker; its caller sees each of them as it is.
func (o *outage) errors() error {
	if err := o.upstream.force(o.ctx, "errors"); err != nil {
		return err
	}
	for range failureThreshold {
		var status statusError
		if _, err := o.work.get(o.ctx); !errors.As(err, &status) || status != 503 {
			return fmt.Errorf("errors: a 503 became %v", err)
		}
	}
	return o.is(fusewire.Open)
}

// clockTick is how far the clock lags that a rejection is quickly read from.
const clockTick = 10 * time.Millisecond

// open: nobody's call reaches the upstream.
func (o *outage) open() error {
	before, err := o.upstream.total(o.ctx)
	if err != nil {
		return err
	}
	answers := make(chan error)
	for range 20 {
		go func() {
			_, err := o.work.get(o.ctx)
			answers <- err
		}()
	}
	for range 20 {
		var rejection *fusewire.Rejection
		err := <-answers
		if !errors.As(err, &rejection) || !errors.Is(err, fusewire.ErrOpen) {
			return fmt.Errorf("open: a call got %v", err)
		}
		after, known := rejection.RetryAfter()
		if failure, _ := rejection.LastFailure(); rejection.Reason() != fusewire.ReasonOpen || failure != "503" ||
			!known || after <= 0 || after > recoveryTimeout+clockTick {
			return fmt.Errorf("open: %w: %v, %v, %q", rejection, rejection.Reason(), after, failure)
		}
	}
	after, err := o.upstream.total(o.ctx)
	if err == nil && after != before {
		err = fmt.Errorf("open: %d calls reached the upstream", after-before)
	}
	return err
}

// slow: the upstream takes longer than a call may; the probe fails, and the breaker opens again.
func (o *outage) slow() error {
	if err := o.upstream.force(o.ctx, "slow"); err != nil {
		return err
	}
	if err := o.wait(); err != nil {
		return err
	}
	if err := o.is(fusewire.HalfOpen); err != nil {
		return err
	}
	if _, err := o.work.get(o.ctx); !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("slow: a timeout became %v", err)
	}
	return o.is(fusewire.Open)
}

// recovered: three probes, and all is well.
func (o *outage) recovered() error {
	if err := o.upstream.force(o.ctx, "recovered"); err != nil {
		return err
	}
	if err := o.wait(); err != nil {
		return err
	}
	for range 3 {
		if err := o.is(fusewire.HalfOpen); err != nil {
			return err
		}
		if _, err := o.work.get(o.ctx); err != nil {
			return fmt.Errorf("recovered: %w", err)
		}
	}
	return o.is(fusewire.Closed)
}

// wait until the breaker says that it is worth another try.
func (o *outage) wait() error {
	_, err := o.work.get(o.ctx)
	var rejection *fusewire.Rejection
	if !errors.As(err, &rejection) {
		return fmt.Errorf("wait: a call got %v", err)
	}
	after, _ := rejection.RetryAfter()
	fmt.Println(rejection)
	select {
	// The clock that the next call is first judged by lags.
	case <-time.After(after + clockTick):
		return nil
	case <-o.ctx.Done():
		return o.ctx.Err()
	}
}

func (o *outage) is(wanted fusewire.State) error {
	if state := o.work.breaker.State(); state != wanted {
		return fmt.Errorf("the breaker is %v, and should be %v", state, wanted)
	}
	fmt.Println("the breaker is", wanted)
	return nil
}

// metrics tell the same story.
func metrics(registry *fusewire.Registry) error {
	text, err := registry.Metrics()
	if err != nil {
		return err
	}
	for _, line := range []string{
		`circuit_breaker_requests_total{service="work",status="success"} 8`,
		`circuit_breaker_requests_total{service="work",status="failure"} 4`,
		`circuit_breaker_rejections_total{service="work",reason="open"} 22`,
		`circuit_breaker_failures_total{service="work",error_type="503"} 3`,
		`circuit_breaker_failures_total{service="work",error_type="timeout"} 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			return fmt.Errorf("the metrics lack %s\n%s", line, text)
		}
	}
	return nil
}
