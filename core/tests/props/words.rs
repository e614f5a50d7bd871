//! What the breaker says, in the words of the model.

use crate::model::{self, Answer};
use fusewire::Reason;
use std::time::Duration;

/// An answer without the permit's number.
#[derive(Debug, PartialEq)]
pub enum Said {
    Admitted { would_reject: Option<&'static str> },
    Rejected { reason: &'static str, retry_after: Option<u64> },
}

pub fn real_answer(answer: Result<Option<Reason>, (Reason, Option<Duration>)>) -> Said {
    match answer {
        Ok(would_reject) => Said::Admitted { would_reject: would_reject.map(Reason::name) },
        Err((reason, after)) => {
            Said::Rejected { reason: reason.name(), retry_after: after.map(|d| d.as_nanos() as u64) }
        }
    }
}

pub fn forget_permit(answer: &Answer) -> Said {
    match *answer {
        Answer::Admitted { would_reject, .. } => Said::Admitted { would_reject },
        Answer::Rejected { reason, retry_after } => Said::Rejected { reason, retry_after },
    }
}

pub fn real(outcome: model::Outcome) -> fusewire::Outcome {
    fusewire::Outcome::ALL[outcome as usize]
}

pub fn settled_name(settled: model::Settled) -> &'static str {
    match settled {
        model::Settled::Ok => "ok",
        model::Settled::Late => "late",
        model::Settled::AlreadySettled => "already_settled",
    }
}

pub fn real_event(event: &fusewire::Event) -> model::Event {
    model::Event {
        from: event.from.name(),
        to: event.to.name(),
        cause: event.cause.name(),
        generation: event.generation,
        at: event.at,
    }
}

/// The snapshot in the words of the model.
pub fn real_snapshot(s: &fusewire::Snapshot) -> model::Snapshot {
    let by_reason = |counts: &[u64]| {
        Reason::ALL
            .into_iter()
            .map(Reason::name)
            .zip(counts.iter().copied())
            .filter(|(_, n)| *n > 0)
            .collect()
    };
    model::Snapshot {
        state: s.state.name(),
        stored_state: s.stored_state.name(),
        mode: s.mode.name(),
        generation: s.generation,
        opened: s.opened,
        openings_in_a_row: s.openings_in_a_row,
        retry_after: s.retry_after,
        consecutive_failures: s.consecutive_failures.map(u64::from),
        window: s.window.as_ref().map(|w| model::WindowCounts {
            total: w.total,
            failures: w.failures,
            slow: w.slow,
            failure_rate: w.failure_rate,
            slow_call_rate: w.slow_call_rate,
            baseline: w.baseline,
            threshold: w.threshold,
        }),
        half_open: model::HalfOpenCounts {
            in_flight: s.half_open.in_flight.into(),
            successes: s.half_open.successes.into(),
            failures: s.half_open.failures.into(),
        },
        ramp: s.ramp.map(|r| model::RampCounts {
            share: r.share,
            step: r.step.into(),
            settled: r.settled.into(),
            failures: r.failures.into(),
        }),
        totals: model::Totals {
            success: s.totals.success,
            failure: s.totals.failure,
            ignored: s.totals.ignored,
            slow: s.totals.slow,
            late: s.totals.late,
            expired: s.totals.expired,
            rejected: by_reason(&s.totals.rejected),
            would_reject: by_reason(&s.totals.would_reject),
        },
        last: s.last.map(|last| model::Event {
            from: last.from.name(),
            to: last.to.name(),
            cause: last.cause.name(),
            generation: s.generation,
            at: last.at,
        }),
        last_failure: s
            .last_failure
            .as_ref()
            .map(|f| model::LastFailure { error_type: f.error_type.clone(), at: f.at }),
    }
}
