//! The versions that were built, from the lock file.

const LOCK: &str = include_str!("../Cargo.lock");

/// The locked version of a package.
pub fn of(package: &str) -> Option<&'static str> {
    let name = format!("name = \"{package}\"");
    let mut lines = LOCK.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}
