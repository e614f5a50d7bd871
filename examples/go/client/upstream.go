package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
)

// upstream is `examples/upstream` as a process of its own, on a free port of loopback. It ends with stop, and by itself
// should this process die: its standard input is a pipe.
type upstream struct {
	url     string
	process *exec.Cmd
	stdin   io.Closer
}

func startUpstream() (*upstream, error) {
	command := strings.Fields(os.Getenv("FUSEWIRE_UPSTREAM"))
	if len(command) == 0 {
		return nil, errors.New("FUSEWIRE_UPSTREAM is not set: the command that serves examples/upstream, such as target/debug/fusewire-upstream")
	}
	process := exec.Command(command[0], append(command[1:], "--until-eof")...)
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		_ = stdin.Close()
		return nil, errors.Join(fmt.Errorf("the upstream did not say where it listens, but %q", line), process.Wait())
	}
	return &upstream{url, process, stdin}, nil
}

func (u *upstream) stop() error {
	_ = u.stdin.Close()
	return u.process.Wait()
}

// force stays in a phase of the script until the next.
func (u *upstream) force(ctx context.Context, phase string) error {
	return u.ask(ctx, http.MethodPost, "/phase/"+phase, &struct{}{})
}

// total is how many calls it received.
func (u *upstream) total(ctx context.Context) (int, error) {
	var stats struct{ Total int }
	err := u.ask(ctx, http.MethodGet, "/stats", &stats)
	return stats.Total, err
}

func (u *upstream) ask(ctx context.Context, method, path string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, u.url+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the upstream answered %s %s with %s", method, path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
