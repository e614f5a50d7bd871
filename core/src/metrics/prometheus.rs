//! OpenMetrics 1.0 text.

use crate::admit::priority::Priority;
use crate::error::{REASONS, Reason};
use crate::histogram::{Distribution, RECOVERY_BOUNDS};
use crate::ledger::OTHER;
use crate::outcome::Outcome;
use crate::policy::category::Category;
use crate::policy::feature::FeatureState;
use crate::policy::retry::Denied;
use crate::snapshot::Snapshot;
use crate::word::{Mode, State};
use std::fmt::Write;

/// The content type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Copy)]
enum Type {
    Gauge,
    Counter,
    Histogram,
}

/// Renders snapshots, sorting them by name first.
pub fn render(snapshots: &mut [Snapshot]) -> String {
    snapshots.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let services: Vec<Service<'_>> = snapshots.iter().map(Service::new).collect();
    let mut out = Writer { out: String::with_capacity(4096 + 2048 * services.len()), services: &services };
    out.all();
    out.out
}

/// A snapshot with its name as a label has it.
struct Service<'s> {
    snapshot: &'s Snapshot,
    name: String,
}

impl<'s> Service<'s> {
    fn new(snapshot: &'s Snapshot) -> Self {
        Service { snapshot, name: escape(&snapshot.name) }
    }
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

struct Writer<'s> {
    out: String,
    services: &'s [Service<'s>],
}

