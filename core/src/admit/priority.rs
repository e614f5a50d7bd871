//! Levels of priority, and the floor under them (policies §3).

/// How much a call matters. A number 0 to 100 is taken as the next lower level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Priority {
    /// Shed first: 0.
    Bulk = 0,
    /// 25.
    Low = 1,
    /// The default: 50.
    #[default]
    Normal = 2,
    /// 75.
    High = 3,
    /// Kept as long as anything is: 100.
    Critical = 4,
}

impl Priority {
    /// Every level, in the order of its code.
    pub const ALL: [Priority; LEVELS] =
        [Priority::Bulk, Priority::Low, Priority::Normal, Priority::High, Priority::Critical];

    /// The name in documents, metrics and vectors.
    pub const fn name(self) -> &'static str {
        match self {
            Priority::Bulk => "bulk",
            Priority::Low => "low",
            Priority::Normal => "normal",
            Priority::High => "high",
            Priority::Critical => "critical",
        }
    }

    /// The level of that name.
    pub fn parse(name: &str) -> Option<Priority> {
        Priority::ALL.into_iter().find(|level| level.name() == name)
    }

    /// The header in which HTTP requests say how much they matter.
    pub const HEADER: &'static str = "x-request-priority";

    /// What that header says: a name, in letters of any case, or a number 0 to 100. Anything else is taken as `normal`:
    /// a header comes from elsewhere, and a wrong one must neither fail a request nor favour it.
    pub fn of_header(value: &str) -> Priority {
        let value = value.trim();
        let number = value.parse().ok().and_then(Priority::of_number);
        number.or_else(|| Priority::parse(&value.to_ascii_lowercase())).unwrap_or_default()
    }

    /// The number of the level, 0 to 100.
    pub const fn number(self) -> u32 {
        self as u32 * 25
    }

    /// The level of a number, 0 to 100.
    pub fn of_number(number: u32) -> Option<Priority> {
        (number <= 100).then(|| Priority::ALL[(number / 25) as usize])
    }
}

impl std::fmt::Display for Priority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How many levels there are.
pub(crate) const LEVELS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_says_nothing_known_is_normal() {
        let levels = ["critical", " High ", "0", "99", "101", "-1", "urgent", ""].map(Priority::of_header);
        use Priority::{Bulk, Critical, High, Normal};
        assert_eq!(levels, [Critical, High, Bulk, High, Normal, Normal, Normal, Normal]);
    }

    #[test]
    fn a_number_is_the_next_lower_level() {
        let names = [0, 24, 25, 50, 74, 99, 100].map(|n| Priority::of_number(n).map(Priority::name));
        let expected = ["bulk", "bulk", "low", "normal", "normal", "high", "critical"];
        assert_eq!(names, expected.map(Some));
        assert_eq!(Priority::of_number(101), None);
        assert_eq!(Priority::ALL.map(|level| Priority::of_number(level.number())), Priority::ALL.map(Some));
    }
}
