//! What went wrong in somebody else's code, told where the operator looks, without disturbing the call.

use std::any::Any;

/// The text of a panic, if it has one.
fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// A listener or a classifier of breaker `name` panicked.
pub(crate) fn panicked(what: &str, name: &str, panic: &(dyn Any + Send)) {
    let message = message(panic);
    #[cfg(feature = "tracing")]
    tracing::error!(target: "fusewire", breaker = name, "a {what} panicked: {message}");
    #[cfg(not(feature = "tracing"))]
    eprintln!("fusewire: a {what} of circuit breaker '{name}' panicked: {message}");
}
