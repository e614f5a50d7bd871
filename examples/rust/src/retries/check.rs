//! What a budget and a breaker promise. No bound here is a time: they are ratios between runs that went side by side, and
//! counts that the rules of the budget bound.

use super::plan::Plan;
use super::run::Run;
use super::{ATTEMPTS, MIN_PER_SECOND, RATIO, Runs, WINDOW};
use crate::check::{Finding, finding};

/// The place of the phase after the brown-out.
const AFTER: usize = 2;

pub fn verify(plan: &Plan, runs: &Runs) -> Vec<Finding> {
    let mut findings = vec![
        naive_multiplies(plan, runs),
        budget_holds(plan, "the budget", &runs.budget),
        budget_holds(plan, "budget and breaker", &runs.breaker),
        budget_serves_more(runs),
        naive_stays_down(plan, runs),
        breaker_spares(plan, runs),
    ];
    findings.extend(runs.named().map(|(name, run)| accounts_agree(name, run)));
    findings
}

fn naive_multiplies(plan: &Plan, runs: &Runs) -> Finding {
    let (naive, budget) = (runs.naive.amplification(plan, None), runs.budget.amplification(plan, None));
    finding(
        naive >= 2.0 && naive >= 1.5 * budget && naive <= f64::from(ATTEMPTS),
        format!(
            "naive retries made {naive:.2} requests of each call, {:.2} times the budgeted {budget:.2}; at least 2 and 1.5 \
             times are expected",
            naive / budget
        ),
    )
}

/// In each window of the budget's clock retries are at most its share of the first attempts and what it has for each second.
fn budget_holds(plan: &Plan, who: &str, run: &Run) -> Finding {
    let calls = run.calls.len() as f64;
    // The run touches one window more than it is long, and its last attempts are late.
    let windows = (plan.length().as_secs_f64() / WINDOW.as_secs_f64()).ceil() + 2.0;
    let most = 1.0 + RATIO + windows * MIN_PER_SECOND * WINDOW.as_secs_f64() / calls;
    let amplification = run.amplification(plan, None);
    finding(
        amplification <= most,
        format!(
            "with {who} a call made {amplification:.3} requests; at most {most:.3} are allowed, 1 + {RATIO} and a little"
        ),
    )
}

fn budget_serves_more(runs: &Runs) -> Finding {
    let (naive, budget) = (runs.naive.answered(None), runs.budget.answered(None));
    finding(
        budget as f64 >= 1.2 * naive as f64,
        format!(
            "with the budget {budget} calls were answered, {:.2} times the {naive} of naive retries; at least 1.2 times is \
             expected",
            budget as f64 / naive.max(1) as f64
        ),
    )
}

/// The load that naive retries add keeps the upstream down when the one that brought it down is over.
fn naive_stays_down(plan: &Plan, runs: &Runs) -> Finding {
    let all = runs.naive.of(Some(AFTER)).count().max(1) as f64;
    let share = |run: &Run| run.answered(Some(AFTER)) as f64 / all;
    let (naive, budget) = (share(&runs.naive), share(&runs.budget));
    finding(
        budget >= 2.0 * naive,
        format!(
            "when the brown-out is over, {:.1} % of the calls are answered with naive retries, at {:.1} times the load \
             offered, and {:.1} % with the budget; twice as many are expected",
            naive * 100.0,
            runs.naive.amplification(plan, Some(AFTER)),
            budget * 100.0
        ),
    )
}

fn breaker_spares(plan: &Plan, runs: &Runs) -> Finding {
    let (with, without) = (runs.breaker.answered(None), runs.budget.answered(None));
    let [spared, received] = [&runs.breaker, &runs.budget].map(|run| run.received_of(plan, None));
    let opened = runs.breaker.breaker.opened;
    finding(
        opened >= 1 && with > without && spared < received,
        format!(
            "the breaker opened {opened} times; with it {with} calls were answered instead of {without}, of {spared} \
             requests instead of {received}"
        ),
    )
}

/// What the upstream received is what was sent, and what was sent is what the breaker counted.
fn accounts_agree(name: &str, run: &Run) -> Finding {
    let made: u64 = run.calls.iter().map(|call| u64::from(call.attempts)).sum();
    let totals = &run.breaker.totals;
    let counted = totals.success + totals.failure;
    finding(
        run.received.total <= made && made == counted,
        format!(
            "{name}: {made} attempts were made, the breaker counted {counted}, the upstream received {}",
            run.received.total
        ),
    )
}

#[cfg(test)]
mod tests;
