//! What the breaker promises, held against what the upstream received.
//!
//! No bound here rests on how fast the machine is: the upstream counts each call under the spell of the breaker that
//! admitted it, and the client knows how many it sent and had in flight.

use crate::ledger::{Spell, tag};
use crate::load::Ending;
use crate::run::Run;
use crate::setting::Setting;
use fusewire::{State, Totals};

/// Probes of one half-open spell: the breaker's default.
const PROBES: u64 = 3;

/// One promise and whether it was kept.
pub struct Finding {
    pub kept: bool,
    text: String,
}

/// Prints the findings; true when all promises were kept.
pub fn report(findings: &[Finding]) -> bool {
    for finding in findings {
        println!("check: {}: {}", if finding.kept { "ok" } else { "BROKEN" }, finding.text);
    }
    findings.iter().all(|finding| finding.kept)
}

pub fn verify(
    setting: &Setting,
    bare: &Run,
    protected: &Run,
    spells: &[Spell],
    totals: &Totals,
) -> Vec<Finding> {
    vec![
        nothing_is_untold(spells),
        opens_and_closes(spells),
        opens_in_time(setting, spells),
        open_lets_nothing_through(protected, spells),
        half_open_lets_probes_through(protected, spells),
        upstream_agrees(protected, spells),
        breaker_agrees(protected, totals),
        outage_is_spared(setting, bare, protected, spells),
    ]
}

/// A promise, and whether it was kept.
pub fn finding(kept: bool, text: String) -> Finding {
    Finding { kept, text }
}

fn of(spells: &[Spell], state: State) -> impl Iterator<Item = (usize, &Spell)> {
    spells.iter().enumerate().filter(move |(_, spell)| spell.state == state)
}

fn nothing_is_untold(spells: &[Spell]) -> Finding {
    finding(
        spells.iter().enumerate().all(|(index, spell)| spell.generation == index as u64),
        format!("each of the {} transitions was told, in order", spells.len() - 1),
    )
}

fn opens_and_closes(spells: &[Spell]) -> Finding {
    let last = spells.last().map(|spell| spell.state);
    finding(
        of(spells, State::Open).count() > 0 && last == Some(State::Closed),
        format!(
            "the breaker opened in the outage and closed after it ({} times open, in the end {})",
            of(spells, State::Open).count(),
            last.map_or("unknown".into(), |state| state.to_string())
        ),
    )
}

/// Calls that the client saw fail in a row while closed: exactly the threshold when it opened, never more.
fn opens_in_time(setting: &Setting, spells: &[Spell]) -> Finding {
    let threshold = u64::from(setting.failure_threshold);
    let followed = |index: usize| spells.get(index + 1).is_some_and(|next| next.state == State::Open);
    let wrong: Vec<String> = of(spells, State::Closed)
        .filter(|(index, spell)| match followed(*index) {
            true => spell.in_a_row != threshold || spell.most_in_a_row != threshold,
            false => spell.most_in_a_row >= threshold,
        })
        .map(|(index, spell)| format!("{} in spell {index}", spell.most_in_a_row))
        .collect();
    finding(
        wrong.is_empty(),
        format!("closed, it opened at {threshold} failures in a row{}", but(&wrong, "but it saw")),
    )
}

fn open_lets_nothing_through(protected: &Run, spells: &[Spell]) -> Finding {
    let wrong = beyond(protected, of(spells, State::Open), 0);
    finding(
        wrong.is_empty(),
        format!("the upstream received no call that was made while open{}", but(&wrong, "but it received")),
    )
}

fn half_open_lets_probes_through(protected: &Run, spells: &[Spell]) -> Finding {
    let wrong = beyond(protected, of(spells, State::HalfOpen), PROBES);
    finding(
        wrong.is_empty(),
        format!(
            "the upstream received at most {PROBES} probes each time it was half open{}",
            but(&wrong, "but it received")
        ),
    )
}

/// Which of these spells let more through, by the upstream's count or by the client's.
fn beyond<'a>(
    protected: &Run,
    spells: impl Iterator<Item = (usize, &'a Spell)>,
    allowed: u64,
) -> Vec<String> {
    spells
        .map(|(index, spell)| (index, spell.admitted.max(received(protected, index))))
        .filter(|(_, let_through)| *let_through > allowed)
        .map(|(index, let_through)| format!("{let_through} in spell {index}"))
        .collect()
}

fn received(protected: &Run, spell: usize) -> u64 {
    protected.received.by_tag.get(&tag(spell)).copied().unwrap_or(0)
}

fn but(wrong: &[String], what: &str) -> String {
    if wrong.is_empty() { String::new() } else { format!(", {what} {}", wrong.join(", ")) }
}

/// Nothing reaches the upstream but what was admitted, and every answer came from there.
fn upstream_agrees(protected: &Run, spells: &[Spell]) -> Finding {
    let admitted: u64 = spells.iter().map(|spell| spell.admitted).sum();
    let answered = protected.calls.iter().filter(|call| call.ending == Ending::Answered).count() as u64;
    let received = protected.received.total;
    finding(
        answered <= received && received <= admitted,
        format!(
            "of {admitted} calls admitted the upstream received {received}, of which {answered} were answered"
        ),
    )
}

/// Every call of a user is in the breaker's totals, and nothing else is.
fn breaker_agrees(protected: &Run, totals: &Totals) -> Finding {
    let users = [Ending::Answered, Ending::Failed, Ending::Rejected]
        .map(|ending| protected.calls.iter().filter(|call| call.ending == ending).count() as u64);
    let counted = [totals.success, totals.failure, totals.rejected.iter().sum()];
    finding(
        users == counted && totals.ignored == 0,
        format!(
            "the breaker counted {} successes, {} failures and {} rejections; users saw {}, {} and {}",
            counted[0], counted[1], counted[2], users[0], users[1], users[2]
        ),
    )
}

/// While no call can succeed, each one that arrives either was a failure that let the breaker open, or was in flight as
/// it opened, or was a probe. (The unprotected run is told for comparison only: a machine with much other work may send
/// so late in it that few calls arrive.)
fn outage_is_spared(setting: &Setting, bare: &Run, protected: &Run, spells: &[Spell]) -> Finding {
    let arrived = |run: &Run| -> u64 {
        setting.outage().filter_map(|phase| run.received.by_phase.get(&phase.name)).sum()
    };
    let failed: u64 = of(spells, State::Closed).map(|(_, spell)| spell.failed).sum();
    let opened = of(spells, State::Open).filter(|(index, _)| spells[index - 1].state == State::Closed);
    let in_flight: u64 = opened.map(|(_, spell)| spell.in_flight).sum();
    let probes: u64 = of(spells, State::HalfOpen).map(|(_, spell)| spell.admitted).sum();
    let (with, without) = (arrived(protected), arrived(bare));
    finding(
        with <= failed + in_flight + probes,
        format!(
            "while nothing could succeed the upstream received {with} calls instead of {without}; allowed were {} \
             ({failed} failed while closed, {in_flight} were in flight as it opened, {probes} were probes)",
            failed + in_flight + probes
        ),
    )
}

#[cfg(test)]
mod tests;
