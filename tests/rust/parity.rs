//! Behaviours that no vector can show have a test in each language: `tests/parity.toml` names them, and this holds it
//! against the files.

use std::collections::BTreeMap;
use std::path::Path;

/// What conformance asks for at least.
const BEHAVIOURS: [&str; 6] = [
    "racing-calls",
    "listeners-that-throw",
    "listeners-that-lag",
    "get-or-create",
    "classification",
    "a-clock-set-back",
];

/// How a test of that name begins in a language's source.
type Written = fn(&str) -> Vec<String>;

const LANGUAGES: [(&str, Written); 4] =
    [("rust", in_rust), ("c", in_c), ("node", in_node), ("python", in_python)];

/// The languages that must show every behaviour. C must, or say under the key below why there is nothing to show.
const COMPLETE: [&str; 3] = ["rust", "node", "python"];
const NOT_IN_C: &str = "not_in_c";

fn in_rust(name: &str) -> Vec<String> {
    vec![format!("fn {name}()")]
}

/// Of cmocka, in C and in C++.
fn in_c(name: &str) -> Vec<String> {
    vec![format!("\nstatic void {name}(void **state)"), format!("\nvoid {name}(void **)")]
}

fn in_node(name: &str) -> Vec<String> {
    ['\'', '"', '`'].map(|quote| format!("test({quote}{name}{quote}, ")).to_vec()
}

fn in_python(name: &str) -> Vec<String> {
    vec![format!("\ndef {name}("), format!("\nasync def {name}(")]
}

type Table = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// The part of TOML that the table is written in: sections, and keys with a text or a list of texts.
fn parse(text: &str) -> Result<Table, String> {
    let mut table = Table::new();
    let mut section = None;
    let mut list: Option<(String, Vec<String>)> = None;
    for (number, line) in text.lines().enumerate() {
        let wrong = || format!("parity.toml, line {}: {line}", number + 1);
        let line = line.trim();
        let text = |item: &str| {
            let quoted = item.trim().strip_suffix(',').unwrap_or(item.trim());
            let text = quoted.strip_prefix('"').and_then(|t| t.strip_suffix('"')).ok_or_else(wrong)?;
            if text.contains(['"', '\\']) { Err(wrong()) } else { Ok(text.to_owned()) }
        };
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let finished = match (&mut list, line) {
            (Some(_), "]") => list.take(),
            (Some((_, items)), item) => {
                items.push(text(item)?);
                None
            }
            (None, header) if header.starts_with('[') => {
                let name = header[1..].strip_suffix(']').ok_or_else(wrong)?.to_owned();
                if table.insert(name.clone(), BTreeMap::new()).is_some() {
                    return Err(wrong());
                }
                section = Some(name);
                None
            }
            (None, pair) => {
                let (key, value) = pair.split_once(" = ").ok_or_else(wrong)?;
                match value.strip_prefix('[') {
                    Some("") => {
                        list = Some((key.to_owned(), Vec::new()));
                        None
                    }
                    Some(one) => {
                        Some((key.to_owned(), vec![text(one.strip_suffix(']').ok_or_else(wrong)?)?]))
                    }
                    None => Some((key.to_owned(), vec![text(value)?])),
                }
            }
        };
        if let Some((key, items)) = finished {
            let entries = section.as_ref().and_then(|name| table.get_mut(name)).ok_or_else(wrong)?;
            if items.is_empty() || entries.insert(key, items).is_some() {
                return Err(wrong());
            }
        }
    }
    Ok(table)
}

/// What is wrong with a test as it is named: `file: name`.
fn missing(root: &Path, named: &str, written: Written) -> Option<String> {
    let Some((file, name)) = named.split_once(": ") else { return Some(format!("{named}: no `file: name`")) };
    let Ok(text) = std::fs::read_to_string(root.join(file)) else {
        return Some(format!("{file}: no such file"));
    };
    let is_there = written(name).iter().any(|start| text.contains(start));
    (!is_there).then(|| format!("{file}: no test {name}"))
}

#[test]
fn every_behaviour_has_a_test_in_each_language() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(here.join("parity.toml")).expect("tests/parity.toml");
    let table = parse(&text).expect("the part of TOML that it is written in");
    let mut wrong: Vec<String> = BEHAVIOURS
        .iter()
        .filter(|name| !table.contains_key(**name))
        .map(|name| format!("no behaviour [{name}]"))
        .collect();
    for (behaviour, entries) in &table {
        let known = |key: &str| {
            key == "what" || key == NOT_IN_C || LANGUAGES.iter().any(|(language, _)| *language == key)
        };
        wrong.extend(
            entries.keys().filter(|key| !known(key)).map(|key| format!("[{behaviour}]: unknown key {key}")),
        );
        let needed = ["what"].iter().chain(&COMPLETE).filter(|key| !entries.contains_key(**key));
        wrong.extend(needed.map(|key| format!("[{behaviour}]: no {key}")));
        if entries.contains_key("c") == entries.contains_key(NOT_IN_C) {
            wrong.push(format!("[{behaviour}]: either c or {NOT_IN_C}"));
        }
        for (language, written) in LANGUAGES {
            let tests = entries.get(language).into_iter().flatten();
            wrong.extend(
                tests
                    .filter_map(|t| missing(&here.join(".."), t, written))
                    .map(|w| format!("[{behaviour}]: {w}")),
            );
        }
    }
    assert!(wrong.is_empty(), "tests/parity.toml:\n{}", wrong.join("\n"));
}

#[test]
fn what_is_wrong_is_found() {
    for text in [
        "[a",
        "key = \"before any section\"",
        "[a]\nrust = []",
        "[a]\nrust = [\n]",
        "[a]\n[a]",
        "[a]\nk = 'x'",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_eq!(missing(here, "rust/parity.rs: what_is_wrong_is_found", in_rust), None);
    for named in
        ["rust/parity.rs: what_is_right", "rust/nowhere.rs: what_is_wrong_is_found", "rust/parity.rs"]
    {
        assert!(missing(here, named, in_rust).is_some(), "{named}");
    }
}