impl Writer<'_> {
    fn all(&mut self) {
        self.family("state", Type::Gauge, "Effective state of the breaker: one of three is 1.", |w, s| {
            for state in State::ALL {
                w.sample("state", s, &[("state", state.name())], u64::from(s.snapshot.state == state));
            }
        });
        self.family("mode", Type::Gauge, "Mode of the breaker: one of four is 1.", |w, s| {
            for mode in Mode::ALL {
                w.sample("mode", s, &[("mode", mode.name())], u64::from(s.snapshot.mode == mode));
            }
        });
        self.family("requests", Type::Counter, "Settled calls.", |w, s| {
            let t = &s.snapshot.totals;
            for (outcome, n) in Outcome::ALL.into_iter().zip([t.success, t.failure, t.ignored]) {
                w.sample("requests_total", s, &[("status", outcome.name())], n);
            }
        });
        self.counter("slow_requests", "Calls that took at least slow_call_duration.", |s| s.totals.slow);
        self.counter("late_results", "Results whose generation was over.", |s| s.totals.late);
        self.counter("expired_probes", "Probes whose lease ended.", |s| s.totals.expired);
        self.by_reason("rejections", "Calls turned away.", |s| &s.totals.rejected);
        self.by_reason("would_reject", "Calls that shadow mode admitted and would have turned away.", |s| {
            &s.totals.would_reject
        });
        self.failures();
        self.durations();
        self.state_changes();
        self.family("error_rate", Type::Gauge, "Share of failures in the window.", |w, s| {
            if let Some(rate) = s.snapshot.window.as_ref().and_then(|window| window.failure_rate) {
                w.head("error_rate", s);
                let _ = writeln!(w.out, "}} {rate:?}");
            }
        });
        let help = "Time from the first opening of a row to the next close by success.";
        self.family("recovery_time_seconds", Type::Histogram, help, |w, s| {
            w.histogram("recovery_time_seconds", s, "", &RECOVERY_BOUNDS, &s.snapshot.recoveries);
        });
        if self.services.iter().any(|s| s.snapshot.gates.is_some()) {
            self.gates();
        }
        self.around();
        self.out.push_str("# EOF\n");
    }

    /// Families of the gates; not there while no service has any.
    fn gates(&mut self) {
        self.family("admitted", Type::Counter, "Calls that the gates let in.", |w, s| {
            if let Some(gates) = &s.snapshot.gates {
                w.by_level("admitted_total", s, &gates.admitted, &[]);
            }
        });
        self.family("refused", Type::Counter, "Calls that were turned away, by priority.", |w, s| {
            let Some(gates) = &s.snapshot.gates else { return };
            for (reason, counts) in Reason::ALL.into_iter().zip(&gates.refused) {
                w.by_level("refused_total", s, counts, &[("reason", reason.name())]);
            }
        });
        self.counter(
            "bypassed",
            "Calls that were made although the breaker would have rejected them.",
            |s| s.totals.bypassed,
        );
        self.family("min_priority", Type::Gauge, "Lowest priority that is let in, 0 to 100.", |w, s| {
            if let Some(gates) = &s.snapshot.gates {
                w.sample("min_priority", s, &[], gates.min_priority.number().into());
            }
        });
        self.family(
            "rate_limit",
            Type::Gauge,
            "Rate in force, in calls a second; of a window its limit.",
            |w, s| {
                if let Some(rate) = &s.snapshot.rate_limit {
                    w.head("rate_limit", s);
                    let _ = writeln!(w.out, "}} {:?}", rate.rate);
                }
            },
        );
        self.slots();
    }

    /// Families of the policies around the call; none is there while no service has its policy.
    fn around(&mut self) {
        if self.services.iter().any(|s| s.snapshot.timeout.is_some()) {
            self.family("timeout_seconds", Type::Gauge, "How long a call may take.", |w, s| {
                if let Some(timeout) = s.snapshot.timeout {
                    w.head("timeout_seconds", s);
                    let _ = writeln!(w.out, "}} {:?}", seconds(timeout));
                }
            });
        }
        if self.services.iter().any(|s| s.snapshot.retry.is_some()) {
            self.retries();
        }
        if self.services.iter().any(|s| !s.snapshot.fallbacks.is_empty()) {
            let help = "Calls that failed or were turned away, by what was to answer in their place.";
            self.family("fallbacks", Type::Counter, help, |w, s| {
                for f in &s.snapshot.fallbacks {
                    for (result, n) in [("answered", f.answered), ("failed", f.failed)] {
                        w.counted("fallbacks_total", s, &[("rung", &f.rung), ("result", result)], n);
                    }
                }
            });
        }
        if self.services.iter().any(|s| s.snapshot.cache.is_some()) {
            self.family("cache", Type::Counter, "Calls that a kept value was to answer.", |w, s| {
                let Some(c) = &s.snapshot.cache else { return };
                for (result, n) in [("fresh", c.fresh), ("stale", c.stale), ("absent", c.absent)] {
                    w.counted("cache_total", s, &[("result", result)], n);
                }
            });
            self.family("cache_entries", Type::Gauge, "Values that are kept.", |w, s| {
                if let Some(cache) = &s.snapshot.cache {
                    w.sample("cache_entries", s, &[], cache.entries);
                }
            });
        }
        if self.services.iter().any(|s| s.snapshot.hedge.is_some()) {
            self.family("hedges", Type::Counter, "Attempts that were started beside others.", |w, s| {
                let Some(hedge) = &s.snapshot.hedge else { return };
                w.counted("hedges_total", s, &[], hedge.begun);
            });
            self.family("hedges_won", Type::Counter, "Those of them that answered first.", |w, s| {
                let Some(hedge) = &s.snapshot.hedge else { return };
                w.counted("hedges_won_total", s, &[], hedge.won);
            });
        }
        if self.services.iter().any(|s| !s.snapshot.features.is_empty()) {
            self.features();
        }
    }

    fn retries(&mut self) {
        self.family("retries", Type::Counter, "Retries, by what they followed.", |w, s| {
            let Some(retry) = &s.snapshot.retry else { return };
            for (category, n) in Category::ALL.into_iter().zip(retry.by_category) {
                w.counted("retries_total", s, &[("category", category.name())], n);
            }
            w.counted("retries_total", s, &[("category", "rejected")], retry.rejected);
        });
        self.family("retries_denied", Type::Counter, "Retries that were not begun, by why.", |w, s| {
            let Some(retry) = &s.snapshot.retry else { return };
            for (denied, n) in Denied::ALL.into_iter().zip(retry.denied) {
                w.counted("retries_denied_total", s, &[("reason", denied.name())], n);
            }
        });
        self.family("retry_budget", Type::Gauge, "Retries that may begin now.", |w, s| {
            if let Some(left) = s.snapshot.retry.as_ref().and_then(|retry| retry.budget) {
                w.sample("retry_budget", s, &[], left);
            }
        });
    }

    fn features(&mut self) {
        self.family("feature_state", Type::Gauge, "State of a feature: one of three is 1.", |w, s| {
            for f in &s.snapshot.features {
                for state in FeatureState::ALL {
                    let labels = [("feature", &*escape(&f.name)), ("state", state.name())];
                    w.sample("feature_state", s, &labels, u64::from(f.state == state));
                }
            }
        });
        let help = "Share of successes of a feature in its present state, of the last 50 outcomes at most.";
        self.family("feature_health", Type::Gauge, help, |w, s| {
            for f in &s.snapshot.features {
                if let Some(health) = f.health {
                    w.head("feature_health", s);
                    w.label("feature", &escape(&f.name));
                    let _ = writeln!(w.out, "}} {health:?}");
                }
            }
        });
        self.family("feature_requests", Type::Counter, "Settled calls of a feature.", |w, s| {
            for f in &s.snapshot.features {
                for (outcome, n) in [(Outcome::Success, f.successes), (Outcome::Failure, f.failures)] {
                    let labels = [("feature", &*escape(&f.name)), ("status", outcome.name())];
                    w.counted("feature_requests_total", s, &labels, n);
                }
            }
        });
        let help = "Calls that were turned away because their feature is disabled.";
        self.family("feature_refused", Type::Counter, help, |w, s| {
            for f in &s.snapshot.features {
                w.counted("feature_refused_total", s, &[("feature", &escape(&f.name))], f.refused);
            }
        });
    }

    /// A sample from its first count on.
    fn counted(&mut self, name: &str, s: &Service<'_>, labels: &[(&str, &str)], n: u64) {
        if n > 0 {
            self.sample(name, s, labels, n);
        }
    }

    fn slots(&mut self) {
        self.family(
            "slots",
            Type::Gauge,
            "Slots in force: of a bulkhead, or the concurrency limit.",
            |w, s| {
                if let Some(bulkhead) = &s.snapshot.bulkhead {
                    w.sample("slots", s, &[], bulkhead.limit);
                }
            },
        );
        self.family("in_flight", Type::Gauge, "Calls that have a slot.", |w, s| {
            if let Some(bulkhead) = &s.snapshot.bulkhead {
                w.all_levels("in_flight", s, &bulkhead.by_level);
            }
        });
        self.family("queue_length", Type::Gauge, "Calls that wait for a slot.", |w, s| {
            if let Some(bulkhead) = &s.snapshot.bulkhead {
                w.all_levels("queue_length", s, &bulkhead.queued);
            }
        });
        let help = "Waits for a slot that have ended, but for those that were cancelled.";
        self.family("queue_wait_seconds", Type::Histogram, help, |w, s| {
            if let Some(bulkhead) = &s.snapshot.bulkhead {
                let bounds = &s.snapshot.duration_bounds;
                w.histogram("queue_wait_seconds", s, "", bounds, &bulkhead.waits);
            }
        });
    }

    /// A counter by level, each from its first count on.
    fn by_level(&mut self, name: &str, s: &Service<'_>, counts: &[u64], labels: &[(&str, &str)]) {
        for (level, n) in Priority::ALL.into_iter().zip(counts).filter(|(_, n)| **n > 0) {
            let mut all = labels.to_vec();
            all.push(("priority", level.name()));
            self.sample(name, s, &all, *n);
        }
    }

    fn all_levels(&mut self, name: &str, s: &Service<'_>, values: &[u64]) {
        for (level, n) in Priority::ALL.into_iter().zip(values) {
            self.sample(name, s, &[("priority", level.name())], *n);
        }
    }

    fn family(&mut self, name: &str, kind: Type, help: &str, write: impl Fn(&mut Self, &Service<'_>)) {
        let kind = match kind {
            Type::Gauge => "gauge",
            Type::Counter => "counter",
            Type::Histogram => "histogram",
        };
        let _ = writeln!(self.out, "# TYPE circuit_breaker_{name} {kind}");
        if let Some(unit) = name.strip_suffix("_seconds").map(|_| "seconds") {
            let _ = writeln!(self.out, "# UNIT circuit_breaker_{name} {unit}");
        }
        let _ = writeln!(self.out, "# HELP circuit_breaker_{name} {help}");
        for service in self.services {
            write(self, service);
        }
    }

    /// The name and the first label; the caller goes on with `,` or `}`.
    fn head(&mut self, name: &str, s: &Service<'_>) {
        self.out.push_str("circuit_breaker_");
        self.out.push_str(name);
        self.out.push_str("{service=\"");
        self.out.push_str(&s.name);
        self.out.push('"');
    }

    fn sample(&mut self, name: &str, s: &Service<'_>, labels: &[(&str, &str)], value: u64) {
        self.head(name, s);
        for (label, text) in labels {
            self.label(label, text);
        }
        self.out.push_str("} ");
        self.integer(value);
        self.out.push('\n');
    }

    fn label(&mut self, label: &str, text: &str) {
        self.out.push(',');
        self.out.push_str(label);
        self.out.push_str("=\"");
        self.out.push_str(text);
        self.out.push('"');
    }

    fn integer(&mut self, value: u64) {
        self.out.push_str(itoa::Buffer::new().format(value));
    }

    /// A counter without further labels, from its first count on.
    fn counter(&mut self, name: &str, help: &str, get: impl Fn(&Snapshot) -> u64) {
        self.family(name, Type::Counter, help, |w, s| {
            let n = get(s.snapshot);
            if n > 0 {
                w.sample(&format!("{name}_total"), s, &[], n);
            }
        });
    }

    fn by_reason(&mut self, name: &str, help: &str, get: impl Fn(&Snapshot) -> &[u64; REASONS]) {
        self.family(name, Type::Counter, help, |w, s| {
            for (reason, n) in Reason::ALL.into_iter().zip(get(s.snapshot)) {
                if *n > 0 {
                    w.sample(&format!("{name}_total"), s, &[("reason", reason.name())], *n);
                }
            }
        });
    }

    fn failures(&mut self) {
        self.family("failures", Type::Counter, "Failures by type of error.", |w, s| {
            let typed = &s.snapshot.failures_by_type;
            for (name, n) in typed {
                w.sample("failures_total", s, &[("error_type", &escape(name))], *n);
            }
            let counted: u64 = typed.iter().map(|(_, n)| n).sum();
            let others = s.snapshot.totals.failure.saturating_sub(counted);
            if others > 0 {
                w.sample("failures_total", s, &[("error_type", OTHER)], others);
            }
        });
    }

    fn durations(&mut self) {
        let help = "Durations of the calls that were timed.";
        self.family("request_duration_seconds", Type::Histogram, help, |w, s| {
            for (outcome, durations) in Outcome::ALL.into_iter().zip(&s.snapshot.durations) {
                let bounds = &s.snapshot.duration_bounds;
                w.histogram("request_duration_seconds", s, outcome.name(), bounds, durations);
            }
        });
    }

    fn state_changes(&mut self) {
        self.family("state_changes", Type::Counter, "Transitions from one state to another.", |w, s| {
            for from in State::ALL {
                for to in State::ALL {
                    let n = s.snapshot.changes[from as usize][to as usize];
                    if n > 0 {
                        let labels = [("from_state", from.name()), ("to_state", to.name())];
                        w.sample("state_changes_total", s, &labels, n);
                    }
                }
            }
        });
    }

    /// A histogram from its first observation on; `status` is left out when empty.
    fn histogram(&mut self, name: &str, s: &Service<'_>, status: &str, bounds: &[u64], d: &Distribution) {
        let count = d.count();
        if count == 0 {
            return;
        }
        let ends = bounds.iter().map(|b| Some(seconds(*b))).chain([None]);
        let mut below = 0;
        for (end, n) in ends.zip(&d.counts) {
            below += n;
            self.series(name, "_bucket", s, status);
            match end {
                Some(seconds) => {
                    let _ = write!(self.out, ",le=\"{seconds:?}\"}} ");
                }
                None => self.out.push_str(",le=\"+Inf\"} "),
            }
            self.integer(below);
            self.out.push('\n');
        }
        self.series(name, "_count", s, status);
        self.out.push_str("} ");
        self.integer(count);
        self.out.push('\n');
        self.series(name, "_sum", s, status);
        let _ = writeln!(self.out, "}} {:?}", seconds(d.sum));
    }

    fn series(&mut self, name: &str, suffix: &str, s: &Service<'_>, status: &str) {
        self.out.push_str("circuit_breaker_");
        self.out.push_str(name);
        self.out.push_str(suffix);
        self.out.push_str("{service=\"");
        self.out.push_str(&s.name);
        self.out.push('"');
        if !status.is_empty() {
            self.label("status", status);
        }
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
