//! What can go wrong, and what a breaker answers when it turns a call away. Every code and text is written here once.

use crate::clock::Nanos;
use crate::name::Name;
use std::fmt;
use std::time::Duration;

/// Why a call was turned away.
///
/// The codes are append-only; they are part of the cell's layout and of the C ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Reason {
    /// The breaker is open.
    Open = 0,
    /// All probes of the half-open state are given.
    HalfOpenFull = 1,
    /// This call is not in the share that a ramp admits.
    Ramp = 2,
    /// The breaker's mode is `forced_open`.
    ForcedOpen = 3,
    /// The call's level is below `priority.min`.
    Shed = 4,
    /// `rate_limit`: calls come too fast.
    RateLimited = 5,
    /// `bulkhead`: no slot for a call of this level, and no place in the queue.
    BulkheadFull = 6,
    /// The call has waited for a slot as long as it may.
    QueueTimeout = 7,
    /// `concurrency_limit`: as `BulkheadFull`.
    LimitReached = 8,
    /// The breaker was closed for good.
    Closed = 9,
    /// `features`: the feature that the call names is disabled.
    FeatureDisabled = 10,
}

/// How many reasons there are.
pub(crate) const REASONS: usize = Reason::ALL.len();
/// How many of them, the first, are the machine's own.
pub(crate) const MACHINE_REASONS: usize = 4;

impl Reason {
    /// Every reason, in the order of its code.
    pub const ALL: [Reason; 11] = [
        Reason::Open,
        Reason::HalfOpenFull,
        Reason::Ramp,
        Reason::ForcedOpen,
        Reason::Shed,
        Reason::RateLimited,
        Reason::BulkheadFull,
        Reason::QueueTimeout,
        Reason::LimitReached,
        Reason::Closed,
        Reason::FeatureDisabled,
    ];

    /// The name in metrics, vectors and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Open => "open",
            Reason::HalfOpenFull => "half_open_full",
            Reason::Ramp => "ramp",
            Reason::ForcedOpen => "forced_open",
            Reason::Shed => "shed",
            Reason::RateLimited => "rate_limited",
            Reason::BulkheadFull => "bulkhead_full",
            Reason::QueueTimeout => "queue_timeout",
            Reason::LimitReached => "limit_reached",
            Reason::Closed => "closed",
            Reason::FeatureDisabled => "feature_disabled",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Reason::Open => "is open",
            Reason::HalfOpenFull => "is half-open and all its probes are given",
            Reason::Ramp => "is recovering and admits only a share of the calls",
            Reason::ForcedOpen => "is forced open",
            Reason::Shed => "sheds calls of this priority",
            Reason::RateLimited => "admits no more calls at this rate",
            Reason::BulkheadFull => "has no slot for another call",
            Reason::QueueTimeout => "had no slot for this call while it waited",
            Reason::LimitReached => "has reached its limit of concurrent calls",
            Reason::Closed => "is closed for good",
            Reason::FeatureDisabled => "has disabled this feature",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a call is turned away and when to come again, in one word: with a name it is a rejection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal(u64);

impl Refusal {
    const REASON_BITS: u32 = 8;
    /// All ones: unknown. Else nanoseconds, saturated one below (2.3 years; an opening lasts a week at most).
    const UNKNOWN: u64 = u64::MAX >> Self::REASON_BITS;

    #[inline]
    pub(crate) fn new(reason: Reason, retry_after: Option<Nanos>) -> Self {
        let after = retry_after.map_or(Self::UNKNOWN, |after| after.min(Self::UNKNOWN - 1));
        Refusal(after << Self::REASON_BITS | reason as u64)
    }

    pub(crate) fn reason(self) -> Reason {
        let code = self.0 as usize & ((1 << Self::REASON_BITS) - 1);
        Reason::ALL.get(code).copied().unwrap_or(Reason::Open)
    }

