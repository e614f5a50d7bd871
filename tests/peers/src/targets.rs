//! The targets, each with the figure that was measured.

use std::io::{self, Write};

use crate::rows::Row;

/// What is known, asked by cell.
struct Figures<'a>(&'a [Row]);

impl Figures<'_> {
    fn row(&self, line: &str, column: &str) -> Option<&Row> {
        self.0.iter().find(|row| row.place.line == line && row.place.column == column)
    }

    fn ns(&self, line: &str) -> Option<f64> {
        self.row(line, "fusewire")?.ns
    }

    fn bytes(&self, line: &str) -> Option<f64> {
        Some(self.row(line, "fusewire")?.bytes? as f64)
    }

    /// Throughput of two threads on one breaker, as a share of that on two breakers.
    fn sharing(&self, case: &str) -> Option<f64> {
        let total = |line: String| self.row(&line, "fusewire")?.ns_total;
        Some(total(format!("{case}, 2 breakers"))? / total(format!("{case}, 2 threads"))?)
    }

    /// By how much the dearest of the window sizes exceeds the cheapest, in percent, by some figure of their rows.
    fn spread(&self, figure: fn(&Row) -> Option<f64>) -> Option<f64> {
        let of = |size| self.row(size, "fusewire").and_then(figure);
        let sizes = [of("count_10")?, of("count_100")?, of("count_10000")?];
        let (low, high) =
            (sizes.iter().copied().fold(f64::MAX, f64::min), sizes.iter().copied().fold(0.0, f64::max));
        Some((high / low - 1.0) * 100.0)
    }

    /// What a gate adds to a call.
    fn gate(&self, line: &str) -> Option<f64> {
        Some(self.row(line, "fusewire")?.ns? - self.row(line, "without")?.ns?)
    }

    /// The same on one breaker that two threads share, as a share of what the peer's gate costs by itself there.
    fn shared_gate(&self, case: &str, peer: &str) -> Option<f64> {
        let line = format!("{case}, 2 threads");
        Some(self.gate(&line)? / self.row(&line, peer)?.ns?)
    }

    /// Whole costs over a peer's.
    fn over(&self, line: &str, peer: &str) -> Option<f64> {
        Some(self.ns(line)? / self.row(line, peer)?.ns?)
    }

    /// What a wait adds to a call, over what it adds to a peer's.
    fn wait_over(&self, peer: &str) -> Option<f64> {
        let added = |column: &str| {
            let ns = |line| self.row(line, column)?.ns;
            Some(ns("queue_grant")? - ns("queue_no_wait")?)
        };
        Some(added("fusewire")? / added(peer)?)
    }

    fn megabytes_a_second(&self) -> Option<f64> {
        let row = self.row("metrics_text", "fusewire")?;
        Some(row.bytes? as f64 / row.ns? * 1_000.0)
    }
}

enum Limit {
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
    Reported,
}

impl Limit {
    fn verdict(&self, figure: f64) -> &'static str {
        let met = match *self {
            Limit::AtMost(limit) => figure <= limit,
            Limit::AtLeast(limit) => figure >= limit,
            Limit::Below(limit) => figure < limit,
            Limit::Reported => return "reported",
        };
        if met { "met" } else { "missed" }
    }

    fn wording(&self) -> String {
        match self {
            Limit::AtMost(limit) => format!("at most {limit}"),
            Limit::AtLeast(limit) => format!("at least {limit}"),
            Limit::Below(limit) => format!("below {limit}"),
            Limit::Reported => String::new(),
        }
    }
}

/// Prints every target: what it asks for, what was measured, and whether that meets it.
pub fn print(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    use Limit::{AtLeast, AtMost, Below, Reported};
    let of = Figures(rows);
    let (two, one) =
        ("one breaker over two breakers, two threads", "bytes of a default breaker, used by one thread");
    let targets = [
        ("closed success, consecutive, ns", AtMost(3.0), of.ns("closed_consecutive")),
        ("closed success, count window of 100, ns", AtMost(12.0), of.ns("closed_count_100")),
        ("closed success, time window, ns", AtMost(8.0), of.ns("closed_time")),
        ("closed success, adaptive window, ns", AtMost(8.0), of.ns("closed_adaptive")),
        ("every duration measured, consecutive, ns", AtMost(30.0), of.ns("closed_consecutive_timed")),
        ("every duration measured, count window, ns", AtMost(30.0), of.ns("closed_count_100_timed")),
        ("every duration measured, time window, ns", AtMost(30.0), of.ns("closed_time_timed")),
        ("every duration measured, adaptive window, ns", AtMost(30.0), of.ns("closed_adaptive_timed")),
        (two, AtLeast(0.9), of.sharing("closed_consecutive")),
        ("the same, time window", AtLeast(0.9), of.sharing("closed_time")),
        ("rejection while open, ns", AtMost(15.0), of.ns("open_rejected")),
        ("count window of 10 to 10,000, % of a call", Below(20.0), of.spread(|row| row.ns_total)),
        ("the same, % of the overhead", Reported, of.spread(|row| row.ns)),
        ("tower layer over a bare service, ns", AtMost(20.0), of.ns("tower_layer")),
        (one, AtMost(640.0), of.bytes("bytes_per_breaker")),
        ("breakers in a registry", AtLeast(1e6), of.ns("registry_lookup_1000000").map(|_| 1e6)),
        ("lookup over 1,000 hot names, ns", AtMost(60.0), of.ns("registry_lookup_1000")),
        ("lookup uniform over 1,000,000 names, ns", Reported, of.ns("registry_lookup_1000000")),
        ("token bucket over the call without it, ns", AtMost(14.0), of.gate("rate_token")),
        ("sliding window over the call without it, ns", AtMost(20.0), of.gate("rate_sliding")),
        ("bulkhead over the call without it, ns", AtMost(18.0), of.gate("bulkhead")),
        ("aimd over the call without it, ns", Reported, of.gate("aimd")),
        ("token bucket, 2 threads, over governor's", AtMost(1.0), of.shared_gate("rate_token", "governor")),
        (
            "sliding window, 2 threads, over governor's",
            AtMost(1.0),
            of.shared_gate("rate_sliding", "governor"),
        ),
        ("bulkhead, 2 threads, over tokio's semaphore", AtMost(1.0), of.shared_gate("bulkhead", "tokio")),
        ("a breaker without gates, ns", AtMost(3.0), of.row("no_gates", "without").and_then(|row| row.ns)),
        ("one whose gates were taken away, over that, ns", Below(1.0), of.gate("no_gates")),
        ("a grant to a waiting task over tokio's", AtMost(2.0), of.over("queue_grant", "tokio")),
        ("what the wait adds to the call, over tokio's", Reported, of.wait_over("tokio")),
        ("timeout, retry and fallback over the call without, ns", AtMost(60.0), of.gate("recovering")),
        ("the same, awaited", AtMost(60.0), of.gate("async_recovering")),
        ("metrics text, MB/s", AtLeast(150.0), of.megabytes_a_second()),
    ];
    writeln!(out, "\nTargets")?;
    for (what, limit, figure) in targets {
        let (figure, verdict) = match figure {
            None => ("-".to_owned(), "not measured"),
            Some(figure) => (format!("{figure:.2}"), limit.verdict(figure)),
        };
        writeln!(out, "  {what:48}{:>18}{figure:>14}  {verdict}", limit.wording())?;
    }
    Ok(())
}
