//! Which subjects stand side by side in which case.

use std::time::Duration;

use crate::guard::{Detector, Maker, Policy, Scenario};
use crate::measure::Subject;
use crate::peers::{PEERS, tower_resilience};
use crate::rows::Place;
use crate::{fusewire_cases, gate_cases, recovery_cases, reference, tower_cases};

/// A subject and where its figure goes.
pub struct Entry {
    /// The package, or `bare` or `noop`.
    pub peer: &'static str,
    /// The case of its row.
    pub case: &'static str,
    /// What a reader should know.
    pub note: String,
    /// Its cell in the table.
    pub place: Place,
    /// How long a text is that it makes.
    pub bytes: Option<u64>,
    /// What is measured.
    pub subject: Subject,
}

/// Subjects that are measured in turn; the first is what the others are compared with.
pub struct Group {
    /// On how many threads at once.
    pub threads: usize,
    /// How long a turn is at most, if the effort's would be too long.
    pub turn: Option<Duration>,
    /// The subjects.
    pub entries: Vec<Entry>,
}

impl Group {
    /// What to call it while it is measured.
    pub fn name(&self) -> String {
        let case = self.entries[self.entries.len() - 1].case;
        if self.threads == 1 { case.to_owned() } else { format!("{case}, {} threads", self.threads) }
    }
}

