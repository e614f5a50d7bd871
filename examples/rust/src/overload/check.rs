//! What admission promises. No bound here rests on how fast the machine is, but that of p99, which is told and does not
//! break the check: a machine with much other work answers late whoever asks.

use super::Runs;
use super::plan::MIX;
use super::report::p99;
use super::run::Run;
use crate::check::{Finding, finding};
use crate::load::Ending;
use fusewire::{Priority, Snapshot, State};

pub fn verify(runs: &Runs, breaker: &Snapshot) -> Vec<Finding> {
    vec![
        upstream_has_no_line(runs),
        critical_is_let_in(runs),
        lower_levels_give_way(runs),
        bulk_is_shed(runs),
        breaker_agrees(runs, breaker),
        critical_is_quick(runs),
    ]
}

/// The share of a level's calls that were turned away.
fn turned_away(run: &Run, level: Priority) -> f64 {
    let (all, away) = run
        .of(level)
        .fold((0, 0), |(all, away), call| (all + 1, away + u32::from(call.call.ending == Ending::Rejected)));
    f64::from(away) / f64::from(all.max(1))
}

/// A call that its user gave up leaves its slot before the upstream notices.
fn upstream_has_no_line(runs: &Runs) -> Finding {
    let given_up =
        runs.admitted.calls.iter().filter(|call| call.call.ending == Ending::Failed).count() as u64;
    let (with, without) = (runs.admitted.received.most_in_line, runs.bare.received.most_in_line);
    finding(
        with <= given_up,
        format!(
            "in the upstream at most {with} calls stood in line instead of {without}; {given_up} were given up"
        ),
    )
}

fn critical_is_let_in(runs: &Runs) -> Finding {
    let away = turned_away(&runs.admitted, Priority::Critical);
    finding(away == 0.0, format!("{:.1} % of the critical calls were turned away", away * 100.0))
}

fn lower_levels_give_way(runs: &Runs) -> Finding {
    let shares = MIX.map(|(level, _)| turned_away(&runs.admitted, level));
    let said: Vec<String> = shares.iter().map(|share| format!("{:.1} %", share * 100.0)).collect();
    finding(
        shares.is_sorted(),
        format!("from critical down to bulk, ever more calls were turned away: {}", said.join(", ")),
    )
}

fn bulk_is_shed(runs: &Runs) -> Finding {
    let away = turned_away(&runs.admitted, Priority::Bulk);
    finding(away > 0.9, format!("{:.1} % of the bulk was shed", away * 100.0))
}

/// Every call of a user is in the breaker's totals, and nothing else is.
fn breaker_agrees(runs: &Runs, breaker: &Snapshot) -> Finding {
    let users = [Ending::Answered, Ending::Failed, Ending::Rejected]
        .map(|ending| runs.admitted.calls.iter().filter(|call| call.call.ending == ending).count() as u64);
    let totals = &breaker.totals;
    let counted = [totals.success, totals.failure, totals.rejected.iter().sum()];
    finding(
        users == counted && breaker.state == State::Closed,
        format!(
            "the breaker counted {} successes, {} failures and {} rejections, and is {}; users saw {}, {} and {}",
            counted[0], counted[1], counted[2], breaker.state, users[0], users[1], users[2]
        ),
    )
}

fn critical_is_quick(runs: &Runs) -> Finding {
    let unloaded = p99(runs.unloaded.judged()).unwrap_or_default().as_secs_f64() * 1e3;
    let critical = p99(runs.admitted.of(Priority::Critical)).unwrap_or_default().as_secs_f64() * 1e3;
    let times = critical / unloaded;
    let verdict = if times <= 2.0 { "within" } else { "NOT within" };
    finding(
        true,
        format!(
            "p99 of critical calls was {critical:.1} ms, {times:.2} times the unloaded service's {unloaded:.1} ms: \
             {verdict} 2 times"
        ),
    )
}
