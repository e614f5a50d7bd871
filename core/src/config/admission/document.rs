//! The gates of a plan as tables with every default filled in.

use super::keys;
use crate::admit::priority::{LEVELS, Priority};
use crate::admit::{
    Admission, BulkheadRules, LimitKind, LimitRules, Pace, PriorityRules, QueueRules, RateRules, SlotRules,
};
use crate::config::keys as shared;
use crate::config::value::Value;
use crate::config::write::{length, share, text, whole};

/// Sets the table of each gate that there is.
pub(crate) fn set(t: &mut Value, admission: &Admission) {
    if let Some(rules) = &admission.rate {
        t.set(keys::RATE_LIMIT, rate_limit(rules));
    }
    if let Some(rules) = &admission.priority {
        t.set(keys::PRIORITY, priority(rules));
    }
    match &admission.slots {
        Some(SlotRules::Bulkhead(rules)) => t.set(keys::BULKHEAD, bulkhead(rules)),
        Some(SlotRules::Limit(rules)) => t.set(keys::CONCURRENCY_LIMIT, limit(rules)),
        None => {}
    }
}

fn rate_limit(rules: &RateRules) -> Value {
    let mut t = Value::table();
    let name = match rules {
        RateRules::Token { .. } => keys::ALGORITHMS[0],
        RateRules::Leaky { .. } => keys::ALGORITHMS[1],
        RateRules::Fixed { .. } => keys::ALGORITHMS[2],
        RateRules::Sliding { .. } => keys::ALGORITHMS[3],
    };
    t.set(keys::ALGORITHM, text(name));
    let adaptive = match rules {
        RateRules::Token { rate, burst, reserve, pace } => {
            t.set(keys::RATE.key, Value::Float(*rate));
            t.set(keys::BURST.key, whole(*burst));
            t.set(keys::RESERVE, by_level(reserve, whole));
            pace
        }
        RateRules::Leaky { rate, max_wait, pace } => {
            t.set(keys::RATE.key, Value::Float(*rate));
            t.set(keys::MAX_WAIT.key, length(*max_wait));
            pace
        }
        RateRules::Fixed { limit, window } | RateRules::Sliding { limit, window } => {
            t.set(keys::FIXED_LIMIT.key, whole(*limit));
            t.set(keys::RATE_WINDOW.key, length(*window));
            &None
        }
    };
    if let Some(pace) = adaptive {
        t.set(keys::RATE_ADAPTIVE, self::adaptive(pace));
    }
    t
}

fn adaptive(pace: &Pace) -> Value {
    let mut t = Value::table();
    t.set(keys::RATE_MIN.key, Value::Float(pace.min));
    t.set(keys::RATE_MAX.key, Value::Float(pace.max));
    t.set(keys::RATE_SCALE.key, share(pace.scale_bp));
    t.set(keys::RATE_COOLDOWN.key, length(pace.cooldown));
    t.set(keys::LOWER_ABOVE.key, share(pace.lower_above_bp));
    t.set(keys::RAISE_BELOW.key, share(pace.raise_below_bp));
    t
}

fn priority(rules: &PriorityRules) -> Value {
    let mut t = Value::table();
    t.set(keys::PRIORITY_MIN, text(rules.min.name()));
    let others = [(keys::HALF_OPEN_MIN, rules.half_open_min), (keys::OPEN_BYPASS, rules.open_bypass)];
    for (key, level) in others {
        if let Some(level) = level {
            t.set(key, text(level.name()));
        }
    }
    t
}

fn bulkhead(rules: &BulkheadRules) -> Value {
    let mut t = Value::table();
    t.set(keys::MAX_CONCURRENT.key, whole(rules.max_concurrent));
    t.set(keys::RESERVED, by_level(&rules.reserved, whole));
    set_queue(&mut t, &rules.queue);
    t
}

fn limit(rules: &LimitRules) -> Value {
    let mut t = Value::table();
    let is_aimd = matches!(rules.kind, LimitKind::Aimd { .. });
    t.set(shared::KIND, text(keys::LIMIT_KINDS[usize::from(!is_aimd)]));
    t.set(keys::LIMIT_INITIAL.key, whole(rules.initial));
    t.set(keys::AIMD_MIN.key, whole(rules.min));
    t.set(keys::LIMIT_MAX.key, whole(rules.max));
    match rules.kind {
        LimitKind::Aimd { backoff_bp } => t.set(keys::BACKOFF_RATIO.key, share(backoff_bp)),
        LimitKind::Gradient { tolerance_bp, queue, smoothing_bp, long_window } => {
            t.set(keys::TOLERANCE.key, share(tolerance_bp));
            t.set(keys::LIMIT_QUEUE.key, whole(queue));
            t.set(keys::SMOOTHING.key, share(smoothing_bp));
            t.set(keys::LONG_WINDOW.key, whole(long_window));
        }
    }
    t.set(keys::RESERVED, by_level(&rules.reserved_bp, share));
    set_queue(&mut t, &rules.queue);
    t
}

fn set_queue(t: &mut Value, queue: &QueueRules) {
    t.set(keys::MAX_QUEUE.key, whole(queue.max_queue));
    let mut timeouts = Value::table();
    for level in Priority::ALL.into_iter().rev() {
        timeouts.set(level.name(), length(queue.timeouts[level as usize]));
    }
    t.set(keys::QUEUE_TIMEOUT, timeouts);
}

/// The levels that have something, the highest first: the default is none.
fn by_level(numbers: &[u64; LEVELS], show: impl Fn(u64) -> Value) -> Value {
    let mut t = Value::table();
    for level in Priority::ALL.into_iter().rev() {
        match numbers[level as usize] {
            0 => {}
            n => t.set(level.name(), show(n)),
        }
    }
    t
}
