//! Durations in nanoseconds (Go's `time.Duration`).

use std::fmt::Write as _;

use gabion_template::Error;

pub(super) const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1000),
    ("µs", 1000),
    ("μs", 1000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", MINUTE),
    ("h", HOUR),
];

fn quoted(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b' '..=b'\x7f' => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

/// `time.quote`, for errors about layouts, too.
pub(super) fn quote(text: &[u8]) -> String {
    quoted(text)
}

/// `time.ParseDuration`.
pub(super) fn parse(text: &[u8]) -> Result<i64, Error> {
    let wrong = |what: &str| Error(format!("time: {what} {}", quoted(text)));
    let invalid = || wrong("invalid duration");
    let (negative, mut rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let largest = 1_u64 << 63;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (whole, behind) = digits(rest);
        let (fraction, behind) = match behind {
            [b'.', behind @ ..] => digits(behind),
            behind => (&[][..], behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end =
            behind.iter().position(|byte| *byte == b'.' || byte.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        if unit.is_empty() {
            return Err(wrong("missing unit in duration"));
        }
        let Some((_, unit)) = UNITS.iter().find(|(name, _)| name.as_bytes() == unit) else {
            return Err(wrong(&format!("unknown unit {} in duration", quoted(unit))));
        };
        let unit = unit.unsigned_abs();
        let value = number(whole).filter(|value| *value <= largest / unit).ok_or_else(invalid)? * unit;
        total = [value, part(fraction, unit)]
            .into_iter()
            .try_fold(total, |sum, more| sum.checked_add(more).filter(|sum| *sum <= largest))
            .ok_or_else(invalid)?;
        rest = behind;
    }
    if negative {
        return Ok((total as i64).wrapping_neg());
    }
    i64::try_from(total).map_err(|_| invalid())
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}

/// A number of up to 63 bits (`time.leadingInt`).
fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |sum, digit| {
        let sum = sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        (sum <= 1 << 63).then_some(sum)
    })
}

/// A fraction of a unit, counted in floats as Go does.
fn part(digits: &[u8], unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in digits {
        if value > i64::MAX as u64 / 10 {
            break;
        }
        let next = value * 10 + u64::from(digit - b'0');
        if next > 1 << 63 {
            break;
        }
        value = next;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

/// `Duration.String`: `72h3m0.5s`, `1.5ms`, `0s`.
pub(super) fn show(duration: i64) -> String {
    let size = duration.unsigned_abs();
    let sign = if duration < 0 { "-" } else { "" };
    let second = SECOND.unsigned_abs();
    if size == 0 {
        return "0s".to_owned();
    }
    if size < second {
        let (unit, name) = match size {
            ..1000 => (1, "ns"),
            1000..1_000_000 => (1000, "µs"),
            _ => (1_000_000, "ms"),
        };
        return format!("{sign}{}{name}", decimal(size / unit, size % unit, unit));
    }
    let seconds = size / second;
    let hours = if seconds >= 3600 { format!("{}h", seconds / 3600) } else { String::new() };
    let minutes = if seconds >= 60 { format!("{}m", seconds / 60 % 60) } else { String::new() };
    format!("{sign}{hours}{minutes}{}s", decimal(seconds % 60, size % second, second))
}

/// A number with the fraction `rest / unit`, without zeros at its end.
fn decimal(whole: u64, rest: u64, unit: u64) -> String {
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// `Duration.Round`: a half goes away from zero, what does not fit stays at the end.
pub(super) fn round(duration: i64, to: i64) -> i64 {
    let rest = duration % to;
    let half = rest.unsigned_abs() * 2 >= to.unsigned_abs();
    let whole = duration - rest;
    match (half, duration < 0) {
        (false, _) => whole,
        (true, true) => whole.saturating_sub(to),
        (true, false) => whole.saturating_add(to),
    }
}

/// sprig's `durationRound`.
pub(super) fn coarse(duration: i64) -> String {
    let size = duration.unsigned_abs();
    let day = 24 * HOUR;
    let units = [(365 * day, "y"), (30 * day, "mo"), (day, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")];
    let found = units.iter().find(|(unit, _)| size > unit.unsigned_abs());
    found.map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", size / unit.unsigned_abs()))
}
