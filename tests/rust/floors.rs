//! The core is built in floors: a file imports lower floors only. This reads every `crate::` and `super::` path in
//! `core/src` and holds it against the table below.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// From the ground up: what a floor is, and its files. Files of one floor do not import each other, but for a `mod.rs`
/// and its children: it may import them, and they what it defines itself.
#[rustfmt::skip]
const FLOORS: [(&str, &str, &[&str]); 71] = [
    ("F0", "The ground imports nothing of ours: the gate before forks, draws, names.", &[
        "fork", "rng", "name", "report",
    ]),
    ("F0.1", "Atomics and locks.", &["sync"]),
    ("F0.11", "A lock that no fork waits for.", &["lock"]),
    ("F0.2", "What a clock and the word are, and who a thread is.", &["clock", "thread", "word"]),
    ("F0.3", "What can go wrong.", &["error"]),
    ("F0.4", "Outcomes: a permit remembers why it would have been rejected.", &["outcome"]),
    ("F0.5", "What hosts of other languages hang on a breaker.", &["side"]),
    ("F0.6", "Levels of priority, and what a call asks for.", &["admit/priority"]),
    ("F0.7", "What a call asks for.", &["request"]),
    ("F1", "How long an opening lasts, and the unit of all shares.", &["backoff"]),
    ("F1.1", "The parts of the rules: what opens, and the way back.", &[
        "detect/mod", "detect/consecutive", "detect/count", "detect/time", "detect/adaptive",
        "recover/mod", "recover/probe", "recover/ramp",
    ]),
    ("F1.12", "The rules of the gates before the machine.", &["admit/mod", "admit/rate", "admit/concurrency"]),
    ("F1.13", "The parts of slots and their queue.", &["admit/bulkhead", "admit/deadlines", "admit/wake"]),
    ("F1.14", "What of it is read without a lock, who waits, and what gates keep.", &[
        "admit/limits", "admit/queue", "admit/limit", "admit/pace", "admit/lane",
    ]),
    ("F1.145", "The ring of a sliding window.", &["admit/ring"]),
    ("F1.15", "What lies behind the queue's lock; the rate limit over its words.", &["admit/line", "admit/limiter"]),
    ("F1.155", "Drawing from it where that is all there is to it.", &["admit/at_once"]),
    ("F1.16", "Slots and their queue.", &["admit/slots"]),
    ("F1.165", "Mean and deviation, which several of these take.", &["policy/spread"]),
    ("F1.17", "The parts of the policies around the call.", &[
        "policy/budget", "policy/cache", "policy/category", "policy/feature/mod", "policy/flights", "policy/hedge",
        "policy/timeout", "policy/wait",
    ]),
    ("F1.171", "What stands on the cache's rules, futures over flights, and a feature's word.", &[
        "policy/coalesce", "policy/fallback", "policy/feature/spell", "policy/index",
    ]),
    ("F1.172", "Values over the index.", &["policy/values"]),
    ("F1.18", "Whether a call is tried once more.", &["policy/retry"]),
    ("F1.19", "All the policies around the call.", &["policy/mod"]),
    ("F1.2", "The machine puts the rules together.", &["machine"]),
    ("F1.21", "What a machine's transitions and the outcomes do to features.", &["policy/feature/recovery"]),
    ("F1.22", "Features as calls use them.", &["policy/feature/live"]),
    ("F2", "Shapes that hold a machine or tell of it: its record, an event.", &["record", "event"]),
    ("F2.01", "Where events wait for a reader.", &["inbox"]),
    ("F2.02", "Events on their way to who listens.", &["events"]),
    ("F2.1", "Its memory, and durations in buckets.", &["cell", "histogram"]),
    ("F2.2", "What lies beside a cell: stripes, the ledger, spans and events for `tracing`.", &[
        "stripe", "ledger", "trace",
    ]),
    ("F2.3", "The document, from the ground up: keys, and values as they were written.", &[
        "config/keys", "config/value",
    ]),
    ("F2.4", "The plan, which knows how large its cell is, and tables that read keys.", &[
        "config/plan", "config/table",
    ]),
    ("F2.41", "What documents and the schema are written with, and how many calls are timed.", &[
        "config/write", "config/property", "config/sampling",
    ]),
    ("F2.42", "The keys of the gates and of the policies.", &["config/admission/keys", "config/policy/keys"]),
    ("F2.43", "What tables say by level, and Rust's way to write the gates and the policies.", &[
        "config/admission/level", "config/admission/builder", "config/policy/beside", "config/policy/builder",
    ]),
    ("F2.44", "The gates, from the document and back.", &[
        "config/admission/mod", "config/admission/rate", "config/admission/priority", "config/admission/slots",
        "config/admission/document", "config/admission/schema",
    ]),
    ("F2.45", "What may stand in for a call, from the document.", &["config/policy/fallback"]),
    ("F2.46", "The policies, from the document and back.", &[
        "config/policy/mod", "config/policy/timeout", "config/policy/retry", "config/policy/hedge",
        "config/policy/features", "config/policy/document", "config/policy/schema",
    ]),
    ("F2.5", "From a document to a plan and back, the builder and the schema.", &[
        "config/mod", "config/builder", "config/document", "config/schema",
    ]),
    ("F2.6", "A breaker at one instant, for people.", &["snapshot"]),
    ("F2.61", "What changes around the machine.", &["policy_event"]),
    ("F2.615", "What the policies around the call keep, each by itself.", &[
        "around/caching", "around/falling", "around/featured", "around/hedging", "around/retrying",
    ]),
    ("F2.616", "All of them, for one plan.", &["around/mod"]),
    ("F2.62", "What the gates of one breaker keep.", &["gates"]),
    ("F2.7", "The snapshot as text.", &["metrics/mod", "metrics/json", "metrics/prometheus"]),
    ("F3", "A cell with its plans and stripes.", &["engine"]),
    ("F3.1", "A breaker: its engines, and what a step owes.", &["body"]),
    ("F3.15", "Its features beside its machine, and a call with its attempts.", &["featured", "attempt"]),
    ("F3.2", "A call's way through the gates.", &["way"]),
    ("F3.21", "Who waits on it.", &["waiters"]),
    ("F3.215", "The short way through the gates.", &["passage"]),
    ("F3.22", "Asking, settling, what operators do, what readers see, and who keeps it in memory.", &["acquire", "admission", "settle", "leave", "govern", "hand", "handle", "read"]),
    ("F3.3", "What a call holds meanwhile.", &["permit"]),
    ("F4", "The call.", &["breaker"]),
    ("F4.05", "A call with its attempts, step by step.", &["stepping"]),
    ("F4.1", "Calls that say how much they matter, and that wait.", &["asking"]),
    ("F5", "Names and their breakers.", &["registry"]),
    ("F4.2", "What a call that recovers comes to.", &["calls/answer"]),
    ("F4.21", "How results are judged; values that are kept, and calls that share an attempt.", &[
        "calls/judge", "calls/keep",
    ]),
    ("F4.215", "Which breakers fall back in a call.", &["descent"]),
    ("F4.22", "What answers in a call's place.", &["calls/rungs"]),
    ("F4.23", "What a policy consists of.", &["calls/shared"]),
    ("F4.24", "How it is built, and a call of it that is under way.", &["calls/policy", "calls/run"]),
    ("F4.25", "Calls that block, and attempts beside an attempt.", &["calls/blocking", "calls/race"]),
    ("F4.26", "Calls that are awaited.", &["calls/awaiting"]),
    ("F4.27", "Calls that recover.", &["calls/mod"]),
    ("F6", "Async calls, and what packages of other languages need.", &["tokio", "binding/mod", "binding/gates", "binding/attempts", "binding/first"]),
    ("F6.1", "`tower` layers, which await as async calls do.", &["tower", "tower/http", "tower/policy"]),
    ("F7", "What the crate shows.", &["lib"]),
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src")
}

