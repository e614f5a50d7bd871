//! What a document says of the gates, with defaults filled in.

use super::{LEVELS, Levels};
use crate::model::config::{WHOLE, duration, integer, optional, share};
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatePlan {
    pub rate: Option<RatePlan>,
    pub priority: Option<PriorityPlan>,
    pub slots: Option<SlotPlan>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RatePlan {
    pub rule: RateRule,
    pub adaptive: Option<AdaptivePlan>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RateRule {
    Token { rate: f64, burst: u64, reserve: Levels },
    Leaky { rate: f64, max_wait: u64 },
    Fixed { limit: u64, window: u64 },
    Sliding { limit: u64, window: u64 },
}

#[derive(Clone, Debug, PartialEq)]
pub struct AdaptivePlan {
    pub min: f64,
    pub max: f64,
    /// In ten-thousandths, as the shares.
    pub scale: u64,
    pub cooldown: u64,
    pub lower_above: u64,
    pub raise_below: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PriorityPlan {
    pub min: usize,
    pub half_open_min: Option<usize>,
    pub open_bypass: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SlotPlan {
    pub kind: SlotKind,
    pub max_queue: u64,
    pub timeouts: Levels,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SlotKind {
    Bulkhead {
        max: u64,
        reserved: Levels,
    },
    /// `concurrency_limit` of kind `aimd`; shares and the ratio in ten-thousandths.
    Aimd {
        initial: u64,
        min: u64,
        max: u64,
        backoff_ratio: u64,
        shares: Levels,
    },
}

impl GatePlan {
    pub fn new(document: &Value) -> GatePlan {
        let bulkhead = document.get("bulkhead").map(|table| SlotPlan::new(table, SlotKind::bulkhead(table)));
        let limit = document.get("concurrency_limit");
        GatePlan {
            rate: document.get("rate_limit").map(RatePlan::new),
            priority: document.get("priority").map(PriorityPlan::new),
            slots: bulkhead.or(limit.map(|table| SlotPlan::new(table, SlotKind::aimd(table)))),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == GatePlan::default()
    }
}

impl RatePlan {
    fn new(table: &Value) -> RatePlan {
        let rate = table["rate"].as_f64().unwrap_or(100.0);
        let limit = optional(table, "limit", integer).unwrap_or(100);
        let window = optional(table, "window", duration).unwrap_or(SECOND);
        let rule = match table["algorithm"].as_str().unwrap_or("token_bucket") {
            "token_bucket" => RateRule::Token {
                rate,
                burst: optional(table, "burst", integer).unwrap_or(50),
                reserve: by_level(&table["reserve"], integer, [0; 5]),
            },
            "leaky_bucket" => {
                RateRule::Leaky { rate, max_wait: optional(table, "max_wait", duration).unwrap_or(SECOND) }
            }
            "fixed_window" => RateRule::Fixed { limit, window },
            "sliding_window" => RateRule::Sliding { limit, window },
            other => panic!("no algorithm {other}"),
        };
        let adaptive = table.get("adaptive").map(|adaptive| AdaptivePlan {
            min: adaptive["min"].as_f64().unwrap_or(rate.min(10.0)),
            max: adaptive["max"].as_f64().unwrap_or(rate.max(1_000.0)),
            scale: optional(adaptive, "scale", share).unwrap_or(15_000),
            cooldown: optional(adaptive, "cooldown", duration).unwrap_or(60 * SECOND),
            lower_above: optional(adaptive, "lower_above", share).unwrap_or(1_000),
            raise_below: optional(adaptive, "raise_below", share).unwrap_or(100),
        });
        RatePlan { rule, adaptive }
    }
}

impl PriorityPlan {
    fn new(table: &Value) -> PriorityPlan {
        PriorityPlan {
            min: optional(table, "min", level).unwrap_or(0),
            half_open_min: optional(table, "half_open_min", level),
            open_bypass: optional(table, "open_bypass", level),
        }
    }
}

impl SlotPlan {
    fn new(table: &Value, kind: SlotKind) -> SlotPlan {
        // By level, from bulk up.
        let defaults = [100, 500, 1_000, 2_000, 5_000].map(|ms| ms * 1_000_000);
        let timeouts = match table.get("queue_timeout") {
            Some(text) if text.is_string() => [duration(text); 5],
            Some(levels) => by_level(levels, duration, defaults),
            None => defaults,
        };
        SlotPlan { kind, max_queue: optional(table, "max_queue", integer).unwrap_or(0), timeouts }
    }

    /// Slots of each level that others may not have, of so many in all.
    pub fn reserved(&self, all: u64) -> Levels {
        match &self.kind {
            SlotKind::Bulkhead { reserved, .. } => *reserved,
            SlotKind::Aimd { shares, .. } => shares.map(|share| share * all / WHOLE),
        }
    }
}

impl SlotKind {
    fn bulkhead(table: &Value) -> SlotKind {
        let reserved = by_level(&table["reserved"], integer, [0; 5]);
        SlotKind::Bulkhead { max: integer(&table["max_concurrent"]), reserved }
    }

    fn aimd(table: &Value) -> SlotKind {
        let initial = optional(table, "initial", integer).unwrap_or(20);
        SlotKind::Aimd {
            initial,
            min: optional(table, "min", integer).unwrap_or(initial.min(1)),
            max: optional(table, "max", integer).unwrap_or(200),
            backoff_ratio: optional(table, "backoff_ratio", share).unwrap_or(9_000),
            shares: by_level(&table["reserved"], share, [0; 5]),
        }
    }
}

const SECOND: u64 = 1_000_000_000;

pub fn level(name: &Value) -> usize {
    LEVELS.iter().position(|known| name == known).expect("a level")
}

fn by_level(table: &Value, read: fn(&Value) -> u64, defaults: Levels) -> Levels {
    std::array::from_fn(|i| table.get(LEVELS[i]).map_or(defaults[i], read))
}
