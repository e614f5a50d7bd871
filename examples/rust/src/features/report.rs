//! The table of events, as they come, and that of the features.

use super::NAMES;
use super::log::{Entry, What};
use super::run::Run;
use crate::load::Ending;
use fusewire::Reason;
use std::fmt::Write;

pub const HEAD: &str = "  time  who              from       to         because            health";

/// A line of the table of events.
pub fn line(entry: &Entry) -> String {
    let health = entry.what.health().map_or(String::new(), |health| format!("{health:.2}"));
    let (who, from, to, because) = match &entry.what {
        What::Breaker { from, to, cause } => ("breaker", from.to_string(), to.to_string(), cause.clone()),
        What::Feature { name, from, to, cause, .. } => {
            (name.as_str(), from.to_string(), to.to_string(), cause.clone())
        }
        What::Upstream { phase, feature } => {
            ("upstream", String::new(), (*phase).to_owned(), format!("for {}", feature.unwrap_or("all")))
        }
    };
    let line =
        format!("{:6.2}  {who:<15}  {from:<9}  {to:<9}  {because:<17}  {health}", entry.at.as_secs_f64());
    line.trim_end().to_owned()
}

/// What users of each feature saw.
pub fn table(run: &Run) -> String {
    let mut text =
        "feature          calls  answered  failed  turned away: open  half_open_full  feature_disabled\n"
            .to_owned();
    for (place, name) in NAMES.into_iter().enumerate() {
        let ended = |ending| run.count(place, |call| call.ending == ending);
        let refused = |reason| run.count(place, |call| call.refused == Some(reason));
        let _ = writeln!(
            text,
            "{name:<15}  {:>5}  {:>8}  {:>6}  {:>17}  {:>14}  {:>16}",
            run.count(place, |_| true),
            ended(Ending::Answered),
            ended(Ending::Failed),
            refused(Reason::Open),
            refused(Reason::HalfOpenFull),
            refused(Reason::FeatureDisabled),
        );
    }
    text
}