/// Every source file without its ending, `detect/time`, and its text.
fn files() -> BTreeMap<String, String> {
    fn visit(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).expect("the core's source").flatten() {
            let name = entry.file_name().into_string().expect("a name in UTF-8");
            if entry.path().is_dir() {
                visit(&entry.path(), &format!("{prefix}{name}/"), found);
            } else if let Some(stem) = name.strip_suffix(".rs") {
                let text = std::fs::read_to_string(entry.path()).expect("a source file");
                found.insert(format!("{prefix}{stem}"), text);
            }
        }
    }
    let mut found = BTreeMap::new();
    visit(&source(), "", &mut found);
    found
}

/// Code without its comments; no string of the core contains `//` before a path.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// All paths that begin with `root`, each as its segments after it; braces are taken apart.
fn paths(code: &str, root: &str) -> Vec<Vec<String>> {
    let starts = code.match_indices(root).map(|(at, _)| at);
    let fresh =
        starts.filter(|at| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || "_:$".contains(c)));
    fresh.flat_map(|at| tree(&mut code[at + root.len()..].chars().peekable())).collect()
}

/// The branches of a path: `a::{b, c::d}` has `a::b` and `a::c::d`.
fn tree(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Vec<Vec<String>> {
    let is_space = |c: &char| c.is_whitespace();
    while rest.next_if(is_space).is_some() {}
    if rest.next_if_eq(&'{').is_some() {
        let mut branches = Vec::new();
        loop {
            branches.extend(tree(rest));
            while rest.next_if(is_space).is_some() {}
            if rest.next_if_eq(&',').is_none() {
                rest.next_if_eq(&'}');
                return branches;
            }
        }
    }
    let mut segment = String::new();
    while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || *c == '_' || *c == '*') {
        segment.push(c);
    }
    let goes_on = rest.clone().take(2).eq("::".chars());
    if segment.is_empty() {
        return Vec::new();
    }
    if !goes_on {
        return vec![vec![segment]];
    }
    rest.nth(1);
    let ends = tree(rest);
    if ends.is_empty() {
        return vec![vec![segment]];
    }
    ends.into_iter().map(|end| [vec![segment.clone()], end].concat()).collect()
}

