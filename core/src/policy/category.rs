//! What kind of failure an error is (policies §7): one table, of error types' names and of HTTP statuses.

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Category {
    /// It took too long.
    Timeout = 0,
    /// The service turns calls away that come too fast.
    RateLimit = 1,
    /// The service has run out of something.
    ResourceExhausted = 2,
    /// The service was not reached.
    NetworkError = 3,
    /// The service failed.
    InternalError = 4,
    /// The request was wrong: no other attempt will fare better.
    InvalidRequest = 5,
    /// None of these is known.
    Unknown = 6,
}

impl Category {
    /// Every category, in the order of its code.
    pub const ALL: [Category; 7] = [
        Category::Timeout,
        Category::RateLimit,
        Category::ResourceExhausted,
        Category::NetworkError,
        Category::InternalError,
        Category::InvalidRequest,
        Category::Unknown,
    ];

    /// The name in documents, metrics and vectors.
    pub const fn name(self) -> &'static str {
        match self {
            Category::Timeout => "timeout",
            Category::RateLimit => "rate_limit",
            Category::ResourceExhausted => "resource_exhausted",
            Category::NetworkError => "network_error",
            Category::InternalError => "internal_error",
            Category::InvalidRequest => "invalid_request",
            Category::Unknown => "unknown",
        }
    }

    /// The category of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }

    /// What kind of failure an error is: by the name of its type, as it is written, or, where that says nothing, by an
    /// HTTP status.
    pub(crate) fn of(error_type: Option<&str>, status: Option<u16>) -> Self {
        let named = error_type.and_then(Self::of_name);
        named.or_else(|| status.and_then(Self::of_status)).unwrap_or(Category::Unknown)
    }

    fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "timeout" | "deadline_exceeded" => Category::Timeout,
            "rate_limit" | "too_many_requests" => Category::RateLimit,
            "resource_exhausted" | "out_of_memory" | "too_many_connections" => Category::ResourceExhausted,
            "network_error" | "connection_refused" | "connection_reset" | "connection_error" | "dns" => {
                Category::NetworkError
            }
            "internal_error" => Category::InternalError,
            "invalid_request" => Category::InvalidRequest,
            _ => return Self::of_status(status_in(name)?),
        })
    }

    const fn of_status(status: u16) -> Option<Self> {
        Some(match status {
            408 | 504 => Category::Timeout,
            429 => Category::RateLimit,
            503 | 507 => Category::ResourceExhausted,
            500..=599 => Category::InternalError,
            400..=499 => Category::InvalidRequest,
            _ => return None,
        })
    }
}

/// The status in a name of the form `http_NNN`.
fn status_in(name: &str) -> Option<u16> {
    let digits = name.strip_prefix("http_")?;
    let is_status = digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| is_status)
}

/// Some categories: a bit for each code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Categories(pub u8);

impl Categories {
    pub(crate) const fn has(self, category: Category) -> bool {
        self.0 & 1 << category as u8 != 0
    }

    #[must_use]
    pub(crate) const fn with(self, category: Category) -> Self {
        Categories(self.0 | 1 << category as u8)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use Category::{
        InternalError, InvalidRequest, NetworkError, RateLimit, ResourceExhausted, Timeout, Unknown,
    };

    fn by_name(name: &str) -> Category {
        Category::of(Some(name), None)
    }

    #[test]
    fn every_known_name_has_its_category() {
        for (category, names) in [
            (Timeout, &["timeout", "deadline_exceeded", "http_408", "http_504"] as &[_]),
            (RateLimit, &["rate_limit", "too_many_requests", "http_429"]),
            (
                ResourceExhausted,
                &["resource_exhausted", "out_of_memory", "too_many_connections", "http_503", "http_507"],
            ),
            (
                NetworkError,
                &["network_error", "connection_refused", "connection_reset", "connection_error", "dns"],
            ),
            (InternalError, &["internal_error", "http_500", "http_502", "http_599"]),
            (InvalidRequest, &["invalid_request", "http_400", "http_404", "http_499"]),
            (Unknown, &["unknown", "", "ValueError", "Timeout", "http_200", "http_600", "http_399"]),
        ] {
            for name in names {
                assert_eq!(by_name(name), category, "{name}");
            }
        }
    }

    #[test]
    fn only_three_digits_are_a_status() {
        for name in
            ["http_", "http_5", "http_50", "http_5000", "http_+50", "http_50x", "http_٥٠٠", "HTTP_500"]
        {
            assert_eq!(by_name(name), Unknown, "{name}");
        }
    }

    #[test]
    fn a_status_says_what_an_unknown_name_does_not() {
        assert_eq!(Category::of(Some("ApiError"), Some(503)), ResourceExhausted);
        assert_eq!(Category::of(Some("http_200"), Some(429)), RateLimit);
        assert_eq!(Category::of(Some("dns"), Some(503)), NetworkError);
        assert_eq!(Category::of(Some("http_500"), Some(429)), InternalError);
        assert_eq!(Category::of(None, Some(404)), InvalidRequest);
        for status in [0, 200, 399, 600, u16::MAX] {
            assert_eq!(Category::of(None, Some(status)), Unknown);
        }
        assert_eq!(Category::of(None, None), Unknown);
    }

    #[test]
    fn a_category_is_read_by_its_name_alone() {
        for category in Category::ALL {
            assert_eq!(Category::parse(category.name()), Some(category));
            assert_eq!(by_name(category.name()), category);
        }
        assert_eq!(["dns", "Timeout", "", "http_500"].map(Category::parse), [None; 4]);
    }

    #[test]
    fn a_set_has_what_was_put_into_it() {
        let some = Categories::default().with(Timeout).with(Unknown);
        assert_eq!(Category::ALL.map(|c| some.has(c)), [true, false, false, false, false, false, true]);
    }
}