    pub(crate) fn retry_after(self) -> Option<Nanos> {
        let after = self.0 >> Self::REASON_BITS;
        (after != Self::UNKNOWN).then_some(after)
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refusal").field(&self.reason()).field(&self.retry_after()).finish()
    }
}

/// A call was turned away; nothing ran.
#[derive(Clone, PartialEq, Eq)]
pub struct Rejection {
    name: Name,
    refusal: Refusal,
    /// The last failure before, as the breaker's ledger has it; 0: none.
    pub(crate) failure: u64,
}

impl Rejection {
    #[inline]
    pub(crate) fn new(name: Name, refusal: Refusal, failure: u64) -> Self {
        Rejection { name, refusal, failure }
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.refusal.reason()
    }

    /// The earliest time from now at which the answer can differ; `None` when it is unknown. On the system's clock it
    /// may be up to one tick of the coarse clock (1 to 10 ms) too long while the breaker is open.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal.retry_after().map(Duration::from_nanos)
    }

    /// The breaker's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("name", &self.name)
            .field("reason", &self.reason())
            .field("retry_after", &self.retry_after())
            .finish()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "circuit breaker '{}' {}", self.name, self.reason().sentence())?;
        match self.retry_after() {
            Some(after) => write!(f, "; retry in {after:?}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Rejection {}

/// What a guarded call returns when it does not return its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError<E> {
    /// The breaker turned the call away; the function did not run.
    Rejected(Rejection),
    /// The function's own error, unchanged.
    Inner(E),
}

impl<E> CallError<E> {
    /// The function's own error, if it ran.
    pub fn into_inner(self) -> Option<E> {
        match self {
            CallError::Rejected(_) => None,
            CallError::Inner(e) => Some(e),
        }
    }

    /// The rejection, if the call was turned away.
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            CallError::Rejected(rejection) => Some(rejection),
            CallError::Inner(_) => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Rejected(rejection) => rejection.fmt(f),
            CallError::Inner(e) => e.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CallError::Rejected(_) => None,
            CallError::Inner(e) => e.source(),
        }
    }
}

/// A configuration document that cannot be: names the key, the value and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) allowed: String,
}

impl ConfigError {
    pub(crate) fn new(key: impl Into<String>, value: impl Into<String>, allowed: impl Into<String>) -> Self {
        ConfigError { key: key.into(), value: value.into(), allowed: allowed.into() }
    }

    /// The dotted path of the key, `window.min_calls`; empty when the document as a whole is wrong.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The value as it was written.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What would be allowed.
    pub fn allowed(&self) -> &str {
        &self.allowed
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "configuration: {}; expected {}", self.value, self.allowed),
            key => write!(f, "configuration: `{key}` is {}; allowed: {}", self.value, self.allowed),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Why a breaker could not be built, found or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The document is wrong.
    Config(ConfigError),
    /// A name must have 1 to 255 bytes and no control characters.
    Name {
        /// The name as given, cut where it is long.
        name: String,
    },
    /// The name is taken by a breaker with another document.
    Conflict {
        /// The name.
        name: String,
        /// The document of the breaker that exists.
        existing: String,
        /// The document that was asked for.
        requested: String,
    },
    /// No breaker has that name.
    Unknown {
        /// The name.
        name: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Config(e) => e.fmt(f),
            Error::Name { name } => {
                write!(f, "name {name:?} is not allowed: 1 to 255 bytes of UTF-8 without control characters")
            }
            Error::Conflict { name, existing, requested } => write!(
                f,
                "circuit breaker '{name}' exists with another configuration: it has {existing}, asked for was \
                 {requested}; use `reconfigure` to change it"
            ),
            Error::Unknown { name } => write!(f, "there is no circuit breaker '{name}'"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Config(e) => Some(e),
            _ => None,
        }
    }
}

impl From<ConfigError> for Error {
    fn from(e: ConfigError) -> Self {
        Error::Config(e)
    }
}
