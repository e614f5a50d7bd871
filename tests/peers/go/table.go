package main

import (
	"fmt"
	"runtime"
)

var columns = []string{"fusewire", "gobreaker", timeRate, channel, "bare", "noop"}

// print shows a line for each case and number of threads, a column for each peer, and what is to be said of them.
func print(rows []row) {
	fmt.Printf("%s, fusewire %s, gobreaker %s, %s %s\n",
		runtime.Version(), version("fusewire"), version("gobreaker"), timeRate, version(timeRate))
	fmt.Print("Nanoseconds of a call over the bare call, median (minimum); references and rejections whole\n\n")
	fmt.Printf("%-28s%8s", "", "threads")
	for _, column := range columns {
		fmt.Printf("%18s", column)
	}
	fmt.Println()
	for _, line := range lines(rows) {
		fmt.Printf("%-28s%8d", line.name, line.threads)
		for _, column := range columns {
			fmt.Printf("%18s", cell(rows, line, column))
		}
		fmt.Println()
	}
	notes(rows)
	shares(rows)
}

type line struct {
	name    string
	threads int
}

func lines(rows []row) []line {
	var found []line
	seen := map[line]bool{}
	for _, row := range rows {
		each := line{row.Case, row.Threads}
		if !seen[each] {
			seen[each] = true
			found = append(found, each)
		}
	}
	return found
}

func find(rows []row, wanted line, peer string) *row {
	for i, row := range rows {
		if row.Case == wanted.name && row.Threads == wanted.threads && row.Peer == peer {
			return &rows[i]
		}
	}
	return nil
}

func cell(rows []row, line line, peer string) string {
	found := find(rows, line, peer)
	if found == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f (%.1f)", found.NS, found.NSMin)
}

func notes(rows []row) {
	fmt.Println("\nNotes")
	for _, row := range rows {
		if row.Note != nil && row.Threads == 1 {
			fmt.Printf("  %s, %s: %s\n", row.Peer, row.Case, *row.Note)
		}
	}
}

// shares tells how much of a call is cgo's own cost: a call crosses twice.
func shares(rows []row) {
	for _, threads := range []int{1, 2} {
		empty := find(rows, line{"cgo_empty", threads}, "noop")
		ours := find(rows, line{"closed_consecutive", threads}, "fusewire")
		theirs := find(rows, line{"closed_consecutive", threads}, "gobreaker")
		if empty == nil || ours == nil || theirs == nil {
			continue
		}
		fmt.Printf("\nthreads: %d. A call costs %.1f ns, of which %.1f are two empty cgo calls; gobreaker's costs %.1f ns\n",
			threads, ours.NS, 2*empty.NS, theirs.NS)
	}
}
