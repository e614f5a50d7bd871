//! Any bytes as a configuration document.

use fusewire::{Builder, CircuitBreaker, ConfigError, Error};
use serde_json::Value;

/// The parser takes the bytes, or says where they are wrong. What it took, it writes out so that it reads the same.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match CircuitBreaker::from_json("fuzz", text) {
        Ok(breaker) => reads_as_written(&breaker, text),
        Err(Error::Config(e)) => names_its_place(&e, text),
        Err(other) => panic!("not an error of the document: {other}"),
    }
}

fn reads_as_written(breaker: &CircuitBreaker, text: &str) {
    let document = breaker.document();
    assert_eq!(again(&document), document, "the filled-in document reads otherwise");
    match Builder::from_json(text) {
        Ok(builder) => {
            assert_eq!(again(&builder.to_json()), document, "the builder's document reads otherwise")
        }
        Err(e) => panic!("the breaker took what the builder refuses: {e}"),
    }
}

fn again(document: &str) -> String {
    match CircuitBreaker::from_json("again", document) {
        Ok(breaker) => breaker.document(),
        Err(e) => panic!("{document} is refused: {e}"),
    }
}

/// An error names a key that is written, or the position where the text is no JSON, or says that it is no object.
fn names_its_place(e: &ConfigError, text: &str) {
    assert!(!e.allowed().is_empty(), "{e:?} does not say what is allowed");
    assert!(e.to_string().contains(e.key()));
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(root)) if !e.key().is_empty() => {
            // The empty text is a key too; an error shows it in quotes.
            let key = if e.key() == "\"\"" && !root.contains_key(e.key()) { "" } else { e.key() };
            let table = key.split('.').next().unwrap_or_default();
            assert!(
                root.contains_key(key) || root.contains_key(table),
                "{e:?} names a key that is not there"
            );
        }
        Ok(Value::Object(_)) => panic!("{e:?} names no key"),
        Ok(_) => assert_eq!(e.key(), ""),
        Err(_) => assert!(e.value().contains(" at line "), "{e:?} names no position"),
    }
}
