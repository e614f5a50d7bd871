//! What the features promise: the order in which all of it happens, and whose calls are let in meanwhile. No bound here is
//! a time.

use super::log::What;
use super::run::{FeatureCall, Run};
use super::{NAMES, RECOMMENDATIONS};
use crate::check::{Finding, finding};
use crate::load::Ending;
use fusewire::Reason;

/// The scene, from its beginning to its end.
const EXPECTED: &str = "\
upstream: down
breaker: closed -> open (failure_rate)
catalogue: enabled -> disabled (opened)
search: enabled -> disabled (opened)
recommendations: enabled -> disabled (opened)
reviews: enabled -> disabled (opened)
breaker: open -> half_open (recovery_timeout)
breaker: half_open -> open (probe_failed)
upstream: up
breaker: open -> half_open (recovery_timeout)
breaker: half_open -> closed (probes_succeeded)
catalogue: disabled -> testing (recovery)
catalogue: testing -> enabled (passed)
search: disabled -> testing (recovery)
upstream: down for search
search: testing -> disabled (failed)
upstream: up for search
catalogue: enabled -> disabled (rolled_back)
breaker: closed -> open (feature_failed)
breaker: open -> half_open (recovery_timeout)
breaker: half_open -> closed (probes_succeeded)
catalogue: disabled -> testing (recovery)
catalogue: testing -> enabled (passed)
search: disabled -> testing (recovery)
search: testing -> enabled (passed)
recommendations: disabled -> testing (recovery)
recommendations: testing -> enabled (passed)
reviews: disabled -> testing (recovery)
reviews: testing -> enabled (passed)
upstream: down for recommendations
recommendations: enabled -> disabled (unhealthy)
upstream: up for recommendations
recommendations: disabled -> testing (recovery)
recommendations: testing -> enabled (passed)";

pub fn verify(run: &Run) -> Vec<Finding> {
    vec![order_holds(run), the_others_go_on(run), only_what_was_let_in_arrives(run), accounts_agree(run)]
}

fn order_holds(run: &Run) -> Finding {
    let seen: Vec<String> = run.entries.iter().map(|entry| entry.what.to_string()).collect();
    let expected: Vec<&str> = EXPECTED.lines().collect();
    let first_wrong = (0..seen.len().max(expected.len()))
        .find(|place| seen.get(*place).map(String::as_str) != expected.get(*place).copied());
    let text = match first_wrong {
        None => format!("all {} events came in the expected order", expected.len()),
        Some(place) => format!(
            "event {} was {:?}, expected was {:?}",
            place + 1,
            seen.get(place).map_or("none", String::as_str),
            expected.get(place).copied().unwrap_or("none")
        ),
    };
    finding(first_wrong.is_none() && run.is_over, text)
}

/// The calls that began between the two entries for which that holds, the first one each.
fn between(run: &Run, from: impl Fn(&What) -> bool, to: impl Fn(&What) -> bool) -> Option<Vec<&FeatureCall>> {
    let from = run.entries.iter().position(|entry| from(&entry.what))?;
    let to = from + run.entries[from..].iter().position(|entry| to(&entry.what))?;
    Some(run.calls.iter().filter(|call| (from + 1..=to).contains(&call.seen)).collect())
}

/// While one feature alone is disabled.
fn the_others_go_on(run: &Run) -> Finding {
    let is = |text: &'static str| move |what: &What| what.to_string() == text;
    let calls = between(
        run,
        is("recommendations: enabled -> disabled (unhealthy)"),
        is("recommendations: disabled -> testing (recovery)"),
    );
    let (its, others): (Vec<&FeatureCall>, Vec<&FeatureCall>) =
        calls.unwrap_or_default().into_iter().partition(|call| NAMES[call.feature] == RECOMMENDATIONS);
    let answered = others.iter().filter(|call| call.ending == Ending::Answered).count();
    // Its test may begin with one of its own calls, which is let in.
    let refused = its.iter().filter(|call| call.refused == Some(Reason::FeatureDisabled)).count();
    finding(
        answered > 0 && answered == others.len() && refused > 0 && its.len() - refused <= 1,
        format!(
            "while {RECOMMENDATIONS} alone was disabled, {refused} of its {} calls were turned away, and {answered} of the \
             other features' {} were answered",
            its.len(),
            others.len()
        ),
    )
}

/// The upstream received of each feature what the breaker let in, and nothing else.
fn only_what_was_let_in_arrives(run: &Run) -> Finding {
    let counts = NAMES.iter().enumerate().map(|(place, name)| {
        let admitted = run.count(place, |call| call.ending != Ending::Rejected) as u64;
        (name, admitted, run.received.by_tag.get(*name).copied().unwrap_or(0))
    });
    let counts: Vec<_> = counts.collect();
    let said: Vec<String> =
        counts.iter().map(|(name, admitted, received)| format!("{name} {received} of {admitted}")).collect();
    finding(
        counts.iter().all(|(_, admitted, received)| admitted == received),
        format!("of the calls that were let in the upstream received: {}", said.join(", ")),
    )
}

/// Every call of a user is in the breaker's counts, and nothing else is.
fn accounts_agree(run: &Run) -> Finding {
    let wrong: Vec<&str> = NAMES
        .into_iter()
        .enumerate()
        .filter(|(place, name)| {
            let admitted = run.count(*place, |call| call.ending != Ending::Rejected) as u64;
            let refused = run.count(*place, |call| call.refused == Some(Reason::FeatureDisabled)) as u64;
            let counted = run.breaker.features.iter().find(|feature| feature.name == *name);
            counted.is_none_or(|counted| (counted.admitted, counted.refused) != (admitted, refused))
        })
        .map(|(_, name)| name)
        .collect();
    let text = match wrong.as_slice() {
        [] => "the breaker counted for each feature what its users saw".to_owned(),
        wrong => format!("the breaker counted something else than users saw for {}", wrong.join(", ")),
    };
    finding(wrong.is_empty(), text)
}

#[cfg(test)]
mod tests;
