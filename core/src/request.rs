//! What a call asks for, where policies stand around the machine (policies §1).

use crate::admit::priority::Priority;
use crate::clock::Nanos;
use std::fmt;
use std::str::FromStr;

/// What a call asks for. A breaker without policies looks at little of it: a cost is at least 1, a feature one that the
/// document names, and a deadline holds everywhere.
///
/// ```
/// use fusewire::{Priority, Request};
///
/// let checkout = Request::new().priority(Priority::Critical);
/// let export = Request::new().priority(Priority::Bulk).cost(10);
/// # let _ = (checkout, export);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub(crate) priority: Priority,
    pub(crate) cost: u32,
    pub(crate) deadline: Option<Nanos>,
    pub(crate) feature: Option<&'a str>,
    pub(crate) method: Option<&'a str>,
    pub(crate) idempotent: bool,
    pub(crate) once: bool,
    pub(crate) key: Option<&'a str>,
}

/// A request that was found to be one that can be: what the gates look at of it. It is good for as long as the breaker's
/// rules stay; by others a feature may be another, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub(crate) priority: Priority,
    pub(crate) cost: u32,
    pub(crate) deadline: Option<Nanos>,
    /// The mark of the feature, see `Features`; 0: none.
    pub(crate) feature: u16,
}

impl Wanted {
    /// What a call asks for that says nothing.
    pub(crate) const fn plain() -> Self {
        Wanted { priority: Priority::Normal, cost: 1, deadline: None, feature: 0 }
    }
}

impl Wanted {
    /// Whether a policy around the call has a say by what it says itself.
    #[inline(always)]
    pub(crate) const fn has_more(&self) -> bool {
        self.deadline.is_some() || self.feature != 0
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Wanted::plain()
    }
}

impl Default for Request<'_> {
    fn default() -> Self {
        Request::new()
    }
}

impl<'a> Request<'a> {
    /// A call of priority `normal` that costs 1, has no deadline and names no feature, method or key.
    pub const fn new() -> Self {
        Request {
            priority: Priority::Normal,
            cost: 1,
            deadline: None,
            feature: None,
            method: None,
            idempotent: false,
            once: false,
            key: None,
        }
    }

    /// How much the call matters; [`Priority::Normal`] by default.
    #[must_use]
    pub const fn priority(self, priority: Priority) -> Self {
        Request { priority, ..self }
    }

    /// How much of a rate limit it takes: 1 by default, at least 1, and at most what the limit ever has (1 for a sliding
    /// window).
    #[must_use]
    pub const fn cost(self, cost: u32) -> Self {
        Request { cost, ..self }
    }

    /// An instant of the breaker's clock, in nanoseconds, at which the call is of no use any more: it waits no longer
    /// than that in a queue, for no turn that comes later and for no attempt that would begin later, and an attempt may
    /// take no longer. A call with attempts whose deadline has passed when it begins makes none: it is a timeout that the
    /// breaker does not see. A permit that is asked for then is given, with a timeout of 0.
    #[must_use]
    pub const fn deadline(self, deadline: Nanos) -> Self {
        Request { deadline: Some(deadline), ..self }
    }

    /// The feature that the call is of, one of the document's `features`. A call that names none is of none.
    #[must_use]
    pub const fn feature(self, feature: &'a str) -> Self {
        Request { feature: Some(feature), ..self }
    }

    /// The method, such as `GET`: `retry.per_method` tells how often a call of it may be tried. Its case does not matter.
    #[must_use]
    pub const fn method(self, method: &'a str) -> Self {
        Request { method: Some(method), ..self }
    }

    /// Says that the call may be made more than once, although its method alone does not say so.
    #[must_use]
    pub const fn idempotent(self) -> Self {
        Request { idempotent: true, ..self }
    }

    /// Says that the call cannot be made more than once, whatever its method: its body cannot be sent again, say. It is
    /// neither retried nor hedged.
    #[must_use]
    pub const fn once(self) -> Self {
        Request { once: true, ..self }
    }

    /// Under what its value is cached, and which calls are the same. Without it nothing is cached.
    #[must_use]
    pub const fn key(self, key: &'a str) -> Self {
        Request { key: Some(key), ..self }
    }
}

/// A request that cannot be: names the field, its value and what is allowed. Nothing was asked then, and nothing counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestError {
    pub(crate) field: &'static str,
    pub(crate) value: String,
    pub(crate) allowed: String,
}

impl RequestError {
    pub(crate) fn new(field: &'static str, value: String, allowed: impl Into<String>) -> Self {
        RequestError { field, value, allowed: allowed.into() }
    }

    /// No level of that name or number.
    pub(crate) fn level(value: String) -> Self {
        let names = Priority::ALL.map(Priority::name).join(", ");
        RequestError::new("priority", value, format!("one of {names}, or a whole number in 0..=100"))
    }

    /// No cost that any limit could admit.
    pub(crate) fn cost(value: String) -> Self {
        RequestError::new("cost", value, "a whole number from 1 up")
    }

    /// A feature that the document does not name.
    pub(crate) fn feature(value: &str, names: &[&str]) -> Self {
        let allowed = match names {
            [] => "none: the document has no `features`".to_owned(),
            names => format!("one of {}", names.join(", ")),
        };
        RequestError::new("feature", format!("{value:?}"), allowed)
    }

    /// The field: `cost`, `priority` or `feature`.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// The value as it was given.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What would be allowed.
    pub fn allowed(&self) -> &str {
        &self.allowed
    }
}

/// The level of that name, as [`Priority::parse`] knows it.
impl FromStr for Priority {
    type Err = RequestError;

    fn from_str(name: &str) -> Result<Self, RequestError> {
        Priority::parse(name).ok_or_else(|| RequestError::level(name.to_owned()))
    }
}

/// The level of a number, 0 to 100: the next lower one.
impl TryFrom<u32> for Priority {
    type Error = RequestError;

    fn try_from(number: u32) -> Result<Self, RequestError> {
        Priority::of_number(number).ok_or_else(|| RequestError::level(number.to_string()))
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request: `{}` is {}; allowed: {}", self.field, self.value, self.allowed)
    }
}

impl std::error::Error for RequestError {}
