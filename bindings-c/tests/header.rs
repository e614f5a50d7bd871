//! The committed header is what the sources say.

use std::path::Path;

/// The files of the header, in the order in which a reader wants them.
const ORDER: [&str; 23] = [
    "version", "status", "names", "error", "clock", "options", "breaker", "permit", "call", "request",
    "waiting", "steps", "attempts", "hedges", "caches", "operate", "govern", "read", "events", "features",
    "policies", "registry", "text",
];

fn generated() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(here.join("cbindgen.toml")).expect("cbindgen.toml");
    let manual = std::fs::read_to_string(here.join("include/manual.txt")).expect("include/manual.txt");
    config.header =
        Some(manual.lines().map(|line| format!("// {line}").trim_end().to_owned() + "\n").collect());
    let macros = std::fs::read_to_string(here.join("include/macros.txt")).expect("include/macros.txt");
    config.after_includes = Some(macros.replace("@VERSION@", env!("CARGO_PKG_VERSION")));
    let builder = cbindgen::Builder::new().with_config(config);
    let builder = ORDER.iter().fold(builder, |all, file| all.with_src(here.join(format!("src/{file}.rs"))));
    let bindings = builder.generate().expect("a header");
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).expect("UTF-8")
}

/// `FUSEWIRE_BLESS=1 cargo test -p fusewire-c --test header` writes it.
#[test]
fn the_header_is_generated_from_the_sources() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/fusewire.h");
    let header = generated();
    if std::env::var_os("FUSEWIRE_BLESS").is_some() {
        std::fs::write(&path, &header).expect("written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == header,
        "include/fusewire.h is stale; FUSEWIRE_BLESS=1 cargo test -p fusewire-c --test header"
    );
}
