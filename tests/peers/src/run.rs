//! Measures what was asked for and makes rows of it.

use crate::args::Args;
use crate::cases::{self, Entry, Group};
use crate::measure::{Effort, Sample, Subject, measure};
use crate::rows::{Row, round};
use crate::{gate_cases, memory, versions};

/// Every case that was asked for.
pub fn all(args: &Args) -> Vec<Row> {
    let wanted = |group: &Group| group.entries.iter().any(|entry| args.wants(entry.case));
    let groups: Vec<Group> = cases::groups().into_iter().filter(wanted).collect();
    let mut rows: Vec<Row> = groups.iter().zip(timed(&groups, args.effort())).flat_map(compared).collect();
    if args.wants(memory::CASE) {
        eprintln!("measuring {}", memory::CASE);
        rows.extend(memory::rows());
    }
    rows
}

/// The groups' figures, pooled over the passes.
fn timed(groups: &[Group], effort: Effort) -> Vec<Vec<Sample>> {
    let mut pools: Vec<Vec<Vec<f64>>> =
        groups.iter().map(|group| vec![Vec::new(); group.entries.len()]).collect();
    for pass in 1..=effort.passes {
        for (group, pool) in groups.iter().zip(&mut pools) {
            eprintln!("measuring {} ({pass} of {})", group.name(), effort.passes);
            let subjects: Vec<&Subject> = group.entries.iter().map(|entry| &entry.subject).collect();
            let turn = group.turn.map_or(effort.turn, |longest| longest.min(effort.turn));
            let of_group = Effort { turn, ..effort };
            for (pool, rounds) in pool.iter_mut().zip(measure(&subjects, group.threads, of_group)) {
                pool.extend(rounds);
            }
        }
    }
    pools
        .into_iter()
        .map(|pool| pool.into_iter().map(|mut rounds| Sample::of(&mut rounds)).collect())
        .collect()
}

/// A group's rows, each compared with its bare call.
fn compared((group, samples): (&Group, Vec<Sample>)) -> Vec<Row> {
    let bare = samples[0];
    group.entries.iter().zip(samples).map(|(entry, sample)| row(entry, group.threads, sample, bare)).collect()
}

/// A rejection never makes the bare call and a text has none, so they are not compared with one.
fn row(entry: &Entry, threads: usize, sample: Sample, bare: Sample) -> Row {
    let whole = entry.peer == "bare" || entry.case.ends_with("_rejected") || entry.bytes.is_some();
    let whole = whole || gate_cases::is_whole(entry.case);
    let over = |figure: f64, bare: f64| round(if whole { figure } else { figure - bare });
    Row {
        lang: "rust",
        peer: entry.peer,
        version: versions::of(entry.peer),
        case: entry.case,
        threads,
        ns: Some(over(sample.median, bare.median)),
        ns_min: Some(over(sample.min, bare.min)),
        ns_total: Some(round(sample.median)),
        bytes: entry.bytes,
        note: Some(entry.note.clone()).filter(|note| !note.is_empty()),
        place: entry.place.clone(),
    }
}
