//! A snapshot as JSON, with the names of the conformance vectors.

use crate::admit::priority::Priority;
use crate::clock::Nanos;
use crate::error::Reason;
use crate::ledger::LastFailure;
use crate::policy::category::Category;
use crate::policy::retry::Denied;
use crate::snapshot::{FeatureCounts, RetryCounts, Snapshot};
use serde_json::{Map, Value, json};

/// Renders what decides and the totals of one snapshot, and its durations. Durations and times are nanoseconds; what
/// is absent is `null`. Error types, recoveries and transitions by kind are in the metrics text alone.
pub fn json(s: &Snapshot) -> Value {
    json!({
        "name": s.name.as_str(),
        "state": s.state.name(),
        "stored_state": s.stored_state.name(),
        "mode": s.mode.name(),
        "generation": s.generation,
        "opened": s.opened,
        "openings_in_a_row": s.openings_in_a_row,
        "retry_after": s.retry_after,
        "consecutive_failures": s.consecutive_failures,
        "window": s.window.as_ref().map(|w| json!({
            "total": w.total,
            "failures": w.failures,
            "slow": w.slow,
            "failure_rate": w.failure_rate,
            "slow_call_rate": w.slow_call_rate,
            "baseline": w.baseline,
            "threshold": w.threshold,
        })),
        "half_open": {
            "in_flight": s.half_open.in_flight,
            "successes": s.half_open.successes,
            "failures": s.half_open.failures,
        },
        "ramp": s.ramp.map(|r| json!({
            "share": r.share,
            "step": r.step,
            "settled": r.settled,
            "failures": r.failures,
        })),
        "rate_limit": s.rate_limit.map(|r| json!({
            "rate": r.rate,
            "available": r.available,
            "retry_after": r.retry_after,
        })),
        "bulkhead": s.bulkhead.as_ref().map(|b| json!({
            "in_flight": b.in_flight(),
            "by_level": by_level(&b.by_level),
            "queued": b.waiting(),
            "limit": b.limit,
        })),
        "timeout": s.timeout,
        "retry": s.retry.as_ref().map(retry),
        "fallbacks": s.fallbacks.iter().map(|f| json!({
            "rung": f.rung,
            "answered": f.answered,
            "failed": f.failed,
        })).collect::<Vec<_>>(),
        "cache": s.cache.map(|c| json!({
            "entries": c.entries,
            "fresh": c.fresh,
            "stale": c.stale,
            "absent": c.absent,
        })),
        "hedge": s.hedge.map(|h| json!({ "after": h.after, "begun": h.begun, "won": h.won })),
        "features": features(s),
        "totals": {
            "success": s.totals.success,
            "failure": s.totals.failure,
            "ignored": s.totals.ignored,
            "slow": s.totals.slow,
            "late": s.totals.late,
            "expired": s.totals.expired,
            "rejected": by_reason(&s.totals.rejected),
            "would_reject": by_reason(&s.totals.would_reject),
            "bypassed": s.totals.bypassed,
        },
        "last": s.last.map(|l| json!({
            "cause": l.cause.name(),
            "from": l.from.name(),
            "to": l.to.name(),
            "at": l.at,
        })),
        "last_failure": s.last_failure.as_ref().map(failure),
        "durations": durations(s),
    })
}

fn retry(r: &RetryCounts) -> Value {
    let scores = r.scores.map(|scores| {
        scores.into_iter().map(|(name, score)| (name.to_owned(), json!(score))).collect::<Map<_, _>>()
    });
    let categories = Category::ALL.into_iter().map(Category::name).zip(r.by_category);
    let by_category: Map<_, _> = categories.map(|(name, n)| (name.to_owned(), json!(n))).collect();
    let denied = Denied::ALL.into_iter().map(Denied::name).zip(r.denied);
    let denied: Map<_, _> = denied.map(|(name, n)| (name.to_owned(), json!(n))).collect();
    json!({
        "budget": r.budget,
        "scores": scores,
        "retries": by_category,
        "after_rejection": r.rejected,
        "denied": denied,
    })
}

/// `null` without features.
fn features(s: &Snapshot) -> Option<Map<String, Value>> {
    let all = || s.features.iter().map(|f| (f.name.clone(), feature(f))).collect();
    (!s.features.is_empty()).then(all)
}

fn feature(f: &FeatureCounts) -> Value {
    json!({
        "state": f.state.name(),
        "health": f.health,
        "admitted": f.admitted,
        "refused": f.refused,
        "successes": f.successes,
        "failures": f.failures,
    })
}

/// The last failure, as a snapshot has it.
pub(crate) fn failure(f: &LastFailure) -> Value {
    json!({ "error_type": f.error_type, "at": f.at })
}

fn by_reason(counts: &[u64]) -> Map<String, Value> {
    Reason::ALL.into_iter().zip(counts).map(|(reason, n)| (reason.name().to_owned(), json!(n))).collect()
}

fn by_level(counts: &[u64]) -> Map<String, Value> {
    let names = Priority::ALL.into_iter().map(Priority::name);
    names.zip(counts).map(|(name, n)| (name.to_owned(), json!(n))).collect()
}

fn durations(s: &Snapshot) -> Value {
    let rows: Map<String, Value> = crate::outcome::Outcome::ALL
        .into_iter()
        .zip(&s.durations)
        .map(|(outcome, d)| (outcome.name().to_owned(), json!({ "counts": d.counts, "sum": d.sum })))
        .collect();
    let bounds: &[Nanos] = &s.duration_bounds;
    json!({ "bounds": bounds, "by_outcome": rows })
}
