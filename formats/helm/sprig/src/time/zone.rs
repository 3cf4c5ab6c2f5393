//! Zones: UTC, its other names, and distances from it. None with a history: its table would be one more input.

/// A distance from UTC, and how it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    /// The abbreviation; empty if it has none.
    pub(super) name: String,
    /// Seconds east of UTC.
    pub(super) offset: i64,
}

impl Zone {
    pub(crate) fn utc() -> Self {
        Self::fixed("UTC", 0)
    }

    pub(super) fn fixed(name: &str, offset: i64) -> Self {
        Self { name: name.to_owned(), offset }
    }

    /// The zone of this name (`time.LoadLocation`); UTC of a name that is not known, as in sprig.
    pub(super) fn named(name: &[u8]) -> Self {
        let name = std::str::from_utf8(name).unwrap_or_default();
        match name.strip_prefix("Etc/").unwrap_or(name) {
            "GMT" | "GMT0" | "GMT+0" | "GMT-0" | "Greenwich" => return Self::fixed("GMT", 0),
            _ => {}
        }
        match name {
            "EST" => return Self::fixed("EST", -5 * 3600),
            "MST" => return Self::fixed("MST", -7 * 3600),
            "HST" => return Self::fixed("HST", -10 * 3600),
            _ => {}
        }
        let hours = name.strip_prefix("Etc/GMT").and_then(|hours| {
            let plain = hours.get(1..)?.starts_with(|it: char| ('1'..='9').contains(&it));
            hours.parse::<i64>().ok().filter(|hours| plain && (-14..=12).contains(hours))
        });
        // POSIX counts to the west.
        hours.map_or_else(Self::utc, |west| Self::fixed(&format!("{:+03}", -west), -west * 3600))
    }
}