/// A name, when the breaker opens, whether durations are measured, and what happens.
struct Case(&'static str, Detector, bool, Scenario);

const CASES: [Case; 14] = [
    Case("closed_default", Detector::Default, false, Scenario::Success),
    Case("closed_consecutive", Detector::Consecutive, false, Scenario::Success),
    Case("closed_count_100", Detector::Count(100), false, Scenario::Success),
    Case("closed_time", Detector::Time, false, Scenario::Success),
    Case("closed_adaptive", Detector::Adaptive, false, Scenario::Success),
    Case("closed_consecutive_timed", Detector::Consecutive, true, Scenario::Success),
    Case("closed_count_100_timed", Detector::Count(100), true, Scenario::Success),
    Case("closed_time_timed", Detector::Time, true, Scenario::Success),
    Case("closed_adaptive_timed", Detector::Adaptive, true, Scenario::Success),
    Case("failures_1pct", Detector::Consecutive, false, Scenario::OnePercent),
    Case("failures_1pct_count_100", Detector::Count(100), false, Scenario::OnePercent),
    Case("failures_1pct_time", Detector::Time, false, Scenario::OnePercent),
    Case("failures_1pct_adaptive", Detector::Adaptive, false, Scenario::OnePercent),
    Case("open_rejected", Detector::Consecutive, false, Scenario::Rejected),
];

const WINDOWS: [(&str, u32); 3] = [("count_10", 10), ("count_100", 100), ("count_10000", 10_000)];

const TOWER: [(&str, Detector, bool); 4] = [
    ("tower_layer", Detector::Consecutive, false),
    ("tower_layer_default", Detector::Default, false),
    ("tower_layer_count_100", Detector::Count(100), false),
    ("tower_layer_open_rejected", Detector::Consecutive, true),
];

const LOOKUPS: [(&str, usize); 2] = [("registry_lookup_1000", 1_000), ("registry_lookup_1000000", 1_000_000)];

/// Every group, in the order of the table.
pub fn groups() -> Vec<Group> {
    let mut groups = vec![references()];
    for threads in [1, 2] {
        groups.extend(CASES.iter().map(|case| calls(case, threads)));
        if threads == 1 {
            groups.push(windows());
        }
        groups
            .extend(TOWER.iter().filter_map(|&(case, detector, open)| tower(case, detector, open, threads)));
    }
    groups.extend(LOOKUPS.map(|(case, names)| lookup(case, names)));
    groups.push(metrics_text());
    groups.extend([1, 2].into_iter().flat_map(gate_cases::groups));
    groups.extend([1, 2].into_iter().flat_map(recovery_cases::groups));
    groups
}

/// The bare call twice, to see how far two equal figures differ, and an empty wrapper.
fn references() -> Group {
    let mut again = entry("bare", "bare", "the same once more", reference::bare(Scenario::Success));
    again.place.line = "bare (again)".to_owned();
    let noop = entry("noop", "noop_sync", "an empty wrapper", reference::noop());
    let entries = vec![entry("bare", "bare", "", reference::bare(Scenario::Success)), again, noop];
    Group { threads: 1, turn: None, entries }
}

fn calls(&Case(case, detector, timed, scenario): &Case, threads: usize) -> Group {
    let policy = Policy { detector, timed };
    let mut entries = vec![entry("bare", case, "", reference::bare(scenario))];
    for (style, offer) in fusewire_cases::STYLES {
        share(&mut entries, threads, || {
            let maker = offer(policy, scenario);
            Some(in_style(style, entry("fusewire", case, style, maker)))
        });
    }
    for peer in PEERS {
        share(&mut entries, threads, || {
            let (maker, note) = (peer.offer)(policy, scenario)?;
            Some(entry(peer.package, case, note, maker))
        });
    }
    on(threads, entries)
}

fn windows() -> Group {
    let mut entries = vec![entry("bare", "count_sizes", "", reference::bare(Scenario::Success))];
    for (case, size) in WINDOWS {
        let policy = Policy { detector: Detector::Count(size), timed: false };
        for (style, offer) in fusewire_cases::STYLES {
            entries.push(in_style(style, entry("fusewire", case, style, offer(policy, Scenario::Success))));
        }
        for peer in PEERS {
            if let Some((maker, note)) = (peer.offer)(policy, Scenario::Success) {
                entries.push(entry(peer.package, case, note, maker));
            }
        }
    }
    on(1, entries)
}

/// With two threads an open layer stays out: the peer's readiness then sleeps, which needs a runtime's timer.
fn tower(case: &'static str, detector: Detector, open: bool, threads: usize) -> Option<Group> {
    if open && threads > 1 {
        return None;
    }
    let mut entries = vec![entry("bare", case, "", tower_cases::bare())];
    share(&mut entries, threads, || {
        Some(entry("fusewire", case, "", fusewire_cases::service(detector, open)))
    });
    share(&mut entries, threads, || {
        let maker = tower_resilience::service(detector, open)?;
        Some(entry(tower_resilience::PACKAGE, case, "measures every duration", maker))
    });
    Some(on(threads, entries))
}

fn lookup(case: &'static str, names: usize) -> Group {
    let bare = entry("bare", case, "going through the names", fusewire_cases::names_only(names));
    let found = entry("fusewire", case, "names in a random order", fusewire_cases::lookups(names));
    on(1, vec![bare, found])
}

/// The text of a registry of 1,000 breakers, each with successes, failures and durations.
fn metrics_text() -> Group {
    let (text, make) = fusewire_cases::rendering(1_000);
    let mut entry = entry("fusewire", "metrics_text", "1,000 breakers", make);
    entry.bytes = Some(text as u64);
    on(1, vec![entry])
}

/// A subject on its own line under its peer.
pub fn entry(peer: &'static str, case: &'static str, note: &str, make: Maker) -> Entry {
    let place = Place::of(peer, case.to_owned());
    Entry { peer, case, note: note.to_owned(), place, bytes: None, subject: Subject { make, apart: false } }
}

fn in_style(style: &'static str, mut entry: Entry) -> Entry {
    if !style.is_empty() {
        entry.place.column = style;
    }
    entry
}

/// Adds a subject; with two threads, once on one breaker and once with a breaker for each thread.
pub fn share(entries: &mut Vec<Entry>, threads: usize, make: impl Fn() -> Option<Entry>) {
    entries.extend(make());
    if threads > 1 {
        entries.extend(make().map(|mut entry| {
            entry.subject.apart = true;
            entry
        }));
    }
}

/// A group on so many threads.
pub fn on(threads: usize, mut entries: Vec<Entry>) -> Group {
    for entry in entries.iter_mut().filter(|_| threads > 1) {
        let breakers = if entry.subject.apart { "two breakers" } else { "one breaker" };
        entry.place.line = format!("{}, {threads} threads", entry.case);
        if entry.subject.apart {
            entry.place.line = format!("{}, {threads} breakers", entry.case);
        }
        if entry.peer != "bare" {
            let said = if entry.note.is_empty() { "" } else { "; " };
            entry.note = format!("{}{said}{breakers}", entry.note);
        }
    }
    Group { threads, turn: None, entries }
}
