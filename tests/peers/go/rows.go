package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/fusewire/fusewire/examples/go/fusewire"
)

// row is one figure, as it is written.
type row struct {
	Lang    string   `json:"lang"`
	Peer    string   `json:"peer"`
	Version string   `json:"version"`
	Case    string   `json:"case"`
	Threads int      `json:"threads"`
	NS      float64  `json:"ns"`
	NSMin   float64  `json:"ns_min"`
	NSTotal float64  `json:"ns_total"`
	Bytes   *float64 `json:"bytes"`
	Note    *string  `json:"note"`
}

// compared makes rows of a group's figures. A rejection never makes the bare call, and neither does an empty one, so those
// are not compared with it.
func compared(group group, figures [][]float64) []row {
	bare := sampled(figures[0])
	var rows []row
	for i, subject := range group.subjects {
		found, over := sampled(figures[i]), bare
		if subject.peer == "bare" || subject.peer == "noop" || strings.HasSuffix(group.name, "_rejected") {
			over = sample{}
		}
		name := group.name
		if subject.name != "" {
			name = subject.name
		}
		made := row{
			Lang: "go", Peer: subject.peer, Version: version(subject.peer), Case: name, Threads: group.threads,
			NS: rounded(found.median - over.median), NSMin: rounded(found.least - over.least), NSTotal: rounded(found.median),
		}
		if subject.note != "" {
			made.Note = &subject.note
		}
		rows = append(rows, made)
	}
	return rows
}

func rounded(ns float64) float64 { return math.Round(ns*1000) / 1000 }

// version of a peer; of references that of Go.
func version(peer string) string {
	if peer == "fusewire" {
		return fusewire.Version()
	}
	if built, ok := debug.ReadBuildInfo(); ok {
		for _, module := range built.Deps {
			if module.Path == peer || strings.Contains(module.Path, "/"+peer+"/") {
				return strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return runtime.Version()
}

func write(rows []row) error {
	path := os.Getenv("FUSEWIRE_BENCH_OUT")
	if path == "" {
		path = "build/bench/go.jsonl"
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	var lines strings.Builder
	for _, row := range rows {
		row.Case = strings.TrimSuffix(row.Case, " (again)")
		line, err := json.Marshal(row)
		if err != nil {
			return err
		}
		lines.Write(append(line, '\n'))
	}
	return os.WriteFile(path, []byte(lines.String()), 0o644)
}
