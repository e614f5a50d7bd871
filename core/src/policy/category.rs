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
