//! Moments as texts write them, without a clock: whoever needs the present time is given it.

use std::fmt;
use std::str::FromStr;

/// A whole second of UTC up to the year 9999, written `2026-11-25T22:00:00Z` (RFC 3339) and in no
/// other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Time(u64);

/// A text is not a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is written `2026-11-25T22:00:00Z`")]
pub struct ParseTimeError;

const DAY: u64 = 86_400;
/// The first second of the year 10000.
const END: u64 = 253_402_300_800;

impl Time {
    /// Seconds since 1970; `None` behind the year 9999.
    pub fn from_unix(seconds: u64) -> Option<Self> {
        (seconds < END).then_some(Self(seconds))
    }

    /// Seconds since 1970.
    pub fn unix(self) -> u64 {
        self.0
    }

    /// `20261125220000Z`, as `allowed_signers` of OpenSSH writes it (ssh-keygen(1), "valid-after").
    pub(crate) fn compact(self) -> String {
        self.to_string().replace(['-', ':', 'T'], "")
    }
}

/// Days of the years before `year` in the proleptic Gregorian calendar, from year 1.
fn days_before(year: u64) -> u64 {
    let past = year - 1;
    past * 365 + past / 4 - past / 100 + past / 400
}

fn month_lengths(year: u64) -> [u64; 12] {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    [31, 28 + u64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0 / DAY + days_before(1970);
        // No year is longer than 366 days, so this starts at or before the right one.
        let mut year = days / 366 + 1;
        while days_before(year + 1) <= days {
            year += 1;
        }
        let (mut day, mut month) = (days - days_before(year), 1);
        for length in month_lengths(year) {
            if day < length {
                break;
            }
            day -= length;
            month += 1;
        }
        let second = self.0 % DAY;
        let (hour, minute) = (second / 3600, second / 60 % 60);
        write!(f, "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{:02}Z", day + 1, second % 60)
    }
}

impl FromStr for Time {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        let number = |from: usize, to: usize| -> Result<u64, ParseTimeError> {
            text.get(from..to).and_then(|it| it.parse().ok()).ok_or(ParseTimeError)
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        if year < 1970 || !(1..=12).contains(&month) || day == 0 {
            return Err(ParseTimeError);
        }
        let months: u64 = month_lengths(year).iter().take(month as usize - 1).sum();
        let days = days_before(year) - days_before(1970) + months + day - 1;
        let second = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
        let time = Self::from_unix(days * DAY + second).ok_or(ParseTimeError)?;
        // Whatever was carried over, signed or separated in another way does not come back the same.
        if time.to_string() == text { Ok(time) } else { Err(ParseTimeError) }
    }
}

impl TryFrom<String> for Time {
    type Error = ParseTimeError;

    fn try_from(text: String) -> Result<Self, ParseTimeError> {
        text.parse()
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_texts_are_the_same_moments() {
        // The seconds are those that GNU date gives.
        let check = |seconds, text: &str| {
            assert_eq!(Time(seconds).to_string(), text);
            assert_eq!(text.parse(), Ok(Time(seconds)));
        };
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_399, "2000-02-28T23:59:59Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(1_795_644_000, "2026-11-25T22:00:00Z");
        check(4_107_542_399, "2100-02-28T23:59:59Z");
        check(4_107_542_400, "2100-03-01T00:00:00Z");
        check(END - 1, "9999-12-31T23:59:59Z");
        assert_eq!(Time::from_unix(END), None);
    }

    #[test]
    fn a_moment_has_one_text() {
        for text in [
            "2026-11-25",
            "2026-11-25 22:00:00Z",
            "2026-11-25T22:00:00",
            "2026-11-25T22:00:00+00:00",
            "2026-11-25T22:00:60Z",
            "2026-11-25T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-1-25T22:00:00Z",
            "+026-11-25T22:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-2éT22:00:00Z",
            "",
        ] {
            assert_eq!(text.parse::<Time>(), Err(ParseTimeError), "{text}");
        }
    }
}
