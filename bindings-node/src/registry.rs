//! Registries that all isolates of the process share, by name.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::LazyLock;

static REGISTRIES: LazyLock<Mutex<HashMap<String, fusewire::Registry>>> = LazyLock::new(Mutex::default);

/// The registry of that name, made when it is first asked for.
pub(crate) fn registry(name: &str) -> fusewire::Registry {
    let mut all = REGISTRIES.lock();
    match all.get(name) {
        Some(registry) => registry.clone(),
        None => all.entry(name.to_owned()).or_default().clone(),
    }
}
