//! A moment in UTC as locks spell it. There is no clock here: a moment comes from an upstream or from a text.

use crate::ValueError;
use std::fmt;
use std::str::FromStr;

/// A moment to the second, between the years 0001 and 9999, printed as `2026-11-16T00:00:00Z` (RFC 3339).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

const DAYS: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

fn leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u16, month: u8) -> u8 {
    let usual = DAYS.get(usize::from(month).wrapping_sub(1)).copied().unwrap_or(0);
    usual + u8::from(month == 2 && leap(year))
}

/// Days from 1 January of year 1 to 1 January of `year`, in the proleptic Gregorian calendar.
fn days_before(year: u16) -> i64 {
    let years = i64::from(year) - 1;
    years * 365 + years / 4 - years / 100 + years / 400
}

/// Days from year 1 to 1 January 1970.
const UNIX_EPOCH: i64 = 719_162;

impl UtcTime {
    /// The moment `seconds` after 1 January 1970; `None` outside the years 0001 to 9999.
    pub fn from_unix(seconds: i64) -> Option<Self> {
        let (days, rest) = (seconds.div_euclid(86_400) + UNIX_EPOCH, seconds.rem_euclid(86_400));
        // A year has at least 365 days, so this guess is never too early and at most 7 years too late.
        let mut year =
            u16::try_from(days.div_euclid(365) + 1).ok().filter(|year| (1..=10_006).contains(year))?;
        while days_before(year) > days {
            year -= 1;
        }
        let (mut month, mut left) = (1, days - days_before(year));
        while left >= i64::from(days_in(year, month)) {
            left -= i64::from(days_in(year, month));
            month += 1;
        }
        let small = |number: i64| u8::try_from(number).ok();
        let (hour, minute, second) = (small(rest / 3600)?, small(rest / 60 % 60)?, small(rest % 60)?);
        (1..=9999).contains(&year).then_some(Self {
            year,
            month,
            day: small(left + 1)?,
            hour,
            minute,
            second,
        })
    }

    /// Seconds since 1 January 1970.
    pub fn unix(self) -> i64 {
        let months: i64 = (1..self.month).map(|month| i64::from(days_in(self.year, month))).sum();
        let days = days_before(self.year) - UNIX_EPOCH + months + i64::from(self.day) - 1;
        let [hour, minute, second] = [self.hour, self.minute, self.second].map(i64::from);
        days * 86_400 + hour * 3600 + minute * 60 + second
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl FromStr for UtcTime {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        read(text).ok_or_else(|| ValueError::malformed("a moment", "`2026-11-16T00:00:00Z`, in UTC", text))
    }
}

fn read(text: &str) -> Option<UtcTime> {
    let bytes = text.as_bytes();
    let shape = b"0000-00-00T00:00:00Z";
    let same_shape =
        |(&byte, &want): (&u8, &u8)| if want == b'0' { byte.is_ascii_digit() } else { byte == want };
    if bytes.len() != shape.len() || !bytes.iter().zip(shape).all(same_shape) {
        return None;
    }
    let small = |at: usize| text.get(at..at + 2)?.parse::<u8>().ok();
    let year = text.get(..4)?.parse().ok()?;
    let time = UtcTime {
        year,
        month: small(5)?,
        day: small(8)?,
        hour: small(11)?,
        minute: small(14)?,
        second: small(17)?,
    };
    let UtcTime { month, day, hour, minute, second, .. } = time;
    let fits = year > 0 && day > 0 && day <= days_in(year, month) && hour < 24 && minute < 60 && second < 60;
    fits.then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_agree_with_date_u() {
        // `date -u -d @SECONDS +%FT%TZ`
        let table = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_794_787_200, "2026-11-16T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (-62_135_596_800, "0001-01-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (unix, text) in table {
            assert_eq!(UtcTime::from_unix(unix).map(|it| it.to_string()).as_deref(), Some(text));
            assert_eq!(text.parse::<UtcTime>().map(UtcTime::unix), Ok(unix));
        }
        assert_eq!([UtcTime::from_unix(253_402_300_800), UtcTime::from_unix(i64::MIN / 2)], [None, None]);
        assert_eq!(UtcTime::from_unix(-62_135_596_801), None);
    }

    #[test]
    fn impossible_moments_are_refused() {
        let table = [
            "",
            "2026-11-16",
            "2026-11-16T00:00:00+00:00",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01t00:00:00z",
            "0000-01-01T00:00:00Z",
            "2026-01-01T00:00:6 Z",
            "2026-01-01T00:00:60Z",
            "２026-01-01T00:00Z",
        ];
        for text in table {
            assert!(text.parse::<UtcTime>().is_err(), "accepted `{text}`");
        }
    }
}