/// The files that a file imports, each with the path that does it.
fn imports(file: &str, text: &str, files: &BTreeMap<String, String>) -> BTreeSet<(String, String)> {
    let code = without_comments(text);
    let folder = file.rsplit_once('/').map(|(folder, _)| folder);
    let mut all: Vec<Vec<String>> = paths(&code, "crate::");
    if let Some(folder) = folder {
        let inside = paths(&code, "super::").into_iter();
        all.extend(inside.map(|path| [vec![folder.to_owned()], path].concat()));
    }
    let imported = all.into_iter().map(|path| (resolve(&path, files), format!("crate::{}", path.join("::"))));
    imported.filter(|(target, _)| target != file).collect()
}

/// The file that a path leads to: the longest that there is, or the crate's root.
fn resolve(path: &[String], files: &BTreeMap<String, String>) -> String {
    let candidates = [path[..path.len().min(2)].join("/"), format!("{}/mod", path[0]), path[0].clone()];
    candidates.into_iter().find(|c| files.contains_key(c)).unwrap_or_else(|| "lib".to_owned())
}

fn floor_of(file: &str) -> Option<usize> {
    FLOORS.iter().position(|(_, _, files)| files.contains(&file))
}

/// A `mod.rs` and one of its children.
fn are_family(a: &str, b: &str) -> bool {
    let parent = |file: &str| file.strip_suffix("/mod").map(str::to_owned);
    let is_child =
        |mother: &str, file: &str| file.rsplit_once('/').is_some_and(|(folder, _)| folder == mother);
    parent(a).is_some_and(|mother| is_child(&mother, b))
        || parent(b).is_some_and(|mother| is_child(&mother, a))
}

#[test]
fn every_file_stands_on_one_floor() {
    let listed: Vec<&str> = FLOORS.iter().flat_map(|(_, _, files)| files.iter().copied()).collect();
    let distinct: BTreeSet<&str> = listed.iter().copied().collect();
    assert_eq!(listed.len(), distinct.len(), "a file is listed twice");
    let files = files();
    let found: BTreeSet<&str> = files.keys().map(String::as_str).collect();
    let homeless: Vec<_> = found.difference(&distinct).collect();
    assert!(
        homeless.is_empty(),
        "these files of core/src are on no floor of tests/rust/floors.rs: {homeless:?}"
    );
    let gone: Vec<_> = distinct.difference(&found).collect();
    assert!(gone.is_empty(), "tests/rust/floors.rs lists files that core/src does not have: {gone:?}");
}

#[test]
fn a_file_imports_lower_floors_only() {
    let files = files();
    let (mut complaints, mut checked) = (String::new(), 0);
    for (file, text) in &files {
        let Some(own) = floor_of(file) else { continue };
        for (target, path) in imports(file, text, &files) {
            checked += 1;
            let Some(floor) = floor_of(&target) else { continue };
            if floor >= own && !are_family(file, &target) {
                let (from, to) = (FLOORS[own], FLOORS[floor]);
                let _ = writeln!(
                    complaints,
                    "core/src/{file}.rs ({}) imports {path}, which is core/src/{target}.rs ({})\n    {}: {}\n    {}: {}",
                    from.0, to.0, from.0, from.1, to.0, to.1
                );
            }
        }
    }
    assert!(complaints.is_empty(), "a file imports lower floors only:\n{complaints}");
    assert!(checked > 150, "only {checked} imports were found: is the reader blind?");
}

#[test]
fn the_reader_takes_imports_apart() {
    let code = "use crate::a::{B, c::{D, E}};\nlet x = crate::f::g(1); // crate::no\nuse self::h;";
    let found: Vec<String> = paths(&without_comments(code), "crate::").iter().map(|p| p.join("::")).collect();
    assert_eq!(found, ["a::B", "a::c::D", "a::c::E", "f::g"]);
}
