//! What an HTTP response says of the service, and how long it asks to wait.

use crate::outcome::Outcome;
use crate::stepping::Ending;
use std::time::{Duration, SystemTime};

/// What a response says: a status of 500 and above, 429 or 408 is a failure of that status' category, anything else
/// a success. `retry_after` is the header `Retry-After`, if there is one.
///
/// ```
/// use fusewire::{CircuitBreaker, Ending, Policy, tower::of_response};
/// # struct Response { status: u16, retry_after: Option<String> }
///
/// let breaker = CircuitBreaker::builder().build("inventory")?;
/// let policy = Policy::builder(&breaker)
///     .judge(|result: &Result<Response, std::io::Error>| match result {
///         Ok(response) => of_response(response.status, response.retry_after.as_deref()),
///         Err(error) => Ending::from(error),
///     })
///     .build()?;
/// # let _ = policy;
/// # Ok::<(), fusewire::Error>(())
/// ```
pub fn of_response(status: u16, retry_after: Option<&str>) -> Ending<'static> {
    if status < 500 && status != 429 && status != 408 {
        return Ending::success();
    }
    let ending = Ending::new(Outcome::Failure, None).status(status);
    match retry_after.and_then(self::retry_after) {
        Some(wait) => ending.retry_after(wait),
        None => ending,
    }
}

/// How long a header `Retry-After` asks to wait from now on: seconds, or an HTTP date, of which one that has passed is
/// zero. `None`: it is neither.
///
/// ```
/// use fusewire::tower::retry_after;
/// use std::time::Duration;
///
/// assert_eq!(retry_after("120"), Some(Duration::from_secs(120)));
/// assert_eq!(retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
/// assert_eq!(retry_after("soon"), None);
/// ```
pub fn retry_after(header: &str) -> Option<Duration> {
    let text = header.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More than a number holds is for ever.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    Some(until.duration_since(SystemTime::now()).unwrap_or_default())
}
