//! What the library exports: the header, the golden list of symbols and the sources tell the same, and every export keeps
//! panics in and says what it returns when it fails.

use std::collections::BTreeSet;
use std::path::Path;

/// Exports that run in no guard, and why they need none.
const UNGUARDED: [(&str, &str); 22] = [
    ("fusewire_abi_version", "a constant"),
    ("fusewire_abi_version_minimum", "a constant"),
    ("fusewire_breaker_acquire", "loads and stores, then a function that has a guard"),
    ("fusewire_breaker_acquire_turn", "loads and stores, then functions that have guards, then a sleep"),
    (
        "fusewire_breaker_call",
        "an exception of the program's passes through, between exports that have guards",
    ),
    ("fusewire_breaker_rejection_message", "says what to read, to a function that has a guard"),
    ("fusewire_cause_name", "a search in a constant"),
    ("fusewire_feature_cause_name", "a search in a constant"),
    ("fusewire_feature_state_name", "a search in a constant"),
    ("fusewire_metrics_content_type", "a constant"),
    ("fusewire_mode_name", "a search in a constant"),
    ("fusewire_outcome_name", "a search in a constant"),
    ("fusewire_permit_ignore", "calls a function that has a guard"),
    ("fusewire_permit_success", "loads and stores, then a function that has a guard"),
    ("fusewire_policy_name", "a search in a constant"),
    ("fusewire_priority_name", "a search in a constant"),
    ("fusewire_reason_name", "a search in a constant"),
    ("fusewire_state_name", "a search in a constant"),
    ("fusewire_status_text", "a search in a constant"),
    ("fusewire_string_free", "drops bytes"),
    ("fusewire_tickets_free", "drops bytes"),
    ("fusewire_version", "a constant"),
];

/// What a guarded export begins with. The last two are functions of the crate that begin with a guard themselves.
const GUARDS: [&str; 6] = ["guard(", "guard_with(", "guard_or(", "guard_free(", "text_of(", "tell("];

struct Export {
    name: String,
    doc: String,
    /// From the parameters to the last brace.
    code: String,
}

impl Export {
    /// The code without comments and what is around a guard.
    fn beginning(&self) -> String {
        let body = self.code.split_once("{\n").map_or("", |(_, body)| body);
        let lines = body.lines().map(str::trim).filter(|line| !line.starts_with("//") && *line != "unsafe {");
        let code = lines.collect::<Vec<_>>().join("\n");
        code.strip_prefix("unsafe { ").unwrap_or(&code).to_owned()
    }

    fn is_guarded(&self) -> bool {
        GUARDS.iter().any(|guard| self.beginning().starts_with(guard))
    }
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All sources, one after the other.
fn sources() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("src").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).expect("a source file")).collect()
}

/// Where a function at the margin ends.
fn end_of(code: &str) -> usize {
    code.find("\n}\n").map_or(code.len(), |at| at + 3)
}

fn exports() -> Vec<Export> {
    let sources = sources();
    let marks = sources.match_indices("#[unsafe(no_mangle)]\n");
    marks
        .map(|(at, mark)| {
            let doc: Vec<&str> = sources[..at]
                .lines()
                .rev()
                .skip_while(|line| line.starts_with("#["))
                .take_while(|line| line.starts_with("///"))
                .collect();
            let after = &sources[at + mark.len()..];
            let (_, named) = after[..end_of(after)].split_once(" fn ").expect("a function");
            let (name, code) = named.split_once('(').expect("parameters");
            let doc = doc.into_iter().rev().collect::<Vec<_>>().join("\n");
            Export { name: name.to_owned(), doc, code: code.to_owned() }
        })
        .collect()
}

/// The names in front of a bracket at the beginning of what is no comment.
fn declared(header: &str) -> BTreeSet<String> {
    let code = header.lines().filter(|line| !line.starts_with("//") && !line.starts_with(['#', ' ']));
    let calls = code.filter_map(|line| line.split_once('(')).map(|(before, _)| before);
    let names = calls.filter_map(|before| before.rsplit([' ', '*']).next());
    names.filter(|name| name.starts_with("fusewire_") && !name.ends_with('_')).map(str::to_owned).collect()
}

fn golden() -> BTreeSet<String> {
    read("tests/golden/symbols.txt").lines().map(str::to_owned).collect()
}

#[test]
fn the_header_declares_what_the_golden_list_has() {
    assert_eq!(declared(&read("include/fusewire.h")), golden());
}

#[test]
fn the_sources_export_what_the_golden_list_has() {
    let names: BTreeSet<String> = exports().into_iter().map(|export| export.name).collect();
    assert_eq!(names, golden());
    assert_eq!(sources().matches("no_mangle").count(), names.len(), "an export is written in another way");
    assert_eq!(sources().matches("export_name").count(), 0);
}

#[test]
fn every_export_runs_in_a_guard_or_is_listed() {
    for export in exports() {
        let is_listed = UNGUARDED.iter().any(|(name, _)| *name == export.name);
        assert!(
            export.is_guarded() != is_listed,
            "{}: runs in a guard or is in UNGUARDED with a reason, and not both",
            export.name
        );
    }
}

#[test]
fn what_stands_for_a_guard_begins_with_one() {
    let sources = sources();
    for name in ["text_of", "tell", "settle_at_length", "acquire_at_length"] {
        let (_, code) = sources.split_once(&format!("fn {name}(")).unwrap_or_else(|| panic!("{name}"));
        let helper =
            Export { name: name.to_owned(), doc: String::new(), code: code[..end_of(code)].to_owned() };
        assert!(helper.is_guarded(), "{name} does not begin with a guard");
    }
}

#[test]
fn every_export_says_what_it_returns_when_it_fails() {
    // Those that cannot, and those to whom the text says that NULL does nothing.
    let never = [
        "fusewire_version",
        "fusewire_abi_version",
        "fusewire_abi_version_minimum",
        "fusewire_metrics_content_type",
    ];
    let words = [
        "Fails",
        "fails as",
        "FUSEWIRE_ERROR_",
        "Returns as",
        "otherwise as",
        "NULL",
        "`unknown`",
        "; 0 when",
        "`false` when",
        "FUSEWIRE_NONE",
        "FUSEWIRE_INVALID",
        "unknown status",
    ];
    for export in exports() {
        assert!(!export.doc.is_empty(), "{} is not documented", export.name);
        let says = words.iter().any(|word| export.doc.contains(word));
        assert!(
            says || never.contains(&export.name.as_str()),
            "{}: what when it fails?\n{}",
            export.name,
            export.doc
        );
    }
}

#[test]
fn the_readers_of_this_test_are_not_blind() {
    assert!(exports().len() > 90, "{} exports", exports().len());
    let unguarded = exports().into_iter().filter(|export| !export.is_guarded()).count();
    assert_eq!(unguarded, UNGUARDED.len());
    let header = "// not fusewire_a(\nstruct fusewire_b *fusewire_c(void);\nuint32_t fusewire_d(int x,\n    int fusewire_e(int));\nstatic inline x fusewire_f_() {";
    assert_eq!(declared(header), ["fusewire_c", "fusewire_d"].map(str::to_owned).into());
}
